//! The Lambda `cognito-manual-dr-trigger-{environment}`: one command starts the restore.

mod executions;
mod standbys;
mod trigger;

use aws_config::timeout::TimeoutConfig;
use lambda::{Environment, Failed, Function};
use lambda_runtime::Context;
use model::Failure;
use serde_json::Value;

use crate::executions::Executions;
use crate::standbys::Standbys;
use crate::trigger::Trigger;

const STANDBY_POOLS: &str = "STANDBY_POOLS";
const REMOVE_AFTER: &str = "STANDBY_REMOVES_USERS_AFTER_DAYS";

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve::<Trigger>().await
}

impl Function for Trigger {
    type Answer = Value;

    fn from_environment() -> Result<Self, Failed> {
        let environment = Environment::of_process();
        let pairs = environment.optional(STANDBY_POOLS).unwrap_or_default();
        let days = environment.optional(REMOVE_AFTER).unwrap_or_default();
        let days = match days.as_str() {
            "" => 0,
            days => days
                .parse()
                .map_err(|problem| Failed::configuration(REMOVE_AFTER, problem))?,
        };
        let config = lambda::sdk_config(TimeoutConfig::disabled());
        Ok(Self {
            executions: Executions {
                step_functions: aws_sdk_sfn::Client::new(&config),
                state_machine_arn: environment.required("STATE_MACHINE_ARN")?,
            },
            standbys: Standbys::read(&pairs, days)
                .map_err(|problem| Failed::configuration(STANDBY_POOLS, problem))?,
        })
    }

    async fn handle(&self, event: Value, _: &Context) -> Result<Value, Failed> {
        let chance = getrandom::u32().map_err(|error| Failed::new(Failure::Internal, error))?;
        self.start(&event, jiff::Timestamp::now(), chance)
            .await
            .map_err(|error| Failed::new(Failure::ServiceUnavailable, error))
    }
}
