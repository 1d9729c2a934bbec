//! The roles in the templates are enough, and they are what decides: IAM enforced.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use cognito::Operation;
use end_to_end::clients::{Clients, PRIMARY_REGION};
use end_to_end::deploy;
use end_to_end::drill::{self, Watch};
use end_to_end::environment::Environment;
use end_to_end::pools::MEMBERS;
use end_to_end::stack::{Options, Stack};
use end_to_end::{story, template};
use serde_json::{Value, json};

struct Nobody;

impl Watch for Nobody {
    fn phase(&mut self, _: &str) {}
    fn note(&mut self, _: &str) {}
}

/// The local stack does not ask IAM about calls to the simulated Cognito: those are held against
/// the roles here, as they were made.
fn allowed_by_any_role() -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for (name, role) in [
        (template::PRIMARY, "CognitoBackupLambdaRole"),
        (template::DR, "CognitoRestoreLambdaRole"),
    ] {
        let template = template::read(name).unwrap();
        for statement in template::statements(&template, role) {
            let named = template::actions(statement);
            actions.extend(named.into_iter().map(str::to_owned));
        }
    }
    actions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_iam_enforced_the_roles_are_enough_and_no_more_is_called() {
    let Some(environment) = Environment::ready("the story with IAM enforced") else {
        return;
    };
    let options = Options {
        enforce_iam: true,
        ..Options::default()
    };
    let stack = Stack::start(&environment.python, &options).await.unwrap();
    let (drill, _) = drill::run(&stack, &environment.binaries, &mut Nobody)
        .await
        .unwrap();
    assert_eq!(drill.problems, Vec::<String>::new(), "{}", drill.text);

    let mut allowed = allowed_by_any_role();
    allowed.insert(Operation::SignUp.action());
    for operation in stack.simulator.evidence().calls.keys() {
        assert!(
            allowed.contains(&format!("cognito-idp:{operation}")),
            "{operation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_away_fails_the_backup_by_name() {
    let Some(environment) = Environment::ready("a role without a right") else {
        return;
    };
    let options = Options {
        enforce_iam: true,
        ..Options::default()
    };
    let stack = Stack::start(&environment.python, &options).await.unwrap();
    stack
        .simulator
        .seed(PRIMARY_REGION, &end_to_end::pools::members())
        .unwrap();
    let mut template = template::read(template::PRIMARY).unwrap();
    let statements = template
        .pointer_mut(
            "/Resources/CognitoBackupLambdaRole/Properties/Policies/0/PolicyDocument/Statement",
        )
        .and_then(Value::as_array_mut)
        .unwrap();
    statements.retain(|statement| statement["Sid"] != "WriteBackups");
    let clients: &Clients = &stack.primary;
    let parameters = [
        ("Architecture", "x86_64".to_owned()),
        ("UserPoolIds", MEMBERS.to_owned()),
    ];
    let outputs = deploy::deploy(
        clients,
        "without-a-right",
        &template,
        &parameters,
        &environment.binaries,
    )
    .await
    .unwrap();
    // Plain HTTP is refused by the bucket's policy, whatever the role allows.
    clients
        .s3
        .delete_bucket_policy()
        .bucket(&outputs["BackupBucketName"])
        .send()
        .await
        .unwrap();
    let invocation = story::invoke(clients, &outputs["BackupLambdaArn"], &json!({}))
        .await
        .unwrap();
    assert!(invocation.failed, "{}", invocation.payload);
    let text = invocation.payload.to_string();
    assert!(text.contains("NotAuthorized"), "{text}");
}
