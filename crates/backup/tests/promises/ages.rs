//! How old the newest backups are: of pools with one, without one, and of new ones.

use std::time::Duration;

use backup::{Ages, ListedPool};
use jiff::Timestamp;
use model::{BackupKey, UserPoolId};
use vault::Vault;
use vault::testing::MemoryS3;

const BUCKET: &str = "backups";
const LIMIT: Duration = Duration::from_secs(3 * 3600);

fn at(time: &str) -> Timestamp {
    format!("2026-03-07T{time}Z").parse().unwrap()
}

fn pool(id: &str) -> UserPoolId {
    id.parse().unwrap()
}

fn listed(id: &str, made: Option<&str>) -> ListedPool {
    let made = made.map(|time| time.parse().unwrap());
    ListedPool { id: pool(id), made }
}

/// A vault with backups of these pools, begun at these times.
async fn vault(backups: &[(&str, &str)]) -> (MemoryS3, Vault) {
    let s3 = MemoryS3::start(BUCKET);
    for (id, began) in backups {
        let key = BackupKey::new(&pool(id), began.parse().unwrap());
        s3.put(BUCKET, &key.to_string(), "a backup");
    }
    let vault = Vault::in_bucket(&s3.config().await, BUCKET);
    (s3, vault)
}

#[tokio::test]
async fn a_pool_is_overdue_when_its_newest_backup_is_older_than_the_limit() {
    let (_s3, vault) = vault(&[
        ("us-east-1_A", "2026-03-07T01:00:00Z"),
        ("us-east-1_A", "2026-03-06T22:30:00Z"),
        ("us-east-1_B", "2026-03-06T22:30:00Z"),
        ("us-east-1_C", "2025-12-31T23:59:59Z"),
    ])
    .await;
    let pools = ["A", "B", "C", "D"].map(|name| listed(&format!("us-east-1_{name}"), None));
    let overdue = async |now, limit| {
        let ages = Ages::of(&pools, &vault, limit, now).await.unwrap();
        let names = ages.overdue.iter().map(|pool| pool.as_str().to_owned());
        let names: String = names.map(|id| id.replace("us-east-1_", "")).collect();
        (names, ages.oldest)
    };
    assert_eq!(overdue(at("01:20:00"), LIMIT).await, ("CD".into(), LIMIT));
    assert_eq!(overdue(at("01:31:00"), LIMIT).await, ("BCD".into(), LIMIT));
    assert_eq!(overdue(at("04:00:01"), LIMIT).await, ("ABCD".into(), LIMIT));
    let year = Duration::from_secs(365 * 86_400);
    assert_eq!(overdue(at("04:00:00"), year).await, ("D".into(), year));
}

#[tokio::test]
async fn the_oldest_age_is_that_of_the_pool_that_waits_longest() {
    let (_s3, vault) = vault(&[
        ("us-east-1_A", "2026-03-07T01:00:00Z"),
        ("us-east-1_B", "2026-03-07T00:10:00Z"),
    ])
    .await;
    let pools = ["us-east-1_A", "us-east-1_B"].map(|id| listed(id, None));
    let ages = Ages::of(&pools, &vault, LIMIT, at("01:10:00"))
        .await
        .unwrap();
    assert_eq!(ages.overdue, []);
    assert_eq!(ages.oldest, Duration::from_secs(3600));
    let none = Ages::of(&[], &vault, LIMIT, at("01:10:00")).await.unwrap();
    assert_eq!((none.overdue, none.oldest), (vec![], Duration::ZERO));
}

/// With `*` a pool is among the pools from its first minute on.
#[tokio::test]
async fn a_new_pool_has_the_limit_to_be_backed_up_first() {
    let (_s3, vault) = vault(&[]).await;
    let pools = [
        listed("us-east-1_New", Some("2026-03-07T00:30:00Z")),
        listed("us-east-1_Old", Some("2026-03-01T00:00:00Z")),
    ];
    let ages = Ages::of(&pools[..1], &vault, LIMIT, at("01:00:00"))
        .await
        .unwrap();
    assert_eq!(
        (ages.overdue, ages.oldest),
        (vec![], Duration::from_secs(1800))
    );
    let ages = Ages::of(&pools, &vault, LIMIT, at("01:00:00"))
        .await
        .unwrap();
    assert_eq!(ages.overdue, [pool("us-east-1_Old")]);
    let ages = Ages::of(&pools, &vault, LIMIT, at("03:30:01"))
        .await
        .unwrap();
    assert_eq!(ages.overdue.len(), 2);
}
