//! What an undo came to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::restore::{ManualStep, ReportStatus};
use model::{BackupName, RestoreId, UserPoolId};
use serde::{Deserialize, Serialize};

use super::carry_out::Work;
use super::remembered::UndoProgress;

/// Something that was to be put back and is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Left {
    /// Which thing: a section's member, `user {sub}`.
    pub item: String,
    /// Which member of it; empty for the whole.
    pub member: String,
    /// Why.
    pub why: String,
}

/// How many users and memberships were dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeopleDone {
    /// Users who were there, and whose calls were made.
    pub users: u64,
    /// Users who were made again.
    pub made_again: u64,
    /// Users who were to be made again and were not.
    pub not_made_again: u64,
    /// Users who were deleted and are forgotten: they were left out on purpose.
    pub forgotten: u64,
}

/// What an undo came to, after the pool was read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndoReport {
    /// The undo.
    pub undo_id: RestoreId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The backup that it was brought back to.
    pub point: BackupName,
    /// The backup of the pool as it was before the undo.
    pub before: String,
    /// When the pool was compared again.
    pub ended: Timestamp,
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

    pub(super) fn new(
        id: &RestoreId,
        work: &Work,
        progress: &UndoProgress,
        before: &str,
        mut left: Vec<Left>,
    ) -> Self {
        let plan = &work.plan;
        let items: BTreeSet<&str> = left.iter().map(|left| left.item.as_str()).collect();
        let done = plan.actions.iter().filter(|action| {
            action.what.is_carried_out() && !items.contains(action.item().as_str())
        });
        let (reverted, not_reverted_total) = (done.count() as u64, left.len() as u64);
        left.truncate(Self::NAMED);
        Self {
            undo_id: id.clone(),
            user_pool_id: plan.user_pool_id.clone(),
            point: plan.point.clone(),
            before: before.to_owned(),
            ended: Timestamp::now(),
            reverted,
            not_reverted: left,
            not_reverted_total,
            people: PeopleDone {
                users: work.people.work.len() as u64,
                made_again: progress.made_again,
                not_made_again: work.people.deleted.len() as u64 - progress.made_again,
                forgotten: plan.users.forgotten,
            },
            app_clients: progress.app_clients.clone(),
            user_map: progress.user_map.clone(),
            manual_steps: progress.manual_steps.clone(),
        }
    }

    /// How it ended: with losses where something has a new id or is left to do by hand.
    pub fn status(&self) -> ReportStatus {
        let made_again = self.people.made_again + self.people.not_made_again;
        if !self.is_whole() {
            ReportStatus::Failed
        } else if made_again > 0 || !self.app_clients.is_empty() || !self.manual_steps.is_empty() {
            ReportStatus::SuccessWithLosses
        } else {
            ReportStatus::Success
        }
    }

    /// Whether everything that was to be put back is.
    pub fn is_whole(&self) -> bool {
        self.not_reverted_total == 0
    }
}
