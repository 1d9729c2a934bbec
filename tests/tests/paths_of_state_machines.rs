//! No path that a state machine reads can be missing: AWS would end the execution, uncaught.

#![allow(clippy::unwrap_used)]

use end_to_end::paths::{Shape, problems};
use end_to_end::template;
use model::request::{FindResponse, RestoreResponse};
use serde_json::{Value, json};

fn definition(template: &str, machine: &str) -> Value {
    let template = template::read(template).unwrap();
    template["Resources"][machine]["Properties"]["Definition"].clone()
}

/// What an answer always has: what is left of the smallest one when it was read and written by
/// its own type.
fn always_in<T: serde::Serialize + serde::de::DeserializeOwned>(smallest: Value) -> Shape {
    let answer: T = serde_json::from_value(smallest).unwrap();
    Shape::of(&serde_json::to_value(answer).unwrap())
}

fn answers(resource: &str) -> Shape {
    match resource {
        "${FindLatestBackupArn}" => always_in::<FindResponse>(json!({
            "user_pool_id": "us-east-1_A",
            "s3_key": "cognito-backup/2026/01/01/us-east-1_A-000000.json",
            "backup_timestamp": "2026-01-01T00:00:00Z",
            "backup_ended": "2026-01-01T00:00:00Z",
            "ended_by": "trailer",
            "bytes": 1,
            "options": {},
        })),
        "${RestoreArn}" => always_in::<RestoreResponse>(json!({
            "status": "SUCCESS",
            "wait_seconds": 0,
            "step": "users",
            "users_done": 0,
        })),
        "${BackupFunctionArn}" => {
            let answers = [
                backup::RunOutcome::Done(Vec::new()),
                backup::RunOutcome::InProgress(Box::default()),
            ];
            let [done, in_progress] = answers.map(|answer| Shape::of(&answer.to_continuation()));
            done.meet(&in_progress)
        }
        // API reference of SNS, Publish.
        "${PublishArn}" => Shape::of(&json!({"MessageId": "m"})),
        other => panic!("nobody said what {other} answers"),
    }
}

#[test]
fn every_path_is_there_on_every_way_or_asked_for_before() {
    for (template, machine) in [
        (template::DR, "CognitoDRStateMachine"),
        (template::PRIMARY, "CognitoBackupContinuation"),
    ] {
        let found = problems(&definition(template, machine), &answers);
        assert_eq!(found, Vec::<String>::new(), "{machine}");
    }
}

/// Puts a member of the restore's definition in the place of another, and expects to be told.
fn planted(path: &str, value: Value, told: &str) {
    let mut definition = definition(template::DR, "CognitoDRStateMachine");
    let place = definition
        .pointer_mut(path)
        .unwrap_or_else(|| panic!("{path} is not there"));
    *place = value;
    let found = problems(&definition, &answers);
    assert!(
        found.iter().any(|problem| problem.contains(told)),
        "{path}: {found:?}"
    );
}

#[test]
fn a_path_that_is_missing_on_one_way_is_found() {
    let asked = json!({"Variable": "$.resume", "IsString": true, "Next": "ResumeRestore"});
    for (path, value, told) in [
        // The operator alone, with a Default.
        ("/States/IsResumed/Choices/0", asked, "IsResumed: $.resume"),
        // Asked too late.
        (
            "/States/IsResumed/Choices/0/And",
            json!([{"Variable": "$.resume", "IsString": true}, {"Variable": "$.resume", "IsPresent": true}]),
            "IsResumed: $.resume",
        ),
        // Asked for its absence.
        (
            "/States/IsResumed/Choices/0/And/0/IsPresent",
            json!(false),
            "IsResumed: $.resume",
        ),
        // Any of two is not both.
        (
            "/States/IsResumed/Choices/0",
            json!({"Or": [{"Variable": "$.resume", "IsPresent": true}, {"Variable": "$.backup", "IsPresent": true}], "Next": "ResumeRestore"}),
            "ResumeRestore: $.resume",
        ),
        // What the input need not have, in the context object as well.
        (
            "/States/NameRestore/InputPath",
            json!("$$.Execution.Input.resume"),
            "NameRestore: $$.Execution.Input.resume",
        ),
        // What an answer has only sometimes.
        (
            "/States/RestoreWaits/SecondsPath",
            json!("$.restore.users_total"),
            "RestoreWaits: $.restore.users_total",
        ),
        // What no way brings.
        (
            "/States/Restore/Parameters/options.$",
            json!("$.options"),
            "Restore: $.options",
        ),
        // A catcher promises no cause.
        (
            "/States/FindLatestBackup/Catch/0/Next",
            json!("ReportFailure"),
            "ReportFailure: $.failure.Cause",
        ),
        (
            "/States/Restore/Catch/0/ResultPath",
            json!("$.error"),
            "ReportFailure: $.failure.Error",
        ),
        (
            "/States/RestoreFailed/CausePath",
            json!("$.cause"),
            "RestoreFailed: $.cause",
        ),
        (
            "/States/NotifyFailure/Parameters/Message/error.$",
            json!("States.Format('{} $.no {}', $.failure.Error, $.reason)"),
            "NotifyFailure: $.reason",
        ),
        // A result in place of everything.
        (
            "/States/Restore/ResultPath",
            json!("$"),
            "RestoreStatus: $.restore.status",
        ),
        (
            "/States/NameRestore/Next",
            json!("Restore"),
            "Restore: $.backup.s3_key",
        ),
    ] {
        planted(path, value, told);
    }
}

#[test]
fn what_the_check_does_not_know_is_not_passed_over() {
    for (path, value, told) in [
        ("/States/IsResumed/Type", json!("Map"), "the type \"Map\""),
        (
            "/States/RestoreWaits",
            json!({"Type": "Wait", "TimestampPath": "$.restore.at", "Next": "Restore"}),
            "the field TimestampPath",
        ),
        (
            "/States/RestoreWaits/SecondsPath",
            json!("$.restore['wait_seconds']"),
            "the path $.restore[",
        ),
        (
            "/States/IsResumed/Default",
            json!("ResumeRestore"),
            "ResumeRestore: $.resume",
        ),
        (
            "/States/Restore/Next",
            json!("RestoreSucceeded"),
            "RestoreStatus: no way leads to it",
        ),
    ] {
        planted(path, value, told);
    }
}

#[test]
fn a_result_is_put_only_into_what_is_an_object() {
    let definition = json!({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Result": 1, "ResultPath": "$.one", "End": true},
    }});
    let found = problems(&definition, &answers);
    assert!(found[0].contains("need not be an object"), "{found:?}");
}
