//! The state machines: against the rules of the Amazon States Language, by `asl-validator`, and
//! every way through them in a second interpreter, `aws-local-stepfunctions`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::python::is_on_path;
use xtask::workspace;

use super::passes;

const VALIDATOR: &str = "asl-validator@4.0.0";
const INTERPRETER: &str = "aws-local-stepfunctions@3.0.0";

/// Checks every `*.asl.json` in `folder`; returns what was checked, or that nothing was.
pub(crate) fn check(folder: &Path) -> Result<String> {
    if !is_on_path("npm") || !is_on_path("node") {
        return Ok("SKIPPED: asl-validator needs Node.js, which is not installed".to_owned());
    }
    let mut definitions = Vec::new();
    for entry in std::fs::read_dir(folder).context("the expanded templates are not there")? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".asl.json") {
            definitions.push(path);
        }
    }
    if definitions.is_empty() {
        bail!("no state machine was found in {}", folder.display());
    }
    let node = workspace::target().join("node");
    install(&node)?;
    let mut validator = Command::new(node.join("node_modules/.bin/asl-validator"));
    for definition in &definitions {
        validator.arg("--json-path").arg(definition);
    }
    passes(&mut validator)?;
    let mut ways = Command::new("node");
    ways.arg(workspace::root().join("tests/node/state_machine_ways.mjs"))
        .arg(node.join("node_modules/aws-local-stepfunctions/build/main.node.esm.js"))
        .arg(folder);
    passes(&mut ways)?;
    Ok(format!("{} definitions", definitions.len()))
}

fn install(node: &Path) -> Result<()> {
    let marker = node.join(format!("{VALIDATOR}-{INTERPRETER}"));
    if marker.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(node)?;
    let mut command = Command::new("npm");
    command
        .args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--prefix",
        ])
        .arg(node)
        .args([VALIDATOR, INTERPRETER]);
    passes(&mut command).context("npm cannot install the tools for state machines")?;
    std::fs::write(marker, "")?;
    Ok(())
}
