//! The state machines against the rules of the Amazon States Language, by `asl-validator`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::python::is_on_path;
use xtask::workspace;

use super::passes;

const VALIDATOR: &str = "asl-validator";
const VERSION: &str = "4.0.0";

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
    let mut command = Command::new(node.join("node_modules/.bin").join(VALIDATOR));
    for definition in &definitions {
        command.arg("--json-path").arg(definition);
    }
    passes(&mut command)?;
    Ok(format!("{} definitions", definitions.len()))
}

fn install(node: &Path) -> Result<()> {
    let marker = node.join(format!("{VALIDATOR}-{VERSION}"));
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
        .arg(format!("{VALIDATOR}@{VERSION}"));
    passes(&mut command).context("npm cannot install asl-validator")?;
    std::fs::write(marker, "")?;
    Ok(())
}
