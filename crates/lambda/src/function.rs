//! One invocation after the other: event in, answer or named error out, ids on every log line.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use model::{RestoreId, UserPoolId};
use serde::Serialize;
use serde_json::Value;
use tracing::field::Empty;
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
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let span = span(&event.payload);
        invoke(&function, event).instrument(span).await
    }))
    .await
}

async fn invoke<F: Function>(
    function: &Result<F, Failed>,
    event: LambdaEvent<Value>,
) -> Result<F::Answer, Diagnostic> {
    let answer = match function {
        Ok(function) => Box::pin(function.handle(event.payload, &event.context)).await,
        Err(failed) => Err(failed.clone()),
    };
    answer.map_err(|error| {
        tracing::error!(failure = %error.failure(), %error, "invocation failed");
        error.into()
    })
}

/// Has the ids that the event names, as far as they are ids: others might hold anything. Shown at
/// every level.
fn span(event: &Value) -> Span {
    fn id<Id: std::str::FromStr>(event: &Value, members: &[&str]) -> Option<Id> {
        let mut named = members
            .iter()
            .filter_map(|member| event.get(member)?.as_str());
        named.next()?.parse().ok()
    }
    let span = tracing::error_span!("invocation", user_pool_id = Empty, restore_id = Empty);
    if let Some(pool) = id::<UserPoolId>(event, &["user_pool_id"]) {
        span.record("user_pool_id", pool.as_str());
    }
    if let Some(restore) = id::<RestoreId>(event, &["restore_id", "resume"]) {
        span.record("restore_id", restore.as_str());
    }
    span
}

/// How long an invocation may still run.
pub fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now());
    left.unwrap_or_default()
}
