//! How a command ends, for scripts.

use std::process::ExitCode;

use model::restore::ReportStatus;

/// The exit codes. Scripts treat any other as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or both sides are the same.
    Done = 0,
    /// There are differences, or something is not as it should be.
    Differences = 1,
    /// Wrong usage, or an error.
    Error = 2,
    /// Done, with losses that the report names.
    WithLosses = 3,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

/// What the help and the documents say about them.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done, or both sides are the same
    1  differences were found, a backup is not whole, or something is not ready
    2  wrong usage, or an error
    3  done, with losses that the report names
  130  interrupted by Ctrl-C";

impl From<ReportStatus> for Exit {
    fn from(status: ReportStatus) -> Self {
        match status {
            ReportStatus::Success => Exit::Done,
            ReportStatus::SuccessWithLosses => Exit::WithLosses,
            ReportStatus::Failed => Exit::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
