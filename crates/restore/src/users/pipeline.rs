//! Many users at once, each user's calls in sequence.
//!
//! The calls of one user belong to different quota categories (facts E). With many users on
//! their way, all categories run at the same time, and the slowest alone sets the time. Users
//! finish in any order and are entered in the order of the backup, so that one place in it tells
//! what is done.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::document::UserRecord;
use model::observe::{Counted, Event};
use model::restore::RestoreState;
use vault::UserLine;

use super::ledger::{Ledger, Made};
use super::register::Register;
use crate::context::Restore;
use crate::error::RestoreError;

/// Users on their way. At 50 creations a second and some 30 passwords a second behind them,
/// users wait for quotas, not for places here; each takes some kilobytes.
const IN_FLIGHT: usize = 192;
/// So many are begun at first, and one more for each that is done: even an invocation with
/// little time gets some users done, instead of many begun.
const FIRST: usize = 16;
/// Users that are done or on their way behind the first that is not done: what an invocation
/// that dies does again, and what one slow user may hold up.
const WINDOW: usize = 2048;
/// New users are not begun in the last part of an invocation, so that those on their way get
/// done: this long, or an eighth of the invocation if that is less.
const LAST_PART: Duration = Duration::from_secs(12);

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All users are through.
    AllUsers,
    /// The stop came first; everything is saved.
    Stopped,
}

/// A user on the way or done.
struct UserOnTheWay {
    next_offset: u64,
    made: Option<Made>,
}

/// Takes the users of the backup, from where the state stands, through `work`.
///
/// # Errors
/// The first that `work` or the backup gives. What is done up to it is saved.
pub(super) async fn run<F, W>(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    register: &Register<'_>,
    work: F,
) -> Result<Ended, RestoreError>
where
    F: Fn(UserRecord) -> W,
    W: Future<Output = Result<Made, RestoreError>>,
{
    let mut users = restore.backup.users(state.users.offset).await?;
    let eighth = restore.stop.time_left().map(|left| left / 8);
    let last_part = eighth.unwrap_or_default().min(LAST_PART);
    let mut ledger = Ledger::new();
    let mut window: VecDeque<UserOnTheWay> = VecDeque::new();
    let mut first: u64 = 0;
    let mut reached = state.users.offset;
    let mut flying = FuturesUnordered::new();
    let mut landed = Vec::new();
    let mut room = FIRST;
    let mut all_begun = false;
    let mut error = None;
    loop {
        while error.is_none()
            && !all_begun
            && flying.len() < room
            && window.len() < WINDOW
            && landed.is_empty()
            && restore.stop.leaves(last_part)
        {
            match beside(&mut flying, &mut landed, users.next()).await {
                Ok(Some(UserLine {
                    record,
                    next_offset,
                    ..
                })) => {
                    let number = first + window.len() as u64;
                    window.push_back(UserOnTheWay {
                        next_offset,
                        made: None,
                    });
                    let work = work(record);
                    flying.push(async move { (number, work.await) });
                }
                Ok(None) => all_begun = true,
                Err(failed) => error = Some(failed.into()),
            }
        }
        if landed.is_empty() {
            match restore.stop.unless_requested(flying.next()).await {
                Some(Some(one)) => landed.push(one),
                // Nobody is on the way: all are through, or no more were begun.
                Some(None) => break,
                // What is on the way is left as if the invocation had died: the next one looks.
                None => {
                    flying.clear();
                    break;
                }
            }
        }
        for (number, result) in landed.drain(..) {
            match result {
                Ok(made) => {
                    let place = usize::try_from(number - first).unwrap_or(usize::MAX);
                    if let Some(place) = window.get_mut(place) {
                        place.made = Some(made);
                    }
                    room = (room + 1).min(IN_FLIGHT);
                }
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        while let Some(place) = window.front_mut() {
            let Some(made) = place.made.take() else { break };
            reached = Some(place.next_offset);
            ledger.enter(made);
            window.pop_front();
            first += 1;
            restore.observer.event(Event::Progress {
                of_what: Counted::Users,
                done: state.users.counts.seen + ledger.seen(),
                total: Some(restore.backup.trailer.users),
            });
        }
        if ledger.is_due() {
            let save = ledger.save(restore, state, reached, register);
            beside(&mut flying, &mut landed, save).await?;
        }
    }
    let through = all_begun && window.is_empty();
    ledger.save(restore, state, reached, register).await?;
    match error {
        Some(error) => Err(error),
        None if through => Ok(Ended::AllUsers),
        None => Ok(Ended::Stopped),
    }
}

/// Waits for `other` while those on the way go on. One of them may hold what `other` waits for, such
/// as the lock of the restore's folder, and would never let go of it if it were not polled.
async fn beside<F: Future, T>(
    flying: &mut FuturesUnordered<F>,
    landed: &mut Vec<F::Output>,
    other: impl Future<Output = T>,
) -> T {
    let mut other = pin!(other);
    loop {
        tokio::select! {
            biased;
            done = &mut other => return done,
            Some(one) = flying.next() => landed.push(one),
        }
    }
}
