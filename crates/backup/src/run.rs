//! One pool after the other, until all are tried or time is up.

use std::time::Duration;

use cognito::{Cognito, CognitoError, ErrorKind, Operation, Stop};
use jiff::{SignedDuration, Timestamp};
use model::backup_row::BackupRow;
use model::change::ShrinkLimits;
use model::document::SectionStatus;
use model::observe::{Activity, Ending, Event, Observer};
use model::request::BackedUpPool;
use model::restore::FindingCounts;
use model::{Shard, UserPoolId};
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::Instrument as _;
use vault::{SecretsKey, Vault, VaultError};

use crate::by_prefix::UsersByPrefix;
use crate::change;
use crate::continuation::Continuation;
use crate::cursor::{BackupCursor, PoolCursor};
use crate::error::{BackupError, FailedPool};
use crate::lease::{Acquired, Asked, Lease};
use crate::pool_run::{PoolRun, Reached};
use crate::preferences::MfaPreferences;
use crate::row::MetadataTable;

/// How often a pool is begun in all, when its key is taken at the end, a group's listing expires, or
/// what lies there is not what was written.
const BEGINNINGS: u32 = 3;
/// When a place that was put down goes before pools that are due: its token lives for 55 minutes.
const GROWS_OLD: SignedDuration = SignedDuration::from_mins(25);
/// How long a pool is read at a time while others wait.
const LONGEST_TURN: Duration = Duration::from_secs(10 * 60);
/// How long the turns of all pools that are being read take together: shorter than a place takes
/// to grow old, or pools that are due would never be begun.
const ALL_TURNS: Duration = Duration::from_secs(20 * 60);
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

/// How far a run came.
#[derive(Debug, Clone, PartialEq)]
pub enum RunOutcome {
    /// All pools are backed up.
    Done(Vec<BackedUpPool>),
    /// Time is up; another invocation goes on.
    InProgress(Box<BackupCursor>),
    /// Another run is at work, and takes these pools.
    LeftTo {
        /// Which one.
        run: String,
        /// What was asked for.
        pools: Vec<UserPoolId>,
    },
}

/// What is to be done with a pool.
enum Start {
    Begin(UserPoolId),
    GoOn(Box<PoolCursor>),
}

/// What came of it.
enum PoolOutcome {
    Done(Box<BackupRow>),
    Suspended(Box<PoolCursor>),
    /// It was to stop, and nobody goes on: nothing is left of it.
    GivenUp,
}

/// Why an invocation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// Nothing is left to do, and the lease is released.
    AtTheEnd,
    /// Time is up, or only the next invocation can go on.
    NoTimeLeft,
}

/// What is done next: a pool that is due is begun, unless a place that was put down grows old.
/// So small pools do not wait for a large one, and the large one's token does not expire.
fn next(cursor: &mut BackupCursor, lease: &Lease<'_>, now: Timestamp) -> Option<Start> {
    let put_down = |pool: &UserPoolId| cursor.put_down().any(|current| current.pool() == pool);
    let due = lease.due().find(|pool| !put_down(pool)).cloned();
    let grows_old = cursor
        .current
        .as_ref()
        .is_some_and(|current| now.duration_since(current.reached) >= GROWS_OLD);
    match due {
        Some(pool) if !grows_old => Some(Start::Begin(pool)),
        _ => cursor.take_up().map(Box::new).map(Start::GoOn),
    }
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

    /// Reads one pool after the other, in turns where they take long.
    async fn work(
        &self,
        mut cursor: BackupCursor,
        lease: &mut Lease<'_>,
        may_suspend: bool,
    ) -> Result<(BackupCursor, Stopped), BackupError> {
        let mut worked = false;
        loop {
            let Some(start) = next(&mut cursor, lease, Timestamp::now()) else {
                if lease.release().await? {
                    return Ok((cursor, Stopped::AtTheEnd));
                }
                continue;
            };
            let is_due = worked && may_suspend && self.stop.is_requested();
            if is_due || self.stop.is_signalled() {
                if let Start::GoOn(current) = start {
                    cursor.put(*current);
                }
                return Ok((cursor, Stopped::NoTimeLeft));
            }
            let pool = start.pool().clone();
            let goes_on = matches!(start, Start::GoOn(_));
            let began = match &start {
                Start::Begin(_) => Timestamp::now(),
                Start::GoOn(current) => {
                    let began = cursor.began.get(&pool).copied();
                    began.unwrap_or_else(|| current.key.began())
                }
            };
            let kept = match &start {
                Start::GoOn(current) => Some(current.clone()),
                Start::Begin(_) => None,
            };
            let put_down = cursor.put_down().count();
            let others_wait = put_down > 0 || lease.due().any(|due| *due != pool);
            let turn = match others_wait && may_suspend {
                true => self.turn(put_down + 1),
                false => self.clone(),
            };
            let activity = Activity::Backup {
                user_pool_id: pool.clone(),
            };
            self.observer.event(Event::Began {
                activity: activity.clone(),
            });
            // Shown at every level.
            let span = tracing::error_span!("backup", user_pool_id = %pool);
            let work = Box::pin(turn.pool(start, may_suspend, lease));
            let outcome = work.instrument(span).await;
            self.observer.event(Event::Ended {
                activity,
                ending: match &outcome {
                    Ok(PoolOutcome::Done(_)) => Ending::Done,
                    Ok(PoolOutcome::Suspended(_) | PoolOutcome::GivenUp) => Ending::Interrupted,
                    Err(error) if goes_on && error.failure().is_worth_retrying() => {
                        Ending::Interrupted
                    }
                    Err(_) => Ending::Failed,
                },
                findings: FindingCounts::default(),
                manual_steps: 0,
            });
            match outcome {
                Ok(PoolOutcome::Done(row)) => {
                    cursor.began.remove(&pool);
                    lease.strike(&pool, began).await?;
                    cursor.name(backed_up(&row));
                }
                Ok(PoolOutcome::Suspended(current)) => {
                    cursor.began.insert(pool, began);
                    cursor.put(*current);
                    lease.confirm().await?;
                }
                Ok(PoolOutcome::GivenUp) => return Ok((cursor, Stopped::NoTimeLeft)),
                Err(error @ BackupError::LeaseLost { .. }) => return Err(error),
                Err(error) if goes_on && error.failure().is_worth_retrying() => {
                    // What was reached meanwhile is kept; the next invocation meets the error.
                    let (true, Some(kept)) = (worked && may_suspend, kept) else {
                        return Err(error);
                    };
                    tracing::warn!(user_pool_id = %pool, %error, "the next invocation tries again");
                    cursor.put(*kept);
                    return Ok((cursor, Stopped::NoTimeLeft));
                }
                Err(error) => {
                    tracing::error!(user_pool_id = %pool, failure = %error.failure(), %error, "backup failed");
                    cursor.began.remove(&pool);
                    lease.strike(&pool, Timestamp::now()).await?;
                    cursor.failed.push(FailedPool::new(&pool, &error));
                }
            }
            worked = true;
        }
    }

    /// The same with a stop that leaves the others their turn, when `pools` are being read.
    fn turn(&self, pools: usize) -> Backups<'a> {
        let turn = ALL_TURNS / u32::try_from(pools).unwrap_or(u32::MAX);
        let turn = LONGEST_TURN.min(turn);
        Backups {
            stop: self.stop.or_at(Instant::now() + turn),
            ..self.clone()
        }
    }

    /// One pool, begun again where that is what helps.
    async fn pool(
        &self,
        start: Start,
        may_suspend: bool,
        lease: &mut Lease<'_>,
    ) -> Result<PoolOutcome, BackupError> {
        let pool = start.pool().clone();
        let mut beginnings = match &start {
            Start::Begin(_) => 0,
            Start::GoOn(cursor) => cursor.beginnings,
        };
        let mut start = Some(start);
        loop {
            let start = start.take().unwrap_or_else(|| Start::Begin(pool.clone()));
            beginnings += u32::from(matches!(start, Start::Begin(_)));
            match Box::pin(self.attempt(start, beginnings, may_suspend, lease)).await {
                Err(error) if beginnings < BEGINNINGS && begins_again(&error) => {
                    tracing::warn!(%error, "beginning again");
                }
                other => return other,
            }
        }
    }

    async fn attempt(
        &self,
        start: Start,
        beginnings: u32,
        may_suspend: bool,
        lease: &mut Lease<'_>,
    ) -> Result<PoolOutcome, BackupError> {
        let began = Instant::now();
        let (mut run, goes_on) = match start {
            Start::Begin(pool) => {
                // What this run wrote and did not find whole is not recorded.
                if beginnings == 1 {
                    self.record_the_last(&pool).await;
                }
                tracing::info!("backup begins");
                (PoolRun::begin(self, &pool, beginnings).await?, false)
            }
            Start::GoOn(cursor) => {
                let pool = cursor.key.pool();
                tracing::info!(s3_key = %cursor.key, users = cursor.users(), "backup goes on");
                if !cursor.is_fresh(Timestamp::now()) {
                    self.discard(&cursor).await;
                    return Err(BackupError::Unresumable {
                        pool: pool.clone(),
                        problem: "its listing token has expired".into(),
                    });
                }
                (self.resume(&cursor).await?, true)
            }
        };
        let row = match run.read().await {
            Ok(Reached::End) => {
                if let Err(error) = lease.confirm().await {
                    if !(goes_on && error.failure().is_worth_retrying()) {
                        run.upload.abort().await;
                    }
                    return Err(error);
                }
                run.finish().await?
            }
            Ok(Reached::Stop) if may_suspend => {
                return run
                    .suspend()
                    .await
                    .map(Box::new)
                    .map(PoolOutcome::Suspended);
            }
            Ok(Reached::Stop) => {
                let (pool, users) = (run.pool().clone(), run.users());
                run.upload.abort().await;
                return match self.stop.is_signalled() {
                    true => Ok(PoolOutcome::GivenUp),
                    false => Err(BackupError::NoTimeLeft { pool, users }),
                };
            }
            Err(error) => {
                // A retry of the same cursor needs the upload.
                if !(goes_on && error.failure().is_worth_retrying()) {
                    run.upload.abort().await;
                }
                return Err(error);
            }
        };
        if let Some(table) = self.table
            && let Err(error) = table.record(&row).await
        {
            let user_pool_id = row.key.pool().clone();
            self.observer.event(Event::NotRecorded { user_pool_id });
            return Err(error);
        }
        tracing::info!(
            s3_key = %row.key,
            users = row.trailer.users,
            memberships = row.trailer.memberships,
            bytes = row.bytes,
            duration_ms = row.duration_milliseconds,
            invocation_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            users_listing = row.users_listing.map(|listing| listing.to_string()),
            "backup complete"
        );
        for (section, error) in row.failed_sections() {
            tracing::warn!(%section, error, "a section could not be read");
        }
        change::tell(row.trailer.change.as_ref());
        self.observer.event(Event::BackedUp {
            user_pool_id: row.key.pool().clone(),
            users: row.trailer.users,
            bytes: row.bytes,
            milliseconds: row.duration_milliseconds,
            failed_sections: row.failed_sections().count() as u64,
            change: row.trailer.change.clone(),
        });
        Ok(PoolOutcome::Done(Box::new(row)))
    }

    /// Records the pool's newest backup if nobody did: an invocation may have died between
    /// completing it and recording it.
    async fn record_the_last(&self, pool: &UserPoolId) {
        let Some(table) = self.table else { return };
        let recorded = async {
            let newest = self.vault.list(Some(pool), None, 1).await?;
            let Some(newest) = newest.first() else {
                return Ok(false);
            };
            let backup = self.vault.open_as_stored(&newest.key, None).await?;
            // The reference implementation recorded its own, under finer times.
            if backup.head.format_version == 1 {
                return Ok(false);
            }
            let row = BackupRow::new(
                newest.key.clone(),
                backup.version_id.clone(),
                &backup.head,
                backup.trailer.clone(),
                backup.bytes,
                backup.trailer.reading_ended,
            );
            table.record_if_missing(&row).await
        };
        match recorded.await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!("the last backup was not recorded; now it is")
            }
            Err(error) => {
                tracing::warn!(%error, "the last backup could not be looked at");
            }
        }
    }

    pub(crate) fn cognito_error(&self, pool: &UserPoolId, error: CognitoError) -> BackupError {
        BackupError::of(pool, self.cognito.region(), error)
    }
}

impl Start {
    fn pool(&self) -> &UserPoolId {
        match self {
            Start::Begin(pool) => pool,
            Start::GoOn(cursor) => cursor.key.pool(),
        }
    }
}

/// Whether the pool's backup may succeed when it is begun anew.
fn begins_again(error: &BackupError) -> bool {
    match error {
        BackupError::Vault(VaultError::KeyTaken(_) | VaultError::UploadEnded(_)) => true,
        // What was written is not what lies there.
        BackupError::Vault(VaultError::Damaged { .. }) => true,
        BackupError::Unresumable { .. } => true,
        // There is nothing in these requests that Cognito could refuse, but for an old token.
        BackupError::Cognito(error) => {
            error.is(ErrorKind::Refused) && error.operation == Operation::ListUsersInGroup
        }
        _ => false,
    }
}

fn backed_up(row: &BackupRow) -> BackedUpPool {
    BackedUpPool {
        user_pool_id: row.key.pool().clone(),
        s3_key: row.key.clone(),
        user_count: row.trailer.users,
        failed_sections: row
            .sections
            .iter()
            .filter(|(_, status)| matches!(status, SectionStatus::Failed { .. }))
            .map(|(section, _)| section.member().to_owned())
            .collect(),
        continues: false,
        users_listing: row.users_listing,
    }
}

impl RunOutcome {
    /// The pools for the answer of the first invocation: those that are backed up, and the one
    /// that goes on.
    pub fn backups(&self) -> Vec<BackedUpPool> {
        match self {
            RunOutcome::Done(backed_up) => backed_up.clone(),
            RunOutcome::InProgress(cursor) => {
                let mut backups = cursor.backed_up.clone();
                backups.extend(cursor.put_down().map(|current| BackedUpPool {
                    user_pool_id: current.key.pool().clone(),
                    s3_key: current.key.clone(),
                    user_count: current.users(),
                    failed_sections: Vec::new(),
                    continues: true,
                    users_listing: None,
                }));
                backups
            }
            RunOutcome::LeftTo { .. } => Vec::new(),
        }
    }

    /// Why there was nothing to do, if so.
    pub fn nothing(&self) -> Option<String> {
        match self {
            RunOutcome::LeftTo { run, pools } => {
                let pools: Vec<&str> = pools.iter().map(UserPoolId::as_str).collect();
                let pools = pools.join(", ");
                Some(format!("the run {run} is at work, and takes {pools}"))
            }
            RunOutcome::Done(_) | RunOutcome::InProgress(_) => None,
        }
    }

    /// The answer to the continuation: `{"status": "DONE", "backups": [...]}` or
    /// `{"status": "IN_PROGRESS", "continue": {...}}`.
    pub fn to_continuation(&self) -> Value {
        match self {
            RunOutcome::Done(backups) => json!({"status": "DONE", "backups": backups}),
            RunOutcome::InProgress(cursor) => json!({"status": "IN_PROGRESS", "continue": cursor}),
            RunOutcome::LeftTo { .. } => json!({"status": "DONE", "backups": []}),
        }
    }
}
