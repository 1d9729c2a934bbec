//! `cognito-dr users import`: users of a file into a live pool.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use cognito::Cognito;
use model::request::{RestoreOptions, Selection, UsersEngine};
use model::restore::{Report, ReportStatus};
use model::{RestoreId, UserPoolId};
use restore::drive::{self, Order};
use restore::{Clients, ExistingPools, RestoreSettings};
use serde::Serialize;
use vault::{Backup, Columns, Workspace};

use super::invite::warn_of_limits;
use super::stream::describe;
use crate::arguments::PaceOptions;
use crate::choice;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::forgotten;
use crate::interrupt::or_interrupted;
use crate::passwords::PasswordOptions;

/// How many findings are shown.
const SHOWN: usize = 20;

/// Restore the users of a file into a pool that exists
///
/// Takes CSV with Cognito's own header (as `users export` and AWS write it) or with columns of
/// your own, and JSON as ListUsers gives it (the file of the npm tool cognito-backup-restore, or
/// of `aws cognito-idp list-users`). Users whom the pool has stay as they are. Nobody gets a
/// message unless asked. What was done is kept beside the file, so that the same command goes on
/// where it was interrupted.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The file, CSV or JSON; chosen from a list where it is not named
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The pool that gets the users; chosen from a list where it is not named
    #[arg(long, value_name = "POOL")]
    into: Option<UserPoolId>,
    /// What the columns of a CSV file are, such as Login=username,E-Mail=email,Plan=custom:plan;
    /// other columns are left out
    #[arg(long, value_name = "COLUMN=ATTRIBUTE,...")]
    columns: Option<Columns>,
    /// How users are made: call by call, by import jobs, or as suits. Into a pool that exists, they
    /// are made call by call: a job does not tell whom it made
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = ["api", "import", "auto"])]
    engine: String,
    /// Change nothing: check the file and tell what would be done, and how long it would take
    #[arg(long)]
    dry_run: bool,
    /// Where to keep what was done [default: FILE.import]
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    #[command(flatten)]
    passwords: PasswordOptions,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  status                DONE, DONE_WITH_LOSSES, FAILED or DRY_RUN
  pool                  the pool
  users                 how many the file holds
  made, already_there, skipped, failed
  foreseen              with --dry-run: by_calls, impossible, seconds
  findings[]            kind, item (the user's sub, or its line in the file), reason; the first 20
  differences           how much differs between file and pool that no finding tells; any is a failure
  workspace             where the report and all findings are

Exit code 3 tells that some users were not made, or not as they are in the file.";

#[derive(Debug, Serialize)]
struct Answer<'a> {
    status: &'static str,
    pool: &'a UserPoolId,
    users: u64,
    made: u64,
    already_there: u64,
    skipped: u64,
    failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreseen: Option<Foreseen>,
    findings: Vec<&'a model::restore::Finding>,
    differences: u64,
    workspace: String,
}

#[derive(Debug, Serialize)]
struct Foreseen {
    by_calls: u64,
    impossible: u64,
    seconds: u64,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let named = arguments.file.as_ref();
    let file = choice::file(context, named, "the argument FILE", &["csv", "json"]).await?;
    let named = arguments.into.as_ref();
    let pool = &choice::pool(context, named, "--into", &arguments.pace).await?;
    let passwords = arguments.passwords.read()?;
    let aws = context.aws_of(pool).await;
    let cognito = context.cognito(&aws, &arguments.pace)?;
    let backup = or_interrupted(open(context, &arguments, &file, pool)).await?;
    if !arguments.dry_run {
        or_interrupted(ask(context, &arguments, &cognito, pool, &backup)).await?;
    }
    let folder = arguments.workspace.clone().unwrap_or_else(|| {
        let mut name = file.clone().into_os_string();
        name.push(".import");
        name.into()
    });
    let clients = Clients {
        waf: aws_sdk_wafv2::Client::new(&aws),
        lambda: aws_sdk_lambda::Client::new(&aws),
        workspace: Workspace::in_folder(&folder)?,
        observer: Arc::new(context.terminal.observer(&arguments.pace)),
        cognito,
    };
    let settings = RestoreSettings {
        region: clients.cognito.region().to_owned(),
        // Which pools a person may write into is for IAM to say.
        existing_user_pools: ExistingPools::Every,
        passwords,
        ..RestoreSettings::default()
    };
    let options = RestoreOptions {
        target_user_pool_id: Some(pool.clone()),
        select: Some(Selection::MissingUsers),
        users_engine: engine(&arguments.engine),
        dry_run: arguments.dry_run,
        ..RestoreOptions::default()
    };
    let restore_id = restore_id(pool, arguments.dry_run)?;
    let driver = format!("process {}", std::process::id());
    let order = Order {
        restore_id: &restore_id,
        driver: Some(&driver),
        options: &options,
        passed_over: &[],
        map: None,
    };
    let stop = context.stop();
    let report = drive::to_the_end(&clients, &settings, &order, &backup, &stop).await;
    let report = report.map_err(|error| {
        Error::new(error.to_string())
            .with_hint_for(error.failure())
            .hint(GO_ON)
    })?;
    let Some(report) = report else {
        context.terminal.note(GO_ON);
        return Err(Error::interrupted());
    };
    answer(
        context,
        pool,
        &report,
        &clients.workspace,
        backup.trailer.users,
    )
}

const GO_ON: &str = "The same command goes on where it stopped.";

/// The same for each start of the same command, so that it finds what it had done.
fn restore_id(pool: &UserPoolId, dry_run: bool) -> Result<RestoreId, Error> {
    let kind = if dry_run { "check" } else { "import" };
    let id = format!("users-{kind}-{pool}");
    id.parse()
        .map_err(|error| Error::new("the pool's id is too long").because_of(&error))
}

fn engine(name: &str) -> UsersEngine {
    match name {
        "api" => UsersEngine::Api,
        "import" => UsersEngine::Import,
        _ => UsersEngine::Auto,
    }
}

async fn open(
    context: &Context,
    arguments: &Arguments,
    file: &Path,
    pool: &UserPoolId,
) -> Result<Backup, Error> {
    let progress = context.terminal.progress();
    progress.begin("reading the file", None);
    let columns = arguments.columns.clone();
    let users = Backup::open_users_file(file, columns, pool.clone()).await?;
    forgotten::left_out(context, users).await
}

/// Shows what will be done, and asks.
async fn ask(
    context: &Context,
    arguments: &Arguments,
    cognito: &Cognito,
    pool: &UserPoolId,
    backup: &Backup,
) -> Result<(), Error> {
    let settings = describe(cognito, pool).await?;
    let users = backup.trailer.users;
    let passwords = if arguments.passwords.sends_messages() {
        warn_of_limits(context, &settings, users);
        "Cognito sends each an invitation with a temporary password"
    } else if arguments.passwords.are_unknown() {
        "nobody gets a message, and who had a password chooses a new one by \"forgot password\""
    } else {
        "nobody gets a message, and they sign in by temporary passwords of yours"
    };
    let question = format!(
        "Make those of {users} users that {pool} ({}) lacks? It then has some {} users; {passwords}.",
        settings["Name"].as_str().unwrap_or_default(),
        settings["EstimatedNumberOfUsers"].as_u64().unwrap_or(0) + users,
    );
    context.terminal.confirm(&question).await
}

fn answer(
    context: &Context,
    pool: &UserPoolId,
    report: &Report,
    workspace: &Workspace,
    users: u64,
) -> Result<Exit, Error> {
    let counts = &report.users;
    let findings: Vec<_> = report
        .steps
        .iter()
        .flat_map(|step| &step.findings)
        .filter(|finding| finding.kind.is_loss())
        .take(SHOWN)
        .collect();
    let (status, exit) = match report.status {
        _ if report.dry_run => ("DRY_RUN", Exit::Done),
        _ if report.error.is_some() => ("FAILED", Exit::Error),
        ReportStatus::Failed => ("FAILED", Exit::Error),
        _ if counts.failed + report.findings.losses() > 0 => ("DONE_WITH_LOSSES", Exit::WithLosses),
        _ => ("DONE", Exit::Done),
    };
    let compared = report.verification.as_ref();
    let answer = Answer {
        status,
        pool,
        users,
        made: counts.restored,
        already_there: counts.already_there,
        skipped: counts.skipped + counts.federated,
        failed: counts.failed,
        foreseen: report.users_foreseen.as_ref().map(|foreseen| Foreseen {
            by_calls: foreseen.come_back(),
            impossible: foreseen.impossible,
            seconds: foreseen.seconds,
        }),
        findings,
        differences: compared.map_or(0, |verification| verification.unannounced),
        workspace: workspace.address(&report.restore_id.object_key("")),
    };
    for finding in &answer.findings {
        let text = format!("{}: {}", finding.item, finding.reason);
        context.terminal.warn(&text);
    }
    for difference in compared.iter().flat_map(|compared| &compared.differences) {
        if difference.announced_by.is_none() {
            let text = format!("{} is {} in {pool}", difference.path, difference.change);
            context.terminal.warn(&text);
        }
    }
    context.terminal.answer(&answer, |out| {
        if let Some(foreseen) = &answer.foreseen {
            return writeln!(
                out,
                "{} of {users} users would be made in {pool}, in some {} seconds; {} cannot be",
                foreseen.by_calls, foreseen.seconds, foreseen.impossible
            );
        }
        writeln!(
            out,
            "{} of {users} users were made in {pool}; {} were there, {} were left out, {} failed",
            answer.made, answer.already_there, answer.skipped, answer.failed
        )?;
        writeln!(out, "The report is in {}", answer.workspace)
    })?;
    Ok(exit)
}
