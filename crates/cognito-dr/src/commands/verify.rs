//! `cognito-dr verify`: whether a pool is what its backup says.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use model::request::RestoreOptions;
use model::restore::{Report, Verification};
use model::{RestoreId, RunKind, UserPoolId};
use restore::drive::{self, Order};
use restore::{Clients, RestoreSettings};
use vault::Workspace;

use crate::arguments::{Location, PaceOptions};
use crate::backup_reference::BackupArguments;
use crate::choice;
use crate::commands::new_id;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::terminal::printable;

/// Check that a pool is what its backup says
///
/// Compares all settings, users and memberships of a live pool with the backup that it was
/// restored from, as every restore does at its end, and answers the checklists. Where the restore
/// that made the pool is known (the pool's tag names it, the workspace remembers it), what it
/// announced is no difference; else what any restore of the backup would have to change.
///
/// Nothing is changed in the pool. The report lies in the workspace, below cognito-restore/.
/// Ends with 0 if every difference was announced, with 1 if not.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    #[command(flatten)]
    backup: BackupArguments,
    /// The id of the live pool
    #[arg(value_name = "POOL")]
    live: Option<UserPoolId>,
    /// Where the restore that made the pool keeps what it remembers; this comparison keeps its own
    /// there. Without it, the bucket or folder of the backup
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    workspace: Option<Location>,
    /// Go on with a comparison that was interrupted
    #[arg(long, value_name = "ID")]
    resume: Option<RestoreId>,
    /// Write the page with the result to this file
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// The custom attribute in which the restore kept the old `sub`, without `custom:`
    #[arg(long, value_name = "NAME")]
    legacy_sub_attribute: Option<String>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json, the report of the comparison (docs/report.md); in it:
  verified_user_pool_id, s3_key, status
  verification            users_compared, settings_compared, announced, unannounced,
                          announcing_restore, differences[] (the first 200), rows[]
  verification.differences[]  path, change, announced_by (absent where nobody announced it)
  verification.rows[]         check, holds, detail";

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let opened = arguments.backup.open(context).await?;
    let live = arguments.live.as_ref();
    let pool = choice::pool(context, live, "the argument POOL", &arguments.pace).await?;
    let location = arguments.workspace.as_ref().unwrap_or(&opened.location);
    let clients = clients(context, &arguments, &pool, location).await?;
    let settings = RestoreSettings {
        region: clients.cognito.region().to_owned(),
        legacy_sub_attribute: arguments.legacy_sub_attribute.clone(),
        ..RestoreSettings::default()
    };
    let options = RestoreOptions {
        verify: Some(pool.clone()),
        ..RestoreOptions::default()
    };
    let id = match &arguments.resume {
        Some(id) => id.clone(),
        None => new_id(RunKind::Check, &pool),
    };
    let order = Order {
        restore_id: &id,
        driver: Some(id.as_str()),
        options: &options,
        passed_over: &[],
        map: None,
    };
    let stop = context.stop();
    let backup = &opened.backup;
    let report = Box::pin(drive::to_the_end(
        &clients, &settings, &order, backup, &stop,
    ));
    let Some(report) = report.await? else {
        return Err(Error::interrupted().hint(format!(
            "The same command with --resume {id} goes on where it was."
        )));
    };
    let Some(verification) = &report.verification else {
        return Err(Error::new(format!("{pool} was not compared")));
    };
    if let Some(page) = &arguments.page {
        write_page(&clients.workspace, &id, page).await?;
    }
    context.terminal.answer(&report, |out| {
        writeln!(
            out,
            "Backup  {} ({})",
            report_backup(&report),
            backup.head.user_pool_id
        )?;
        writeln!(out, "Pool    {pool}")?;
        write_text(out, verification)
    })?;
    let place = clients.workspace.address(&id.object_key(Report::HANDOVER));
    context.terminal.note(&format!("The page: {place}"));
    Ok(match verification.passed() {
        true => Exit::Done,
        false => Exit::Differences,
    })
}

async fn clients(
    context: &Context,
    arguments: &Arguments,
    pool: &UserPoolId,
    location: &Location,
) -> Result<Clients, Error> {
    let aws = context.aws_of(pool).await;
    Ok(Clients {
        cognito: context.cognito(&aws, &arguments.pace)?,
        waf: aws_sdk_wafv2::Client::new(&aws),
        lambda: aws_sdk_lambda::Client::new(&aws),
        workspace: context.vault_at(location).await?.workspace().clone(),
        observer: Arc::new(context.terminal.observer(&arguments.pace)),
    })
}

fn report_backup(report: &Report) -> String {
    let name = report.s3_key.as_ref();
    name.map_or_else(String::new, |name| printable(&name.to_string()))
}

/// Copies the page of the report.
async fn write_page(workspace: &Workspace, id: &RestoreId, to: &PathBuf) -> Result<(), Error> {
    let key = id.object_key(Report::HANDOVER);
    let page = workspace.read(&key).await?;
    let page = page.ok_or_else(|| {
        Error::new(format!(
            "the page is not there: {}",
            workspace.address(&key)
        ))
    })?;
    tokio::fs::write(to, page)
        .await
        .map_err(|error| Error::new(format!("cannot write {}", to.display())).because_of(&error))
}

fn write_text(out: &mut dyn Write, verification: &Verification) -> io::Result<()> {
    writeln!(
        out,
        "\n{} users and {} settings compared: {} differences were announced, {} were not",
        verification.users_compared,
        verification.settings_compared,
        verification.announced,
        verification.unannounced
    )?;
    match &verification.announcing_restore {
        Some(restore) => writeln!(out, "Announced by the restore {restore}")?,
        None => writeln!(
            out,
            "No restore of this backup that made the pool is known: announced is what any would change"
        )?,
    }
    writeln!(out)?;
    for row in &verification.rows {
        let holds = if row.holds { "ok  " } else { "FAIL" };
        let detail = printable(&row.detail);
        writeln!(out, "  {holds} {}: {detail}", row.check)?;
    }
    if !verification.differences.is_empty() {
        writeln!(out, "\nDifferences")?;
    }
    for difference in &verification.differences {
        let sign = match difference.change.as_str() {
            "added" => '+',
            "missing" => '-',
            "unreadable" => '?',
            _ => '~',
        };
        write!(out, "  {sign} {}", printable(&difference.path))?;
        if let Some(announced_by) = &difference.announced_by {
            write!(out, " (announced: {})", printable(announced_by))?;
        }
        writeln!(out)?;
    }
    let shown = verification.differences.len() as u64;
    let all = verification.announced + verification.unannounced;
    if all > shown {
        writeln!(out, "  ... and {} more", all - shown)?;
    }
    Ok(())
}
