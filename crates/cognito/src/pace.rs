//! Keeping to a share of Cognito's quotas.
//!
//! Quotas belong to the account and the Region, production included. Each category has a rate;
//! calls wait in line for the next free place on its time line. A throttle slows the category at
//! once, and every second without one speeds it up again, up to its share.

mod lane;
mod usage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use crate::operation::{Category, Operation};
use lane::{Lane, LaneState, Queue};

pub use usage::{Usage, Used};

/// How much of the quotas a run may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    share: f64,
    /// Quotas that the operator gave: no other source counts.
    given: HashMap<Category, f64>,
    /// Quotas that the account was found to have.
    found: HashMap<Category, f64>,
    per_operation_and_pool: f64,
}

/// A list of quotas that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{entry:?} is not a quota: write CATEGORY=REQUESTS_PER_SECOND, separated by commas, with the categories {}",
    Category::ALL.iter().map(|category| category.name()).collect::<Vec<_>>().join(", ")
)]
pub struct BadQuota {
    entry: String,
}

impl Pace {
    /// A share of the default quotas, such as 0.5. Values outside 0.01 to 1 are brought inside.
    pub fn share_of_quotas(share: f64) -> Self {
        let share = if share.is_finite() {
            share.clamp(0.01, 1.0)
        } else {
            0.5
        };
        Self {
            share,
            given: HashMap::new(),
            found: HashMap::new(),
            per_operation_and_pool: 1.0,
        }
    }

    /// No limit but what the service itself sets: for tests against a simulator without quotas.
    pub fn unlimited() -> Self {
        let quotas = Category::ALL.iter().map(|category| (*category, 1e9));
        Self {
            share: 1.0,
            given: quotas.collect(),
            found: HashMap::new(),
            per_operation_and_pool: 1e9,
        }
    }

    /// Sets a quota that was raised for the account, in requests per second.
    pub fn with_quota(mut self, category: Category, per_second: f64) -> Self {
        self.given.insert(category, per_second);
        self
    }

    /// Sets the quotas of a list such as `UserCreation=120,UserRead=300`, in requests per second.
    ///
    /// # Errors
    /// [`BadQuota`] that names the first entry which is none.
    pub fn with_quotas(mut self, list: &str) -> Result<Self, BadQuota> {
        for entry in list.split(',').map(str::trim) {
            if entry.is_empty() {
                continue;
            }
            let quota = entry.split_once('=').and_then(|(name, quota)| {
                let category = Category::ALL.iter().find(|known| known.name() == name)?;
                let quota = quota.parse().ok()?;
                (1.0..=1e6).contains(&quota).then_some((*category, quota))
            });
            let (category, quota) = quota.ok_or_else(|| BadQuota {
                entry: entry.to_owned(),
            })?;
            self = self.with_quota(category, quota);
        }
        Ok(self)
    }

    /// The rate that a category may reach, in requests per second.
    pub fn rate(&self, category: Category) -> f64 {
        let quota = self.given.get(&category).or(self.found.get(&category));
        quota.copied().unwrap_or(category.default_quota()) * self.share
    }

    /// The whole quota of a category, in requests per second.
    fn quota(&self, category: Category) -> f64 {
        self.rate(category) / self.share
    }

    fn is_given(&self, category: Category) -> bool {
        self.given.contains_key(&category)
    }
}

/// Hands out permits. One for all tasks of an invocation.
#[derive(Debug)]
pub struct Pacer {
    pace: Mutex<Pace>,
    lanes: Mutex<HashMap<Lane, Arc<Queue>>>,
    usage: Mutex<Usage>,
}

impl Pacer {
    /// A pacer that keeps to `pace`.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace: Mutex::new(pace),
            lanes: Mutex::new(HashMap::new()),
            usage: Mutex::default(),
        }
    }

    /// Waits for a place of the operation, and takes it.
    ///
    /// `pool` is the pool that the call is about, for the limit per operation and pool. Places
    /// of both limits are taken at one moment, when the call may go: places that were taken
    /// beforehand would pass a limit when what held them back ends for all at once.
    pub async fn permit(&self, operation: Operation, pool: Option<&str>) {
        let [category, operation_and_pool] = self.queues(operation, pool);
        let mut turns = Vec::with_capacity(2);
        // The narrower one first, so that nobody holds up a category who may not go yet.
        for queue in operation_and_pool.iter().chain(&category) {
            turns.push(queue.wait().await);
        }
        for queue in operation_and_pool.iter().chain(&category) {
            lock(&queue.state).take();
        }
        lock(&self.usage).count_call(operation.category());
    }

    /// Whether a call could go at once: nobody waits, and there is a place.
    pub fn has_place(&self, operation: Operation, pool: Option<&str>) -> bool {
        let queues = self.queues(operation, pool);
        let mut queues = queues.iter().flatten();
        queues.all(|queue| {
            let is_free = queue.turn.try_lock().is_ok();
            is_free && lock(&queue.state).next_place() <= Instant::now()
        })
    }

    /// Tells that a call was throttled.
    pub fn throttled(&self, operation: Operation, pool: Option<&str>) {
        lock(&self.usage).throttled += 1;
        for queue in self.queues(operation, pool).iter().flatten() {
            lock(&queue.state).slow_down();
        }
    }

    /// The rate that a category may reach, in requests per second.
    pub fn rate(&self, category: Category) -> f64 {
        lock(&self.pace).rate(category)
    }

    /// The rate at which a category goes now, in requests per second.
    pub fn rate_now(&self, category: Category) -> f64 {
        let queue = self.queue(Lane::Category(category), self.rate(category));
        let mut state = lock(&queue.state);
        state.grow(Instant::now());
        state.rate
    }

    /// Goes by another quota from now on, in requests per second, unless the operator gave one.
    pub fn set_quota(&self, category: Category, per_second: f64) {
        let mut pace = lock(&self.pace);
        if pace.is_given(category) {
            return;
        }
        pace.found.insert(category, per_second);
        let share = pace.rate(category);
        drop(pace);
        let queue = self.queue(Lane::Category(category), share);
        lock(&queue.state).change_share(share);
    }

    /// Whether the operator gave the quota of the category.
    pub(crate) fn is_given(&self, category: Category) -> bool {
        lock(&self.pace).is_given(category)
    }

    /// The queue of the operation's category, and that of the operation on the pool where there
    /// is such a limit.
    fn queues(&self, operation: Operation, pool: Option<&str>) -> [Option<Arc<Queue>>; 2] {
        let category = operation.category();
        let pace = lock(&self.pace);
        let share = pace.rate(category);
        let narrower = pool.and_then(|pool| {
            let quota = category.quota_per_operation_and_pool()?;
            let lane = Lane::OperationAndPool(operation, pool.to_owned());
            Some((lane, quota * pace.share * pace.per_operation_and_pool))
        });
        drop(pace);
        [
            Some(self.queue(Lane::Category(category), share)),
            narrower.map(|(lane, share)| self.queue(lane, share)),
        ]
    }

    fn queue(&self, lane: Lane, share: f64) -> Arc<Queue> {
        let mut lanes = lock(&self.lanes);
        let queue = lanes.entry(lane).or_insert_with(|| {
            Arc::new(Queue {
                turn: tokio::sync::Mutex::new(()),
                state: Mutex::new(LaneState::new(share)),
            })
        });
        queue.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
