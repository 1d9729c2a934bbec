//! The vault in another account, as `docs/security.md` says it: deployed in three steps, filled by
//! replication, out of reach of the first account, and restored from into either.
//!
//! The local stack replicates between accounts as S3 does: where the policy of the vault's bucket
//! lets the replication role write, and with `FAILED` where it does not. It writes the replica by
//! itself: that the role may read the source and owns nothing afterwards, only AWS can show.

#![allow(clippy::unwrap_used)]

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::ReplicationStatus;
use end_to_end::clients::{Clients, DR_REGION, PRIMARY_REGION};
use end_to_end::compare::compare;
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, SHOP, members, shop};
use end_to_end::stack::{ACCOUNT, Deployment, Options, Stack, output};
use end_to_end::story;
use end_to_end::terminal::Terminal;
use model::restore::{Report, ReportStatus};
use serde_json::{Value, json};
use xtask::package::{Purpose, package};

/// The account of the vault.
const VAULT: &str = "444455556666";
const BACKUP: &str = "cognito-backup-prod";

async fn invoke_backup(stack: &Stack, event: Value) -> Value {
    let invocation = story::invoke(&stack.primary, BACKUP, &event).await.unwrap();
    assert!(!invocation.failed, "{}", invocation.payload);
    invocation.payload
}

async fn replication_of(clients: &Clients, bucket: &str, key: &str) -> Option<ReplicationStatus> {
    let head = clients.s3.head_object().bucket(bucket).key(key);
    head.send().await.unwrap().replication_status
}

/// Every key with its versions in a bucket of the account of these clients.
async fn versions(clients: &Clients, bucket: &str) -> Vec<(String, String)> {
    let listed = clients.s3.list_object_versions().bucket(bucket);
    let listed = listed.send().await.unwrap();
    let versions = listed.versions().iter();
    let versions = versions.map(|version| (version.key(), version.version_id()));
    versions
        .map(|(key, id)| (key.unwrap().to_owned(), id.unwrap().to_owned()))
        .collect()
}

/// The code of the error that a request ended with.
fn refusal<T>(answer: Result<T, impl ProvideErrorMetadata>) -> Option<String> {
    let error = answer.err()?;
    error.code().map(str::to_owned)
}

/// The role of a group of the second pool.
fn group_role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/members/gold")
}

/// What an administrator of the primary account gets to hear who tries everything.
async fn is_out_of_reach(stack: &Stack, bucket: &str, key: &str) {
    let s3 = &stack.primary.s3;
    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]});
    let refusals = [
        refusal(s3.get_object().bucket(bucket).key(key).send().await),
        refusal(s3.list_objects_v2().bucket(bucket).send().await),
        refusal(s3.put_object().bucket(bucket).key(key).send().await),
        refusal(s3.delete_object().bucket(bucket).key(key).send().await),
        refusal(
            s3.put_bucket_policy()
                .bucket(bucket)
                .policy(open.to_string())
                .send()
                .await,
        ),
        refusal(s3.delete_bucket().bucket(bucket).send().await),
    ];
    for (nth, refusal) in refusals.iter().enumerate() {
        assert_eq!(refusal.as_deref(), Some("AccessDenied"), "request {nth}");
    }
}

/// Deploys a function of this name in the account of the vault.
async fn deploy_function(stack: &Stack, environment: &Environment, name: &str, role_of: &str) {
    let code = package(&environment.binaries.join("backup"), Purpose::LocalStack).unwrap();
    let lambda = &stack.dr.lambda;
    let any = lambda.get_function_configuration().function_name(role_of);
    let any = any.send().await.unwrap();
    lambda
        .create_function()
        .function_name(name)
        .runtime(Runtime::Providedal2023)
        .handler("bootstrap")
        .role(any.role().unwrap())
        .code(FunctionCode::builder().zip_file(Blob::new(code)).build())
        .send()
        .await
        .unwrap();
}

/// Holds what came back against the source, but for what the report announces.
async fn came_back(stack: &Stack, deployment: &Deployment, source: &Value, report: &Report) {
    let announced = story::announcements(stack, deployment, report)
        .await
        .unwrap();
    let new = report.new_user_pool_id.as_ref().unwrap();
    let restored = stack.simulator.dump(new.region(), new.as_str()).unwrap();
    let comparison = compare(source, &restored, &announced);
    assert!(
        comparison.unannounced.is_empty(),
        "{:?}",
        comparison.unannounced
    );
    assert!(comparison.users > 10);
}

fn findings(report: &Report, item: &str) -> Vec<String> {
    let all = report.steps.iter().flat_map(|step| &step.findings);
    let about = all.filter(|finding| finding.item.contains(item));
    about.map(|finding| finding.reason.clone()).collect()
}

/// Both stacks as they are deployed, each in its account, and the backups of two pools in the vault;
/// with their keys.
async fn filled_vault(
    environment: &Environment,
    enforce_iam: bool,
) -> (Stack, Deployment, Vec<String>) {
    let options = Options {
        enforce_iam,
        dr_account: Some(VAULT),
        ..Options::default()
    };
    let stack = Stack::start(&environment.python, &options).await.unwrap();
    let mut members = members();
    members["Groups"][0]["RoleArn"] = group_role(ACCOUNT).into();
    let pools = [shop(), members].map(|pool| stack.simulator.seed(PRIMARY_REGION, &pool).unwrap());
    let binaries = &environment.binaries;

    // The vault, the pools' account, and before the vault knows the role nothing gets in.
    let known = vec![("PrimaryAccountId", ACCOUNT.to_owned())];
    let dr = stack.deploy_dr(binaries, &known).await.unwrap();
    let account = [("DRAccountId", VAULT.to_owned())];
    let primary = stack
        .deploy_primary(binaries, &pools, &dr, &account)
        .await
        .unwrap();
    let bucket = output(&primary, "BackupBucketName").unwrap();
    let vault = output(&dr, "DRBucketName").unwrap();
    let answer = invoke_backup(&stack, json!({})).await;
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let keys = body["backups"].as_array().unwrap().iter();
    let keys: Vec<String> = keys
        .map(|backup| backup["s3_key"].as_str().unwrap().to_owned())
        .collect();
    let objects = 2 * keys.len();
    for key in &keys {
        let status = replication_of(&stack.primary, bucket, key).await;
        assert_eq!(status, Some(ReplicationStatus::Failed));
    }
    assert!(versions(&stack.dr, vault).await.is_empty());
    let tried = invoke_backup(&stack, json!({"action": "check_replicas"})).await;
    assert_eq!(tried, json!({"failed": objects, "copied": 1}));
    assert!(versions(&stack.dr, vault).await.is_empty());

    // The third step: what failed comes over without another backup.
    let role = output(&primary, "ReplicationRoleArn").unwrap().to_owned();
    let named = [&known[..], &[("ReplicationRoleArn", role)]].concat();
    let dr = stack.deploy_dr(binaries, &named).await.unwrap();
    let tried = invoke_backup(&stack, json!({"action": "check_replicas"})).await;
    assert_eq!(tried, json!({"failed": objects, "copied": 1}));
    let copied = invoke_backup(&stack, json!({"action": "check_replicas"})).await;
    assert_eq!(
        copied,
        json!({"failed": objects - 1, "copied": objects - 1})
    );
    let none = invoke_backup(&stack, json!({"action": "check_replicas"})).await;
    assert_eq!(none, json!({"failed": 0, "copied": 0}));
    let notifications = output(&dr, "NotificationTopicArn").unwrap();
    let deployment = Deployment {
        notifications: stack.subscribe(notifications).await.unwrap(),
        primary: primary.clone(),
        dr: dr.clone(),
    };
    for key in &keys {
        story::wait_for_replica(&stack, &deployment, key)
            .await
            .unwrap();
    }
    is_out_of_reach(&stack, vault, &keys[0]).await;
    (stack, deployment, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_iam_enforced_a_vault_is_filled_and_out_of_reach_of_the_first_account() {
    let Some(environment) = Environment::ready("a vault in another account") else {
        return;
    };
    let (stack, _, _) = filled_vault(&environment, true).await;

    // Both accounts are looked at, each with credentials of its own.
    let mut terminal = Terminal::new(&environment, &stack, DR_REGION).unwrap();
    terminal.set("AWS_ACCESS_KEY_ID", VAULT);
    let outcomes = |ready: &Value, about: &str| -> Vec<String> {
        let checks = ready["pools"].as_array().unwrap().iter();
        let checks = checks.flat_map(|pool| pool["checks"].as_array().unwrap());
        let found = checks.filter(|check| check["check"] == about);
        found
            .map(|check| check["outcome"].as_str().unwrap().to_owned())
            .collect()
    };
    let ready = terminal.json(&["ready"], 1).unwrap();
    assert_eq!(outcomes(&ready, "whole_replica"), ["yes", "yes"]);
    assert_eq!(outcomes(&ready, "newest_backup"), ["cannot_be_told"; 2]);
    assert!(ready.to_string().contains("--primary-profile"), "{ready}");
    let aws = terminal.folder().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    let profile =
        format!("[profile pools]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = secret\n");
    std::fs::write(aws.join("config"), profile).unwrap();
    let ready = terminal
        .json(&["ready", "--primary-profile", "pools"], 1)
        .unwrap();
    for about in ["whole_replica", "newest_backup", "replication"] {
        assert_eq!(outcomes(&ready, about), ["yes", "yes"], "{about}: {ready}");
    }
}

/// Without IAM enforced: by the credentials that functions then have the simulated Cognito knows
/// which account calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_in_another_account_outlives_the_first_one_and_restores_into_either() {
    let Some(environment) = Environment::ready("a restore from another account") else {
        return;
    };
    let (stack, deployment, keys) = filled_vault(&environment, false).await;
    let bucket = output(&deployment.primary, "BackupBucketName").unwrap();

    // The first account is lost: what it held of backups is gone.
    let sources = [SHOP, MEMBERS].map(|pool| stack.simulator.dump(PRIMARY_REGION, pool).unwrap());
    for (key, version) in versions(&stack.primary, bucket).await {
        let delete = stack.primary.s3.delete_object().bucket(bucket).key(key);
        delete.version_id(version).send().await.unwrap();
    }
    assert!(versions(&stack.primary, bucket).await.is_empty());

    // Into the account of the vault, by the state machine.
    let function = "drill-shop-pre-sign-up";
    deploy_function(
        &stack,
        &environment,
        function,
        &deployment.dr["ManualDRTriggerArn"],
    )
    .await;
    for (pool, source) in [SHOP, MEMBERS].iter().zip(&sources) {
        let restored = story::restore(&stack, &deployment, &story::lost(pool)).await;
        let (execution, report) = restored.unwrap();
        assert!(
            execution.succeeded,
            "{:?} {:?}",
            execution.error, execution.cause
        );
        assert_ne!(report.status, ReportStatus::Failed);
        came_back(&stack, &deployment, source, &report).await;
        let new = report.new_user_pool_id.clone().unwrap();
        let there = stack.simulator.pool(DR_REGION, new.as_str()).unwrap();
        let groups = there.groups;
        let there = there.user_pool;
        assert!(there["Arn"].as_str().unwrap().contains(VAULT), "{there:?}");
        if *pool == MEMBERS {
            assert_eq!(groups[0]["RoleArn"], group_role(VAULT));
            assert_eq!(findings(&report, "gold").len(), 1);
        }
        if *pool == SHOP {
            assert_eq!(
                there["SmsConfiguration"]["SnsCallerArn"],
                format!("arn:aws:iam::{VAULT}:role/drill-shop-sms")
            );
            assert_eq!(
                there["LambdaConfig"],
                json!({"PreSignUp": format!("arn:aws:lambda:{DR_REGION}:{VAULT}:function:{function}")})
            );
            assert_eq!(findings(&report, "SnsCallerArn").len(), 1);
            assert!(findings(&report, "delivery of")[0].contains("another Region or account"));
        }
    }

    // Into the account of the pools, from a file that was copied out of the vault.
    let key = keys.iter().find(|key| key.contains(MEMBERS)).unwrap();
    let file = story::read(&stack, &deployment, key).await.unwrap();
    let terminal = Terminal::new(&environment, &stack, PRIMARY_REGION).unwrap();
    std::fs::write(terminal.folder().join("backup.json.zst"), file).unwrap();
    let report = terminal.json(&["restore", "backup.json.zst"], 3).unwrap();
    let new = report["new_user_pool_id"].as_str().unwrap();
    let there = stack.simulator.pool(PRIMARY_REGION, new).unwrap();
    assert_eq!(there.groups[0]["RoleArn"], group_role(ACCOUNT));
    let there = there.user_pool;
    assert!(
        there["Arn"].as_str().unwrap().contains(ACCOUNT),
        "{there:?}"
    );
}
