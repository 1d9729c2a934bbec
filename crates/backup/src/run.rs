//! A run over pools: begun, gone on with in another invocation, and handed over.

mod one_pool;
mod outcome;
mod turns;

use cognito::{Cognito, CognitoError, Stop};
use jiff::Timestamp;
use model::change::ShrinkLimits;
use model::observe::Observer;
use model::{Shard, UserPoolId};
use serde_json::Value;
use vault::{SecretsKey, Vault};

use crate::by_prefix::UsersByPrefix;
use crate::continuation::Continuation;
use crate::cursor::{BackupCursor, PoolCursor};
use crate::error::BackupError;
use crate::lease::{Acquired, Asked, Lease};
use crate::preferences::MfaPreferences;
use crate::row::MetadataTable;

pub use outcome::RunOutcome;
use turns::Stopped;

/// How many invocations an execution has before another one goes on: a day's, for an execution
/// has an end and a history of 25,000 events.
const INVOCATIONS: u32 = 96;

/// What a run works with.
#[derive(Clone)]
pub struct Backups<'a> {
    /// Cognito in the pools' Region.
    pub cognito: &'a Cognito,
    /// WAF in the same Region.
    pub waf: &'a aws_sdk_wafv2::Client,
    /// Where the backups go.
    pub vault: &'a Vault,
    /// Where they are recorded, if anywhere.
    pub table: Option<&'a MetadataTable>,
    /// Who goes on when time is up; without, a pool must fit into one invocation.
    pub continuation: Option<&'a Continuation>,
    /// Which share of the users is read; all without one.
    pub shard: Option<Shard>,
    /// Whether all users are listed by `sub` prefix.
    pub users_by_prefix: UsersByPrefix,
    /// Whether the later backups of a UTC day are written as differences against the first whole
    /// one.
    pub differences: bool,
    /// How many users may be gone or disabled before the last whole base is kept.
    pub shrink_limits: ShrinkLimits,
    /// Whose MFA preferences are read, one call for each user.
    pub mfa_preferences: MfaPreferences,
    /// What encrypts the secrets of the settings within the backup; none, they stand there as
    /// Cognito gives them.
    pub secrets_key: Option<&'a SecretsKey>,
    /// The id of the request that began this invocation: a repetition of it has the same.
    pub request_id: &'a str,
    /// Who hears how far it is.
    pub observer: &'a dyn Observer,
    /// When to stop; what is then under way is put down.
    pub stop: Stop,
}

/// The end of a run, or of what one execution tells of it.
fn end(cursor: BackupCursor) -> Result<RunOutcome, BackupError> {
    if cursor.failed.is_empty() {
        return Ok(RunOutcome::Done(cursor.backed_up));
    }
    Err(BackupError::Pools {
        tried: cursor.failed.len() + cursor.backed_up.len(),
        failed: cursor.failed,
    })
}

impl<'a> Backups<'a> {
    /// Backs up each pool, beginning after this call: for somebody who knows of a change. At
    /// a stop what is left is handed over to the continuation, and the answer is
    /// [`RunOutcome::InProgress`]. While another run holds the lease, that one gets them, and the
    /// answer is [`RunOutcome::LeftTo`].
    ///
    /// # Errors
    /// [`BackupError::Pools`] when some failed, after all were tried; [`BackupError::Interrupted`]
    /// when a signal came and there is no continuation.
    pub async fn run(&self, pools: Vec<UserPoolId>) -> Result<RunOutcome, BackupError> {
        self.begin(pools, Asked::ForChange).await
    }

    /// The same for the schedule: a pool that another run is reading is not begun again.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_scheduled(&self, pools: Vec<UserPoolId>) -> Result<RunOutcome, BackupError> {
        self.begin(pools, Asked::BySchedule).await
    }

    async fn begin(&self, pools: Vec<UserPoolId>, asked: Asked) -> Result<RunOutcome, BackupError> {
        let run = self.request_id;
        let mut lease = match self.acquire(run, &pools, asked).await? {
            Acquired::Held(lease) => lease,
            Acquired::HeldBy { run, until } => {
                tracing::info!(run, %until, ?pools, "another run is at work, and takes these pools");
                return Ok(RunOutcome::LeftTo { run, pools });
            }
        };
        let may_suspend = self.continuation.is_some();
        let asked = Timestamp::now();
        let work = async |lease: &mut Lease<'a>| {
            self.work(BackupCursor::of(run), lease, may_suspend).await
        };
        let (cursor, stopped) = lease.held_during(work).await?;
        match (stopped, self.continuation) {
            (Stopped::AtTheEnd, _) => end(cursor),
            (Stopped::NoTimeLeft, Some(continuation)) => {
                let cursor = self.hand_over(cursor, &mut lease, continuation).await?;
                Ok(RunOutcome::InProgress(Box::new(cursor)))
            }
            (Stopped::NoTimeLeft, None) => {
                let mut left = pools;
                left.retain(|pool| !cursor.tried(pool));
                for pool in &left {
                    lease.strike(pool, asked).await?;
                }
                lease.give_up().await;
                let backed_up = cursor.backed_up;
                Err(BackupError::Interrupted { backed_up, left })
            }
        }
    }

    /// Goes on with a run: `cursor` is what `{"continue": ...}` carries.
    ///
    /// # Errors
    /// An error that is worth retrying leaves everything as the cursor says: the same cursor may
    /// be tried again. [`BackupError::Pools`] when some failed: where there is more to do, another
    /// execution goes on. Others as [`run`](Self::run).
    pub async fn go_on(&self, cursor: Value) -> Result<RunOutcome, BackupError> {
        let mut cursor: BackupCursor = serde_json::from_value(cursor)
            .map_err(|error| BackupError::BadCursor(error.to_string()))?;
        // Should the lease have expired and be somebody else's, that one reads these pools anew.
        let pools: Vec<UserPoolId> = cursor.put_down().map(PoolCursor::pool).cloned().collect();
        let mut lease = match self.acquire(&cursor.run, &pools, Asked::BySchedule).await? {
            Acquired::Held(lease) => lease,
            Acquired::HeldBy { run, until } => {
                tracing::warn!(run, %until, ?pools, "another run took over, and reads these pools anew");
                for current in cursor.put_down() {
                    self.discard(current).await;
                }
                return Ok(RunOutcome::LeftTo { run, pools });
            }
        };
        cursor.invocations += 1;
        let work = async |lease: &mut Lease<'a>| self.work(cursor, lease, true).await;
        let (mut cursor, stopped) = lease.held_during(work).await?;
        if stopped == Stopped::AtTheEnd {
            return end(cursor);
        }
        // Failures are reported now, and a run that others keep going does not grow for ever.
        let is_due = !cursor.failed.is_empty() || cursor.invocations >= INVOCATIONS;
        if let (true, Some(continuation)) = (is_due, self.continuation) {
            let mut reported = BackupCursor::of(&cursor.run);
            reported.failed = std::mem::take(&mut cursor.failed);
            reported.backed_up = std::mem::take(&mut cursor.backed_up);
            self.hand_over(cursor, &mut lease, continuation).await?;
            return end(reported);
        }
        Ok(RunOutcome::InProgress(Box::new(cursor)))
    }

    async fn acquire(
        &self,
        run: &str,
        pools: &[UserPoolId],
        asked: Asked,
    ) -> Result<Acquired<'a>, BackupError> {
        // Shards are read side by side: that is what they are for.
        let shared = self.vault.is_shared() && self.shard.is_none();
        let shared = shared.then(|| self.vault.workspace());
        Lease::acquire(shared, run, pools, asked).await
    }

    /// Lets an execution of its own go on.
    async fn hand_over(
        &self,
        cursor: BackupCursor,
        lease: &mut Lease<'_>,
        continuation: &Continuation,
    ) -> Result<BackupCursor, BackupError> {
        let now = Timestamp::now().as_millisecond();
        let pool = cursor.current.as_ref().map(PoolCursor::pool);
        let pool = pool.or(lease.due().next()).map_or("", UserPoolId::as_str);
        let cursor = BackupCursor {
            run: format!("backup-{pool}-{now}"),
            invocations: 0,
            ..cursor
        };
        let started = match lease.hand_over(&cursor.run).await {
            Ok(()) => continuation.start(&cursor).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(execution) => {
                tracing::info!(execution, "another invocation goes on");
                Ok(cursor)
            }
            Err(error) => {
                for current in cursor.put_down() {
                    self.discard(current).await;
                }
                lease.give_up().await;
                Err(error)
            }
        }
    }

    pub(crate) fn cognito_error(&self, pool: &UserPoolId, error: CognitoError) -> BackupError {
        BackupError::of(pool, self.cognito.region(), error)
    }
}
