//! The names under which errors reach Step Functions.
//!
//! A Lambda's error carries its name as `errorType`; the state machine's `Retry` and `Catch`
//! name it in `ErrorEquals`. A test holds the state machine against this list.

use serde::{Deserialize, Serialize};

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident, retry $retry:literal;)*) => {
        /// Why an invocation ended with an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Failure { $($(#[$doc])* $name),* }

        impl Failure {
            /// All of them.
            pub const ALL: &'static [Failure] = &[$(Failure::$name),*];

            /// The error type that Step Functions sees.
            pub fn name(self) -> &'static str {
                match self { $(Failure::$name => stringify!($name)),* }
            }

            /// Whether the same call may succeed a moment later.
            pub fn is_worth_retrying(self) -> bool {
                match self { $(Failure::$name => $retry),* }
            }
        }
    };
}

failures! {
    /// The request is not understood, or asks for something impossible.
    BadRequest, retry false;
    /// An environment variable is missing or wrong: the stack is not deployed as it should be.
    MissingConfiguration, retry false;
    /// There is no backup of the pool (before the time asked for).
    BackupNotFound, retry false;
    /// The backup that was asked for is cut off, changed or not a backup.
    BackupDamaged, retry false;
    /// A newer version of this system wrote the backup: deploy that version here.
    BackupTooNew, retry false;
    /// The pool to read or to restore into does not exist.
    UserPoolNotFound, retry false;
    /// IAM does not allow a call.
    NotAuthorized, retry false;
    /// A quota on a number of things is used up.
    QuotaReached, retry false;
    /// The checks before the start found what would make the restore fail.
    PreflightFailed, retry false;
    /// Cognito refused what an essential step needs.
    Refused, retry false;
    /// Another restore of the pool, or another backup of it, is under way.
    AlreadyRunning, retry false;
    /// Cognito did not answer, or throttled for too long.
    CognitoUnavailable, retry true;
    /// S3 did not answer.
    VaultUnavailable, retry true;
    /// Another AWS service did not answer.
    ServiceUnavailable, retry true;
    /// Some of the pools could not be backed up.
    BackupFailed, retry false;
    /// Something that should not happen.
    Internal, retry false;
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An error and its causes, from the outermost on.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// An error and its causes in one line, as people read them. A cause that the text before it
/// quotes already is not said again.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
