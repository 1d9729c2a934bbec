//! Errors, as Lambda and Step Functions see them.

use std::fmt;

use lambda_runtime::Diagnostic;
use model::Failure;
use model::request::BadRequest;

/// Why an invocation failed: the name that the state machine's `ErrorEquals` knows, and the text.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    failure: Failure,
    message: String,
}

impl Failed {
    /// An error of this kind.
    pub fn new(failure: Failure, error: impl fmt::Display) -> Self {
        let message = error.to_string();
        Self { failure, message }
    }

    /// A variable of the environment is missing or wrong.
    pub fn configuration(variable: &str, problem: impl fmt::Display) -> Self {
        let message = format!("environment variable {variable}: {problem}");
        Self::new(Failure::MissingConfiguration, message)
    }

    /// Its kind.
    pub fn failure(&self) -> Failure {
        self.failure
    }
}

/// As the runtime logs it.
impl fmt::Debug for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.failure, self.message)
    }
}

impl From<BadRequest> for Failed {
    fn from(error: BadRequest) -> Self {
        Self::new(Failure::BadRequest, error)
    }
}

impl From<backup::BackupError> for Failed {
    fn from(error: backup::BackupError) -> Self {
        Self::new(error.failure(), error)
    }
}

impl From<restore::RestoreError> for Failed {
    fn from(error: restore::RestoreError) -> Self {
        Self::new(error.failure(), error)
    }
}

impl From<vault::VaultError> for Failed {
    fn from(error: vault::VaultError) -> Self {
        Self::new(error.failure(), error)
    }
}

impl From<Failed> for Diagnostic {
    fn from(error: Failed) -> Self {
        Self {
            error_type: error.failure.name().to_owned(),
            error_message: error.message,
        }
    }
}
