//! The restore Lambda: environment, clients, one library call, answer.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use cognito::limits::Limits;
use cognito::{Category, Cognito, Pace};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use model::request::{RestoreRequest, RestoreResponse};
use restore::run::{Clients, run};
use restore::{ExistingPools, OPERATIONS, RestoreError, Settings};
use serde_json::Value;
use tokio::time::Instant;
use vault::Vault;

/// What an invocation keeps for saving and answering; a call that hangs may take this long too.
const MARGIN: Duration = Duration::from_secs(60);
/// The share of the quotas when `QUOTA_SHARE` does not say: the target Region is quiet.
const QUOTA_SHARE: f64 = 0.95;

/// The pools that a restore may write into although none made them.
const EXISTING_POOLS: &str = "EXISTING_USER_POOL_IDS";

/// What is made once for all invocations.
struct Function {
    clients: Clients,
    settings: Settings,
    limits: Limits,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log_to_stdout();
    // A wrong environment fails each invocation by its name, not the start of the process.
    let function = Function::from_environment();
    let function = &function;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        handle(function.as_ref(), event).await.inspect_err(|error| {
            tracing::error!(
                error_type = error.error_type,
                error = error.error_message,
                "failed"
            );
        })
    }))
    .await
}

async fn handle(
    function: Result<&Function, &RestoreError>,
    event: LambdaEvent<Value>,
) -> Result<RestoreResponse, Diagnostic> {
    let function = function.map_err(diagnostic)?;
    let request = RestoreRequest::from_event(&event.payload)
        .map_err(|error| diagnostic(&RestoreError::Request(error)))?;
    let left = event
        .context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    let deadline = Instant::now() + left.saturating_sub(MARGIN).max(left / 2);
    let work = Box::pin(run(
        &function.clients,
        &function.settings,
        &request,
        deadline,
    ));
    let categories = [Category::UserCreation, Category::UserRead];
    function
        .limits
        .beside(&function.clients.cognito, &categories, work)
        .await
        .map_err(|error| diagnostic(&error))
}

fn diagnostic(error: &RestoreError) -> Diagnostic {
    Diagnostic {
        error_type: error.failure().name().to_owned(),
        error_message: error.to_string(),
    }
}

impl Function {
    fn from_environment() -> Result<Self, RestoreError> {
        let bucket = required("SOURCE_BUCKET")?;
        let sns_topic_arn = required("SNS_TOPIC_ARN")?;
        let quota_share = match optional("QUOTA_SHARE") {
            None => QUOTA_SHARE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|share| (0.01..=1.0).contains(share))
                .ok_or_else(|| RestoreError::Configuration {
                    variable: "QUOTA_SHARE",
                    problem: "a number from 0.01 to 1 is required".to_owned(),
                })?,
        };
        let existing = optional(EXISTING_POOLS).unwrap_or_default();
        let existing_user_pools =
            ExistingPools::read(&existing).map_err(|problem| RestoreError::Configuration {
                variable: EXISTING_POOLS,
                problem,
            })?;
        let config = lambda::sdk_config(TimeoutConfig::disabled());
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            RestoreError::Configuration {
                variable: "AWS_REGION",
                problem: "it is not set".to_owned(),
            }
        })?;
        let settings = Settings {
            region,
            sns_topic_arn,
            legacy_sub_attribute: optional("LEGACY_SUB_ATTRIBUTE")
                .map(|name| name.trim_start_matches("custom:").to_owned()),
            import_role_arn: optional("IMPORT_ROLE_ARN"),
            existing_user_pools,
        };
        let pace = Pace::share_of_quotas(quota_share)
            .with_quotas(&optional("QUOTA_OVERRIDES").unwrap_or_default())
            .map_err(|error| RestoreError::Configuration {
                variable: "QUOTA_OVERRIDES",
                problem: error.to_string(),
            })?;
        let cognito = Cognito::new(&config, pace);
        let clients = Clients {
            cognito: cognito.allowing(OPERATIONS),
            waf: aws_sdk_wafv2::Client::new(&config),
            lambda: looking_for_functions(&config),
            sns: aws_sdk_sns::Client::new(&config),
            vault: Vault::new(&config, bucket),
        };
        Ok(Self {
            clients,
            settings,
            limits: Limits::default(),
        })
    }
}

/// The functions of triggers are looked up one by one: a Lambda API that does not answer must
/// not eat the time of the restore.
fn looking_for_functions(config: &aws_config::SdkConfig) -> aws_sdk_lambda::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .build();
    let config = aws_sdk_lambda::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

/// A variable that must be there.
fn required(variable: &'static str) -> Result<String, RestoreError> {
    optional(variable).ok_or_else(|| RestoreError::Configuration {
        variable,
        problem: "it is not set".to_owned(),
    })
}

/// A variable that may be left out; empty is left out.
fn optional(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}
