//! Calling Cognito: one JSON document out, one JSON document back.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::retry::RetryConfig;
use aws_sdk_cognitoidentityprovider::config::timeout::TimeoutConfig;
use aws_sdk_cognitoidentityprovider::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cognitoidentityprovider::error::SdkError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_types::body::SdkBody;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use model::failure::with_causes;
use model::observe::{Event, Observer, WaitReason};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::answers::Answers;
use crate::error::{CognitoError, ErrorKind, clean, kind_of};
use crate::operation::{Effect, Operation};
use crate::pace::{Pace, Pacer};

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
    pub(crate) async fn send(
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

/// What came back over the wire.
#[derive(Debug)]
struct Answered {
    status: u16,
    error_type: Option<String>,
    body: Vec<u8>,
}

impl Answered {
    /// AWS JSON 1.1: the code stands in `__type` or the header, sometimes behind a namespace and
    /// before a colon.
    fn into_error(self, operation: Operation, request: &Value) -> CognitoError {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        let named = body
            .get("__type")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or(self.error_type);
        let code = named
            .as_deref()
            .and_then(|code| code.split(':').next())
            .and_then(|code| code.rsplit('#').next())
            .filter(|code| !code.is_empty())
            .map_or_else(|| format!("Http{}", self.status), str::to_owned);
        let message = ["message", "Message"]
            .iter()
            .find_map(|member| body.get(*member).and_then(Value::as_str));
        let message = message.unwrap_or_default();
        let kind = kind_of(&code, message, self.status, operation);
        CognitoError {
            operation,
            kind,
            code,
            message: clean(message, operation, request),
        }
    }
}

/// No answer came. A request that never left can be repeated whatever it does.
fn without_answer<E: std::error::Error + 'static, R: std::fmt::Debug>(
    operation: Operation,
    request: &Value,
    error: &SdkError<E, R>,
) -> CognitoError
where
    SdkError<E, R>: std::error::Error,
{
    let never_left = match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure
            .as_connector_error()
            .is_some_and(|error| error.is_user() || connecting(error)),
        _ => false,
    };
    let text = with_causes(error);
    let cause = std::error::Error::source(error);
    let (kind, code) = if cause.is_some_and(lacks_credentials) {
        (ErrorKind::NotAuthorized, "NoCredentials")
    } else if never_left || operation.effect() != Effect::Create {
        (ErrorKind::Unavailable, "NoAnswer")
    } else {
        (ErrorKind::AnswerLost, "NoAnswer")
    };
    CognitoError {
        operation,
        kind,
        code: code.into(),
        message: clean(&text, operation, request),
    }
}

/// Whether there are no credentials, or none that can be read: asking again does not help. A
/// provider that fails or does not answer in time may do so the next time.
fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<CredentialsError>() {
            return matches!(
                error,
                CredentialsError::CredentialsNotLoaded(_)
                    | CredentialsError::InvalidConfiguration(_)
            );
        }
        source = inner.source();
    }
    false
}

/// Whether the connection itself could not be made.
fn connecting(error: &aws_smithy_runtime_api::client::result::ConnectorError) -> bool {
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        source = inner.source();
    }
    false
}

/// Puts our request in the carrier's place and keeps the body of the answer.
#[derive(Debug)]
struct Exchange {
    operation: Operation,
    request: String,
    answer: Arc<Mutex<Option<Answered>>>,
}

impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "RawDocumentExchange"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let target = format!("AWSCognitoIdentityProviderService.{}", self.operation);
        request.headers_mut().insert("x-amz-target", target);
        request
            .headers_mut()
            .insert("content-length", self.request.len().to_string());
        *request.body_mut() = SdkBody::from(self.request.clone());
        Ok(())
    }

    /// The body is in memory only after the SDK tried to make sense of it. Where it could not be
    /// read to its end, there was no answer.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let answered = response.body().bytes().map(|body| Answered {
            status: response.status().as_u16(),
            error_type: response
                .headers()
                .get("x-amzn-errortype")
                .map(str::to_owned),
            body: body.to_vec(),
        });
        *self
            .answer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = answered;
        Ok(())
    }
}
