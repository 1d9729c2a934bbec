//! `cognito-dr` on the local stack, beside the Lambda functions and their buckets.

#![allow(clippy::unwrap_used)]

use end_to_end::clients::{DR_REGION, PRIMARY_REGION};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::output;
use end_to_end::story;
use end_to_end::terminal::Terminal;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_lambda_functions_left_is_seen_from_a_terminal() {
    let Some(environment) = Environment::ready("the command on the local stack") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let keys = story::back_up(&stack, &deployment, &json!({}))
        .await
        .unwrap();
    let key = keys[0].as_str();
    story::wait_for_replica(&stack, &deployment, key)
        .await
        .unwrap();

    // At home, with the primary bucket.
    let mut terminal = Terminal::new(&environment, &stack, PRIMARY_REGION).unwrap();
    let bucket = output(&deployment.primary, "BackupBucketName").unwrap();
    terminal.set("COGNITO_DR_VAULT", format!("s3://{bucket}"));
    let pools = terminal.json(&["pools"], 0).unwrap();
    assert_eq!(pools["pools"][0]["id"], MEMBERS);
    assert_eq!(pools["pools"][0]["newest_backup"]["key"], key);

    // On the bad day, with the replica in the other Region.
    let mut terminal = Terminal::new(&environment, &stack, DR_REGION).unwrap();
    let bucket = output(&deployment.dr, "DRBucketName").unwrap();
    terminal.set("COGNITO_DR_VAULT", format!("s3://{bucket}"));
    let listed = terminal.json(&["backups", MEMBERS], 0).unwrap();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    assert_eq!(listed["backups"][0]["key"], key);
    let shown = terminal
        .json(&["show", "latest", "--pool", MEMBERS], 0)
        .unwrap();
    assert_eq!(shown["pool_id"], MEMBERS);
    let users = &shown["users"];
    let by_status = users["by_status"].as_object().unwrap().values();
    let counted: u64 = by_status.filter_map(|count| count.as_u64()).sum();
    assert!(counted > 0 && users["total"] == counted, "{users}");
    let checked = terminal.json(&["check", "--all"], 0).unwrap();
    assert_eq!(
        (&checked["whole"], &checked["not_whole"]),
        (&json!(1), &json!(0))
    );

    // One byte too few, and it is noticed.
    let object = stack.dr.s3.get_object().bucket(bucket).key(key);
    let body = object.send().await.unwrap().body.collect().await.unwrap();
    let body = body.to_vec();
    let cut_off = body[..body.len() - 1].to_vec();
    let put = stack.dr.s3.put_object().bucket(bucket).key(key);
    put.body(cut_off.into()).send().await.unwrap();
    let checked = terminal.json(&["check", key], 2);
    assert!(
        checked.is_err(),
        "a backup that cannot be opened is an error"
    );
    let checked = terminal.json(&["check", "--all"], 1).unwrap();
    assert_eq!(checked["not_whole"], 1);
}
