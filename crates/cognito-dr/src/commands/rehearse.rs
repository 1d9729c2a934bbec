//! `cognito-dr rehearse`: a backup into a scratch pool, which is compared and removed.

use std::io::Write;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cognito::Stop;
use jiff::Timestamp;
use model::observe::{Event, Observer as _, WaitReason};
use model::request::{Rehearsal, RestoreOptions, UsersEngine};
use model::restore::{RehearsalRecord, Report, ReportStatus};
use model::{BackupName, RestoreId, RunKind};
use restore::drive::{self, Order};
use restore::rehearsal;
use restore::{Clients, OPERATIONS, RestoreError, RestoreSettings};
use tokio::time::Instant;
use vault::Workspace;

use crate::arguments::{Location, PaceOptions};
use crate::aws;
use crate::backup_reference::{BackupArguments, OpenBackup};
use crate::commands::new_id;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// How long an invocation works at most: by its signs of life others see that the scratch pool is
/// in use.
const INVOCATION: Duration = Duration::from_secs(15 * 60);

/// Restore a backup into a scratch pool, compare it with the backup, and remove the pool
///
/// Shows that a backup can be restored, and how long that takes. It is a restore but for what
/// would reach beyond the pool: no domain, no triggers, no web ACL, no log delivery. Import jobs
/// make the users where they can: those are not billed, users made by calls count as active once.
/// However it ends, also by Ctrl-C, the pool is removed; what a killed one left behind is removed
/// by the next rehearsal with the same workspace, four hours later at the earliest.
///
/// Ends with 2 if the pool differed from the backup in ways that the report does not announce.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    #[command(flatten)]
    backup: BackupArguments,
    /// Make about so many of the users, other ones each time; without, all
    #[arg(long, value_name = "NUMBER")]
    sample: Option<NonZeroU64>,
    /// What stands in the target Region for Region-bound settings of the pool: a JSON file, see
    /// docs/translations.md; else cognito-restore/translations.json of the workspace
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The role by which import jobs write their log; without, users are made call by call
    #[arg(long, value_name = "ARN")]
    import_role: Option<String>,
    /// Where rehearsals keep what they remember and leave behind; else FILE.rehearsals beside a
    /// file, or the vault
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    workspace: Option<Location>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json: the record of the rehearsal.
  at, result (SUCCESS, SUCCESS_WITH_LOSSES or FAILED), seconds, users, sample, restore_id, backup
  findings              how many there are: expected, skipped, degraded, failed
  previous              the result of the rehearsal before
  last_success          when one last did not fail";

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let mut opened = arguments.backup.open(context).await?;
    opened.decrypt_secrets(context).await?;
    let backup = &opened.backup;
    let (aws, region) = (context.aws().await?, context.region().await?.to_owned());
    let workspace = arguments.workspace(context, &opened).await?;
    let observer = Arc::new(context.terminal.observer(&arguments.pace));
    let cognito = context.cognito(&aws, &arguments.pace)?;
    let clients = Clients {
        cognito: cognito.allowing(OPERATIONS).observed_by(observer.clone()),
        waf: aws_sdk_wafv2::Client::new(&aws),
        lambda: aws_sdk_lambda::Client::new(&aws),
        workspace,
        observer,
    };
    let settings = RestoreSettings {
        region,
        account_id: aws::account(&aws).await,
        import_role_arn: arguments.import_role.clone(),
        ..RestoreSettings::default()
    };
    let map = match &arguments.map {
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Error::new(format!("cannot read {}", path.display())).because_of(&error)
        })?),
        None => None,
    };
    let options = RestoreOptions {
        users_engine: UsersEngine::Import,
        rehearsal: Some(Rehearsal::new(arguments.sample)),
        ..RestoreOptions::default()
    };
    let now = Timestamp::now();
    let pool = &backup.head.user_pool_id;
    let id = new_id(RunKind::Rehearsal, pool);
    let driver = format!("{} {now}", std::process::id());
    let order = Order {
        restore_id: &id,
        driver: Some(&driver),
        options: &options,
        passed_over: &[],
        map: map.as_deref(),
    };
    let stop = context.stop();
    context.terminal.note(&format!(
        "Rehearsing the restore of {pool} in a scratch pool in {}.",
        settings.region
    ));
    if let Err(error) = rehearsal::sweep(&clients, None, &settings, None, now).await {
        let left = format!("The pool of an earlier rehearsal is still there: {error}");
        context.terminal.note(&left);
    }
    let invoke = async || {
        let stop = stop.or_at(Instant::now() + INVOCATION);
        let work = drive::next(&clients, &settings, &order, backup, stop);
        Ok(Box::pin(work).await?.next)
    };
    let wait = async |time: Duration, reason| wait(&clients, &stop, time, reason).await;
    match drive::repeat(invoke, wait).await {
        Ok(Some(report)) => answer(context, &clients, &report).await,
        Ok(None) => {
            remove(context, &clients, &settings, &id, "INTERRUPTED").await?;
            Err(Error::interrupted())
        }
        Err(error) => {
            remove(context, &clients, &settings, &id, error.failure().name()).await?;
            Err(failed(&error))
        }
    }
}

impl Arguments {
    /// The same for all rehearsals: the next one finds what one before left behind.
    async fn workspace(&self, context: &Context, opened: &OpenBackup) -> Result<Workspace, Error> {
        let location = match (&self.workspace, &opened.backup.name) {
            (Some(location), _) => location.clone(),
            (None, BackupName::File(file)) => Location::Folder(format!("{file}.rehearsals").into()),
            (None, BackupName::Key(_)) => opened.location.clone(),
        };
        match location {
            Location::Folder(folder) => Ok(Workspace::in_folder(&folder)?),
            Location::Bucket(bucket) => {
                let aws = context.aws_of_vault().await?;
                Ok(Workspace::in_bucket(&aws, bucket))
            }
        }
    }
}

async fn wait(clients: &Clients, stop: &Stop, time: Duration, reason: WaitReason) -> bool {
    let until = Timestamp::now().checked_add(time).ok();
    if !time.is_zero() {
        clients.observer.event(Event::Waiting { reason, until });
    }
    stop.sleep(time).await
}

/// Ends a rehearsal that did not come to its end: reports it, and removes its pool.
async fn remove(
    context: &Context,
    clients: &Clients,
    settings: &RestoreSettings,
    id: &RestoreId,
    how: &str,
) -> Result<(), Error> {
    context.terminal.note("Removing the scratch pool.");
    let now = Timestamp::now();
    let swept = rehearsal::sweep(clients, None, settings, Some((id, how)), now).await;
    swept.map(drop).map_err(|error| {
        let hint = format!(
            "Its tag {} is {id}: delete it by hand, or rehearse again later.",
            restore::REHEARSAL_TAG
        );
        Error::new("a scratch pool may still be there")
            .because_of(&error)
            .hint(hint)
    })
}

async fn answer(context: &Context, clients: &Clients, report: &Report) -> Result<Exit, Error> {
    let workspace = &clients.workspace;
    let recording = rehearsal::record(workspace, report).await;
    let record = recording
        .map_err(|error| Error::new("the rehearsal could not be recorded").because_of(&error))?;
    let address = |name: &str| workspace.address(&record.restore_id.object_key(name));
    let result = |status: Option<ReportStatus>| status.map_or("none", ReportStatus::as_str);
    context.terminal.answer(&record, |out: &mut dyn Write| {
        let RehearsalRecord {
            seconds, findings, ..
        } = &record;
        writeln!(out, "Rehearsal     {}", record.restore_id)?;
        writeln!(out, "Result        {}", record.result.as_str())?;
        writeln!(out, "Before        {}", result(record.previous))?;
        writeln!(out, "Users         {}", record.users)?;
        writeln!(out, "Seconds       {seconds}")?;
        writeln!(
            out,
            "Findings      {} degraded, {} failed",
            findings.degraded, findings.failed
        )?;
        writeln!(out, "Page          {}", address(Report::HANDOVER))?;
        writeln!(out, "Report        {}", address(Report::OBJECT))
    })?;
    Ok(record.result.into())
}

fn failed(error: &RestoreError) -> Error {
    Error::new("the rehearsal did not come to its end")
        .because_of(error)
        .with_hint_for(error.failure())
}
