//! Each backup says what changed since the one before it, in its trailer and in its row, and a
//! pool that shrinks keeps its last whole base.

use std::time::Duration;

use crate::support::{BUCKET, World, pool_of};
use backup::RunOutcome;
use cognito::Operation;
use model::change::{Change, ChangeSummary, NotCompared, UserChanges};
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};

pub(crate) async fn run(world: &World, pool: &UserPoolId, differences: bool) -> BackupKey {
    let mut backups = world.backups(Duration::from_secs(600));
    backups.differences = differences;
    match backups.run(vec![pool.clone()]).await.unwrap() {
        RunOutcome::Done(done) => done[0].s3_key.clone(),
        other => panic!("{other:?}"),
    }
}

async fn call(world: &World, pool: &UserPoolId, operation: Operation, members: Value) -> Value {
    let mut request = members;
    request["UserPoolId"] = json!(pool);
    world.operator.call(operation, &request).await.unwrap()
}

async fn change_of(world: &World, key: &BackupKey) -> Change {
    let overview = world.vault.overview(key).await.unwrap();
    overview.trailer.change.unwrap()
}

pub(crate) async fn summary_of(world: &World, key: &BackupKey) -> ChangeSummary {
    match change_of(world, key).await {
        Change::Since(summary) => *summary,
        other => panic!("{other:?}"),
    }
}

fn name(number: usize) -> Value {
    json!({"Username": format!("user-{number:05}")})
}

#[tokio::test]
async fn a_backup_says_in_row_and_trailer_what_changed_since_the_one_before() {
    for differences in [true, false] {
        let world = World::new().await;
        let pool = world.seed(pool_of(130));
        let first = run(&world, &pool, differences).await;
        call(&world, &pool, Operation::AdminDisableUser, name(3)).await;
        call(&world, &pool, Operation::AdminDeleteUser, name(7)).await;
        let ann = json!({"Username": "ann", "MessageAction": "SUPPRESS"});
        call(&world, &pool, Operation::AdminCreateUser, ann).await;
        let nobody = json!({"GroupName": "nobody"});
        call(&world, &pool, Operation::DeleteGroup, nobody).await;
        let client = json!({"ClientId": "client1"});
        call(&world, &pool, Operation::DeleteUserPoolClient, client).await;
        let second = run(&world, &pool, differences).await;
        let third = run(&world, &pool, differences).await;

        let none_before = Change::NotCompared(NotCompared::FirstBackup);
        assert_eq!(change_of(&world, &first).await, none_before);
        let summary = summary_of(&world, &second).await;
        assert_eq!(summary.previous, first);
        let users = UserChanges {
            before: 130,
            after: 130,
            made: 1,
            gone: 1,
            recreated: 0,
            changed: 1,
            disabled: 1,
            enabled: 0,
        };
        assert_eq!(summary.users, users);
        let removed = [
            "app_clients/client1",
            "groups/nobody",
            "client_session_configurations/client1",
        ];
        assert_eq!(summary.settings.removed, removed);
        let critical = summary.critical.named.iter();
        let critical: Vec<String> = critical.map(ToString::to_string).collect();
        assert_eq!(
            critical,
            ["client gone: web (client1)", "group gone: nobody"]
        );
        let nothing = summary_of(&world, &third).await;
        assert_eq!(nothing.previous, second);
        assert!(nothing.is_empty() && !nothing.shrunk, "{nothing:?}");
        assert_eq!(nothing.users.before, 130);

        let rows = world.s3.calls(crate::support::PUT_ITEM);
        let row = |key: &BackupKey| -> Change {
            let mut rows = rows.iter();
            let row = rows.find(|row| row["Item"]["s3_key"]["S"] == key.to_string());
            serde_json::from_str(row.unwrap()["Item"]["change"]["S"].as_str().unwrap()).unwrap()
        };
        assert_eq!(row(&first), none_before);
        assert_eq!(row(&second), Change::Since(Box::new(summary)));
    }
}

#[tokio::test]
async fn without_time_a_backup_is_made_and_says_that_it_was_not_compared() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    run(&world, &pool, true).await;
    let mut backups = world.backups(Duration::ZERO);
    backups.differences = true;
    backups.continuation = Some(&world.continuation);
    let mut progress = backups.run(vec![pool.clone()]).await.unwrap();
    while let RunOutcome::InProgress(_) = &progress {
        let cursor = progress.to_continuation()["continue"].clone();
        progress = backups.go_on(cursor).await.unwrap();
    }
    let keys = world.keys();
    let last = keys.last().unwrap();
    let no_time = Change::NotCompared(NotCompared::NoTime);
    assert_eq!(change_of(&world, last).await, no_time);
    assert_eq!(world.content(last).await.users.len(), 130);
}

#[tokio::test]
async fn a_backup_before_that_is_damaged_is_passed_over_and_without_any_other_said_so() {
    let world = World::new().await;
    let pool = world.seed(pool_of(30));
    let first = run(&world, &pool, false).await;
    let second = run(&world, &pool, false).await;
    let damage = |key: &BackupKey| {
        let bytes = world.s3.get(BUCKET, &key.to_string()).unwrap();
        let half = bytes[..bytes.len() / 2].to_vec();
        world.s3.put(BUCKET, &key.to_string(), half);
    };
    damage(&second);
    let third = run(&world, &pool, false).await;
    assert_eq!(summary_of(&world, &third).await.previous, first);
    for key in [&first, &third] {
        damage(key);
    }
    let fourth = run(&world, &pool, false).await;
    let unreadable = Change::NotCompared(NotCompared::Unreadable);
    assert_eq!(change_of(&world, &fourth).await, unreadable);
}

fn kept(world: &World) -> Vec<String> {
    let keys = world.s3.keys(BUCKET).into_iter();
    keys.filter(|key| key.starts_with("cognito-backup/kept/"))
        .collect()
}

#[tokio::test]
async fn a_pool_that_shrinks_keeps_its_last_whole_base_once() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let base = run(&world, &pool, true).await;
    let disable = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            call(&world, &pool, Operation::AdminDisableUser, name(number)).await;
        }
    };
    disable(0..6).await;
    let calm = run(&world, &pool, true).await;
    assert!(!summary_of(&world, &calm).await.shrunk);
    assert_eq!(kept(&world), [""; 0]);
    let mut summaries = Vec::new();
    for numbers in [10..30, 30..50] {
        disable(numbers).await;
        let key = run(&world, &pool, true).await;
        summaries.push(summary_of(&world, &key).await);
    }
    assert!(summaries.iter().all(|summary| summary.shrunk));
    let objects = kept(&world);
    assert_eq!(objects.len(), 1);
    for summary in &summaries {
        assert_eq!(summary.kept.as_ref(), Some(&objects[0]));
    }
    // It is the base as it was, without a tag by which a rule would end it.
    let bytes = world.s3.get(BUCKET, &objects[0]).unwrap();
    assert_eq!(bytes, world.s3.get(BUCKET, &base.to_string()).unwrap());
    assert_eq!(world.s3.tags(BUCKET, &objects[0]), None);
    let again = run(&world, &pool, true).await;
    assert!(!summary_of(&world, &again).await.shrunk);
    assert_eq!(kept(&world), objects);
    // When all has expired it opens under the key that the base had.
    for key in world.s3.keys(BUCKET) {
        if !objects.contains(&key) {
            world.s3.remove(BUCKET, &key);
        }
    }
    let content = world.content(&base).await;
    assert_eq!(content.users.len(), 130);
    assert!(content.users.iter().all(|user| user.enabled));
}

/// Makes the backup `key` so many days older.
fn move_back(world: &World, key: &BackupKey, days_ago: i64) -> BackupKey {
    let ago = key.began() - jiff::SignedDuration::from_hours(24 * days_ago);
    let earlier = BackupKey::new(key.pool(), ago);
    let bytes = world.s3.get(BUCKET, &key.to_string()).unwrap();
    world.s3.put(BUCKET, &earlier.to_string(), bytes);
    world.s3.remove(BUCKET, &key.to_string());
    earlier
}

#[tokio::test]
async fn a_pool_that_loses_a_few_users_in_each_backup_counts_as_shrunk_within_a_week_once() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let week_ago = move_back(&world, &run(&world, &pool, true).await, 8);
    let disable = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            call(&world, &pool, Operation::AdminDisableUser, name(number)).await;
        }
    };
    disable(0..6).await;
    let key = run(&world, &pool, true).await;
    assert!(!summary_of(&world, &key).await.shrunk);
    let calm = move_back(&world, &key, 1);

    disable(4..10).await;
    let key = run(&world, &pool, true).await;
    let summary = summary_of(&world, &key).await;
    assert!(summary.shrunk, "{summary:?}");
    assert_eq!(summary.users.disabled, 4);
    let loss = summary.slow_loss.unwrap();
    assert_eq!((loss.since, loss.users.disabled), (week_ago.clone(), 10));
    let objects = kept(&world);
    assert_eq!((objects.len(), summary.kept.as_ref()), (1, objects.first()));
    let good = world.s3.get(BUCKET, &week_ago.to_string());
    assert_eq!(world.s3.get(BUCKET, &objects[0]), good);

    // The later backups of the day say nothing of it, and those of the next day only what is new.
    disable(10..12).await;
    let later = run(&world, &pool, true).await;
    assert!(!summary_of(&world, &later).await.shrunk);
    for key in [&later, &calm] {
        world.s3.remove(BUCKET, &key.to_string());
    }
    let told = move_back(&world, &key, 2);
    let key = run(&world, &pool, true).await;
    let summary = summary_of(&world, &key).await;
    assert!(!summary.shrunk, "{summary:?}");
    assert_eq!(summary.last_shrunk, Some(told.clone()));
    move_back(&world, &key, 1);
    disable(12..20).await;
    let key = run(&world, &pool, true).await;
    let summary = summary_of(&world, &key).await;
    let loss = summary.slow_loss.unwrap();
    assert_eq!((loss.since, loss.users.disabled), (told, 10));
    assert_eq!(kept(&world), objects);
}

#[tokio::test]
async fn a_pool_that_is_younger_than_a_week_is_compared_with_its_first_backup() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let first = move_back(&world, &run(&world, &pool, false).await, 3);
    for (numbers, days_ago) in [(0..6, 2), (6..12, 1)] {
        for number in numbers {
            call(&world, &pool, Operation::AdminDeleteUser, name(number)).await;
        }
        let key = run(&world, &pool, false).await;
        let summary = summary_of(&world, &key).await;
        let since = summary.slow_loss.map(|loss| loss.since);
        let expected = (days_ago == 1).then(|| first.clone());
        assert_eq!(since, expected);
        move_back(&world, &key, days_ago);
    }
}
