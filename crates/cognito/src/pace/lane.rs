//! The time line of one limit: its rate, and who waits for a place on it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::lock;
use crate::operation::{Category, Operation};

/// After a throttle a category goes on at this part of its rate.
const SLOWED_TO: f64 = 0.7;
/// A rate never falls below this part of the share: the quota is ours to use, if not now.
const SLOWEST: f64 = 0.05;
/// Throttles within this time count as one: they answer calls sent at the same rate.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// Without throttles a rate grows by this part of the share in a second.
const RECOVERY_PER_SECOND: f64 = 0.05;

/// How much of a category's rate may go at once after a time without calls. A quota is a number
/// of requests per second, so a second's worth is within it (how Cognito counts is not
/// documented); somewhat less, for calls do not arrive as evenly as they are sent.
const BURST: Duration = Duration::from_millis(900);
/// What may be made up for when a place was used too late, bursts aside.
const SLOW_MOMENT: Duration = Duration::from_millis(100);

/// What has a rate of its own: a category, or an operation on a pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Category(Category),
    OperationAndPool(Operation, String),
}

/// Who waits for a lane, in the order in which they came: the turn is with the first.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) state: Mutex<LaneState>,
}

#[derive(Debug)]
pub(super) struct LaneState {
    share: f64,
    pub(super) rate: f64,
    next: Instant,
    grown: Instant,
    throttled: Option<Instant>,
}

impl Queue {
    /// Waits for the turn, and then until there is a place. Whoever drops what this returns
    /// without taking the place leaves it to the next.
    pub(super) async fn wait(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        loop {
            // Looked at again after each sleep: a throttle meanwhile moves it.
            let at = lock(&self.state).next_place();
            if at <= Instant::now() {
                return turn;
            }
            tokio::time::sleep_until(at).await;
        }
    }
}

impl LaneState {
    pub(super) fn new(share: f64) -> Self {
        let now = Instant::now();
        Self {
            share,
            rate: share,
            next: now.checked_sub(BURST).unwrap_or(now),
            grown: now,
            throttled: None,
        }
    }

    /// When the next place is free. Places not used are lost, but for a burst's worth at full
    /// rate; while a throttle has its effect, only a slow moment may be made up for.
    pub(super) fn next_place(&mut self) -> Instant {
        let now = Instant::now();
        self.grow(now);
        let kept = if self.rate < self.share {
            SLOW_MOMENT
        } else {
            // The place that is taken at once is one of the burst.
            let seconds = BURST.as_secs_f64() - 1.0 / self.rate;
            Duration::from_secs_f64(seconds.max(SLOW_MOMENT.as_secs_f64()))
        };
        self.next.max(now.checked_sub(kept).unwrap_or(now))
    }

    pub(super) fn take(&mut self) {
        self.next = self.next_place() + Duration::from_secs_f64(1.0 / self.rate);
    }

    pub(super) fn grow(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.grown).as_secs_f64();
        self.grown = now;
        self.rate = (self.rate + seconds * RECOVERY_PER_SECOND * self.share).min(self.share);
    }

    pub(super) fn slow_down(&mut self) {
        let now = Instant::now();
        if self
            .throttled
            .is_some_and(|at| now.saturating_duration_since(at) < ONE_THROTTLE)
        {
            return;
        }
        self.throttled = Some(now);
        self.grow(now);
        self.rate = (self.rate * SLOWED_TO).max(self.share * SLOWEST);
        // The budget is used up for now: the next call waits for a quarter of a second at least.
        self.next = self.next.max(now + Duration::from_millis(250));
    }

    pub(super) fn change_share(&mut self, share: f64) {
        self.rate *= share / self.share;
        self.share = share;
    }
}
