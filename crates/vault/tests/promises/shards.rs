//! The shards of a backup are read as one, and one alone is never taken for it.

use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, Failure, Shard};
use serde_json::json;
use vault::{Backup, Vault};

use crate::support::TestStore;

const POOL: &str = "us-east-1_AbC";

fn key(began: &str, shard: Option<Shard>) -> BackupKey {
    let key = BackupKey::new(&POOL.parse().unwrap(), began.parse().unwrap());
    // One of them compressed, the others as version 2 wrote them.
    match shard.is_some_and(|shard| shard.index() == 2) {
        true => key.of_shard(shard),
        false => key.uncompressed().of_shard(shard),
    }
}

fn document(key: &BackupKey, users: &[&str]) -> Vec<u8> {
    let mut head = BackupHead::new(key.pool().clone(), key.began());
    head.set(Section::UserPoolConfig, json!({"Name": "p"}));
    if let Some(shard) = key.shard() {
        head.set_shard(shard);
    }
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for user in users {
        encoder.user(
            &json!({"Username": user, "UserStatus": "CONFIRMED"}),
            &mut out,
        );
    }
    encoder.begin_memberships(&mut out);
    encoder.begin_group("all", &mut out);
    for user in users {
        encoder.member(user, &mut out);
    }
    encoder.end_group(&mut out);
    encoder.finish(key.began(), &mut out);
    out
}

/// Three shards that began at different seconds, the second without users.
fn put_shards(store: &TestStore) -> Vec<BackupKey> {
    let users = [&["a", "b", "c"][..], &[], &["d", "e"]];
    let shards = Shard::new(1, 3).unwrap().all().zip(users);
    let keys = shards.map(|(shard, users)| {
        let began = format!("2026-03-07T09:00:0{}Z", shard.index());
        let key = key(&began, Some(shard));
        store.put_backup(&key, document(&key, users));
        key
    });
    keys.collect()
}

async fn usernames(backup: &Backup, from: Option<u64>) -> Vec<(String, u64)> {
    let mut users = backup.users(from).await.unwrap();
    let mut names = Vec::new();
    while let Some(line) = users.next().await.unwrap() {
        names.push((line.record.username.as_str().to_owned(), line.next_offset));
    }
    names
}

async fn members(backup: &Backup) -> Vec<String> {
    let mut memberships = backup.memberships().await.unwrap();
    let mut names = Vec::new();
    while let Some(membership) = memberships.next().await.unwrap() {
        assert_eq!(&*membership.group, "all");
        names.push(membership.username.as_str().to_owned());
    }
    names
}

#[tokio::test]
async fn any_shard_opens_all_of_them_and_reading_goes_on_from_any_user() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        for key in put_shards(&store) {
            let backup = vault.open(&key, None).await.unwrap();
            backup.check_whole().await.unwrap();
            assert_eq!((backup.trailer.users, backup.trailer.memberships), (5, 5));
            assert_eq!(backup.head.shard(), None);
            let all = usernames(&backup, None).await;
            let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["a", "b", "c", "d", "e"]);
            assert_eq!(members(&backup).await, names);
            for (read, (_, next)) in all.iter().enumerate() {
                let rest = usernames(&backup, Some(*next)).await;
                assert_eq!(rest, all[read + 1..], "after {read}");
            }
            assert!(backup.users(Some(1)).await.is_err());
            // A restore that goes on asks for the same.
            let again = vault.open(&key, backup.version_id.as_deref()).await;
            again.unwrap();
        }
    }
}

#[tokio::test]
async fn a_shard_alone_is_no_whole_backup() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let shard = key("2026-03-07T09:00:00Z", "2/3".parse().ok());
        store.put_backup(&shard, document(&shard, &["a"]));
        let error = vault.open(&shard, None).await.unwrap_err();
        assert_eq!(error.failure(), Failure::BackupDamaged);
        assert!(error.to_string().contains("1/3, 3/3 are not"), "{error}");
    }
}

#[tokio::test]
async fn shards_are_never_the_newest_backup_of_a_pool() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        put_shards(&store);
        let whole = key("2026-03-06T09:00:00Z", None);
        store.put_backup(&whole, document(&whole, &["a"]));
        let request = serde_json::from_value(json!({"user_pool_id": POOL})).unwrap();
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        assert_eq!(vault.find(&request, now).await.unwrap().s3_key, whole);
        let listed = vault.list(None, None, 10).await.unwrap();
        assert_eq!(listed.len(), 1);
    }
}

#[tokio::test]
async fn of_two_sets_the_one_of_the_same_name_counts_and_none_is_guessed() {
    let store = &TestStore::both()[1];
    let vault = store.vault().await;
    let keys = put_shards(store);
    let second = key("2026-03-07T10:00:00Z", "3/3".parse().ok());
    store.put_backup(&second, document(&second, &["z"]));
    let error = vault.open(&keys[0], None).await.unwrap_err();
    assert!(error.to_string().contains("several shards 3/3"), "{error}");
    let first = key("2026-03-07T09:00:01Z", "3/3".parse().ok());
    store.put_backup(&first, document(&first, &["y"]));
    let error = vault.open(&keys[1], None).await.unwrap_err();
    assert!(error.to_string().contains("several shards 3/3"), "{error}");
    let backup = vault.open(&keys[0], None).await.unwrap();
    assert_eq!(members(&backup).await, ["a", "b", "c", "y"]);
}

#[tokio::test]
async fn a_shard_under_another_name_is_noticed() {
    let folder = tempfile::TempDir::new().unwrap();
    let shard = key("2026-03-07T09:00:00Z", "2/3".parse().ok());
    let path = folder.path().join("renamed.json");
    std::fs::write(&path, document(&shard, &["a"])).unwrap();
    let error = Backup::open_file(&path, None).await.unwrap_err();
    assert!(
        error.to_string().contains("its name says another"),
        "{error}"
    );
    assert!(Vault::in_file(&path).is_ok());
}
