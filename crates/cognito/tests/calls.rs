//! Calls of Cognito over HTTP, against the strict simulator.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cognitoidentityprovider::config::{Credentials, SharedCredentialsProvider};
use cognito::{Cognito, ErrorKind, Operation, Pace, Pages};
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
