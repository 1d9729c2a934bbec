//! All shares of a pool's users together are the backup of the pool.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::{World, pool_of};
use backup::{BackupError, Backups, RunOutcome};
use model::{BackupKey, Failure, Shard, UserPoolId};
use simulator::{Fault, FaultRule, Faults, When};

const TIME: Duration = Duration::from_secs(600);
const USERS: usize = 230;

async fn back_up(
    world: &World,
    pool: &UserPoolId,
    shard: Option<Shard>,
) -> Result<BackupKey, BackupError> {
    let backups = Backups {
        shard,
        ..world.backups(TIME)
    };
    match backups.run(vec![pool.clone()]).await? {
        RunOutcome::Done(mut backups) => Ok(backups.remove(0).s3_key),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_shares_are_the_backup_user_for_user_whatever_their_number() {
    for of in [1, 2, 3, 7, 16, 20] {
        let world = World::new().await;
        let pool = world.seed(pool_of(USERS));
        let whole = back_up(&world, &pool, None).await.unwrap();
        let whole = world.content(&whole).await;
        let mut last = None;
        for shard in Shard::new(1, of).unwrap().all() {
            let key = back_up(&world, &pool, Some(shard)).await.unwrap();
            assert_eq!(key.shard(), Some(shard));
            last = Some(key);
        }
        let together = world.content(&last.unwrap()).await;
        let name = |user: &model::document::UserRecord| user.username.as_str().to_owned();
        let expected: BTreeMap<_, _> = whole.users.iter().map(|user| (name(user), user)).collect();
        let found: BTreeMap<_, _> = together
            .users
            .iter()
            .map(|user| (name(user), user))
            .collect();
        assert_eq!(together.users.len(), USERS, "{of}");
        assert_eq!(found, expected, "{of}");
        let sets =
            |memberships: &BTreeMap<String, Vec<String>>| -> BTreeMap<String, BTreeSet<String>> {
                let sets = memberships.iter();
                sets.map(|(group, members)| (group.clone(), members.iter().cloned().collect()))
                    .collect()
            };
        assert_eq!(sets(&together.memberships), sets(&whole.memberships));
        assert_eq!(together.head.shard(), None);
    }
}

#[tokio::test]
async fn a_share_lists_its_own_users_only() {
    let world = World::new().await;
    let pool = world.seed(pool_of(USERS));
    back_up(&world, &pool, "3/16".parse().ok()).await.unwrap();
    // Some 14 users: one page of those whose sub begins with 2.
    assert_eq!(world.simulator.evidence().calls.get("ListUsers"), Some(&1));
}

#[tokio::test]
async fn where_cognito_refuses_the_filter_the_way_out_is_named() {
    let world = World::new().await;
    let pool = world.seed(pool_of(5));
    world.simulator.set_faults(Faults {
        seed: 0,
        rules: vec![FaultRule {
            operation: Some("ListUsers".into()),
            when: When::Rate(1.0),
            fault: Fault::Error {
                code: "InvalidParameterException".into(),
                message: "Error while parsing filter".into(),
                status: 400,
            },
        }],
    });
    let error = back_up(&world, &pool, "1/2".parse().ok())
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::BackupFailed);
    let text = error.to_string();
    assert!(text.contains("back it up without --shard"), "{text}");
    assert_eq!(world.keys(), []);
    assert_eq!(world.s3.open_uploads(), 0);
}
