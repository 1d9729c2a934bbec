//! A backup appears whole or not at all, and never in another's place.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

use model::BackupKey;
use vault::testing::{Fault, MemoryS3};
use vault::{Vault, VaultError};

const BUCKET: &str = "backups";
const MEBIBYTE: usize = 1024 * 1024;

async fn vault() -> (MemoryS3, Vault) {
    let s3 = MemoryS3::start(BUCKET);
    let vault = Vault::new(&s3.config().await, BUCKET);
    (s3, vault)
}

fn key() -> BackupKey {
    "cognito-backup/2026/03/07/us-east-1_AbC-090502.json"
        .parse()
        .unwrap()
}

/// Bytes that differ everywhere, so that no part can stand for another.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect()
}

#[tokio::test]
async fn nothing_is_visible_before_the_end_and_everything_after_it() {
    let (s3, vault) = vault().await;
    let mut upload = vault.begin(&key()).await.unwrap();
    let expected = bytes(20 * MEBIBYTE + 17);
    for piece in expected.chunks(100_000) {
        upload.write(piece).await.unwrap();
    }
    assert_eq!(s3.keys(BUCKET), Vec::<String>::new());
    let finished = upload.finish().await.unwrap();
    assert_eq!(finished.bytes, expected.len() as u64);
    assert!(finished.version_id.is_some());
    assert!(s3.get(BUCKET, &key().to_string()).unwrap() == expected);
    assert_eq!(s3.open_uploads(), 0);
}

#[tokio::test]
async fn an_upload_goes_on_in_another_process_from_its_saved_state() {
    let (s3, vault) = vault().await;
    let expected = bytes(19 * MEBIBYTE);
    let mut upload = vault.begin(&key()).await.unwrap();
    upload.write(&expected[..9 * MEBIBYTE]).await.unwrap();
    let (state, unsent) = upload.suspend().await.unwrap();
    let saved = serde_json::to_string(&state).unwrap();
    // One that went on from here and died leaves parts behind; they are replaced.
    let mut died = vault.resume(state, unsent.clone());
    died.write(&vec![0; 9 * MEBIBYTE]).await.unwrap();
    died.suspend().await.unwrap();

    let mut upload = vault.resume(serde_json::from_str(&saved).unwrap(), unsent);
    upload.write(&expected[9 * MEBIBYTE..]).await.unwrap();
    upload.finish().await.unwrap();
    assert!(s3.get(BUCKET, &key().to_string()).unwrap() == expected);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let (s3, vault) = vault().await;
    let mut upload = vault.begin(&key()).await.unwrap();
    upload.write(&bytes(9 * MEBIBYTE)).await.unwrap();
    upload.abort().await;
    assert_eq!(s3.open_uploads(), 0);
    assert!(s3.keys(BUCKET).is_empty());
}

#[tokio::test]
async fn of_two_backups_under_one_key_the_first_stays() {
    let (s3, vault) = vault().await;
    let mut first = vault.begin(&key()).await.unwrap();
    let mut second = vault.begin(&key()).await.unwrap();
    first.write(b"first").await.unwrap();
    second.write(b"second").await.unwrap();
    first.finish().await.unwrap();
    assert_eq!(
        second.finish().await.unwrap_err(),
        VaultError::KeyTaken(key())
    );
    assert_eq!(
        vault.begin(&key()).await.unwrap_err(),
        VaultError::KeyTaken(key())
    );
    assert_eq!(s3.get(BUCKET, &key().to_string()).unwrap(), "first");
    assert_eq!(s3.open_uploads(), 0, "the second was given up");
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_recognised_as_our_own() {
    let (s3, vault) = vault().await;
    let mut upload = vault.begin(&key()).await.unwrap();
    upload.write(b"whole").await.unwrap();
    // The part, then the completion.
    s3.fail_at(2, Fault::After);
    let finished = upload.finish().await.unwrap();
    assert!(finished.version_id.is_some());
    assert_eq!(s3.get(BUCKET, &key().to_string()).unwrap(), "whole");
}

#[tokio::test]
async fn passing_failures_of_a_part_are_repeated() {
    let (s3, vault) = vault().await;
    let mut upload = vault.begin(&key()).await.unwrap();
    s3.fail_at(1, Fault::Before);
    upload.write(&bytes(9 * MEBIBYTE)).await.unwrap();
    upload.finish().await.unwrap();
    assert!(s3.get(BUCKET, &key().to_string()).unwrap() == bytes(9 * MEBIBYTE));
}

#[tokio::test]
async fn an_upload_that_was_ended_elsewhere_says_so() {
    let (_s3, vault) = vault().await;
    let upload = vault.begin(&key()).await.unwrap();
    let (state, unsent) = upload.suspend().await.unwrap();
    vault.resume(state.clone(), unsent).abort().await;
    let mut again = vault.resume(state, Vec::new());
    again.write(b"more").await.unwrap();
    assert_eq!(
        again.finish().await.unwrap_err(),
        VaultError::UploadEnded(key())
    );
}

#[tokio::test]
async fn a_completion_that_is_refused_leaves_no_parts_behind() {
    let (s3, vault) = vault().await;
    let mut upload = vault.begin(&key()).await.unwrap();
    upload.write(b"all there is").await.unwrap();
    let (state, unsent) = upload.suspend().await.unwrap();
    let mut saved = serde_json::to_value(&state).unwrap();
    saved["bytes"] = 7.into();
    let upload = vault.resume(serde_json::from_value(saved).unwrap(), unsent);
    let error = upload.finish().await.unwrap_err();
    assert!(matches!(error, VaultError::Refused { .. }), "{error}");
    assert!(s3.keys(BUCKET).is_empty());
    assert_eq!(s3.open_uploads(), 0);
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let (s3, _) = vault().await;
    let vault = Vault::new(&s3.config().await, "elsewhere");
    let error = vault.begin(&key()).await.unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
}

#[tokio::test]
async fn small_objects_are_written_over_and_read_back() {
    let (_s3, vault) = vault().await;
    assert_eq!(vault.read_object("a/state.json").await.unwrap(), None);
    for content in ["one", "two"] {
        let bytes = content.as_bytes().to_vec();
        vault
            .write_object("a/state.json", "application/json", bytes.clone())
            .await
            .unwrap();
        assert_eq!(
            vault.read_object("a/state.json").await.unwrap(),
            Some(bytes)
        );
    }
}
