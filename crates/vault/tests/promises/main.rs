//! What a vault promises, whether it lies in a bucket or in a folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod compressed;
mod differences;
mod documents;
mod finding;
mod folder;
mod forgotten;
mod last;
mod reading;
mod secrets;
mod shards;
mod support;
mod writing;
