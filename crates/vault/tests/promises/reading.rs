//! A backup is read from anywhere, and is the one that was opened until its end.

use model::inventory::Section;
use model::{BackupKey, Failure};
use proptest::prelude::*;
use serde_json::json;
use vault::testing::Fault;

use crate::documents::{POOL, document, find, key, pool, put, reference_document, request, vault};
use crate::support::TestStore;

#[tokio::test]
async fn users_and_memberships_are_read_from_anywhere() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let plain = key(POOL, "2026-01-01T00:00:00Z");
        let compressed = BackupKey::new(plain.pool(), plain.began());
        for key in [plain, compressed] {
            // Several pieces of 4 MiB: lines lie across their borders.
            let count = 60_000;
            store.put_backup(&key, document(&key, count));
            let backup = vault.open(&key, None).await.unwrap();
            assert_eq!(backup.trailer.users, count as u64);
            assert!(backup.trailer.bytes > 2 * 4 * 1024 * 1024);
            let mut users = backup.users(None).await.unwrap();
            let mut seen = 0;
            let mut middle = None;
            while let Some(line) = users.next().await.unwrap() {
                assert_eq!(line.record.username.as_str(), format!("user-{seen}"));
                assert_eq!(line.record.rest["MemberOfNextYear"], json!([seen]));
                seen += 1;
                if seen == count / 2 {
                    middle = Some(line.next_offset);
                }
            }
            assert_eq!(seen, count);
            let mut users = backup.users(middle).await.unwrap();
            let first = users.next().await.unwrap().unwrap();
            assert_eq!(
                first.record.username.as_str(),
                format!("user-{}", count / 2)
            );
            assert_eq!(Some(first.offset), middle);
            let mut memberships = backup.memberships().await.unwrap();
            let membership = memberships.next().await.unwrap().unwrap();
            assert_eq!(
                (&*membership.group, membership.username.as_str()),
                ("admins", "user-0")
            );
            assert_eq!(memberships.next().await.unwrap(), None);
            backup.check_whole().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_failure_in_the_middle_loses_no_user() {
    let (s3, vault) = vault().await;
    let plain = key(POOL, "2026-01-01T00:00:00Z");
    let compressed = BackupKey::new(plain.pool(), plain.began());
    put(&s3, &plain, document(&plain, 60_000));
    let document = vault::testing::compressed(&document(&plain, 60_000));
    put(&s3, &compressed, document);
    for key in [plain, compressed] {
        let backup = vault.open(&key, None).await.unwrap();
        let mut users = backup.users(None).await.unwrap();
        s3.die_at(2, Fault::Before);
        let (mut seen, mut failures) = (0, 0);
        loop {
            match users.next().await {
                Ok(Some(_)) => seen += 1,
                Ok(None) => break,
                Err(_) => {
                    failures += 1;
                    s3.revive();
                }
            }
        }
        assert_eq!((seen, failures), (60_000, 1));
    }
}

#[tokio::test]
async fn a_changed_byte_is_noticed() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2026-01-01T00:00:00Z");
        let mut bytes = document(&key, 10);
        let trailer = vault_trailer(&bytes);
        bytes[trailer.users_offset as usize + 15] ^= 1;
        store.put_backup(&key, bytes);
        let backup = vault.open(&key, None).await.unwrap();
        let error = backup.check_whole().await.unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }
}

fn vault_trailer(bytes: &[u8]) -> model::document::Trailer {
    model::document::Trailer::find(bytes).unwrap()
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_keeps_the_version_that_was_opened() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2026-01-01T00:00:00Z");
        store.put_backup(&key, document(&key, 10));
        let backup = vault.open(&key, None).await.unwrap();
        store.put_backup(&key, document(&key, 99));
        backup.check_whole().await.unwrap();
    }
}

#[tokio::test]
async fn an_older_version_of_an_object_opens() {
    let (s3, vault) = vault().await;
    let key = key(POOL, "2026-01-01T00:00:00Z");
    put(&s3, &key, document(&key, 10));
    let version = vault.open(&key, None).await.unwrap().version_id;
    put(&s3, &key, document(&key, 99));
    let older = vault.open(&key, version.as_deref()).await.unwrap();
    assert_eq!(older.trailer.users, 10);
}

#[tokio::test]
async fn a_document_of_the_reference_implementation_reads_like_one_of_ours() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2025-01-02T03:04:05Z");
        store.put_backup(&key, reference_document(&key, 25));
        let found = find(&vault, &request()).await.unwrap();
        assert_eq!((found.users, found.s3_key.clone()), (Some(25), key.clone()));
        let backup = vault.open(&key, found.version_id.as_deref()).await.unwrap();
        assert_eq!(backup.head.format_version, 1);
        assert_eq!(backup.head.list(Section::AppClients).len(), 1);
        assert_eq!(backup.head.user_pool_id, pool());
        assert_eq!((backup.trailer.groups, backup.trailer.memberships), (2, 1));
        backup.check_whole().await.unwrap();
        let mut users = backup.users(None).await.unwrap();
        let mut offsets = Vec::new();
        while let Some(line) = users.next().await.unwrap() {
            assert_eq!(line.record.rest["MemberOfNextYear"], json!([offsets.len()]));
            offsets.push(line.offset);
        }
        assert_eq!(offsets.len(), 25);
        // Another invocation converts anew, and offsets still hold.
        let again = vault.open(&key, None).await.unwrap();
        let mut users = again.users(Some(offsets[20])).await.unwrap();
        assert_eq!(
            users
                .next()
                .await
                .unwrap()
                .unwrap()
                .record
                .username
                .as_str(),
            "user-20"
        );
        let mut memberships = again.memberships().await.unwrap();
        assert_eq!(
            memberships.next().await.unwrap().unwrap().username.as_str(),
            "user-0"
        );
        assert_eq!(memberships.next().await.unwrap(), None);
    }
}

#[tokio::test]
async fn errors_show_no_personal_data() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2026-01-01T00:00:00Z");
        let text = String::from_utf8(reference_document(&key, 2)).unwrap();
        let bad = text.replace(
            "\"Username\": \"user-1\"",
            "\"Username\": planted@example.com",
        );
        store.put_backup(&key, bad.into_bytes());
        let error = vault.open(&key, None).await.unwrap_err().to_string();
        assert!(!error.contains("planted"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_reference_document_cut_anywhere_is_never_whole(cut in 0usize..1000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (s3, vault) = vault().await;
            let key = key(POOL, "2026-01-01T00:00:00Z");
            let whole = reference_document(&key, 3);
            let end = cut * whole.len() / 1000;
            put(&s3, &key, whole[..end].to_vec());
            prop_assert_eq!(vault.open(&key, None).await.unwrap_err().failure(), Failure::BackupDamaged);
            Ok(())
        })?;
    }
}
