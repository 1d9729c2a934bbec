//! What a comparison remembers between invocations.

use std::collections::BTreeMap;

use compare::excused::ExcusedSets;
use compare::tally::Tally;
use model::checklist::ChecklistAnswer;
use model::inventory::Section;
use model::restore::{Difference, Verification};
use serde::{Deserialize, Serialize};

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
    pub figures: BTreeMap<String, Figure>,
}

/// What was measured for a row of the checklists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it answers, unless the sections of the row differ.
    pub answer: ChecklistAnswer,
    /// False where it makes its rows fail, whatever the sections say.
    pub holds: bool,
    /// In numbers.
    pub text: String,
}

impl Figure {
    /// One that fails nothing.
    pub fn new(answer: ChecklistAnswer, text: impl Into<String>) -> Self {
        Self {
            answer,
            holds: true,
            text: text.into(),
        }
    }

    /// One that makes its rows fail.
    pub fn failing(text: impl Into<String>) -> Self {
        Self {
            holds: false,
            ..Self::new(ChecklistAnswer::No, text)
        }
    }
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
    use compare::documents::Change;

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
