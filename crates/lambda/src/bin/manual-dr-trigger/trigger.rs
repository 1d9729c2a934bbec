//! Starting one execution of the state machine, and no second one by accident.

use std::collections::BTreeMap;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use jiff::Timestamp;
use model::request::{BadRequest, ScheduledRehearsal, TriggerRequest};
use model::{BackupKey, RestoreId, UserPoolId};
use serde_json::{Value, json};

/// How many running executions are looked through. More restores at a time than this is no
/// accident any more.
const EXECUTIONS_LOOKED_AT: usize = 10_000;

/// How long an invocation of the restore function may live on when its execution is stopped: the
/// function's timeout, in seconds.
const INVOCATION_SECONDS: i64 = 900;

/// Step Functions did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("Step Functions {operation} failed for {state_machine}: {cause}")]
pub(crate) struct TriggerError {
    operation: &'static str,
    state_machine: String,
    cause: String,
}

/// Starts restores.
pub(crate) struct Trigger {
    pub(crate) step_functions: Client,
    pub(crate) state_machine_arn: String,
    /// The standby pools that follow by themselves.
    pub(crate) standbys: Standbys,
}

/// Which standby pool follows which.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standbys {
    pools: BTreeMap<UserPoolId, UserPoolId>,
    /// After how many days users gone from the source are removed; 0: never.
    remove_after_days: u32,
}

impl Standbys {
    /// Reads pairs `SOURCE=STANDBY` between commas; nothing is no pair.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub(crate) fn read(pairs: &str, remove_after_days: u32) -> Result<Self, String> {
        let pairs = pairs
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty());
        let pools: Result<_, String> = pairs
            .map(|pair| {
                let (source, standby) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("{pair} is no pair SOURCE=STANDBY"))?;
                let read = |id: &str| id.parse().map_err(|error| format!("{error}"));
                Ok((read(source)?, read(standby)?))
            })
            .collect();
        Ok(Self {
            pools: pools?,
            remove_after_days,
        })
    }

    /// What is asked for when the backup with this key has arrived; nothing where no pool follows.
    fn request_for(&self, arrived: &str) -> Option<Value> {
        let key: BackupKey = arrived.parse().ok()?;
        // The parts of a backup arrive before it.
        let source = Some(key.pool()).filter(|_| key.shard().is_none())?;
        let standby = self.pools.get(source)?;
        Some(json!({
            "user_pool_id": source,
            "standby": {"sync": standby, "remove_after_days": self.remove_after_days},
        }))
    }
}

impl Trigger {
    /// Starts the state machine for what `event` asks.
    ///
    /// Answers in the reference's form: 200 with `execution_arn`; 400 when the request is not
    /// understood; 409 when a restore of the pool is running already, with that one's
    /// `execution_arn`, unless the request says `"allow_concurrent": true`, and when the one to
    /// be resumed was stopped too lately. A restore goes before a rehearsal: none starts beside a
    /// restore of any pool, and a restore that starts stops those that are running. A restore that goes on keeps its `restore_id` in an
    /// execution of another name: Step Functions takes no name twice in 90 days. Of two undos in one
    /// pool the second is refused likewise; a dry run changes nothing and is never in the way.
    ///
    /// # Errors
    /// [`TriggerError`] when Step Functions cannot be asked or refuses.
    pub(crate) async fn start(
        &self,
        event: &Value,
        now: Timestamp,
        chance: u32,
    ) -> Result<Value, TriggerError> {
        let of_arrival = match event.get("arrived").and_then(Value::as_str) {
            None => None,
            Some(arrived) => match self.standbys.request_for(arrived) {
                Some(request) => Some(request),
                None => {
                    return Ok(answer(
                        200,
                        json!({"message": "no standby pool follows it"}),
                    ));
                }
            },
        };
        let event = of_arrival.as_ref().unwrap_or(event);
        let request = match self.requested(event).await? {
            Ok(request) => request,
            Err(error) => return Ok(answer(400, json!({"error": error.to_string()}))),
        };
        let pool = request.user_pool_id.clone();
        let resumed = request.resume.clone();
        let rehearses = request.rehearsal.is_some();
        let undoes = request.undo.is_some() || resumed.as_ref().is_some_and(RestoreId::is_undo);
        let changes_nothing = request.changes_nothing();
        let alone = !changes_nothing && !request.allow_concurrent;
        let follows = request
            .standby
            .as_ref()
            .is_some_and(|one| one.sync.is_some());
        let same_pool = if rehearses {
            RestoreId::rehearsals_of(&pool)
        } else if undoes {
            RestoreId::undos_of(&pool)
        } else if follows {
            RestoreId::syncs_of(&pool)
        } else {
            RestoreId::restores_of(&pool)
        };
        // The execution that the resumed restore is named after is one of it, whatever its name.
        let is_in_the_way = |name: &str| {
            let is_resumed = resumed.as_ref().is_some_and(|id| id.as_str() == name);
            let goes_before = rehearses && name.starts_with(RestoreId::RESTORE);
            name.starts_with(&same_pool) || is_resumed || goes_before
        };
        let refusal = |running: &str| match (rehearses, follows) {
            (true, _) => not_beside(&pool, running),
            (false, true) => followed_already(&pool, running),
            (false, false) => refused(&pool, running, resumed.is_some()),
        };
        if alone && let Some(running) = self.running(is_in_the_way, None).await? {
            return Ok(refusal(&running));
        }
        if resumed.is_some()
            && let Some(stopped) = self.stopped(&same_pool, now).await?
        {
            return Ok(at_work_still(&pool, &stopped));
        }
        let new_id = if undoes && changes_nothing {
            RestoreId::for_undo_plan
        } else if undoes {
            RestoreId::for_undo
        } else if changes_nothing {
            RestoreId::for_check
        } else if rehearses {
            RestoreId::for_rehearsal
        } else if follows {
            RestoreId::for_sync
        } else {
            RestoreId::for_restore
        };
        let execution = new_id(&pool, now.as_second(), chance);
        let input = serde_json::to_string(&request.into_input())
            .map_err(|error| self.error("StartExecution", error))?;
        let started = self
            .step_functions
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(execution.as_str())
            .input(input)
            .send()
            .await
            .map_err(|error| self.error("StartExecution", DisplayErrorContext(error)))?;
        // Two triggers at the same moment saw nothing running: the later one gives way.
        let arn = started.execution_arn;
        if alone && let Some(earlier) = self.running(is_in_the_way, Some(&arn)).await? {
            let cause = "another restore of this pool was started a moment before";
            self.stop(&arn, "AlreadyRunning", cause).await?;
            return Ok(refusal(&earlier));
        }
        if !rehearses && !undoes && !follows && !changes_nothing {
            self.stop_rehearsals().await;
        }
        let resumes = resumed.is_some();
        let restore_id = resumed.unwrap_or(execution);
        tracing::info!(%pool, %restore_id, changes_nothing, resumes, "started");
        Ok(answer(
            200,
            json!({
                "message": format!("DR {} initiated for {pool}", if undoes { "undo" } else { "restore" }),
                "execution_arn": arn,
                "restore_id": restore_id,
            }),
        ))
    }

    /// What is asked for; of a schedule, the rehearsal that is due.
    async fn requested(
        &self,
        event: &Value,
    ) -> Result<Result<TriggerRequest, BadRequest>, TriggerError> {
        let scheduled = match ScheduledRehearsal::from_event(event) {
            Ok(None) => return Ok(TriggerRequest::from_event(event)),
            Ok(Some(scheduled)) => scheduled,
            Err(error) => return Ok(Err(error)),
        };
        let rehearsals = |name: &str| name.starts_with(RestoreId::REHEARSAL);
        let executions = self.executions(None, rehearsals).await?;
        let due = most_due(&scheduled.user_pool_ids, &executions);
        let event = json!({"user_pool_id": due, "rehearsal": scheduled.rehearsal});
        Ok(TriggerRequest::from_event(&event))
    }

    /// Stops the rehearsals that are running: a restore needs the quotas and the one import job
    /// of the account. What it cannot stop does not stop the restore. Their pools are removed when
    /// the rule of the stack hears of their end.
    async fn stop_rehearsals(&self) {
        let rehearsals = |name: &str| name.starts_with(RestoreId::REHEARSAL);
        let running = self.executions(Some(ExecutionStatus::Running), rehearsals);
        let running = running.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a rehearsal may still be running");
            Vec::new()
        });
        for rehearsal in running {
            let cause = "a restore was started, which goes before a rehearsal";
            let stopped = self.stop(&rehearsal.execution_arn, "RestoreGoesFirst", cause);
            if let Err(error) = stopped.await {
                tracing::error!(rehearsal = rehearsal.name, %error, "it is still running");
            }
        }
    }

    /// A running execution that is in the way and began before `than`, or any when `than` is none.
    async fn running(
        &self,
        is_in_the_way: impl Fn(&str) -> bool,
        than: Option<&str>,
    ) -> Result<Option<String>, TriggerError> {
        let executions = self.executions(Some(ExecutionStatus::Running), is_in_the_way);
        Ok(first_before(&executions.await?, than))
    }

    /// A restore or an undo, whose names begin with `prefix`, that was stopped so lately that its last invocation, which nobody
    /// can stop, may be at work: two invocations on one restore would make everything twice.
    async fn stopped(
        &self,
        prefix: &str,
        now: Timestamp,
    ) -> Result<Option<ExecutionListItem>, TriggerError> {
        let executions = self.executions(Some(ExecutionStatus::Aborted), |name| {
            name.starts_with(prefix)
        });
        let lately = executions.await?.into_iter().filter(|execution| {
            execution
                .stop_date
                .is_some_and(|stopped| now.as_second() - stopped.secs() < INVOCATION_SECONDS)
        });
        Ok(lately.max_by_key(|execution| execution.stop_date.map(|stopped| stopped.secs())))
    }

    /// The executions with this status, or any, whose names are meant; the newest first.
    async fn executions(
        &self,
        status: Option<ExecutionStatus>,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Vec<ExecutionListItem>, TriggerError> {
        let mut pages = self
            .step_functions
            .list_executions()
            .state_machine_arn(&self.state_machine_arn)
            .set_status_filter(status)
            .into_paginator()
            .items()
            .send();
        let mut meant: Vec<ExecutionListItem> = Vec::new();
        for _ in 0..EXECUTIONS_LOOKED_AT {
            let Some(execution) = pages.next().await else {
                break;
            };
            let execution = execution
                .map_err(|error| self.error("ListExecutions", DisplayErrorContext(error)))?;
            if is_meant(&execution.name) {
                meant.push(execution);
            }
        }
        Ok(meant)
    }

    async fn stop(
        &self,
        execution_arn: &str,
        error: &str,
        cause: &str,
    ) -> Result<(), TriggerError> {
        self.step_functions
            .stop_execution()
            .execution_arn(execution_arn)
            .error(error)
            .cause(cause)
            .send()
            .await
            .map(drop)
            .map_err(|error| self.error("StopExecution", DisplayErrorContext(error)))
    }

    fn error(&self, operation: &'static str, cause: impl std::fmt::Display) -> TriggerError {
        TriggerError {
            operation,
            state_machine: self.state_machine_arn.clone(),
            cause: cause.to_string(),
        }
    }
}

/// Which of the pool's running executions stands before `than` (before all, when none is given):
/// the earlier start wins, and at the same instant the smaller ARN.
fn first_before(running: &[ExecutionListItem], than: Option<&str>) -> Option<String> {
    let order = |execution: &ExecutionListItem| {
        (
            execution.start_date.as_nanos(),
            execution.execution_arn.clone(),
        )
    };
    let own = than.and_then(|arn| {
        running
            .iter()
            .find(|execution| execution.execution_arn == arn)
            .map(order)
    });
    let first = running
        .iter()
        .filter(|execution| Some(execution.execution_arn.as_str()) != than)
        .min_by_key(|e| order(e))?;
    match (than, own) {
        // The list does not show our own execution yet: it is the newest.
        (Some(_), None) | (None, _) => Some(first.execution_arn.clone()),
        (Some(_), Some(own)) => (order(first) < own).then(|| first.execution_arn.clone()),
    }
}

/// The pool whose last rehearsal began longest ago; before all one that has none.
fn most_due<'p>(
    pools: &'p [UserPoolId],
    rehearsals: &[ExecutionListItem],
) -> Option<&'p UserPoolId> {
    let last = |pool: &UserPoolId| {
        let prefix = RestoreId::rehearsals_of(pool);
        let of_pool = rehearsals
            .iter()
            .filter(|one| one.name.starts_with(&prefix));
        of_pool.map(|one| one.start_date.as_nanos()).max()
    };
    pools.iter().min_by_key(|pool| last(pool))
}

fn not_beside(pool: &UserPoolId, running: &str) -> Value {
    let error = format!(
        "a restore is running, or a rehearsal of {pool}: beside it no rehearsal of the pool starts"
    );
    answer(409, json!({"error": error, "execution_arn": running}))
}

fn followed_already(pool: &UserPoolId, running: &str) -> Value {
    let error = format!("the standby pool of {pool} is being brought to a backup already");
    answer(409, json!({"error": error, "execution_arn": running}))
}

fn refused(pool: &UserPoolId, running: &str, resumes: bool) -> Value {
    let other_way = if resumes {
        "or stop it"
    } else {
        "stop it, or send \"allow_concurrent\": true to start another"
    };
    let error = format!("a restore of {pool} is running already; wait for it, {other_way}");
    answer(409, json!({"error": error, "execution_arn": running}))
}

fn at_work_still(pool: &UserPoolId, stopped: &ExecutionListItem) -> Value {
    let from = stopped
        .stop_date
        .map_or(0, |stopped| stopped.secs() + INVOCATION_SECONDS);
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
    use super::*;
    use aws_sdk_sfn::primitives::DateTime;

    #[test]
    fn a_standby_pool_follows_whole_backups_of_its_source_alone() {
        let pairs = "us-east-1_A=us-west-2_B,us-east-1_C=us-west-2_D";
        let standbys = Standbys::read(pairs, 30).unwrap();
        let request = standbys.request_for("cognito-backup/2026/03/07/us-east-1_A-090502.json");
        let request = request.unwrap();
        assert_eq!(
            request,
            json!({"user_pool_id": "us-east-1_A", "standby": {"sync": "us-west-2_B", "remove_after_days": 30}})
        );
        assert!(TriggerRequest::from_event(&request).is_ok());
        for other in [
            "cognito-backup/2026/03/07/us-east-1_X-090502.json",
            "cognito-backup/2026/03/07/us-west-2_B-090502.json",
            "cognito-restore/translations.json",
            "",
        ] {
            assert_eq!(standbys.request_for(other), None, "{other}");
        }
        assert_eq!(Standbys::read("", 0), Ok(Standbys::default()));
        for wrong in ["us-east-1_A", "us-east-1_A=", "=us-east-1_A", "a=b"] {
            assert!(Standbys::read(wrong, 0).is_err(), "{wrong}");
        }
    }

    fn execution(arn: &str, second: i64) -> ExecutionListItem {
        ExecutionListItem::builder()
            .execution_arn(arn)
            .state_machine_arn("m")
            .name(arn)
            .status(ExecutionStatus::Running)
            .start_date(DateTime::from_secs(second))
            .build()
            .unwrap()
    }

    #[test]
    fn of_two_restores_started_at_once_exactly_one_gives_way() {
        let both = [execution("a", 5), execution("b", 5)];
        assert_eq!(first_before(&both, Some("a")), None);
        assert_eq!(first_before(&both, Some("b")), Some("a".into()));
        let earlier = [execution("b", 4), execution("a", 5)];
        assert_eq!(first_before(&earlier, Some("a")), Some("b".into()));
        assert_eq!(first_before(&earlier, Some("b")), None);
        assert_eq!(first_before(&[execution("a", 5)], Some("a")), None);
        assert_eq!(
            first_before(&[execution("a", 5)], Some("not listed yet")),
            Some("a".into())
        );
        assert_eq!(first_before(&[], None), None);
    }

    #[test]
    fn of_scheduled_pools_the_one_is_due_whose_last_rehearsal_is_the_oldest() {
        let pools = ["us-east-1_A", "us-east-1_AB", "us-east-1_C"].map(|id| id.parse().unwrap());
        let due = |executions: &[(&str, i64)]| {
            let executions: Vec<_> = executions
                .iter()
                .map(|(name, second)| execution(name, *second))
                .collect();
            most_due(&pools, &executions).unwrap().to_string()
        };
        assert_eq!(due(&[]), "us-east-1_A");
        let first = ("rehearsal-us-east-1_A-5-00000000", 5);
        assert_eq!(due(&[first]), "us-east-1_AB");
        let second = ("rehearsal-us-east-1_AB-6-00000000", 6);
        assert_eq!(due(&[second, first]), "us-east-1_C");
        let third = ("rehearsal-us-east-1_C-7-00000000", 7);
        assert_eq!(due(&[third, second, first]), "us-east-1_A");
        let again = ("rehearsal-us-east-1_A-8-00000000", 8);
        assert_eq!(due(&[again, third, second, first]), "us-east-1_AB");
    }

    #[tokio::test]
    async fn a_bad_request_is_answered_with_400_before_anything_is_called() {
        // A client without Region or credentials: any call would fail.
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .build();
        let trigger = Trigger {
            step_functions: Client::from_conf(config),
            state_machine_arn: "m".into(),
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
