//! The local stack and the pools of the end-to-end tests; the drill shows the same to people.
//!
//! - [`stack`]: an embedded AWS in two Regions, the Cognito simulator, and the real templates on
//!   them with the real Lambda binaries;
//! - [`pools`]: what is backed up;
//! - [`story`]: the way from backup to report;
//! - [`standby`]: a pool that follows another one;
//! - [`drill`]: all of it, once, with everything checked;
//! - [`terminal`]: the command `cognito-dr` as an operator types it;
//! - [`template`], [`evaluate`]: the templates as they are written and as they are deployed;
//! - [`paths`]: what the state machines read is there, on every way that leads to it;
//! - [`cloudwatch`]: whether an alarm goes off;
//! - [`compare`]: the restored pool against its source, independently of the restore's own check.

pub mod clients;
pub mod cloudwatch;
pub mod compare;
pub mod deploy;
pub mod drill;
pub mod environment;
pub mod evaluate;
pub mod ministack;
pub mod paths;
pub mod pools;
pub mod stack;
pub mod standby;
pub mod story;
pub mod template;
pub mod terminal;
