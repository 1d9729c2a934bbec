//! What the tests on the local stack need, and what they do where it is not there.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xtask::python::Python;
use xtask::workspace;

use crate::clients::PRIMARY_REGION;
use crate::stack::{Deployment, Options, Stack};

/// Set to `required` where a missing environment is a failure, as in `cargo xtask test`.
const SWITCH: &str = "LOCAL_STACK";

/// The Python environment and the Lambda functions' binaries.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The Python environment with the embedded AWS.
    pub python: Python,
    /// The folder with the binaries.
    pub binaries: PathBuf,
}

impl Environment {
    /// The environment, or `None` with a line on the terminal that `test` skipped itself: plain
    /// `cargo test` passes on a machine without Python and downloads nothing.
    ///
    /// # Panics
    /// When the Lambda functions do not build, or the environment is required and not there.
    pub fn ready(test: &str) -> Option<Self> {
        static READY: OnceLock<Option<Environment>> = OnceLock::new();
        let ready = READY.get_or_init(|| {
            let python = Python::existing()?;
            let binaries = build_lambdas().unwrap_or_else(|error| panic!("{error:#}"));
            Some(Self { python, binaries })
        });
        if ready.is_none() {
            let required = std::env::var(SWITCH).is_ok_and(|value| value == "required");
            assert!(
                !required,
                "{test} needs the Python environment that `cargo xtask test` makes"
            );
            // Not by a macro, whose output the test harness keeps to itself. If even the
            // terminal is gone, there is nobody to tell.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED {test}: run `cargo xtask test`, which makes the Python environment that it needs"
            );
        }
        ready.clone()
    }

    /// A stack with one pool of the primary Region, and both templates deployed for it.
    ///
    /// # Errors
    /// When the stack does not start, or a template fails.
    pub async fn with_pool(&self, pool: &Value) -> Result<(Stack, Deployment)> {
        let stack = Stack::start(&self.python, &Options::default()).await?;
        let pool = stack.simulator.seed(PRIMARY_REGION, pool)?;
        let deployment = stack.deploy(&self.binaries, &[pool]).await?;
        Ok((stack, deployment))
    }
}

/// Builds the five functions and returns the folder with their binaries.
///
/// Everything is named, as in `cargo test --workspace`: with a part of the workspace, cargo
/// would choose other features for what they depend on and compile all of it again.
fn build_lambdas() -> Result<PathBuf> {
    let output = workspace::cargo()
        .args(["build", "--quiet", "--workspace", "--all-targets"])
        .output()
        .context("cargo does not start")?;
    if !output.status.success() {
        bail!(
            "the Lambda functions do not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(workspace::target().join("debug"))
}
