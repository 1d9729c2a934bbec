//! The newest whole backup of exactly one pool is found, wherever it lies; what is damaged or
//! foreign is never taken for one.

use jiff::Timestamp;
use model::document::BackupHead;
use model::request::{EndedBy, FindRequest};
use model::{BackupKey, Failure};
use serde_json::json;
use vault::VaultError;
use vault::testing::Fault;

use crate::documents::{
    POOL, document, document_of, find, head, key, pool, put, reference_document, request, vault,
};
use crate::support::{BUCKET, TestStore};

#[tokio::test]
async fn the_newest_is_found_across_a_gap_of_months_with_few_requests() {
    let (s3, vault) = vault().await;
    for began in [
        "2025-01-31T23:59:59Z",
        "2025-10-02T04:00:00Z",
        "2025-10-02T05:00:00Z",
    ] {
        let key = key(POOL, began);
        put(&s3, &key, document(&key, 3));
    }
    s3.revive();
    let found = find(&vault, &request()).await.unwrap();
    assert_eq!(found.s3_key, key(POOL, "2025-10-02T05:00:00Z"));
    assert_eq!(found.users, Some(3));
    assert!(found.version_id.is_some());
    assert!(found.passed_over.is_empty());
    // Years, months, days, the day's keys; the end and the head.
    assert_eq!(s3.requests(), 6);
}

#[tokio::test]
async fn only_exactly_this_pool_counts() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let ours = key(POOL, "2026-01-01T00:00:00Z");
        store.put_backup(&ours, document(&ours, 1));
        for other in ["us-east-1_AbCD", "us-east-1_abc", "us-east-1_Ab"] {
            let theirs = key(other, "2026-02-01T00:00:00Z");
            store.put_backup(&theirs, document(&theirs, 1));
        }
        store.put("cognito-backup/notes.txt", "x");
        store.put("cognito-backup/2026/02/01/us-east-1_AbC-late.json", "x");
        assert_eq!(find(&vault, &request()).await.unwrap().s3_key, ours);
    }
}

#[tokio::test]
async fn every_page_of_a_crowded_day_is_looked_at() {
    let (s3, vault) = vault().await;
    s3.set_page_size(7);
    for hour in 0..24 {
        for other in ["us-east-1_AbC", "us-east-1_AbCD"] {
            let key = key(other, &format!("2026-01-01T{hour:02}:30:00Z"));
            put(&s3, &key, document(&key, 0));
        }
    }
    let found = find(&vault, &request()).await.unwrap();
    assert_eq!(found.s3_key, key(POOL, "2026-01-01T23:30:00Z"));
    let listed = vault.list(None, None, 100).await.unwrap();
    assert_eq!(listed.len(), 48);
}

#[tokio::test]
async fn a_point_in_time_gives_the_last_backup_before_it() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        for began in [
            "2025-12-31T23:00:00Z",
            "2026-01-01T01:00:00Z",
            "2026-01-01T02:00:00Z",
        ] {
            let key = key(POOL, began);
            store.put_backup(&key, document(&key, 0));
        }
        for (at, expected) in [
            ("2026-01-01T02:00:00Z", Some("2026-01-01T02:00:00Z")),
            ("2026-01-01T01:59:59Z", Some("2026-01-01T01:00:00Z")),
            ("2026-01-01T00:30:00Z", Some("2025-12-31T23:00:00Z")),
            ("2025-12-31T22:00:00Z", None),
        ] {
            let mut request = request();
            request.at = at.parse().ok();
            let found = find(&vault, &request).await;
            let found = found.map(|found| found.s3_key);
            match expected {
                Some(expected) => assert_eq!(found.unwrap(), key(POOL, expected), "{at}"),
                None => assert_eq!(
                    found.unwrap_err().failure(),
                    Failure::BackupNotFound,
                    "{at}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_point_in_time_takes_no_backup_that_was_still_read_then() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let hour = |hour: u32, minute: u32| -> Timestamp {
            format!("2026-01-01T{hour:02}:{minute:02}:00Z")
                .parse()
                .unwrap()
        };
        for (began, ended) in [(hour(1, 0), hour(1, 5)), (hour(2, 0), hour(4, 30))] {
            let key = BackupKey::new(&pool(), began).uncompressed();
            store.put_backup(&key, document_of(&head(&key), 1, ended));
        }
        for (at, expected) in [
            (hour(4, 30), Some(hour(2, 0))),
            (hour(4, 29), Some(hour(1, 0))),
            (hour(1, 5), Some(hour(1, 0))),
            (hour(1, 4), None),
        ] {
            let mut request = request();
            request.at = Some(at);
            match (find(&vault, &request).await, expected) {
                (Ok(found), Some(expected)) => {
                    assert_eq!(found.backup_timestamp, expected, "{at}");
                    assert!(found.backup_ended <= at, "{at}");
                    assert_eq!(found.ended_by, EndedBy::Trailer);
                    let newer = found.s3_key.began() == hour(1, 0) && at > hour(2, 0);
                    assert_eq!(found.passed_over.len(), usize::from(newer), "{at}");
                }
                (Err(error), None) => {
                    assert_eq!(error.failure(), Failure::BackupNotFound, "{error}")
                }
                other => panic!("{at}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_reference_document_ended_when_the_store_has_it_from() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2025-01-02T03:04:05Z");
        store.put_backup(&key, reference_document(&key, 1));
        let mut request = request();
        store.set_last_modified(&key.to_string(), "2025-01-02T03:20:00Z");
        let found = find(&vault, &request).await.unwrap();
        assert_eq!(found.ended_by, EndedBy::Object);
        assert_eq!(found.backup_ended.to_string(), "2025-01-02T03:20:00Z");
        for (at, is_found) in [
            ("2025-01-02T03:19:59Z", false),
            ("2025-01-02T03:20:00Z", true),
        ] {
            request.at = at.parse().ok();
            assert_eq!(find(&vault, &request).await.is_ok(), is_found, "{at}");
        }
    }
}

#[tokio::test]
async fn a_reference_document_whose_time_is_not_told_ended_when_it_began() {
    let (s3, vault) = vault().await;
    let key = key(POOL, "2025-01-02T03:04:05Z");
    put(&s3, &key, reference_document(&key, 1));
    let found = find(&vault, &request()).await.unwrap();
    assert_eq!(found.backup_ended, found.backup_timestamp);
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_an_error_and_never_passed_over() {
    for newer in [
        // One line more than this version knows, and a form of which it knows the beginning only.
        "{\"format_version\":7,\"timestamp\":\"2026-01-02T00:00:00Z\"\n,\"trailer\":{}}\n"
            .to_owned(),
        format!(
            "{{\"format_version\":99,\"frames\":\"{}\"}}",
            "x".repeat(40_000)
        ),
    ] {
        for store in TestStore::both() {
            let vault = store.vault().await;
            let (older, newest) = (
                key(POOL, "2026-01-01T00:00:00Z"),
                key(POOL, "2026-01-02T00:00:00Z"),
            );
            store.put_backup(&older, document(&older, 1));
            store.put_backup(&newest, newer.clone().into_bytes());
            let error = find(&vault, &request()).await.unwrap_err();
            assert_eq!(error.failure(), Failure::BackupTooNew, "{error}");
            assert!(error.to_string().contains("deploy the version"), "{error}");
            let mut named = request();
            named.s3_key = Some(newest.clone());
            let error = find(&vault, &named).await.unwrap_err();
            assert_eq!(error.failure(), Failure::BackupTooNew, "{error}");
            named.s3_key = Some(older.clone());
            assert_eq!(find(&vault, &named).await.unwrap().s3_key, older);
        }
    }
}

#[tokio::test]
async fn a_document_of_this_version_whose_head_alone_is_newer_is_one_of_a_newer_version() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let newest = key(POOL, "2026-01-02T00:00:00Z");
        let text = String::from_utf8(document(&newest, 1)).unwrap();
        let text = text.replacen("\"format_version\":3", "\"format_version\":4", 1);
        store.put_backup(&newest, text.into_bytes());
        let error = find(&vault, &request()).await.unwrap_err();
        assert_eq!(error.failure(), Failure::BackupTooNew, "{error}");
    }
}

#[tokio::test]
async fn a_name_that_only_a_newer_version_can_have_written_is_told() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let good = key(POOL, "2026-01-01T00:00:00Z");
        store.put_backup(&good, document(&good, 1));
        let unknown = "cognito-backup/2026/01/02/us-east-1_AbC-000000.json.br";
        store.put(unknown, "frames");
        let found = find(&vault, &request()).await.unwrap();
        assert_eq!(found.s3_key, good);
        assert_eq!(found.passed_over[0].s3_key, unknown);
        let listed = vault.list(None, None, 100).await.unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
    }
}

#[tokio::test]
async fn a_section_of_a_newer_version_makes_no_backup_damaged() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2026-01-02T00:00:00Z");
        let text = String::from_utf8(document(&key, 0)).unwrap();
        let line = text.lines().next().unwrap().replacen(
        "\"sections\":{",
        "\"next_year\":{\"a\":1},\"sections\":{\"next_year\":{\"status\":\"complete\",\"count\":1},",
        1,
    );
        let head = BackupHead::from_line(line.as_bytes()).unwrap();
        store.put_backup(&key, document_of(&head, 2, key.began()));
        let found = find(&vault, &request()).await.unwrap();
        assert!(found.passed_over.is_empty());
        let backup = vault.open(&key, None).await.unwrap();
        assert_eq!(backup.head.unknown_sections(), ["next_year"]);
        backup.check_whole().await.unwrap();
    }
}

#[tokio::test]
async fn damaged_and_foreign_objects_are_passed_over_and_named() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let good = key(POOL, "2026-01-01T00:00:00Z");
        store.put_backup(&good, document(&good, 2));
        let whole = document(&good, 2);
        let mut shortened = whole[..200].to_vec();
        shortened.extend_from_slice(&whole[300..]);
        let reference = reference_document(&good, 2);
        let of_another = key("us-east-1_Other", "2026-01-01T00:00:00Z");
        let bad: Vec<(&str, Vec<u8>, &str)> = vec![
            ("2026-01-01T01:00:00Z", Vec::new(), "empty"),
            (
                "2026-01-01T02:00:00Z",
                whole[..whole.len() - 40].to_vec(),
                "cut off",
            ),
            ("2026-01-01T03:00:00Z", shortened, "bytes are missing"),
            (
                "2026-01-01T04:00:00Z",
                reference[..reference.len() - 9].to_vec(),
                "cut off",
            ),
            (
                "2026-01-01T05:00:00Z",
                b"{\"a\": 1}".to_vec(),
                "user_pool_id",
            ),
            (
                "2026-01-01T06:00:00Z",
                b"\x1f\x8b\x08 no JSON".to_vec(),
                "not a backup",
            ),
            (
                "2026-01-01T07:00:00Z",
                document(&of_another, 0),
                "another pool",
            ),
            ("2031-01-01T00:00:00Z", whole.clone(), "future"),
        ];
        for (began, bytes, _) in &bad {
            store.put_backup(&key(POOL, began), bytes.clone());
        }
        let found = find(&vault, &request()).await.unwrap();
        assert_eq!(found.s3_key, good);
        assert_eq!(found.passed_over.len(), bad.len());
        for (passed, (began, _, reason)) in found.passed_over.iter().zip(bad.iter().rev()) {
            assert_eq!(passed.s3_key, key(POOL, began).to_string());
            assert!(
                passed.reason.contains(reason),
                "{}: {}",
                passed.s3_key,
                passed.reason
            );
        }
    }
}

#[tokio::test]
async fn a_backup_named_by_its_key_is_never_replaced_by_another() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let good = key(POOL, "2026-01-01T00:00:00Z");
        let bad = key(POOL, "2026-01-02T00:00:00Z");
        store.put_backup(&good, document(&good, 1));
        store.put_backup(&bad, b"{".to_vec());
        let mut request = request();
        for (asked, failure) in [
            (good.clone(), None),
            (bad, Some(Failure::BackupDamaged)),
            (
                key(POOL, "2026-01-03T00:00:00Z"),
                Some(Failure::BackupNotFound),
            ),
        ] {
            request.s3_key = Some(asked.clone());
            let found = find(&vault, &request).await;
            assert_eq!(
                found.as_ref().err().map(VaultError::failure),
                failure,
                "{asked}"
            );
            if let Ok(found) = found {
                assert_eq!(found.s3_key, asked);
            }
        }
    }
}

#[tokio::test]
async fn no_backup_is_an_error_that_names_the_pools_that_have_some() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let empty = find(&vault, &request()).await.unwrap_err();
        assert_eq!(empty.failure(), Failure::BackupNotFound);
        assert!(
            empty.to_string().contains("no backup of any pool"),
            "{empty}"
        );
        for other in ["us-east-1_B", "eu-west-1_C"] {
            let key = key(other, "2026-01-01T00:00:00Z");
            store.put_backup(&key, document(&key, 0));
        }
        let text = find(&vault, &request()).await.unwrap_err().to_string();
        for named in [POOL, "us-east-1_B", "eu-west-1_C", BUCKET] {
            assert!(text.contains(named), "{text}");
        }
    }
}

#[tokio::test]
async fn when_no_backup_is_whole_the_error_says_what_is_wrong_with_them() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        store.put_backup(&key(POOL, "2026-01-01T00:00:00Z"), b"{".to_vec());
        let error = find(&vault, &request()).await.unwrap_err();
        assert_eq!(error.failure(), Failure::BackupDamaged);
        assert!(error.to_string().contains("cut off"), "{error}");
    }
}

#[tokio::test]
async fn a_storage_that_fails_is_not_taken_for_damage() {
    let (s3, vault) = vault().await;
    let older = key(POOL, "2026-01-01T00:00:00Z");
    let newer = key(POOL, "2026-01-02T00:00:00Z");
    put(&s3, &older, document(&older, 1));
    put(&s3, &newer, document(&newer, 1));
    // Years, months, days, keys; then the newest backup's end cannot be read.
    s3.die_at(5, Fault::Before);
    let error = find(&vault, &request()).await.unwrap_err();
    assert!(matches!(error, VaultError::Refused { .. }), "{error}");
}

/// What a restore of `pool` from `key` remembers after its first steps.
fn remembered(store: &TestStore, restore: &str, key: &BackupKey) {
    let state = json!({
        "restore_id": restore, "user_pool_id": key.pool(), "s3_key": key,
        "options": {"users_engine": "api"}, "began": "2026-02-01T00:00:00Z",
        "new_user_pool_id": "us-west-2_New",
    });
    store.put(
        &format!("cognito-restore/{restore}/state.json"),
        state.to_string(),
    );
}

fn resume(restore: &str) -> FindRequest {
    serde_json::from_value(json!({"user_pool_id": POOL, "resume": restore})).unwrap()
}

#[tokio::test]
async fn a_restore_that_goes_on_keeps_its_backup_and_its_options() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        for began in ["2026-01-31T04:00:00Z", "2026-01-31T05:00:00Z"] {
            let key = key(POOL, began);
            store.put_backup(&key, document(&key, 3));
        }
        let older = key(POOL, "2026-01-31T04:00:00Z");
        remembered(&store, "r-1", &older);
        let found = find(&vault, &resume("r-1")).await.unwrap();
        assert_eq!(found.s3_key, older);
        assert_eq!(
            serde_json::to_value(&found.options).unwrap(),
            json!({"users_engine": "api"})
        );
    }
}

#[tokio::test]
async fn what_cannot_go_on_is_refused_with_the_way_out() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let key = key(POOL, "2026-01-31T04:00:00Z");
        store.put_backup(&key, document(&key, 3));
        let foreign = self::key("us-east-1_Other", "2026-01-31T04:00:00Z");
        remembered(&store, "foreign", &foreign);
        store.put("cognito-restore/broken/state.json", "{");
        for (restore, named) in [
            ("never", "start a new restore"),
            ("foreign", "us-east-1_Other"),
            ("broken", "cannot be read"),
        ] {
            let error = find(&vault, &resume(restore)).await.unwrap_err();
            assert_eq!(error.failure(), Failure::BadRequest, "{restore}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
