//! What a folder promises of itself: files that their owner alone reads, and nothing half done by
//! a process that dies.

use std::fs;

use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, BackupName};
use serde_json::json;
use tempfile::TempDir;
use vault::testing::{Steps, vault_with_steps};
use vault::{Backup, Vault, VaultError, Workspace};

const MEBIBYTE: usize = 1024 * 1024;

fn key() -> BackupKey {
    "cognito-backup/2026/03/07/us-east-1_AbC-090502.json"
        .parse()
        .unwrap()
}

fn document(users: usize) -> Vec<u8> {
    let mut head = BackupHead::new(key().pool().clone(), key().began());
    head.set(Section::UserPoolConfig, json!({"Name": "p"}));
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for n in 0..users {
        encoder.user(&json!({"Username": format!("user-{n}")}), &mut out);
    }
    encoder.begin_memberships(&mut out);
    encoder.finish(key().began(), &mut out);
    out
}

#[tokio::test]
async fn a_file_opens_whatever_its_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("of friday");
    fs::write(&path, document(3)).unwrap();
    let backup = Backup::open_file(&path, None).await.unwrap();
    assert_eq!(
        backup.name,
        BackupName::File(path.to_str().unwrap().to_owned())
    );
    assert_eq!(backup.head.user_pool_id, *key().pool());
    assert_eq!(backup.head.timestamp, key().began());
    backup.check_whole().await.unwrap();
}

#[tokio::test]
async fn the_beginning_of_the_keys_of_others_is_no_object() {
    let folder = TempDir::new().unwrap();
    let workspace = Workspace::in_folder(folder.path()).unwrap();
    let text = "text/plain";
    workspace
        .write("table/0", text, b"a".to_vec())
        .await
        .unwrap();
    assert_eq!(workspace.read("table").await.unwrap(), None);
    assert_eq!(workspace.read("table/0/0").await.unwrap(), None);
}

#[tokio::test]
async fn a_restore_that_goes_on_notices_that_another_backup_lies_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("backup.json");
    fs::write(&path, document(3)).unwrap();
    let first = Backup::open_file(&path, None).await.unwrap();
    let again = Backup::open_file(&path, first.version_id.as_deref()).await;
    again.unwrap();
    fs::write(&path, document(4)).unwrap();
    let error = Backup::open_file(&path, first.version_id.as_deref()).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("another backup"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_written_to_while_it_is_read_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("backup.json");
    fs::write(&path, document(3)).unwrap();
    let backup = Backup::open_file(&path, None).await.unwrap();
    fs::write(&path, document(4)).unwrap();
    let error = backup.check_whole().await.unwrap_err();
    assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_backup_is_written_to_a_file_of_any_name_and_never_over_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("here.json");
    let vault = Vault::in_file(&path).unwrap();
    let mut upload = vault.begin(&key()).await.unwrap();
    upload.write(&document(3)).await.unwrap();
    assert!(!path.exists());
    upload.finish().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), document(3));
    let error = vault.begin(&key()).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyTaken(_)), "{error}");
}

#[tokio::test]
async fn no_key_leads_out_of_the_folder() {
    let folder = TempDir::new().unwrap();
    let workspace = Workspace::in_folder(&folder.path().join("inside")).unwrap();
    for key in ["../outside", "/etc/hosts", "a/../../outside"] {
        assert!(workspace.read(key).await.is_err(), "{key}");
        let written = workspace.write(key, "text/plain", vec![1]).await;
        assert!(written.is_err(), "{key}");
    }
    assert!(!folder.path().join("outside").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_written_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let vault = Vault::in_folder(&folder.path().join("vault")).unwrap();
    let mut upload = vault.begin(&key()).await.unwrap();
    upload.write(b"secret").await.unwrap();
    upload.finish().await.unwrap();
    let kind = "application/json";
    let workspace = vault.workspace();
    workspace.write("a/b.json", kind, vec![1]).await.unwrap();
    let mode = |path: &str| {
        let about = fs::metadata(folder.path().join("vault").join(path)).unwrap();
        about.permissions().mode() & 0o777
    };
    for file in [&key().to_string(), "a/b.json", ".cognito-lock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    for folder in ["", "a", "cognito-backup", "cognito-backup/2026/03/07"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_write_over_the_same_content_one_wins() {
    let folder = TempDir::new().unwrap();
    for round in 0..5 {
        let writers = (0..8).map(|writer| {
            let workspace = Workspace::in_folder(folder.path()).unwrap();
            tokio::spawn(async move {
                let key = format!("round-{round}");
                let bytes = format!("writer {writer}").into_bytes();
                let written = workspace.write_if(&key, "text/plain", bytes, None);
                match written.await {
                    Ok(_) => 1,
                    Err(VaultError::Changed(_)) => 0,
                    Err(error) => panic!("{error}"),
                }
            })
        });
        let mut won = 0;
        for writer in writers.collect::<Vec<_>>() {
            won += writer.await.unwrap();
        }
        assert_eq!(won, 1);
    }
}

/// Two invocations: the second goes on from what the first put down.
async fn write_in_two_invocations(vault: &Vault, bytes: &[u8]) -> Result<(), VaultError> {
    let mut upload = vault.begin(&key()).await?;
    upload.write(&bytes[..9 * MEBIBYTE]).await?;
    let (state, unsent) = upload.suspend().await?;
    let saved = serde_json::to_vec(&state).unwrap();
    let workspace = vault.workspace();
    workspace.write("state.json", "", saved).await?;
    workspace.write("unsent", "", unsent).await?;
    go_on(vault, bytes).await
}

async fn go_on(vault: &Vault, bytes: &[u8]) -> Result<(), VaultError> {
    let workspace = vault.workspace();
    let state = workspace.read("state.json").await?.unwrap();
    let unsent = workspace.read("unsent").await?.unwrap();
    let mut upload = vault.resume(serde_json::from_slice(&state).unwrap(), unsent);
    upload.write(&bytes[9 * MEBIBYTE..]).await?;
    upload.finish().await.map(drop)
}

#[tokio::test]
async fn a_process_may_die_at_any_step_of_a_backup() {
    let bytes: Vec<u8> = (0..17 * MEBIBYTE as u64 + 5)
        .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect();
    let mut steps_in_all = None;
    for last in 0.. {
        if steps_in_all.is_some_and(|all| last >= all) {
            break;
        }
        let folder = TempDir::new().unwrap();
        let object = folder.path().join(key().to_string());
        let steps = Steps::dying_after(last);
        let dying = vault_with_steps(folder.path(), steps.clone()).unwrap();
        let died = write_in_two_invocations(&dying, &bytes).await;
        if died.is_ok() {
            steps_in_all = Some(steps.taken());
        }
        if object.exists() {
            assert!(
                fs::read(&object).unwrap() == bytes,
                "visible and not whole: {last}"
            );
        }
        // Whoever comes next goes on from what was put down, or begins again.
        let vault = Vault::in_folder(folder.path()).unwrap();
        let put_down = folder.path().join("unsent").exists();
        let finished = match put_down {
            true => go_on(&vault, &bytes).await,
            false => write_in_two_invocations(&vault, &bytes).await,
        };
        match finished {
            // Died after the backup was whole, before anybody heard of it.
            Ok(()) | Err(VaultError::UploadEnded(_)) => {}
            Err(error) => panic!("{last}: {error}"),
        }
        assert!(fs::read(&object).unwrap() == bytes, "{last}");
    }
    assert!(steps_in_all.unwrap() > 20);
}

#[tokio::test]
async fn a_process_may_die_at_any_step_of_a_conditional_write() {
    for last in 0..8 {
        let folder = TempDir::new().unwrap();
        let workspace = Workspace::in_folder(folder.path()).unwrap();
        let first = workspace.write_if("a", "", b"old content".to_vec(), None);
        let first = first.await.unwrap();
        let dying = vault_with_steps(folder.path(), Steps::dying_after(last)).unwrap();
        let write = async |workspace: &Workspace| {
            let bytes = b"new content".to_vec();
            workspace.write_if("a", "", bytes, Some(&first)).await
        };
        let died = write(dying.workspace()).await;
        let found = workspace.read("a").await.unwrap().unwrap();
        assert!(found == b"old content" || found == b"new content");
        assert!(died.is_err() || found == b"new content");
        // The same write again, by whoever comes next: no lock is left.
        write(&workspace).await.unwrap();
        assert_eq!(workspace.read("a").await.unwrap().unwrap(), b"new content");
    }
}
