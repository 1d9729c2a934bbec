//! The functions as Lambda runs them: processes that ask a runtime API for events. Every line that
//! they log while they work says for which pool and which restore.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

use std::collections::BTreeSet;
use std::future::IntoFuture as _;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use simulator::{Config, Fault, Faults, Simulator, SimulatorHandle, When};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Sender, channel};
use vault::testing::MemoryS3;

const BUCKET: &str = "backups";
const RESTORE: &str = "dr-restore-1";
const REQUEST: &str = "request-1";
/// The answer of SNS.
const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>1</MessageId></PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>";
/// What is logged where a call of Cognito is made again.
const REPEATED: &str = "repeating a call";

/// An account in which the functions work.
struct Account {
    simulator: SimulatorHandle,
    s3: MemoryS3,
}

/// What a function did with one event.
struct Invocation {
    answer: Value,
    /// What it logged, each line a JSON object.
    lines: Vec<Value>,
}

impl Account {
    fn new() -> Self {
        let simulator = Simulator::start(Config::default()).unwrap();
        let s3 = MemoryS3::start(BUCKET);
        Self { simulator, s3 }
    }

    fn seed(&self, name: &str) -> String {
        let pool = json!({
            "UserPool": {"Name": name},
            "Users": [{"Username": "anna", "Attributes": {"email": "anna@example.com"}}],
        });
        self.simulator.seed("us-east-1", &pool).unwrap()
    }

    /// The next call of each of these operations fails once, and is repeated.
    fn fail_once(&self, operations: &[&str]) {
        let rules = operations.iter().flat_map(|operation| {
            let fault = Fault::Error {
                code: "InternalErrorException".into(),
                message: "as told".into(),
                status: 500,
            };
            Faults::one(operation, When::Nth(1), fault).rules
        });
        let rules = rules.collect();
        self.simulator.set_faults(Faults { seed: 0, rules });
    }

    /// Lets a function answer one event.
    async fn invoke(
        &self,
        binary: &str,
        region: &str,
        environment: &[(&str, String)],
        event: Value,
    ) -> Invocation {
        let (answered, mut answer) = channel(1);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = tokio::spawn(axum::serve(listener, runtime_api(event, answered)).into_future());
        let mut function = Command::new(binary)
            .env_clear()
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
            .env("AWS_REGION", region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", self.s3.endpoint())
            .env("AWS_ENDPOINT_URL_SNS", format!("http://{address}"))
            .env(
                "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
                self.simulator.endpoint(),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(function.stdout.take().unwrap()).lines();
        let lines = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        // As they come: a pipe that nobody reads holds the function up.
        let lines = std::thread::spawn(|| lines.collect());
        let answer = answer.recv().await.unwrap();
        function.kill().unwrap();
        function.wait().unwrap();
        let lines = lines.join().unwrap();
        api.abort();
        Invocation { answer, lines }
    }
}

/// Lambda's runtime API: one event, and then none. Also a topic, which takes everything.
fn runtime_api(event: Value, answered: Sender<Value>) -> Router {
    let event = Arc::new(Mutex::new(Some(event)));
    let next = async move || {
        let Some(event) = event.lock().unwrap().take() else {
            return std::future::pending().await;
        };
        let deadline = SystemTime::now() + Duration::from_secs(300);
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let headers = [
            ("lambda-runtime-aws-request-id", REQUEST.to_owned()),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:f".to_owned(),
            ),
        ];
        (headers, event.to_string())
    };
    let answer = async move |body: String| {
        answered
            .send(serde_json::from_str(&body).unwrap())
            .await
            .unwrap();
        StatusCode::ACCEPTED
    };
    let invocation = "/2018-06-01/runtime/invocation";
    Router::new()
        .route(
            "/",
            post(async || ([("content-type", "text/xml")], PUBLISHED)),
        )
        .route(&format!("{invocation}/next"), get(next))
        .route(
            &format!("{invocation}/{{id}}/response"),
            post(answer.clone()),
        )
        .route(&format!("{invocation}/{{id}}/error"), post(answer))
}

impl Invocation {
    /// Each line names this pool and [`RESTORE`], and there are at least so many.
    fn assert_named(&self, pool: &str, at_least: usize) {
        assert!(self.own_lines().count() >= at_least, "{:#?}", self.lines);
        for line in self.own_lines() {
            assert_eq!(
                named(line, "user_pool_id"),
                BTreeSet::from([pool]),
                "{line}"
            );
            assert_eq!(
                named(line, "restore_id"),
                BTreeSet::from([RESTORE]),
                "{line}"
            );
        }
    }

    /// What was logged from INFO on, and how often a call was repeated: the other lines below are
    /// those of libraries, about their connections.
    fn own_lines(&self) -> impl Iterator<Item = &Value> {
        self.lines
            .iter()
            .filter(|line| line["level"] != "DEBUG" || message(line) == REPEATED)
    }
}

fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap_or_default()
}

/// What the spans around a line say of this.
fn named<'a>(line: &'a Value, id: &str) -> BTreeSet<&'a str> {
    let spans = line["spans"].as_array().unwrap().iter();
    spans.filter_map(|span| span.get(id)?.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_function_names_its_pool_and_its_restore() {
    let account = Account::new();
    let pools = [account.seed("first"), account.seed("second")];
    // One in the task of the backup, one in a task beside it.
    account.fail_once(&["DescribeUserPool", "ListUsers"]);
    let environment = [
        ("USER_POOL_IDS", pools.join(",")),
        ("BACKUP_BUCKET", BUCKET.to_owned()),
        ("BACKUP_TABLE", "table".to_owned()),
    ];
    let backup = env!("CARGO_BIN_EXE_backup");
    let backups = account
        .invoke(backup, "us-east-1", &environment, json!({}))
        .await;
    for message_of_pool in [
        "backup begins",
        "settings read",
        "users read",
        "backup complete",
    ] {
        let lines = backups
            .own_lines()
            .filter(|line| message(line) == message_of_pool);
        let named: Vec<_> = lines.map(|line| named(line, "user_pool_id")).collect();
        let expected = pools.each_ref().map(|pool| BTreeSet::from([pool.as_str()]));
        assert_eq!(named, expected, "{message_of_pool}");
    }
    let repeated: Vec<&Value> = backups
        .own_lines()
        .filter(|line| message(line) == REPEATED)
        .collect();
    assert_eq!(repeated.len(), 2);
    for line in repeated {
        assert_eq!(named(line, "user_pool_id").len(), 1, "{line}");
    }
    for line in backups.own_lines() {
        assert_eq!(
            named(line, "request_id"),
            BTreeSet::from([REQUEST]),
            "{line}"
        );
    }

    let pool = pools[0].as_str();
    let keys = account.s3.keys(BUCKET);
    let key = keys.iter().find(|key| key.contains(pool)).unwrap();
    let in_dr = [("SOURCE_BUCKET", BUCKET.to_owned())];
    let event = json!({"user_pool_id": pool, "restore_id": RESTORE});
    let find = env!("CARGO_BIN_EXE_find-latest-backup");
    let found = account.invoke(find, "us-west-2", &in_dr, event).await;
    assert_eq!(found.answer["s3_key"], key.as_str());
    found.assert_named(pool, 1);

    account.fail_once(&["CreateGroup", "AdminCreateUser", "DescribeUserPool"]);
    let environment = [
        ("SOURCE_BUCKET", BUCKET.to_owned()),
        (
            "SNS_TOPIC_ARN",
            "arn:aws:sns:us-west-2:111122223333:topic".to_owned(),
        ),
        ("TRIGGER_FUNCTION", "trigger".to_owned()),
    ];
    let event = json!({"action": "restore", "restore_id": RESTORE, "user_pool_id": pool, "s3_key": key, "options": {}});
    let restore = env!("CARGO_BIN_EXE_restore");
    let restored = account
        .invoke(restore, "us-west-2", &environment, event)
        .await;
    assert!(
        restored.answer["new_user_pool_id"].is_string(),
        "{}",
        restored.answer
    );
    restored.assert_named(pool, 20);

    account.s3.answer(
        "AWSStepFunctions.ListExecutions",
        200,
        json!({"executions": []}),
    );
    let environment = [("STATE_MACHINE_ARN", "arn:aws:states:machine".to_owned())];
    let event = json!({"user_pool_id": pool, "resume": RESTORE});
    let trigger = env!("CARGO_BIN_EXE_manual-dr-trigger");
    account.s3.answer(
        "AWSStepFunctions.StartExecution",
        200,
        json!({"executionArn": "arn:aws:states:x", "startDate": 1.0}),
    );
    let started = account
        .invoke(trigger, "us-west-2", &environment, event)
        .await;
    assert_eq!(started.answer["statusCode"], 200, "{}", started.answer);
    started.assert_named(pool, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_is_logged_with_the_ids_that_it_names_and_nothing_else() {
    let account = Account::new();
    let environment = [("SOURCE_BUCKET", BUCKET.to_owned())];
    let find = env!("CARGO_BIN_EXE_find-latest-backup");
    let event = json!({"user_pool_id": "anna@example.com", "restore_id": RESTORE});
    let refused = account.invoke(find, "us-west-2", &environment, event).await;
    assert_eq!(refused.answer["errorType"], "BadRequest");
    let lines: Vec<&Value> = refused.own_lines().collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(message(lines[0]).starts_with("BadRequest: "), "{lines:#?}");
    assert_eq!(named(lines[0], "restore_id"), BTreeSet::from([RESTORE]));
    assert_eq!(named(lines[0], "user_pool_id"), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_missing_is_named_by_each_invocation() {
    let account = Account::new();
    for (binary, variable) in [
        (env!("CARGO_BIN_EXE_backup"), "USER_POOL_IDS"),
        (env!("CARGO_BIN_EXE_find-latest-backup"), "SOURCE_BUCKET"),
        (env!("CARGO_BIN_EXE_restore"), "SOURCE_BUCKET"),
        (env!("CARGO_BIN_EXE_manual-dr-trigger"), "STATE_MACHINE_ARN"),
    ] {
        let answer = account
            .invoke(binary, "us-west-2", &[], json!({}))
            .await
            .answer;
        assert_eq!(answer["errorType"], "MissingConfiguration");
        let expected = format!("environment variable {variable}: it is not set");
        assert_eq!(answer["errorMessage"], expected);
    }
}
