//! Brings a user pool back from its backup.
//!
//! [`drive`] is the way of a restore: an invocation loads what the restore remembers, goes on with
//! the [`plan`] and stops when it is to. The plan's [`steps`] each bring back one part of the pool;
//! the users, which take most of the time, are in [`users`]. Then [`verify`] compares the new pool
//! with the backup, and [`report`] tells the operator what happened and what is left to do.
//! A [`rehearsal`] goes the same way into a scratch pool, and removes it.
//! [`run`] answers the state machine. [`undo`] brings a live pool back to a backup of it by the same
//! steps; [`standby`] keeps another pool like its source by the same calls.

mod commands;
pub mod context;
mod document;
pub mod drive;
mod dry_run;
pub mod error;
pub mod folder;
mod once;
pub mod operations;
mod pieces;
pub mod plan;
pub mod rehearsal;
mod relocation;
pub mod report;
mod resume;
pub mod run;
pub mod side;
pub mod standby;
pub mod step;
pub mod steps;
pub mod translate;
pub mod undo;
pub mod users;
pub mod verify;

/// Ready commands for an operator's shell.
pub use commands::{aws as aws_command, quote};
pub use context::{Clients, Existing, ExistingPools, Restore, RestoreSettings};
pub use dry_run::foresee_users;
pub use error::RestoreError;
pub use operations::OPERATIONS;
pub use rehearsal::REHEARSAL_TAG;
pub use step::{StepProgress, StepResult};
pub use steps::{RESTORE_TAG, needs};
pub use translate::Translations;
