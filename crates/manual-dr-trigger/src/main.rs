//! The Lambda `cognito-manual-dr-trigger-{environment}`: one command starts the restore.

mod trigger;

use aws_config::timeout::TimeoutConfig;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use model::Failure;
use serde_json::Value;

use crate::trigger::{Trigger, TriggerError};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log_to_stdout();
    let config = lambda::sdk_config(TimeoutConfig::disabled());
    let trigger = std::env::var("STATE_MACHINE_ARN")
        .ok()
        .filter(|arn| !arn.is_empty())
        .map(|state_machine_arn| Trigger {
            step_functions: aws_sdk_sfn::Client::new(&config),
            state_machine_arn,
        });
    let trigger = trigger.as_ref();
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let trigger = trigger.ok_or_else(|| {
            failed(
                Failure::MissingConfiguration,
                "STATE_MACHINE_ARN is not set",
            )
        })?;
        let chance = getrandom::u32().map_err(|error| failed(Failure::Internal, error))?;
        let answer = trigger
            .start(&event.payload, jiff::Timestamp::now(), chance)
            .await;
        answer.map_err(|error: TriggerError| failed(Failure::ServiceUnavailable, error))
    }))
    .await
}

fn failed(failure: Failure, error: impl std::fmt::Display) -> Diagnostic {
    tracing::error!(failure = failure.name(), %error, "the restore was not started");
    Diagnostic {
        error_type: failure.name().to_owned(),
        error_message: error.to_string(),
    }
}
