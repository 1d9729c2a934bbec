//! `cognito-dr` as an operator types it on the local stack.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::environment::Environment;
use crate::stack::{ACCOUNT, Stack};

/// A terminal in an empty folder, with credentials for the account of the stack.
#[derive(Debug)]
pub struct Terminal {
    binary: std::path::PathBuf,
    variables: Vec<(&'static str, String)>,
    folder: TempDir,
}

impl Terminal {
    /// A terminal that works in `region` of the stack.
    ///
    /// # Errors
    /// When there is no folder to work in.
    pub fn new(environment: &Environment, stack: &Stack, region: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = folder.path().display().to_string();
        let variables = vec![
            ("HOME", home),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_REGION", region.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL", stack.ministack.endpoint()),
            (
                "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
                stack.simulator.endpoint(),
            ),
        ];
        Ok(Self {
            binary: environment.binaries.join("cognito-dr"),
            variables,
            folder,
        })
    }

    /// Sets a variable of the environment, such as `COGNITO_DR_VAULT`.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.push((name, value.into()));
    }

    /// The folder that it works in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the command did with these arguments; its standard input is no terminal.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        Command::new(&self.binary)
            .env_clear()
            .envs(self.variables.clone())
            .current_dir(self.folder())
            .args(arguments)
            .output()
            .with_context(|| format!("{} does not start", self.binary.display()))
    }

    /// What the command says on the standard error when it ends with an error.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub fn fails(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        if output.status.code() != Some(2) {
            bail!("{arguments:?} ended with {:?}", output.status);
        }
        Ok(String::from_utf8(output.stderr)?)
    }

    /// The document that the command gives with `--json`, when it ends with `code`.
    ///
    /// # Errors
    /// When it ends otherwise: what it said on the standard error.
    pub fn json(&self, arguments: &[&str], code: i32) -> Result<Value> {
        let output = self.run(&[arguments, &["--json"]].concat())?;
        if output.status.code() != Some(code) {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{arguments:?} ended with {:?}: {said}", output.status);
        }
        serde_json::from_slice(&output.stdout).context("the answer is not JSON")
    }
}
