//! The later backups of a day are differences against the first, and hold all the same.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{BUCKET, World, pool_of};
use backup::RunOutcome;
use cognito::Operation;
use jiff::{Timestamp, tz::TimeZone};
use model::{BackupKey, UserPoolId};
use serde_json::json;
use vault::testing::Fault;

/// A backup begins on the same UTC day as the one before it.
async fn not_at_midnight() {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    if now.hour() == 23 && now.minute() >= 58 {
        tokio::time::sleep(Duration::from_secs(130)).await;
    }
}

async fn run(world: &World, pool: &UserPoolId) -> Result<BackupKey, backup::BackupError> {
    let mut backups = world.backups(Duration::from_secs(600));
    backups.differences = true;
    match backups.run(vec![pool.clone()]).await? {
        RunOutcome::Done(done) => Ok(done[0].s3_key.clone()),
        other => panic!("{other:?}"),
    }
}

async fn change_the_pool(world: &World, pool: &UserPoolId) {
    let request = json!({"UserPoolId": pool, "Username": "user-00003"});
    let called = world.operator.call(Operation::AdminDisableUser, &request);
    called.await.unwrap();
}

fn tag(world: &World, key: &BackupKey) -> String {
    world.s3.tags(BUCKET, &key.to_string()).unwrap()
}

fn nothing_is_left_over(world: &World) -> bool {
    let keys = world.s3.keys(BUCKET);
    !keys.iter().any(|key| key.ends_with("whole.json.zst"))
}

#[tokio::test]
async fn the_second_backup_of_a_day_is_a_difference_with_a_row_of_its_own() {
    not_at_midnight().await;
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let first = run(&world, &pool).await.unwrap();
    let unchanged = run(&world, &pool).await.unwrap();
    change_the_pool(&world, &pool).await;
    let second = run(&world, &pool).await.unwrap();
    assert_eq!(tag(&world, &first), "cognito-backup=base-of-month");
    assert_eq!(tag(&world, &unchanged), "cognito-backup=difference");
    assert_eq!(tag(&world, &second), "cognito-backup=difference");
    assert!(nothing_is_left_over(&world));
    // The base a second time, where no lifecycle rule ends it.
    let last = format!("cognito-backup/last/{pool}.json.zst");
    let last = world.s3.get(BUCKET, &last).unwrap();
    assert_eq!(last, world.s3.get(BUCKET, &first.to_string()).unwrap());
    let (first, unchanged, second) = (
        world.content(&first).await,
        world.content(&unchanged).await,
        world.content(&second).await,
    );
    assert_eq!(first.users, unchanged.users);
    let members = |content: &crate::support::Content| -> BTreeSet<String> {
        content.memberships["thirds"].iter().cloned().collect()
    };
    assert_eq!(members(&first), members(&second));
    assert_eq!(second.users.len(), 130);
    let changed = second
        .users
        .iter()
        .filter(|user| !first.users.contains(user));
    let changed: Vec<&str> = changed.map(|user| user.username.as_str()).collect();
    assert_eq!(changed, ["user-00003"]);
    let rows = world.s3.calls(crate::support::PUT_ITEM);
    assert_eq!(world.recorded().len(), 3);
    for row in rows {
        assert_eq!(row["Item"]["user_count"]["N"], "130");
        assert_eq!(row["Item"]["membership_count"]["N"], "44");
    }
}

#[tokio::test]
async fn a_damaged_base_is_not_built_upon() {
    not_at_midnight().await;
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let first = run(&world, &pool).await.unwrap();
    let mut bytes = world.s3.get(BUCKET, &first.to_string()).unwrap().to_vec();
    // Within the users: the ends say nothing of it.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    world.s3.put(BUCKET, &first.to_string(), bytes);
    let second = run(&world, &pool).await.unwrap();
    assert_eq!(tag(&world, &second), "cognito-backup=base");
    assert_eq!(world.content(&second).await.users.len(), 130);
}

#[tokio::test]
async fn a_difference_that_dies_at_any_request_leaves_nothing_half() {
    not_at_midnight().await;
    let calm = World::new().await;
    let pool = calm.seed(pool_of(65));
    run(&calm, &pool).await.unwrap();
    calm.s3.revive();
    run(&calm, &pool).await.unwrap();
    let requests = calm.s3.requests();
    assert!(requests > 15, "{requests}");
    for nth in 1..=requests {
        for fault in [Fault::Before, Fault::After] {
            let world = World::new().await;
            let pool = world.seed(pool_of(65));
            run(&world, &pool).await.unwrap();
            world.s3.die_at(nth, fault);
            let _ = run(&world, &pool).await;
            world.s3.revive();
            run(&world, &pool).await.unwrap();
            let keys = world.keys();
            assert!(keys.len() >= 2, "request {nth} {fault:?}");
            for key in keys {
                let content = world.content(&key).await;
                assert_eq!(content.users.len(), 65, "request {nth} {fault:?}");
                assert!(
                    world.recorded().contains(&key.to_string()),
                    "{nth} {fault:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_difference_in_many_invocations_is_the_same_as_in_one() {
    not_at_midnight().await;
    let world = World::new().await;
    let pool = world.seed(pool_of(300));
    let first = run(&world, &pool).await.unwrap();
    let invoke = || {
        let mut backups = world.backups(Duration::ZERO);
        backups.differences = true;
        backups.continuation = Some(&world.continuation);
        backups
    };
    let mut progress = invoke().run(vec![pool.clone()]).await.unwrap();
    let mut invocations = 1;
    while let RunOutcome::InProgress(_) = &progress {
        let cursor = progress.to_continuation()["continue"].clone();
        progress = invoke().go_on(cursor).await.unwrap();
        invocations += 1;
        assert!(invocations < 200, "no end in sight");
    }
    assert!(invocations > 3, "{invocations}");
    let keys = world.keys();
    let last = keys.last().unwrap();
    // The last invocation had no time to compare.
    assert_eq!(tag(&world, last), "cognito-backup=base");
    assert!(nothing_is_left_over(&world));
    assert_eq!(
        world.content(last).await.users,
        world.content(&first).await.users
    );
    assert_eq!(
        tag(&world, &run(&world, &pool).await.unwrap()),
        "cognito-backup=difference"
    );
}
