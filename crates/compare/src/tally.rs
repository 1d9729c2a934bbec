//! Differences, counted.

use std::collections::BTreeMap;

use model::inventory::Section;
use model::restore::{Difference, Verification};
use serde::{Deserialize, Serialize};

use crate::announced::Announcements;
use crate::documents::Change;

/// Differences, counted, with the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// How many things were compared.
    pub compared: u64,
    /// How many differences were announced.
    pub announced: u64,
    /// How many were not.
    pub unannounced: u64,
    /// Announced and unannounced differences by section.
    pub sections: BTreeMap<String, (u64, u64)>,
    /// The first differences.
    pub differences: Vec<Difference>,
}

impl Tally {
    /// Counts a difference at `path`; the announcement that covers it, if any, explains it.
    pub fn add(&mut self, path: &str, change: Change, announcements: &Announcements) {
        self.add_explained(path, change, announcements.covering(path));
    }

    /// Counts a difference with its explanation, if there is one.
    pub fn add_explained(&mut self, path: &str, change: Change, announced_by: Option<String>) {
        self.count(path, announced_by.is_some(), 1);
        let room = |tally: &Self, explained: bool| {
            let alike = tally
                .differences
                .iter()
                .filter(|known| known.announced_by.is_some() == explained);
            alike.count() < Verification::DIFFERENCES_IN_REPORT
        };
        if room(self, announced_by.is_some()) {
            self.differences.push(Difference {
                path: path.to_owned(),
                change: change.word().to_owned(),
                announced_by,
            });
        }
    }

    /// Counts differences that nothing more is known of.
    pub fn count(&mut self, path: &str, announced: bool, number: u64) {
        let section = path.split('/').next().unwrap_or_default().to_owned();
        let counts = self.sections.entry(section).or_default();
        if announced {
            self.announced += number;
            counts.0 += number;
        } else {
            self.unannounced += number;
            counts.1 += number;
        }
    }

    /// Announced and unannounced differences of some sections.
    pub fn of(&self, sections: &[Section]) -> (u64, u64) {
        let counts = sections
            .iter()
            .filter_map(|section| self.sections.get(section.member()));
        counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
    }
}
