//! The functions as Lambda runs them: processes that ask a runtime API for events.

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

pub(crate) const BUCKET: &str = "backups";
pub(crate) const RESTORE: &str = "dr-restore-1";
pub(crate) const REQUEST: &str = "request-1";
/// The answer of SNS.
const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>1</MessageId></PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>";

/// An account in which the functions work.
pub(crate) struct Account {
    pub(crate) simulator: SimulatorHandle,
    pub(crate) s3: MemoryS3,
}

/// What a function did with one event.
pub(crate) struct Invocation {
    pub(crate) answer: Value,
    /// What it logged, each line a JSON object.
    pub(crate) lines: Vec<Value>,
    /// The lines that CloudWatch makes metrics of.
    pub(crate) metrics: Vec<Value>,
}

impl Account {
    pub(crate) fn new() -> Self {
        let simulator = Simulator::start(Config::default()).unwrap();
        let s3 = MemoryS3::start(BUCKET);
        Self { simulator, s3 }
    }

    pub(crate) fn seed(&self, name: &str) -> String {
        let pool = json!({
            "UserPool": {"Name": name},
            "Users": [{"Username": "anna", "Attributes": {"email": "anna@example.com"}}],
        });
        self.simulator.seed("us-east-1", &pool).unwrap()
    }

    /// The next call of each of these operations fails once, and is repeated.
    pub(crate) fn fail_once(&self, operations: &[&str]) {
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

    /// Lets the backup function of these pools answer one event.
    pub(crate) async fn backup(&self, pools: &str, event: Value) -> Invocation {
        let environment = [
            ("USER_POOL_IDS", pools.to_owned()),
            ("BACKUP_BUCKET", BUCKET.to_owned()),
            ("BACKUP_TABLE", "table".to_owned()),
        ];
        let backup = env!("CARGO_BIN_EXE_backup");
        self.invoke(backup, "us-east-1", &environment, event).await
    }

    /// Lets the restore function answer one event.
    pub(crate) async fn restore(&self, event: Value) -> Invocation {
        let topic = "arn:aws:sns:us-west-2:111122223333:topic";
        let environment = [
            ("SOURCE_BUCKET", BUCKET.to_owned()),
            ("SNS_TOPIC_ARN", topic.to_owned()),
            ("TRIGGER_FUNCTION", "trigger".to_owned()),
            ("BACKUP_FUNCTION", "backup".to_owned()),
        ];
        let restore = env!("CARGO_BIN_EXE_restore");
        self.invoke(restore, "us-west-2", &environment, event).await
    }

    /// Lets a function answer one event.
    pub(crate) async fn invoke(
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
        let lines = std::thread::spawn(|| lines.partition(|line: &Value| line["_aws"].is_null()));
        let answer = answer.recv().await.unwrap();
        function.kill().unwrap();
        function.wait().unwrap();
        let (lines, metrics) = lines.join().unwrap();
        api.abort();
        Invocation {
            answer,
            lines,
            metrics,
        }
    }
}

/// What the state machine gives the restore function until a restore has ended.
pub(crate) fn restore_event(pool: &str, key: &str) -> Value {
    json!({"action": "restore", "restore_id": RESTORE, "user_pool_id": pool, "s3_key": key, "options": {}})
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
