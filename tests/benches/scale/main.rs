//! How fast, how large, how soon: `cargo bench -p end-to-end --bench scale`.
//!
//! ```text
//! pace    real quotas and 40 ms an answer: the share of the quota that is reached
//! listing the same of users in one chain of pages and in many, at 40 and 200 ms
//! read    how long a backup takes: of usual users, of many users, of many clients
//! size    no quotas: calls against the least possible, peak memory, by number of users
//! history what hourly backups take, and one difference to write and to read
//! start   process start to the first poll of the Lambda runtime, and package size
//! ```
//!
//! The library under test runs alone in a process of its own, invocation after invocation, as
//! in Lambda; Cognito and S3 are simulated in this process. All of them share the machine. It
//! fails where a figure misses what this system promises. `docs/performance.md` keeps figures.

mod child;
mod content;
mod history;
mod parent;
mod protocol;
mod start_up;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use cognito::Category;
use model::request::UsersEngine;

use crate::content::Content;
use crate::parent::{Circumstances, Measured, Stage};
use crate::protocol::Phase;

/// What a Lambda function of the smallest size has, which is promised for pools up to
/// [`LARGE_POOL`] users.
const MOST_MEMORY: u64 = 128_000_000;
const LARGE_POOL: u64 = 1_000_000;
/// Of the share of the slowest quota category.
const LEAST_PACE: f64 = 0.95;
/// In milliseconds.
const LATENCY: u64 = 40;
const FAR_AWAY: u64 = 200;

#[derive(Debug, Parser)]
struct Arguments {
    /// What is measured; everything unless given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Numbers of users for the runs without quotas.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
    sizes: Vec<u64>,
    /// How users are made.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "api,import")]
    engines: Vec<Engine>,
    /// Which backups the runs without quotas make and restore.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "whole")]
    backups: Vec<Kind>,
    /// How many users of each pool are forgotten before it is restored, in the runs without quotas.
    #[arg(long, default_value_t = 0)]
    forgotten: u64,
    /// Seconds after which one run is broken off; what it had reached is printed.
    #[arg(long, default_value_t = 1800)]
    time_limit: u64,
    /// Where the release builds of the Lambda functions are (`cargo xtask package`).
    #[arg(long, default_value_os_t = start_up::default_folder())]
    lambdas: PathBuf,
    /// The build of `cognito-dr` that is started.
    #[arg(long, default_value_os_t = start_up::default_folder().join("cognito-dr"))]
    command: PathBuf,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Runs the library under test; started by this program.
    #[arg(long, hide = true)]
    child: Option<String>,
    /// Writes or reads a difference; started by this program.
    #[arg(long, hide = true)]
    history_task: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Pace,
    Listing,
    Read,
    Size,
    History,
    Start,
    Command,
}

/// What kind of backup is made and restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A whole one.
    Whole,
    /// A whole one whose users are listed by `sub` prefix.
    Chains,
    /// A difference, in which one user of a hundred is another.
    Difference,
    /// The same in the first backup of a day, which is whole, and compared with yesterday's and last
    /// week's.
    Daily,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Api,
    Import,
}

impl Engine {
    fn wanted(self) -> UsersEngine {
        match self {
            Engine::Api => UsersEngine::Api,
            Engine::Import => UsersEngine::Import,
        }
    }
}

fn main() -> Result<ExitCode> {
    // `cargo test --benches` runs this too, with arguments of its own, and wants no measurement.
    if !std::env::args().any(|argument| {
        argument == "--bench" || argument == "--child" || argument == "--history-task"
    }) {
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = Arguments::parse();
    if let Some(job) = &arguments.child {
        child::run(job)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(task) = &arguments.history_task {
        history::child(task)?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = arguments.only.is_empty();
    let wants = |part| all || arguments.only.contains(&part);
    let mut missed = Vec::new();
    if wants(Part::Start) {
        start_up::measure(&arguments.lambdas)?;
    }
    if wants(Part::Command) {
        start_up::measure_command(&arguments.command)?;
    }
    if wants(Part::Pace) {
        pace(&arguments, &mut missed)?;
    }
    if wants(Part::Listing) {
        listing(&arguments, &mut missed)?;
    }
    if wants(Part::Read) {
        read(&arguments, &mut missed)?;
    }
    if wants(Part::Size) {
        size(&arguments, &mut missed)?;
    }
    if wants(Part::History) {
        let users = arguments.sizes.iter().max().copied();
        history::measure_all(users.unwrap_or(LARGE_POOL), &mut missed)?;
    }
    for what in &missed {
        println!("MISSED: {what}");
    }
    Ok(if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Throughput as a share of the quotas.
fn pace(arguments: &Arguments, missed: &mut Vec<String>) -> Result<()> {
    println!("\nPace: default quotas, {LATENCY} ms an answer (simulated)\n");
    println!("| run | users | category | calls | calls/s | share of the quota given | reached |");
    println!("|---|---|---|---|---|---|---|");
    let circumstances = |share| Circumstances {
        share: Some(share),
        latency_milliseconds: Some(LATENCY),
        time_limit: Duration::from_secs(arguments.time_limit),
        by_prefix: false,
        verify: false,
    };
    let listed = Content::plain(40_000);
    for (share, promised) in [(0.5, true), (0.95, false)] {
        let stage = Stage::with_pool(&listed)?;
        let measured = stage.backup(&circumstances(share))?;
        let reached = told_pace(&format!("backup at {share}"), &listed, &measured, share);
        if promised {
            check_pace("backup", reached, missed);
        }
    }
    // One pool in which creations are the slowest, and one in which memberships are.
    for content in [Content::mostly_creations(2_600), Content::plain(1_200)] {
        let share = 0.95;
        let key = Stage::with_pool(&content)?.into_backup()?;
        let measured = key.restore(UsersEngine::Api, &circumstances(share))?;
        let run = format!("restore at {share}, {}", content.name);
        let reached = told_pace(&run, &content, &measured[0], share);
        check_pace(&run, reached, missed);
    }
    Ok(())
}

/// Users in one chain of pages, and in chains by `sub` prefix.
fn listing(arguments: &Arguments, missed: &mut Vec<String>) -> Result<()> {
    let share = 0.95;
    println!("\nListing: users without groups at {share}, default quotas (simulated)\n");
    println!("| run | users | category | calls | calls/s | share of the quota given | reached |");
    println!("|---|---|---|---|---|---|---|");
    let content = Content::plain(20_000).without_groups();
    for (latency, by_prefix) in [
        (LATENCY, false),
        (LATENCY, true),
        (FAR_AWAY, false),
        (FAR_AWAY, true),
    ] {
        let measured = Stage::with_pool(&content)?.backup(&Circumstances {
            share: Some(share),
            latency_milliseconds: Some(latency),
            time_limit: Duration::from_secs(arguments.time_limit),
            by_prefix,
            verify: false,
        })?;
        let chains = if by_prefix { "16 chains" } else { "one chain" };
        let run = format!("{chains}, {latency} ms an answer");
        let reached = told_pace(&run, &content, &measured, share);
        if by_prefix {
            check_pace(&run, reached, missed);
        }
    }
    Ok(())
}

/// Prints the categories of users' calls; gives the part of the share that the slowest reached.
fn told_pace(run: &str, content: &Content, measured: &Measured, share: f64) -> f64 {
    let mut best: f64 = 0.0;
    for category in [
        Category::UserList,
        Category::UserCreation,
        Category::UserAccountRecovery,
        Category::UserUpdate,
    ] {
        let Some(rate) = measured.rates.get(&category) else {
            continue;
        };
        // A few calls of the plan itself say nothing about a rate.
        if rate.calls < 100 {
            continue;
        }
        let given = category.default_quota() * share;
        let reached = rate.per_second / given;
        best = best.max(reached);
        println!(
            "| {run} | {} | {category:?} | {} | {:.2} | {given:.2}/s | {:.1} % |",
            content.users,
            rate.calls,
            rate.per_second,
            reached * 100.0
        );
    }
    if measured.throttles > 0 {
        println!("| {run} | | throttled | {} | | | |", measured.throttles);
    }
    best
}

fn check_pace(run: &str, reached: f64, missed: &mut Vec<String>) {
    if reached < LEAST_PACE {
        missed.push(format!("{run}: {:.1} % of the share", reached * 100.0));
    }
}

/// The time of whole backups: settings, users and memberships.
fn read(arguments: &Arguments, missed: &mut Vec<String>) -> Result<()> {
    println!("\nRead: whole backups, {LATENCY} ms an answer where there are quotas (simulated)\n");
    println!(
        "| users | chains | clients | share | seconds | users/s | invocations | calls | throttled | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let usual = Content::plain(6_000);
    let large = Content::plain(200_000);
    for (content, share, by_prefix) in [
        (&usual, Some(0.5), false),
        (&usual, Some(0.95), false),
        (&usual, Some(0.95), true),
        (&large, None, false),
        (&large, None, true),
        (&Content::plain(600).with_clients(1_000), Some(0.5), false),
    ] {
        let measured = Stage::with_pool(content)?.backup(&Circumstances {
            share,
            latency_milliseconds: share.map(|_| LATENCY),
            time_limit: Duration::from_secs(arguments.time_limit),
            by_prefix,
            verify: false,
        })?;
        println!(
            "| {} | {} | {} | {} | {:.1} | {:.0} | {} | {} | {} | {:.1} MB |",
            content.users,
            if by_prefix { 16 } else { 1 },
            content.clients,
            share.map_or("no quotas".to_owned(), |share| share.to_string()),
            measured.seconds,
            content.users as f64 / measured.seconds,
            measured.invocations,
            measured.calls.values().sum::<u64>(),
            measured.throttles,
            measured.peak_bytes as f64 / 1e6,
        );
        if measured.throttles > 0 {
            missed.push(format!("{} users: throttled", content.users));
        }
    }
    Ok(())
}

/// Calls and memory by number of users.
fn size(arguments: &Arguments, missed: &mut Vec<String>) -> Result<()> {
    println!("\nSize: no quotas, no latency (simulated)\n");
    println!(
        "| users | run | seconds | users/s | invocations | calls | least | calls/least | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for users in &arguments.sizes {
        for kind in &arguments.backups {
            size_of(*users, *kind, arguments, missed)?;
        }
    }
    Ok(())
}

/// A backup of one kind, and its restores.
fn size_of(users: u64, kind: Kind, arguments: &Arguments, missed: &mut Vec<String>) -> Result<()> {
    let circumstances = Circumstances {
        share: None,
        latency_milliseconds: None,
        time_limit: Duration::from_secs(arguments.time_limit),
        by_prefix: kind == Kind::Chains,
        verify: true,
    };
    let content = Content::plain(users);
    let stage = Stage::with_pool(&content)?;
    let mut measured = stage.backup(&circumstances)?;
    let run = match kind {
        Kind::Chains => "backup in 16 chains",
        Kind::Whole | Kind::Difference | Kind::Daily => "backup",
    };
    told_size(run, &content, None, &measured, missed);
    if matches!(kind, Kind::Difference | Kind::Daily) && measured.ended {
        if kind == Kind::Daily {
            stage.age()?;
        }
        stage.change()?;
        measured = stage.backup(&circumstances)?;
        let run = match kind {
            Kind::Daily => "backup, first of a day",
            _ => "backup, difference",
        };
        told_size(run, &content, None, &measured, missed);
        let is_difference = stage.has_difference();
        ensure!(!measured.ended || is_difference == (kind == Kind::Difference));
    }
    if !measured.ended {
        return Ok(());
    }
    let mut restored = content;
    if arguments.forgotten > 0 {
        let forgotten = arguments.forgotten.min(users);
        let seconds = stage.forget(usize::try_from(forgotten)?)?;
        println!("| {users} | {forgotten} are forgotten | {seconds:.1} | | | | | | |");
        restored = Content::plain(users - forgotten);
    }
    let backup = stage.without_pool()?;
    for engine in &arguments.engines {
        let wanted = engine.wanted();
        for measured in backup.restore(wanted, &circumstances)? {
            let run = match measured.phase {
                Phase::Verify => format!("verify after {wanted:?}"),
                _ => format!("restore by {wanted:?}"),
            };
            let least = (measured.phase == Phase::Restore).then_some(wanted);
            told_size(&run.to_lowercase(), &restored, least, &measured, missed);
        }
    }
    Ok(())
}

fn told_size(
    run: &str,
    content: &Content,
    engine: Option<UsersEngine>,
    measured: &Measured,
    missed: &mut Vec<String>,
) {
    let calls: u64 = measured.calls.values().sum();
    let least = match engine {
        None => content.least_calls_of_reading(),
        Some(UsersEngine::Api) => content.least_calls_of_making(),
        Some(UsersEngine::Import | UsersEngine::Auto) => {
            let files = measured.calls.get("CreateUserImportJob");
            content.least_calls_of_importing(files.copied().unwrap_or_default())
        }
    };
    let users = content.users;
    println!(
        "| {users} | {run}{} | {:.1} | {:.0} | {} | {calls} | {least} | {:.3} | {:.1} MB |",
        if measured.ended { "" } else { ", broken off" },
        measured.seconds,
        users as f64 / measured.seconds,
        measured.invocations,
        calls as f64 / least as f64,
        measured.peak_bytes as f64 / 1e6,
    );
    for (operation, count) in &measured.calls {
        eprintln!("    {operation}: {count}");
    }
    if users <= LARGE_POOL && measured.peak_bytes >= MOST_MEMORY {
        missed.push(format!(
            "{users} users, {run}: {:.1} MB",
            measured.peak_bytes as f64 / 1e6
        ));
    }
}
