//! Errors as a person reads them: what failed, why, and what to do next.

use std::fmt::Write as _;
use std::io;

use cognito::{CognitoError, ErrorKind};
use model::Failure;
use restore::RestoreError;
use serde_json::{Value, json};
use vault::VaultError;

use crate::exit::Exit;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Error {
    what: String,
    causes: Vec<String>,
    hints: Vec<String>,
    ending: Ending,
    failure: Option<Failure>,
}

/// What kind of end it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Something failed.
    Failed,
    /// Ctrl-C. What was to be said about it has been said, or stands in the text.
    Interrupted,
    /// Whoever reads our output has read enough (`| head`).
    ClosedPipe,
}

impl Error {
    /// An error that says what failed: no capital at the beginning, no full stop at the end.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            ending: Ending::Failed,
            failure: None,
        }
    }

    /// A person ended it by Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self {
            ending: Ending::Interrupted,
            ..Self::new("interrupted")
        }
    }

    /// Something is missing that only an argument can say, since nobody can be asked.
    pub(crate) fn missing(what: &str, argument: &str) -> Self {
        Self::new(format!("{what} is missing")).hint(format!("Say it by {argument}."))
    }

    /// Adds the cause, and the causes of the cause.
    pub(crate) fn because_of(mut self, cause: &dyn std::error::Error) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Many errors repeat their cause in their own text.
            if !self.causes.last().is_some_and(|last| last.contains(&text)) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// The same error as the cause of one that says more about what was to be done. Its hints
    /// stay.
    pub(crate) fn during(self, what: impl Into<String>) -> Self {
        if self.ending != Ending::Failed {
            return self;
        }
        let mut causes = vec![self.what];
        causes.extend(self.causes);
        Self {
            what: what.into(),
            causes,
            ..self
        }
    }

    /// Adds what to do next, as a sentence.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What failed, without causes and hints.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Whether a backup is not whole, or not one that this version can read.
    pub(crate) fn is_about_a_damaged_backup(&self) -> bool {
        matches!(
            self.failure,
            Some(Failure::BackupDamaged | Failure::BackupTooNew)
        )
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self.ending {
            Ending::Failed => Exit::Error,
            Ending::Interrupted => Exit::Interrupted,
            Ending::ClosedPipe => Exit::Done,
        }
    }

    /// The event that tells it to a program; none for an end that needs no words.
    pub(crate) fn document(&self) -> Option<Value> {
        (self.ending != Ending::ClosedPipe).then(|| {
            json!({"event": "error", "text": self.what, "causes": self.causes, "hints": self.hints})
        })
    }

    /// The lines to show; none for an end that needs no words.
    pub(crate) fn lines(&self, label: impl Fn(&'static str) -> String) -> String {
        if self.ending == Ending::ClosedPipe {
            return String::new();
        }
        let mut lines = format!("{} {}\n", label("Error:"), self.what);
        for cause in &self.causes {
            let _ = writeln!(lines, "{} {cause}", label("Caused by:"));
        }
        for hint in &self.hints {
            let _ = writeln!(lines, "{} {hint}", label("Hint:"));
        }
        lines
    }
}

/// Output that cannot be written, or a question that cannot be asked.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self {
                ending: Ending::ClosedPipe,
                ..Self::new("the output is closed")
            },
            io::ErrorKind::Interrupted => Self::interrupted(),
            _ => Self::new("cannot write").because_of(&error),
        }
    }
}

impl From<CognitoError> for Error {
    fn from(error: CognitoError) -> Self {
        let failed = Self::new(error.to_string());
        match error.kind {
            ErrorKind::NotAuthorized if error.code == "NoCredentials" => failed.hint(SIGN_IN),
            ErrorKind::NotAuthorized => failed.hint(format!(
                "Use credentials that allow {} (--profile), or allow it to these.",
                error.operation.action()
            )),
            ErrorKind::Throttled => failed.hint(
                "Others use the account's quota as well: try again later, or with a smaller --quota-share.",
            ),
            _ => failed.with_hint_for(error.failure()),
        }
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        let failed = Self::new(error.to_string());
        // How S3 says that a bucket lies in another Region.
        if ["PermanentRedirect", "AuthorizationHeaderMalformed"]
            .iter()
            .any(|code| failed.what.contains(code))
        {
            return failed.hint("Name the Region of the vault's bucket by --vault-region.");
        }
        failed.with_hint_for(error.failure())
    }
}

impl From<RestoreError> for Error {
    fn from(error: RestoreError) -> Self {
        let failure = error.failure();
        match error {
            RestoreError::Cognito(error) => error.into(),
            RestoreError::Vault(error) => error.into(),
            error => Self::new(error.to_string()).with_hint_for(failure),
        }
    }
}

const SIGN_IN: &str = "Sign in (`aws sso login`), or name other credentials by --profile.";

impl Error {
    /// Says what kind of failure it is, and adds what helps against that, where something does.
    pub(crate) fn with_hint_for(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        match hint_for(failure) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

fn hint_for(failure: Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::BackupNotFound => "`cognito-dr backups` lists what the vault holds.",
        Failure::BackupDamaged => {
            "`cognito-dr check --all` tells which backups are whole; name an older one."
        }
        Failure::BackupTooNew => "Update cognito-dr to the version that wrote the backup.",
        Failure::NotAuthorized => SIGN_IN,
        Failure::UserPoolNotFound => {
            "`cognito-dr pools` lists the user pools of a Region (--region), or of all of them (--all-regions)."
        }
        Failure::CognitoUnavailable | Failure::VaultUnavailable | Failure::ServiceUnavailable => {
            "Check the network, the Region and --endpoint-url, and try again."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_failed_why_and_what_to_do() {
        let cause = VaultError::NoBucket("b".into());
        let text_of_cause = cause.to_string();
        let error = Error::from(cause)
            .during("cannot list the backups")
            .hint("Try this.");
        let text = error.lines(str::to_owned);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Error: cannot list the backups");
        assert_eq!(lines[1], format!("Caused by: {text_of_cause}"));
        assert_eq!(lines[2], "Hint: Try this.");
        assert_eq!(error.exit(), Exit::Error);
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let error: Error = io::Error::from(io::ErrorKind::BrokenPipe).into();
        let error = error.during("writing the answer");
        assert_eq!(
            (error.lines(str::to_owned), error.exit()),
            (String::new(), Exit::Done)
        );
    }
}
