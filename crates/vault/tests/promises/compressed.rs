//! Documents in frames: the same content, read from anywhere, and damage noticed.

use std::path::Path;

use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, Failure};
use proptest::prelude::*;
use serde_json::json;
use vault::testing::compressed;
use vault::{Backup, Vault};

use crate::support::TestStore;

fn key() -> BackupKey {
    let began = "2026-03-07T09:05:02Z".parse().unwrap();
    BackupKey::new(&"us-east-1_AbC".parse().unwrap(), began)
}

/// A document with so many users, whose settings take `settings` bytes.
fn document(users: usize, settings: usize) -> Vec<u8> {
    let mut head = BackupHead::new(key().pool().clone(), key().began());
    let noise: String = (0..settings as u64)
        .map(|n| char::from(b'a' + (n.wrapping_mul(n) % 23) as u8))
        .collect();
    head.set(Section::UserPoolConfig, json!({"Name": "p", "Css": noise}));
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for n in 0..users {
        encoder.user(&json!({"Username": format!("user-{n}")}), &mut out);
    }
    encoder.begin_memberships(&mut out);
    encoder.begin_group("all", &mut out);
    for n in 0..users {
        encoder.member(&format!("user-{n}"), &mut out);
    }
    encoder.end_group(&mut out);
    encoder.finish(key().began(), &mut out);
    out
}

async fn usernames(backup: &Backup, from: Option<u64>) -> Vec<(String, u64)> {
    let mut users = backup.users(from).await.unwrap();
    let mut names = Vec::new();
    while let Some(line) = users.next().await.unwrap() {
        names.push((line.record.username.as_str().to_owned(), line.next_offset));
    }
    names
}

#[tokio::test]
async fn any_zstd_reads_what_is_written() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let document = document(20_000, 10);
        let mut upload = vault.begin(&key()).await.unwrap();
        for piece in document.chunks(300_000) {
            upload.write(piece).await.unwrap();
        }
        let finished = upload.finish().await.unwrap();
        let stored = store.get(&key().to_string()).unwrap();
        assert_eq!(finished.bytes, stored.len() as u64);
        assert!(stored.len() * 4 < document.len(), "{}", stored.len());
        assert!(zstd::stream::decode_all(&stored[..]).unwrap() == document);
        vault
            .open(&key(), None)
            .await
            .unwrap()
            .check_whole()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_upload_goes_on_with_the_same_content_wherever_it_was_suspended() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let document = document(90_000, 10);
        let mut upload = vault.begin(&key()).await.unwrap();
        for piece in document.chunks(document.len() / 7) {
            upload.write(piece).await.unwrap();
            let (state, unsent) = upload.suspend().await.unwrap();
            let saved = serde_json::to_string(&state).unwrap();
            upload = vault.resume(serde_json::from_str(&saved).unwrap(), unsent);
        }
        upload.finish().await.unwrap();
        let stored = store.get(&key().to_string()).unwrap();
        assert!(zstd::stream::decode_all(&stored[..]).unwrap() == document);
        let backup = vault.open(&key(), None).await.unwrap();
        backup.check_whole().await.unwrap();
        let all = usernames(&backup, None).await;
        assert_eq!(all.len(), 90_000);
        for at in [0, 40_000, 89_998] {
            let rest = usernames(&backup, Some(all[at].1)).await;
            assert_eq!(rest[0], all[at + 1]);
        }
    }
}

/// Settings of 5 MB are one line, which no frame holds.
#[tokio::test]
async fn a_head_that_is_larger_than_a_frame_is_read() {
    let store = &TestStore::both()[0];
    let document = document(3, 5_000_000);
    store.put_backup(&key(), document);
    let backup = store.vault().await.open(&key(), None).await.unwrap();
    assert_eq!(usernames(&backup, None).await.len(), 3);
    backup.check_whole().await.unwrap();
}

/// As `zstd backup.json` writes it, without a table.
#[tokio::test]
async fn what_another_program_compressed_is_told_from_what_is_cut_off() {
    let store = &TestStore::both()[0];
    let bytes = zstd::bulk::compress(&document(3, 10), 3).unwrap();
    store.put(&key().to_string(), bytes);
    let error = store.vault().await.open(&key(), None).await.unwrap_err();
    assert_eq!(error.failure(), Failure::BackupDamaged);
    assert!(error.to_string().contains("zstd -d"), "{error}");
}

/// The stored examples: one for each version of the format, all of one pool.
#[tokio::test]
async fn documents_of_all_versions_say_the_same() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    for (file, version) in [
        ("format-1.json", 1),
        ("format-2.json", 2),
        ("format-3.json.zst", 3),
    ] {
        let path = examples.join(file);
        let backup = Backup::open_file(&path, None).await.unwrap();
        assert_eq!(backup.head.format_version, version, "{file}");
        let names = usernames(&backup, None).await;
        let names: Vec<&str> = names.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["ann", "bob"], "{file}");
        assert_eq!(backup.head.user_pool()["Name"], "shop", "{file}");
        let mut memberships = backup.memberships().await.unwrap();
        let member = memberships.next().await.unwrap().unwrap();
        assert_eq!(
            (&*member.group, member.username.as_str()),
            ("admins", "ann")
        );
        assert_eq!(memberships.next().await.unwrap(), None);
        backup.check_whole().await.unwrap();
    }
}

async fn is_damaged(vault: &Vault) -> Result<(), TestCaseError> {
    let read = match vault.open(&key(), None).await {
        Ok(backup) => backup.check_whole().await,
        Err(error) => Err(error),
    };
    prop_assert_eq!(read.unwrap_err().failure(), Failure::BackupDamaged);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_compressed_document_that_is_cut_off_or_whose_content_changed_is_never_whole(
        at in 0usize..10_000, bit in 0u8..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = &TestStore::both()[1];
            let vault = store.vault().await;
            let whole = compressed(&document(2_000, 10));
            let at = at * whole.len() / 10_000;
            store.put(&key().to_string(), &whole[..at]);
            is_damaged(&vault).await?;
            store.put(&key().to_string(), whole.clone());
            let original = vault.open(&key(), None).await.unwrap().trailer.clone();
            let mut changed = whole;
            changed[at] ^= 1 << bit;
            store.put(&key().to_string(), changed);
            // zstd leaves some bits unused: who changes one has changed nothing.
            match vault.open(&key(), None).await {
                Ok(backup) if backup.check_whole().await.is_ok() => {
                    prop_assert_eq!(&backup.trailer, &original);
                    Ok(())
                }
                _ => is_damaged(&vault).await,
            }
        })?;
    }
}
