//! The executions of the state machine: started, looked for, stopped.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use jiff::Timestamp;
use model::request::ExecutionInput;
use model::{RestoreId, RunKind, UserPoolId};

/// How many executions are looked through. More restores at a time than this is no accident any
/// more.
const EXECUTIONS_LOOKED_AT: usize = 10_000;

/// Step Functions did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("Step Functions {operation} failed for {state_machine}: {cause}")]
pub(crate) struct TriggerError {
    operation: &'static str,
    state_machine: String,
    cause: String,
}

/// The executions of one state machine.
pub(crate) struct Executions {
    pub(crate) step_functions: Client,
    pub(crate) state_machine_arn: String,
}

impl Executions {
    /// Starts one; gives its ARN.
    ///
    /// # Errors
    /// [`TriggerError`] when Step Functions cannot be asked or refuses, as each of these.
    pub(crate) async fn start(
        &self,
        name: &RestoreId,
        input: &ExecutionInput,
    ) -> Result<String, TriggerError> {
        let input = serde_json::to_string(input);
        let input = input.map_err(|error| self.error("StartExecution", error))?;
        let started = self
            .step_functions
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(name.as_str())
            .input(input)
            .send()
            .await
            .map_err(|error| self.error("StartExecution", error))?;
        Ok(started.execution_arn)
    }

    /// The running execution that is in the way and began before `than`, or any when `than` is none.
    pub(crate) async fn running(
        &self,
        is_in_the_way: impl Fn(&str) -> bool,
        than: Option<&str>,
    ) -> Result<Option<String>, TriggerError> {
        let executions = self.named(Some(ExecutionStatus::Running), is_in_the_way);
        Ok(first_before(&executions.await?, than))
    }

    /// The last execution that was stopped after `since`.
    pub(crate) async fn stopped(
        &self,
        is_meant: impl Fn(&str) -> bool,
        since: Timestamp,
    ) -> Result<Option<ExecutionListItem>, TriggerError> {
        let executions = self.named(Some(ExecutionStatus::Aborted), is_meant);
        let second = |execution: &ExecutionListItem| execution.stop_date.map(|date| date.secs());
        let lately = executions.await?.into_iter();
        let lately = lately.filter(|one| second(one).is_some_and(|at| at > since.as_second()));
        Ok(lately.max_by_key(second))
    }

    /// The executions with this status, or any, whose names are meant; the newest first.
    pub(crate) async fn named(
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
            let execution = execution.map_err(|error| self.error("ListExecutions", error))?;
            if is_meant(&execution.name) {
                meant.push(execution);
            }
        }
        Ok(meant)
    }

    /// Stops one.
    pub(crate) async fn stop(
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
            .map_err(|error| self.error("StopExecution", error))
    }

    fn error(&self, operation: &'static str, cause: impl std::error::Error) -> TriggerError {
        TriggerError {
            operation,
            state_machine: self.state_machine_arn.clone(),
            cause: DisplayErrorContext(cause).to_string(),
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
pub(crate) fn most_due<'p>(
    pools: &'p [UserPoolId],
    rehearsals: &[ExecutionListItem],
) -> Option<&'p UserPoolId> {
    let last = |pool: &UserPoolId| {
        let prefix = RunKind::Rehearsal.prefix_of(pool);
        let of_pool = rehearsals
            .iter()
            .filter(|one| one.name.starts_with(&prefix));
        of_pool.map(|one| one.start_date.as_nanos()).max()
    };
    pools.iter().min_by_key(|pool| last(pool))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;

    use super::*;

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
}
