//! `cargo xtask drill`: makes ready what the drill needs, and becomes the drill.

use std::process::ExitCode;

use anyhow::Result;
use xtask::python::Python;
use xtask::workspace;

use super::{become_it, passes};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave everything up afterwards, to look around, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// The port of the embedded AWS; any free one unless given.
    #[arg(long)]
    port: Option<u16>,
    /// The port of the simulated Cognito; any free one unless given.
    #[arg(long)]
    cognito_port: Option<u16>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !Python::is_ready() {
        println!("Making a Python environment with the embedded AWS, once");
    }
    Python::ready()?;
    println!("Building the Lambda functions and the drill");
    passes(workspace::cargo().args(["build", "--workspace", "--bins"]))?;
    let mut drill = std::process::Command::new(workspace::target().join("debug/drill"));
    drill.args(arguments.keep.then_some("--keep"));
    for (name, port) in [
        ("--port", arguments.port),
        ("--cognito-port", arguments.cognito_port),
    ] {
        if let Some(port) = port {
            drill.arg(name).arg(port.to_string());
        }
    }
    become_it(&mut drill)
}
