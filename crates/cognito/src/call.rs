//! Calling Cognito: one JSON document out, one JSON document back.

mod exchange;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::retry::RetryConfig;
use aws_sdk_cognitoidentityprovider::config::timeout::TimeoutConfig;
use aws_sdk_cognitoidentityprovider::error::SdkError;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use model::observe::{Event, Observer, WaitReason};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::answers::Answers;
use crate::error::{CognitoError, ErrorKind};
use crate::operation::{Effect, Operation};
use crate::pace::{Pace, Pacer};
use exchange::{Exchange, without_answer};

/// How long one attempt may take: a page of 60 large users is several megabytes (facts D).
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may fail for: what its attempts and the pauses between them may take together.
/// Waiting for a permit is no failure, and does not count.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often a call is repeated for a reason other than throttling.
const REPEATS: u32 = 6;
/// The first pause before a repetition.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// From when on waiting for a place within the pace is worth telling.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);
/// The longest pause before a repetition.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A client for Cognito in one Region, shared by all tasks of an invocation.
#[derive(Debug, Clone)]
pub struct Cognito {
    client: Client,
    pacer: Arc<Pacer>,
    region: String,
    allowed: Option<&'static [Operation]>,
    answers: Option<Arc<Answers>>,
    watched_by: Watcher,
}

/// Who hears of waits.
#[derive(Clone)]
struct Watcher(Arc<dyn Observer>);

impl std::fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Watcher")
    }
}

impl Cognito {
    /// A client over the account and Region of `config`, keeping to `pace`.
    ///
    /// The SDK's own retries are off: they would pass the pacer by, repeat creations, and wait
    /// in vain on `LimitExceededException` (facts B.1).
    pub fn new(config: &SdkConfig, pace: Pace) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config_of_client = aws_sdk_cognitoidentityprovider::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let client = Client::from_conf(config_of_client);
        Self {
            client,
            pacer: Arc::new(Pacer::new(pace)),
            region,
            allowed: None,
            answers: None,
            watched_by: Watcher(Arc::new(())),
        }
    }

    /// The same client, which tells `observer` when calls have to wait.
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        let watched_by = Watcher(observer);
        Self { watched_by, ..self }
    }

    /// The same client, which refuses operations outside `allowed` before they are sent: the
    /// list that a Lambda's role is checked against.
    pub fn allowing(mut self, allowed: &'static [Operation]) -> Self {
        self.allowed = Some(allowed);
        self
    }

    /// The same client, which keeps what it reads in `answers` and asks for nothing that is
    /// there.
    pub fn remembering(&self, answers: &Arc<Answers>) -> Self {
        Self {
            answers: Some(answers.clone()),
            ..self.clone()
        }
    }

    /// The Region that the calls go to.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The pacer, for whoever wants to know the rate.
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// Calls an operation and returns the body of its answer as the service sent it.
    ///
    /// Throttling is waited out. Reads and repeatable writes are repeated after failures of the
    /// service or the network; creations are not.
    ///
    /// # Errors
    /// [`CognitoError`] when the service refuses, or when patience (90 s without an answer that
    /// counts) is at its end. [`ErrorKind::AnswerLost`] when a creation may have been carried out.
    pub async fn call(&self, operation: Operation, request: &Value) -> Result<Value, CognitoError> {
        let body = self.call_for_body(operation, request).await?;
        if body.is_empty() {
            return Ok(json!({}));
        }
        serde_json::from_slice(&body)
            .map_err(|_| CognitoError::unexpected_answer(operation, "JSON"))
    }

    /// As [`call`](Self::call), for the body as the service sent it; empty where the operation
    /// answers nothing.
    pub(crate) async fn call_for_body(
        &self,
        operation: Operation,
        request: &Value,
    ) -> Result<Vec<u8>, CognitoError> {
        if self
            .allowed
            .is_some_and(|allowed| !allowed.contains(&operation))
        {
            let message = "this Lambda's list of operations does not hold it".to_owned();
            return Err(CognitoError {
                operation,
                kind: ErrorKind::NotAuthorized,
                code: "NotOnTheList".into(),
                message,
            });
        }
        let kept = self.answers.as_ref();
        let kept = kept.filter(|_| operation.effect() == Effect::Read);
        let Some(answers) = kept else {
            return self.send(operation, request).await;
        };
        if let Some(known) = answers.find(operation, request) {
            return known;
        }
        let result = self.send(operation, request).await;
        answers.keep(operation, request, &result);
        result
    }

    /// Sends a request until it is answered, whether it is on the list or not.
    ///
    /// In a task of its own: some callers make many calls at once and wait for something else
    /// meanwhile. A call that is not polled would keep what others wait for, its turn with the pacer
    /// and the credentials that the SDK reads once for all. Dropping the future aborts the call.
    pub(crate) async fn send(
        &self,
        operation: Operation,
        request: &Value,
    ) -> Result<Vec<u8>, CognitoError> {
        let (cognito, request) = (self.clone(), request.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { cognito.send_here(operation, &request).await }.in_current_span());
        match task.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            // Only with the runtime.
            Some(Err(_)) | None => std::future::pending().await,
        }
    }

    async fn send_here(
        &self,
        operation: Operation,
        request: &Value,
    ) -> Result<Vec<u8>, CognitoError> {
        let pool = request.get("UserPoolId").and_then(Value::as_str);
        let mut failing = Duration::ZERO;
        let mut pauses = pauses();
        let mut repeats = 0;
        loop {
            self.permit(operation, pool).await;
            let sent = Instant::now();
            let error = match self.attempt(operation, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = match error.kind {
                ErrorKind::Throttled => {
                    self.pacer.throttled(operation, pool);
                    true
                }
                ErrorKind::Unavailable | ErrorKind::Conflict => {
                    repeats += 1;
                    repeats <= REPEATS
                }
                _ => false,
            };
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            failing += sent.elapsed() + pause;
            if !again || failing > PATIENCE {
                return Err(error);
            }
            tracing::debug!(%operation, code = error.code, pause_ms = pause.as_millis() as u64, "repeating a call");
            let reason = match error.kind {
                ErrorKind::Throttled => WaitReason::Throttled,
                _ => WaitReason::Unavailable,
            };
            self.tell_of_wait(reason, Timestamp::now().checked_add(pause).ok());
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for a place within the pace.
    async fn permit(&self, operation: Operation, pool: Option<&str>) {
        let mut permit = pin!(self.pacer.permit(operation, pool));
        if timeout(NOTABLE_WAIT, &mut permit).await.is_err() {
            self.tell_of_wait(WaitReason::Quota, None);
            permit.await;
        }
    }

    fn tell_of_wait(&self, reason: WaitReason, until: Option<Timestamp>) {
        self.watched_by.0.event(Event::Waiting { reason, until });
    }

    /// One request.
    async fn attempt(
        &self,
        operation: Operation,
        request: &Value,
    ) -> Result<Vec<u8>, CognitoError> {
        let exchange = Exchange {
            operation,
            request: request.to_string(),
            answer: Arc::default(),
        };
        let answer = exchange.answer.clone();
        // Any operation of the SDK can carry a request of ours. This one is harmless: should the
        // exchange ever fail to replace it, it would ask to remove no tag of nothing.
        let carrier = self
            .client
            .untag_resource()
            .resource_arn("-")
            .set_tag_keys(Some(Vec::new()));
        let result = carrier.customize().interceptor(exchange).send().await;
        let answered = answer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        match (result, answered) {
            (Ok(_), Some(answered)) => Ok(answered.body),
            (Err(SdkError::ServiceError(_) | SdkError::ResponseError(_)), Some(answered)) => {
                Err(answered.into_error(operation, request))
            }
            (Ok(_), None) => Err(CognitoError::unexpected_answer(operation, "body")),
            (Err(error), _) => Err(without_answer(operation, request, &error)),
        }
    }
}

/// Growing pauses, with jitter so that tasks do not march in step.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}
