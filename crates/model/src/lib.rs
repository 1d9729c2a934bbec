//! The words that the parts of the system share: the backup document, its keys in S3, the
//! inventory of a user pool, what the Lambdas are asked and answer, and what a restore leaves
//! behind (state, report, notification).
//!
//! Everything here is pure: no AWS client, no async, no clock. A date comes in as an argument.

pub mod backup_key;
pub mod backup_name;
pub mod backup_row;
pub mod change;
pub mod checklist;
pub mod document;
pub mod failure;
pub mod identifiers;
pub mod import_file;
pub mod inventory;
pub mod observe;
pub mod pointer;
pub mod request;
pub mod restore;
pub mod restore_id;
pub mod rules;
pub mod secret;
pub mod shard;
pub mod users_listing;

pub use backup_key::{BackupKey, DayPrefix};
pub use backup_name::BackupName;
pub use failure::Failure;
pub use identifiers::{AppClientId, KmsKeyArn, Sub, UserPoolId, Username};
pub use restore_id::{RestoreId, RunKind};
pub use secret::Secret;
pub use shard::Shard;
