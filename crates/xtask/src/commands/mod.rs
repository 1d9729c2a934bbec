//! One file for each command, and one for each check that needs more than a line.

pub(crate) mod drill;
mod licences;
pub(crate) mod package;
mod state_machines;
pub(crate) mod test;

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a command with its output shown.
fn passes(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{program} does not start"))?;
    if !status.success() {
        bail!("{program} failed ({status})");
    }
    Ok(())
}
