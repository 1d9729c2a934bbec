//! The functions as Lambda runs them: what they answer, log and measure.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod account;
mod forgotten;
mod log_lines;
mod metrics;
