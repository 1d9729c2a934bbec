//! The state machines name the errors that the functions have.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use end_to_end::template;
use model::{Failure, RunKind};
use serde_json::{Value, json};

/// What Lambda and Step Functions report when the service could not do its work, and may later.
const SERVICE_ERRORS: &[&str] = &[
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
];

/// What they report when a function died: it may the next time, too.
const DEATHS: &[&str] = &[
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "States.Timeout",
];

fn states(template: &str, machine: &str) -> serde_json::Map<String, Value> {
    let template = template::read(template).unwrap();
    template["Resources"][machine]["Properties"]["Definition"]["States"]
        .as_object()
        .unwrap()
        .clone()
}

fn function_tasks(
    states: &serde_json::Map<String, Value>,
) -> impl Iterator<Item = (&String, &Value)> {
    states.iter().filter(|(_, state)| {
        state["Type"] == "Task" && !state["Resource"].as_str().unwrap().contains("Publish")
    })
}

fn errors(rule: &Value) -> BTreeSet<&str> {
    rule["ErrorEquals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error.as_str().unwrap())
        .collect()
}

/// The longest that a retrier waits, all its attempts together, in seconds.
fn patience(retrier: &Value) -> u64 {
    let number = |member: &str| retrier[member].as_u64().unwrap();
    let mut interval = number("IntervalSeconds");
    (0..number("MaxAttempts"))
        .map(|_| {
            let pause = interval.min(number("MaxDelaySeconds"));
            interval *= number("BackoffRate");
            pause
        })
        .sum()
}

#[test]
fn every_task_retries_what_is_worth_it_and_nothing_else() {
    let unavailable: BTreeSet<&str> = Failure::ALL
        .iter()
        .filter(|failure| failure.is_worth_retrying())
        .map(|failure| failure.name())
        .chain(SERVICE_ERRORS.iter().copied())
        .collect();
    let deaths: BTreeSet<&str> = DEATHS.iter().copied().collect();
    for (template, machine) in [
        (template::DR, "CognitoDRStateMachine"),
        (template::PRIMARY, "CognitoBackupContinuation"),
    ] {
        let states = states(template, machine);
        assert!(function_tasks(&states).count() > 0, "{machine}");
        for (name, state) in function_tasks(&states) {
            let retriers = state["Retry"].as_array().unwrap();
            let named: Vec<BTreeSet<&str>> = retriers.iter().map(errors).collect();
            let expected = [unavailable.clone(), deaths.clone()];
            let all: BTreeSet<&str> = expected.iter().flatten().copied().collect();
            assert!(named == expected || named == [all], "{machine} {name}");
        }
    }
}

/// An hour without Cognito or S3 is a long one, and days of work may hang on it.
#[test]
fn a_restore_outlasts_an_hour_without_a_service_and_not_a_function_that_dies() {
    let states = states(template::DR, "CognitoDRStateMachine");
    for name in ["FindLatestBackup", "Restore"] {
        let retriers = &states[name]["Retry"];
        assert!(patience(&retriers[0]) > 60 * 60, "{name}");
        assert!(patience(&retriers[1]) < 10 * 60, "{name}");
    }
    assert!(patience(&states["ReportFailure"]["Retry"][0]) < 10 * 60);
}

#[test]
fn every_failure_is_caught_and_reported() {
    let states = states(template::DR, "CognitoDRStateMachine");
    for (name, state) in function_tasks(&states).filter(|(name, _)| *name != "ReportFailure") {
        let caught =
            json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "HasCause"}]);
        assert_eq!(state["Catch"], caught, "{name}");
    }
    assert_eq!(states["HasCause"]["Choices"][0]["Next"], "ReportFailure");
    assert_eq!(states["WithoutCause"]["Next"], "ReportFailure");
    assert_eq!(states["ReportFailure"]["Catch"][0]["Next"], "NotifyFailure");
    assert_eq!(states["RestoreFailed"]["Type"], "Fail");
}

#[test]
fn no_answer_leads_nowhere() {
    for (template, machine) in [
        (template::DR, "CognitoDRStateMachine"),
        (template::PRIMARY, "CognitoBackupContinuation"),
    ] {
        for (name, state) in states(template, machine) {
            assert!(
                state["Type"] != "Choice" || state["Default"].is_string(),
                "{machine} {name}"
            );
        }
    }
}

/// A task that outlives its function's timeout would wait for an answer that never comes.
#[test]
fn tasks_wait_a_little_longer_than_their_functions_may_run() {
    let template = template::read(template::DR).unwrap();
    let timeout = |function: &str| {
        template["Resources"][function]["Properties"]["Timeout"]
            .as_u64()
            .unwrap()
    };
    for (name, state) in function_tasks(&states(template::DR, "CognitoDRStateMachine")) {
        let function = if name == "FindLatestBackup" {
            "FindLatestBackupLambda"
        } else {
            "CognitoRestoreLambda"
        };
        let limit = state["TimeoutSeconds"].as_u64().unwrap();
        assert!(
            (timeout(function)..timeout(function) + 120).contains(&limit),
            "{name}"
        );
    }
}

/// A death that no state can tell of: a time limit, a full history, a missing path, a hand.
#[test]
fn an_execution_that_ends_without_success_is_told_by_a_rule() {
    let template = template::read(template::DR).unwrap();
    let resource = |name: &str| template["Resources"][name]["Properties"].clone();
    let rule = resource("CognitoDRExecutionEndedRule");
    let topic = json!({"Ref": "CognitoDRNotificationTopic"});
    let machine = json!({"Ref": "CognitoDRStateMachine"});
    assert_eq!(
        rule["EventPattern"],
        json!({
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                "stateMachineArn": [machine],
                "name": [{"anything-but": {"prefix": RunKind::Rehearsal.prefix()}}],
            },
        })
    );
    // A rehearsal is no restore: the function hears of it, and tells what is news.
    let of_rehearsals = resource("CognitoRehearsalEndedRule");
    let mut pattern = rule["EventPattern"].clone();
    pattern["detail"]["name"] = json!([{"prefix": RunKind::Rehearsal.prefix()}]);
    assert_eq!(of_rehearsals["EventPattern"], pattern);
    let target = &rule["Targets"][0];
    assert_eq!(target["Arn"], topic);
    let text = target["InputTransformer"]["InputTemplate"]
        .as_str()
        .unwrap();
    for named in target["InputTransformer"]["InputPathsMap"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(text.contains(&format!("<{named}>")), "{named}");
    }
    // With texts in place of the members it is JSON, as everything else that the topic gets.
    let filled = text
        .replace(": <", ": \"<")
        .replace(">,", ">\",")
        .replace(">}", ">\"}");
    let filled: Value = serde_json::from_str(&filled).unwrap();
    assert_eq!(filled["execution_arn"], "<arn>");

    let policy = resource("CognitoDRNotificationTopicPolicy");
    assert_eq!(policy["Topics"][0], topic);
    let statement = |sid: &str| {
        let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
        statements
            .iter()
            .find(|statement| statement["Sid"] == sid)
            .unwrap()
    };
    let told = statement("TellOfExecutionsThatEnded");
    assert_eq!(
        told["Principal"],
        json!({"Service": "events.amazonaws.com"})
    );
    assert_eq!(told["Action"], "sns:Publish");
    // What SNS writes when a topic is made, of which a policy takes the place.
    let usual = statement("AsWithoutAPolicy");
    assert_eq!(
        usual["Condition"],
        json!({"StringEquals": {"AWS:SourceOwner": {"Ref": "AWS::AccountId"}}})
    );
    assert_eq!(usual["Action"].as_array().unwrap().len(), 8);
}

#[test]
fn no_execution_runs_for_ever() {
    for (template, machine) in [
        (template::DR, "CognitoDRStateMachine"),
        (template::PRIMARY, "CognitoBackupContinuation"),
    ] {
        let template = template::read(template).unwrap();
        let definition = &template["Resources"][machine]["Properties"]["Definition"];
        let limit = definition["TimeoutSeconds"].as_u64();
        assert!(limit.is_some_and(|limit| limit > 0), "{machine}");
    }
}

#[test]
fn an_execution_that_ends_without_success_in_any_way_is_an_alarm() {
    for name in [template::PRIMARY, template::DR] {
        let template = template::read(name).unwrap();
        let machines = template::resources(&template, "AWS::StepFunctions::StateMachine");
        for (machine, _) in machines {
            let watched: BTreeSet<&str> = template::resources(&template, "AWS::CloudWatch::Alarm")
                .map(|(_, alarm)| &alarm["Properties"])
                .filter(|alarm| alarm["Dimensions"][0]["Value"] == json!({"Ref": machine}))
                .filter_map(|alarm| alarm["MetricName"].as_str())
                .collect();
            let expected = [
                "ExecutionsAborted",
                "ExecutionsFailed",
                "ExecutionsTimedOut",
            ];
            assert_eq!(watched, BTreeSet::from(expected), "{machine}");
        }
    }
}
