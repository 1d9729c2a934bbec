//! The newest base of a pool is found when all backups have expired.

use jiff::Timestamp;
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::request::FindRequest;
use model::{BackupKey, Failure};
use serde_json::json;
use vault::Vault;
use vault::testing::MemoryS3;

use crate::support::BUCKET;

const POOL: &str = "us-east-1_AbC";

fn key(pool: &str, began: &str) -> BackupKey {
    BackupKey::new(&pool.parse().unwrap(), began.parse().unwrap())
}

/// Writes the first backup of a day, as the function does.
async fn back_up(vault: &Vault, key: &BackupKey) {
    let mut head = BackupHead::new(key.pool().clone(), key.began());
    head.set(Section::UserPoolConfig, json!({"Name": "p"}));
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    encoder.user(&json!({"Username": "ann"}), &mut out);
    encoder.begin_memberships(&mut out);
    encoder.finish(key.began(), &mut out);
    let mut upload = vault.begin_base(key).await.unwrap();
    upload.write(&out).await.unwrap();
    let finished = upload.finish().await.unwrap();
    vault.keep_as_last(key, &finished).await.unwrap();
}

fn request(pool: &str) -> FindRequest {
    serde_json::from_value(json!({"user_pool_id": pool})).unwrap()
}

#[tokio::test]
async fn the_newest_base_of_a_pool_outlives_all_backups() {
    let s3 = MemoryS3::start(BUCKET);
    let vault = Vault::in_bucket(&s3.config().await, BUCKET);
    let (older, newer) = (
        key(POOL, "2026-03-07T01:00:00Z"),
        key(POOL, "2026-03-08T01:00:00Z"),
    );
    let other = key("us-east-1_Other", "2026-03-08T01:00:00Z");
    for key in [&older, &newer, &other] {
        back_up(&vault, key).await;
    }
    let now: Timestamp = "2027-06-01T00:00:00Z".parse().unwrap();
    for key in [&older, &newer, &other] {
        s3.remove(BUCKET, &key.to_string());
    }
    let found = vault.find(&request(POOL), now).await.unwrap();
    assert_eq!(found.s3_key, newer);
    let backup = vault
        .open(&found.s3_key, found.version_id.as_deref())
        .await
        .unwrap();
    backup.check_whole().await.unwrap();
    assert_eq!((backup.name.key(), backup.trailer.users), (Some(&newer), 1));
    // It stands for no other backup, and is none from before another time.
    let gone = vault.open(&older, None).await.unwrap_err();
    assert_eq!(gone.failure(), Failure::BackupNotFound);
    let before = FindRequest {
        at: Some(older.began()),
        ..request(POOL)
    };
    let none = vault.find(&before, now).await.unwrap_err();
    assert_eq!(none.failure(), Failure::BackupNotFound);
    let unknown = vault
        .find(&request("us-east-1_Third"), now)
        .await
        .unwrap_err();
    assert_eq!(unknown.failure(), Failure::BackupNotFound);
}

#[tokio::test]
async fn the_first_bases_of_weeks_and_months_are_tagged() {
    let s3 = MemoryS3::start(BUCKET);
    let vault = Vault::in_bucket(&s3.config().await, BUCKET);
    for (day, tag) in [
        // A Saturday and a Sunday.
        ("2026-03-07", "base-of-month"),
        ("2026-03-08", "base"),
        ("2026-03-09", "base-of-week"),
        ("2026-04-02", "base-of-month"),
    ] {
        let key = key(POOL, &format!("{day}T01:00:00Z"));
        back_up(&vault, &key).await;
        let tagged = s3.tags(BUCKET, &key.to_string());
        assert_eq!(tagged, Some(format!("cognito-backup={tag}")), "{day}");
    }
    assert_eq!(
        s3.tags(BUCKET, "cognito-backup/last/us-east-1_AbC.json.zst"),
        None
    );
}
