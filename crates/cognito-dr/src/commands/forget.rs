//! `cognito-dr forget`: users who must not come back out of backups.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use model::{Sub, UserPoolId};
use serde::Serialize;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::forgotten;
use crate::interrupt::or_interrupted;

/// Keep users from coming back out of backups
///
/// Enters users into the vault's list of those who must not come back. Whatever reads a backup of
/// the vault (restore, undo, export, comparison) leaves them and their memberships out, and counts
/// them. The list holds subs and nothing else, never expires, and is replicated to the DR Region
/// with the backups; while the primary Region is gone, name the bucket of the DR Region by --vault.
/// It changes no pool and no backup: delete the users from the pool as well. Somebody who came
/// through a restore has a sub in each of both pools: name both, each with its pool.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pool that they are or were in
    #[arg(value_name = "POOL")]
    pool: UserPoolId,
    /// Who, by sub
    #[arg(value_name = "SUB", value_parser = Sub::from_uuid)]
    subs: Vec<Sub>,
    /// A file with a sub on each line
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Take them out of the list again: they come back with the next restore
    #[arg(long)]
    undo: bool,
    /// Show the list of the pool, and change nothing
    #[arg(long, conflicts_with_all = ["subs", "from", "undo"])]
    list: bool,
}

const JSON: &str = "\
With --json:
  pool_id, location   whose list, and the vault that it lies in
  changed             how many were entered, or taken out with --undo
  unchanged           how many the list said so of already
With --list --json:
  pool_id, location
  forgotten[]         the subs";

#[derive(Debug, Serialize)]
struct Changed<'a> {
    pool_id: &'a UserPoolId,
    location: String,
    changed: u64,
    unchanged: u64,
}

#[derive(Debug, Serialize)]
struct Listed<'a> {
    pool_id: &'a UserPoolId,
    location: String,
    forgotten: BTreeSet<Sub>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(forget(context, &arguments)).await
}

async fn forget(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let (pool_id, terminal) = (&arguments.pool, &context.terminal);
    let vault = context.vault().await?;
    let location = context.options.vault.as_ref();
    let location = location.map(ToString::to_string).unwrap_or_default();
    if arguments.list {
        let answer = Listed {
            pool_id,
            location,
            forgotten: vault.forgotten(pool_id).await?,
        };
        terminal.answer(&answer, |out| {
            let mut subs = answer.forgotten.iter();
            subs.try_for_each(|sub| writeln!(out, "{sub}"))
        })?;
        return Ok(Exit::Done);
    }
    let mut subs: BTreeSet<Sub> = arguments.subs.iter().cloned().collect();
    if let Some(path) = &arguments.from {
        subs.extend(forgotten::read(path).await?);
    }
    if subs.is_empty() {
        return Err(Error::missing("the users", "the argument SUB, or --from"));
    }
    let users = subs.len();
    terminal
        .confirm(&match arguments.undo {
            false => format!("Shall {users} users of {pool_id} not come back out of {location}?"),
            true => format!("Shall {users} users of {pool_id} come back out of {location} again?"),
        })
        .await?;
    let change = match arguments.undo {
        false => vault.forget(pool_id, &subs).await?,
        true => vault.take_back(pool_id, &subs).await?,
    };
    let answer = Changed {
        pool_id,
        location,
        changed: change.changed,
        unchanged: change.unchanged,
    };
    let (changed, unchanged) = (answer.changed, answer.unchanged);
    terminal.answer(&answer, |out| match arguments.undo {
        false => writeln!(
            out,
            "{changed} users are forgotten, {unchanged} were before"
        ),
        true => writeln!(
            out,
            "{changed} users come back, {unchanged} were not in the list"
        ),
    })?;
    Ok(Exit::Done)
}
