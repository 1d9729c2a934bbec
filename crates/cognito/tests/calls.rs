//! Calls of Cognito over HTTP, against the strict simulator.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cognitoidentityprovider::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use cognito::limits::Limits;
use cognito::{Answers, Category, Cognito, ErrorKind, Operation, Pace, Pages};
use model::observe::{Event, Observer, WaitReason};
use serde_json::{Value, json};
use simulator::{Config, Fault, Faults, Simulator, SimulatorHandle, When};

const REGION: &str = "us-east-1";

fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async())
        .endpoint_url(endpoint)
        .build()
}

fn aws_smithy_async() -> aws_sdk_cognitoidentityprovider::config::SharedAsyncSleep {
    aws_sdk_cognitoidentityprovider::config::SharedAsyncSleep::new(TokioSleep)
}

#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_cognitoidentityprovider::config::AsyncSleep for TokioSleep {
    fn sleep(
        &self,
        duration: std::time::Duration,
    ) -> aws_sdk_cognitoidentityprovider::config::Sleep {
        aws_sdk_cognitoidentityprovider::config::Sleep::new(tokio::time::sleep(duration))
    }
}

fn start() -> (SimulatorHandle, Cognito) {
    let simulator = Simulator::start(Config::default()).unwrap();
    let cognito = Cognito::new(&sdk_config(&simulator.endpoint()), Pace::unlimited());
    (simulator, cognito)
}

async fn make_pool(cognito: &Cognito, request: Value) -> String {
    let answer = cognito
        .call(Operation::CreateUserPool, &request)
        .await
        .unwrap();
    answer["UserPool"]["Id"].as_str().unwrap().to_owned()
}

fn refusal(code: &str, status: u16) -> Fault {
    Fault::Error {
        code: code.into(),
        message: "as told".into(),
        status,
    }
}

#[tokio::test]
async fn members_that_the_sdk_does_not_know_come_through_both_ways() {
    let (_simulator, cognito) = start();
    let pool = make_pool(
        &cognito,
        json!({"PoolName": "p", "YetToCome": {"Deep": [1, 2.5, "x"]}}),
    )
    .await;
    let answer = cognito
        .call(Operation::DescribeUserPool, &json!({"UserPoolId": pool}))
        .await
        .unwrap();
    assert_eq!(
        answer["UserPool"]["YetToCome"],
        json!({"Deep": [1, 2.5, "x"]})
    );
}

#[tokio::test]
async fn an_operation_that_the_sdk_does_not_have_can_be_called() {
    let (_simulator, cognito) = start();
    let pool = make_pool(&cognito, json!({"PoolName": "p"})).await;
    let answer = cognito
        .call(
            Operation::GetUserPoolSessionConfiguration,
            &json!({"UserPoolId": pool}),
        )
        .await;
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn a_refusal_has_operation_kind_and_text_without_personal_data() {
    let (_simulator, cognito) = start();
    let pool = make_pool(
        &cognito,
        json!({"PoolName": "p", "UsernameAttributes": ["email"]}),
    )
    .await;
    let request =
        json!({"UserPoolId": pool, "Username": "anna-maria", "MessageAction": "SUPPRESS"});
    let error = cognito
        .call(Operation::AdminCreateUser, &request)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(
        error
            .to_string()
            .contains("AdminCreateUser failed: InvalidParameterException"),
        "{error}"
    );
    assert!(!error.to_string().contains("anna-maria"), "{error}");
    let error = cognito
        .call(
            Operation::DescribeUserPool,
            &json!({"UserPoolId": "us-east-1_Nowhere"}),
        )
        .await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Missing);
}

#[tokio::test]
async fn throttles_are_waited_out_and_slow_the_category_down() {
    let (simulator, cognito) = start();
    let pool = make_pool(&cognito, json!({"PoolName": "p"})).await;
    simulator.set_faults(Faults::one(
        "DescribeUserPool",
        When::Burst { from: 1, count: 2 },
        Fault::Throttle,
    ));
    let before = cognito
        .pacer()
        .rate_now(Operation::DescribeUserPool.category());
    cognito
        .call(Operation::DescribeUserPool, &json!({"UserPoolId": pool}))
        .await
        .unwrap();
    assert!(
        cognito
            .pacer()
            .rate_now(Operation::DescribeUserPool.category())
            < before
    );
}

/// Answers at once, for paused time: status and body of the call with each number, from 1.
#[derive(Clone)]
struct AtOnce {
    answer: fn(u32) -> (u16, &'static str),
    calls: Arc<AtomicU32>,
}

impl std::fmt::Debug for AtOnce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AtOnce")
    }
}

impl HttpConnector for AtOnce {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = (self.answer)(self.calls.fetch_add(1, SeqCst) + 1);
        let status = status.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

fn answering(pace: Pace, answer: fn(u32) -> (u16, &'static str)) -> (Cognito, Arc<AtomicU32>) {
    let calls = Arc::default();
    let connector = AtOnce {
        answer,
        calls: Arc::clone(&calls),
    };
    let connector = SharedHttpConnector::new(connector);
    let client = http_client_fn(move |_, _| connector.clone());
    let config = sdk_config("http://127.0.0.1:1").into_builder();
    let config = config.http_client(client).build();
    (Cognito::new(&config, pace), calls)
}

const THROTTLED: (u16, &str) = (400, r#"{"__type":"TooManyRequestsException"}"#);

#[tokio::test(start_paused = true)]
async fn waiting_for_a_permit_is_not_impatience() {
    let slow = Pace::share_of_quotas(0.01);
    let (cognito, _) = answering(slow, |call| match call {
        20 => THROTTLED,
        _ => (200, "{}"),
    });
    let request = json!({"UserPoolId": "us-east-1_A"});
    let began = tokio::time::Instant::now();
    // The last of them waits for minutes before it is sent at all.
    let calls = (0..20).map(|_| cognito.call(Operation::DescribeUserPool, &request));
    for answer in futures::future::join_all(calls).await {
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert!(began.elapsed() > Duration::from_secs(100));
}

/// A client that has a place for one read of a pool every two seconds.
fn slow() -> (Cognito, Arc<AtomicU32>) {
    let pace = Pace::unlimited().with_quota(Category::UserPoolRead, 0.5);
    answering(pace, |_| (200, "{}"))
}

/// Whoever makes several calls at once may wait for something else meanwhile.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_keeps_no_other_waiting() {
    let (cognito, calls) = slow();
    let request = json!({"UserPoolId": "us-east-1_A"});
    let call = || cognito.call(Operation::DescribeUserPool, &request);
    call().await.unwrap();
    let mut waits_for_its_turn = Box::pin(call());
    assert!(futures::poll!(&mut waits_for_its_turn).is_pending());
    let other = tokio::time::timeout(Duration::from_secs(60), call()).await;
    other.expect("it waits for the other").unwrap();
    waits_for_its_turn.await.unwrap();
    assert_eq!(calls.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_its_turn_is_never_sent() {
    let (cognito, calls) = slow();
    let request = json!({"UserPoolId": "us-east-1_A"});
    let call = || cognito.call(Operation::DescribeUserPool, &request);
    call().await.unwrap();
    let mut waits_for_its_turn = Box::pin(call());
    assert!(futures::poll!(&mut waits_for_its_turn).is_pending());
    drop(waits_for_its_turn);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(calls.load(SeqCst), 1);
}

/// The reasons of the waits that an observer heard of.
#[derive(Default)]
struct Waits(Mutex<Vec<WaitReason>>);

impl Observer for Waits {
    fn event(&self, event: Event) {
        if let Event::Waiting { reason, .. } = event {
            self.0.lock().unwrap().push(reason);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_are_told_with_their_reason() {
    let slow = Pace::unlimited().with_quota(Category::UserPoolRead, 0.5);
    type Answers = fn(u32) -> (u16, &'static str);
    let throttling: Answers = |nth| if nth == 1 { THROTTLED } else { (200, "{}") };
    let failing: Answers = |nth| if nth == 1 { (500, "{}") } else { (200, "{}") };
    let well: Answers = |_| (200, "{}");
    for (pace, answers, expected) in [
        (Pace::unlimited(), throttling, WaitReason::Throttled),
        (Pace::unlimited(), failing, WaitReason::Unavailable),
        (slow, well, WaitReason::Quota),
    ] {
        let waits = Arc::new(Waits::default());
        let (cognito, _) = answering(pace, answers);
        let cognito = cognito.observed_by(waits.clone());
        let request = json!({"UserPoolId": "us-east-1_A"});
        for _ in 0..3 {
            let answer = cognito.call(Operation::DescribeUserPool, &request).await;
            answer.unwrap();
        }
        let heard = waits.0.lock().unwrap();
        assert!(heard.contains(&expected), "{heard:?}");
        assert!(heard.iter().all(|reason| *reason == expected), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_only_throttles_is_given_up() {
    let (cognito, _) = answering(Pace::unlimited(), |_| THROTTLED);
    let request = json!({"UserPoolId": "us-east-1_A"});
    let error = cognito.call(Operation::DescribeUserPool, &request).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Throttled);
}

#[tokio::test(start_paused = true)]
async fn limits_that_were_raised_are_read_once_beside_the_work() {
    let pace = Pace::share_of_quotas(0.5).with_quota(Category::UserCreation, 70.0);
    let (cognito, calls) = answering(pace, |_| {
        (
            200,
            r#"{"Limit":{"ProvisionedLimitValue":300,"FreeLimitValue":120}}"#,
        )
    });
    let limits = Limits::default();
    let categories = [
        Category::UserList,
        Category::UserCreation,
        Category::UserRead,
    ];
    for _ in 0..2 {
        let work = tokio::time::sleep(Duration::from_secs(5));
        limits.beside(&cognito, &categories, work).await;
    }
    let rate = |category| cognito.pacer().rate(category);
    assert_eq!(rate(Category::UserRead), 150.0);
    assert_eq!(rate(Category::UserList), 15.0, "it cannot be raised");
    assert_eq!(rate(Category::UserCreation), 35.0, "the operator said so");
    assert_eq!(calls.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_not_told_is_the_default_and_keeps_no_work_waiting() {
    for answer in [
        (|_| (400, r#"{"__type":"AccessDeniedException"}"#)) as fn(u32) -> (u16, &'static str),
        |_| (400, r#"{"__type":"UnknownOperationException"}"#),
        |_| (500, ""),
        |_| (200, "{}"),
        |_| (200, r#"{"Limit":{"ProvisionedLimitValue":0}}"#),
    ] {
        let (cognito, _) = answering(Pace::share_of_quotas(0.5), answer);
        let began = tokio::time::Instant::now();
        let work = async { 7 };
        let limits = Limits::default();
        assert_eq!(
            limits.beside(&cognito, &[Category::UserRead], work).await,
            7
        );
        assert_eq!(began.elapsed(), Duration::ZERO);
        let work = tokio::time::sleep(Duration::from_secs(200));
        limits.beside(&cognito, &[Category::UserRead], work).await;
        assert_eq!(cognito.pacer().rate(Category::UserRead), 60.0);
    }
}

#[tokio::test]
async fn an_account_that_raised_nothing_keeps_its_defaults() {
    let simulator = Simulator::start(Config::default()).unwrap();
    let pace = Pace::share_of_quotas(1.0);
    let cognito = Cognito::new(&sdk_config(&simulator.endpoint()), pace).allowing(&[]);
    let categories = [Category::UserRead, Category::UserList];
    cognito.adopt_provisioned_limits(&categories).await;
    let evidence = simulator.evidence();
    assert_eq!(evidence.calls["GetProvisionedLimit"], 1);
    assert_eq!(evidence.refused, []);
    assert_eq!(cognito.pacer().rate(Category::UserRead), 120.0);
}

#[tokio::test]
async fn a_reading_that_was_broken_off_asks_only_for_what_it_did_not_get() {
    let (simulator, cognito) = start();
    let pool = make_pool(&cognito, json!({"PoolName": "p"})).await;
    let request = json!({"UserPoolId": pool});
    let nothing = json!({"UserPoolId": "us-east-1_Nowhere"});
    simulator.reset_evidence();
    let first = Arc::new(Answers::default());
    let remembering = cognito.remembering(&first);
    let describe = Operation::DescribeUserPool;
    let answer = remembering.call(describe, &request).await.unwrap();
    remembering.call(describe, &nothing).await.unwrap_err();
    simulator.set_faults(Faults::one(
        "ListGroups",
        When::Nth(1),
        refusal("AccessDeniedException", 400),
    ));
    let id = pool.parse().unwrap();
    let failed = remembering.list(Operation::ListGroups, &id).await;
    failed.unwrap_err();

    let later = Arc::new(Answers::default());
    assert!(later.load(&first.save()));
    assert!(!later.any_added() && !later.load(b"nonsense"));
    let remembering = cognito.remembering(&later);
    assert_eq!(remembering.call(describe, &request).await.unwrap(), answer);
    let error = remembering.call(describe, &nothing).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing);
    assert!(!later.any_added());
    let groups = remembering.list(Operation::ListGroups, &id).await;
    assert!(groups.unwrap().is_empty());
    assert!(later.any_added());
    let calls = simulator.evidence().calls;
    assert_eq!((calls["DescribeUserPool"], calls["ListGroups"]), (2, 2));
}

#[tokio::test]
async fn a_hard_quota_is_not_retried() {
    let (simulator, cognito) = start();
    simulator.set_faults(Faults::one(
        "CreateUserPool",
        When::Rate(1.0),
        refusal("LimitExceededException", 400),
    ));
    let error = cognito
        .call(Operation::CreateUserPool, &json!({"PoolName": "p"}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Quota);
    assert_eq!(simulator.evidence().calls["CreateUserPool"], 1);
}

#[tokio::test]
async fn a_failing_service_is_asked_again_for_reads_but_not_for_creations() {
    let (simulator, cognito) = start();
    let pool = make_pool(&cognito, json!({"PoolName": "p"})).await;
    simulator.reset_evidence();
    simulator.set_faults(Faults::one(
        "DescribeUserPool",
        When::Nth(1),
        refusal("InternalErrorException", 500),
    ));
    cognito
        .call(Operation::DescribeUserPool, &json!({"UserPoolId": pool}))
        .await
        .unwrap();
    simulator.set_faults(Faults::one(
        "CreateUserPool",
        When::Nth(1),
        refusal("InternalErrorException", 500),
    ));
    let error = cognito
        .call(Operation::CreateUserPool, &json!({"PoolName": "q"}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::AnswerLost);
    let calls = simulator.evidence().calls;
    assert_eq!((calls["DescribeUserPool"], calls["CreateUserPool"]), (2, 1));
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_reported_as_such_and_not_repeated() {
    let (simulator, cognito) = start();
    simulator.set_faults(Faults::one(
        "CreateUserPool",
        When::Nth(1),
        Fault::AnswerLost,
    ));
    let error = cognito
        .call(Operation::CreateUserPool, &json!({"PoolName": "p"}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::AnswerLost, "{error}");
    let pools = Pages::new(&cognito, Operation::ListUserPools, json!({}))
        .unwrap()
        .all()
        .await
        .unwrap();
    assert_eq!(pools.len(), 1);
}

#[tokio::test]
async fn a_creation_that_never_left_counts_as_not_done() {
    let endpoint = {
        let simulator = Simulator::start(Config::default()).unwrap();
        simulator.endpoint()
    };
    // Nothing listens on the port any more once the simulator is gone.
    while tokio::net::TcpStream::connect(endpoint.trim_start_matches("http://"))
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    let cognito = Cognito::new(&sdk_config(&endpoint), Pace::unlimited());
    let error = cognito
        .call(Operation::CreateUserPool, &json!({"PoolName": "p"}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_operation_outside_the_list_is_never_sent() {
    let (simulator, cognito) = start();
    let cognito = cognito.allowing(&[Operation::DescribeUserPool]);
    let error = cognito
        .call(Operation::CreateUserPool, &json!({"PoolName": "p"}))
        .await
        .unwrap_err();
    assert_eq!(error.code, "NotOnTheList");
    assert!(simulator.evidence().calls.is_empty());
}

#[tokio::test]
async fn lists_go_on_over_short_and_empty_pages() {
    let mut config = Config::default();
    config.listing.short_pages = true;
    let simulator = Simulator::start(config).unwrap();
    let cognito = Cognito::new(&sdk_config(&simulator.endpoint()), Pace::unlimited());
    let pool = make_pool(&cognito, json!({"PoolName": "p"})).await;
    for number in 0..150 {
        let request = json!({"UserPoolId": pool, "Username": format!("u{number}"), "MessageAction": "SUPPRESS"});
        cognito
            .call(Operation::AdminCreateUser, &request)
            .await
            .unwrap();
    }
    let users = cognito
        .list(Operation::ListUsers, &pool.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(users.len(), 150);
}

/// An error text may hold the word for any reason; what counts is what the provider said.
#[tokio::test(start_paused = true)]
async fn only_credentials_that_are_not_there_are_an_error_for_good() {
    type Refusal = fn() -> CredentialsError;
    let cases: [(Refusal, bool); 5] = [
        (CredentialsError::not_loaded_no_source, true),
        (
            || CredentialsError::invalid_configuration("no such profile"),
            true,
        ),
        (
            || CredentialsError::provider_error("the credential service did not answer"),
            false,
        ),
        (
            || CredentialsError::provider_timed_out(Duration::from_secs(5)),
            false,
        ),
        (|| CredentialsError::unhandled("a credential"), false),
    ];
    for (refusal, for_good) in cases {
        let provider = provide_credentials_fn(move || async move { Err(refusal()) });
        let config = sdk_config("http://127.0.0.1:9").to_builder();
        let provider = SharedCredentialsProvider::new(provider);
        let config = config.credentials_provider(provider).build();
        let cognito = Cognito::new(&config, Pace::unlimited());
        let request = json!({"MaxResults": 1});
        let called = cognito.call(Operation::ListUserPools, &request).await;
        let error = called.unwrap_err();
        let kind = if for_good {
            ErrorKind::NotAuthorized
        } else {
            ErrorKind::Unavailable
        };
        assert_eq!(error.kind, kind, "{error}");
    }
}
