//! The local Step Functions end an execution on a path that leads nowhere, as AWS does, and such
//! a death is told.

#![allow(clippy::unwrap_used)]

use end_to_end::environment::Environment;
use end_to_end::pools::members;
use end_to_end::stack::{Options, Stack};
use end_to_end::story;
use serde_json::{Value, json};

async fn ends(stack: &Stack, name: &str, states: Value, input: &str) -> story::Execution {
    let machine = stack
        .dr
        .step_functions
        .create_state_machine()
        .name(name)
        .role_arn("arn:aws:iam::111122223333:role/states")
        .definition(json!({"StartAt": "First", "States": states}).to_string())
        .send()
        .await
        .unwrap();
    let started = stack
        .dr
        .step_functions
        .start_execution()
        .state_machine_arn(machine.state_machine_arn)
        .input(input)
        .send()
        .await
        .unwrap();
    story::follow(stack, &started.execution_arn, |_| ())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_path_ends_an_execution_and_neither_default_nor_catch_takes_it() {
    let Some(environment) = Environment::ready("paths that lead nowhere") else {
        return;
    };
    let stack = Stack::start(&environment.python, &Options::default())
        .await
        .unwrap();
    let choice = |rule: Value| {
        json!({
            "First": {"Type": "Choice", "Choices": [rule], "Default": "Done"},
            "Done": {"Type": "Succeed"},
        })
    };
    let asked = json!({"Variable": "$.resume", "IsString": true, "Next": "Done"});
    let execution = ends(&stack, "choice", choice(asked.clone()), "{}").await;
    assert_eq!(execution.error.as_deref(), Some("States.Runtime"));

    let task = json!({
        "First": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {"Message.$": "$.missing"},
            "Retry": [{"ErrorEquals": ["States.ALL"]}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
            "End": true,
        },
        "Done": {"Type": "Succeed"},
    });
    let execution = ends(&stack, "task", task, "{}").await;
    assert_eq!(execution.error.as_deref(), Some("States.Runtime"));

    let mut first = asked.clone();
    first.as_object_mut().unwrap().remove("Next");
    let both = json!({"And": [{"Variable": "$.resume", "IsPresent": true}, first], "Next": "Done"});
    let execution = ends(&stack, "and", choice(both), "{}").await;
    assert!(execution.succeeded, "{:?}", execution.error);
    let execution = ends(&stack, "there", choice(asked), r#"{"resume": null}"#).await;
    assert!(execution.succeeded, "{:?}", execution.error);
}

/// What a state machine cannot tell by itself: here its input is broken beyond what it looks at,
/// and somebody stops it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_stopped_is_told_with_its_execution() {
    let Some(environment) = Environment::ready("a restore that is stopped") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let started = stack
        .dr
        .step_functions
        .start_execution()
        .state_machine_arn(&deployment.dr["StateMachineArn"])
        .input(r#"{"user_pool_id": "us-east-1_Nobody", "options": {}}"#)
        .send()
        .await
        .unwrap();
    stack
        .dr
        .step_functions
        .stop_execution()
        .execution_arn(&started.execution_arn)
        .send()
        .await
        .unwrap();
    let told = stack.safety_net(&deployment).await.unwrap();
    assert_eq!(told["status"], "ABORTED");
    assert_eq!(told["execution_arn"], started.execution_arn.as_str());
    let message = told["message"].as_str().unwrap();
    assert!(
        message.starts_with("Safety net") && message.contains("ABORTED"),
        "{message}"
    );
    let name = started.execution_arn.rsplit(':').next().unwrap();
    assert!(message.contains(name), "{message}");
}
