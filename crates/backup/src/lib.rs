//! Backing up user pools: each is read section by section, streamed into one object of the
//! vault, and recorded with one row in DynamoDB.
//!
//! ```text
//! Backups::run      one pool after the other, until all are tried or time is up
//!   PoolRun         head -> users, page by page -> memberships, group by group -> trailer
//!     Listing       the users: one chain of pages, or many by `sub` prefix
//!     Requests      what is read at a time: more than is written
//!   settle          what changed since the backup before; whole, or a difference
//!   MetadataTable   the row, when the object is complete
//! Backups::go_on    the same from where another invocation stopped (BackupCursor)
//! Ages::of          how old the newest backup of each pool is
//! Replicas::mend    which of the newest S3 could not replicate, and copies those again
//! ```
//!
//! Nothing is visible before it is whole, and memory does not grow with the pool but for 16
//! bytes a user, by which users that are listed twice are kept once. What is read before its
//! turn in the document is bounded.

mod ages;
mod ahead;
mod by_prefix;
mod change;
mod continuation;
mod cursor;
mod error;
mod lease;
mod listing;
mod pool_run;
mod pools;
mod preferences;
mod recorded;
mod replicas;
mod requests;
mod resume;
mod row;
mod run;
mod settle;
mod subs;

pub use ages::Ages;
pub use by_prefix::UsersByPrefix;
pub use continuation::Continuation;
pub use cursor::BackupCursor;
pub use error::{BackupError, FailedPool};
pub use pools::{ListedPool, Pools};
pub use preferences::MfaPreferences;
pub use recorded::RecordedBackup;
pub use replicas::Replicas;
pub use row::MetadataTable;
pub use run::{Backups, RunOutcome};
