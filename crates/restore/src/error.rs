//! Errors that end an invocation. News about single items are findings, not errors.
//!
//! Each says what was being done and what to do about it; [`RestoreError::failure`] is the name
//! under which Step Functions sees it.

use cognito::CognitoError;
use model::request::BadRequest;
use model::restore::Step;
use model::{BackupName, Failure, RestoreId, UserPoolId};
use vault::Backup;

/// Why a restore cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The request is not understood, or asks for something impossible.
    #[error(transparent)]
    Request(#[from] BadRequest),
    /// The bucket, or what lies in it.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
    /// A call of Cognito that the restore cannot do without.
    #[error(transparent)]
    Cognito(#[from] CognitoError),
    /// An essential step was refused.
    #[error("the step {step} failed: {source}")]
    Step {
        /// The step.
        step: Step,
        /// What Cognito said.
        source: CognitoError,
    },
    /// The operator's map cannot be used.
    #[error("the operator's map {key} cannot be used: {problems}")]
    Translations {
        /// Where it lies.
        key: String,
        /// Everything that is wrong with it.
        problems: String,
    },
    /// The checks before the start found what would make the restore fail.
    #[error("nothing was changed; before a restore can succeed: {0}")]
    Preflight(String),
    /// The pool to restore into, or to compare, is not there.
    #[error("there is no user pool {0} in the target Region: check target_user_pool_id or verify")]
    TargetMissing(UserPoolId),
    /// The restore's folder belongs to the restore of another backup.
    #[error(
        "restore {restore_id} is the restore of {known}, not of {asked}: start a new one under another name"
    )]
    OtherBackup {
        /// The restore.
        restore_id: RestoreId,
        /// The backup that it began with.
        known: Box<BackupName>,
        /// The backup that this request names.
        asked: Box<BackupName>,
    },
    /// Another invocation works on the same restore, and came later.
    #[error(
        "another invocation goes on with the restore {0}: this one has ended, and wrote nothing over what that one wrote; wait for it"
    )]
    TakenOver(RestoreId),
    /// A rehearsal failed, and its scratch pool is removed.
    #[error("the rehearsal {0} is over, and its pool is removed: start another")]
    RehearsalOver(RestoreId),
    /// `state.json` is there and is not one of ours.
    #[error("{key} cannot be read: {problem}")]
    StateDamaged {
        /// Where it lies.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The pool is not what it was when the undo was planned.
    #[error(
        "nothing was changed: the user pool {0} has changed since the undo was planned; look at a new plan"
    )]
    PlanOutdated(UserPoolId),
    /// An undo goes to a backup of the same pool.
    #[error(
        "nothing was changed: the backup is of the user pool {point}, and an undo of {pool} needs one of its own"
    )]
    PointOfOtherPool {
        /// The pool of the backup.
        point: UserPoolId,
        /// The pool that was named.
        pool: UserPoolId,
    },
    /// The function that backs the pool up cannot be asked for a backup of the present.
    #[error(
        "nothing was changed since: the function {function} in {region}, which backs the pool up, cannot be asked for a backup of the present: {cause}"
    )]
    BackupNotAsked {
        /// The function.
        function: String,
        /// Its Region, which is that of the pool.
        region: String,
        /// Whether the same call may succeed a moment later.
        is_passing: bool,
        /// What Lambda said.
        cause: String,
    },
    /// The backup of the present that was asked for does not arrive.
    #[error(
        "the backup of {pool} that was asked for at {asked} has not arrived: look at the log of the function that backs it up, and at the replication of its bucket; then resume the undo"
    )]
    BackupNotArrived {
        /// The pool.
        pool: UserPoolId,
        /// When it was asked for.
        asked: jiff::Timestamp,
    },
    /// The secrets of the backup are encrypted, and nobody said to do without them.
    #[error(
        "nothing was changed: the secrets of the backup {backup} are encrypted, and are not decrypted: {reason}; let whoever restores use their key, or restore without them by without_secrets, which gives app clients new secrets and leaves identity providers with a secret to you"
    )]
    SecretsEncrypted {
        /// The backup.
        backup: Box<BackupName>,
        /// Why they are not decrypted.
        reason: String,
        /// What it means.
        failure: Failure,
    },
    /// No restore made the pool as a standby pool of the source, or it has not ended.
    #[error(
        "{pool} is not a standby pool of {of}: make one by a restore with the option standby, and wait until it has ended"
    )]
    NotAStandby {
        /// The pool.
        pool: UserPoolId,
        /// The source.
        of: UserPoolId,
    },
    /// A standby pool that was switched to has a life of its own.
    #[error(
        "nothing was changed: {0} was switched to, and is no longer kept like its source; make a new standby pool"
    )]
    StandbySwitched(UserPoolId),
    /// The operator's source of passwords fails.
    #[error("the source of passwords fails: {0}")]
    Passwords(String),
    /// Something that should not happen.
    #[error("{0}")]
    Internal(String),
}

impl RestoreError {
    /// The name under which Step Functions sees the error.
    pub fn failure(&self) -> Failure {
        match self {
            RestoreError::Request(_)
            | RestoreError::OtherBackup { .. }
            | RestoreError::RehearsalOver(_)
            | RestoreError::PlanOutdated(_)
            | RestoreError::PointOfOtherPool { .. }
            | RestoreError::NotAStandby { .. }
            | RestoreError::StandbySwitched(_) => Failure::BadRequest,
            RestoreError::Vault(error) => error.failure(),
            RestoreError::Cognito(error) | RestoreError::Step { source: error, .. } => {
                error.failure()
            }
            RestoreError::Translations { .. } | RestoreError::Preflight(_) => {
                Failure::PreflightFailed
            }
            RestoreError::TakenOver(_) => Failure::AlreadyRunning,
            RestoreError::TargetMissing(_) => Failure::UserPoolNotFound,
            RestoreError::BackupNotAsked {
                is_passing: true, ..
            } => Failure::ServiceUnavailable,
            RestoreError::BackupNotAsked { .. } => Failure::PreflightFailed,
            RestoreError::BackupNotArrived { .. } => Failure::BackupNotFound,
            RestoreError::SecretsEncrypted { failure, .. } => *failure,
            RestoreError::Passwords(_) => Failure::MissingConfiguration,
            RestoreError::StateDamaged { .. } | RestoreError::Internal(_) => Failure::Internal,
        }
    }

    /// Checks that no secret of a backup is needed which is still encrypted.
    pub(crate) fn unless_decrypted(backup: &Backup) -> Result<(), Self> {
        match backup.head.has_encrypted_secrets() {
            false => Ok(()),
            true => Err(RestoreError::SecretsEncrypted {
                backup: Box::new(backup.name.clone()),
                reason: "nobody asked for their key".into(),
                failure: Failure::NotAuthorized,
            }),
        }
    }

    /// The refusal or failure of Cognito behind it, if that is what it is.
    pub fn cognito(&self) -> Option<&CognitoError> {
        match self {
            RestoreError::Cognito(error) | RestoreError::Step { source: error, .. } => Some(error),
            _ => None,
        }
    }

    /// What Cognito said to a single call.
    ///
    /// # Errors
    /// The error itself, when it is about something else.
    pub(crate) fn into_cognito(self) -> Result<CognitoError, Self> {
        match self {
            RestoreError::Cognito(error) => Ok(error),
            other => Err(other),
        }
    }
}

/// Whether the same call, or a look at what it did, may succeed a moment later.
pub(crate) fn is_passing(error: &CognitoError) -> bool {
    error.failure().is_worth_retrying()
}
