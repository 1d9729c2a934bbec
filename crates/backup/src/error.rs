//! Why a backup failed.

use cognito::{CognitoError, ErrorKind};
use model::request::BackedUpPool;
use model::{BackupKey, Failure, UserPoolId};
use serde::{Deserialize, Serialize};
use vault::VaultError;

/// Why a run, or the backup of one pool, failed. No text holds personal data.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The pool is not there.
    #[error("there is no user pool {pool} in {region}: {error}")]
    NoUserPool {
        /// The pool.
        pool: UserPoolId,
        /// Where it was looked for.
        region: String,
        /// What Cognito said.
        error: CognitoError,
    },
    /// Cognito did not give what is needed.
    #[error(transparent)]
    Cognito(#[from] CognitoError),
    /// The backup could not be written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The object is there, the row is not. The next backup of the pool adds it.
    #[error("the backup {key} is complete, but the table {table} does not record it: {reason}")]
    NotRecorded {
        /// The object.
        key: BackupKey,
        /// The table.
        table: String,
        /// What DynamoDB said.
        reason: String,
        /// What it means.
        failure: Failure,
    },
    /// The table of backups does not say which there are.
    #[error("the rows of the table {table} cannot be read: {reason}")]
    NotListed {
        /// The table.
        table: String,
        /// What DynamoDB said.
        reason: String,
        /// What it means.
        failure: Failure,
    },
    /// The pool does not fit into one invocation, and nobody goes on.
    #[error(
        "time was up after {users} users of {pool}, and no continuation is configured, by which further invocations go on"
    )]
    NoTimeLeft {
        /// The pool.
        pool: UserPoolId,
        /// How many users had been read.
        users: u64,
    },
    /// Somebody asked for a stop, and nobody goes on. What was not complete is gone.
    #[error("stopped after {} of {} user pools", backed_up.len(), backed_up.len() + left.len())]
    Interrupted {
        /// The pools that are backed up.
        backed_up: Vec<BackedUpPool>,
        /// The pools that are not.
        left: Vec<UserPoolId>,
    },
    /// Cognito does not find users by the beginning of their `sub`, by which shards are read.
    #[error("{pool} cannot be read in shards: {reason}; back it up without --shard")]
    NoShards {
        /// The pool.
        pool: UserPoolId,
        /// What Cognito said or did.
        reason: String,
    },
    /// A listing of users did not come to its end, however often it was begun again.
    #[error(
        "the users of {pool} cannot be listed: page tokens expired whenever the listing was begun again; give a larger share of the quota"
    )]
    ListingExpires {
        /// The pool.
        pool: UserPoolId,
    },
    /// The state machine that is to go on could not be started.
    #[error("the continuation could not be started: {reason}")]
    NotHandedOver {
        /// What Step Functions said.
        reason: String,
        /// What it means.
        failure: Failure,
    },
    /// What an earlier invocation left behind cannot be used.
    #[error("cannot go on with the backup of {pool}: {problem}")]
    Unresumable {
        /// The pool.
        pool: UserPoolId,
        /// What is wrong.
        problem: String,
    },
    /// Another run took the lease, which it does when it has expired: this one completes nothing
    /// any more.
    #[error("the lease of this run has expired and is held by {run}, which goes on")]
    LeaseLost {
        /// Who holds it.
        run: String,
    },
    /// Others changed the lease whenever this invocation tried to.
    #[error("the lease is changed by others all the time: try again")]
    LeaseContended,
    /// Something that should not happen.
    #[error("{0}")]
    Internal(String),
    /// The request is not one that this library wrote.
    #[error("continue: {0}")]
    BadCursor(String),
    /// All pools were tried; these failed.
    #[error("{} of {tried} user pools could not be backed up: {}", failed.len(), named(failed))]
    Pools {
        /// The pools that failed.
        failed: Vec<FailedPool>,
        /// How many were tried.
        tried: usize,
    },
}

/// A pool whose backup failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPool {
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The kind of failure.
    pub failure: Failure,
    /// The error.
    pub cause: String,
}

/// Causes travel in the state of an execution: they are cut to this many characters.
const LONGEST_CAUSE: usize = 500;

impl FailedPool {
    pub(crate) fn new(pool: &UserPoolId, error: &BackupError) -> Self {
        Self {
            user_pool_id: pool.clone(),
            failure: error.failure(),
            cause: error.to_string().chars().take(LONGEST_CAUSE).collect(),
        }
    }
}

impl BackupError {
    /// The error type that Lambda and Step Functions see.
    pub fn failure(&self) -> Failure {
        match self {
            BackupError::NoUserPool { .. } => Failure::UserPoolNotFound,
            BackupError::Cognito(error) => error.failure(),
            BackupError::Vault(error) => error.failure(),
            BackupError::NotRecorded { failure, .. }
            | BackupError::NotListed { failure, .. }
            | BackupError::NotHandedOver { failure, .. } => *failure,
            BackupError::NoTimeLeft { .. }
            | BackupError::NoShards { .. }
            | BackupError::ListingExpires { .. }
            | BackupError::Interrupted { .. }
            | BackupError::Pools { .. }
            | BackupError::Unresumable { .. } => Failure::BackupFailed,
            BackupError::LeaseLost { .. } => Failure::AlreadyRunning,
            BackupError::LeaseContended => Failure::ServiceUnavailable,
            BackupError::Internal(_) => Failure::Internal,
            BackupError::BadCursor(_) => Failure::BadRequest,
        }
    }

    /// An error of Cognito in the backup of `pool`: a pool that is not there is named as such.
    pub(crate) fn of(pool: &UserPoolId, region: &str, error: CognitoError) -> Self {
        if error.is(ErrorKind::Missing) {
            BackupError::NoUserPool {
                pool: pool.clone(),
                region: region.to_owned(),
                error,
            }
        } else {
            BackupError::Cognito(error)
        }
    }
}

fn named(failed: &[FailedPool]) -> String {
    let each: Vec<String> = failed
        .iter()
        .map(|pool| format!("{}: {}: {}", pool.user_pool_id, pool.failure, pool.cause))
        .collect();
    each.join("; ")
}
