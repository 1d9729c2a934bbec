//! Two invocations of one restore live at the same time: Step Functions gave one up that was not
//! dead, or an execution was resumed under its predecessor's last invocation.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use std::collections::BTreeMap;

use model::Failure;
use model::request::{RestoreAction, RestoreOptions, UsersEngine};
use support::{BUCKET, World, pools, request};

/// Every object of the bucket.
fn objects(world: &World) -> BTreeMap<String, Vec<u8>> {
    let keys = world.s3.keys(BUCKET).into_iter();
    keys.map(|key| {
        let bytes = world.s3.get(BUCKET, &key).unwrap();
        (key, bytes.to_vec())
    })
    .collect()
}

#[tokio::test]
async fn the_earlier_of_two_invocations_ends_and_overwrites_nothing() {
    let options = RestoreOptions {
        users_engine: UsersEngine::Api,
        ..RestoreOptions::default()
    };
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    world
        .invoke(&request(&lost, RestoreAction::Restore, &options))
        .await;
    let all = world.calls();
    for part in [1, 3, 5, 7] {
        let calls = all * part / 8;
        let world = World::new().await;
        let lost = world.lose(pools::everything()).await;
        let restore = request(&lost, RestoreAction::Restore, &options);
        let earlier = world.stall_after(calls, &restore).await;
        let restored = world.restore(&lost, &options).await;
        let before = objects(&world);
        let error = earlier.await.unwrap_err();
        assert_eq!(error.failure(), Failure::AlreadyRunning, "{calls}: {error}");
        assert!(!error.failure().is_worth_retrying());
        assert!(before == objects(&world), "{calls}: an object was changed");
        assert!(restored.state.verification.unwrap().passed(), "{calls}");
    }
}
