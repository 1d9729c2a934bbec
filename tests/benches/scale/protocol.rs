//! What this program and the process with the library under test tell each other: a job as an
//! argument, then lines of JSON on standard output, each answered by an empty line.

use model::request::UsersEngine;
use model::{BackupKey, UserPoolId};
use serde::{Deserialize, Serialize};

pub(crate) const BUCKET: &str = "cognito-scale";
pub(crate) const LOST: &str = "us-east-1";
pub(crate) const NEW: &str = "us-west-2";
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/import";

/// What the process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The endpoint of Cognito.
    pub(crate) cognito: String,
    /// The endpoint of everything else.
    pub(crate) aws: String,
    /// The share of the quotas; without, there is no limit.
    pub(crate) share: Option<f64>,
    pub(crate) task: Task,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    Backup {
        pool: UserPoolId,
        /// Whether users are listed by `sub` prefix.
        by_prefix: bool,
    },
    Restore {
        key: BackupKey,
        engine: UsersEngine,
        verify: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Backup,
    Restore,
    Verify,
}

/// A line of the process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// The state machine would wait: the simulated clock is to go on.
    Waiting { seconds: u32 },
    /// A phase is done.
    Ended(Figures),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) phase: Phase,
    /// From the beginning of the first invocation to the end of the last.
    pub(crate) seconds: f64,
    /// Most resident memory of the process up to here, in bytes.
    pub(crate) peak_bytes: u64,
    pub(crate) invocations: u32,
}

/// Most resident memory of a process so far; 0 where the kernel does not tell.
pub(crate) fn peak_bytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let figure = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    figure.unwrap_or_default() * 1024
}
