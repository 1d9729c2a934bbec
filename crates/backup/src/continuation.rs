//! Handing over to the state machine that calls this Lambda until a run is complete.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::timeout::TimeoutConfig;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata};
use model::Failure;
use serde_json::json;

use crate::cursor::BackupCursor;
use crate::error::BackupError;

const ATTEMPT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 4;

/// The continuation state machine.
#[derive(Debug, Clone)]
pub struct Continuation {
    client: Client,
    arn: String,
}

impl Continuation {
    /// The state machine `arn`.
    pub fn new(config: &SdkConfig, arn: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config = aws_sdk_sfn::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            arn: arn.into(),
        }
    }

    /// Starts an execution with `{"continue": cursor}` and returns its ARN.
    ///
    /// Its name is that of the run, so a request that is repeated because its answer was lost
    /// starts no second one.
    ///
    /// # Errors
    /// [`BackupError::NotHandedOver`] when Step Functions did not start it.
    pub async fn start(&self, cursor: &BackupCursor) -> Result<String, BackupError> {
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.arn)
            .name(&cursor.run)
            .input(json!({"continue": cursor}).to_string())
            .send()
            .await;
        started
            .map(|started| started.execution_arn)
            .map_err(|error| {
                let failure = match error.code() {
                    Some("AccessDeniedException" | "UnrecognizedClientException") => {
                        Failure::NotAuthorized
                    }
                    Some("StateMachineDoesNotExist" | "InvalidArn") => {
                        Failure::MissingConfiguration
                    }
                    _ => Failure::ServiceUnavailable,
                };
                let reason = match (error.code(), error.message()) {
                    (Some(code), Some(message)) => format!("{code}: {message}"),
                    _ => DisplayErrorContext(&error).to_string(),
                };
                BackupError::NotHandedOver {
                    reason: reason.chars().take(300).collect(),
                    failure,
                }
            })
    }
}
