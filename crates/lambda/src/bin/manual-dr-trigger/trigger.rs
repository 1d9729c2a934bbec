//! Starting one execution of the state machine, and no second one by accident.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use jiff::Timestamp;
use model::request::TriggerRequest;
use model::{RestoreId, UserPoolId};
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
}

impl Trigger {
    /// Starts the state machine for what `event` asks.
    ///
    /// Answers in the reference's form: 200 with `execution_arn`; 400 when the request is not
    /// understood; 409 when a restore of the pool is running already, with that one's
    /// `execution_arn`, unless the request says `"allow_concurrent": true`, and when the one to
    /// be resumed was stopped too lately. A restore that goes on keeps its `restore_id` in an
    /// execution of another name: Step Functions takes no name twice in 90 days.
    ///
    /// # Errors
    /// [`TriggerError`] when Step Functions cannot be asked or refuses.
    pub(crate) async fn start(
        &self,
        event: &Value,
        now: Timestamp,
        chance: u32,
    ) -> Result<Value, TriggerError> {
        let request = match TriggerRequest::from_event(event) {
            Ok(request) => request,
            Err(error) => return Ok(answer(400, json!({"error": error.to_string()}))),
        };
        let pool = request.user_pool_id.clone();
        let resumed = request.resume.clone();
        let changes_nothing = request.dry_run || request.verify.is_some();
        let alone = !changes_nothing && !request.allow_concurrent;
        if alone && let Some(running) = self.running(&pool, resumed.as_ref(), None).await? {
            return Ok(refused(&pool, &running, resumed.is_some()));
        }
        if resumed.is_some()
            && let Some(stopped) = self.stopped(&pool, now).await?
        {
            return Ok(at_work_still(&pool, &stopped));
        }
        let new_id = if changes_nothing {
            RestoreId::for_check
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
        if alone && let Some(earlier) = self.running(&pool, resumed.as_ref(), Some(&arn)).await? {
            self.stop(&arn).await?;
            return Ok(refused(&pool, &earlier, resumed.is_some()));
        }
        let resumes = resumed.is_some();
        let restore_id = resumed.unwrap_or(execution);
        tracing::info!(%pool, %restore_id, changes_nothing, resumes, "started");
        Ok(answer(
            200,
            json!({
                "message": format!("DR restore initiated for {pool}"),
                "execution_arn": arn,
                "restore_id": restore_id,
            }),
        ))
    }

    /// A running restore of the pool that began before `than`, or any when `than` is none. The
    /// execution that `resumed` is named after is one, whatever its name.
    async fn running(
        &self,
        pool: &UserPoolId,
        resumed: Option<&RestoreId>,
        than: Option<&str>,
    ) -> Result<Option<String>, TriggerError> {
        let executions = self.executions(pool, resumed, ExecutionStatus::Running);
        Ok(first_before(&executions.await?, than))
    }

    /// A restore of the pool that was stopped so lately that its last invocation, which nobody
    /// can stop, may be at work: two invocations on one restore would make everything twice.
    async fn stopped(
        &self,
        pool: &UserPoolId,
        now: Timestamp,
    ) -> Result<Option<ExecutionListItem>, TriggerError> {
        let executions = self.executions(pool, None, ExecutionStatus::Aborted);
        let lately = executions.await?.into_iter().filter(|execution| {
            execution
                .stop_date
                .is_some_and(|stopped| now.as_second() - stopped.secs() < INVOCATION_SECONDS)
        });
        Ok(lately.max_by_key(|execution| execution.stop_date.map(|stopped| stopped.secs())))
    }

    /// The restores of the pool with this status, and the execution that `also` is named after.
    async fn executions(
        &self,
        pool: &UserPoolId,
        also: Option<&RestoreId>,
        status: ExecutionStatus,
    ) -> Result<Vec<ExecutionListItem>, TriggerError> {
        let prefix = RestoreId::restores_of(pool);
        let mut pages = self
            .step_functions
            .list_executions()
            .state_machine_arn(&self.state_machine_arn)
            .status_filter(status)
            .into_paginator()
            .items()
            .send();
        let mut of_pool: Vec<ExecutionListItem> = Vec::new();
        for _ in 0..EXECUTIONS_LOOKED_AT {
            let Some(execution) = pages.next().await else {
                break;
            };
            let execution = execution
                .map_err(|error| self.error("ListExecutions", DisplayErrorContext(error)))?;
            let also = also.is_some_and(|id| id.as_str() == execution.name);
            if also || execution.name.starts_with(&prefix) {
                of_pool.push(execution);
            }
        }
        Ok(of_pool)
    }

    async fn stop(&self, execution_arn: &str) -> Result<(), TriggerError> {
        self.step_functions
            .stop_execution()
            .execution_arn(execution_arn)
            .error("AlreadyRunning")
            .cause("another restore of this pool was started a moment before")
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

    #[tokio::test]
    async fn a_bad_request_is_answered_with_400_before_anything_is_called() {
        // A client without Region or credentials: any call would fail.
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .build();
        let trigger = Trigger {
            step_functions: Client::from_conf(config),
            state_machine_arn: "m".into(),
        };
        for (event, named) in [
            (json!({}), "user_pool_id required"),
            (
                json!({"user_pool_id": "nonsense"}),
                "not a valid user pool id",
            ),
            (json!({"user_pool_id": "us-east-1_A", "at": "soon"}), "at: "),
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
