//! What a restore remembers between invocations, and what it leaves behind.
//!
//! Three kinds of bad news: an error ends the run (the error types of `restore`); a [`Finding`]
//! is about one item and never fatal; a [`KnownLoss`] is what Cognito never gives back.

mod finding;
mod notification;
mod outcome;
mod rehearsal;
mod report;
pub mod spreadsheet;
mod state;
mod users;
mod verification;

pub use finding::{Finding, FindingCounts, FindingKind};
pub use notification::{FailureNotification, Notification, duration_in_words};
pub use outcome::{KnownLoss, ManualStep, Outcome, Step, StepRecord};
pub use rehearsal::RehearsalRecord;
pub use report::{Report, ReportStatus};
pub use state::{ChosenBackup, RestoreState};
pub use users::{
    ImportProgress, PasswordKind, UserCounts, UserEntry, UsersForeseen, UsersPass, UsersProgress,
};
pub use verification::{Difference, Verification};
