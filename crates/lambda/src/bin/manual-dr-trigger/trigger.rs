//! Starting one execution of the state machine, and no second one by accident.

use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use jiff::{SignedDuration, Timestamp};
use model::request::{BadRequest, ScheduledRehearsal, TriggerRequest};
use model::{RestoreId, RunKind, UserPoolId};
use serde_json::{Value, json};

use crate::executions::{Executions, TriggerError, most_due};
use crate::standbys::Standbys;

/// How long an invocation of the restore function may live on when its execution is stopped: the
/// function's timeout.
const INVOCATION: SignedDuration = SignedDuration::from_secs(900);

/// Starts restores.
pub(crate) struct Trigger {
    pub(crate) executions: Executions,
    /// The standby pools that follow by themselves.
    pub(crate) standbys: Standbys,
}

impl Trigger {
    /// Starts the state machine for what `event` asks.
    ///
    /// Answers in the reference's form: 200 with `execution_arn`; 400 when the request is not
    /// understood; 409 when a restore of the pool is running already, with that one's
    /// `execution_arn`, unless the request says `"allow_concurrent": true`, and when the one to
    /// be resumed was stopped too lately. A restore goes before a rehearsal: none starts beside a
    /// restore of any pool, and a restore that starts stops those that are running. A restore that
    /// goes on keeps its `restore_id` in an execution of another name: Step Functions takes no name
    /// twice in 90 days. Of two undos in one pool the second is refused likewise; a dry run changes
    /// nothing and is never in the way.
    ///
    /// # Errors
    /// [`TriggerError`] when Step Functions cannot be asked or refuses.
    pub(crate) async fn start(
        &self,
        event: &Value,
        now: Timestamp,
        chance: u32,
    ) -> Result<Value, TriggerError> {
        let request = match self.requested(event).await? {
            Ok(Some(request)) => request,
            Ok(None) => {
                let message = "no standby pool follows it";
                return Ok(answer(200, json!({"message": message})));
            }
            Err(error) => return Ok(answer(400, json!({"error": error.to_string()}))),
        };
        let (pool, kind) = (request.user_pool_id.clone(), request.kind());
        let resumed = request.resume.clone();
        let alone = !kind.changes_nothing() && !request.allow_concurrent;
        let same_kind = kind.prefix_of(&pool);
        let is_in_the_way = |name: &str| {
            // The execution that the resumed restore is named after is one of it, whatever its name.
            let is_resumed = resumed.as_ref().is_some_and(|id| id.as_str() == name);
            let is_before =
                kind == RunKind::Rehearsal && name.starts_with(RunKind::Restore.prefix());
            name.starts_with(&same_kind) || is_resumed || is_before
        };
        let refusal = |running: &str| refused(kind, &pool, running, resumed.is_some());
        if alone && let Some(running) = self.executions.running(is_in_the_way, None).await? {
            return Ok(refusal(&running));
        }
        // The last invocation of a stopped execution, which nobody can stop, may be at work: two on
        // one restore would make everything twice.
        if resumed.is_some() {
            let is_meant = |name: &str| name.starts_with(&same_kind);
            let stopped = self.executions.stopped(is_meant, now - INVOCATION);
            if let Some(stopped) = stopped.await? {
                return Ok(at_work_still(&pool, &stopped));
            }
        }
        let execution = RestoreId::new(kind, &pool, now.as_second(), chance);
        let arn = self
            .executions
            .start(&execution, &request.into_input())
            .await?;
        // Two triggers at the same moment saw nothing running: the later one gives way.
        if alone && let Some(earlier) = self.executions.running(is_in_the_way, Some(&arn)).await? {
            let cause = "another restore of this pool was started a moment before";
            self.executions.stop(&arn, "AlreadyRunning", cause).await?;
            return Ok(refusal(&earlier));
        }
        if kind == RunKind::Restore {
            self.stop_rehearsals().await;
        }
        let resumes = resumed.is_some();
        let restore_id = resumed.unwrap_or(execution);
        tracing::info!(%pool, %restore_id, ?kind, resumes, "started");
        let what = match kind {
            RunKind::Undo | RunKind::UndoPlan => "undo",
            _ => "restore",
        };
        let message = format!("DR {what} initiated for {pool}");
        let body = json!({"message": message, "execution_arn": arn, "restore_id": restore_id});
        Ok(answer(200, body))
    }

    /// What is asked for: by somebody; by a schedule, the rehearsal that is due; by a backup that
    /// arrived, that its standby pool follows. Nothing where none does.
    async fn requested(
        &self,
        event: &Value,
    ) -> Result<Result<Option<TriggerRequest>, BadRequest>, TriggerError> {
        if let Some(arrived) = event.get("arrived").and_then(Value::as_str) {
            let request = self.standbys.request_for(arrived);
            let request = request.map(|request| TriggerRequest::from_event(&request));
            return Ok(request.transpose());
        }
        let scheduled = match ScheduledRehearsal::from_event(event) {
            Ok(None) => return Ok(TriggerRequest::from_event(event).map(Some)),
            Ok(Some(scheduled)) => scheduled,
            Err(error) => return Ok(Err(error)),
        };
        let is_rehearsal = |name: &str| name.starts_with(RunKind::Rehearsal.prefix());
        let executions = self.executions.named(None, is_rehearsal).await?;
        let due = most_due(&scheduled.user_pool_ids, &executions);
        let event = json!({"user_pool_id": due, "rehearsal": scheduled.rehearsal});
        Ok(TriggerRequest::from_event(&event).map(Some))
    }

    /// Stops the rehearsals that are running: a restore needs the quotas and the one import job
    /// of the account. What it cannot stop does not stop the restore. Their pools are removed when
    /// the rule of the stack hears of their end.
    async fn stop_rehearsals(&self) {
        let is_rehearsal = |name: &str| name.starts_with(RunKind::Rehearsal.prefix());
        let running = self
            .executions
            .named(Some(ExecutionStatus::Running), is_rehearsal);
        let running = running.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a rehearsal may still be running");
            Vec::new()
        });
        for rehearsal in running {
            let cause = "a restore was started, which goes before a rehearsal";
            let stopped = self
                .executions
                .stop(&rehearsal.execution_arn, "RestoreGoesFirst", cause);
            if let Err(error) = stopped.await {
                tracing::error!(rehearsal = rehearsal.name, %error, "it is still running");
            }
        }
    }
}

/// The answer where `running` is in the way of a run of this kind.
fn refused(kind: RunKind, pool: &UserPoolId, running: &str, resumes: bool) -> Value {
    let error = match kind {
        RunKind::Rehearsal => format!(
            "a restore is running, or a rehearsal of {pool}: beside it no rehearsal of the pool starts"
        ),
        RunKind::Sync => format!("the standby pool of {pool} is being brought to a backup already"),
        _ => {
            let what = match kind {
                RunKind::Undo => "an undo in",
                _ => "a restore of",
            };
            let other_way = match resumes {
                true => "or stop it",
                false => "stop it, or send \"allow_concurrent\": true to start another",
            };
            format!("{what} {pool} is running already; wait for it, {other_way}")
        }
    };
    answer(409, json!({"error": error, "execution_arn": running}))
}

fn at_work_still(pool: &UserPoolId, stopped: &ExecutionListItem) -> Value {
    let from = stopped
        .stop_date
        .map_or(0, |stopped| stopped.secs() + INVOCATION.as_secs());
    let from = Timestamp::from_second(from).unwrap_or(Timestamp::UNIX_EPOCH);
    let error = format!(
        "a restore of {pool} was stopped a moment ago, and its last invocation may be at work until {from}: resume it then"
    );
    answer(
        409,
        json!({"error": error, "execution_arn": stopped.execution_arn}),
    )
}

fn answer(status_code: u16, body: Value) -> Value {
    json!({"statusCode": status_code, "body": body.to_string()})
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::Client;

    use super::*;

    #[tokio::test]
    async fn a_bad_request_is_answered_with_400_before_anything_is_called() {
        // A client without Region or credentials: any call would fail.
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .build();
        let trigger = Trigger {
            executions: Executions {
                step_functions: Client::from_conf(config),
                state_machine_arn: "m".into(),
            },
            standbys: Standbys::default(),
        };
        for (event, named) in [
            (json!({}), "user_pool_id required"),
            (
                json!({"user_pool_id": "nonsense"}),
                "not a valid user pool id",
            ),
            (json!({"user_pool_id": "us-east-1_A", "at": "soon"}), "at: "),
            (
                json!({"user_pool_ids": [], "rehearsal": {}}),
                "names no pool",
            ),
        ] {
            let answer = trigger
                .start(&event, Timestamp::UNIX_EPOCH, 1)
                .await
                .unwrap();
            assert_eq!(answer["statusCode"], 400, "{event}");
            assert!(answer["body"].as_str().unwrap().contains(named), "{answer}");
        }
        let good = trigger
            .start(
                &json!({"user_pool_id": "us-east-1_A"}),
                Timestamp::UNIX_EPOCH,
                1,
            )
            .await;
        assert!(
            good.is_err(),
            "without Step Functions nothing can be started, and the caller sees it"
        );
    }
}
