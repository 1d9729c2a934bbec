//! A backup that is a difference reads like the whole one that it stands for, or says what is wrong
//! with its base.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::change::{Change as Recorded, NotCompared};
use model::document::{BackupHead, DocumentEncoder, Trailer};
use model::inventory::Section;
use model::request::FindRequest;
use model::{BackupKey, Failure};
use proptest::prelude::*;
use serde_json::json;
use vault::{Backup, Vault};

use crate::support::TestStore;

const POOL: &str = "us-east-1_AbC";
const STAGED: &str = "cognito-backup-state/staged/whole.json.zst";

/// A pool: for each user the last change, and the groups.
type Pool = BTreeMap<u8, (u16, BTreeSet<u8>)>;

fn key(began: Timestamp) -> BackupKey {
    BackupKey::new(&POOL.parse().unwrap(), began)
}

fn user(name: u8, change: u16) -> String {
    // A number whose last digits are lost when it is read and printed again.
    format!(r#"{{"Username":"u{name}","Changed":{change}.123456789012345678,"Enabled":true}}"#)
}

fn document(pool: &Pool, began: Timestamp) -> Vec<u8> {
    let mut head = BackupHead::new(POOL.parse().unwrap(), began);
    head.set(Section::UserPoolConfig, json!({"Name": began.to_string()}));
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for (name, (change, _)) in pool {
        encoder.user_as_written(user(*name, *change).as_bytes(), &mut out);
    }
    encoder.begin_memberships(&mut out);
    for group in 0..4u8 {
        encoder.begin_group(&format!("g{group}"), &mut out);
        for (name, (_, groups)) in pool {
            if groups.contains(&group) {
                encoder.member(&format!("u{name}"), &mut out);
            }
        }
        encoder.end_group(&mut out);
    }
    encoder.finish(began, &mut out);
    out
}

/// Writes a backup as the function does; true when it is a difference.
async fn back_up(store: &TestStore, vault: &Vault, pool: &Pool, began: Timestamp) -> bool {
    let key = key(began);
    let Some(base) = vault.base_for(&key).await.unwrap() else {
        store.put_backup(&key, document(pool, began));
        return false;
    };
    store.put(STAGED, vault::testing::compressed(&document(pool, began)));
    let whole = vault.open_staged(&key, STAGED).await.unwrap();
    let changes = vault.changes(&base, &whole).await.unwrap().unwrap();
    let change = Some(Recorded::NotCompared(NotCompared::NoTime));
    let written = vault.write_difference(&key, &base, &whole, &changes, change.clone());
    let written = written.await.unwrap();
    if written.is_none() {
        let trailer = Trailer {
            change: change.clone(),
            ..whole.trailer.clone()
        };
        let published = vault.publish_staged(&key, &whole, &trailer, false);
        published.await.unwrap();
        // As it was staged, but for what the trailer says more.
        vault.check_written(&key, None, &trailer).await.unwrap();
    }
    let overview = vault.overview(&key).await.unwrap();
    assert_eq!(overview.trailer.change, change);
    assert_eq!(overview.trailer.users, pool.len() as u64);
    assert_eq!(overview.base.is_some(), written.is_some());
    vault.remove_staged(STAGED, &whole).await.unwrap();
    assert_eq!(store.get(STAGED), None);
    written.is_some()
}

type Lines = Vec<(String, u64)>;

async fn users(backup: &Backup, from: Option<u64>) -> Lines {
    let mut users = backup.users(from).await.unwrap();
    let mut found = Vec::new();
    while let Some(line) = users.next().await.unwrap() {
        let change = &line.record.rest["Changed"];
        found.push((
            format!("{} {change}", line.record.username.as_str()),
            line.next_offset,
        ));
    }
    found
}

async fn memberships(backup: &Backup) -> Vec<String> {
    let mut memberships = backup.memberships().await.unwrap();
    let mut found = Vec::new();
    while let Some(line) = memberships.next().await.unwrap() {
        found.push(format!("{} {}", line.group, line.username.as_str()));
    }
    found.sort();
    found
}

/// What a backup says, and what a whole one of the same pool says.
async fn assert_same(store: &TestStore, vault: &Vault, began: Timestamp, pool: &Pool) {
    let backup = vault.open(&key(began), None).await.unwrap();
    backup.check_whole().await.unwrap();
    assert_eq!(backup.head.user_pool()["Name"], began.to_string());
    let copy = "copy.json";
    store.put(copy, document(pool, began));
    let plain = match store {
        TestStore::Folder(folder) => Backup::open_file(&folder.path().join(copy), None).await,
        TestStore::Bucket(_) => vault.open_staged(&key(began), copy).await,
    };
    let plain = plain.unwrap();
    assert_eq!(backup.head, plain.head);
    let counts = |backup: &Backup| {
        let trailer = &backup.trailer;
        (
            trailer.users,
            trailer.groups,
            trailer.memberships,
            trailer.reading_ended,
        )
    };
    assert_eq!(counts(&backup), counts(&plain));
    let all = users(&backup, None).await;
    let sorted = |lines: &Lines| -> Vec<String> {
        let mut rows: Vec<String> = lines.iter().map(|(row, _)| row.clone()).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&all), sorted(&users(&plain, None).await));
    assert_eq!(memberships(&backup).await, memberships(&plain).await);
    // From any user on.
    for at in [0, all.len() / 2, all.len().saturating_sub(1)] {
        if let Some((_, next)) = all.get(at) {
            assert_eq!(users(&backup, Some(*next)).await, all[at + 1..]);
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Set(u8, u16),
    Remove(u8),
    Join(u8, u8),
    Leave(u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0u8..40, any::<u16>()).prop_map(|(name, change)| Change::Set(name, change)),
        (0u8..40).prop_map(Change::Remove),
        (0u8..40, 0u8..4).prop_map(|(name, group)| Change::Join(name, group)),
        (0u8..40, 0u8..4).prop_map(|(name, group)| Change::Leave(name, group)),
    ]
}

fn apply(pool: &mut Pool, change: &Change) {
    match change {
        Change::Set(name, change) => pool.entry(*name).or_default().0 = *change,
        Change::Remove(name) => {
            pool.remove(name);
        }
        Change::Join(name, group) => {
            if let Some((_, groups)) = pool.get_mut(name) {
                groups.insert(*group);
            }
        }
        Change::Leave(name, group) => {
            if let Some((_, groups)) = pool.get_mut(name) {
                groups.remove(group);
            }
        }
    }
}

/// Thirty users, each in one of three groups.
fn thirty() -> Pool {
    (0..30)
        .map(|name| (name, (0, BTreeSet::from([name % 3]))))
        .collect()
}

fn at(time: &str) -> Timestamp {
    format!("2026-03-{time}:00:00Z").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_backup_of_any_history_reads_like_a_whole_copy(
        history in proptest::collection::vec(
            (1i64..9, proptest::collection::vec(change(), 0..7)), 1..8,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for store in TestStore::both() {
                let vault = store.vault().await;
                let mut pool = thirty();
                let mut began = at("07T10");
                let mut backups = Vec::new();
                for (hours, changes) in &history {
                    back_up(&store, &vault, &pool, began).await;
                    backups.push((began, pool.clone()));
                    changes.iter().for_each(|change| apply(&mut pool, change));
                    began += SignedDuration::from_hours(*hours);
                }
                for (began, pool) in &backups {
                    assert_same(&store, &vault, *began, pool).await;
                }
            }
        });
    }
}

#[tokio::test]
async fn the_first_of_a_day_is_whole_and_what_follows_differs_from_it_alone() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let mut pool = thirty();
        assert!(!back_up(&store, &vault, &pool, at("07T01")).await);
        assert!(
            back_up(&store, &vault, &pool, at("07T02")).await,
            "nothing changed"
        );
        apply(&mut pool, &Change::Set(3, 9));
        assert!(back_up(&store, &vault, &pool, at("07T03")).await);
        let third = vault.open(&key(at("07T03")), None).await.unwrap();
        assert_eq!(third.base(), Some(&key(at("07T01"))));
        for name in 0..9 {
            apply(&mut pool, &Change::Remove(name));
        }
        assert!(
            !back_up(&store, &vault, &pool, at("07T04")).await,
            "more than a quarter"
        );
        assert!(
            !back_up(&store, &vault, &pool, at("08T01")).await,
            "another day"
        );
        let fourth = vault.open(&key(at("07T04")), None).await.unwrap();
        assert_eq!(fourth.base(), None);
    }
}

/// Lifecycle rules go by these tags.
#[tokio::test]
async fn objects_are_tagged_as_what_they_are() {
    let [store, _] = TestStore::both();
    let TestStore::Bucket(s3) = &store else {
        unreachable!()
    };
    let vault = store.vault().await;
    let upload = vault.begin(&key(at("07T01"))).await.unwrap();
    let mut upload = upload;
    upload
        .write(&document(&thirty(), at("07T01")))
        .await
        .unwrap();
    upload.finish().await.unwrap();
    assert!(back_up(&store, &vault, &thirty(), at("07T02")).await);
    let tag = |began| s3.tags(crate::support::BUCKET, &key(began).to_string());
    assert_eq!(tag(at("07T01")).as_deref(), Some("cognito-backup=base"));
    assert_eq!(
        tag(at("07T02")).as_deref(),
        Some("cognito-backup=difference")
    );
}

/// What may become of a base.
async fn assert_told(spoil: impl Fn(&TestStore, &str), said: &str) {
    for store in TestStore::both() {
        let vault = store.vault().await;
        back_up(&store, &vault, &thirty(), at("06T01")).await;
        back_up(&store, &vault, &thirty(), at("07T01")).await;
        assert!(back_up(&store, &vault, &thirty(), at("07T02")).await);
        let (base, difference) = (key(at("07T01")), key(at("07T02")));
        spoil(&store, &base.to_string());
        let error = vault.open(&difference, None).await.unwrap_err();
        assert_eq!(error.failure(), Failure::BackupDamaged, "{error}");
        let text = error.to_string();
        let newest = key(at("06T01"));
        for named in [
            difference.to_string(),
            base.to_string(),
            newest.to_string(),
            said.into(),
        ] {
            assert!(text.contains(&named), "{named}: {text}");
        }
        let request = FindRequest {
            user_pool_id: POOL.parse().unwrap(),
            s3_key: None,
            at: None,
            resume: None,
            options: Default::default(),
        };
        let found = vault.find(&request, at("09T00")).await.unwrap();
        assert_eq!(found.s3_key, newest);
        let passed = &found.passed_over[0];
        assert_eq!(passed.s3_key, difference.to_string());
        assert!(
            passed.reason.contains(&base.to_string()),
            "{}",
            passed.reason
        );
        // And the next backup of that day needs nothing of it.
        assert!(!back_up(&store, &vault, &thirty(), at("07T03")).await);
        assert_same(&store, &vault, at("07T03"), &thirty()).await;
    }
}

fn remove(store: &TestStore, key: &str) {
    match store {
        TestStore::Bucket(s3) => s3.remove(crate::support::BUCKET, key),
        TestStore::Folder(folder) => std::fs::remove_file(folder.path().join(key)).unwrap(),
    }
}

/// Expired, deleted by mistake, or not replicated yet.
#[tokio::test]
async fn a_base_that_is_missing_is_named_with_what_can_be_used_instead() {
    assert_told(remove, "is not there").await;
}

#[tokio::test]
async fn a_base_that_is_damaged_is_named_with_what_can_be_used_instead() {
    let cut_off = |store: &TestStore, key: &str| {
        let bytes = store.get(key).unwrap();
        remove(store, key);
        store.put(key, &bytes[..bytes.len() / 2]);
    };
    assert_told(cut_off, "cut off").await;
}

#[tokio::test]
async fn a_base_that_is_another_backup_is_named_and_never_used() {
    let [bucket, folder] = TestStore::both();
    for store in [bucket, folder] {
        let vault = store.vault().await;
        back_up(&store, &vault, &thirty(), at("07T01")).await;
        assert!(back_up(&store, &vault, &thirty(), at("07T02")).await);
        let mut other = thirty();
        apply(&mut other, &Change::Remove(1));
        let base = key(at("07T01"));
        remove(&store, &base.to_string());
        store.put_backup(&base, document(&other, at("07T01")));
        let error = vault.open(&key(at("07T02")), None).await.unwrap_err();
        assert!(
            error.to_string().contains("another backup lies there"),
            "{error}"
        );
    }
}

/// Copied out of the vault by hand, with its base beside it.
#[tokio::test]
async fn a_difference_opens_as_a_file_beside_its_base() {
    let store = &TestStore::both()[1];
    let vault = store.vault().await;
    back_up(store, &vault, &thirty(), at("07T01")).await;
    assert!(back_up(store, &vault, &thirty(), at("07T02")).await);
    let elsewhere = tempfile::TempDir::new().unwrap();
    let file = |began| {
        let key = key(began).to_string();
        let name = key.rsplit('/').next().unwrap().to_owned();
        (elsewhere.path().join(name), store.get(&key).unwrap())
    };
    let (difference, bytes) = file(at("07T02"));
    std::fs::write(&difference, bytes).unwrap();
    let error = Backup::open_file(&difference, None).await.unwrap_err();
    assert!(error.to_string().contains("is not there"), "{error}");
    let (base, bytes) = file(at("07T01"));
    std::fs::write(base, bytes).unwrap();
    let backup = Backup::open_file(&difference, None).await.unwrap();
    assert_eq!(users(&backup, None).await.len(), 30);
    let again = Backup::open_file(&difference, backup.version_id.as_deref()).await;
    again.unwrap().check_whole().await.unwrap();
}
