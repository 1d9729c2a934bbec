//! `cognito-dr watch`: an execution of the deployed stack, live.

mod seen;

use std::io::{self, Write};
use std::time::Duration;

use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use clap::Args;
use jiff::Timestamp;
use model::request::ExecutionInput;
use model::restore::duration_in_words;
use model::restore::{Report, ReportStatus, RestoreState, Step};
use model::{RestoreId, UserPoolId};
use serde::Serialize;

use crate::context::Context;
use crate::deployed::{Bucket, Execution, StackOptions, failed};
use crate::error::Error;
use crate::exit::Exit;
use crate::terminal::Progress;
use seen::{Seen, Users, result};

/// How many events of an execution one request gives at most.
const EVENTS: i32 = 1000;
/// How many times in a row AWS may fail to answer before watching ends.
const FAILURES: u32 = 10;

/// Follow a restore of the deployed stack
///
/// Shows what the restore is at, how many users are done and what it waits for, until it ends.
/// Ctrl-C ends the watching, not the restore. Ends with 0 after a success, 3 where there are
/// losses, and 2 where the restore failed.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The execution: its ARN, or its name, which is the id of the restore that it began
    execution: String,
    #[command(flatten)]
    every: Every,
    #[command(flatten)]
    stack: StackOptions,
}

/// How often it looks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Every {
    /// How many seconds lie between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

const JSON: &str = "\
With --json:
  result                SUCCESS, SUCCESS_WITH_LOSSES, FAILED, TIMED_OUT or ABORTED
  restore_id, execution_arn, user_pool_id, new_user_pool_id
  began, ended, invocations
  users                 done, total
  error, cause          what ended it, where something did
  report, handover      where they lie, where there is a report";

/// How a restore ended.
#[derive(Debug, Serialize)]
struct Ended {
    result: String,
    restore_id: RestoreId,
    execution_arn: String,
    user_pool_id: Option<UserPoolId>,
    new_user_pool_id: Option<UserPoolId>,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    invocations: u64,
    users: Users,
    error: Option<String>,
    cause: Option<String>,
    report: Option<String>,
    handover: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let execution = arguments
        .stack
        .execution(context, &arguments.execution)
        .await?;
    follow(context, &execution, &arguments.every).await
}

/// Follows an execution to its end, or until Ctrl-C.
pub(crate) async fn follow(
    context: &Context,
    execution: &Execution,
    every: &Every,
) -> Result<Exit, Error> {
    let aws = context.aws_in(&execution.region).await;
    let mut watch = Watch {
        step_functions: aws_sdk_sfn::Client::new(&aws),
        execution,
        bucket: execution.bucket(context).await,
        seen: Seen::default(),
    };
    let progress = context.terminal.progress();
    let ended = tokio::select! {
        ended = watch.until_it_ends(context, &progress, Duration::from_secs(every.every)) => ended?,
        _ = tokio::signal::ctrl_c() => {
            progress.end();
            let arn = &execution.arn;
            context.terminal.note(&format!("The restore goes on. `cognito-dr watch {arn}` follows it again."));
            return Err(Error::interrupted());
        }
    };
    progress.end();
    context
        .terminal
        .answer(&ended, |out| write_text(out, &ended))?;
    Ok(match ended.result.as_str() {
        "SUCCESS" => Exit::Done,
        "SUCCESS_WITH_LOSSES" => Exit::WithLosses,
        _ => Exit::Error,
    })
}

struct Watch<'a> {
    step_functions: aws_sdk_sfn::Client,
    execution: &'a Execution,
    /// None once it turned out that it cannot be read.
    bucket: Option<Bucket>,
    seen: Seen,
}

impl Watch<'_> {
    async fn until_it_ends(
        &mut self,
        context: &Context,
        progress: &Progress,
        every: Duration,
    ) -> Result<Ended, Error> {
        let mut failures = 0;
        loop {
            match self.look(context).await {
                Ok(described) => {
                    failures = 0;
                    let restore = self.restore_id(&described)?;
                    if described.status != ExecutionStatus::Running {
                        return self.ended(described, restore).await;
                    }
                    let state = self.state(context, &restore).await;
                    show(progress, &self.seen, state.as_ref());
                }
                // The restore goes on whatever becomes of this network.
                Err(error) if self.seen.event > 0 && failures < FAILURES => {
                    failures += 1;
                    progress.waits(error.what(), None);
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(every).await;
        }
    }

    /// What the execution is at, with what its history has told since the last look.
    async fn look(&mut self, context: &Context) -> Result<DescribeExecutionOutput, Error> {
        // First, so that at the end the history is whole.
        let described = self
            .step_functions
            .describe_execution()
            .execution_arn(&self.execution.arn)
            .send()
            .await
            .map_err(|error| failed("cannot look at the execution", error))?;
        let mut newest_first: Vec<HistoryEvent> = Vec::new();
        let mut pages = self
            .step_functions
            .get_execution_history()
            .execution_arn(&self.execution.arn)
            .reverse_order(true)
            .max_results(EVENTS)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| failed("cannot read the execution's history", error))?;
            let count = page.events.len();
            let seen = self.seen.event;
            newest_first.extend(page.events.into_iter().take_while(|event| event.id > seen));
            if newest_first.len() < count {
                break;
            }
        }
        let answered = self.seen.invocations;
        for event in newest_first.iter().rev() {
            if let Some(error) = self.seen.take(event) {
                let text =
                    format!("an invocation ended with {error}; the state machine knows what to do");
                context.terminal.warn(&text);
            }
        }
        if self.seen.invocations > answered {
            context.terminal.note(&self.seen.in_words());
        }
        Ok(described)
    }

    /// The restore that the execution began, or goes on with.
    fn restore_id(&self, described: &DescribeExecutionOutput) -> Result<RestoreId, Error> {
        let input: Option<ExecutionInput> = described
            .input()
            .and_then(|input| serde_json::from_str(input).ok());
        match input.and_then(|input| input.resume) {
            Some(resumed) => Ok(resumed),
            None => self.execution.name.parse().map_err(|error| {
                Error::new("this is not an execution of a restore").because_of(&error)
            }),
        }
    }

    /// What the restore has written down, which is newer than its last answer.
    async fn state(&mut self, context: &Context, restore: &RestoreId) -> Option<RestoreState> {
        let bucket = self.bucket.as_ref()?;
        match bucket.content(restore, RestoreState::OBJECT).await {
            Ok(content) => RestoreState::from_json(&content?).ok(),
            Err(error) => {
                context.terminal.note(&format!(
                    "{}: shown is what each invocation answers, every 15 minutes at most",
                    error.what()
                ));
                self.bucket = None;
                None
            }
        }
    }

    async fn ended(
        &self,
        described: DescribeExecutionOutput,
        restore: RestoreId,
    ) -> Result<Ended, Error> {
        let report = match &self.bucket {
            Some(bucket) => bucket
                .content(&restore, Report::OBJECT)
                .await
                .ok()
                .flatten(),
            None => None,
        };
        let report: Option<Report> = report.and_then(|report| serde_json::from_slice(&report).ok());
        let answer = self.seen.answer.as_ref();
        let result = match &described.status {
            // A report may be that of an execution before this one.
            ExecutionStatus::Succeeded => answer
                .and_then(result)
                .or(report.as_ref().map(|report| report.status))
                .map_or("SUCCESS", ReportStatus::as_str),
            other => other.as_str(),
        };
        let time = |time: Option<&aws_sdk_sfn::primitives::DateTime>| {
            time.and_then(|time| Timestamp::from_second(time.secs()).ok())
        };
        let place = |object| Some(self.bucket.as_ref()?.place(&restore, object));
        let input: Option<ExecutionInput> = described
            .input()
            .and_then(|input| serde_json::from_str(input).ok());
        Ok(Ended {
            result: result.to_owned(),
            execution_arn: self.execution.arn.clone(),
            user_pool_id: input.map(|input| input.user_pool_id),
            new_user_pool_id: answer
                .and_then(|answer| answer.new_user_pool_id.clone())
                .or(report
                    .as_ref()
                    .and_then(|report| report.new_user_pool_id.clone())),
            began: time(Some(described.start_date())),
            ended: time(described.stop_date()),
            invocations: self.seen.invocations,
            users: self.seen.users(None),
            error: described.error().map(str::to_owned),
            cause: described.cause().map(str::to_owned),
            report: report.as_ref().and_then(|_| place(Report::OBJECT)),
            handover: report.as_ref().and_then(|_| place(Report::HANDOVER)),
            restore_id: restore,
        })
    }
}

fn show(progress: &Progress, seen: &Seen, state: Option<&RestoreState>) {
    let at = seen.at(state);
    let users = seen.users(state);
    if at == Step::Users.title() {
        progress.reached(&at, users.done, users.total);
    } else {
        progress.reached(&at, 0, None);
    }
    if let (true, Some(answer)) = (seen.waits, &seen.answer) {
        let time =
            (answer.wait_seconds > 0).then(|| Duration::from_secs(answer.wait_seconds.into()));
        progress.waits(&at, time);
    }
}

fn write_text(out: &mut dyn Write, ended: &Ended) -> io::Result<()> {
    writeln!(out, "Result     {}", ended.result)?;
    writeln!(out, "Restore    {}", ended.restore_id)?;
    if let Some(pool) = &ended.user_pool_id {
        writeln!(out, "Pool       {pool}")?;
    }
    if let Some(pool) = &ended.new_user_pool_id {
        writeln!(out, "New pool   {pool}")?;
    }
    write!(out, "Users      {}", ended.users.done)?;
    if let Some(total) = ended.users.total {
        write!(out, " of {total}")?;
    }
    writeln!(out)?;
    if let (Some(began), Some(end)) = (ended.began, ended.ended) {
        let seconds = u64::try_from(end.duration_since(began).as_secs()).unwrap_or(0);
        let (words, count) = (duration_in_words(seconds), ended.invocations);
        writeln!(out, "Took       {words}, {count} invocations")?;
    }
    if let Some(error) = &ended.error {
        let cause = ended.cause.as_deref().unwrap_or_default();
        writeln!(out, "Error      {error}: {cause}")?;
    }
    if let Some(handover) = &ended.handover {
        writeln!(out, "Page       {handover}")?;
        writeln!(
            out,
            "           `cognito-dr handover {} --open` shows it",
            ended.restore_id
        )?;
    }
    Ok(())
}
