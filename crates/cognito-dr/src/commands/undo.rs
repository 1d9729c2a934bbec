//! `cognito-dr undo`: brings a live pool back to a backup of it.

pub(super) mod carry_out;
pub(super) mod text;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use model::{RestoreId, UserPoolId};
use restore::RestoreSettings;
use restore::side::{LivePool, Side};
use restore::undo::{Part, Plan, Scope, Undo, UndoReport};

use crate::arguments::{Location, PaceOptions};
use crate::backup_reference::{BackupReference, OpenBackup};
use crate::commands::restore as restoring;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::new_file;

/// Bring a live pool back to a backup of it
///
/// Compares the pool with the backup, shows what will be done, and asks. Takes a backup of the
/// present first, so that the same command undoes the undo. What was changed is put back and what
/// was deleted is made again; what was added since stays and is listed. Nobody gets a message, no
/// user is deleted, and passwords of users who still exist stay. What cannot be the same (the sub
/// of a user, the id of a client) is said before. See docs/undo.md.
///
/// Afterwards the pool is read again. Ends with 1 if something is not as planned; with --dry-run,
/// if there is something to do.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: UserPoolId,
    /// The point in time: a backup of the pool (a file, an S3 key, `latest`, `latest~N` or a time)
    #[arg(long, value_name = "POINT", required_unless_present_any = ["plan", "resume"])]
    to: Option<BackupReference>,
    /// Only these parts: settings, clients, providers, resource-servers, groups, domains, pages,
    /// users, memberships
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Only these users and their memberships: subs, usernames, or a file with one to a line
    #[arg(long, value_name = "FILE|SUB", num_args = 1..)]
    users: Vec<String>,
    /// Only this setting and everything below it, such as user_pool_config/Policies or
    /// groups/admins; may be given several times
    #[arg(long, value_name = "PATH")]
    setting: Vec<String>,
    /// Remove what was added since: clients, groups, providers, memberships and the like. Never
    /// users
    #[arg(long)]
    remove_added: bool,
    /// Disable users who were added since
    #[arg(long)]
    disable_added_users: bool,
    /// Carry out this plan, which --write-plan wrote, without a question. It is refused where the
    /// pool has changed since
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "users", "setting", "remove_added", "disable_added_users"])]
    plan: Option<PathBuf>,
    /// Write the plan to this file, and change nothing
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    write_plan: Option<PathBuf>,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the plan, or what came of it, as a page, too: a file that is not there yet
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Go on with this undo, which was interrupted
    #[arg(long, value_name = "UNDO", conflicts_with_all = ["plan", "write_plan", "dry_run"])]
    resume: Option<RestoreId>,
    /// Where the undo keeps what it remembers and leaves behind; else the bucket or folder of the
    /// backup
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    workspace: Option<Location>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  plan         user_pool_id, point, scope, actions[], users, members_of_users, left_of_users,
               memberships, not_compared[], fingerprint
  plan.actions[]  section, target, what (put_back, make_again, remove, left_alone, impossible),
               operation, why, members[] (path, now, then, secret (then without values))
  plan.users   put_back, make_again, left_alone, disable, replaced, forgotten
  plan.memberships  make_again, left_alone, remove
  report       null where nothing was done; undo_id, point, before (the backup of the present),
               ended, reverted, not_reverted[] (item, member, why), not_reverted_total, people,
               app_clients (old and new ids), user_map, manual_steps[]";

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    if let Some(file) = &arguments.page {
        new_file::refuse_existing(file)?;
    }
    let given = match &arguments.plan {
        Some(path) => Some(read_plan(path).await?),
        None => None,
    };
    let opened = or_interrupted(arguments.open(context, given.as_ref())).await?;
    let pool = &arguments.pool;
    let location = arguments.workspace.as_ref().unwrap_or(&opened.location);
    let clients = carry_out::clients(context, pool, &arguments.pace, location).await?;
    let settings = RestoreSettings {
        region: restoring::region_of(context, pool),
        ..RestoreSettings::default()
    };
    let begun = match &arguments.resume {
        Some(id) => Some(carry_out::begun(&clients.workspace, id, "undo").await?),
        None => None,
    };
    let scope = match given.as_ref().or(begun.as_ref().map(|begun| &begun.plan)) {
        Some(plan) => plan.scope.clone(),
        None => arguments.scope()?,
    };
    let undo = Undo {
        clients: &clients,
        settings: &settings,
        point: &opened.backup,
        pool,
        scope: &scope,
        counterpart: None,
    };
    match (&arguments.resume, begun) {
        (Some(id), Some(begun)) => {
            carry_out::resume(context, &undo, id, begun, Some(&arguments)).await
        }
        _ => begin(context, &arguments, &undo, given).await,
    }
}

async fn begin(
    context: &Context,
    arguments: &Arguments,
    undo: &Undo<'_>,
    given: Option<Plan>,
) -> Result<Exit, Error> {
    let (clients, pool) = (undo.clients, undo.pool);
    let plan = or_interrupted(async {
        let live = LivePool::open(&clients.cognito, &clients.waf, pool, true).await?;
        Ok(Box::pin(undo.plan(Side::Live(&live))).await?)
    })
    .await?;
    if let Some(given) = &given
        && given.fingerprint != plan.fingerprint
    {
        return Err(restore::RestoreError::PlanOutdated(pool.clone()).into());
    }
    if let Some(path) = &arguments.write_plan {
        let bytes = serde_json::to_vec_pretty(&plan).map_err(io::Error::from)?;
        tokio::fs::write(path, bytes).await?;
    }
    if plan.is_empty() || arguments.dry_run || arguments.write_plan.is_some() {
        arguments.write_page(&plan, None)?;
        return carry_out::only_planned(context, plan);
    }
    match given {
        None => carry_out::ask(context, pool, &plan).await?,
        Some(_) => carry_out::show(context, &plan)?,
    }
    carry_out::begin(context, undo, plan, &arguments.pace, Some(arguments)).await
}

impl Arguments {
    async fn open(&self, context: &Context, given: Option<&Plan>) -> Result<OpenBackup, Error> {
        let point = match (&self.to, given, &self.resume) {
            (Some(point), ..) => point.clone(),
            (None, Some(plan), _) => plan.point.to_string().parse().map_err(Error::new)?,
            (None, None, _) => {
                return Err(Error::missing("the point in time", "--to"));
            }
        };
        let mut opened = point.open(context, Some(&self.pool)).await?;
        opened.decrypt_secrets(context).await?;
        Ok(opened)
    }

    fn write_page(&self, plan: &Plan, report: Option<&UndoReport>) -> Result<(), Error> {
        let Some(file) = &self.page else {
            return Ok(());
        };
        let command = match &self.write_plan {
            Some(plan) => {
                let plan = restore::quote(&plan.display().to_string());
                format!("cognito-dr undo {} --plan {plan}", self.pool)
            }
            None => in_earnest(std::env::args()),
        };
        let page = restore::undo::page(plan, report, &command)?;
        new_file::write(file, &page)
    }

    fn scope(&self) -> Result<Scope, Error> {
        let mut users = BTreeSet::new();
        for named in &self.users {
            if Path::new(named).is_file() {
                let text = std::fs::read_to_string(named).map_err(|error| {
                    Error::new(format!("cannot read {named}")).because_of(&error)
                })?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                users.extend(lines.map(str::to_owned));
            } else {
                users.insert(named.clone());
            }
        }
        Ok(Scope {
            only: self.only.clone(),
            users,
            settings: self.setting.clone(),
            remove_added: self.remove_added,
            disable_added_users: self.disable_added_users,
        })
    }
}

/// The same command, which asks and goes on instead of only showing.
fn in_earnest(arguments: impl Iterator<Item = String>) -> String {
    let mut kept = vec!["cognito-dr".to_owned()];
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--dry-run" => {}
            "--page" => drop(arguments.next()),
            other if other.starts_with("--page=") => {}
            other => kept.push(restore::quote(other)),
        }
    }
    kept.join(" ")
}

async fn read_plan(path: &Path) -> Result<Plan, Error> {
    let cannot = |error: &dyn std::error::Error| {
        Error::new(format!("cannot read the plan {}", path.display())).because_of(error)
    };
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|error| cannot(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| cannot(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_plan_names_the_command_that_carries_it_out() {
        let typed = [
            "/bin/cognito-dr",
            "undo",
            "us-east-1_A",
            "--dry-run",
            "--page",
            "p.html",
            "--to",
            "latest",
            "--users",
            "a b",
        ];
        assert_eq!(
            in_earnest(typed.map(str::to_owned).into_iter()),
            "cognito-dr undo us-east-1_A --to latest --users 'a b'"
        );
    }
}
