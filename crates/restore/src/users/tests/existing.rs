//! Into a pool that exists.

use std::collections::BTreeMap;
use std::time::Duration;

use model::request::{RestoreOptions, Selection};
use serde_json::json;

use super::harness::{Person, Stage};
use super::{assorted, expected, user};

/// A live pool, the one that was backed up, that lost some of its users and changed others.
async fn accident() -> (Stage, BTreeMap<String, Person>) {
    let stage = Stage::new(assorted(json!({}))).await;
    stage.revive(|pool| {
        pool.users
            .retain(|user| !["confirmed", "forced", "reset"].contains(&user.username.as_str()));
        let changed = pool
            .users
            .iter_mut()
            .find(|user| user.username == "plain")
            .unwrap();
        changed
            .attributes
            .insert("name".into(), "changed since".into());
        changed.groups.clear();
    });
    let before = stage.restored();
    (stage, before)
}

#[tokio::test]
async fn into_an_existing_pool_go_only_the_users_that_it_lacks() {
    for (select, back) in [
        (None, vec!["confirmed", "forced", "reset"]),
        (
            Some(Selection::MissingUsers),
            vec!["confirmed", "forced", "reset"],
        ),
        (
            Some(Selection::Users(vec!["forced".into(), "plain".into()])),
            vec!["forced"],
        ),
        (
            Some(Selection::Group("editors".into())),
            vec!["confirmed", "forced"],
        ),
    ] {
        let (stage, before) = accident().await;
        let options = RestoreOptions {
            target_user_pool_id: Some(stage.target.clone()),
            select: select.clone(),
            ..RestoreOptions::default()
        };
        let (_, state) = stage.restore(options).await;
        let mut wanted = before;
        for (name, mut person) in expected(stage.lost()) {
            // No job makes users in a live pool.
            if person.status == "RESET_REQUIRED" {
                person.status = "CONFIRMED".into();
            }
            if back.contains(&name.as_str()) {
                wanted.insert(name, person);
            }
        }
        stage.assert_restored(&wanted, &format!("{select:?}"));
        assert_eq!(stage.simulator.evidence().messages_sent, 0);
        assert_eq!(state.users.counts.restored, back.len() as u64, "{select:?}");
    }
}

#[tokio::test]
async fn the_list_of_an_existing_pool_may_take_several_invocations() {
    let mut pool = assorted(json!({}));
    let many = (0..1200).map(|number| {
        serde_json::from_value(user(&format!("user-{number}"), "CONFIRMED", json!({}))).unwrap()
    });
    pool.users.extend(many);
    let mut stage = Stage::new(pool).await;
    stage.revive(|pool| pool.users.retain(|user| user.username != "user-7"));
    stage.simulator.set_latency(simulator::Latency::Fixed(60));
    stage.give(Duration::from_millis(900));
    let options = RestoreOptions {
        target_user_pool_id: Some(stage.target.clone()),
        ..RestoreOptions::default()
    };
    let (_, state) = stage.restore(options).await;
    assert_eq!(state.users.counts.restored, 1);
    assert_eq!(state.users.counts.already_there, 1209);
    let parts = stage.s3.keys("dr");
    assert!(
        parts.iter().any(|key| key.contains(".unfinished")),
        "{parts:?}"
    );
    assert_eq!(stage.map().len(), 1);
}

#[tokio::test]
async fn in_a_pool_that_a_restore_made_users_are_known_by_its_user_map() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.restore(RestoreOptions::default()).await;
    let restored = stage.map();
    stage.change(|pool| {
        let tags = json!({"cognito-dr-restore-id": "r-1"});
        pool.user_pool.insert("UserPoolTags".into(), tags);
        pool.users.retain(|user| user.username != "forced");
        // Somebody else came under the name of one who is gone.
        let namesake = pool
            .users
            .iter_mut()
            .find(|user| user.username == "confirmed");
        let namesake = namesake.unwrap();
        namesake.sub = Some("00000000-0000-4000-8000-0000000000ff".into());
        namesake.groups.clear();
    });
    stage.begin_another();
    let options = stage.for_live_pool(Some(Selection::Group("editors".into())));
    let (_, state) = stage.restore(options).await;
    assert_eq!(
        (state.users.counts.restored, state.users.counts.failed),
        (1, 1)
    );
    let options = stage.for_live_pool(None);
    stage.begin_another();
    let (_, state) = stage.restore(options).await;
    let counts = &state.users.counts;
    assert_eq!(counts.already_there as usize, restored.len() - 2);
    let groups = &stage.restored()["confirmed"].groups;
    assert!(groups.is_empty(), "{groups:?}");
}
