//! `cognito-dr trigger`: a restore by the deployed stack.

use std::num::NonZeroU64;

use aws_sdk_lambda::primitives::Blob;
use clap::Args;
use jiff::Timestamp;
use model::request::{Rehearsal, TriggerRequest};
use model::{BackupKey, RestoreId, UserPoolId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::watch::{self, Every};
use crate::context::Context;
use crate::deployed::{self, StackOptions};
use crate::error::Error;
use crate::exit::Exit;
use crate::restore_options::RestoreOptionArguments;

/// Start a restore by the deployed stack
///
/// Calls the function of the stack in the recovery Region that starts its state machine, and prints
/// the execution and the id of the restore. The restore goes on whether somebody watches it or not.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The id of the lost pool
    pool: UserPoolId,
    /// Restore the newest backup whose reading had ended at this time or before, such as
    /// 2026-11-20T09:30:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "s3_key")]
    at: Option<Timestamp>,
    /// Restore exactly this backup
    #[arg(long, value_name = "KEY")]
    s3_key: Option<BackupKey>,
    /// Go on with a restore that failed or was stopped: with its backup, its new pool and its
    /// options
    #[arg(long, value_name = "RESTORE", conflicts_with_all = ["at", "s3_key", "allow_concurrent", "dry_run", "into", "verify"])]
    resume: Option<RestoreId>,
    /// Start although another restore of this pool is running
    #[arg(long)]
    allow_concurrent: bool,
    /// Rehearse: restore into a scratch pool, compare it with the backup, report, and remove it
    #[arg(long)]
    rehearsal: bool,
    /// Make about so many users in a rehearsal, other ones each time, instead of all
    #[arg(long, value_name = "USERS", requires = "rehearsal")]
    sample: Option<NonZeroU64>,
    #[command(flatten)]
    options: RestoreOptionArguments,
    /// Follow the restore to its end, as `cognito-dr watch` does
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    every: Every,
    /// The function to call, where it is not cognito-manual-dr-trigger-ENVIRONMENT
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    #[command(flatten)]
    stack: StackOptions,
}

const JSON: &str = "\
With --json:
  execution_arn         the execution that was started
  restore_id            the restore, by which it is watched, handed over and resumed
With --watch as well, what `cognito-dr watch --json` gives.";

/// What was started.
#[derive(Debug, Serialize, Deserialize)]
struct Started {
    execution_arn: String,
    restore_id: RestoreId,
}

/// How the function answers.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "statusCode")]
    status_code: u16,
    /// JSON in a text.
    body: String,
}

/// Why it started nothing.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
    /// The restore that is running already.
    execution_arn: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let payload = arguments.payload()?;
    let options = &arguments.options;
    if let (Some(pool), false) = (&options.into, options.dry_run) {
        let question = format!(
            "A backup of {} goes into the pool {pool}, which exists. Go on?",
            arguments.pool
        );
        context.terminal.confirm(&question).await?;
    }
    let started = arguments.start(context, &payload).await?;
    if arguments.watch {
        let execution = started.execution_arn.parse()?;
        let (arn, restore) = (&started.execution_arn, &started.restore_id);
        context
            .terminal
            .note(&format!("Started restore {restore}: {arn}"));
        return watch::follow(context, &execution, &arguments.every).await;
    }
    context.terminal.answer(&started, |out| {
        writeln!(out, "Restore    {}", started.restore_id)?;
        writeln!(out, "Execution  {}", started.execution_arn)
    })?;
    let arn = &started.execution_arn;
    context
        .terminal
        .note(&format!("Follow it by `cognito-dr watch {arn}`."));
    Ok(Exit::Done)
}

impl Arguments {
    /// What the function is sent: what was said, and no more, so that a stack of an older version
    /// takes what it knows.
    fn payload(&self) -> Result<Value, Error> {
        let options = self.options.options();
        let request = TriggerRequest {
            user_pool_id: self.pool.clone(),
            at: self.at,
            s3_key: self.s3_key.clone(),
            resume: self.resume.clone(),
            allow_concurrent: self.allow_concurrent,
            dry_run: options.dry_run,
            users_engine: options.users_engine,
            target_user_pool_id: options.target_user_pool_id,
            select: options.select,
            verify: options.verify,
            standby: options.standby,
            rehearsal: self.rehearsal.then(|| Rehearsal::new(self.sample)),
            // There is `cognito-dr undo`.
            undo: None,
            without_secrets: options.without_secrets,
        };
        let not_understood =
            |error: &dyn std::error::Error| Error::new("this cannot be started").because_of(error);
        let mut payload = serde_json::to_value(request).map_err(|error| not_understood(&error))?;
        // The function's own rules, before it is called.
        TriggerRequest::from_event(&payload).map_err(|error| not_understood(&error))?;
        if let Some(members) = payload.as_object_mut() {
            members.retain(|_, value| !value.is_null() && *value != false && *value != "auto");
        }
        Ok(payload)
    }

    async fn start(&self, context: &Context, payload: &Value) -> Result<Started, Error> {
        let function = self
            .function
            .clone()
            .unwrap_or_else(|| self.stack.trigger());
        let aws = context.aws().await?;
        let invocation = aws_sdk_lambda::Client::new(&aws)
            .invoke()
            .function_name(&function)
            .payload(Blob::new(payload.to_string()))
            .send()
            .await
            .map_err(|error| deployed::about_function(&function, &aws, error))?;
        let answer = invocation.payload().map(Blob::as_ref).unwrap_or_default();
        let unexpected = || {
            Error::new(format!(
                "the function {function} answered what it should not"
            ))
        };
        if invocation.function_error().is_some() {
            let failure: Value =
                serde_json::from_slice(answer).map_err(|error| unexpected().because_of(&error))?;
            let text = |member: &str| failure[member].as_str().unwrap_or_default().to_owned();
            let (kind, message) = (text("errorType"), text("errorMessage"));
            return Err(
                Error::new(format!("the function {function} failed: {kind}: {message}"))
                    .hint("Its log group in CloudWatch says more."),
            );
        }
        let answer: Answer =
            serde_json::from_slice(answer).map_err(|error| unexpected().because_of(&error))?;
        if answer.status_code == 200 {
            return serde_json::from_str(&answer.body)
                .map_err(|error| unexpected().because_of(&error));
        }
        let refusal: Refusal =
            serde_json::from_str(&answer.body).map_err(|error| unexpected().because_of(&error))?;
        let error = Error::new(format!("no restore was started: {}", refusal.error));
        Err(match refusal.execution_arn {
            Some(arn) => error.hint(format!(
                "`cognito-dr watch {arn}` follows the one that there is."
            )),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn payload(typed: &[&str]) -> Result<Value, String> {
        let all = ["trigger", "us-east-1_A"].iter().chain(typed);
        let typed = Typed::try_parse_from(all).map_err(|error| error.to_string())?;
        typed
            .arguments
            .payload()
            .map_err(|error| error.lines(str::to_owned))
    }

    const KEY: &str = "cognito-backup/2026/11/20/us-east-1_A-100003.json";

    /// What can be typed and what the payload can say do not drift apart.
    #[test]
    fn each_member_of_the_payload_has_its_option() {
        let lines: [(&[&str], Value); 12] = [
            (&[], json!({})),
            (
                &["--at", "2026-11-20T09:30:00Z"],
                json!({"at": "2026-11-20T09:30:00Z"}),
            ),
            (&["--s3-key", KEY], json!({"s3_key": KEY})),
            (
                &["--resume", "dr-restore-1"],
                json!({"resume": "dr-restore-1"}),
            ),
            (
                &["--allow-concurrent", "--dry-run"],
                json!({"allow_concurrent": true, "dry_run": true}),
            ),
            (
                &["--users-engine", "import"],
                json!({"users_engine": "import"}),
            ),
            (
                &["--into", "us-west-2_B", "--select", "group:admins"],
                json!({"target_user_pool_id": "us-west-2_B", "select": {"group": "admins"}}),
            ),
            (
                &["--verify", "us-west-2_B"],
                json!({"verify": "us-west-2_B"}),
            ),
            (&["--without-secrets"], json!({"without_secrets": true})),
            (&["--standby"], json!({"standby": {}})),
            (&["--rehearsal"], json!({"rehearsal": {}})),
            (
                &["--rehearsal", "--sample", "1000"],
                json!({"rehearsal": {"sample": 1000}}),
            ),
        ];
        let mut said = BTreeSet::new();
        for (typed, members) in lines {
            let mut expected = json!({"user_pool_id": "us-east-1_A"});
            let all = expected.as_object_mut().unwrap();
            all.extend(members.as_object().unwrap().clone());
            assert_eq!(payload(typed).unwrap(), expected, "{typed:?}");
            said.extend(expected.as_object().unwrap().keys().cloned());
        }
        let request = TriggerRequest::from_event(&json!({"user_pool_id": "us-east-1_A"})).unwrap();
        let request = serde_json::to_value(request).unwrap();
        let mut members: BTreeSet<String> = request.as_object().unwrap().keys().cloned().collect();
        // An undo has a command of its own.
        assert!(members.remove("undo"));
        assert_eq!(said, members);
    }

    #[test]
    fn what_the_function_would_refuse_is_refused_here() {
        for typed in [
            &["--at", "soon"][..],
            &[
                "--s3-key",
                "cognito-backup/2026/11/20/us-east-1_Other-100003.json",
            ],
            &["--s3-key", KEY, "--at", "2026-11-20T09:30:00Z"],
            &["--select", "missing-users"],
            &["--verify", "us-west-2_B", "--dry-run"],
            &["--into", "us-west-2_B", "--select", "users:ann@example.com"],
            &["--resume", "dr-restore-1", "--users-engine", "api"],
        ] {
            assert!(payload(typed).is_err(), "{typed:?}");
        }
    }
}
