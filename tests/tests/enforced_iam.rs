//! The roles in the templates are enough, and they are what decides: IAM enforced.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use cognito::Operation;
use end_to_end::clients::{Clients, DR_REGION, PRIMARY_REGION};
use end_to_end::deploy;
use end_to_end::drill::{self, Watch};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::{ACCOUNT, Options, Stack};
use end_to_end::{story, template};
use serde_json::{Value, json};
use xtask::package::{Purpose, package};

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
    let parameters = [("UserPoolIds", MEMBERS.to_owned())];
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

/// Looked for without its code being shown, and opened to Cognito alone: what the role allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_whose_function_or_alias_is_there_is_attached_and_may_be_called() {
    let Some(environment) = Environment::ready("triggers with IAM enforced") else {
        return;
    };
    let options = Options {
        enforce_iam: true,
        ..Options::default()
    };
    let stack = Stack::start(&environment.python, &options).await.unwrap();
    let arn =
        |region: &str, name: &str| format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{name}");
    let names = [
        ("PreSignUp", "pre-sign-up"),
        ("PostConfirmation", "post-confirmation:live"),
        ("PostAuthentication", "post-confirmation:old"),
        ("PreAuthentication", "post-confirmation:1"),
        ("CustomMessage", "custom-message"),
    ];
    let mut pool = members();
    pool["UserPool"]["LambdaConfig"] = names
        .iter()
        .map(|(trigger, name)| ((*trigger).to_owned(), json!(arn(PRIMARY_REGION, name))))
        .collect();
    stack.simulator.seed(PRIMARY_REGION, &pool).unwrap();
    let deployment = stack
        .deploy(&environment.binaries, &[MEMBERS.to_owned()])
        .await
        .unwrap();
    let code = package(&environment.binaries.join("backup"), Purpose::LocalStack).unwrap();
    let lambda = &stack.dr.lambda;
    let any = lambda
        .get_function_configuration()
        .function_name(&deployment.dr["ManualDRTriggerArn"])
        .send()
        .await
        .unwrap();
    for name in ["pre-sign-up", "post-confirmation"] {
        lambda
            .create_function()
            .function_name(name)
            .runtime(Runtime::Providedal2023)
            .handler("bootstrap")
            .role(any.role().unwrap())
            .code(
                FunctionCode::builder()
                    .zip_file(Blob::new(code.clone()))
                    .build(),
            )
            .publish(true)
            .send()
            .await
            .unwrap();
    }
    lambda
        .create_alias()
        .function_name("post-confirmation")
        .name("live")
        .function_version("1")
        .send()
        .await
        .unwrap();

    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let (execution, report) = story::restore(&stack, &deployment, &story::lost(MEMBERS))
        .await
        .unwrap();
    assert!(
        execution.succeeded,
        "{:?} {:?}",
        execution.error, execution.cause
    );
    let restored = report.new_user_pool_id.clone().unwrap();
    let there = stack.simulator.pool(DR_REGION, restored.as_str()).unwrap();
    assert_eq!(
        there.user_pool["LambdaConfig"],
        json!({
            "PreSignUp": arn(DR_REGION, "pre-sign-up"),
            "PostConfirmation": arn(DR_REGION, "post-confirmation:live"),
        }),
        "{:?}",
        report.steps
    );
    for (name, qualifier) in [("pre-sign-up", None), ("post-confirmation", Some("live"))] {
        let policy = lambda
            .get_policy()
            .function_name(name)
            .set_qualifier(qualifier.map(str::to_owned))
            .send()
            .await
            .unwrap();
        let policy = policy.policy().unwrap();
        assert!(
            policy.contains("cognito-idp.amazonaws.com") && policy.contains(restored.as_str()),
            "{policy}"
        );
    }
    let by_hand: Vec<&str> = report
        .manual_steps
        .iter()
        .map(|step| step.title.as_str())
        .filter(|title| title.starts_with("Allow Cognito"))
        .collect();
    assert_eq!(by_hand, Vec::<&str>::new());
}
