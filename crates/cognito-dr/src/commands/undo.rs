//! `cognito-dr undo`: brings a live pool back to a backup of it.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use model::{RestoreId, UserPoolId};
use restore::side::{LivePool, Side};
use restore::undo::{
    Action, Begun, MemberChange, OPERATIONS, Part, Plan, Scope, Undo, UndoReport, What,
};
use restore::{Clients, RestoreSettings};
use serde::Serialize;
use serde_json::Value;

use crate::arguments::{Location, PaceOptions};
use crate::backup_reference::{BackupReference, OpenBackup};
use crate::commands::{backup, restore as restoring};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::new_file;
use crate::terminal::printable;

/// The longest value of a setting that is printed, in characters.
const LONGEST_VALUE: usize = 120;

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

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) plan: Plan,
    pub(super) report: Option<UndoReport>,
}

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
    let clients = arguments.clients(context, &opened).await?;
    let settings = RestoreSettings {
        region: restoring::region_of(context, pool),
        ..RestoreSettings::default()
    };
    let begun = match &arguments.resume {
        Some(id) => Some(arguments.begun(&clients, id).await?),
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
            let before: BackupReference = begun.before.parse().map_err(Error::new)?;
            let mut present = before.open(context, Some(pool)).await?;
            present.decrypt_secrets(context).await?;
            let work = Carried {
                id: id.clone(),
                plan: begun.plan,
                before: begun.before,
            };
            let stop = context.stop();
            go_on(
                context,
                &undo,
                work,
                &present.backup,
                &stop,
                Some(&arguments),
            )
            .await
        }
        _ => begin(context, &arguments, &undo, given).await,
    }
}

/// What is carried out.
pub(super) struct Carried {
    pub(super) id: RestoreId,
    pub(super) plan: Plan,
    pub(super) before: String,
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
    let terminal = &context.terminal;
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
        let exit = match plan.is_empty() {
            true => Exit::Done,
            false => Exit::Differences,
        };
        arguments.write_page(&plan, None)?;
        let answer = Answer { plan, report: None };
        terminal.answer(&answer, |out| write_plan(out, &answer.plan))?;
        return Ok(exit);
    }
    match given {
        None => ask(context, pool, &plan).await?,
        Some(_) => show(context, &plan)?,
    }
    let stop = context.stop();
    let (before, present) = backup::before(context, pool, &arguments.pace, &stop).await?;
    terminal.note(&format!("The backup of the present is {before}"));
    let now = Timestamp::now();
    let unique = now.subsec_nanosecond().unsigned_abs() ^ std::process::id();
    let work = Carried {
        id: RestoreId::for_undo(pool, now.as_second(), unique),
        plan,
        before,
    };
    go_on(context, undo, work, &present, &stop, Some(arguments)).await
}

fn show(context: &Context, plan: &Plan) -> io::Result<()> {
    let mut shown = Vec::new();
    write_plan(&mut shown, plan)?;
    String::from_utf8_lossy(&shown)
        .lines()
        .for_each(|line| context.terminal.note(line));
    Ok(())
}

/// Shows a plan, and asks.
pub(super) async fn ask(context: &Context, pool: &UserPoolId, plan: &Plan) -> Result<(), Error> {
    show(context, plan)?;
    let question = format!("{pool} will be changed so. Go on?");
    context.terminal.confirm(&question).await
}

pub(super) async fn go_on(
    context: &Context,
    undo: &Undo<'_>,
    work: Carried,
    present: &vault::Backup,
    stop: &cognito::Stop,
    arguments: Option<&Arguments>,
) -> Result<Exit, Error> {
    let Carried { id, plan, before } = work;
    let hint = restoring::go_on(std::env::args(), &id);
    let carried_out = Box::pin(undo.carry_out(&id, &plan, present, &before, stop)).await;
    let report = match carried_out {
        Ok(Some(report)) => report,
        Ok(None) => return Err(Error::interrupted().hint(format!("Go on by: {hint}"))),
        Err(error @ restore::RestoreError::PlanOutdated(_)) => return Err(error.into()),
        Err(error) => {
            let failed = Error::new("the undo did not come to its end").because_of(&error);
            return Err(failed.hint(format!("When it is mended, go on by: {hint}")));
        }
    };
    let exit = match report.is_whole() {
        true => Exit::Done,
        false => Exit::Differences,
    };
    if let Some(arguments) = arguments {
        arguments.write_page(&plan, Some(&report))?;
    }
    let answer = Answer {
        plan,
        report: Some(report),
    };
    context
        .terminal
        .answer(&answer, |out| match &answer.report {
            Some(report) => write_report(out, report),
            None => Ok(()),
        })?;
    Ok(exit)
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

    async fn clients(&self, context: &Context, opened: &OpenBackup) -> Result<Clients, Error> {
        let aws = context.aws_of(&self.pool).await;
        let observer = Arc::new(context.terminal.observer(&self.pace));
        let location = self.workspace.as_ref().unwrap_or(&opened.location);
        let cognito = context.cognito(&aws, &self.pace)?;
        Ok(Clients {
            cognito: cognito.allowing(OPERATIONS).observed_by(observer.clone()),
            waf: aws_sdk_wafv2::Client::new(&aws),
            lambda: aws_sdk_lambda::Client::new(&aws),
            workspace: context.vault_at(location).await?.workspace().clone(),
            observer,
        })
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

    async fn begun(&self, clients: &Clients, id: &RestoreId) -> Result<Begun, Error> {
        let begun = Begun::read(&clients.workspace, id).await?;
        begun.ok_or_else(|| {
            Error::new(format!("there is no undo {id} here"))
                .hint("Name its workspace by --workspace.")
        })
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

pub(super) fn write_plan(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    writeln!(out, "Pool   {}", plan.user_pool_id)?;
    writeln!(out, "Point  {}", printable(&plan.point.to_string()))?;
    writeln!(
        out,
        "\nSettings     {} put back, {} made again, {} removed, {} left alone, {} impossible",
        plan.count(What::PutBack),
        plan.count(What::MakeAgain),
        plan.count(What::Remove),
        plan.count(What::LeftAlone),
        plan.count(What::Impossible)
    )?;
    let users = &plan.users;
    writeln!(
        out,
        "Users        {} put back, {} made again, {} disabled, {} left alone, {} replaced by somebody else",
        users.put_back, users.make_again, users.disable, users.left_alone, users.replaced
    )?;
    let memberships = &plan.memberships;
    writeln!(
        out,
        "Memberships  {} made again, {} removed, {} left alone",
        memberships.make_again, memberships.remove, memberships.left_alone
    )?;
    if !plan.not_compared.is_empty() {
        let sections: Vec<&str> = plan.not_compared.iter().map(|left| left.member()).collect();
        let sections = sections.join(", ");
        writeln!(out, "Left, since one side does not tell it: {sections}")?;
    }
    write_actions(out, plan)?;
    if users.make_again > 0 {
        writeln!(out, "  + {} made again, with a new sub", users.make_again)?;
    }
    if users.forgotten > 0 {
        writeln!(out, "  ! {} forgotten, and not made again", users.forgotten)?;
    }
    if plan.is_empty() {
        writeln!(out, "\nThere is nothing to do.")?;
    }
    Ok(())
}

/// What is done about each thing, and about members of users.
pub(super) fn write_actions(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let users = &plan.users;
    if !plan.actions.is_empty() {
        writeln!(out)?;
    }
    for action in &plan.actions {
        write_action(out, action)?;
    }
    let is_told = !plan.members_of_users.is_empty() || !plan.left_of_users.is_empty();
    if is_told || users.make_again + users.forgotten > 0 {
        writeln!(out, "\nUsers")?;
    }
    for (member, count) in &plan.members_of_users {
        writeln!(out, "  ~ {}: {count}", printable(member))?;
    }
    for (member, count) in &plan.left_of_users {
        writeln!(out, "  ! {}: {count} stay as they are", printable(member))?;
    }
    Ok(())
}

fn write_action(out: &mut dyn Write, action: &Action) -> io::Result<()> {
    let (sign, words) = match action.what {
        What::PutBack => ('~', ""),
        What::MakeAgain => ('+', " is made again"),
        What::Remove => ('-', " is removed"),
        What::LeftAlone => ('=', " is left alone"),
        What::Impossible => ('!', " stays as it is"),
    };
    write!(out, "  {sign} {}{words}", printable(&action.item()))?;
    if let Some(operation) = &action.operation {
        write!(out, " ({operation})")?;
    }
    if let Some(why) = &action.why {
        write!(out, ": {}", printable(why))?;
    }
    writeln!(out)?;
    if matches!(action.what, What::PutBack | What::Impossible) {
        for member in &action.members {
            write_member(out, action, member)?;
        }
    }
    Ok(())
}

fn write_member(out: &mut dyn Write, action: &Action, member: &MemberChange) -> io::Result<()> {
    let above = 1 + usize::from(action.target.is_some());
    let path = member.path.get(above..).unwrap_or_default().join("/");
    if path.is_empty() {
        return Ok(());
    }
    write!(out, "      {}", printable(&path))?;
    let shown = |value: &Option<Value>| value.as_ref().map(in_words);
    match (shown(&member.now), shown(&member.then)) {
        _ if member.secret => write!(out, ": a secret")?,
        (Some(now), Some(then)) => write!(out, ": {now} -> {then}")?,
        (Some(now), None) => write!(out, ": {now} -> nothing")?,
        (None, Some(then)) => write!(out, ": nothing -> {then}")?,
        (None, None) => {}
    }
    writeln!(out)
}

fn in_words(value: &Value) -> String {
    let text = printable(&value.to_string());
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn write_report(out: &mut dyn Write, report: &UndoReport) -> io::Result<()> {
    let people = &report.people;
    writeln!(out, "Undo         {}", report.undo_id)?;
    writeln!(out, "Before       {}", printable(&report.before))?;
    writeln!(out, "Settings     {} as they were", report.reverted)?;
    write!(
        out,
        "Users        {} dealt with, {} made again",
        people.users, people.made_again
    )?;
    if people.forgotten > 0 {
        write!(out, "; {} forgotten, and not made again", people.forgotten)?;
    }
    writeln!(out)?;
    for (then, now) in &report.app_clients {
        writeln!(out, "Client       {then} is {now} now")?;
    }
    if let Some(map) = &report.user_map {
        writeln!(out, "User map     {}", printable(map))?;
    }
    for step in &report.manual_steps {
        writeln!(out, "To do        {}", printable(&step.title))?;
    }
    for left in &report.not_reverted {
        let (item, member) = (printable(&left.item), printable(&left.member));
        let why = printable(&left.why);
        writeln!(out, "NOT REVERTED {item} {member}: {why}")?;
    }
    let named = report.not_reverted.len() as u64;
    if report.not_reverted_total > named {
        let more = report.not_reverted_total - named;
        writeln!(out, "NOT REVERTED ... and {more} more")?;
    }
    Ok(())
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
