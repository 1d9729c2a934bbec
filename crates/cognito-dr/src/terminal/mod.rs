//! The terminal: the answer on the standard output, everything else on the standard error.

mod observer;
mod progress;
mod prompt;
mod table;

use std::io::{self, IsTerminal as _, Write};

use clap::ColorChoice;
use dialoguer::console;
use indicatif::MultiProgress;
use serde::Serialize;
use serde_json::json;

use crate::arguments::GlobalOptions;
use crate::error::Error;
use crate::exit::Exit;
use progress::Form;

pub(crate) use progress::Progress;
pub(crate) use table::Table;

/// A text that others wrote, such as the name of a user or the value of a setting, without
/// characters that steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let is_harmless = |character: char| !character.is_control() || character == '\t';
    let characters = text.chars();
    characters
        .map(|character| {
            if is_harmless(character) {
                character
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}

/// Where answers, messages and questions go.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    json: bool,
    quiet: bool,
    yes: bool,
    can_ask: bool,
    progress: Form,
    /// Everything that is drawn on the standard error, so that lines and bars keep apart.
    bars: MultiProgress,
}

impl Terminal {
    pub(crate) fn new(options: &GlobalOptions) -> Self {
        match options.color {
            ColorChoice::Auto => {}
            choice => console::set_colors_enabled_stderr(choice == ColorChoice::Always),
        }
        let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self {
            json: options.json,
            quiet: options.quiet,
            yes: options.yes,
            can_ask: is_terminal && !options.no_input,
            progress: Form::of(options),
            bars: MultiProgress::new(),
        }
    }

    /// Gives the answer: the document with `--json`, else what `text` writes.
    ///
    /// # Errors
    /// When it cannot be written; a closed pipe ends quietly.
    pub(crate) fn answer(
        &self,
        document: &impl Serialize,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            text(&mut out)?;
        }
        Ok(out.flush()?)
    }

    /// Shows how far the work is. To be called within the runtime.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(self.progress, self.bars.clone())
    }

    /// A line for a person, such as what was done or comes next. Not with `--quiet`.
    pub(crate) fn note(&self, line: &str) {
        if self.progress == Form::Json {
            progress::event(&json!({"event": "note", "text": line}));
        } else if !self.quiet {
            self.line(line);
        }
    }

    /// Something that went wrong without ending the command. With `--quiet`, too.
    pub(crate) fn warn(&self, text: &str) {
        if self.progress == Form::Json {
            progress::event(&json!({"event": "warning", "text": text}));
            return;
        }
        let label = console::style("Warning:").for_stderr().yellow().bold();
        self.line(&format!("{label} {text}"));
    }

    fn line(&self, line: &str) {
        // A standard error that is closed leaves nobody to tell.
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr(), "{line}");
        });
    }

    /// Shows how the command ended, and gives its exit code.
    pub(crate) fn end(&self, ended: Result<Exit, Error>) -> Exit {
        match ended {
            Ok(exit) => exit,
            Err(error) if self.progress == Form::Json => {
                if let Some(document) = error.document() {
                    progress::event(&document);
                }
                error.exit()
            }
            Err(error) => {
                let lines = error.lines(|label| {
                    let style = console::style(label).for_stderr().bold();
                    let style = match label {
                        "Hint:" => style.cyan(),
                        _ => style.red(),
                    };
                    style.to_string()
                });
                let _ = write!(io::stderr(), "{lines}");
                error.exit()
            }
        }
    }
}
