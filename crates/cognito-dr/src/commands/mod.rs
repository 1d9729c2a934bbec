//! The commands, one file each, in the order of a person's tasks.

mod backup;
mod backups;
mod check;
mod completions;
mod copy;
mod diff;
mod forget;
mod handover;
mod history;
mod man;
mod pools;
mod ready;
mod rehearse;
mod restore;
mod show;
mod standby;
mod trigger;
mod undo;
mod users;
mod verify;
mod watch;

use clap::Subcommand;
use jiff::Timestamp;
use model::{RestoreId, RunKind, UserPoolId};

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// What can be done. The documentation of a command stands at its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Pools(pools::Arguments),
    Backup(backup::Arguments),
    Backups(backups::Arguments),
    Show(show::Arguments),
    Check(check::Arguments),
    Restore(Box<restore::Arguments>),
    Rehearse(Box<rehearse::Arguments>),
    Verify(verify::Arguments),
    Diff(diff::Arguments),
    History(history::Arguments),
    Undo(Box<undo::Arguments>),
    #[command(subcommand)]
    Standby(Box<standby::Command>),
    Copy(Box<copy::Arguments>),
    #[command(subcommand)]
    Users(users::Command),
    Forget(forget::Arguments),
    Trigger(trigger::Arguments),
    Watch(watch::Arguments),
    Handover(handover::Arguments),
    Ready(ready::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Carries a command out.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Pools(arguments) => pools::run(context, arguments).await,
        Command::Backup(arguments) => backup::run(context, arguments).await,
        Command::Backups(arguments) => backups::run(context, arguments).await,
        Command::Show(arguments) => show::run(context, arguments).await,
        Command::Check(arguments) => check::run(context, arguments).await,
        Command::Restore(arguments) => restore::run(context, *arguments).await,
        Command::Rehearse(arguments) => rehearse::run(context, *arguments).await,
        Command::Verify(arguments) => verify::run(context, arguments).await,
        Command::Diff(arguments) => diff::run(context, arguments).await,
        Command::History(arguments) => history::run(context, arguments).await,
        Command::Undo(arguments) => undo::run(context, *arguments).await,
        Command::Standby(command) => standby::run(context, *command).await,
        Command::Copy(arguments) => copy::run(context, *arguments).await,
        Command::Users(command) => users::run(context, command).await,
        Command::Forget(arguments) => forget::run(context, arguments).await,
        Command::Trigger(arguments) => trigger::run(context, arguments).await,
        Command::Watch(arguments) => watch::run(context, arguments).await,
        Command::Handover(arguments) => handover::run(context, arguments).await,
        Command::Ready(arguments) => ready::run(context, arguments).await,
        Command::Completions(arguments) => completions::run(context, arguments).await,
        Command::Man(arguments) => man::run(context, arguments).await,
    }
}

/// An id for a run that begins now in this process.
fn new_id(kind: RunKind, pool: &UserPoolId) -> RestoreId {
    let now = Timestamp::now();
    let unique = now.subsec_nanosecond().unsigned_abs() ^ std::process::id();
    RestoreId::new(kind, pool, now.as_second(), unique)
}
