//! `cognito-dr check`: whether backups are whole.

use clap::Args;
use serde::Serialize;
use vault::Backup;

use crate::backup_reference::BackupArguments;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::terminal::Table;

/// Check that a backup is whole, or that all backups of a vault are
///
/// Reads every byte and compares the checksum. Ends with 1 if a backup is not whole.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    #[command(flatten)]
    backup: BackupArguments,
    /// Check all backups of the vault, or those of --pool
    #[arg(long, conflicts_with = "backup")]
    all: bool,
}

const JSON: &str = "\
With --json:
  checked[]   name, whole, users (null if not whole), reason (null if whole)
  whole       how many are
  not_whole   how many are not";

#[derive(Debug, Serialize)]
struct Answer {
    checked: Vec<Checked>,
    whole: usize,
    not_whole: usize,
}

#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    whole: bool,
    users: Option<u64>,
    reason: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(check(context, &arguments)).await
}

async fn check(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let mut checked = Vec::new();
    if arguments.all {
        let vault = context.vault().await?;
        let listed = vault
            .list(arguments.backup.pool.as_ref(), None, usize::MAX)
            .await?;
        let progress = context.terminal.progress();
        progress.begin("backups", Some(listed.len() as u64));
        for listed in listed {
            let opened = vault.open_as_stored(&listed.key, None).await;
            let users = match opened {
                Ok(backup) => whole(&backup).await,
                Err(error) => Err(error.into()),
            };
            checked.push(judge(listed.object(), users)?);
            progress.one_done();
        }
    } else {
        let progress = context.terminal.progress();
        progress.begin("reading the backup", None);
        let (name, users) = match arguments.backup.open(context).await {
            Ok(opened) => (opened.backup.name.to_string(), whole(&opened.backup).await),
            Err(error) => (arguments.backup.shown(), Err(error)),
        };
        checked.push(judge(name, users)?);
    }
    let whole = checked.iter().filter(|checked| checked.whole).count();
    let answer = Answer {
        not_whole: checked.len() - whole,
        whole,
        checked,
    };
    let mut table = Table::new(["BACKUP", "WHOLE", "USERS", "REASON"]);
    for checked in &answer.checked {
        let users = checked.users.map(|users| users.to_string());
        table.row([
            checked.name.clone(),
            if checked.whole { "yes" } else { "no" }.to_owned(),
            users.unwrap_or_else(|| "-".to_owned()),
            checked.reason.clone().unwrap_or_default(),
        ]);
    }
    context
        .terminal
        .answer(&answer, |out| write!(out, "{table}"))?;
    Ok(match answer.not_whole {
        0 => Exit::Done,
        _ => Exit::Differences,
    })
}

/// Reads all of it; gives how many users it holds.
async fn whole(backup: &Backup) -> Result<u64, Error> {
    backup.check_whole().await?;
    Ok(backup.stored_trailer().users)
}

/// A backup that cannot be read now is an error, and no word on the backup.
fn judge(name: String, users: Result<u64, Error>) -> Result<Checked, Error> {
    let (users, reason) = match users {
        Ok(users) => (Some(users), None),
        Err(error) if error.is_about_a_damaged_backup() => (None, Some(error.what().to_owned())),
        Err(error) => return Err(error),
    };
    Ok(Checked {
        name,
        whole: users.is_some(),
        users,
        reason,
    })
}
