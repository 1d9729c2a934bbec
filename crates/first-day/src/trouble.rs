//! Why something was refused, or a question could not be asked.

use serde::Serialize;

use crate::journal::JournalError;

/// An answer of the service that says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its code, such as `InvalidParameterException`.
    pub code: String,
    /// Its text.
    pub text: String,
}

impl Refusal {
    /// Whether it says that there is one of ours already, in the words of any of the services.
    pub(crate) fn is_there_already(&self) -> bool {
        const CODES: [&str; 4] = [
            "AlreadyExistsException",
            "BucketAlreadyOwnedByYou",
            "EntityAlreadyExists",
            "WAFDuplicateItemException",
        ];
        CODES.contains(&self.code.as_str())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.text)
    }
}

/// Why a question could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The service refused what had to come first.
    #[error("{operation} had to come first and was refused: {refusal}")]
    Refused {
        /// What was called.
        operation: String,
        /// The answer.
        refusal: Refusal,
    },
    /// No answer came.
    #[error("{operation} got no answer: {cause}")]
    NoAnswer {
        /// What was called.
        operation: String,
        /// Why not.
        cause: String,
    },
    /// What is made cannot be written down, so nothing is.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A temporary file cannot be made or written.
    #[error("temporary file: {0}")]
    TemporaryFile(#[from] std::io::Error),
    /// An answer lacks what the API promises.
    #[error("{operation} answered without {lacks}")]
    Unexpected {
        /// What was called.
        operation: String,
        /// What is missing.
        lacks: &'static str,
    },
    /// Something took longer than it may.
    #[error("{0} took longer than it may")]
    TooLong(String),
}

/// `accepted`, or the refusal: how most observations read.
pub(crate) fn outcome<T>(answer: &Result<T, Refusal>) -> String {
    match answer {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => refusal.to_string(),
    }
}
