//! What a restore remembers from one invocation to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::FindingCounts;
use super::notification::duration_in_words;
use super::outcome::{Outcome, Step, StepRecord};
use super::users::UsersProgress;
use super::verification::Verification;
use crate::backup_name::BackupName;
use crate::identifiers::{AppClientId, UserPoolId};
use crate::request::{EndedBy, PassedOver, RestoreOptions};
use crate::restore_id::RestoreId;

/// The object `cognito-restore/{restore-id}/state.json` in the DR bucket.
///
/// An invocation may die after any call. What is written here was done; what was done may not be
/// written here yet, so a step that is not recorded looks before it creates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoreState {
    /// The restore.
    pub restore_id: RestoreId,
    /// The invocation that goes on with it, by a random number: two that live at once write
    /// different states, and one of them finds out.
    #[serde(default)]
    pub invocation: String,
    /// Who drives it: the execution of the state machine, or the process of a command.
    #[serde(default)]
    pub driver: Option<String>,
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    /// The backup. The name of the member is older than backups in files.
    pub s3_key: BackupName,
    /// Its version in a bucket; of a file, its checksum.
    #[serde(default)]
    pub version_id: Option<String>,
    /// What is known of the backup.
    #[serde(default)]
    pub backup: Option<ChosenBackup>,
    /// How it is to be done.
    pub options: RestoreOptions,
    /// When the first invocation began.
    pub began: Timestamp,
    /// The pool that is restored into, as soon as it is there.
    #[serde(default)]
    pub new_user_pool_id: Option<UserPoolId>,
    /// Old to new client ids, for the clients that were made.
    #[serde(default)]
    pub app_clients: BTreeMap<AppClientId, AppClientId>,
    /// The finished steps, in order.
    #[serde(default)]
    pub steps: Vec<StepRecord>,
    /// How far the users are.
    #[serde(default)]
    pub users: UsersProgress,
    /// What the comparison with the backup gave, when it is done.
    #[serde(default)]
    pub verification: Option<Verification>,
    /// When the plan was through.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// When its end was reported. Another driver that comes after that resumes it.
    #[serde(default)]
    pub reported: Option<Timestamp>,
    /// When it was resumed last.
    #[serde(default)]
    pub resumed: Option<Timestamp>,
    /// When an invocation last took it over: who lets much time go by has died.
    #[serde(default)]
    pub claimed: Option<Timestamp>,
    /// When the scratch pool of a rehearsal was removed.
    #[serde(default)]
    pub removed: Option<Timestamp>,
}

/// The backup of a restore: how old it is, and what it was taken instead of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenBackup {
    /// When its reading began.
    pub began: Timestamp,
    /// When its reading ended. What was changed in between may or may not be in it.
    pub ended: Timestamp,
    /// What tells when it ended.
    pub ended_by: EndedBy,
    /// How old it was when the restore began, in seconds since its reading ended.
    pub age_seconds: u64,
    /// Newer backups that were not taken, and why; the newest ten at most.
    pub passed_over: Vec<PassedOver>,
    /// Sections that a newer version wrote: they are in the backup, and this version of the
    /// restore does not know them.
    pub unknown_sections: Vec<String>,
}

impl ChosenBackup {
    /// Both times, and how old the backup is, for people.
    pub fn in_words(&self) -> String {
        let time = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let ended = match self.ended_by {
            EndedBy::Trailer => time(self.ended),
            EndedBy::Object => format!("{} at the latest", time(self.ended)),
        };
        format!(
            "read from {} to {ended} UTC, {} before the restore began",
            time(self.began),
            duration_in_words(self.age_seconds)
        )
    }
}

impl RestoreState {
    /// The name of the object below the restore's folder.
    pub const OBJECT: &'static str = "state.json";

    /// A restore that begins: nothing is done yet.
    pub fn new(
        restore_id: RestoreId,
        user_pool_id: UserPoolId,
        s3_key: BackupName,
        options: RestoreOptions,
        began: Timestamp,
    ) -> Self {
        Self {
            restore_id,
            invocation: String::new(),
            driver: None,
            user_pool_id,
            s3_key,
            version_id: None,
            backup: None,
            options,
            began,
            new_user_pool_id: None,
            app_clients: BTreeMap::new(),
            steps: Vec::new(),
            users: UsersProgress::default(),
            verification: None,
            ended: None,
            reported: None,
            resumed: None,
            claimed: None,
            removed: None,
        }
    }

    /// Reads the object.
    ///
    /// # Errors
    /// The place of what cannot be read: the parser's own text may quote the state.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes)
            .map_err(|error| format!("line {}, column {}", error.line(), error.column()))
    }

    /// The record of a step, if it is finished.
    pub fn record(&self, step: Step) -> Option<&StepRecord> {
        self.steps.iter().find(|record| record.step == step)
    }

    /// How many findings there are of each kind, about items and about users.
    pub fn finding_counts(&self) -> FindingCounts {
        let of_items = self.steps.iter().flat_map(|record| &record.findings);
        let mut counts = FindingCounts::of(of_items);
        counts.add(self.users.finding_counts);
        counts
    }

    /// Keeps the record of a step that is finished, in the order of the steps.
    pub fn keep(&mut self, record: StepRecord) {
        self.steps.retain(|other| other.step != record.step);
        let place = self.steps.partition_point(|other| other.step < record.step);
        self.steps.insert(place, record);
    }

    /// How many items a step brought back; 0 when it did not run or failed.
    pub fn restored(&self, step: Step) -> u64 {
        match self.record(step).map(|record| &record.outcome) {
            Some(Outcome::Restored { count }) => *count,
            _ => 0,
        }
    }
}
