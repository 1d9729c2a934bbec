//! The backup of one pool in this invocation: begun or gone on with, begun again where that helps,
//! and recorded.

use cognito::{ErrorKind, Operation};
use jiff::Timestamp;
use model::UserPoolId;
use model::backup_row::BackupRow;
use model::observe::Event;
use tokio::time::Instant;
use vault::VaultError;

use super::Backups;
use crate::change;
use crate::cursor::PoolCursor;
use crate::error::BackupError;
use crate::lease::Lease;
use crate::pool_run::{PoolRun, Reached};

/// How often a pool is begun in all, when its key is taken at the end, a group's listing expires, or
/// what lies there is not what was written.
const BEGINNINGS: u32 = 3;

/// What is to be done with a pool.
pub(super) enum Start {
    Begin(UserPoolId),
    GoOn(Box<PoolCursor>),
}

/// What came of it.
pub(super) enum PoolOutcome {
    Done(Box<BackupRow>),
    Suspended(Box<PoolCursor>),
    /// It was to stop, and nobody goes on: nothing is left of it.
    GivenUp,
}

impl Start {
    pub(super) fn pool(&self) -> &UserPoolId {
        match self {
            Start::Begin(pool) => pool,
            Start::GoOn(cursor) => cursor.key.pool(),
        }
    }
}

impl Backups<'_> {
    /// One pool, begun again where that is what helps.
    pub(super) async fn pool(
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
