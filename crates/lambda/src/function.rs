//! One invocation after the other: event in, answer or named error out, ids on every log line.

use std::str::FromStr;
use std::task::{self, Poll};
use std::time::{Duration, SystemTime};

use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{Context, LambdaEvent, LambdaInvocation, Runtime, Service, service_fn};
use model::{RestoreId, UserPoolId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::instrument::Instrumented;
use tracing::{Instrument as _, Span};

use crate::{Failed, log_to_stdout};

/// A Lambda function: what lives as long as its process, and what it does with an event.
pub trait Function: Sized {
    /// What it answers.
    type Answer: Serialize;

    /// Reads the environment and makes the clients.
    ///
    /// # Errors
    /// [`Failed`] that names the variable that is missing or wrong.
    fn from_environment() -> Result<Self, Failed>;

    /// One invocation.
    ///
    /// # Errors
    /// [`Failed`], under whose name the caller sees it.
    fn handle(
        &self,
        event: Value,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Answer, Failed>>;
}

/// Answers events until Lambda ends the process.
///
/// # Errors
/// When Lambda's runtime API does not answer.
pub async fn serve<F: Function>() -> Result<(), lambda_runtime::Error> {
    log_to_stdout();
    // A wrong environment fails each invocation by its name, not the start of the process.
    let function = F::from_environment();
    let handler = service_fn(async |event: LambdaEvent<Value>| match &function {
        Ok(function) => Box::pin(function.handle(event.payload, &event.context)).await,
        Err(failed) => Err(failed.clone()),
    });
    Runtime::new(handler).layer(layer_fn(WithIds)).run().await
}

/// Puts the ids of an invocation on each line that is logged in it, also by the runtime, which
/// logs errors and panics.
struct WithIds<S>(S);

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for WithIds<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let span = span(&invocation.body, &invocation.context);
        let future = span.in_scope(|| self.0.call(invocation));
        future.instrument(span)
    }
}

/// The ids that the event names, as far as they are ids: others might hold anything. Shown at
/// every level.
fn span(event: &[u8], context: &Context) -> Span {
    #[derive(Default, Deserialize)]
    struct Ids {
        user_pool_id: Option<Value>,
        restore_id: Option<Value>,
        resume: Option<Value>,
    }
    fn id<Id: FromStr>(value: Option<Value>) -> Option<Id> {
        value?.as_str()?.parse().ok()
    }
    let ids: Ids = serde_json::from_slice(event).unwrap_or_default();
    let pool: Option<UserPoolId> = id(ids.user_pool_id);
    let restore: Option<RestoreId> = id(ids.restore_id.or(ids.resume));
    tracing::error_span!(
        "invocation",
        request_id = context.request_id,
        xray_trace_id = context.xray_trace_id,
        user_pool_id = pool.as_ref().map(UserPoolId::as_str),
        restore_id = restore.as_ref().map(RestoreId::as_str),
    )
}

/// How long an invocation may still run.
pub fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now());
    left.unwrap_or_default()
}
