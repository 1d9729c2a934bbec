//! Users who are forgotten are in no backup that is opened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use jiff::Timestamp;
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, Shard, Sub, UserPoolId};
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::Barrier;
use vault::testing::{LoopbackServer, MemoryS3};
use vault::{Backup, ForgottenCounts, ListChange, Vault};

use crate::support::{BUCKET, TestStore};

const POOL: &str = "us-east-1_AbC";
const GROUPS: usize = 3;

fn pool() -> UserPoolId {
    POOL.parse().unwrap()
}

fn at(hour: u8) -> Timestamp {
    format!("2026-03-07T{hour:02}:00:00Z").parse().unwrap()
}

fn sub(number: usize) -> Sub {
    format!("5a1b0a6e-0000-4000-8000-{number:012}")
        .parse()
        .unwrap()
}

fn subs(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<Sub> {
    numbers.into_iter().map(sub).collect()
}

/// A user: the number, what a later backup says of it, and the groups.
#[derive(Debug, Clone)]
struct User {
    number: usize,
    change: u8,
    groups: [bool; GROUPS],
    /// Whether Cognito chose the username, which then is the `sub`.
    username_is_sub: bool,
}

impl User {
    fn username(&self) -> String {
        match self.username_is_sub {
            true => sub(self.number).to_string(),
            // With what JSON escapes.
            false => format!("us\"er {}", self.number),
        }
    }
}

fn document(users: &[User], began: Timestamp, shard: Option<Shard>) -> Vec<u8> {
    let mut head = BackupHead::new(pool(), began);
    head.set(Section::UserPoolConfig, json!({"Name": "shop"}));
    if let Some(shard) = shard {
        head.set_shard(shard);
    }
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for user in users {
        let attributes = [
            json!({"Name": "email", "Value": "a\"b@example.com"}),
            json!({"Name": "sub", "Value": sub(user.number)}),
            json!({"Name": "custom:change", "Value": user.change.to_string()}),
        ];
        let user = json!({"Username": user.username(), "Attributes": attributes, "Enabled": true});
        encoder.user(&user, &mut out);
    }
    encoder.begin_memberships(&mut out);
    for group in 0..GROUPS {
        encoder.begin_group(&format!("g{group}"), &mut out);
        for user in users.iter().filter(|user| user.groups[group]) {
            encoder.member(&user.username(), &mut out);
        }
        encoder.end_group(&mut out);
    }
    encoder.finish(began, &mut out);
    out
}

/// Writes a later backup of the day as the function does.
async fn write_later(store: &TestStore, vault: &Vault, key: &BackupKey, users: &[User]) {
    let staged = "cognito-backup-state/staged/whole.json.zst";
    let document = document(users, key.began(), None);
    store.put(staged, vault::testing::compressed(&document));
    let base = vault.base_for(key).await.unwrap().unwrap();
    let whole = vault.open_staged(key, staged).await.unwrap();
    let changes = vault.changes(&base, &whole).await.unwrap().unwrap();
    let written = vault.write_difference(key, &base, &whole, &changes, None);
    if written.await.unwrap().is_none() {
        let published = vault.publish_staged(key, &whole, &whole.trailer, false);
        published.await.unwrap();
    }
}

/// All that somebody reads of a backup.
#[derive(Debug, PartialEq)]
struct Read {
    users: Vec<String>,
    memberships: Vec<String>,
    counted: (u64, u64, u64),
}

async fn users(backup: &Backup, from: Option<u64>) -> Vec<(String, u64)> {
    let mut users = backup.users(from).await.unwrap();
    let mut found = Vec::new();
    while let Some(line) = users.next().await.unwrap() {
        let row = serde_json::to_string(&line.record).unwrap();
        found.push((row, line.next_offset));
    }
    found
}

async fn read(backup: &Backup) -> Read {
    backup.check_whole().await.unwrap();
    let all = users(backup, None).await;
    // From any user on.
    for (index, (_, next)) in all.iter().enumerate() {
        assert_eq!(users(backup, Some(*next)).await, all[index + 1..]);
    }
    let mut memberships = backup.memberships().await.unwrap();
    let mut members = Vec::new();
    while let Some(line) = memberships.next().await.unwrap() {
        members.push(format!("{} {}", line.group, line.username.as_str()));
    }
    members.sort();
    let mut users: Vec<String> = all.into_iter().map(|(row, _)| row).collect();
    users.sort();
    let trailer = &backup.trailer;
    Read {
        counted: (trailer.users, trailer.groups, trailer.memberships),
        users,
        memberships: members,
    }
}

/// What a later backup says of a user, the groups, whether the username is the `sub`, and whether
/// the user is forgotten.
fn user() -> impl Strategy<Value = (u8, [bool; GROUPS], bool, bool)> {
    let later = prop_oneof![4 => Just(0u8), 1 => any::<u8>()];
    (later, any::<[bool; GROUPS]>(), any::<bool>(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// What reads a backup (restore, undo, export, comparison) cannot tell it from one that was made
    /// of a pool without these users.
    #[test]
    fn any_backup_reads_as_if_whoever_is_forgotten_had_never_been_there(
        drawn in proptest::collection::vec(user(), 0..24),
        absent in proptest::collection::btree_set(100usize..120, 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let users_at = |changed: bool| -> Vec<User> {
                let users = drawn.iter().enumerate();
                let users = users.map(|(number, (change, groups, username_is_sub, _))| User {
                    number,
                    change: if changed { *change } else { 0 },
                    groups: *groups,
                    username_is_sub: *username_is_sub,
                });
                // Every fifth of those who change is gone.
                users.filter(|user| !(changed && user.change % 5 == 1)).collect()
            };
            let gone: BTreeSet<usize> = drawn
                .iter()
                .enumerate()
                .filter(|(_, user)| user.3)
                .map(|(number, _)| number)
                .collect();
            let forgotten = subs(gone.iter().copied().chain(absent.iter().copied()));
            for store in TestStore::both() {
                let vault = store.vault().await;
                let (base, later) = (at(1), at(2));
                let key = |began| BackupKey::new(&pool(), began);
                store.put_backup(&key(base), document(&users_at(false), base, None));
                write_later(&store, &vault, &key(later), &users_at(true)).await;
                for index in 1..=2 {
                    let shard: Shard = format!("{index}/2").parse().unwrap();
                    let users: Vec<User> = users_at(false)
                        .into_iter()
                        .filter(|user| user.number % 2 == index % 2)
                        .collect();
                    let key = key(at(3)).of_shard(Some(shard));
                    store.put_backup(&key, document(&users, at(3), Some(shard)));
                }
                let shards = key(at(3)).of_shard("1/2".parse().ok());
                let backups = [
                    (key(base), users_at(false)),
                    (key(later), users_at(true)),
                    (shards, users_at(false)),
                ];
                let mut stored = Vec::new();
                for (key, _) in &backups {
                    let opened = vault.open(key, None).await.unwrap();
                    stored.push(read(&opened).await);
                }
                vault.forget(&pool(), &forgotten).await.unwrap();
                for ((key, users), stored) in backups.iter().zip(stored) {
                    let kept: Vec<User> = users
                        .iter()
                        .filter(|user| !gone.contains(&user.number))
                        .cloned()
                        .collect();
                    let never = "never.json";
                    store.put(never, document(&kept, at(4), None));
                    let never = vault.open_staged(key, never).await.unwrap();
                    let opened = vault.open(key, None).await.unwrap();
                    assert_eq!(read(&opened).await, read(&never).await);
                    let left_out = opened.forgotten().unwrap();
                    assert_eq!(left_out.users, (users.len() - kept.len()) as u64);
                    assert_eq!(
                        left_out.memberships,
                        stored.counted.2 - opened.trailer.memberships
                    );
                    assert_eq!(read(&opened.as_stored()).await, stored);
                }
            }
        });
    }
}

fn two_users() -> Vec<User> {
    let user = |number| User {
        number,
        change: 0,
        groups: [true, false, false],
        username_is_sub: false,
    };
    vec![user(1), user(2)]
}

#[tokio::test]
async fn a_list_is_of_one_pool_and_what_is_taken_back_comes_back() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        if let TestStore::Bucket(s3) = &store {
            s3.set_page_size(2);
        }
        let other: UserPoolId = "us-east-1_AbCD".parse().unwrap();
        let changed = |changed, unchanged| ListChange { changed, unchanged };
        assert_eq!(vault.forgotten(&pool()).await.unwrap(), BTreeSet::new());
        let five = subs(1..=5);
        let change = vault.forget(&pool(), &five).await.unwrap();
        assert_eq!(change, changed(5, 0));
        let again = vault.forget(&pool(), &subs(4..=6)).await.unwrap();
        assert_eq!(again, changed(1, 2));
        assert_eq!(vault.forgotten(&pool()).await.unwrap(), subs(1..=6));
        assert_eq!(vault.forgotten(&other).await.unwrap(), BTreeSet::new());
        let back = vault.take_back(&pool(), &subs([1, 9])).await.unwrap();
        assert_eq!(back, changed(1, 1));
        assert_eq!(vault.forgotten(&pool()).await.unwrap(), subs(2..=6));
        let once_more = vault.forget(&pool(), &subs([1])).await.unwrap();
        assert_eq!(once_more, changed(1, 0));
        assert_eq!(vault.forgotten(&pool()).await.unwrap(), subs(1..=6));
        // Nothing but the sub, and nothing that is taken for a backup.
        let key = format!("cognito-backup/forgotten/{POOL}/{}", sub(1));
        assert_eq!(store.get(&key), Some(Vec::new()));
        assert_eq!(vault.pools().await.unwrap(), []);
        assert_eq!(vault.list(None, None, 9).await.unwrap(), []);
    }
}

/// Each entry is answered when as many are under way as are to be written at a time.
#[tokio::test]
async fn entries_are_written_side_by_side() {
    let together = Arc::new(Barrier::new(32));
    let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let router = Router::new().fallback(async move |method: Method| {
        if method == Method::PUT {
            together.wait().await;
            return "";
        }
        list
    });
    let server = LoopbackServer::start(router);
    let config = MemoryS3::start(BUCKET).config().await.into_builder();
    let vault = Vault::in_bucket(&config.endpoint_url(server.endpoint()).build(), BUCKET);
    let (pool, subs) = (pool(), subs(0..96));
    let written = vault.forget(&pool, &subs);
    let written = tokio::time::timeout(Duration::from_secs(60), written).await;
    assert_eq!(written.expect("one after the other").unwrap().changed, 96);
}

#[tokio::test]
async fn a_file_is_opened_with_all_users_until_a_list_is_given() {
    let [_, store] = TestStore::both();
    let TestStore::Folder(folder) = &store else {
        unreachable!()
    };
    store.put("any.json", document(&two_users(), at(1), None));
    let path = folder.path().join("any.json");
    let file = Backup::open_file(&path, None).await.unwrap();
    assert_eq!(file.forgotten(), None);
    let nobody = file.without(BTreeSet::new()).await.unwrap();
    assert_eq!(nobody.forgotten(), Some(ForgottenCounts::default()));
    // A second list adds to the first.
    let one = file.without(subs([1])).await.unwrap();
    let none = one.without(subs([2, 3])).await.unwrap();
    let counts = |backup: &Backup| backup.forgotten().map(|c| (c.users, c.memberships));
    assert_eq!((counts(&one), counts(&none)), (Some((1, 1)), Some((2, 2))));
    assert_eq!(read(&none).await.users, Vec::<String>::new());
    assert_eq!(none.stored_trailer(), file.trailer);
}

#[tokio::test]
async fn a_backup_whose_list_cannot_be_read_is_not_opened() {
    let [_, store] = TestStore::both();
    let TestStore::Folder(folder) = &store else {
        unreachable!()
    };
    let vault = store.vault().await;
    let key = BackupKey::new(&pool(), at(1));
    store.put_backup(&key, document(&two_users(), at(1), None));
    let lists = folder.path().join("cognito-backup/forgotten");
    std::fs::create_dir_all(&lists).unwrap();
    // A link that leads to itself.
    std::os::unix::fs::symlink(POOL, lists.join(POOL)).unwrap();
    let error = vault.open(&key, None).await.unwrap_err();
    assert!(error.to_string().contains("forgotten"), "{error}");
    assert!(vault.open_as_stored(&key, None).await.is_ok());
}
