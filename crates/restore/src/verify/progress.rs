//! What a comparison remembers between invocations.

use std::collections::BTreeMap;

use model::inventory::Section;
use model::restore::{Difference, Verification};
use serde::{Deserialize, Serialize};

use super::announced::Announcements;
use super::compare::Change;
use super::excused::ExcusedSets;

/// What is done next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Everything but users and memberships.
    #[default]
    Settings,
    /// Reading the backup's users into the index.
    IndexUsers,
    /// Listing the pool's users.
    Users,
    /// Reading the backup's memberships into the index.
    IndexMemberships,
    /// Listing the members of the pool's groups.
    Memberships,
    /// What is left in the indexes is missing in the pool.
    Conclude,
}

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

/// How far a comparison is: `cognito-restore/{restore-id}/verify/progress.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What is done next.
    pub stage: Stage,
    /// Whether users and memberships were looked at a second time: a list of Cognito may be
    /// some seconds behind (facts D).
    pub second_look: bool,
    /// Where in the backup the next user's line begins.
    pub offset: Option<u64>,
    /// The page of the list that comes next.
    pub token: Option<String>,
    /// The group whose members are listed, by its place among the backup's groups.
    pub group: usize,
    /// How often it was saved: by turns, tables lie in two places.
    pub saves: u64,
    /// Whether indexes lie beside this.
    pub indexes_kept: bool,
    /// Differences of settings.
    pub settings: Tally,
    /// Differences of users.
    pub users: Tally,
    /// Differences of memberships.
    pub memberships: Tally,
    /// Users read from the backup.
    pub users_read: u64,
    /// Memberships read from the backup.
    pub memberships_read: u64,
    /// Users of the backup that are to be in the pool.
    pub users_expected: u64,
    /// Federated profiles in the backup.
    pub federated: u64,
    /// Users in the pool.
    pub users_in_pool: u64,
    /// Memberships in the pool's groups.
    pub memberships_in_pool: u64,
    /// Sections that the backup does not hold.
    pub not_in_backup: Vec<Section>,
    /// The sets of members in which single users may differ.
    pub excused: ExcusedSets,
    /// How many users that differ in what nobody announced are kept to be named.
    pub mismatches: u64,
    /// How many users that differ only in what was announced are kept to be named.
    pub announced_mismatches: u64,
    /// Figures of the settings for the checklists.
    pub figures: BTreeMap<String, String>,
}

impl Progress {
    /// The name of the object below the restore's folder.
    pub const OBJECT: &'static str = "verify/progress.json";

    /// Starts users and memberships again.
    pub fn look_again(&mut self) {
        self.second_look = true;
        self.restart_users();
    }

    /// Starts the list of users again: its page token has expired (after an hour, facts D).
    pub fn restart_users(&mut self) {
        self.stage = Stage::Users;
        self.token = None;
        self.group = 0;
        self.users = Tally::default();
        self.memberships = Tally::default();
        self.mismatches = 0;
        self.announced_mismatches = 0;
        self.users_in_pool = 0;
        self.memberships_in_pool = 0;
    }

    /// The result, without the rows of the checklists.
    pub fn verification(&self) -> Verification {
        let tallies = [&self.settings, &self.users, &self.memberships];
        let mut differences: Vec<Difference> = tallies
            .iter()
            .flat_map(|tally| tally.differences.clone())
            .collect();
        differences.sort_by_key(|difference| difference.announced_by.is_some());
        differences.truncate(Verification::DIFFERENCES_IN_REPORT);
        Verification {
            users_compared: self.users.compared,
            settings_compared: self.settings.compared,
            announced: tallies.iter().map(|tally| tally.announced).sum(),
            unannounced: tallies.iter().map(|tally| tally.unannounced).sum(),
            differences,
            rows: Vec::new(),
            ..Verification::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unannounced_differences_stand_before_announced_ones_however_many() {
        let mut progress = Progress::default();
        for number in 0..500 {
            progress.settings.add_explained(
                &format!("tags/{number}"),
                Change::Missing,
                Some("known".into()),
            );
        }
        progress
            .users
            .add_explained("users/1-2", Change::Missing, None);
        let verification = progress.verification();
        assert_eq!((verification.announced, verification.unannounced), (500, 1));
        assert_eq!(
            verification.differences.len(),
            Verification::DIFFERENCES_IN_REPORT
        );
        assert_eq!(verification.differences[0].path, "users/1-2");
        assert_eq!(progress.settings.of(&[Section::Tags]), (500, 0));
    }
}
