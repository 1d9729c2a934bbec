//! What a backup, a restore or a comparison is at, for whoever watches it.
//!
//! Events hold ids, names of steps, counts and times: no secret, and nothing personal.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::change::Change;
use crate::identifiers::UserPoolId;
use crate::restore::{FindingCounts, Outcome, Step};

/// Hears what is going on.
pub trait Observer: Send + Sync {
    /// Something happened. Called from the midst of the work, for users and memberships up to
    /// some hundred times a second: whoever shows it does so as often as it likes, and returns at
    /// once.
    fn event(&self, event: Event);
}

/// Nobody watches.
impl Observer for () {
    fn event(&self, _: Event) {}
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn event(&self, event: Event) {
        (**self).event(event);
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Work on something began, or goes on after an interruption.
    Began {
        /// On what.
        activity: Activity,
    },
    /// It ended, for good or until it is gone on with. What ends without success after all tries
    /// is an error, and no event.
    Ended {
        /// What.
        activity: Activity,
        /// How.
        ending: Ending,
        /// What there is to tell about its items; about users, while it lasts.
        findings: FindingCounts,
        /// How many things it leaves to the operator.
        manual_steps: u64,
    },
    /// The backup of a pool is complete.
    BackedUp {
        /// The pool.
        user_pool_id: UserPoolId,
        /// How many users it holds.
        users: u64,
        /// Its size.
        bytes: u64,
        /// From the first read to the complete object, in milliseconds.
        milliseconds: u64,
        /// How many sections could not be read.
        failed_sections: u64,
        /// What changed since the backup before, where that was looked at.
        change: Option<Change>,
    },
    /// The backup of a pool is complete, and the table did not take its row.
    NotRecorded {
        /// The pool.
        user_pool_id: UserPoolId,
    },
    /// How far the activity is that began last.
    Progress {
        /// What is counted.
        of_what: Counted,
        /// How many are dealt with, those of earlier invocations included.
        done: u64,
        /// How many there are, where that is known; of a live pool an estimate.
        total: Option<u64>,
    },
    /// A user import job.
    ImportJob {
        /// How it goes.
        job: ImportJob,
    },
    /// Nothing goes on for a while.
    Waiting {
        /// Why.
        reason: WaitReason,
        /// Until when, where that is known.
        until: Option<Timestamp>,
    },
}

/// What is worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "activity", rename_all = "snake_case")]
pub enum Activity {
    /// The backup of a pool.
    Backup {
        /// The pool.
        user_pool_id: UserPoolId,
    },
    /// A step of a restore.
    Step {
        /// Which one.
        step: Step,
    },
    /// The comparison of a pool with the backup.
    Verification,
    /// The removal of the scratch pool of a rehearsal.
    Removal,
    /// The report and the hand-over page.
    Report,
}

/// How an activity ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum Ending {
    /// It is done.
    Done,
    /// There was nothing to do, or it was left out.
    LeftOut,
    /// None of it was done, and the rest goes on without.
    Failed,
    /// It goes on later: a stop was requested, or it waits.
    Interrupted,
}

impl From<&Outcome> for Ending {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Restored { .. } => Ending::Done,
            Outcome::NothingToDo | Outcome::Skipped { .. } => Ending::LeftOut,
            Outcome::Failed { .. } => Ending::Failed,
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Users of the backup, or of the pool that is backed up.
    Users,
    /// Users of the pool that is compared.
    UsersCompared,
    /// Memberships.
    Memberships,
}

/// How a user import job goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ImportJob {
    /// It has its file.
    Created {
        /// How many users the file holds.
        rows: u64,
    },
    /// It was found running.
    Running {
        /// How many users the file holds.
        rows: u64,
    },
    /// It ended.
    Ended {
        /// How many users it made.
        imported: u64,
        /// How many it left to calls, one by one.
        left: u64,
    },
}

/// Why nothing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Cognito throttled a call.
    Throttled,
    /// Cognito or the network fails; the call is sent again.
    Unavailable,
    /// The share of the quota is used up for the moment.
    Quota,
    /// An import job is at work, or has to wait for another one of the account.
    ImportJob,
    /// What was written does not show everywhere yet.
    Settling,
}
