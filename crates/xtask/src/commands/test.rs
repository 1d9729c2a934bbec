//! `cargo xtask test`: everything that must hold before a change is taken.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use xtask::python::Python;
use xtask::workspace;

use super::{licences, passes, state_machines, templates};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these parts; all unless given.
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// A part, in the order in which they run: what fails fast first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// cargo fmt
    Format,
    /// Licences of the dependencies
    Licences,
    /// The templates, by cfn-lint, cloudformation-validate, checkov and sam
    Templates,
    /// The state machines, by asl-validator and in a second interpreter
    StateMachines,
    /// clippy, with warnings as errors
    Lints,
    /// All tests, those on the local stack included
    Tests,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen: Vec<Part> = match arguments.parts.as_slice() {
        [] => Part::value_variants().to_vec(),
        parts => parts.to_vec(),
    };
    let mut results = Vec::new();
    for part in chosen {
        println!("\n== {}", name(part));
        let began = Instant::now();
        let result = check(part);
        if let Err(error) = &result {
            println!("{error:#}");
        }
        results.push((part, began.elapsed(), result));
    }
    Ok(summary(&results))
}

fn summary(results: &[(Part, Duration, Result<String>)]) -> ExitCode {
    println!("\n{:<16}{:>10}", "", "time");
    for (part, time, result) in results {
        let outcome = match result {
            Ok(note) if note.is_empty() => "passed".to_owned(),
            Ok(note) => format!("passed ({note})"),
            Err(_) => "FAILED".to_owned(),
        };
        println!(
            "{:<16}{:>10}  {outcome}",
            name(*part),
            format!("{:.1} s", time.as_secs_f64())
        );
    }
    if results.iter().all(|(_, _, result)| result.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Format => "Format",
        Part::Licences => "Licences",
        Part::Templates => "Templates",
        Part::StateMachines => "State machines",
        Part::Lints => "Lints",
        Part::Tests => "Tests",
    }
}

/// Checks one part; returns a note for the summary.
fn check(part: Part) -> Result<String> {
    let cargo = |arguments: &[&str]| {
        let mut command = workspace::cargo();
        command.args(arguments);
        passes(&mut command).map(|()| String::new())
    };
    match part {
        Part::Format => cargo(&["fmt", "--all", "--check"]),
        Part::Licences => licences::check(),
        Part::Templates => {
            expand()?;
            templates::check(&expanded()).map(|()| String::new())
        }
        Part::StateMachines => {
            expand()?;
            state_machines::check(&expanded())
        }
        Part::Lints => cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]),
        Part::Tests => {
            Python::ready()?;
            let mut command = workspace::cargo();
            // The tests on the local stack skip themselves elsewhere; here they must run.
            command
                .args(["test", "--workspace", "--no-fail-fast"])
                .env("LOCAL_STACK", "required");
            // The same cases on every run, so that a change is judged and not the lot that was
            // drawn. `cargo test`, or another seed, draws others.
            if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
                command.env("PROPTEST_RNG_SEED", "2026");
            }
            passes(&mut command).map(|()| String::new())
        }
    }
}

/// Expands both templates into [`expanded`] and checks them.
fn expand() -> Result<()> {
    let python = Python::ready()?;
    let root = workspace::root();
    let mut command = python.script("check_templates.py");
    command
        .arg(expanded())
        .arg(root.join("template-primary.yaml"))
        .arg(root.join("template-dr.yaml"));
    passes(&mut command)
}

fn expanded() -> std::path::PathBuf {
    workspace::target().join("templates")
}
