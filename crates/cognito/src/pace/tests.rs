use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::*;

/// How many permits for `operation` are given in `seconds` of the paused clock.
async fn permits_in(pacer: &Pacer, operation: Operation, pool: Option<&str>, seconds: u64) -> u32 {
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
    let all = all.map(|(operation, pause)| one_operation(*operation, Duration::from_millis(pause)));
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
