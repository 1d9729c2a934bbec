//! What an undo came to.

use std::collections::BTreeMap;

use model::restore::ManualStep;
use model::{RestoreId, UserPoolId};
use serde::Serialize;

/// Something that was to be put back and is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Left {
    /// Which thing: a section's member, `user {sub}`.
    pub item: String,
    /// Which member of it; empty for the whole.
    pub member: String,
    /// Why.
    pub why: String,
}

/// How many users and memberships were dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PeopleDone {
    /// Users who were there, and whose calls were made.
    pub users: u64,
    /// Users who were made again.
    pub made_again: u64,
    /// Users who were to be made again and were not.
    pub not_made_again: u64,
}

/// What an undo came to, after the pool was read again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UndoReport {
    /// The undo.
    pub undo_id: RestoreId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The backup of the pool as it was before the undo.
    pub before: String,
    /// How many things besides users are as they were.
    pub reverted: u64,
    /// What is not as it was although it was to be, the first thousand.
    pub not_reverted: Vec<Left>,
    /// How many these are.
    pub not_reverted_total: u64,
    /// Users and memberships.
    pub people: PeopleDone,
    /// The ids that clients had, and those of the clients that stand in their place.
    pub app_clients: BTreeMap<String, String>,
    /// Where the usernames and `sub`s of users who were made again stand, old and new.
    pub user_map: Option<String>,
    /// What is left to do by hand.
    pub manual_steps: Vec<ManualStep>,
}

impl UndoReport {
    /// The name of the report below the undo's folder.
    pub const OBJECT: &'static str = "undo-report.json";
    /// How many are named of what is not as it was.
    pub const NAMED: usize = 1000;

    /// Whether everything that was to be put back is.
    pub fn is_whole(&self) -> bool {
        self.not_reverted_total == 0
    }
}
