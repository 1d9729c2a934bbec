//! Two invocations of one restore live at the same time: Step Functions gave one up that was not
//! dead, or an execution was resumed under its predecessor's last invocation.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use std::collections::BTreeMap;

use model::Failure;
use model::request::{RestoreOptions, UsersEngine};
use support::{BUCKET, World, pools};

/// Every object of the bucket.
fn objects(world: &World) -> BTreeMap<String, Vec<u8>> {
    let keys = world.s3.keys(BUCKET).into_iter();
    keys.map(|key| {
        let bytes = world.s3.get(BUCKET, &key).unwrap();
        (key, bytes.to_vec())
    })
    .collect()
}

/// How many calls of Cognito the first invocation makes.
async fn calls_of_an_invocation(options: &RestoreOptions) -> u64 {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restore = world.request(&lost, options);
    world.invoke(&restore).await.unwrap().unwrap();
    world.calls()
}

/// The earlier invocation is left standing after so many calls, and lives on when the later one
/// has finished.
async fn meet(calls: u64, options: &RestoreOptions) {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restore = world.request(&lost, options);
    let earlier = world.stall_after(calls, &restore).await;
    let restored = Box::pin(world.restore(&lost, options)).await;
    let before = objects(&world);
    let error = earlier.await.unwrap_err();
    assert_eq!(error.failure(), Failure::AlreadyRunning, "{calls}: {error}");
    assert!(!error.failure().is_worth_retrying());
    assert!(before == objects(&world), "{calls}: an object was changed");
    assert!(restored.state.verification.unwrap().passed(), "{calls}");
}

#[tokio::test]
async fn the_earlier_of_two_invocations_ends_and_overwrites_nothing() {
    let options = RestoreOptions {
        users_engine: UsersEngine::Api,
        ..RestoreOptions::default()
    };
    let all = Box::pin(calls_of_an_invocation(&options)).await;
    for part in [1, 3, 5, 7] {
        Box::pin(meet(all * part / 8, &options)).await;
    }
}
