//! From a plan to what came of it: shown, asked about, carried out after a backup of the present, or
//! gone on with.

use std::io;
use std::sync::Arc;

use model::{RestoreId, RunKind, UserPoolId};
use restore::undo::{Begun, OPERATIONS, Plan, Undo, UndoReport};
use restore::{Clients, RestoreError};
use serde::Serialize;
use vault::{Backup, Workspace};

use super::Arguments;
use super::text::{write_plan, write_report};
use crate::arguments::{Location, PaceOptions};
use crate::backup_reference::BackupReference;
use crate::commands::{backup, new_id, restore as restoring};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

#[derive(Debug, Serialize)]
struct Answer {
    plan: Plan,
    report: Option<UndoReport>,
}

/// What is carried out.
struct Carried {
    id: RestoreId,
    plan: Plan,
    before: String,
}

/// What a pool is changed with; what is remembered goes to `location`.
pub(in crate::commands) async fn clients(
    context: &Context,
    pool: &UserPoolId,
    pace: &PaceOptions,
    location: &Location,
) -> Result<Clients, Error> {
    let aws = context.aws_of(pool).await;
    let observer = Arc::new(context.terminal.observer(pace));
    let cognito = context.cognito(&aws, pace)?;
    Ok(Clients {
        cognito: cognito.allowing(OPERATIONS).observed_by(observer.clone()),
        waf: aws_sdk_wafv2::Client::new(&aws),
        lambda: aws_sdk_lambda::Client::new(&aws),
        workspace: context.vault_at(location).await?.workspace().clone(),
        observer,
    })
}

/// What was begun under this id; `what` it is called.
pub(in crate::commands) async fn begun(
    workspace: &Workspace,
    id: &RestoreId,
    what: &str,
) -> Result<Begun, Error> {
    let begun = Begun::read(workspace, id).await?;
    begun.ok_or_else(|| {
        Error::new(format!("there is no {what} {id} here"))
            .hint("Name its workspace by --workspace.")
    })
}

/// Prints a plan that is not carried out, or has nothing to do.
pub(in crate::commands) fn only_planned(context: &Context, plan: Plan) -> Result<Exit, Error> {
    let exit = match plan.is_empty() {
        true => Exit::Done,
        false => Exit::Differences,
    };
    let answer = Answer { plan, report: None };
    let terminal = &context.terminal;
    terminal.answer(&answer, |out| write_plan(out, &answer.plan))?;
    Ok(exit)
}

pub(super) fn show(context: &Context, plan: &Plan) -> io::Result<()> {
    let mut shown = Vec::new();
    write_plan(&mut shown, plan)?;
    String::from_utf8_lossy(&shown)
        .lines()
        .for_each(|line| context.terminal.note(line));
    Ok(())
}

/// Shows a plan, and asks.
pub(in crate::commands) async fn ask(
    context: &Context,
    pool: &UserPoolId,
    plan: &Plan,
) -> Result<(), Error> {
    show(context, plan)?;
    let question = format!("{pool} will be changed so. Go on?");
    context.terminal.confirm(&question).await
}

/// Backs the present up, and carries a plan out. `arguments`: those of an undo, which may ask for a
/// page.
pub(in crate::commands) async fn begin(
    context: &Context,
    undo: &Undo<'_>,
    plan: Plan,
    pace: &PaceOptions,
    arguments: Option<&Arguments>,
) -> Result<Exit, Error> {
    let stop = context.stop();
    let (before, present) = backup::before(context, undo.pool, pace, &stop).await?;
    let note = format!("The backup of the present is {before}");
    context.terminal.note(&note);
    let work = Carried {
        id: new_id(RunKind::Undo, undo.pool),
        plan,
        before,
    };
    go_on(context, undo, work, &present, &stop, arguments).await
}

/// Goes on with what was begun.
pub(in crate::commands) async fn resume(
    context: &Context,
    undo: &Undo<'_>,
    id: &RestoreId,
    begun: Begun,
    arguments: Option<&Arguments>,
) -> Result<Exit, Error> {
    let before: BackupReference = begun.before.parse().map_err(Error::new)?;
    let mut present = before.open(context, Some(undo.pool)).await?;
    present.decrypt_secrets(context).await?;
    let work = Carried {
        id: id.clone(),
        plan: begun.plan,
        before: begun.before,
    };
    let stop = context.stop();
    go_on(context, undo, work, &present.backup, &stop, arguments).await
}

async fn go_on(
    context: &Context,
    undo: &Undo<'_>,
    work: Carried,
    present: &Backup,
    stop: &cognito::Stop,
    arguments: Option<&Arguments>,
) -> Result<Exit, Error> {
    let Carried { id, plan, before } = work;
    let hint = restoring::go_on(std::env::args(), &id);
    let carried_out = Box::pin(undo.carry_out(&id, &plan, present, &before, stop)).await;
    let report = match carried_out {
        Ok(Some(report)) => report,
        Ok(None) => return Err(Error::interrupted().hint(format!("Go on by: {hint}"))),
        Err(error @ RestoreError::PlanOutdated(_)) => return Err(error.into()),
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
