//! `cognito-dr backups`: what the vault holds.

use clap::Args;
use indicatif::HumanBytes;
use jiff::Timestamp;
use model::UserPoolId;
use serde::Serialize;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::terminal::Table;

/// List the backups of a vault, the newest first
///
/// Lists by their names: whether a backup is whole is told by `check`.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// Only the backups of this pool
    #[arg(value_name = "POOL")]
    pool: Option<UserPoolId>,
    /// Only those whose reading had begun at this time, such as 2026-03-07T09:00:00Z
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// How many to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

const JSON: &str = "\
With --json:
  backups[]   key, pool_id, began, bytes
  more        whether there may be older ones: the limit was reached";

#[derive(Debug, Serialize)]
struct Answer {
    backups: Vec<Listed>,
    more: bool,
}

#[derive(Debug, Serialize)]
struct Listed {
    key: String,
    pool_id: UserPoolId,
    began: Timestamp,
    bytes: u64,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(list(context, &arguments)).await
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let vault = context.vault().await?;
    let Arguments {
        pool,
        before,
        limit,
    } = arguments;
    let listed = vault.list(pool.as_ref(), *before, *limit).await?;
    let answer = Answer {
        more: listed.len() == *limit,
        backups: listed
            .into_iter()
            .map(|listed| Listed {
                key: listed.object(),
                pool_id: listed.key.pool().clone(),
                began: listed.key.began(),
                bytes: listed.bytes,
            })
            .collect(),
    };
    let mut table = Table::new(["BEGAN", "POOL", "SIZE", "KEY"]);
    for backup in &answer.backups {
        table.row([
            backup.began.to_string(),
            backup.pool_id.to_string(),
            HumanBytes(backup.bytes).to_string(),
            backup.key.clone(),
        ]);
    }
    context
        .terminal
        .answer(&answer, |out| write!(out, "{table}"))?;
    if answer.backups.is_empty() {
        context
            .terminal
            .note("There are no such backups in the vault.");
    } else if answer.more {
        let note = format!("There may be older ones: these are the newest {limit} (--limit).");
        context.terminal.note(&note);
    }
    Ok(Exit::Done)
}
