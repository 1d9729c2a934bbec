//! The drill, as `cargo xtask drill` runs it when everything is built.

mod progress;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser as _;
use end_to_end::clients::{DR_REGION, PRIMARY_REGION};
use end_to_end::drill;
use end_to_end::drill::{Drill, Watch};
use end_to_end::stack::{ACCOUNT, Deployment, Options, Stack};
use xtask::python::Python;

use crate::progress::{Progress, seconds};

/// Backs up two user pools, loses the Region, restores them and compares.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Leave everything up afterwards, to look around, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// The port of the embedded AWS; any free one unless given.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// The port of the simulated Cognito; any free one unless given.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    cognito_port: u16,
}

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime can be made")?;
    // Whatever ends first: dropping the story stops everything that it started.
    runtime.block_on(async {
        tokio::select! {
            result = tell(arguments) => result,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("Ctrl-C cannot be listened to")?;
                eprintln!("\nInterrupted: everything that was started is stopped.");
                Ok(ExitCode::from(130))
            }
        }
    })
}

async fn tell(arguments: &Arguments) -> Result<ExitCode> {
    let mut progress = Progress::default();
    let python = tokio::task::spawn_blocking(Python::ready).await??;
    // The functions are built with the drill, and lie beside it.
    let binaries = std::env::current_exe()?
        .parent()
        .context("the drill lies in no folder")?
        .to_owned();
    progress.phase("Start the embedded AWS and the simulated Cognito");
    let options = Options {
        port: arguments.port,
        cognito_port: arguments.cognito_port,
        ..Options::default()
    };
    let stack = Stack::start(&python, &options).await?;
    let result = drill::run(&stack, &binaries, &mut progress).await;
    progress.end();
    let code = match &result {
        Ok((drill, _)) => conclude(drill),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    };
    if arguments.keep {
        keep(&stack, result.as_ref().ok()).await?;
    }
    Ok(code)
}

fn conclude(drill: &Drill) -> ExitCode {
    println!("{}", drill.text);
    let total = drill.phases.iter().map(|(_, time)| *time).sum();
    println!(
        "From the first backup call to the last comparison, deploying included: {}",
        seconds(total)
    );
    if drill.problems.is_empty() {
        println!(
            "\nThe drill succeeded: everything is back but for what the reports announce, the mistakes are undone, and the standby pool follows."
        );
        return ExitCode::SUCCESS;
    }
    println!("\nThe drill failed:");
    for problem in &drill.problems {
        println!("  {problem}");
    }
    ExitCode::FAILURE
}

/// Prints how to look around and waits; Ctrl-C ends it, as it ends the drill.
async fn keep(stack: &Stack, drilled: Option<&(Drill, Deployment)>) -> Result<()> {
    println!("\nEverything is still up. Ctrl-C stops it.\n");
    println!("  AWS but Cognito  {}", stack.ministack.endpoint());
    println!("  Cognito          {}", stack.simulator.endpoint());
    println!("  Regions          {PRIMARY_REGION} and {DR_REGION}");
    if let Some((drill, deployment)) = drilled {
        for (source, restored) in &drill.restored {
            println!("  Pool             {source}, restored as {restored}");
        }
        for outputs in [&deployment.primary, &deployment.dr] {
            for name in ["BackupBucketName", "DRBucketName"] {
                if let Some(bucket) = outputs.get(name) {
                    println!("  {name:<16} {bucket}");
                }
            }
        }
    }
    println!("\nFor example:\n");
    println!("  export AWS_ACCESS_KEY_ID={ACCOUNT} AWS_SECRET_ACCESS_KEY=secret");
    println!("  export AWS_ENDPOINT_URL={}", stack.ministack.endpoint());
    println!(
        "  export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER={}",
        stack.simulator.endpoint()
    );
    println!("  aws --region {DR_REGION} cognito-idp list-user-pools --max-results 10");
    std::future::pending::<()>().await;
    Ok(())
}
