//! The commands, one file each, in the order of a person's tasks.

mod pools;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// What can be done. The documentation of a command stands at its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Pools(pools::Arguments),
}

/// Carries a command out.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Pools(arguments) => pools::run(context, arguments).await,
    }
}
