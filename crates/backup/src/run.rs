//! One pool after the other, until all are tried or time is up.

use cognito::{Cognito, CognitoError, ErrorKind, Operation};
use jiff::Timestamp;
use model::UserPoolId;
use model::backup_row::BackupRow;
use model::document::SectionStatus;
use model::request::BackedUpPool;
use serde_json::{Value, json};
use tokio::time::Instant;
use vault::{Vault, VaultError};

use crate::continuation::Continuation;
use crate::cursor::{BackupCursor, PoolCursor};
use crate::error::{BackupError, FailedPool};
use crate::pool_run::{PoolRun, Reached};
use crate::preferences::MfaPreferences;
use crate::row::MetadataTable;

/// How often a pool is begun in all, when its key is taken at the end or its listing expires.
const BEGINNINGS: u32 = 3;

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Backups<'a> {
    /// Cognito in the pools' Region.
    pub cognito: &'a Cognito,
    /// WAF in the same Region.
    pub waf: &'a aws_sdk_wafv2::Client,
    /// Where the backups go.
    pub vault: &'a Vault,
    /// Where they are recorded.
    pub table: &'a MetadataTable,
    /// Who goes on when time is up; without, a pool must fit into one invocation.
    pub continuation: Option<&'a Continuation>,
    /// Whose MFA preferences are read, one call for each user.
    pub mfa_preferences: MfaPreferences,
    /// When to stop: some time before the invocation ends, for what must be put down.
    pub deadline: Instant,
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// All pools are backed up.
    Done(Vec<BackedUpPool>),
    /// Time is up; another invocation goes on.
    InProgress(Box<BackupCursor>),
}

/// What is to be done with a pool.
enum Start {
    Begin(UserPoolId),
    GoOn(Box<PoolCursor>),
}

/// What came of it.
enum Outcome {
    Done(Box<BackupRow>),
    Suspended(Box<PoolCursor>),
}

impl<'a> Backups<'a> {
    /// Backs up each pool. Near the deadline what is left is handed over to the continuation,
    /// and the answer is [`Progress::InProgress`].
    ///
    /// # Errors
    /// [`BackupError::Pools`] when some failed, after all were tried.
    pub async fn run(&self, pools: Vec<UserPoolId>) -> Result<Progress, BackupError> {
        let progress = self.work(BackupCursor::of(pools), self.continuation.is_some());
        let progress = progress.await?;
        if let (Progress::InProgress(cursor), Some(continuation)) = (&progress, self.continuation) {
            match continuation.start(cursor, Timestamp::now()).await {
                Ok(execution) => tracing::info!(execution, "another invocation goes on"),
                Err(error) => {
                    if let Some(current) = &cursor.current {
                        self.discard(current).await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(progress)
    }

    /// Goes on with a run: `cursor` is what `{"continue": ...}` carries.
    ///
    /// # Errors
    /// An error that is worth retrying leaves everything as the cursor says: the same cursor may
    /// be tried again. Others as [`run`](Self::run).
    pub async fn go_on(&self, cursor: Value) -> Result<Progress, BackupError> {
        let cursor = serde_json::from_value(cursor)
            .map_err(|error| BackupError::BadCursor(error.to_string()))?;
        self.work(cursor, true).await
    }

    async fn work(
        &self,
        mut cursor: BackupCursor,
        may_suspend: bool,
    ) -> Result<Progress, BackupError> {
        let mut worked = false;
        loop {
            let start = match cursor.current.take() {
                Some(current) => Start::GoOn(Box::new(current)),
                None if cursor.remaining.is_empty() => break,
                None if worked && may_suspend && self.time_is_up() => {
                    return Ok(Progress::InProgress(Box::new(cursor)));
                }
                None => Start::Begin(cursor.remaining.remove(0)),
            };
            worked = true;
            let pool = start.pool().clone();
            let goes_on = matches!(start, Start::GoOn(_));
            match Box::pin(self.pool(start, may_suspend)).await {
                Ok(Outcome::Done(row)) => cursor.backed_up.push(told(&row)),
                Ok(Outcome::Suspended(current)) => {
                    cursor.current = Some(*current);
                    return Ok(Progress::InProgress(Box::new(cursor)));
                }
                Err(error) if goes_on && error.failure().is_worth_retrying() => return Err(error),
                Err(error) => {
                    tracing::error!(user_pool_id = %pool, failure = %error.failure(), %error, "backup failed");
                    cursor.failed.push(FailedPool::new(&pool, &error));
                }
            }
        }
        if cursor.failed.is_empty() {
            return Ok(Progress::Done(cursor.backed_up));
        }
        Err(BackupError::Pools {
            tried: cursor.failed.len() + cursor.backed_up.len(),
            failed: cursor.failed,
        })
    }

    /// One pool, begun again where that is what helps.
    async fn pool(&self, start: Start, may_suspend: bool) -> Result<Outcome, BackupError> {
        let pool = start.pool().clone();
        let mut beginnings = match &start {
            Start::Begin(_) => 0,
            Start::GoOn(cursor) => cursor.beginnings,
        };
        let mut start = Some(start);
        loop {
            let start = start.take().unwrap_or_else(|| Start::Begin(pool.clone()));
            beginnings += u32::from(matches!(start, Start::Begin(_)));
            match Box::pin(self.attempt(start, beginnings, may_suspend)).await {
                Err(error) if beginnings < BEGINNINGS && begins_again(&error) => {
                    tracing::warn!(user_pool_id = %pool, %error, "beginning again");
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
    ) -> Result<Outcome, BackupError> {
        let began = Instant::now();
        let (mut run, goes_on) = match start {
            Start::Begin(pool) => {
                self.record_the_last(&pool).await;
                tracing::info!(user_pool_id = %pool, "backup begins");
                (PoolRun::begin(self, &pool, beginnings).await?, false)
            }
            Start::GoOn(cursor) => {
                let pool = cursor.key.pool();
                tracing::info!(user_pool_id = %pool, s3_key = %cursor.key, users = cursor.users(), "backup goes on");
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
            Ok(Reached::End) => run.finish().await?,
            Ok(Reached::Deadline) if may_suspend => {
                return run.suspend().await.map(Box::new).map(Outcome::Suspended);
            }
            Ok(Reached::Deadline) => {
                let (pool, users) = (run.pool().clone(), run.users());
                run.upload.abort().await;
                return Err(BackupError::NoTimeLeft { pool, users });
            }
            Err(error) => {
                // A retry of the same cursor needs the upload.
                if !(goes_on && error.failure().is_worth_retrying()) {
                    run.upload.abort().await;
                }
                return Err(error);
            }
        };
        self.table.record(&row).await?;
        tracing::info!(
            user_pool_id = %row.key.pool(),
            s3_key = %row.key,
            users = row.trailer.users,
            memberships = row.trailer.memberships,
            bytes = row.bytes,
            duration_ms = row.duration_milliseconds,
            invocation_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "backup complete"
        );
        for (section, error) in row.failed_sections() {
            tracing::warn!(user_pool_id = %row.key.pool(), %section, error, "a section could not be read");
        }
        Ok(Outcome::Done(Box::new(row)))
    }

    /// Records the pool's newest backup if nobody did: an invocation may have died between
    /// completing it and recording it.
    async fn record_the_last(&self, pool: &UserPoolId) {
        let recorded = async {
            let newest = self.vault.list(Some(pool), None, 1).await?;
            let Some(newest) = newest.first() else {
                return Ok(false);
            };
            let backup = self.vault.open(&newest.key, None).await?;
            // The reference implementation recorded its own, under finer times.
            if backup.head.format_version == 1 {
                return Ok(false);
            }
            let row = BackupRow::new(
                backup.key.clone(),
                backup.version_id.clone(),
                &backup.head,
                backup.trailer.clone(),
                backup.bytes,
                backup.trailer.reading_ended,
            );
            self.table.record_if_missing(&row).await
        };
        match recorded.await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(user_pool_id = %pool, "the last backup was not recorded; now it is")
            }
            Err(error) => {
                tracing::warn!(user_pool_id = %pool, %error, "the last backup could not be looked at");
            }
        }
    }

    pub(crate) fn time_is_up(&self) -> bool {
        Instant::now() >= self.deadline
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
        BackupError::Unresumable { .. } => true,
        // There is nothing in these requests that Cognito could refuse, but for an old token.
        BackupError::Cognito(error) => {
            let lists = [Operation::ListUsers, Operation::ListUsersInGroup];
            error.is(ErrorKind::Refused) && lists.contains(&error.operation)
        }
        _ => false,
    }
}

fn told(row: &BackupRow) -> BackedUpPool {
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
    }
}

impl Progress {
    /// The pools for the answer of the first invocation: those that are backed up, and the one
    /// that goes on.
    pub fn backups(&self) -> Vec<BackedUpPool> {
        match self {
            Progress::Done(backed_up) => backed_up.clone(),
            Progress::InProgress(cursor) => {
                let mut backups = cursor.backed_up.clone();
                backups.extend(cursor.current.as_ref().map(|current| BackedUpPool {
                    user_pool_id: current.key.pool().clone(),
                    s3_key: current.key.clone(),
                    user_count: current.users(),
                    failed_sections: Vec::new(),
                    continues: true,
                }));
                backups
            }
        }
    }

    /// The answer to the continuation: `{"status": "DONE", "backups": [...]}` or
    /// `{"status": "IN_PROGRESS", "continue": {...}}`.
    pub fn to_continuation(&self) -> Value {
        match self {
            Progress::Done(backups) => json!({"status": "DONE", "backups": backups}),
            Progress::InProgress(cursor) => json!({"status": "IN_PROGRESS", "continue": cursor}),
        }
    }
}
