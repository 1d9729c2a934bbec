//! `cargo xtask first-day`: says what it will do and cost, asks, and writes the answers down.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use clap::Parser;
use cognito::{Pace, StopSignal, https};
use dialoguer::Confirm;
use first_day::account::{Account, Given};
use first_day::clean_up;
use first_day::cost::dollars;
use first_day::journal::Journal;
use first_day::question::Question;
use first_day::questions;
use first_day::report::{Report, Verdict};
use first_day::run::{Moment, Watch, run};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The part of the account's quotas that is used: production comes first.
const SHARE: f64 = 0.3;

/// Ask a real AWS account what only it can answer, in two Regions, and remove all that this needs.
///
/// Everything is made under a name and tag of its own. No user and no address gets a message.
/// Exits with 0 when all agree, 1 when something differs, 2 for an error, 130 after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask first-day", bin_name = "cargo xtask first-day")]
struct Arguments {
    /// The Region where pools are backed up.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// The Region where they are restored.
    #[arg(long, default_value = "us-west-2")]
    dr_region: String,
    /// The profile whose credentials are used.
    #[arg(long)]
    profile: Option<String>,
    /// Ask without asking whether to.
    #[arg(long)]
    yes: bool,
    /// Ask only these questions, by id (`mfa.mode-left-out`) or group (`mfa.*`).
    #[arg(long, value_name = "QUESTION")]
    only: Vec<String>,
    /// Ask the questions that take more than an hour, too.
    #[arg(long)]
    long: bool,
    /// Make no roles and users of IAM; what needs them is not asked. With `--clean-up`: look for
    /// user pools alone.
    #[arg(long)]
    no_iam: bool,
    /// Show the questions and their cost, and ask nothing.
    #[arg(long)]
    list: bool,
    /// Remove what earlier runs left: by their journals, then by name and tag.
    #[arg(long)]
    clean_up: bool,
    /// What `cargo xtask package` wrote; without it no stack is deployed.
    #[arg(long, default_value = "target/package")]
    packages: PathBuf,
    /// Where journals and answers are kept.
    #[arg(long, default_value = "target/first-day")]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if arguments.clean_up {
        remove_what_is_left(&arguments).await
    } else {
        ask(&arguments).await
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

/// The questions that `--only` names, or all.
fn chosen(arguments: &Arguments) -> Result<Vec<Question>> {
    let mut questions = questions::all();
    for pattern in &arguments.only {
        let known = questions
            .iter()
            .any(|question| question.is_named_by(pattern));
        ensure!(known, "there is no question {pattern}: see --list");
    }
    if !arguments.only.is_empty() {
        questions.retain(|question| {
            arguments
                .only
                .iter()
                .any(|pattern| question.is_named_by(pattern))
        });
    }
    Ok(questions)
}

async fn ask(arguments: &Arguments) -> Result<ExitCode> {
    ensure!(
        arguments.region != arguments.dr_region,
        "the two Regions are the same"
    );
    let questions = chosen(arguments)?;
    let given = Given {
        iam: !arguments.no_iam,
        long: arguments.long,
        packages: arguments
            .packages
            .join("template-dr.json")
            .is_file()
            .then(|| arguments.packages.clone()),
    };
    let missing = |question: &Question| {
        question
            .needs
            .iter()
            .any(|need| need.missing(&given).is_some())
    };
    let costs = questions
        .iter()
        .filter(|question| !missing(question))
        .flat_map(|question| &question.costs);
    let cost = dollars(costs);
    if arguments.list {
        for question in &questions {
            let price = dollars(&question.costs);
            println!(
                "{}  {} (facts {}; ${price:.2})",
                question.id, question.asks, question.facts
            );
        }
        println!("{} questions, ${cost:.2} at most", questions.len());
        return Ok(ExitCode::SUCCESS);
    }
    let account = account(arguments).await;
    println!(
        "{} questions to the account of {} in {} and {}. This makes user pools and other things under the name {}*, and removes them again.\nIt costs ${cost:.2} at most. Nobody gets a message.",
        questions.len(),
        arguments
            .profile
            .as_deref()
            .unwrap_or("the default credentials"),
        arguments.region,
        arguments.dr_region,
        clean_up::PREFIX,
    );
    if !arguments.yes
        && !Confirm::new()
            .with_prompt("Ask them?")
            .default(false)
            .interact()
            .context("nobody is there to say yes: give --yes")?
    {
        bail!("nothing was asked");
    }
    let journal = Arc::new(Journal::begin(&arguments.folder, &new_run()?)?);
    let signal = Arc::new(StopSignal::default());
    stop_on_ctrl_c(&signal, journal.path());
    let watch: Arc<dyn Watch> = Arc::new(Progress {
        questions: questions.len(),
    });
    let report = run(
        &questions,
        &account,
        &given,
        &journal,
        &watch,
        &signal.stop(),
    )
    .await;
    println!("{}", report.text());
    let file = arguments.folder.join(format!("{}.json", report.run));
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    println!("All answers with their calls: {}", file.display());
    if report.left.is_empty() {
        if let Ok(journal) = Arc::try_unwrap(journal) {
            journal.remove()?;
        }
    } else {
        println!(
            "{} things could not be removed: cargo xtask first-day --clean-up",
            report.left.len()
        );
    }
    Ok(exit_code(&report))
}

fn exit_code(report: &Report) -> ExitCode {
    if report.stopped {
        return ExitCode::from(130);
    }
    let differs = report.with(Verdict::Differs).next().is_some();
    ExitCode::from(u8::from(differs || !report.left.is_empty()))
}

async fn remove_what_is_left(arguments: &Arguments) -> Result<ExitCode> {
    let account = account(arguments).await;
    let mut left = 0;
    for path in journals(&arguments.folder)? {
        let journal = Journal::open(&path)?;
        println!("{}: {} things", journal.run(), journal.things().len());
        let remaining = clean_up::by_journal(&account, &journal, &Progress { questions: 0 }).await;
        for remaining in &remaining {
            let (thing, error) = (&remaining.thing, &remaining.error);
            eprintln!(
                "{} {} in {} is left: {error}",
                thing.kind, thing.name, thing.region
            );
        }
        left += remaining.len();
        if remaining.is_empty() {
            journal.remove()?;
        }
    }
    let removed = if arguments.no_iam {
        clean_up::pools_by_tag(&account).await?
    } else {
        clean_up::by_tag(&account).await?
    };
    println!("{removed} more removed by name and tag");
    Ok(ExitCode::from(u8::from(left > 0)))
}

/// The journals in a folder; none where there is no folder.
fn journals(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let paths: Vec<PathBuf> = paths.collect::<Result<_>>()?;
    Ok(paths
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "journal")
        })
        .collect())
}

async fn account(arguments: &Arguments) -> Account {
    let primary = sdk_config(arguments, &arguments.region).await;
    let dr = sdk_config(arguments, &arguments.dr_region).await;
    Account::new(&primary, &dr, Pace::share_of_quotas(SHARE))
}

async fn sdk_config(arguments: &Arguments, region: &str) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https::shared_client(CONNECT))
        .region(Region::new(region.to_owned()));
    if let Some(profile) = &arguments.profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// A name that no other run has.
fn new_run() -> Result<String> {
    let mut random = [0; 6];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}{hex}", clean_up::PREFIX))
}

/// The first Ctrl-C breaks off and removes what was made; the second ends at once.
fn stop_on_ctrl_c(signal: &Arc<StopSignal>, journal: &Path) {
    let (signal, journal) = (signal.clone(), journal.to_owned());
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        eprintln!(
            "Removing what was made; Ctrl-C again leaves it for `cargo xtask first-day --clean-up`"
        );
        signal.request();
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("What is left stands in {}", journal.display());
            std::process::exit(130);
        }
    });
}

/// Tells on standard error what goes on.
struct Progress {
    questions: usize,
}

impl Watch for Progress {
    fn moment(&self, moment: &Moment<'_>) {
        match moment {
            Moment::Answered(entry) => {
                let verdict = match entry.verdict {
                    Verdict::Agrees => "agrees",
                    Verdict::Differs => "DIFFERS",
                    Verdict::NotAsked => "not asked",
                };
                eprintln!("{verdict:>9}  {} ({:.1} s)", entry.question, entry.seconds);
            }
            Moment::Removing(thing) if self.questions == 0 => {
                eprintln!(
                    " removing  {} {} in {}",
                    thing.kind, thing.name, thing.region
                );
            }
            _ => {}
        }
    }
}
