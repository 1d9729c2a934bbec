//! The Lambda `cognito-manual-dr-trigger-{environment}`: one command starts the restore.

mod trigger;

use aws_config::timeout::TimeoutConfig;
use lambda::{Environment, Failed, Function};
use lambda_runtime::Context;
use model::Failure;
use serde_json::Value;

use crate::trigger::Trigger;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve::<Trigger>().await
}

impl Function for Trigger {
    type Answer = Value;

    fn from_environment() -> Result<Self, Failed> {
        let config = lambda::sdk_config(TimeoutConfig::disabled());
        Ok(Self {
            step_functions: aws_sdk_sfn::Client::new(&config),
            state_machine_arn: Environment::of_process().required("STATE_MACHINE_ARN")?,
        })
    }

    async fn handle(&self, event: Value, _: &Context) -> Result<Value, Failed> {
        let chance = getrandom::u32().map_err(|error| Failed::new(Failure::Internal, error))?;
        self.start(&event, jiff::Timestamp::now(), chance)
            .await
            .map_err(|error| Failed::new(Failure::ServiceUnavailable, error))
    }
}
