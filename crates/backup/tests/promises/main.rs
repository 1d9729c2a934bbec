//! What a backup promises, against a Cognito and the rest of AWS on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod ages;
mod any_change;
mod backing_up;
mod by_prefix;
mod changes;
mod collecting;
mod differences;
mod dying;
mod expired;
mod mfa_preferences;
mod one_run;
mod replicas;
mod secrets;
mod shards;
mod support;
