//! `cognito-dr ready`: whether the bad day could come today.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cognito::Stop;
use jiff::Timestamp;
use model::UserPoolId;
use model::restore::duration_in_words;
use ready::{
    Check, Outcome, PoolReadiness, Primary, Question, Readiness, Settings, Target, TimeFrom,
};

use crate::arguments::GlobalOptions;
use crate::aws;
use crate::context::Context;
use crate::deployed::{StackOptions, variables};
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::new_file;
use crate::terminal::printable;

/// How long a primary Region may take to say which stack it has.
const PATIENCE: Duration = Duration::from_secs(30);

/// Say whether every pool could be restored today
///
/// Looks at both stacks from the recovery Region (--region), and changes nothing: the newest
/// backup and replica and their age, everything that a restore would need in the recovery Region,
/// the operator's map, who would hear of a failure, the last rehearsal, and what a disaster at
/// this moment would cost. Each "no" comes with its command. What a missing permission or a Region
/// that does not answer hides "cannot be told", and is no yes. It works without the primary
/// Region, whose own checks cannot be told then.
///
/// Reads replicas of up to 256 MiB through; of larger ones, beginning, end and size are compared
/// (`check` reads them through). Ends with 1 unless everything says yes.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pools to look at [default: all that have replicas or that their Region's stack lists]
    #[arg(value_name = "POOL")]
    pools: Vec<UserPoolId>,
    /// Write the answer as a page, too: a file that is not there yet
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Profile with credentials for the account of the pools, where it is another than that of the
    /// stack in the recovery Region
    #[arg(long, value_name = "NAME")]
    primary_profile: Option<String>,
    #[command(flatten)]
    stack: StackOptions,
}

const JSON: &str = "\
With --json:
  at, region              when it was looked, and where pools would be restored to
  ready                   whether every check says yes
  stacks[]                checks that the pools have in common, each as in pools[].checks[]
  pools[]                 user_pool_id, name, ready, replica_age_seconds (null without a replica)
  pools[].measured        recovery_point_seconds and the number of replicas it was measured over;
                          recovery_time_seconds and recovery_time_from (rehearsal or quotas)
  pools[].checks[]        check (what it is about), item, outcome (yes, no or cannot_be_told), and
                          what (of a yes), why (of the others), command (of a no)";

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(look(context, &arguments)).await
}

async fn look(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let progress = context.terminal.progress();
    progress.begin("looking at both Regions", None);
    let aws = context.aws().await?;
    let function = arguments.stack.ready();
    let set = variables(&aws, &function).await?;
    let settings = Settings::read(|name| set.get(name).cloned()).map_err(|error| {
        Error::new(format!("the function {function} is not of this version")).because_of(&error)
    })?;
    let target = Target::new(settings, &aws);
    let known = target.known_pools().await;
    let mut pools = known.map_err(|error| Error::from(error).during("cannot list the replicas"))?;
    let are_all = arguments.pools.is_empty();
    if !are_all {
        pools.clone_from(&arguments.pools);
    }
    let mut primaries = BTreeMap::new();
    for region in regions(&pools, context.region().await?) {
        let stack = primary(context, &region, arguments).await;
        if let Ok((_, listed)) = &stack
            && are_all
        {
            pools.extend(listed.iter().cloned());
        }
        primaries.insert(region, stack.map(|(stack, _)| stack));
    }
    pools.sort();
    pools.dedup();
    let question = Question {
        pools: &pools,
        are_all,
        primaries: &primaries,
    };
    let (now, stop) = (Timestamp::now(), Stop::never());
    let looking = ready::check(&target, &question, now, &stop);
    let readiness = Box::pin(looking).await;
    drop(progress);
    if let Some(file) = &arguments.page {
        let page = ready::page(&readiness)
            .map_err(|error| Error::new("cannot make the page").because_of(&error))?;
        new_file::write(file, &page)?;
    }
    context
        .terminal
        .answer(&readiness, |out| write_text(out, &readiness))?;
    Ok(if readiness.ready {
        Exit::Done
    } else {
        Exit::Differences
    })
}

/// The Regions of the pools, but for the recovery Region itself, whose stack is another.
fn regions(pools: &[UserPoolId], recovery: &str) -> Vec<String> {
    let regions = pools.iter().map(|pool| pool.region().to_owned());
    let mut regions: Vec<String> = regions.filter(|region| region != recovery).collect();
    regions.sort();
    regions.dedup();
    regions
}

/// The stack in a primary Region and the pools that it lists, or why it cannot be reached.
async fn primary(
    context: &Context,
    region: &str,
    arguments: &Arguments,
) -> Result<(Primary, Vec<UserPoolId>), String> {
    let aws = match &arguments.primary_profile {
        Some(profile) => {
            let options = GlobalOptions {
                profile: Some(profile.clone()),
                ..context.options.clone()
            };
            aws::sdk_config(&options, region.to_owned()).await
        }
        None => context.aws_in(region).await,
    };
    let function = arguments.stack.backup();
    let asked = tokio::time::timeout(PATIENCE, variables(&aws, &function)).await;
    let set = asked
        .map_err(|_| format!("{region} gives no answer"))?
        .map_err(|error| match arguments.primary_profile {
            Some(_) => error.what().to_owned(),
            None => format!(
                "{}; if the pools are in another account, name a profile of it by --primary-profile",
                error.what()
            ),
        })?;
    let bucket = set.get("BACKUP_BUCKET");
    let bucket = bucket.ok_or_else(|| format!("{function} in {region} has no BACKUP_BUCKET"))?;
    let listed = set.get("USER_POOL_IDS").map_or("", String::as_str);
    let listed = listed.split(',').filter_map(|id| id.trim().parse().ok());
    Ok((Primary::new(bucket, &aws), listed.collect()))
}

fn write_text(out: &mut dyn Write, readiness: &Readiness) -> io::Result<()> {
    let verdict = if readiness.ready {
        "Ready"
    } else {
        "Not ready"
    };
    let (no, untold) = (readiness.saying_no(), readiness.untold());
    let yes = readiness.checks().count() - no - untold;
    writeln!(
        out,
        "{verdict} to restore into {}: {yes} yes, {no} no, {untold} cannot be told",
        readiness.region
    )?;
    for pool in &readiness.pools {
        let verdict = if pool.ready { "ready" } else { "not ready" };
        writeln!(
            out,
            "\n{}  {}  {verdict}",
            pool.user_pool_id,
            printable(&pool.name)
        )?;
        write_measured(out, pool)?;
        pool.checks
            .iter()
            .try_for_each(|check| write_check(out, check))?;
    }
    writeln!(out, "\nBoth stacks")?;
    readiness
        .stacks
        .iter()
        .try_for_each(|check| write_check(out, check))
}

fn write_measured(out: &mut dyn Write, pool: &PoolReadiness) -> io::Result<()> {
    let words = |seconds: u64| duration_in_words(seconds);
    if let Some(seconds) = pool.measured.recovery_point_seconds {
        let count = pool.measured.replicas;
        writeln!(
            out,
            "  RPO  {}, measured over {count} replicas",
            words(seconds)
        )?;
    }
    if let Some(seconds) = pool.measured.recovery_time_seconds {
        let from = match pool.measured.recovery_time_from {
            Some(TimeFrom::Rehearsal) => "by the last rehearsal",
            _ => "by users and quotas, never rehearsed",
        };
        writeln!(out, "  RTO  {}, {from}", words(seconds))?;
    }
    Ok(())
}

fn write_check(out: &mut dyn Write, check: &Check) -> io::Result<()> {
    let word = match check.outcome {
        Outcome::Yes { .. } => "yes",
        Outcome::No { .. } => "NO",
        Outcome::CannotBeTold { .. } => "?",
    };
    let (title, item) = (check.check.title(), printable(&check.item));
    let detail = printable(check.outcome.detail());
    writeln!(out, "  {word:<3}  {title} {item}: {detail}")?;
    match check.outcome.command() {
        Some(command) => writeln!(out, "         {}", printable(command)),
        None => Ok(()),
    }
}
