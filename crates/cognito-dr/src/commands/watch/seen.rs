//! What the history of an execution shows of its restore.

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use indicatif::HumanCount;
use model::request::{RestoreResponse, RestoreStatus};
use model::restore::{ReportStatus, RestoreState, Step};
use serde::Serialize;

/// What the history has shown so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last event.
    pub(super) event: i64,
    /// How often the function of the restore was called and answered.
    pub(super) invocations: u64,
    /// What it answered last.
    pub(super) answer: Option<RestoreResponse>,
    /// Whether the state machine waits.
    pub(super) waits: bool,
}

/// How many users are done, of how many.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Users {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
}

impl Seen {
    /// Takes one event in; gives the name of the error that it tells of.
    pub(super) fn take(&mut self, event: &HistoryEvent) -> Option<String> {
        self.event = event.id;
        if event.state_entered_event_details().is_some() {
            self.waits = event.r#type == HistoryEventType::WaitStateEntered;
        }
        let output = event
            .lambda_function_succeeded_event_details()
            .and_then(|details| details.output())
            .or_else(|| event.task_succeeded_event_details()?.output());
        // Other functions answer otherwise.
        if let Some(answer) = output.and_then(|output| serde_json::from_str(output).ok()) {
            self.invocations += 1;
            self.answer = Some(answer);
        }
        let error = event
            .lambda_function_failed_event_details()
            .map(|details| details.error())
            .or_else(|| Some(event.lambda_function_timed_out_event_details()?.error()))
            .or_else(|| Some(event.task_failed_event_details()?.error()))?;
        Some(error.unwrap_or("an error without a name").to_owned())
    }

    /// What the last invocation answered.
    pub(super) fn in_words(&self) -> String {
        let users = self.users(None);
        let total = users
            .total
            .map(|total| format!(" of {}", HumanCount(total)));
        let (count, at) = (self.invocations, self.at(None));
        let done = HumanCount(users.done);
        format!(
            "Invocation {count}: {at}, {done}{} users done",
            total.unwrap_or_default()
        )
    }

    pub(super) fn users(&self, state: Option<&RestoreState>) -> Users {
        let answered = self.answer.as_ref();
        Users {
            done: match state {
                Some(state) => state.users.counts.seen,
                None => answered.map_or(0, |answer| answer.users_done),
            },
            total: answered.and_then(|answer| answer.users_total),
        }
    }

    /// What the restore is at.
    pub(super) fn at(&self, state: Option<&RestoreState>) -> String {
        if let Some(state) = state {
            let next = Step::ALL.iter().find(|step| state.record(**step).is_none());
            return match next {
                Some(step) if state.ended.is_none() => step.title().to_owned(),
                _ => "comparison with the backup".to_owned(),
            };
        }
        match &self.answer {
            Some(answer) => {
                let step = Step::ALL.iter().find(|step| step.name() == answer.step);
                step.map_or(answer.step.as_str(), |step| step.title())
                    .to_owned()
            }
            None => "looking for the backup".to_owned(),
        }
    }
}

/// How the restore ended, where this is its last answer.
pub(super) fn result(answer: &RestoreResponse) -> Option<ReportStatus> {
    match answer.status {
        RestoreStatus::Success => Some(ReportStatus::Success),
        RestoreStatus::SuccessWithLosses => Some(ReportStatus::SuccessWithLosses),
        RestoreStatus::Failed => Some(ReportStatus::Failed),
        RestoreStatus::InProgress | RestoreStatus::Waiting => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::{
        LambdaFunctionFailedEventDetails, LambdaFunctionSucceededEventDetails,
        StateEnteredEventDetails,
    };
    use serde_json::{Value, json};

    use super::*;

    fn event(id: i64, kind: HistoryEventType) -> aws_sdk_sfn::types::builders::HistoryEventBuilder {
        let time = aws_sdk_sfn::primitives::DateTime::from_secs(id);
        HistoryEvent::builder().id(id).r#type(kind).timestamp(time)
    }

    fn answered(id: i64, answer: &Value) -> HistoryEvent {
        let details = LambdaFunctionSucceededEventDetails::builder().output(answer.to_string());
        event(id, HistoryEventType::LambdaFunctionSucceeded)
            .lambda_function_succeeded_event_details(details.build())
            .build()
            .unwrap()
    }

    fn entered(id: i64, kind: HistoryEventType) -> HistoryEvent {
        let details = StateEnteredEventDetails::builder()
            .name("a state")
            .build()
            .unwrap();
        event(id, kind)
            .state_entered_event_details(details)
            .build()
            .unwrap()
    }

    #[test]
    fn the_history_tells_what_the_restore_is_at_and_what_it_waits_for() {
        let mut seen = Seen::default();
        assert_eq!(seen.at(None), "looking for the backup");
        assert_eq!(
            seen.take(&answered(
                1,
                &json!({"s3_key": "the answer of another function"})
            )),
            None
        );
        assert_eq!(seen.invocations, 0);
        let answer = json!({"status": "WAITING", "wait_seconds": 60, "step": "users", "users_done": 7, "users_total": 9});
        seen.take(&answered(2, &answer));
        seen.take(&entered(3, HistoryEventType::ChoiceStateEntered));
        assert!(!seen.waits);
        seen.take(&entered(4, HistoryEventType::WaitStateEntered));
        assert!(seen.waits);
        assert_eq!((seen.at(None).as_str(), seen.invocations), ("Users", 1));
        assert_eq!(
            seen.users(None),
            Users {
                done: 7,
                total: Some(9)
            }
        );
        assert_eq!(seen.answer.as_ref().and_then(result), None);
        seen.take(&entered(5, HistoryEventType::TaskStateEntered));
        assert!(!seen.waits);
        let details = LambdaFunctionFailedEventDetails::builder().error("CognitoUnavailable");
        let failed = event(6, HistoryEventType::LambdaFunctionFailed)
            .lambda_function_failed_event_details(details.build());
        assert_eq!(
            seen.take(&failed.build().unwrap()).as_deref(),
            Some("CognitoUnavailable")
        );
        let last = json!({"status": "SUCCESS_WITH_LOSSES", "wait_seconds": 0, "step": "done", "users_done": 9});
        seen.take(&answered(7, &last));
        assert_eq!(
            seen.answer.as_ref().and_then(result),
            Some(ReportStatus::SuccessWithLosses)
        );
        assert_eq!((seen.event, seen.invocations), (7, 2));
    }
}
