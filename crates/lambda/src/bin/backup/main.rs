//! The Lambda `cognito-backup-{environment}`: backs up pools, for the schedule, for a change, and
//! where an invocation before it stopped.

mod measured;
mod settings;

use std::time::{Duration, Instant};

use aws_config::timeout::TimeoutConfig;
use backup::{Ages, Backups, Continuation, ListedPool, MetadataTable, Replicas};
use cognito::collect::OPERATIONS;
use cognito::limits::Limits;
use cognito::{Category, Cognito, Stop};
use jiff::Timestamp;
use lambda::metrics::{Metric, Metrics, Producer};
use lambda::{Environment, Failed, Function, time_left};
use lambda_runtime::Context;
use model::UserPoolId;
use model::request::{BackupAnswer, BackupRequest, ForgetRequest};
use serde_json::{Value, json};
use vault::{SecretsKey, Vault};

use crate::measured::Measured;
use crate::settings::Settings;

/// What is kept of an invocation for putting a run down: a few objects of at most 16 MB.
const MARGIN: Duration = Duration::from_secs(60);

/// How long a connection, and an attempt of a call, may take where the library does not say.
const CONNECT: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_secs(20);

struct Backup {
    settings: Settings,
    cognito: Cognito,
    waf: aws_sdk_wafv2::Client,
    vault: Vault,
    table: MetadataTable,
    continuation: Option<Continuation>,
    secrets_key: Option<SecretsKey>,
    limits: Limits,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve::<Backup>().await
}

impl Function for Backup {
    type Answer = Value;

    fn from_environment() -> Result<Self, Failed> {
        let settings = Settings::read(&Environment::of_process())?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config = lambda::sdk_config(timeouts);
        let continuation = settings.continuation.as_ref();
        let secrets_key = settings.secrets_keys.as_ref();
        Ok(Self {
            cognito: Cognito::new(&config, settings.pace.clone()).allowing(OPERATIONS),
            limits: Limits::default(),
            waf: aws_sdk_wafv2::Client::new(&config),
            vault: Vault::in_bucket(&config, &settings.bucket),
            table: MetadataTable::new(&config, &settings.table),
            secrets_key: secrets_key
                .map(|(key, fingerprints)| SecretsKey::new(&config, key, Some(fingerprints))),
            continuation: continuation.map(|arn| Continuation::new(&config, arn)),
            settings,
        })
    }

    async fn handle(&self, event: Value, context: &Context) -> Result<Value, Failed> {
        let metrics = Metrics::of(Producer::Backup, context);
        let (usage, began) = (self.cognito.pacer().usage(), Instant::now());
        let answer = self.answer(event, context, Measured(metrics.clone())).await;
        let used = self.cognito.pacer().used_since(&usage, began.elapsed());
        let values = [
            (Metric::BackupCallsThrottled, used.throttled as f64),
            (Metric::BackupQuotaUsed, used.share_of_quota * 100.0),
        ];
        metrics.put(&values, &[]);
        answer
    }
}

impl Backup {
    async fn answer(
        &self,
        event: Value,
        context: &Context,
        measured: Measured,
    ) -> Result<Value, Failed> {
        let listed = match event.get("continue") {
            // The cursor names its pools, and so does a list of users.
            Some(_) => Vec::new(),
            None if ForgetRequest::is_asked_for(&event) => Vec::new(),
            None => self.settings.pools.list(&self.cognito).await?,
        };
        let configured: Vec<UserPoolId> = listed.iter().map(|pool| pool.id.clone()).collect();
        let backups = self.backups(context, &measured);
        let progress = match BackupRequest::from_event(&event, &configured)? {
            BackupRequest::Nothing { reason } => {
                tracing::info!(reason, "nothing to back up");
                let nothing = Some(reason);
                let backups = Vec::new();
                return Ok(BackupAnswer { backups, nothing }.to_json());
            }
            BackupRequest::Forget(request) => return self.forget(&request).await,
            BackupRequest::CheckAges => return self.check_ages(&listed, &measured.0).await,
            BackupRequest::CheckReplicas => return self.check_replicas(context, &measured.0).await,
            BackupRequest::Continue(cursor) => {
                let progress = self.beside_limits(backups.go_on(cursor)).await?;
                return Ok(progress.to_continuation());
            }
            BackupRequest::Pools(pools) => self.beside_limits(backups.run(pools)).await?,
            BackupRequest::Scheduled(pools) => {
                self.beside_limits(backups.run_scheduled(pools)).await?
            }
        };
        let (backups, nothing) = (progress.backups(), progress.nothing());
        Ok(BackupAnswer { backups, nothing }.to_json())
    }

    /// Tells how old the newest backups are: an alarm goes off at a pool that is overdue, and at
    /// silence.
    async fn check_ages(&self, pools: &[ListedPool], metrics: &Metrics) -> Result<Value, Failed> {
        let limit = self.settings.age_limit;
        let ages = Ages::of(pools, &self.vault, limit, Timestamp::now()).await?;
        for pool in &ages.overdue {
            tracing::warn!(user_pool_id = %pool, limit_seconds = limit.as_secs(), "the pool has no backup within the limit");
        }
        let values = [
            (Metric::PoolsOverdue, ages.overdue.len() as f64),
            (Metric::OldestBackupAge, ages.oldest.as_secs_f64()),
        ];
        metrics.put(&values, &[]);
        Ok(json!({"overdue": ages.overdue, "oldest_seconds": ages.oldest.as_secs()}))
    }

    /// Changes the list of users who must not come back.
    async fn forget(&self, request: &ForgetRequest) -> Result<Value, Failed> {
        let (pool, subs) = (&request.user_pool_id, &request.subs);
        let change = match request.undo {
            false => self.vault.forget(pool, subs).await?,
            true => self.vault.take_back(pool, subs).await?,
        };
        let (changed, unchanged) = (change.changed, change.unchanged);
        tracing::info!(user_pool_id = %pool, undo = request.undo, changed, unchanged, "the list of forgotten users is written");
        Ok(json!({"changed": changed, "unchanged": unchanged}))
    }

    /// Copies again what of the newest backups S3 could not replicate: an alarm goes off where that
    /// does not help.
    async fn check_replicas(&self, context: &Context, metrics: &Metrics) -> Result<Value, Failed> {
        let stop = stop_of(context);
        let replicas = Replicas::mend(&self.vault, Timestamp::now(), &stop).await?;
        let failed = replicas.failed.len();
        // A metric costs for each hour in which it comes: these come when there is something to say.
        if failed > 0 {
            let values = [
                (Metric::BackupsNotReplicated, failed as f64),
                (Metric::BackupsCopiedAgain, replicas.copied as f64),
            ];
            metrics.put(&values, &[]);
        }
        Ok(json!({"failed": failed, "copied": replicas.copied}))
    }

    /// Works while the limits are read that a backup can make use of.
    async fn beside_limits<T>(&self, work: impl Future<Output = T>) -> T {
        let categories = [Category::UserRead];
        self.limits.beside(&self.cognito, &categories, work).await
    }

    /// The library's view of this invocation.
    fn backups<'a>(&'a self, context: &'a Context, observer: &'a Measured) -> Backups<'a> {
        Backups {
            cognito: &self.cognito,
            waf: &self.waf,
            vault: &self.vault,
            table: Some(&self.table),
            continuation: self.continuation.as_ref(),
            shard: None,
            users_by_prefix: self.settings.users_by_prefix,
            differences: self.settings.differences,
            shrink_limits: self.settings.shrink_limits,
            mfa_preferences: self.settings.mfa_preferences,
            secrets_key: self.secrets_key.as_ref(),
            request_id: &context.request_id,
            observer,
            stop: stop_of(context),
        }
    }
}

/// When an invocation has to come to its end.
fn stop_of(context: &Context) -> Stop {
    let left = time_left(context);
    Stop::after(left.saturating_sub(MARGIN.min(left / 3)))
}
