//! Users with a temporary password: nobody knows it, so they are counted and can be invited again.

use cognito::Operation;
use model::request::UsersEngine;
use serde_json::{Value, json};

use super::harness::Stage;
use super::{assorted, engine, user};

#[tokio::test]
async fn who_has_a_temporary_password_is_counted_and_can_be_invited_again() {
    let mut pool = assorted(json!({}));
    let more = [
        user("=evil", "FORCE_CHANGE_PASSWORD", json!({})),
        user(
            "dormant",
            "FORCE_CHANGE_PASSWORD",
            json!({"Enabled": false}),
        ),
        user(
            "unreachable",
            "FORCE_CHANGE_PASSWORD",
            json!({"Attributes": {"name": "x"}}),
        ),
        user(
            "texted",
            "FORCE_CHANGE_PASSWORD",
            json!({"Attributes": {"phone_number": "+15550101"}}),
        ),
    ];
    let more = more.map(|user| serde_json::from_value(user).unwrap());
    pool.users.extend(more);
    let stage = Stage::new(pool).await;
    let (result, state) = stage.restore(engine(UsersEngine::Api)).await;
    let counts = &state.users.counts;
    assert_eq!((counts.temporary_password, counts.failed), (5, 0));
    assert_eq!(counts.cannot_reset_password, 1, "whom nothing reaches");
    let requests = stage.text("invitations.jsonl");
    let requests: Vec<Value> = requests
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut names: Vec<&str> = requests
        .iter()
        .map(|request| request["Username"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["=evil", "forced", "texted"]);
    let script = result.manual_steps[0].command.as_deref().unwrap();
    assert!(script.contains("invitations.jsonl"), "{script}");
    assert!(!script.contains("evil"), "names are not in the script");
    assert_eq!(stage.simulator.evidence().messages_sent, 0);
    for request in &requests {
        stage
            .cognito
            .call(Operation::AdminCreateUser, request)
            .await
            .unwrap();
    }
    assert_eq!(stage.simulator.evidence().messages_sent, 3);
}

#[tokio::test]
async fn where_all_users_had_passwords_of_their_own_nobody_is_invited() {
    let mut pool = assorted(json!({}));
    pool.users.retain(|user| user.username != "forced");
    let stage = Stage::new(pool).await;
    let (result, state) = stage.restore(engine(UsersEngine::Api)).await;
    assert_eq!(state.users.counts.temporary_password, 0);
    assert!(result.manual_steps.is_empty());
    let written = stage.s3.keys("dr");
    assert!(!written.iter().any(|key| key.contains("invitations")));
}
