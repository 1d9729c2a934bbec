//! The commands as a person types them, against the Cognito simulator and an S3 in memory.

#![allow(clippy::unwrap_used, missing_docs)]

mod backup;
mod backups;
mod check;
mod credentials;
mod diff;
mod forget;
mod frame;
mod history;
mod live;
mod pools;
mod progress;
mod pseudo_terminal;
mod ready;
mod rehearse;
mod restore;
mod secrets;
mod shells;
mod show;
mod standby;
mod support;
mod undo;
mod users;
mod vault;
mod verify;
mod watch;
