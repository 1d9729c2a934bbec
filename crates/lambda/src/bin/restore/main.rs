//! The Lambda `cognito-restore-{environment}`: one invocation of a restore.

mod measured;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use cognito::limits::Limits;
use cognito::{Category, Cognito, Pace, Stop};
use jiff::Timestamp;
use lambda::metrics::{Metric, Metrics, Producer};
use lambda::{Environment, Failed, Function, Topic, time_left};
use lambda_runtime::Context;
use model::UserPoolId;
use model::request::{RemovalRequest, RestoreRequest, RestoreResponse};
use restore::run::run;
use restore::users::Passwords;
use restore::{Clients, ExistingPools, RestoreSettings, rehearsal, standby, undo};
use serde::Serialize;
use serde_json::Value;
use vault::{Vault, Workspace};

/// What an invocation keeps for saving and answering; a call that hangs may take this long too.
const MARGIN: Duration = Duration::from_secs(60);
/// The share of the quotas when `QUOTA_SHARE` does not say: the target Region is quiet.
const QUOTA_SHARE: f64 = 0.95;
/// The pools that a restore may write into although none made them.
const EXISTING_POOLS: &str = "EXISTING_USER_POOL_IDS";

struct Restore {
    config: SdkConfig,
    pace: Pace,
    clients: Clients,
    vault: Vault,
    settings: RestoreSettings,
    limits: Limits,
    topic: Topic,
}

/// What the function answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    /// To the state machine.
    Restore(RestoreResponse),
    /// To whoever asked for the removal of scratch pools.
    Removal {
        /// How many were removed.
        removed: u64,
        /// How many belong to rehearsals that may be alive.
        kept: u64,
    },
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve::<Restore>().await
}

impl Function for Restore {
    type Answer = Answer;

    fn from_environment() -> Result<Self, Failed> {
        let environment = Environment::of_process();
        let config = lambda::sdk_config(TimeoutConfig::disabled());
        let bucket = environment.required("SOURCE_BUCKET")?;
        let topic = Topic::new(&config, environment.required("SNS_TOPIC_ARN")?);
        let existing = environment.optional(EXISTING_POOLS).unwrap_or_default();
        let settings = RestoreSettings {
            region: config
                .region()
                .map(ToString::to_string)
                .ok_or_else(|| Failed::configuration("AWS_REGION", "it is not set"))?,
            account_id: topic.account_id().to_owned(),
            trigger_function: environment.required("TRIGGER_FUNCTION")?,
            backup_function: environment.required("BACKUP_FUNCTION")?,
            legacy_sub_attribute: environment
                .optional("LEGACY_SUB_ATTRIBUTE")
                .map(|name| name.trim_start_matches("custom:").to_owned()),
            import_role_arn: environment.optional("IMPORT_ROLE_ARN"),
            existing_user_pools: ExistingPools::read(&existing)
                .map_err(|problem| Failed::configuration(EXISTING_POOLS, problem))?,
            // Whom the function makes has a password that nobody knows.
            passwords: Passwords::Unknown,
        };
        let pace = environment.pace(QUOTA_SHARE)?;
        let clients = Clients {
            // As long as the function.
            cognito: Cognito::new(&config, pace.clone())
                .allowing([undo::OPERATIONS, standby::OWN].concat().leak()),
            waf: aws_sdk_wafv2::Client::new(&config),
            lambda: looking_for_functions(&config),
            workspace: Workspace::in_bucket(&config, bucket.clone()),
            observer: Arc::new(()),
        };
        Ok(Self {
            config: config.clone(),
            pace,
            clients,
            vault: Vault::in_bucket(&config, bucket),
            settings,
            limits: Limits::default(),
            topic,
        })
    }

    async fn handle(&self, event: Value, context: &Context) -> Result<Answer, Failed> {
        if let Some(request) = RemovalRequest::from_event(&event)? {
            let metrics = Metrics::of(Producer::Restore, context);
            return self.remove_scratch_pools(&request, &metrics).await;
        }
        let request = RestoreRequest::from_event(&event)?;
        let is_undo = request.restore_id.is_undo();
        let elsewhere = is_undo.then(|| self.in_region_of(&request.user_pool_id));
        let clients = elsewhere.as_ref().unwrap_or(&self.clients);
        let left = time_left(context);
        let stop = Stop::after(left.saturating_sub(MARGIN).max(left / 2));
        let work = Box::pin(run(clients, &self.vault, &self.settings, &request, stop));
        let categories: &[Category] = match is_undo {
            true => &[
                Category::UserUpdate,
                Category::UserRead,
                Category::UserCreation,
            ],
            false => &[Category::UserCreation, Category::UserRead],
        };
        // Those of another Region are others.
        let of_region = Limits::default();
        let limits = if is_undo { &of_region } else { &self.limits };
        let cognito = &clients.cognito;
        let (usage, began) = (cognito.pacer().usage(), Instant::now());
        let answer = limits.beside(cognito, categories, work).await;
        let used = cognito.pacer().used_since(&usage, began.elapsed());
        let mut values = vec![
            (Metric::RestoreCallsThrottled, used.throttled as f64),
            (Metric::RestoreQuotaUsed, used.share_of_quota * 100.0),
        ];
        if let Ok(answer) = &answer
            && !is_undo
        {
            values.extend(measured::of_restore(answer));
            values.extend(measured::of_rehearsals(&answer.rehearsals));
        }
        Metrics::of(Producer::Restore, context).put(&values, &[]);
        let answer = answer?;
        for message in answer.messages {
            self.topic.publish(message).await?;
        }
        Ok(Answer::Restore(answer.response))
    }
}

impl Restore {
    /// What calls the Region of a pool that is alive: an undo goes where the pool is.
    fn in_region_of(&self, pool: &UserPoolId) -> Clients {
        let region = Region::new(pool.region().to_owned());
        let config = self.config.to_builder().region(region).build();
        let cognito = Cognito::new(&config, self.pace.clone());
        Clients {
            cognito: cognito.allowing(undo::OPERATIONS),
            waf: aws_sdk_wafv2::Client::new(&config),
            lambda: looking_for_functions(&config),
            workspace: self.clients.workspace.clone(),
            observer: self.clients.observer.clone(),
        }
    }

    /// Removes what rehearsals left behind.
    async fn remove_scratch_pools(
        &self,
        request: &RemovalRequest,
        metrics: &Metrics,
    ) -> Result<Answer, Failed> {
        let status = request.status.as_deref().unwrap_or("ENDED");
        let ended = request.ended.as_ref().map(|id| (id, status));
        let (vault, now) = (Some(&self.vault), Timestamp::now());
        let sweep = rehearsal::sweep(&self.clients, vault, &self.settings, ended, now);
        let swept = Box::pin(sweep).await?;
        let mut newest = Vec::new();
        for pool in &request.user_pool_ids {
            newest.push(rehearsal::newest(&self.clients.workspace, pool).await?);
        }
        let mut values = measured::of_rehearsals(&swept.records);
        if request.ended.is_none() {
            values.extend(measured::of_ages(&newest, request.age_limit_days, now));
        }
        metrics.put(&values, &[]);
        for message in swept.messages {
            self.topic.publish(message).await?;
        }
        Ok(Answer::Removal {
            removed: swept.removed,
            kept: swept.kept,
        })
    }
}

/// The functions of triggers are looked up one by one: a Lambda API that does not answer must
/// not eat the time of the restore.
fn looking_for_functions(config: &SdkConfig) -> aws_sdk_lambda::Client {
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
