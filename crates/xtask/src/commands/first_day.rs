//! `cargo xtask first-day`: builds the crate `first-day`, which knows AWS, and becomes it.

use std::process::ExitCode;

use anyhow::Result;
use xtask::workspace;

use super::{become_it, passes};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What `cargo xtask first-day -- --help` lists.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    passes(workspace::cargo().args(["build", "--package", "first-day"]))?;
    let mut program = std::process::Command::new(workspace::target().join("debug/first-day"));
    become_it(program.args(&arguments.arguments))
}
