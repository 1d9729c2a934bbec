//! One pool after the other, in turns where they take long, until all are tried or time is up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::UserPoolId;
use model::observe::{Activity, Ending, Event};
use model::restore::FindingCounts;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Backups;
use super::one_pool::{PoolOutcome, Start};
use super::outcome::backed_up;
use crate::cursor::BackupCursor;
use crate::error::{BackupError, FailedPool};
use crate::lease::Lease;

/// When a position that was put down goes before pools that are due: its token lives for 55
/// minutes.
const GROWS_OLD: SignedDuration = SignedDuration::from_mins(25);
/// How long a pool is read at a time while others wait.
const LONGEST_TURN: Duration = Duration::from_secs(10 * 60);
/// How long the turns of all pools that are being read take together: shorter than a position takes
/// to grow old, or pools that are due would never be begun.
const ALL_TURNS: Duration = Duration::from_secs(20 * 60);

/// Why an invocation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Nothing is left to do, and the lease is released.
    AtTheEnd,
    /// Time is up, or only the next invocation can go on.
    NoTimeLeft,
}

/// What is done next: a pool that is due is begun, unless a position that was put down grows old.
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

impl<'a> Backups<'a> {
    /// Reads one pool after the other, in turns where they take long.
    pub(super) async fn work(
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
}
