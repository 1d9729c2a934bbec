//! A backup appears whole or not at all, and never in another's place.

use std::time::Duration;

use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::SharedCredentialsProvider;
use model::{BackupKey, Failure};
use vault::testing::{Fault, MemoryS3};
use vault::{ETag, Vault, VaultError};

use crate::support::{BUCKET, TestStore};

const MEBIBYTE: usize = 1024 * 1024;

async fn vault() -> (MemoryS3, Vault) {
    let s3 = MemoryS3::start(BUCKET);
    let vault = Vault::in_bucket(&s3.config().await, BUCKET);
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
    for store in TestStore::both() {
        let vault = store.vault().await;
        let mut upload = vault.begin(&key()).await.unwrap();
        let expected = bytes(20 * MEBIBYTE + 17);
        for piece in expected.chunks(100_000) {
            upload.write(piece).await.unwrap();
        }
        assert_eq!(store.keys(), Vec::<String>::new());
        let finished = upload.finish().await.unwrap();
        assert_eq!(finished.bytes, expected.len() as u64);
        assert!(store.get(&key().to_string()).unwrap() == expected);
        assert_eq!(store.open_uploads(), 0);
    }
}

#[tokio::test]
async fn an_upload_goes_on_in_another_process_from_its_saved_state() {
    for store in TestStore::both() {
        let vault = store.vault().await;
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
        assert!(store.get(&key().to_string()).unwrap() == expected);
    }
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let mut upload = vault.begin(&key()).await.unwrap();
        upload.write(&bytes(9 * MEBIBYTE)).await.unwrap();
        upload.abort().await;
        assert_eq!(store.open_uploads(), 0);
        assert!(store.keys().is_empty());
    }
}

#[tokio::test]
async fn of_two_backups_under_one_key_the_first_stays() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let mut first = vault.begin(&key()).await.unwrap();
        let mut second = vault.begin(&key()).await.unwrap();
        first.write(b"first").await.unwrap();
        second.write(b"second").await.unwrap();
        first.finish().await.unwrap();
        assert_eq!(
            second.finish().await.unwrap_err(),
            VaultError::KeyTaken(store.address(&key().to_string()))
        );
        assert_eq!(
            vault.begin(&key()).await.unwrap_err(),
            VaultError::KeyTaken(store.address(&key().to_string()))
        );
        assert_eq!(store.get(&key().to_string()).unwrap(), b"first");
        assert_eq!(store.open_uploads(), 0, "the second was given up");
    }
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
    for store in TestStore::both() {
        let vault = store.vault().await;
        let upload = vault.begin(&key()).await.unwrap();
        let (state, unsent) = upload.suspend().await.unwrap();
        vault.resume(state.clone(), unsent).abort().await;
        let mut again = vault.resume(state, Vec::new());
        again.write(b"more").await.unwrap();
        assert_eq!(
            again.finish().await.unwrap_err(),
            VaultError::UploadEnded(store.address(&key().to_string()))
        );
    }
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
    let vault = Vault::in_bucket(&s3.config().await, "elsewhere");
    let error = vault.begin(&key()).await.unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
}

#[tokio::test]
async fn small_objects_are_written_over_and_read_back() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        assert_eq!(vault.workspace().read("a/state.json").await.unwrap(), None);
        for content in ["one", "two"] {
            let bytes = content.as_bytes().to_vec();
            vault
                .workspace()
                .write("a/state.json", "application/json", bytes.clone())
                .await
                .unwrap();
            assert_eq!(
                vault.workspace().read("a/state.json").await.unwrap(),
                Some(bytes)
            );
        }
    }
}

#[tokio::test]
async fn a_small_object_is_written_only_over_what_was_expected() {
    for store in TestStore::both() {
        let vault = store.vault().await;
        let write = async |content: &str, expected: Option<&ETag>| {
            let bytes = content.as_bytes().to_vec();
            let written =
                vault
                    .workspace()
                    .write_if("a/state.json", "application/json", bytes, expected);
            written.await
        };
        let content = async || {
            vault
                .workspace()
                .read("a/state.json")
                .await
                .unwrap()
                .unwrap()
        };
        let first = write("one", None).await.unwrap();
        let error = write("two", None).await.unwrap_err();
        assert!(matches!(error, VaultError::Changed(_)), "{error}");
        assert_eq!(content().await, b"one");

        let second = write("two", Some(&first)).await.unwrap();
        assert_eq!(
            vault.workspace().etag_of("a/state.json").await.unwrap(),
            Some(second)
        );
        let error = write("three", Some(&first)).await.unwrap_err();
        assert_eq!(error.failure(), Failure::AlreadyRunning);
        assert_eq!(content().await, b"two");
        assert_eq!(
            vault.workspace().etag_of("a/other.json").await.unwrap(),
            None
        );

        let nothing_there = vault
            .workspace()
            .write_if(
                "a/other.json",
                "application/json",
                b"x".to_vec(),
                Some(&first),
            )
            .await
            .unwrap_err();
        assert!(matches!(nothing_there, VaultError::Changed(_)));
    }
}

#[tokio::test]
async fn a_conditional_write_whose_answer_was_lost_is_not_somebody_elses() {
    for expected in [None, Some("before")] {
        let (s3, vault) = vault().await;
        let write = async |content: &str, expected: Option<&ETag>| {
            let bytes = content.as_bytes().to_vec();
            vault
                .workspace()
                .write_if("a/state.json", "application/json", bytes, expected)
                .await
        };
        let mut etag = None;
        if let Some(before) = expected {
            etag = Some(write(before, None).await.unwrap());
        }
        s3.fail_at(1, Fault::After);
        let written = write("own", etag.as_ref()).await.unwrap();
        s3.revive();
        assert_eq!(
            vault.workspace().etag_of("a/state.json").await.unwrap(),
            Some(written)
        );
    }
}

/// An error text may hold the word for any reason; what counts is what the provider said.
#[tokio::test]
async fn only_credentials_that_are_not_there_are_an_error_for_good() {
    type Refusal = fn() -> CredentialsError;
    let cases: [(Refusal, bool); 5] = [
        (CredentialsError::not_loaded_no_source, true),
        (
            || CredentialsError::invalid_configuration("no such profile"),
            true,
        ),
        (
            || CredentialsError::provider_error("the credential service did not answer"),
            false,
        ),
        (
            || CredentialsError::provider_timed_out(Duration::from_secs(5)),
            false,
        ),
        (|| CredentialsError::unhandled("a credential"), false),
    ];
    for (refusal, for_good) in cases {
        let provider = provide_credentials_fn(move || async move { Err(refusal()) });
        let s3 = MemoryS3::start(BUCKET);
        let provider = SharedCredentialsProvider::new(provider);
        let config = s3.config().await.to_builder();
        let config = config.credentials_provider(provider).build();
        let error = Vault::in_bucket(&config, BUCKET)
            .workspace()
            .read("a")
            .await
            .unwrap_err();
        let failure = if for_good {
            Failure::NotAuthorized
        } else {
            Failure::VaultUnavailable
        };
        assert_eq!(error.failure(), failure, "{error}");
    }
}
