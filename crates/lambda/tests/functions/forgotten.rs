//! Users who are forgotten by the backup function are not brought back by the restore function.

use serde_json::json;

use crate::account::{Account, BUCKET, RESTORE, restore_event};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_backup_function_was_told_to_forget_is_not_restored() {
    let account = Account::new();
    let pool = account.seed("shop");
    let users = account.simulator.pool("us-east-1", &pool).unwrap().users;
    let sub = users[0].sub.clone().unwrap();
    let run = |event| account.backup("*", event);
    run(json!({})).await;
    let keys = account.s3.keys(BUCKET);
    let is_of_pool = |key: &&String| key.contains(&pool) && !key.contains("/last/");
    let key = keys.iter().find(is_of_pool).unwrap();

    account.simulator.reset_evidence();
    let forget = json!({"action": "forget", "user_pool_id": pool, "subs": [sub]});
    let answer = run(forget).await.answer;
    assert_eq!(answer, json!({"changed": 1, "unchanged": 0}));
    // It works without Cognito, which may be what is down.
    assert!(account.simulator.evidence().calls.is_empty());

    // Restored, compared, reported.
    let mut answers = Vec::new();
    while answers.len() < 10 {
        let answer = account.restore(restore_event(&pool, key)).await.answer;
        let goes_on = ["IN_PROGRESS", "WAITING"].map(|status| answer["status"] == status);
        answers.push(answer);
        if !goes_on.contains(&true) {
            break;
        }
    }
    let restored = answers.pop().unwrap();
    let new = restored["new_user_pool_id"].as_str().unwrap();
    let made = account.simulator.pool("us-west-2", new).unwrap();
    assert!(made.users.is_empty(), "{restored}");
    let report = format!("cognito-restore/{RESTORE}/report.json");
    let report = account.s3.get(BUCKET, &report).expect("the report");
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["users_forgotten"], 1);

    let undo = json!({"action": "forget", "user_pool_id": pool, "subs": [sub], "undo": true});
    let answer = run(undo).await.answer;
    assert_eq!(answer, json!({"changed": 1, "unchanged": 0}));
}
