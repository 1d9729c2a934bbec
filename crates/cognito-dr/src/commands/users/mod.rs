//! `cognito-dr users`: users alone, without the settings of their pool.

mod clean;
mod export;
mod import;
mod invite;
mod stream;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Export, import, remove and invite users
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Export(export::Arguments),
    Import(import::Arguments),
    Invite(invite::Arguments),
    Clean(clean::Arguments),
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Export(arguments) => export::run(context, arguments).await,
        Command::Import(arguments) => import::run(context, arguments).await,
        Command::Invite(arguments) => invite::run(context, arguments).await,
        Command::Clean(arguments) => clean::run(context, arguments).await,
    }
}
