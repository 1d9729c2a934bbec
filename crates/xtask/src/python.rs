//! A Python environment with the tools in `tests/python/requirements.txt`, kept in the target
//! folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The oldest Python that the tools run on.
const OLDEST: (u32, u32) = (3, 10);

/// A Python environment that has everything in `tests/python/requirements.txt`.
#[derive(Debug, Clone)]
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// The environment, if it was made before and is up to date. Changes nothing and needs no
    /// network: what plain `cargo test` goes by.
    pub fn existing() -> Option<Self> {
        let python = Self { folder: folder() };
        let wanted = std::fs::read_to_string(requirements()).ok()?;
        let installed = std::fs::read_to_string(python.marker()).ok()?;
        (wanted == installed).then_some(python)
    }

    /// Whether [`Python::existing`] would find it.
    pub fn is_ready() -> bool {
        Self::existing().is_some()
    }

    /// The environment, made or brought up to date if need be.
    ///
    /// # Errors
    /// In one line: when there is no Python 3.10 with `venv`, or a package cannot be installed.
    pub fn ready() -> Result<Self> {
        if let Some(python) = Self::existing() {
            return Ok(python);
        }
        let python = Self { folder: folder() };
        let system = find_python()?;
        if python.folder.exists() {
            std::fs::remove_dir_all(&python.folder)
                .with_context(|| format!("{} cannot be removed", python.folder.display()))?;
        }
        run(
            Command::new(&system)
                .args(["-m", "venv"])
                .arg(&python.folder),
            "python3 -m venv failed; on Debian and Ubuntu it needs the package python3-venv",
        )?;
        run(
            Command::new(python.program("python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .arg("--requirement")
                .arg(requirements()),
            "pip cannot install the tools in tests/python/requirements.txt",
        )?;
        std::fs::copy(requirements(), python.marker())
            .context("the Python environment cannot be written to")?;
        Ok(python)
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The Python interpreter, about to run a script in `tests/python`.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.program("python"));
        command.arg(scripts().join(name));
        command
    }

    fn marker(&self) -> PathBuf {
        self.folder.join("installed-requirements.txt")
    }
}

/// `tests/python`.
pub fn scripts() -> PathBuf {
    workspace::root().join("tests/python")
}

fn requirements() -> PathBuf {
    scripts().join("requirements.txt")
}

fn folder() -> PathBuf {
    workspace::target().join("python")
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
