//! The process with nothing but the library under test: invocation after invocation, as the
//! state machines call them.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use backup::{Backups, Continuation, MetadataTable, MfaPreferences, RunOutcome, UsersByPrefix};
use cognito::{Cognito, Pace, Stop};
use model::change::ShrinkLimits;
use model::request::{RestoreOptions, UsersEngine};
use model::{BackupKey, UserPoolId};
use restore::drive::{self, Next, Order};
use restore::{Clients, RestoreSettings};
use vault::{Vault, Workspace};

use crate::protocol::{BUCKET, Figures, Job, LOST, Line, NEW, Phase, ROLE, Task, peak_bytes};

/// What an invocation of 15 minutes works for; both functions keep a minute.
const INVOCATION: Duration = Duration::from_secs(14 * 60);

/// Does `job`, and tells what it took.
pub(crate) fn run(job: &str) -> Result<()> {
    let job: Job = serde_json::from_str(job).context("the job")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match &job.task {
            Task::Backup { pool, by_prefix } => back_up(&job, pool, *by_prefix).await,
            Task::Restore {
                key,
                engine,
                verify,
            } => bring_back(&job, key, *engine, *verify).await,
        }
    })
}

async fn back_up(job: &Job, pool: &UserPoolId, by_prefix: bool) -> Result<()> {
    let aws = config(&job.aws, LOST).await;
    let cognito = Cognito::new(&config(&job.cognito, LOST).await, pace(job));
    let waf = aws_sdk_wafv2::Client::new(&aws);
    let vault = Vault::in_bucket(&aws, BUCKET);
    let table = MetadataTable::new(&aws, "table");
    let continuation = Continuation::new(&aws, "arn:aws:states:continuation");
    let began = Instant::now();
    let mut invocations = 0;
    let mut cursor = None;
    loop {
        invocations += 1;
        let backups = Backups {
            cognito: &cognito,
            waf: &waf,
            vault: &vault,
            table: Some(&table),
            continuation: Some(&continuation),
            shard: None,
            users_by_prefix: match by_prefix {
                true => UsersByPrefix::Always,
                false => UsersByPrefix::Never,
            },
            differences: true,
            shrink_limits: ShrinkLimits::default(),
            mfa_preferences: MfaPreferences::None,
            secrets_key: None,
            request_id: "scale",
            observer: &(),
            stop: Stop::after(INVOCATION),
        };
        let progress = match cursor.take() {
            None => backups.run(vec![pool.clone()]).await?,
            Some(cursor) => backups.go_on(cursor).await?,
        };
        match progress {
            RunOutcome::Done(_) => break,
            RunOutcome::InProgress(at) => cursor = Some(serde_json::to_value(at)?),
            RunOutcome::LeftTo { run, .. } => anyhow::bail!("the run {run} is at work"),
        }
    }
    ended(Phase::Backup, began, invocations)
}

async fn bring_back(job: &Job, key: &BackupKey, engine: UsersEngine, verify: bool) -> Result<()> {
    let aws = config(&job.aws, NEW).await;
    let vault = Vault::in_bucket(&aws, BUCKET);
    let clients = Clients {
        cognito: Cognito::new(&config(&job.cognito, NEW).await, pace(job))
            .allowing(restore::OPERATIONS),
        waf: aws_sdk_wafv2::Client::new(&aws),
        lambda: aws_sdk_lambda::Client::new(&aws),
        workspace: Workspace::in_bucket(&aws, BUCKET),
        observer: std::sync::Arc::new(()),
    };
    let settings = RestoreSettings {
        region: NEW.to_owned(),
        account_id: "000000000000".into(),
        import_role_arn: Some(ROLE.to_owned()),
        ..RestoreSettings::default()
    };
    let restore_id = format!("{engine:?}").to_lowercase().parse()?;
    let options = RestoreOptions {
        users_engine: engine,
        ..RestoreOptions::default()
    };
    let order = Order {
        restore_id: &restore_id,
        driver: Some("scale"),
        options: &options,
        passed_over: &[],
        map: None,
    };
    let (mut phase, mut began, mut invocations) = (Phase::Restore, Instant::now(), 0);
    loop {
        invocations += 1;
        let backup = vault.open(key, None).await?;
        let stop = Stop::after(INVOCATION);
        let invocation = drive::next(&clients, &settings, &order, &backup, stop).await?;
        if let Next::Wait { seconds, .. } = invocation.next {
            tell(&Line::Waiting { seconds })?;
        }
        match phase {
            Phase::Restore if invocation.state.ended.is_some() => {
                ended(phase, began, invocations)?;
                if !verify {
                    return Ok(());
                }
                (phase, began, invocations) = (Phase::Verify, Instant::now(), 0);
            }
            Phase::Verify if invocation.state.verification.is_some() => {
                return ended(phase, began, invocations);
            }
            _ => {}
        }
    }
}

fn pace(job: &Job) -> Pace {
    job.share
        .map_or_else(Pace::unlimited, Pace::share_of_quotas)
}

async fn config(endpoint: &str, region: &'static str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(region))
        .credentials_provider(Credentials::new("000000000000", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .load()
        .await
}

fn ended(phase: Phase, began: Instant, invocations: u32) -> Result<()> {
    tell(&Line::Ended(Figures {
        phase,
        seconds: began.elapsed().as_secs_f64(),
        peak_bytes: peak_bytes("self"),
        invocations,
    }))
}

/// Tells a line and waits until it is taken note of.
fn tell(line: &Line) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(line)?)?;
    out.flush()?;
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer)? == 0 {
        bail!("nobody listens any more");
    }
    Ok(())
}
