//! Python environments with tools, kept in the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The oldest Python that the tools run on.
const OLDEST: (u32, u32) = (3, 10);

/// What the environment of the tests has.
const TESTS: &str = "tests/python/requirements.txt";
/// What the environment with checkov has.
const CHECKOV: &str = "crates/xtask/checkov-requirements.txt";
/// What the environment with the SAM CLI has.
const SAM: &str = "crates/xtask/sam-requirements.txt";
/// What the environment has that packages are linked with.
const LINKER: &str = "crates/xtask/linker-requirements.txt";

/// A Python environment that has everything in a list of requirements.
#[derive(Debug, Clone)]
pub struct Python {
    folder: PathBuf,
    /// From the root of the workspace.
    requirements: &'static str,
}

impl Python {
    fn of_tests() -> Self {
        Self {
            folder: workspace::target().join("python"),
            requirements: TESTS,
        }
    }

    /// The environment of the tests, if it was made before and is up to date. Changes nothing and
    /// needs no network: what plain `cargo test` goes by.
    pub fn existing() -> Option<Self> {
        let python = Self::of_tests();
        python.is_up_to_date().then_some(python)
    }

    /// Whether [`Python::existing`] would find it.
    pub fn is_ready() -> bool {
        Self::existing().is_some()
    }

    /// The environment of the tests, made or brought up to date if need be.
    ///
    /// # Errors
    /// In one line: when there is no Python 3.10 with `venv`, or a package cannot be installed.
    pub fn ready() -> Result<Self> {
        Self::of_tests().made()
    }

    /// The environment with `cargo zigbuild` and zig, made or brought up to date if need be. Apart
    /// from that of the tests, which need no linker of 100 MB.
    ///
    /// # Errors
    /// As [`Python::ready`].
    pub fn with_linker() -> Result<Self> {
        let python = Self {
            folder: workspace::target().join("python-linker"),
            requirements: LINKER,
        };
        python.made()
    }

    /// The environment with checkov, made or brought up to date if need be: some 300 MB.
    ///
    /// # Errors
    /// As [`Python::ready`].
    pub fn with_checkov() -> Result<Self> {
        let python = Self {
            folder: workspace::target().join("python-checkov"),
            requirements: CHECKOV,
        };
        python.made()
    }

    /// The environment with the SAM CLI, made or brought up to date if need be: some 340 MB.
    ///
    /// # Errors
    /// As [`Python::ready`].
    pub fn with_sam() -> Result<Self> {
        let python = Self {
            folder: workspace::target().join("python-sam"),
            requirements: SAM,
        };
        python.made()
    }

    fn made(self) -> Result<Self> {
        if self.is_up_to_date() {
            return Ok(self);
        }
        let system = find_python()?;
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)
                .with_context(|| format!("{} cannot be removed", self.folder.display()))?;
        }
        run(
            Command::new(&system).args(["-m", "venv"]).arg(&self.folder),
            "python3 -m venv failed; on Debian and Ubuntu it needs the package python3-venv",
        )?;
        run(
            Command::new(self.program("python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .arg("--requirement")
                .arg(self.requirements()),
            &format!("pip cannot install the tools in {}", self.requirements),
        )?;
        std::fs::copy(self.requirements(), self.marker())
            .context("the Python environment cannot be written to")?;
        Ok(self)
    }

    fn is_up_to_date(&self) -> bool {
        let wanted = std::fs::read_to_string(self.requirements());
        let installed = std::fs::read_to_string(self.marker());
        matches!((wanted, installed), (Ok(wanted), Ok(installed)) if wanted == installed)
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// The folder with its programs.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The Python interpreter, about to run a script in `tests/python`.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.program("python"));
        command.arg(scripts().join(name));
        command
    }

    fn requirements(&self) -> PathBuf {
        workspace::root().join(self.requirements)
    }

    fn marker(&self) -> PathBuf {
        self.folder.join("installed-requirements.txt")
    }
}

/// `tests/python`.
pub fn scripts() -> PathBuf {
    workspace::root().join("tests/python")
}

fn find_python() -> Result<PathBuf> {
    let (major, minor) = OLDEST;
    let check =
        format!("import sys, venv, ensurepip; sys.exit(sys.version_info < ({major}, {minor}))");
    for name in ["python3", "python"] {
        let found = Command::new(name).args(["-c", &check]).output();
        if found.is_ok_and(|output| output.status.success()) {
            return Ok(PathBuf::from(name));
        }
    }
    bail!(
        "Python {major}.{minor} or newer with the module venv is needed and was not found on the PATH"
    )
}

fn run(command: &mut Command, failure: &str) -> Result<()> {
    let output = command.output().context(failure.to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let reason = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    bail!("{failure}: {reason}")
}

/// Whether a program can be started from the PATH.
pub fn is_on_path(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file())
    })
}
