//! Backups that S3 could not replicate are copied again, when that helps and no more often.

use backup::Replicas;
use cognito::Stop;
use jiff::Timestamp;
use jiff::fmt::strtime;
use model::{BackupKey, UserPoolId};
use vault::Vault;
use vault::testing::MemoryS3;

const BUCKET: &str = "backups";
const NOW: &str = "2026-03-07T12:00:00Z";

fn key(began: &str) -> String {
    let pool: UserPoolId = "us-east-1_A".parse().unwrap();
    BackupKey::new(&pool, began.parse().unwrap()).to_string()
}

/// Puts an object in that was written at a time, and of whose replica S3 says this.
fn put(s3: &MemoryS3, key: &str, written: &str, status: &str) {
    s3.put(BUCKET, key, "a backup");
    let written: Timestamp = written.parse().unwrap();
    let header = strtime::format("%a, %d %b %Y %H:%M:%S GMT", written).unwrap();
    s3.set_last_modified(BUCKET, key, &header);
    s3.set_replication_status(BUCKET, key, status);
}

/// A bucket with one backup at each of these times, and what became of its replica.
async fn bucket(backups: &[(&str, &str)]) -> (MemoryS3, Vault) {
    let s3 = MemoryS3::start(BUCKET);
    for (began, status) in backups {
        put(&s3, &key(began), began, status);
    }
    let vault = Vault::in_bucket(&s3.config().await, BUCKET);
    (s3, vault)
}

async fn mend(vault: &Vault, now: &str) -> (usize, usize) {
    let now = now.parse().unwrap();
    let mended = Replicas::mend(vault, now, &Stop::never()).await.unwrap();
    (mended.failed.len(), mended.copied)
}

fn copied(s3: &MemoryS3, began: &str) -> bool {
    s3.versions(BUCKET, &key(began)) > 1
}

#[tokio::test]
async fn what_failed_is_copied_again_once_something_newer_was_replicated() {
    let (s3, vault) = bucket(&[
        ("2026-03-06T13:00:00Z", "FAILED"),
        ("2026-03-07T08:00:00Z", "FAILED"),
        ("2026-03-07T09:00:00Z", "COMPLETED"),
        ("2026-03-07T11:00:00Z", "PENDING"),
    ])
    .await;
    let last = "cognito-backup/last/us-east-1_A.json.zst";
    put(&s3, last, "2026-03-07T00:10:00Z", "FAILED");
    // Whoever it names would come back from a replica.
    let forgotten = "cognito-backup/forgotten/us-east-1_A/00000000-0000-4000-8000-000000000001";
    put(&s3, forgotten, "2026-02-07T00:10:00Z", "FAILED");
    assert_eq!(mend(&vault, NOW).await, (4, 4));
    assert_eq!(s3.versions(BUCKET, forgotten), 2);
    assert!(copied(&s3, "2026-03-06T13:00:00Z") && copied(&s3, "2026-03-07T08:00:00Z"));
    assert_eq!(s3.versions(BUCKET, last), 2);
    assert!(!copied(&s3, "2026-03-07T09:00:00Z") && !copied(&s3, "2026-03-07T11:00:00Z"));
    // The copies are on their way.
    assert_eq!(mend(&vault, NOW).await, (0, 0));
}

#[tokio::test]
async fn while_replication_does_not_work_the_newest_alone_is_tried() {
    let (s3, vault) = bucket(&[
        ("2026-03-07T07:00:00Z", "COMPLETED"),
        ("2026-03-07T08:00:00Z", "FAILED"),
        ("2026-03-07T09:00:00Z", "FAILED"),
        ("2026-03-07T10:00:00Z", "PENDING"),
    ])
    .await;
    assert_eq!(mend(&vault, NOW).await, (2, 1));
    assert!(copied(&s3, "2026-03-07T09:00:00Z") && !copied(&s3, "2026-03-07T08:00:00Z"));
    // It works again, and the rest follows.
    let tried = key("2026-03-07T09:00:00Z");
    s3.set_last_modified(BUCKET, &tried, "Sat, 07 Mar 2026 12:00:00 GMT");
    s3.set_replication_status(BUCKET, &tried, "COMPLETED");
    assert_eq!(mend(&vault, "2026-03-07T13:00:00Z").await, (1, 1));
    assert!(copied(&s3, "2026-03-07T08:00:00Z"));
}

/// A copy's time begins anew: later than this, a difference would outlive the base that it needs.
#[tokio::test]
async fn a_backup_is_copied_until_the_end_of_the_day_after_it() {
    for (now, copies) in [
        ("2026-03-07T22:30:00Z", 1),
        ("2026-03-07T23:30:00Z", 0),
        ("2026-03-08T01:00:00Z", 0),
    ] {
        let (_s3, vault) = bucket(&[
            ("2026-03-06T01:00:00Z", "FAILED"),
            ("2026-03-07T02:00:00Z", "COMPLETED"),
        ])
        .await;
        assert_eq!(mend(&vault, now).await.1, copies, "{now}");
    }
}

#[tokio::test]
async fn what_copying_does_not_help_is_given_up_and_stays_told() {
    let (s3, vault) = bucket(&[
        ("2026-03-07T08:00:00Z", "FAILED"),
        ("2026-03-07T09:00:00Z", "COMPLETED"),
    ])
    .await;
    let object = key("2026-03-07T08:00:00Z");
    for _ in 0..12 {
        assert_eq!(mend(&vault, NOW).await.0, 1);
        s3.set_replication_status(BUCKET, &object, "FAILED");
        s3.set_last_modified(BUCKET, &object, "Sat, 07 Mar 2026 08:00:00 GMT");
    }
    assert_eq!(s3.versions(BUCKET, &object), 9);
}

#[tokio::test]
async fn a_copy_keeps_content_and_tags() {
    let (s3, vault) = bucket(&[]).await;
    let pool: UserPoolId = "us-east-1_A".parse().unwrap();
    let written = BackupKey::new(&pool, "2026-03-07T08:00:00Z".parse().unwrap());
    let object = written.to_string();
    let mut upload = vault.begin(&written).await.unwrap();
    upload.write(b"{}").await.unwrap();
    upload.finish().await.unwrap();
    let (content, tags) = (s3.get(BUCKET, &object), s3.tags(BUCKET, &object));
    s3.set_replication_status(BUCKET, &object, "FAILED");
    assert_eq!(mend(&vault, NOW).await, (1, 1));
    assert_eq!(s3.versions(BUCKET, &object), 2);
    assert_eq!(s3.get(BUCKET, &object), content);
    assert_eq!(s3.tags(BUCKET, &object), tags);
    assert_eq!(tags.as_deref(), Some("cognito-backup=base"));
}
