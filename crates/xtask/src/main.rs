//! The project's own commands: `cargo xtask drill`, `test`, `package` and `first-day`.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{drill, first_day, package, test};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Back up two realistic user pools, lose the Region, restore them and compare: on this
    /// machine, without an AWS account. Needs Python 3 with venv.
    Drill(drill::Arguments),
    /// Check formatting, lints, tests, templates and licences. Needs Python 3 with venv.
    Test(test::Arguments),
    /// Build the five packages and the templates that deploy them, and `cognito-dr` as one static
    /// file, and check that Lambda, and any Linux, can start what was built. Needs Python 3 with
    /// venv.
    Package(package::Arguments),
    /// Ask a real AWS account what only it can answer, and remove all that this needs.
    FirstDay(first_day::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Drill(arguments) => drill::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::FirstDay(arguments) => first_day::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
