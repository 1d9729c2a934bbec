//! Keeping to a share of Cognito's quotas.
//!
//! Quotas belong to the account and the Region, production included. Each category has a rate;
//! calls take the next free place on its time line and sleep until then. A throttle slows the
//! category at once, and every second without one speeds it up again, up to its share.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::operation::{Category, Operation};

/// After a throttle a category goes on at this part of its rate.
const SLOWED_TO: f64 = 0.7;
/// A rate never falls below this part of the share: the quota is ours to use, if not now.
const SLOWEST: f64 = 0.05;
/// Throttles within this time count as one: they answer calls sent at the same rate.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// Without throttles a rate grows by this part of the share in a second.
const RECOVERY_PER_SECOND: f64 = 0.05;

/// How much of the quotas a run may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    share: f64,
    quotas: HashMap<Category, f64>,
    per_operation_and_pool: f64,
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
            quotas: HashMap::new(),
            per_operation_and_pool: 1.0,
        }
    }

    /// No limit but what the service itself sets: for tests against a simulator without quotas.
    pub fn unlimited() -> Self {
        let quotas = Category::ALL
            .iter()
            .map(|category| (*category, 1e9))
            .collect();
        Self {
            share: 1.0,
            quotas,
            per_operation_and_pool: 1e9,
        }
    }

    /// Sets a quota that was raised for the account, in requests per second.
    pub fn with_quota(mut self, category: Category, per_second: f64) -> Self {
        self.quotas.insert(category, per_second);
        self
    }

    /// The rate that a category may reach, in requests per second.
    pub fn rate(&self, category: Category) -> f64 {
        self.quotas
            .get(&category)
            .copied()
            .unwrap_or_else(|| category.default_quota())
            * self.share
    }
}

/// Hands out permits. One for all tasks of an invocation.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    lanes: Mutex<HashMap<Lane, LaneState>>,
}

/// What has a rate of its own: a category, or an operation on a pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lane {
    Category(Category),
    OperationAndPool(Operation, String),
}

#[derive(Debug)]
struct LaneState {
    share: f64,
    rate: f64,
    next: Instant,
    grown: Instant,
    throttled: Option<Instant>,
}

impl Pacer {
    /// A pacer that keeps to `pace`.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            lanes: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for the next free place of the operation, and takes it.
    ///
    /// `pool` is the pool that the call is about, for the limit per operation and pool.
    pub async fn permit(&self, operation: Operation, pool: Option<&str>) {
        let at = self.reserve(operation, pool);
        tokio::time::sleep_until(at).await;
    }

    /// Tells that a call was throttled.
    pub fn throttled(&self, operation: Operation, pool: Option<&str>) {
        self.each_lane(operation, pool, LaneState::slow_down);
    }

    /// The rate at which a category goes now, in requests per second.
    pub fn rate_now(&self, category: Category) -> f64 {
        let mut lanes = self
            .lanes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let share = self.pace.rate(category);
        let lane = lanes
            .entry(Lane::Category(category))
            .or_insert_with(|| LaneState::new(share));
        lane.grow(Instant::now());
        lane.rate
    }

    fn reserve(&self, operation: Operation, pool: Option<&str>) -> Instant {
        let mut latest = Instant::now();
        self.each_lane(operation, pool, |lane| latest = latest.max(lane.take()));
        latest
    }

    fn each_lane(
        &self,
        operation: Operation,
        pool: Option<&str>,
        mut act: impl FnMut(&mut LaneState),
    ) {
        let category = operation.category();
        let mut lanes = self
            .lanes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let share = self.pace.rate(category);
        act(lanes
            .entry(Lane::Category(category))
            .or_insert_with(|| LaneState::new(share)));
        if let (Some(quota), Some(pool)) = (category.quota_per_operation_and_pool(), pool) {
            let share = quota * self.pace.share * self.pace.per_operation_and_pool;
            let lane = Lane::OperationAndPool(operation, pool.to_owned());
            act(lanes.entry(lane).or_insert_with(|| LaneState::new(share)));
        }
    }
}

impl LaneState {
    fn new(share: f64) -> Self {
        let now = Instant::now();
        Self {
            share,
            rate: share,
            next: now,
            grown: now,
            throttled: None,
        }
    }

    /// Takes the next place. Places not used are lost but for a tenth of a second's worth, so
    /// that a slow moment does not become a burst.
    fn take(&mut self) -> Instant {
        let now = Instant::now();
        self.grow(now);
        let earliest = now.checked_sub(Duration::from_millis(100)).unwrap_or(now);
        let place = self.next.max(earliest);
        self.next = place + Duration::from_secs_f64(1.0 / self.rate);
        place
    }

    fn grow(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.grown).as_secs_f64();
        self.grown = now;
        self.rate = (self.rate + seconds * RECOVERY_PER_SECOND * self.share).min(self.share);
    }

    fn slow_down(&mut self) {
        let now = Instant::now();
        if self
            .throttled
            .is_some_and(|at| now.saturating_duration_since(at) < ONE_THROTTLE)
        {
            return;
        }
        self.throttled = Some(now);
        self.rate = (self.rate * SLOWED_TO).max(self.share * SLOWEST);
        // The budget is used up for now: the next call waits for a quarter of a second at least.
        self.next = self.next.max(now + Duration::from_millis(250));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many permits for `operation` are given in `seconds` of the paused clock.
    async fn permits_in(
        pacer: &Pacer,
        operation: Operation,
        pool: Option<&str>,
        seconds: u64,
    ) -> u32 {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut given = 0;
        while tokio::time::timeout_at(end, pacer.permit(operation, pool))
            .await
            .is_ok()
        {
            given += 1;
        }
        given
    }

    #[tokio::test(start_paused = true)]
    async fn a_category_reaches_its_share_and_never_passes_it() {
        let pacer = Pacer::new(Pace::share_of_quotas(0.5));
        let given = permits_in(&pacer, Operation::ListUsers, None, 60).await;
        assert!(
            (895..=903).contains(&given),
            "{given} in 60 s at half of 30 a second"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_operation_on_one_pool_keeps_to_five_a_second() {
        let pacer = Pacer::new(Pace::share_of_quotas(1.0));
        let given = permits_in(&pacer, Operation::CreateGroup, Some("us-east-1_A"), 20).await;
        assert!((99..=102).contains(&given), "{given} in 20 s");
        let raised =
            Pacer::new(Pace::share_of_quotas(1.0).with_quota(Category::UserCreation, 200.0));
        let given = permits_in(&raised, Operation::AdminCreateUser, Some("us-east-1_A"), 10).await;
        assert!((1990..=2025).contains(&given), "{given} in 10 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_slows_at_once_and_the_rate_comes_back() {
        let pacer = Pacer::new(Pace::share_of_quotas(1.0));
        pacer.permit(Operation::AdminCreateUser, None).await;
        for _ in 0..20 {
            pacer.throttled(Operation::AdminCreateUser, None);
        }
        let slowed = pacer.rate_now(Category::UserCreation);
        assert!(
            (34.0..=36.0).contains(&slowed),
            "a burst of throttles counts once: {slowed}"
        );
        tokio::time::advance(Duration::from_secs(3)).await;
        let later = pacer.rate_now(Category::UserCreation);
        assert!(later > slowed && later < 50.0, "{later}");
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(pacer.rate_now(Category::UserCreation), 50.0);
        assert_eq!(
            pacer.rate_now(Category::UserUpdate),
            25.0,
            "other categories go on as they were"
        );
    }
}
