//! `cargo xtask package`: the five packages that Lambda takes, the templates that deploy them, and
//! the command as one static file.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use xtask::architecture::Architecture;
use xtask::binary::{self, GLIBC};
use xtask::package::{self, BOOTSTRAP, Purpose};
use xtask::python::{Python, is_on_path};
use xtask::template;
use xtask::workspace::{self, LAMBDAS};

use super::passes;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The processor to build for; that of the templates unless given.
    #[arg(long, value_enum)]
    architecture: Option<Architecture>,
    /// Build only this part; both unless given. What was built before is removed all the same.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Build nothing: check what something else built, such as `sam build`, in these folders.
    #[arg(long, value_name = "FOLDER")]
    check: Vec<PathBuf>,
}

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The Lambda functions and the templates.
    Lambdas,
    /// `cognito-dr`.
    Command,
}

impl Part {
    /// Its target, as `cargo zigbuild` names it: with the version of glibc, where it has one.
    fn target(self, architecture: Architecture) -> String {
        match self {
            Part::Lambdas => {
                let (major, minor) = GLIBC;
                format!("{}.{major}.{minor}", architecture.triple())
            }
            Part::Command => architecture.static_triple().to_owned(),
        }
    }

    /// The same, as Rust names it.
    fn triple(self, architecture: Architecture) -> &'static str {
        match self {
            Part::Lambdas => architecture.triple(),
            Part::Command => architecture.static_triple(),
        }
    }

    /// The package of the workspace.
    fn package(self) -> &'static str {
        match self {
            Part::Lambdas => "lambda",
            Part::Command => COMMAND,
        }
    }
}

/// The operator's command.
const COMMAND: &str = "cognito-dr";

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let architecture = match arguments.architecture {
        Some(architecture) => architecture,
        None => template::architecture(&template::read(template::DR)?)?,
    };
    if arguments.check.is_empty() {
        let parts = match arguments.only {
            Some(part) => vec![part],
            None => vec![Part::Lambdas, Part::Command],
        };
        for part in &parts {
            build(*part, architecture)?;
        }
        let folder = emptied(workspace::target().join("package"))?;
        for part in parts {
            match part {
                Part::Lambdas => {
                    write_packages(architecture, &folder)?;
                    write_templates(architecture, &folder)?;
                }
                Part::Command => write_command(architecture, &folder)?,
            }
        }
    }
    for folder in &arguments.check {
        let count = check(architecture, folder)?;
        println!("{}: {count} checked", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Links with zig, which has the symbols of every glibc, and musl: what this machine has does not
/// matter.
fn build(part: Part, architecture: Architecture) -> Result<()> {
    install_target(part.triple(architecture))?;
    let python = Python::with_linker()?;
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(python.programs()).chain(std::env::split_paths(&own));
    let mut command = workspace::cargo();
    command
        .env("PATH", std::env::join_paths(folders)?)
        .args(["zigbuild", "--release", "--bins", "--target"])
        .arg(part.target(architecture))
        .args(["--package", part.package()]);
    passes(&mut command)
}

/// Rust's own library for the target: there for this machine's own, and fetched for another.
fn install_target(triple: &str) -> Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", triple])
        .output()
        .context("rustc does not start")?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && folder.is_dir() {
        return Ok(());
    }
    ensure!(
        is_on_path("rustup"),
        "Rust's library for {triple} is not installed, and there is no rustup to install it"
    );
    passes(Command::new("rustup").args(["target", "add", triple]))
}

/// A folder in which only what this build made is afterwards.
fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// A program that was built.
fn built(part: Part, architecture: Architecture, name: &str) -> PathBuf {
    let folder = workspace::target().join(part.triple(architecture));
    folder.join("release").join(name)
}

/// The command, which is taken wherever it is needed: a bastion host, a build server, a container.
fn write_command(architecture: Architecture, folder: &Path) -> Result<()> {
    let program = built(Part::Command, architecture, COMMAND);
    let path = folder.join(COMMAND);
    // With its permissions.
    let bytes = std::fs::copy(&program, &path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    binary::check_static(&std::fs::read(&path)?, architecture)
        .with_context(|| path.display().to_string())?;
    let (megabytes, name) = (bytes as f64 / 1e6, architecture.name());
    println!("{}  {megabytes:.2} MB, for {name}", path.display());
    Ok(())
}

fn write_packages(architecture: Architecture, folder: &Path) -> Result<()> {
    for name in LAMBDAS {
        let zip = package::package(
            &built(Part::Lambdas, architecture, name),
            Purpose::Deployment,
        )?;
        let path = folder.join(format!("{name}.zip"));
        package::check(&zip, architecture).with_context(|| path.display().to_string())?;
        write(&path, &zip)?;
        println!("{}  {:.2} MB", path.display(), zip.len() as f64 / 1e6);
    }
    Ok(())
}

/// The templates with the packages beside them, for `sam deploy` and `aws cloudformation package`.
fn write_templates(architecture: Architecture, folder: &Path) -> Result<()> {
    for name in [template::DR, template::PRIMARY] {
        let template = template::read(name)?;
        let packaged =
            template::packaged(template, architecture, |binary| format!("{binary}.zip"))?;
        let path = folder.join(name).with_extension("json");
        write(&path, &serde_json::to_vec_pretty(&packaged)?)?;
        println!("{}  for {}", path.display(), architecture.name());
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// Checks every package and every `bootstrap` in a folder; returns how many there are.
fn check(architecture: Architecture, folder: &Path) -> Result<usize> {
    let mut count = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let read = || std::fs::read(&path).context("it cannot be read");
            let checked = if path.file_name().is_some_and(|name| name == BOOTSTRAP) {
                check_mode(&path).and_then(|()| binary::check(&read()?, architecture))
            } else if path.extension().is_some_and(|extension| extension == "zip") {
                package::check(&read()?, architecture)
            } else {
                continue;
            };
            checked.with_context(|| path.display().to_string())?;
            count += 1;
        }
    }
    if count == 0 {
        bail!("no package and no {BOOTSTRAP} is in {}", folder.display());
    }
    Ok(count)
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    package::check_mode(path.metadata()?.permissions().mode())
}

/// Elsewhere files have no such permissions, and what packs them sets them.
#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sam_built_is_found_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let error = check(Architecture::Arm, folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("no package and no bootstrap"));

        let function = folder.path().join("dr/CognitoRestoreLambda");
        std::fs::create_dir_all(&function).unwrap();
        std::fs::write(function.join("bootstrap"), "a script").unwrap();
        let error = check(Architecture::Arm, folder.path()).unwrap_err();
        let place = function.join("bootstrap").display().to_string();
        assert_eq!(error.to_string(), place);
    }
}
