//! Groups that were deleted from a live pool come back with what belonged to them.

use std::collections::BTreeMap;

use model::request::{RestoreOptions, Selection};
use serde_json::{Value, json};
use simulator::PoolDocument;

use super::assert_passed;
use super::stage::{BUCKET, Stage};

fn pool() -> Value {
    let user = |number: usize| {
        let groups: Vec<&str> = ["kept", "admins", "editors", "empty"]
            .into_iter()
            .enumerate()
            .filter(|(place, name)| number.is_multiple_of(place + 2) && *name != "empty")
            .map(|(_, name)| name)
            .collect();
        json!({
            "Username": format!("user-{number:02}"),
            "UserStatus": "CONFIRMED",
            "Attributes": {"email": format!("user-{number:02}@example.com"), "email_verified": "true"},
            "Groups": groups,
        })
    };
    json!({
        "UserPool": {"Name": "shop"},
        "Groups": [
            {"GroupName": "kept"},
            {"GroupName": "admins", "Description": "may do anything", "Precedence": 0},
            {"GroupName": "editors", "Precedence": 5},
            {"GroupName": "empty"},
        ],
        "Users": (0..20).map(user).collect::<Vec<_>>(),
    })
}

fn groups(pool: &PoolDocument) -> BTreeMap<String, Vec<String>> {
    let users = pool.users.iter();
    let groups = users.map(|user| {
        let mut groups = user.groups.clone();
        groups.sort();
        (user.username.clone(), groups)
    });
    groups.collect()
}

/// The pool without three of its groups and one of its users, who had left the group that stayed.
async fn accident() -> (Stage, RestoreOptions, BTreeMap<String, Vec<String>>) {
    let mut stage = Stage::new(pool()).await;
    stage.allow_existing("*");
    let mut wanted = BTreeMap::new();
    let target = stage.revive(|pool| {
        wanted = groups(pool);
        pool.groups.retain(|group| group["GroupName"] == "kept");
        pool.users.retain(|user| user.username != "user-06");
        for user in &mut pool.users {
            user.groups.retain(|group| group == "kept");
        }
        let left = pool
            .users
            .iter_mut()
            .find(|user| user.username == "user-02");
        left.unwrap().groups.clear();
        wanted
            .get_mut("user-02")
            .unwrap()
            .retain(|name| name != "kept");
    });
    let options = RestoreOptions {
        target_user_pool_id: Some(target),
        select: Some(Selection::MissingGroupsAndUsers),
        ..RestoreOptions::default()
    };
    (stage, options, wanted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_are_made_again_have_their_members_again() {
    let (stage, options, wanted) = accident().await;
    let state = stage.restore(options).await.unwrap();
    let restored = stage.new_pool(&state);
    assert_eq!(restored.groups.len(), 4);
    assert_eq!(groups(&restored), wanted);
    assert_eq!(state.users.counts.already_there, 19);
    assert_eq!(state.users.counts.restored, 1);
    assert_passed(&stage.verify(&state).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_was_made_again_is_compared_with_all_its_members() {
    let (stage, options, _) = accident().await;
    let state = stage.restore(options).await.unwrap();
    stage.change_new_pool(&state, |pool| {
        let member = pool
            .users
            .iter_mut()
            .find(|user| user.username == "user-12");
        member.unwrap().groups.retain(|group| group != "admins");
        let group = pool.groups.iter_mut();
        let group = group
            .into_iter()
            .find(|group| group["GroupName"] == "editors");
        group.unwrap()["Precedence"] = json!(6);
    });
    let verification = stage.verify(&state).await;
    let paths: Vec<&str> = verification
        .differences
        .iter()
        .map(|difference| difference.path.as_str())
        .collect();
    assert_eq!(verification.unannounced, 2, "{paths:?}");
    assert!(paths.contains(&"groups/editors/Precedence"), "{paths:?}");
    assert!(
        paths
            .iter()
            .any(|path| path.starts_with("group_memberships/admins/")),
        "{paths:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_may_die_while_groups_are_made_again() {
    let (calm, options, wanted) = accident().await;
    calm.restore(options).await.unwrap();
    let calls: u64 = calm.simulator.evidence().calls.values().sum();
    for nth in (1..=calls).step_by(super::every()) {
        let (stage, options, _) = accident().await;
        stage.die_with(options.clone(), nth).await;
        let state = stage.restore(options).await.unwrap();
        let restored = stage.new_pool(&state);
        assert_eq!(groups(&restored), wanted, "died at call {nth}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_named_by_an_object_come_back_and_nobody_else() {
    let mut stage = Stage::new(pool()).await;
    stage.allow_existing("*");
    let target = stage.revive(|pool| pool.users.retain(|user| user.username == "user-19"));
    let key = "cognito-restore/selections/wanted";
    let options = || RestoreOptions {
        target_user_pool_id: Some(target.clone()),
        select: serde_json::from_value(json!({ "users_from": key })).unwrap(),
        ..RestoreOptions::default()
    };
    let missing = stage.restore(options()).await.unwrap_err().to_string();
    assert!(missing.contains(key), "{missing}");
    let put = |names: &str| stage.s3.put(BUCKET, key, names.to_owned());
    put("user-06\nuser-12\n");
    // What the restore was begun with stays with it, whatever the object says by then.
    stage.die_with(options(), 15).await;
    put("user-01\n");
    let state = stage.restore(options()).await.unwrap();
    let mut there: Vec<String> = stage
        .new_pool(&state)
        .users
        .into_iter()
        .map(|user| user.username)
        .collect();
    there.sort();
    assert_eq!(there, ["user-06", "user-12", "user-19"]);
    assert_eq!(state.users.counts.restored, 2);
    let kept = serde_json::to_string(&state).unwrap();
    assert!(kept.contains(key) && !kept.contains("user-06"), "{kept}");
    assert_passed(&stage.verify(&state).await);
}
