//! `cargo xtask package`: the four packages that Lambda takes, built as `sam build` builds them.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use xtask::package::{Purpose, package as zipped};
use xtask::python::is_on_path;
use xtask::workspace::{self, LAMBDAS};

use super::passes;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Processors to build for; both unless given.
    #[arg(long, value_enum)]
    architecture: Vec<Architecture>,
}

/// A processor, as the parameter Architecture of the templates names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Architecture {
    #[value(name = "x86_64")]
    X86,
    #[value(name = "arm64")]
    Arm,
}

impl Architecture {
    fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }

    fn triple(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-linux-gnu",
            Self::Arm => "aarch64-unknown-linux-gnu",
        }
    }

    fn is_of_this_machine(self) -> bool {
        cfg!(target_os = "linux")
            && match self {
                Self::X86 => cfg!(target_arch = "x86_64"),
                Self::Arm => cfg!(target_arch = "aarch64"),
            }
    }

    fn linker(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-linux-gnu-gcc",
            Self::Arm => "aarch64-linux-gnu-gcc",
        }
    }

    /// How the release build for it is started; `None` where something is missing.
    fn build(self) -> Option<Command> {
        let mut command = workspace::cargo();
        let has_target = self.is_of_this_machine() || is_target_installed(self.triple());
        if self.is_of_this_machine() {
            command.arg("build");
        } else if has_target && is_on_path("cargo-lambda") {
            // Links with zig, which it finds as a Python package too.
            command.args(["lambda", "build"]);
        } else if has_target && is_on_path(self.linker()) {
            let variable = self.triple().to_uppercase().replace('-', "_");
            command
                .arg("build")
                .env(format!("CARGO_TARGET_{variable}_LINKER"), self.linker());
            command.env(
                format!("CC_{}", self.triple().replace('-', "_")),
                self.linker(),
            );
        } else {
            return None;
        }
        command.args(["--release", "--target", self.triple()]);
        for package in LAMBDAS {
            command.args(["--package", package]);
        }
        Some(command)
    }

    fn how_to_get_it(self) -> String {
        format!(
            "{}: skipped. To build it here: rustup target add {} && pip install cargo-lambda ziglang, or a linker {} on the PATH",
            self.name(),
            self.triple(),
            self.linker()
        )
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen = match arguments.architecture.as_slice() {
        [] => Architecture::value_variants(),
        chosen => chosen,
    };
    let mut built = 0;
    for architecture in chosen {
        match architecture.build() {
            Some(mut command) => {
                passes(&mut command)?;
                package(*architecture)?;
                built += 1;
            }
            None => println!("{}", architecture.how_to_get_it()),
        }
    }
    if built == 0 {
        bail!("nothing was built");
    }
    Ok(ExitCode::SUCCESS)
}

fn package(architecture: Architecture) -> Result<()> {
    let folder = workspace::target()
        .join("package")
        .join(architecture.name());
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    for name in LAMBDAS {
        let binary = binary(architecture, name)?;
        let zip = zipped(&binary, Purpose::Deployment)?;
        let path = folder.join(format!("{name}.zip"));
        std::fs::write(&path, &zip)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}  {:.1} MB", path.display(), zip.len() as f64 / 1e6);
    }
    Ok(())
}

/// Where cargo, or cargo lambda, leaves a binary.
fn binary(architecture: Architecture, name: &str) -> Result<PathBuf> {
    let target = workspace::target();
    let places = [
        target
            .join(architecture.triple())
            .join("release")
            .join(name),
        target.join("lambda").join(name).join("bootstrap"),
    ];
    let found = places
        .into_iter()
        .filter(|path| path.is_file())
        .max_by_key(|path| {
            path.metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
        });
    found.with_context(|| format!("the build left no binary {name}"))
}

fn is_target_installed(triple: &str) -> bool {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", triple])
        .output();
    output.is_ok_and(|output| {
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        output.status.success() && folder.is_dir()
    })
}
