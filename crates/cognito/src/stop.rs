//! When work is to stop: at a deadline, when somebody asks for it, or never.
//!
//! A Lambda has a deadline, a person at a terminal presses Ctrl-C, a scheduled job on a server may
//! have both. Whoever works looks at its [`Stop`] between two pieces of work, and waits through
//! it, so that no wait outlives it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// Asks for a stop, such as when Ctrl-C was pressed.
#[derive(Debug)]
pub struct StopSignal(watch::Sender<Option<Instant>>);

impl Default for StopSignal {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl StopSignal {
    /// Asks everybody who works by [`stop`](Self::stop) to stop now. The first time counts.
    pub fn request(&self) {
        self.0.send_if_modified(|at| {
            let is_first = at.is_none();
            at.get_or_insert_with(Instant::now);
            is_first
        });
    }

    /// A stop that comes with this signal, and not before.
    pub fn stop(&self) -> Stop {
        Stop {
            deadline: None,
            signal: Some(self.0.subscribe()),
        }
    }
}

/// When work is to stop: a deadline, a signal, whichever comes first, or never.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    deadline: Option<Instant>,
    signal: Option<watch::Receiver<Option<Instant>>>,
}

impl Stop {
    /// Work goes on until it is done.
    pub fn never() -> Self {
        Self::default()
    }

    /// Work stops at `deadline`.
    pub fn at(deadline: Instant) -> Self {
        Self::never().or_at(deadline)
    }

    /// Work stops when `time` has passed from now.
    pub fn after(time: Duration) -> Self {
        Self::at(Instant::now() + time)
    }

    /// The same, at `deadline` at the latest.
    #[must_use]
    pub fn or_at(&self, deadline: Instant) -> Self {
        let earlier = self.deadline.map_or(deadline, |own| own.min(deadline));
        Self {
            deadline: Some(earlier),
            signal: self.signal.clone(),
        }
    }

    /// The same, when half of the time that is left now is over: for what must not take all of it.
    #[must_use]
    pub fn halfway(&self) -> Self {
        match self.time_left() {
            Some(left) => self.or_at(Instant::now() + left / 2),
            None => self.clone(),
        }
    }

    /// Whether work is to stop now.
    pub fn is_requested(&self) -> bool {
        self.requested_at().is_some()
    }

    /// Whether somebody asked for it, deadlines aside.
    pub fn is_signalled(&self) -> bool {
        self.signalled_at().is_some()
    }

    /// How long work may still go on; `None` without a deadline, zero once a stop is requested.
    pub fn time_left(&self) -> Option<Duration> {
        if self.is_requested() {
            return Some(Duration::ZERO);
        }
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline.map(left)
    }

    /// Whether work goes on for more than `time`, as far as is known now.
    pub fn leaves(&self, time: Duration) -> bool {
        self.time_left().is_none_or(|left| left > time)
    }

    /// Waits until work is to stop.
    pub async fn requested(&self) {
        let deadline = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let signal = async {
            if let Some(mut signal) = self.signal.clone()
                && signal.wait_for(Option::is_some).await.is_ok()
            {
                return;
            }
            // Nobody is left who could ask.
            std::future::pending().await
        };
        tokio::select! {
            () = deadline => {}
            () = signal => {}
        }
    }

    /// Waits until a stop was requested and `grace` has passed since: for what had better be
    /// finished than broken off.
    pub async fn requested_for(&self, grace: Duration) {
        self.requested().await;
        if let Some(at) = self.requested_at() {
            sleep_until(at + grace).await;
        }
    }

    /// What `work` gives; `None` when the stop came first, and `work` was broken off.
    pub async fn unless_requested<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.requested() => None,
        }
    }

    /// Waits for `time`; false, at once, when the stop comes before that is over.
    pub async fn sleep(&self, time: Duration) -> bool {
        self.leaves(time) && self.unless_requested(sleep(time)).await.is_some()
    }

    fn requested_at(&self) -> Option<Instant> {
        let passed = self.deadline.filter(|at| *at <= Instant::now());
        let signalled = self.signalled_at();
        passed.into_iter().chain(signalled).min()
    }

    fn signalled_at(&self) -> Option<Instant> {
        self.signal.as_ref().and_then(|signal| *signal.borrow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn without_deadline_and_signal_work_goes_on() {
        let stop = Stop::never();
        assert!(!stop.is_requested());
        assert_eq!(stop.time_left(), None);
        assert!(stop.leaves(Duration::MAX));
        assert!(stop.sleep(3600 * SECOND).await);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_work_stops() {
        let stop = Stop::after(10 * SECOND);
        assert_eq!(stop.time_left(), Some(10 * SECOND));
        assert!(stop.leaves(9 * SECOND) && !stop.leaves(10 * SECOND));
        let began = Instant::now();
        stop.requested().await;
        assert_eq!(began.elapsed(), 10 * SECOND);
        assert!(stop.is_requested() && !stop.is_signalled());
        assert!(!stop.leaves(Duration::ZERO));
        assert!(!stop.sleep(Duration::ZERO).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_would_outlive_the_deadline_is_not_begun() {
        let stop = Stop::after(10 * SECOND);
        let began = Instant::now();
        assert!(!stop.sleep(11 * SECOND).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_a_wait_at_once_whatever_the_deadline() {
        for deadline in [None, Some(Instant::now() + 3600 * SECOND)] {
            let signal = StopSignal::default();
            let stop = signal.stop();
            let stop = deadline.map_or(stop.clone(), |at| stop.or_at(at));
            assert!(!stop.is_requested());
            let began = Instant::now();
            let asks = async {
                sleep(2 * SECOND).await;
                signal.request();
            };
            let (slept, ()) = tokio::join!(stop.sleep(600 * SECOND), asks);
            assert!(!slept);
            assert_eq!(began.elapsed(), 2 * SECOND);
            assert_eq!(stop.time_left(), Some(Duration::ZERO));
            assert!(stop.is_signalled());
            assert_eq!(stop.unless_requested(sleep(SECOND)).await, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn grace_counts_from_the_first_request() {
        let signal = StopSignal::default();
        let stop = signal.stop();
        signal.request();
        sleep(5 * SECOND).await;
        signal.request();
        let began = Instant::now();
        stop.requested_for(20 * SECOND).await;
        assert_eq!(began.elapsed(), 15 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_that_nobody_can_give_any_more_stops_nothing() {
        let stop = StopSignal::default().stop();
        assert!(stop.sleep(SECOND).await);
    }
}
