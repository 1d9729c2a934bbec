//! An account with nothing in it, and the command as it is typed there.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::{Value, json};
use simulator::{Config, Fault, FaultRule, Faults, Simulator, SimulatorHandle, When};
use tempfile::TempDir;

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cognito-dr");

/// Cognito in all Regions, and a folder to work in.
pub(crate) struct Account {
    pub(crate) simulator: SimulatorHandle,
    folder: TempDir,
    more: Vec<(&'static str, String)>,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            simulator: Simulator::start(config).unwrap(),
            folder: TempDir::new().unwrap(),
            more: Vec::new(),
        }
    }

    /// A pool of this name with so many users; gives its id.
    pub(crate) fn pool(&self, name: &str, users: usize) -> String {
        let users: Vec<Value> = (0..users)
            .map(|n| json!({"Username": format!("user-{n:04}"), "Attributes": {"email": format!("user-{n:04}@example.com")}}))
            .collect();
        let pool = json!({"UserPool": {"Name": name}, "Users": users});
        self.simulator.seed(REGION, &pool).unwrap()
    }

    /// The folder that commands work in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// What a person's environment holds: credentials and Region, and where the simulator is.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let folder = |name: &str| self.path(name).display().to_string();
        let mut environment = vec![
            ("HOME", folder("home")),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("AWS_CONFIG_FILE", folder("config")),
            ("AWS_SHARED_CREDENTIALS_FILE", folder("credentials")),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            (
                "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
                self.simulator.endpoint(),
            ),
        ];
        environment.extend(self.more.clone());
        environment
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.more.push((name, value.to_owned()));
    }

    /// The command with these arguments; the standard input is no terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .envs(self.environment())
            .current_dir(self.folder())
            .args(arguments);
        command
    }

    /// The command with these arguments as a process that can be killed.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        std::process::Command::new(BINARY)
            .env_clear()
            .envs(self.environment())
            .current_dir(self.folder())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// How many calls Cognito had.
    pub(crate) fn calls(&self) -> u64 {
        self.simulator.evidence().calls.values().sum()
    }

    /// Holds a process at this call from now on, which is carried out and answered so late.
    pub(crate) fn hold_at(&self, nth: u64, milliseconds: u64) {
        self.simulator.reset_evidence();
        self.simulator.set_faults(Faults {
            seed: 0,
            rules: vec![FaultRule {
                operation: None,
                when: When::Nth(nth),
                fault: Fault::AnswerSlow(milliseconds),
            }],
        });
    }

    /// Waits until the process makes this call; false when it ended before.
    pub(crate) fn reaches(&self, process: &mut Child, nth: u64) -> bool {
        while self.calls() < nth {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_millis(1));
        }
        true
    }

    /// What the command prints when it succeeds.
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        text(&self.command(arguments).assert().code(0).get_output().stdout)
    }

    /// The document that the command gives with `--json` when it succeeds.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut command = self.command(arguments);
        let assert = command.arg("--json").assert().code(0);
        serde_json::from_slice(&assert.get_output().stdout).unwrap()
    }

    /// What the command says on the standard error when it ends with an error.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        says(self.command(arguments).assert().code(2))
    }
}

/// The exit code of a process, and what it printed and said.
pub(crate) fn ended(process: Child) -> (i32, String) {
    let output = process.wait_with_output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code().unwrap_or(-1), said)
}

/// Ctrl-C.
pub(crate) fn interrupt(process: &Child) {
    let signal = ["-INT", &process.id().to_string()];
    let sent = std::process::Command::new("kill").args(signal).status();
    assert!(sent.unwrap().success());
}

/// The calls at which a process is stopped: some, or all with `RESTORE_EXHAUSTIVE_TESTS`.
pub(crate) fn places(calls: u64) -> impl Iterator<Item = u64> {
    let exhaustive = std::env::var_os("RESTORE_EXHAUSTIVE_TESTS").is_some();
    let step = if exhaustive { 1 } else { calls.div_ceil(6) };
    (2..=calls).step_by(usize::try_from(step).unwrap())
}

/// What was said on the standard error.
pub(crate) fn says(assert: Assert) -> String {
    text(&assert.get_output().stderr)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
