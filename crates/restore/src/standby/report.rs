//! What a sync came to, and how far a standby pool is behind.

use jiff::Timestamp;
use model::{BackupName, RestoreId, UserPoolId};
use serde::Serialize;

use super::Standby;
use crate::undo::{Left, PeopleDone, Plan};

/// What the users of the new backup were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// With the backup that the pool equalled.
    Changes,
    /// With all users of the pool.
    All,
}

/// What a sync came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SyncReport {
    /// The sync.
    pub sync_id: RestoreId,
    /// The pool that is followed.
    pub source: UserPoolId,
    /// The standby pool.
    pub user_pool_id: UserPoolId,
    /// The backup that it equals now, but for what is left.
    pub backup: BackupName,
    /// When the reading of that backup began.
    pub as_of: Timestamp,
    /// What the users were compared with.
    pub compared: Compared,
    /// How many things besides users were brought about.
    pub settings: u64,
    /// How many users were dealt with.
    pub people: PeopleDone,
    /// Of these, users gone from the source who were disabled.
    pub disabled: u64,
    /// Users gone from the source who were removed.
    pub removed: u64,
    /// What could not be brought about, the first thousand.
    pub left: Vec<Left>,
    /// How many these are.
    pub left_total: u64,
}

impl SyncReport {
    /// The name of the report below the sync's folder.
    pub const OBJECT: &'static str = "sync-report.json";
}

/// How far a standby pool is behind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// What is remembered.
    #[serde(flatten)]
    pub standby: Standby,
    /// Against the backup: what a sync would do now.
    pub plan: Plan,
}
