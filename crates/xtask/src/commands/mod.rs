//! One file for each command, and one for each check that needs more than a line.

pub(crate) mod drill;
pub(crate) mod first_day;
mod licences;
pub(crate) mod package;
mod state_machines;
mod templates;
pub(crate) mod test;

use std::process::{Command, ExitCode, Stdio};

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

/// Replaces this program by another, which Ctrl-C then reaches alone, to stop what it started.
#[cfg(unix)]
fn become_it(program: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    let name = program.get_program().to_string_lossy().into_owned();
    Err(program.exec()).with_context(|| format!("{name} does not start"))
}

#[cfg(not(unix))]
fn become_it(program: &mut Command) -> Result<ExitCode> {
    let name = program.get_program().to_string_lossy().into_owned();
    let status = program
        .status()
        .with_context(|| format!("{name} does not start"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
