//! `cognito-dr man`: the manual pages.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder to write to, such as ~/.local/share/man/man1
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    match arguments.to {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(crate::command()).render(&mut page)?;
            io::stdout().write_all(&page)?;
        }
        Some(folder) => {
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(crate::command(), &folder));
            written.map_err(|error| {
                let folder = folder.display();
                Error::new(format!("cannot write manual pages to {folder}")).because_of(&error)
            })?;
            let note = format!("The manual pages are in {}.", folder.display());
            context.terminal.note(&note);
        }
    }
    Ok(Exit::Done)
}
