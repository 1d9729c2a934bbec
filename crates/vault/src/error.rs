//! What can be wrong with a vault, and what to do about it.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use model::document::{DocumentError, FORMAT_VERSION};
use model::failure::{causes, with_causes};
use model::request::PassedOver;
use model::{BackupKey, BackupName, Failure, KmsKeyArn, RestoreId, UserPoolId};

use crate::foreign::ForeignError;

/// Why a backup could not be written, found or read. No text holds personal data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VaultError {
    /// The pool has no backup (before the time asked for).
    #[error("{}", no_backup(pool, address, *at, others))]
    NoBackup {
        /// The pool that was asked for.
        pool: UserPoolId,
        /// Where it was looked for.
        address: String,
        /// The time asked for.
        at: Option<Timestamp>,
        /// Pools that do have backups: the first 20 that were seen.
        others: Vec<UserPoolId>,
    },
    /// The pool has backups, and none that was looked at is whole.
    #[error(
        "no backup of {pool} that was looked at can be used: {}",
        named(passed_over)
    )]
    NoneWhole {
        /// The pool that was asked for.
        pool: UserPoolId,
        /// The newest of them.
        passed_over: Vec<PassedOver>,
    },
    /// There is no object of this address.
    #[error("there is no object {0}")]
    Missing(String),
    /// Somebody else wrote the object since it was read.
    #[error("{0} was written by another invocation meanwhile")]
    Changed(String),
    /// The object is not a whole backup.
    #[error("the backup {name} cannot be used: {reason}")]
    Damaged {
        /// Which one.
        name: BackupName,
        /// What is wrong with it.
        reason: String,
    },
    /// The backup is a difference, and its base cannot be used.
    #[error("{}", without_base(name, base, reason, instead.as_deref()))]
    WithoutBase {
        /// Which one.
        name: BackupName,
        /// The whole backup that it was written against.
        base: Box<BackupKey>,
        /// What is wrong with that.
        reason: String,
        /// The newest backup of the pool that can be used, if one was found.
        instead: Option<Box<BackupKey>>,
    },
    /// The file of users that another tool wrote cannot be used.
    #[error("{file}: {problem}")]
    ForeignFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: ForeignError,
    },
    /// A newer version of this system wrote the backup.
    #[error(
        "the backup {name} has format version {format_version}, and this version reads up to {FORMAT_VERSION}: deploy the version that wrote it in this Region, or name an older backup by s3_key"
    )]
    TooNew {
        /// Which one.
        name: BackupName,
        /// The version of its format.
        format_version: u64,
    },
    /// The restore that is named to go on cannot.
    #[error("restore {restore_id} cannot be resumed: {problem}")]
    NotResumable {
        /// The restore.
        restore_id: RestoreId,
        /// Why not, and what to do instead.
        problem: String,
    },
    /// There already is an object of this address: a backup is never overwritten.
    #[error("there already is a backup {0}: begin again under another name")]
    KeyTaken(String),
    /// The upload has ended: it was completed, or given up.
    #[error("the upload of {0} has ended: begin the backup again")]
    UploadEnded(String),
    /// The bucket does not exist.
    #[error("there is no bucket {0}: check its name")]
    NoBucket(String),
    /// IAM, the bucket's policy, the key's policy or the file's permissions do not allow the
    /// request, or there are no credentials. Where listing is not allowed, S3 says so of objects
    /// that do not exist, too.
    #[error("not allowed to {action} {object}: {reason}")]
    NotAuthorized {
        /// What was tried.
        action: &'static str,
        /// The object's address.
        object: String,
        /// The store's code and text.
        reason: String,
    },
    /// The store did not answer, or failed, however often it was asked.
    #[error("could not {action} {object}: {reason}; try again")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// The object's address.
        object: String,
        /// What came back.
        reason: String,
    },
    /// The store refused the request for another reason.
    #[error("could not {action} {object}: {reason}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The object's address.
        object: String,
        /// The store's code and text.
        reason: String,
    },
    /// AWS KMS does not do with the key of the secrets what is needed of it.
    #[error(
        "could not {action} with the key {key}: {reason}{}",
        what_to_do_about_key(*failure)
    )]
    SecretsKey {
        /// What was tried.
        action: &'static str,
        /// The key.
        key: KmsKeyArn,
        /// What KMS said.
        reason: String,
        /// What it means.
        failure: Failure,
    },
    /// The local disk, which converting a reference document needs, and the file of an import job.
    #[error(
        "temporary storage: {0}; a backup of the reference implementation needs twice its size there, the file of an import job 100 MB"
    )]
    TemporaryStorage(String),
}

impl VaultError {
    /// The error type that Step Functions sees.
    pub fn failure(&self) -> Failure {
        match self {
            VaultError::NoBackup { .. } | VaultError::Missing(_) => Failure::BackupNotFound,
            VaultError::NoneWhole { .. }
            | VaultError::Damaged { .. }
            | VaultError::WithoutBase { .. }
            | VaultError::ForeignFile { .. } => Failure::BackupDamaged,
            VaultError::TooNew { .. } => Failure::BackupTooNew,
            VaultError::NotResumable { .. } => Failure::BadRequest,
            VaultError::NoBucket(_) => Failure::MissingConfiguration,
            VaultError::NotAuthorized { .. } => Failure::NotAuthorized,
            VaultError::Unavailable { .. } => Failure::VaultUnavailable,
            VaultError::SecretsKey { failure, .. } => *failure,
            VaultError::KeyTaken(_) | VaultError::UploadEnded(_) | VaultError::Changed(_) => {
                Failure::AlreadyRunning
            }
            VaultError::Refused { .. } | VaultError::TemporaryStorage(_) => Failure::Internal,
        }
    }

    /// Whether a backup cannot be used any more, however often it is opened.
    pub fn is_gone(&self) -> bool {
        matches!(
            self.failure(),
            Failure::BackupNotFound | Failure::BackupDamaged
        )
    }

    /// What is wrong with a backup that cannot be used, without its name.
    pub(crate) fn reason(&self) -> String {
        match self {
            VaultError::Damaged { reason, .. } => reason.clone(),
            VaultError::WithoutBase { base, reason, .. } => on_base(base, reason),
            other => other.to_string(),
        }
    }

    pub(crate) fn damaged(name: &BackupName, reason: &str) -> Self {
        VaultError::Damaged {
            name: name.clone(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn unreadable(name: &BackupName, error: &DocumentError) -> Self {
        match error {
            DocumentError::NewerFormat(format_version) => VaultError::TooNew {
                name: name.clone(),
                format_version: *format_version,
            },
            error => Self::damaged(name, &error.to_string()),
        }
    }

    /// The error of a file on the local disk.
    pub fn temporary_storage(error: impl std::fmt::Display) -> Self {
        VaultError::TemporaryStorage(error.to_string())
    }
}

fn no_backup(
    pool: &UserPoolId,
    address: &str,
    at: Option<Timestamp>,
    others: &[UserPoolId],
) -> String {
    let when = at.map_or(String::new(), |at| {
        format!(" whose reading had ended at {at} or before")
    });
    let rest = if others.is_empty() {
        "it holds no backup of any pool; check its name and its replication".to_owned()
    } else {
        let named: Vec<&str> = others.iter().map(UserPoolId::as_str).collect();
        format!("there are backups of: {}", named.join(", "))
    };
    format!("there is no backup of {pool}{when} in {address}; {rest}")
}

fn what_to_do_about_key(failure: Failure) -> &'static str {
    match failure {
        Failure::NotAuthorized => {
            "; its policy and that of the role that asks must both allow it (docs/security.md)"
        }
        Failure::MissingConfiguration => {
            "; enable it, or cancel its deletion, while that is possible"
        }
        Failure::VaultUnavailable => "; try again",
        _ => "",
    }
}

fn on_base(base: &BackupKey, reason: &str) -> String {
    format!("it is a difference against {base}, which cannot be used: {reason}")
}

fn without_base(
    name: &BackupName,
    base: &BackupKey,
    reason: &str,
    instead: Option<&BackupKey>,
) -> String {
    let instead = instead.map_or(String::new(), |key| {
        format!("; the newest backup of the pool that can be used is {key}")
    });
    format!(
        "the backup {name} cannot be used: {}{instead}",
        on_base(base, reason)
    )
}

fn named(passed_over: &[PassedOver]) -> String {
    let each: Vec<String> = passed_over
        .iter()
        .map(|passed| format!("{}: {}", passed.s3_key, passed.reason))
        .collect();
    each.join("; ")
}

/// A request as an error tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) action: &'static str,
    /// The object's address.
    pub(crate) object: String,
}

/// What an error of S3 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// No such object or version.
    Missing,
    NoBucket,
    NoUpload,
    /// A condition of the request does not hold.
    Condition,
    /// The range begins behind the object's end.
    Range,
    /// The object lies in an archive.
    Archived,
    NotAuthorized,
    Unavailable,
    Refused,
}

/// Sorts an error of S3 by its code and status.
pub(crate) fn meaning_of<E>(error: &SdkError<E, HttpResponse>) -> Meaning
where
    E: ProvideErrorMetadata,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error.code().unwrap_or_default(), status) {
        ("NoSuchKey" | "NoSuchVersion" | "NotFound", _) => Meaning::Missing,
        ("NoSuchBucket", _) => Meaning::NoBucket,
        ("NoSuchUpload", _) => Meaning::NoUpload,
        ("PreconditionFailed" | "ConditionalRequestConflict", _) => Meaning::Condition,
        ("InvalidRange", _) => Meaning::Range,
        ("InvalidObjectState", _) => Meaning::Archived,
        ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => Meaning::NotAuthorized,
        (_, Some(403 | 401)) => Meaning::NotAuthorized,
        (_, Some(404)) => Meaning::Missing,
        (_, Some(409 | 412)) => Meaning::Condition,
        (_, Some(416)) => Meaning::Range,
        (_, Some(408 | 429 | 500..)) => Meaning::Unavailable,
        (_, Some(300..)) => Meaning::Refused,
        // No answer, or one that was cut off.
        _ => Meaning::Unavailable,
    }
}

/// The error for a request to which no special meaning applies.
pub(crate) fn failed<E>(request: Request, error: &SdkError<E, HttpResponse>) -> VaultError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Request { action, object } = request;
    let reason = reason(error);
    let cause = std::error::Error::source(error);
    let without_credentials = cause.is_some_and(lacks_credentials);
    match meaning_of(error) {
        Meaning::Missing => VaultError::Missing(object),
        // s3://bucket/key
        Meaning::NoBucket => {
            VaultError::NoBucket(object.split('/').nth(2).unwrap_or_default().to_owned())
        }
        Meaning::Unavailable if !without_credentials => VaultError::Unavailable {
            action,
            object,
            reason,
        },
        Meaning::NotAuthorized | Meaning::Unavailable => VaultError::NotAuthorized {
            action,
            object,
            reason,
        },
        Meaning::NoUpload
        | Meaning::Condition
        | Meaning::Range
        | Meaning::Archived
        | Meaning::Refused => VaultError::Refused {
            action,
            object,
            reason,
        },
    }
}

/// The error for an answer whose body ended too early.
pub(crate) fn broke_off(request: Request, error: &dyn std::fmt::Display) -> VaultError {
    VaultError::Unavailable {
        action: request.action,
        object: request.object,
        reason: format!("the answer broke off: {error}"),
    }
}

/// Whether there are no credentials, or none that can be read: asking again does not help. A
/// provider that fails or does not answer in time may do so the next time.
pub(crate) fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let credentials = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>());
    matches!(
        credentials,
        Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_))
    )
}

fn reason<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => with_causes(error),
    };
    text.chars().take(300).collect()
}
