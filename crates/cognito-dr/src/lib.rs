//! The operator's command: the same engine that the Lambda functions run, from a terminal.
//!
//! - `arguments`: what can be typed; help, completions and `docs/command-line.md` come from it;
//! - `commands`: one file for each command, all of one shape;
//! - `context`: what a command works with: AWS, the vault, the terminal;
//! - `terminal`: answers, progress and questions;
//! - `error`, `exit`: how a command ends.
//!
//! The standard output holds the answer and nothing else; everything else goes to the standard
//! error.

mod arguments;
mod aws;
mod backup_reference;
mod choice;
mod commands;
mod context;
mod deployed;
mod error;
mod exit;
mod forgotten;
mod interrupt;
mod new_file;
mod page;
mod passwords;
mod regions;
mod restore_options;
mod sides;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::Arguments;
use context::Context;
use error::Error;
use exit::Exit;

pub use page::page;

/// What can be typed, as the help, the completions and the documents show it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the arguments, carries the command out and says how it ended.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way, too, and are no errors.
            let exit = if error.use_stderr() {
                Exit::Error
            } else {
                Exit::Done
            };
            // Nobody listens to a closed pipe.
            let _ = error.print();
            return exit.into();
        }
    };
    let context = Context::new(arguments.global);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new("cannot start").because_of(&error);
            return context.terminal.end(Err(error)).into();
        }
    };
    let ended = runtime.block_on(commands::run(&context, arguments.command));
    // What is still under way (a read that nobody waits for any more) must not hold up the end.
    runtime.shutdown_background();
    context.terminal.end(ended).into()
}
