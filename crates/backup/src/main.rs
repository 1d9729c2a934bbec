//! The backup Lambda: environment, clients, library, answer.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use backup::settings::Settings;
use backup::{BackupError, Backups, Continuation, MetadataTable};
use cognito::collect::OPERATIONS;
use cognito::limits::Limits;
use cognito::{Category, Cognito};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use model::Failure;
use model::request::{BackupAnswer, BackupRequest};
use serde_json::Value;
use tokio::time::Instant;
use vault::Vault;

/// What is kept of an invocation for putting a run down: a few objects of at most 16 MB.
const MARGIN: Duration = Duration::from_secs(60);

/// How long a connection, and an attempt of a call, may take where the library does not say.
const CONNECT: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_secs(20);

/// What lives as long as the process.
struct Function {
    settings: Settings,
    cognito: Cognito,
    waf: aws_sdk_wafv2::Client,
    vault: Vault,
    table: MetadataTable,
    continuation: Option<Continuation>,
    limits: Limits,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log_to_stdout();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .build();
    let config = lambda::sdk_config(timeouts);
    let settings = Settings::read(|name| std::env::var(name).ok());
    let function = settings.map(|settings| Function::new(settings, &config));
    lambda_runtime::run(service_fn(
        async |event: LambdaEvent<Value>| match &function {
            Ok(function) => Box::pin(function.handle(event)).await,
            Err(error) => Err(diagnostic(error)),
        },
    ))
    .await
}

impl Function {
    fn new(settings: Settings, config: &SdkConfig) -> Self {
        Self {
            cognito: Cognito::new(config, settings.pace.clone()).allowing(OPERATIONS),
            limits: Limits::default(),
            waf: aws_sdk_wafv2::Client::new(config),
            vault: Vault::new(config, &settings.bucket),
            table: MetadataTable::new(config, &settings.table),
            continuation: settings
                .continuation
                .as_ref()
                .map(|arn| Continuation::new(config, arn)),
            settings,
        }
    }

    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let configured = match event.payload.get("continue") {
            // The cursor names its pools.
            Some(_) => Vec::new(),
            None => {
                let ids = self.settings.pools.ids(&self.cognito).await;
                ids.map_err(|error| diagnostic(&error))?
            }
        };
        let request = BackupRequest::from_event(&event.payload, &configured)
            .map_err(|error| named(Failure::BadRequest, &error))?;
        let backups = self.backups(&event.context);
        let progress = match request {
            BackupRequest::Nothing { reason } => {
                tracing::info!(reason, "nothing to back up");
                let nothing = Some(reason);
                let backups = Vec::new();
                return Ok(BackupAnswer { backups, nothing }.to_json());
            }
            BackupRequest::Continue(cursor) => {
                let progress = self.beside_limits(backups.go_on(cursor)).await;
                return Ok(progress
                    .map_err(|error| diagnostic(&error))?
                    .to_continuation());
            }
            BackupRequest::Pools(pools) => self.beside_limits(backups.run(pools)).await,
            BackupRequest::Scheduled(pools) => {
                self.beside_limits(backups.run_scheduled(pools)).await
            }
        };
        let progress = progress.map_err(|error| diagnostic(&error))?;
        let (backups, nothing) = (progress.backups(), progress.nothing());
        Ok(BackupAnswer { backups, nothing }.to_json())
    }

    /// Works while the limits are read that a backup can make use of.
    async fn beside_limits<T>(&self, work: impl Future<Output = T>) -> T {
        let categories = [Category::UserRead];
        self.limits.beside(&self.cognito, &categories, work).await
    }

    /// The library's view of this invocation.
    fn backups<'a>(&'a self, context: &'a Context) -> Backups<'a> {
        let end = context.deadline();
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        Backups {
            cognito: &self.cognito,
            waf: &self.waf,
            vault: &self.vault,
            table: &self.table,
            continuation: self.continuation.as_ref(),
            mfa_preferences: self.settings.mfa_preferences,
            request_id: &context.request_id,
            deadline: Instant::now() + left.saturating_sub(MARGIN.min(left / 3)),
        }
    }
}

fn diagnostic(error: &BackupError) -> Diagnostic {
    named(error.failure(), error)
}

fn named(failure: Failure, error: &impl std::fmt::Display) -> Diagnostic {
    tracing::error!(%failure, %error, "invocation failed");
    Diagnostic {
        error_type: failure.name().to_owned(),
        error_message: error.to_string(),
    }
}
