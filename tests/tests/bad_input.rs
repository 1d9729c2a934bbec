//! Bad input to each Lambda function: one clear error that names what is wrong, nothing changed,
//! and a failure for the caller to see.

#![allow(clippy::unwrap_used)]

use end_to_end::clients::Clients;
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, SHOP, members};
use end_to_end::stack::{Deployment, Stack, is_safety_net};
use end_to_end::story::{self, Invocation};
use serde_json::{Value, json};

const KEY: &str = "cognito-backup/2026/01/02/us-east-1_DrillMail-030405.json";

/// A stack with one pool.
async fn ready(test: &str) -> Option<(Stack, Deployment)> {
    let environment = Environment::ready(test)?;
    Some(environment.with_pool(&members()).await.unwrap())
}

fn functions<'a>(
    stack: &'a Stack,
    deployment: &Deployment,
) -> [(&'static str, &'a Clients, String); 4] {
    let find = "cognito-find-latest-backup-prod".to_owned();
    [
        (
            "backup",
            &stack.primary,
            deployment.primary["BackupLambdaArn"].clone(),
        ),
        ("find-latest-backup", &stack.dr, find),
        (
            "restore",
            &stack.dr,
            deployment.dr["RestoreLambdaArn"].clone(),
        ),
        (
            "manual-dr-trigger",
            &stack.dr,
            deployment.dr["ManualDRTriggerArn"].clone(),
        ),
    ]
}

async fn put(stack: &Stack, deployment: &Deployment, key: &str, body: &str) {
    let bucket = &deployment.dr["DRBucketName"];
    let body = body.as_bytes().to_vec().into();
    stack
        .dr
        .s3
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(body)
        .send()
        .await
        .unwrap();
}

/// A failure of the function itself, or the trigger's answer 400.
fn assert_refused(what: &str, invocation: &Invocation, failure: &str, named: &str) {
    let text = invocation.payload.to_string();
    if failure == "400" {
        assert_eq!(invocation.payload["statusCode"], 400, "{what}: {text}");
    } else {
        assert!(invocation.failed, "{what}: {text}");
        assert_eq!(invocation.payload["errorType"], failure, "{what}: {text}");
    }
    assert!(text.contains(named), "{what}: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_names_what_is_wrong_and_changes_nothing() {
    let Some((stack, deployment)) = ready("bad input").await else {
        return;
    };
    let restore = |pool: Value, key: &str| json!({"action": "restore", "restore_id": "dr-restore-x", "user_pool_id": pool, "s3_key": key});
    let other_key = "cognito-backup/2026/01/02/us-east-1_DrillMail-040506.json";
    put(
        &stack,
        &deployment,
        KEY,
        r#"{"timestamp": "2026-01-02T03:04:05", "user_pool_id": "us-"#,
    )
    .await;
    put(
        &stack,
        &deployment,
        other_key,
        r#"{"menu": ["soup", "bread"]}"#,
    )
    .await;
    stack.simulator.reset_evidence();

    let cases: [(usize, Value, &str, &str); 17] = [
        (0, json!({"user_pool_id": 7}), "BadRequest", "user_pool_id"),
        (
            0,
            json!({"user_pool_id": "nonsense"}),
            "BadRequest",
            "not a valid user pool id",
        ),
        (
            0,
            json!({"user_pool_id": SHOP}),
            "BadRequest",
            "not among the configured pools",
        ),
        (0, json!({"pool": MEMBERS}), "BadRequest", "backup takes"),
        (1, json!({}), "BadRequest", "user_pool_id"),
        (
            1,
            json!({"user_pool_id": "nonsense"}),
            "BadRequest",
            "not a valid user pool id",
        ),
        (1, json!({"user_pool_id": SHOP}), "BackupNotFound", SHOP),
        (
            1,
            json!({"user_pool_id": MEMBERS, "s3_key": KEY}),
            "BackupDamaged",
            KEY,
        ),
        (
            1,
            json!({"user_pool_id": MEMBERS, "s3_key": other_key}),
            "BackupDamaged",
            other_key,
        ),
        (2, json!({}), "BadRequest", "action"),
        (
            2,
            restore(json!("nonsense"), KEY),
            "BadRequest",
            "not a valid user pool id",
        ),
        (2, restore(json!(SHOP), KEY), "BadRequest", "s3_key"),
        (2, restore(json!(MEMBERS), KEY), "BackupDamaged", KEY),
        (
            2,
            restore(json!(MEMBERS), other_key),
            "BackupDamaged",
            other_key,
        ),
        (3, json!({}), "400", "user_pool_id required"),
        (
            3,
            json!({"user_pool_id": "nonsense"}),
            "400",
            "not a valid user pool id",
        ),
        (
            3,
            json!({"user_pool_id": MEMBERS, "dryrun": true}),
            "400",
            "dryrun",
        ),
    ];
    let functions = functions(&stack, &deployment);
    for (function, payload, failure, named) in cases {
        let (name, clients, arn) = &functions[function];
        let invocation = story::invoke(clients, arn, &payload).await.unwrap();
        assert_refused(&format!("{name} {payload}"), &invocation, failure, named);
    }
    for operation in stack.simulator.evidence().calls.keys() {
        let reads = ["Get", "List", "Describe"]
            .iter()
            .any(|verb| operation.starts_with(verb));
        assert!(reads, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_variable_of_the_environment_is_named() {
    let Some((stack, deployment)) = ready("missing configuration").await else {
        return;
    };
    let payloads = [
        json!({}),
        json!({"user_pool_id": MEMBERS}),
        json!({"action": "restore", "restore_id": "dr-restore-x", "user_pool_id": MEMBERS, "s3_key": KEY}),
        json!({"user_pool_id": MEMBERS}),
    ];
    let variables = [
        "USER_POOL_IDS",
        "SOURCE_BUCKET",
        "SOURCE_BUCKET",
        "STATE_MACHINE_ARN",
    ];
    let functions = functions(&stack, &deployment);
    for (((name, clients, arn), payload), variable) in functions.iter().zip(payloads).zip(variables)
    {
        clients
            .lambda
            .update_function_configuration()
            .function_name(arn)
            .environment(
                aws_sdk_lambda::types::Environment::builder()
                    .variables("UNRELATED", "1")
                    .build(),
            )
            .send()
            .await
            .unwrap();
        let invocation = story::invoke(clients, arn, &payload).await.unwrap();
        assert_refused(name, &invocation, "MissingConfiguration", variable);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_without_a_backup_fails_and_says_so() {
    let Some((stack, deployment)) = ready("an empty bucket").await else {
        return;
    };
    let arn = story::trigger(&stack, &deployment, &story::lost(MEMBERS))
        .await
        .unwrap();
    let execution = story::follow(&stack, &arn, |_| ()).await.unwrap();
    assert!(!execution.succeeded);
    assert_eq!(execution.error.as_deref(), Some("BackupNotFound"));
    assert_eq!(execution.states().last(), Some(&"RestoreFailed"));
    let mut notifications = stack.notifications(&deployment).await.unwrap();
    notifications.retain(|notification| !is_safety_net(notification));
    assert_eq!(notifications.len(), 1, "{notifications:?}");
    assert_eq!(notifications[0]["status"], "FAILED");
    assert!(
        notifications[0]["error"]
            .to_string()
            .contains("BackupNotFound"),
        "{notifications:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_without_a_pool_fails_and_notifies() {
    let Some((stack, deployment)) = ready("an execution without a pool").await else {
        return;
    };
    let started = stack
        .dr
        .step_functions
        .start_execution()
        .state_machine_arn(&deployment.dr["StateMachineArn"])
        .input("{}")
        .send()
        .await
        .unwrap();
    let execution = story::follow(&stack, &started.execution_arn, |_| ())
        .await
        .unwrap();
    assert_eq!(execution.error.as_deref(), Some("BadRequest"));
    let notifications = stack.notifications(&deployment).await.unwrap();
    assert!(
        notifications[0]["error"]
            .to_string()
            .contains("user_pool_id required")
    );
}
