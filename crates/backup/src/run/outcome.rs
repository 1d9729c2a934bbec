//! How far a run came, and how the Lambda function answers that.

use model::UserPoolId;
use model::backup_row::BackupRow;
use model::document::SectionStatus;
use model::request::BackedUpPool;
use serde_json::{Value, json};

use crate::cursor::BackupCursor;

/// How far a run came.
#[derive(Debug, Clone, PartialEq)]
pub enum RunOutcome {
    /// All pools are backed up.
    Done(Vec<BackedUpPool>),
    /// Time is up; another invocation goes on.
    InProgress(Box<BackupCursor>),
    /// Another run is at work, and takes these pools.
    LeftTo {
        /// Which one.
        run: String,
        /// What was asked for.
        pools: Vec<UserPoolId>,
    },
}

impl RunOutcome {
    /// The pools for the answer of the first invocation: those that are backed up, and the one
    /// that goes on.
    pub fn backups(&self) -> Vec<BackedUpPool> {
        match self {
            RunOutcome::Done(backed_up) => backed_up.clone(),
            RunOutcome::InProgress(cursor) => {
                let mut backups = cursor.backed_up.clone();
                backups.extend(cursor.put_down().map(|current| BackedUpPool {
                    user_pool_id: current.key.pool().clone(),
                    s3_key: current.key.clone(),
                    user_count: current.users(),
                    failed_sections: Vec::new(),
                    continues: true,
                    users_listing: None,
                }));
                backups
            }
            RunOutcome::LeftTo { .. } => Vec::new(),
        }
    }

    /// Why there was nothing to do, if so.
    pub fn nothing(&self) -> Option<String> {
        match self {
            RunOutcome::LeftTo { run, pools } => {
                let pools: Vec<&str> = pools.iter().map(UserPoolId::as_str).collect();
                let pools = pools.join(", ");
                Some(format!("the run {run} is at work, and takes {pools}"))
            }
            RunOutcome::Done(_) | RunOutcome::InProgress(_) => None,
        }
    }

    /// The answer to the continuation: `{"status": "DONE", "backups": [...]}` or
    /// `{"status": "IN_PROGRESS", "continue": {...}}`.
    pub fn to_continuation(&self) -> Value {
        match self {
            RunOutcome::Done(backups) => json!({"status": "DONE", "backups": backups}),
            RunOutcome::InProgress(cursor) => json!({"status": "IN_PROGRESS", "continue": cursor}),
            RunOutcome::LeftTo { .. } => json!({"status": "DONE", "backups": []}),
        }
    }
}

/// What the answer says of a pool that is backed up.
pub(super) fn backed_up(row: &BackupRow) -> BackedUpPool {
    BackedUpPool {
        user_pool_id: row.key.pool().clone(),
        s3_key: row.key.clone(),
        user_count: row.trailer.users,
        failed_sections: row
            .sections
            .iter()
            .filter(|(_, status)| matches!(status, SectionStatus::Failed { .. }))
            .map(|(section, _)| section.member().to_owned())
            .collect(),
        continues: false,
        users_listing: row.users_listing,
    }
}
