//! Keeping to a share of Cognito's quotas.
//!
//! Quotas belong to the account and the Region, production included. Each category has a rate;
//! calls wait in line for the next free place on its time line. A throttle slows the category at
//! once, and every second without one speeds it up again, up to its share.

mod usage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::operation::{Category, Operation};

pub use usage::{Usage, Used};

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

/// What has a rate of its own: a category, or an operation on a pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lane {
    Category(Category),
    OperationAndPool(Operation, String),
}

/// Who waits for a lane, in the order in which they came: the turn is with the first.
#[derive(Debug)]
struct Queue {
    turn: tokio::sync::Mutex<()>,
    state: Mutex<LaneState>,
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

impl Queue {
    /// Waits for the turn, and then until there is a place. Whoever drops what this returns
    /// without taking the place leaves it to the next.
    async fn wait(&self) -> tokio::sync::MutexGuard<'_, ()> {
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
    fn new(share: f64) -> Self {
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
    fn next_place(&mut self) -> Instant {
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

    fn take(&mut self) {
        self.next = self.next_place() + Duration::from_secs_f64(1.0 / self.rate);
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
        self.grow(now);
        self.rate = (self.rate * SLOWED_TO).max(self.share * SLOWEST);
        // The budget is used up for now: the next call waits for a quarter of a second at least.
        self.next = self.next.max(now + Duration::from_millis(250));
    }

    fn change_share(&mut self, share: f64) {
        self.rate *= share / self.share;
        self.share = share;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

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
            (900..=915).contains(&given),
            "{given} in 60 s at half of 30 a second, which may be used up at once"
        );
    }

    /// The quota as a bucket: as many tokens as it has requests per second, refilled at its rate.
    struct Bucket {
        rate: f64,
        tokens: f64,
        at: Instant,
    }

    impl Bucket {
        fn new(rate: f64) -> Self {
            let at = Instant::now();
            let tokens = rate;
            Self { rate, tokens, at }
        }

        fn admits(&mut self) -> bool {
            let gained = self.at.elapsed().as_secs_f64() * self.rate;
            self.at = Instant::now();
            self.tokens = (self.tokens + gained).min(self.rate) - 1.0;
            self.tokens > -1e-6
        }
    }

    #[tokio::test(start_paused = true)]
    async fn neither_limit_is_passed_when_operations_of_a_category_go_side_by_side() {
        use Operation::*;
        let pacer = Pacer::new(Pace::share_of_quotas(0.5));
        let operations = [
            DescribeRiskConfiguration,
            GetUICustomization,
            DescribeManagedLoginBrandingByClient,
            ListGroups,
            ListTerms,
            GetUserPoolMfaConfig,
        ];
        let category = RefCell::new(Bucket::new(10.0));
        let end = Instant::now() + Duration::from_secs(30);
        let given = Cell::new(0);
        let one_operation = async |operation, pause| {
            let bucket = RefCell::new(Bucket::new(2.5));
            let one = async || {
                loop {
                    pacer.permit(operation, Some("us-east-1_A")).await;
                    assert!(category.borrow_mut().admits(), "{operation}: the category");
                    assert!(bucket.borrow_mut().admits(), "{operation}");
                    given.set(given.get() + 1);
                    tokio::time::sleep(pause).await;
                }
            };
            tokio::join!(one(), one(), one());
        };
        let all = operations.iter().zip([0, 3, 40, 700, 1500, 4000]);
        let all =
            all.map(|(operation, pause)| one_operation(*operation, Duration::from_millis(pause)));
        let _ = tokio::time::timeout_at(end, futures::future::join_all(all)).await;
        assert!(given.get() >= 290, "{} of 300 places used", given.get());
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_requests_are_not_spaced_out() {
        let pacer = Pacer::new(Pace::share_of_quotas(0.5));
        let began = Instant::now();
        for _ in 0..13 {
            pacer.permit(Operation::ListUsers, None).await;
        }
        assert_eq!(Instant::now(), began);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_burst_after_a_throttle() {
        let pacer = Pacer::new(Pace::share_of_quotas(0.5));
        pacer.throttled(Operation::ListUsers, None);
        tokio::time::advance(Duration::from_secs(1)).await;
        let began = Instant::now();
        for _ in 0..13 {
            pacer.permit(Operation::ListUsers, None).await;
        }
        assert!(began.elapsed() > Duration::from_millis(900));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_leaves_the_place_to_the_next() {
        let pacer = Pacer::new(Pace::share_of_quotas(0.01));
        pacer.permit(Operation::DescribeUserPool, None).await;
        for _ in 0..50 {
            let waiting = pacer.permit(Operation::DescribeUserPool, None);
            let given_up = tokio::time::timeout(Duration::from_millis(1), waiting).await;
            assert!(given_up.is_err());
        }
        let began = Instant::now();
        pacer.permit(Operation::DescribeUserPool, None).await;
        assert!(began.elapsed() < Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn one_operation_on_one_pool_keeps_to_five_a_second() {
        let pacer = Pacer::new(Pace::share_of_quotas(1.0));
        let given = permits_in(&pacer, Operation::CreateGroup, Some("us-east-1_A"), 20).await;
        assert!((99..=105).contains(&given), "{given} in 20 s");
    }

    #[tokio::test(start_paused = true)]
    async fn quotas_that_were_raised_are_used() {
        let pace = Pace::share_of_quotas(0.5);
        let pace = pace.with_quotas("UserCreation=400, UserList=60").unwrap();
        let pacer = Pacer::new(pace);
        let given = permits_in(&pacer, Operation::AdminCreateUser, Some("us-east-1_A"), 10).await;
        assert!((1990..=2200).contains(&given), "{given} in 10 s");
        assert_eq!(pacer.rate(Category::UserList), 30.0);

        let read = Operation::AdminGetUserAuthFactors;
        permits_in(&pacer, read, None, 1).await;
        pacer.set_quota(Category::UserRead, 300.0);
        let given = permits_in(&pacer, read, None, 10).await;
        assert!((1490..=1640).contains(&given), "{given} in 10 s");

        pacer.set_quota(Category::UserCreation, 50.0);
        assert_eq!(
            pacer.rate(Category::UserCreation),
            200.0,
            "what the operator says counts"
        );
    }

    #[test]
    fn a_list_of_quotas_that_cannot_be_read_names_what_is_wrong() {
        for (list, wrong) in [
            ("UserRead", "UserRead"),
            ("UserCreation=120,Nonsense=3", "Nonsense=3"),
            ("UserRead=0", "UserRead=0"),
            ("UserRead=many", "UserRead=many"),
        ] {
            let error = Pace::share_of_quotas(1.0).with_quotas(list).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with(&format!("{wrong:?} ")), "{text}");
        }
        assert!(Pace::share_of_quotas(1.0).with_quotas(" ").is_ok());
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
