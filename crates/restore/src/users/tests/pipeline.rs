//! What is saved while users are on their way.

use std::time::Duration;

use model::document::UserRecord;
use model::request::RestoreOptions;
use model::restore::{Finding, FindingKind};
use serde_json::json;
use tokio::time::timeout;

use super::super::ledger::Made;
use super::super::pipeline::{self, Ended};
use super::super::register::Register;
use super::harness::Stage;
use super::{document, settings, user};
use crate::error::RestoreError;
use crate::folder::Folder;

/// How long what hangs is waited for.
const LONG: Duration = Duration::from_secs(60);

/// A save takes the lock of the folder, and so do users on their way: whoever holds it must be polled.
/// And who is on record is found by the next invocation, at whatever moment this one dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saves_and_users_on_their_way_do_not_wait_for_each_other_and_nobody_is_lost() {
    let users: Vec<_> = (0..96)
        .map(|number| user(&"x".repeat(number + 1), "CONFIRMED", json!({})))
        .collect();
    let stage = Stage::new(document(
        json!({"UserPool": settings(json!({})), "Users": users}),
    ));
    let stage = stage.await;
    let options = RestoreOptions::default();
    let restored = stage.with_restore(&options, async |restore, mut state| {
        restore.folder.claim(&mut state).await?;
        let register = Register::read(restore, &state).await?;
        let work = async |record: UserRecord| {
            let old = record.attribute("sub").unwrap().to_owned();
            register.enter(&old, "new").await?;
            let id = restore.folder.restore_id();
            let saved = Folder::look(restore.workspace, id).await?.unwrap();
            let next = Register::read(restore, &saved).await?;
            assert_eq!(next.made(&old).as_deref(), Some("new"), "{old}");
            // Some take longer than others.
            for row in 0..record.username.as_str().len() % 8 {
                let key = restore.folder.key(&format!("rows/{old}-{row}"));
                restore.folder.write(&key, "text/plain", vec![0]).await?;
            }
            let finding = Finding::new(FindingKind::Degraded, old, "a reason");
            Ok::<_, RestoreError>(Made {
                findings: vec![finding],
                ..Made::default()
            })
        };
        let ended = timeout(LONG, pipeline::run(restore, &mut state, &register, work)).await;
        assert_eq!(ended.expect("it hangs")?, Ended::AllUsers);
        Ok(state)
    });
    let state = restored.await.unwrap();
    let parts = state.users.finding_parts;
    assert!(parts >= 4, "{parts} saves say nothing");
}

/// Until the state names the next part of the record, the next invocation would go by the one before.
#[tokio::test]
async fn nobody_enters_the_record_before_the_state_counts_its_next_generation() {
    let stage = Stage::new(document(json!({"UserPool": settings(json!({}))}))).await;
    let options = RestoreOptions::default();
    let done = stage.with_restore(&options, async |restore, mut state| {
        let register = Register::read(restore, &state).await?;
        register.enter("a", "new-a").await?;
        let generation = register.begin_anew().await?;
        let mut entering = std::pin::pin!(register.enter("b", "new-b"));
        let second = Duration::from_secs(1);
        assert!(timeout(second, &mut entering).await.is_err());
        state.users.register = generation.number;
        restore.save(&state).await?;
        drop(generation);
        entering.await?;
        let next = Register::read(restore, &state).await?;
        assert_eq!(next.made("a").as_deref(), Some("new-a"));
        assert_eq!(next.made("b").as_deref(), Some("new-b"));
        Ok(())
    });
    done.await.unwrap();
}
