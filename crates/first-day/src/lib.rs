//! The first day on AWS: a program that asks a real account what only it can answer.
//!
//! Everything in this repository was developed against a simulator that follows what is known of
//! Amazon Cognito. Each [`question::Question`] asks the real service one thing that is not known
//! for certain, and compares its answer with what the simulator does, so that an answer that
//! differs says which rule to correct.
//!
//! What a question makes carries the run's name and is written into a [`journal`] before it is
//! made; [`clean_up`] removes it by that journal, in the same way after each question, after
//! Ctrl-C and after a crash.

pub mod account;
pub mod clean_up;
pub mod cost;
mod deployment;
pub mod journal;
pub mod question;
pub mod questions;
pub mod report;
pub mod run;
pub mod scratch;
pub mod services;
pub mod trouble;
