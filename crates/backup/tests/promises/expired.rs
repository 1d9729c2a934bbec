//! A page token that has expired, or that Cognito refuses, costs no user and no document.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Faults, When};

use crate::dying::{in_the_users, suspended};
use crate::support::{BUCKET, World, refusal};

/// Lets the tokens grow old that the invocations before this one left.
fn grow_old(world: &World) {
    let keys = world.s3.keys(BUCKET).into_iter();
    for key in keys.filter(|key| key.ends_with("-listing.json")) {
        let mut listing: Value =
            serde_json::from_slice(&world.s3.get(BUCKET, &key).unwrap()).unwrap();
        let positions = listing["open"].as_object_mut();
        for (_, position) in positions.into_iter().flatten() {
            position["reached"] = json!("2020-01-01T00:00:00Z");
        }
        world.s3.put(BUCKET, &key, listing.to_string());
    }
}

#[tokio::test]
async fn a_listing_that_has_expired_begins_again_in_the_same_document() {
    let world = World::new().await;
    let cursor = suspended(&world).await;
    let key = cursor["current"]["key"].clone();
    grow_old(&world);
    let long = Duration::from_secs(60);
    let progress = world.backups(long).go_on(cursor).await.unwrap();
    assert_eq!(progress.backups()[0].user_count, 1_200);
    assert_eq!(progress.backups()[0].s3_key.to_string(), key);
    assert_eq!(world.only_content().await.users.len(), 1_200);
    assert_eq!(world.s3.open_uploads(), 0);
    let refused = world.simulator.evidence().refused;
    let of_users = refused.iter().filter(|call| call.operation == "ListUsers");
    assert_eq!(of_users.count(), 0, "an old token is not tried");
}

#[tokio::test]
async fn a_token_that_cognito_refuses_begins_the_listing_again_in_the_same_document() {
    let world = World::new().await;
    let cursor = suspended(&world).await;
    let key = cursor["current"]["key"].clone();
    let refused = refusal("InvalidParameterException");
    world
        .simulator
        .set_faults(Faults::one("ListUsers", When::Nth(1), refused));
    let long = Duration::from_secs(60);
    let progress = world.backups(long).go_on(cursor).await.unwrap();
    assert_eq!(progress.backups()[0].user_count, 1_200);
    assert_eq!(progress.backups()[0].s3_key.to_string(), key);
    assert_eq!(world.only_content().await.users.len(), 1_200);
    assert_eq!(world.s3.open_uploads(), 0);
}

#[tokio::test]
async fn a_pool_whose_listing_never_ends_is_given_up() {
    let world = World::new().await;
    let mut cursor = suspended(&world).await;
    let mut beginnings = 1;
    let error = loop {
        grow_old(&world);
        match world.backups(Duration::ZERO).go_on(cursor).await {
            Ok(progress) => cursor = in_the_users(&world, progress).await,
            Err(error) => break error,
        }
        beginnings += 1;
        assert!(beginnings < 20, "begun again and again");
    };
    assert_eq!(beginnings, 8);
    let text = error.to_string();
    assert!(text.contains("page tokens expired"), "{text}");
    assert_eq!(world.s3.open_uploads(), 0);
    assert!(world.keys().is_empty());
}
