//! The Lambda `cognito-find-latest-backup-{environment}`: the newest whole backup of one pool.

use aws_config::timeout::TimeoutConfig;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use model::Failure;
use model::request::{FindRequest, FindResponse};
use serde_json::Value;
use vault::Vault;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log_to_stdout();
    let config = lambda::sdk_config(TimeoutConfig::disabled());
    let vault = std::env::var("SOURCE_BUCKET")
        .ok()
        .filter(|bucket| !bucket.is_empty())
        .map(|bucket| Vault::new(&config, bucket));
    let vault = vault.as_ref();
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        find(vault, event.payload)
    }))
    .await
}

async fn find(vault: Option<&Vault>, event: Value) -> Result<FindResponse, Diagnostic> {
    let vault =
        vault.ok_or_else(|| failed(Failure::MissingConfiguration, "SOURCE_BUCKET is not set"))?;
    let request =
        FindRequest::from_event(&event).map_err(|error| failed(Failure::BadRequest, error))?;
    let found = vault
        .find(&request, jiff::Timestamp::now())
        .await
        .map_err(|error| failed(error.failure(), error))?;
    for newer in &found.passed_over {
        tracing::warn!(s3_key = %newer.s3_key, reason = newer.reason, "a newer backup was not taken");
    }
    tracing::info!(s3_key = %found.s3_key, users = found.users, bytes = found.bytes, began = %found.backup_timestamp, ended = %found.backup_ended, "found");
    Ok(found)
}

fn failed(failure: Failure, error: impl std::fmt::Display) -> Diagnostic {
    tracing::error!(failure = failure.name(), %error, "no backup was found");
    Diagnostic {
        error_type: failure.name().to_owned(),
        error_message: error.to_string(),
    }
}
