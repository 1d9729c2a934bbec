//! Where things are in the workspace, and building its Lambda functions.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The packages that are Lambda functions; each has one binary of the same name.
pub const LAMBDAS: [&str; 4] = [
    "backup",
    "find-latest-backup",
    "restore",
    "manual-dr-trigger",
];

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A `cargo` command in the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What cargo set for the program that runs now must not tell the next one what to build.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds the four functions for this machine with debug assertions, and returns the folder
/// with their binaries.
///
/// # Errors
/// When cargo fails; its output says why.
pub fn build_lambdas() -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--quiet"]);
    for package in LAMBDAS {
        command.args(["--package", package]);
    }
    let output = command.output().context("cargo does not start")?;
    if !output.status.success() {
        bail!(
            "the Lambda functions do not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(target().join("debug"))
}
