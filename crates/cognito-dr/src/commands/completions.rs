//! `cognito-dr completions`: what a shell completes.

use std::io;

use clap::Args;
use clap_complete::Shell;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Print completions for a shell
///
/// For example: cognito-dr completions bash > ~/.local/share/bash-completion/completions/cognito-dr
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) async fn run(_context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let mut text = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut crate::command(),
        "cognito-dr",
        &mut text,
    );
    io::Write::write_all(&mut io::stdout(), &text)?;
    Ok(Exit::Done)
}
