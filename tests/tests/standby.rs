//! A standby pool through the deployed stack: made by the trigger, and brought to each backup that
//! arrives by the rule that hears of it.

#![allow(clippy::unwrap_used)]

use cognito::Operation;
use end_to_end::clients::{DR_REGION, PRIMARY_REGION};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::standby::{Followed, make};
use end_to_end::story;
use serde_json::{Value, json};

fn email(name: &str) -> String {
    format!("{name}.planted-7f3a9c@example.com")
}

/// A user, by the e-mail address.
fn user(followed: &Followed<'_>, region: &str, pool: &str, name: &str) -> Option<Value> {
    let pool = followed.stack.simulator.dump(region, pool).unwrap();
    let mut users = pool["Users"].as_array().unwrap().iter();
    let email = email(name);
    let user = users.find(|user| user["Attributes"]["email"] == email);
    user.cloned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_pool_follows_two_backups_as_they_arrive() {
    let Some(environment) = Environment::ready("a standby pool") else {
        return;
    };
    let (stack, mut deployment) = environment.with_pool(&members()).await.unwrap();
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let made = make(&stack, &mut deployment, &environment.binaries, MEMBERS, &[]);
    let (standby, _) = made.await.unwrap();
    stack.simulator.reset_evidence();
    let followed = Followed {
        stack: &stack,
        deployment: &deployment,
        source: MEMBERS.parse().unwrap(),
    };
    let call = async |operation, request| followed.call(operation, request).await.unwrap();
    let named = |name| {
        let user = user(&followed, PRIMARY_REGION, MEMBERS, name).unwrap();
        json!({"Username": user["Username"]})
    };
    let enabled = |name| {
        let user = user(&followed, DR_REGION, standby.as_str(), name);
        user.and_then(|user| user["Enabled"].as_bool())
    };
    let zoe = named("zoe");
    call(Operation::AdminDisableUser, zoe.clone()).await;
    call(Operation::CreateGroup, json!({"GroupName": "bronze"})).await;
    let new = json!({
        "Username": email("ulf"), "MessageAction": "SUPPRESS",
        "UserAttributes": [{"Name": "email_verified", "Value": "true"}],
    });
    call(Operation::AdminCreateUser, new).await;
    let (_, known) = followed.back_up_and_wait().await.unwrap();
    assert_eq!((known.left, known.under_way), (0, None));
    assert_eq!(known.user_pool_id, standby);
    assert_eq!(enabled("zoe"), Some(false));
    assert_eq!(enabled("ulf"), Some(true));
    let dumped = stack.simulator.dump(DR_REGION, standby.as_str()).unwrap();
    let groups = dumped["Groups"].to_string();
    assert!(groups.contains("bronze"), "{groups}");

    call(Operation::AdminEnableUser, zoe).await;
    call(Operation::AdminDeleteUser, named("xia")).await;
    let (_, known) = followed.back_up_and_wait().await.unwrap();
    assert_eq!((known.left, known.gone.len()), (0, 1));
    assert_eq!(enabled("zoe"), Some(true));
    assert_eq!(enabled("xia"), Some(false));

    assert_eq!(stack.simulator.evidence().messages_sent, 0);
    let mails = stack.notifications(&deployment).await;
    let of_syncs = |mail: &&Value| mail.to_string().contains("standby-sync");
    // A standby pool that follows is no news.
    assert_eq!(mails.unwrap().iter().find(of_syncs), None);
}
