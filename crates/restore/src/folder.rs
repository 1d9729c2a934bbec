//! The objects of one restore, as one invocation reads and writes them.
//!
//! Two invocations of a restore may live at once: Step Functions calls again after a timeout, and
//! a resumed execution does not see the last invocation of the one before. The one that comes
//! later takes the restore over: it claims the state, and every write of the earlier one fails
//! from then on.
//!
//! - The state is written over exactly what this invocation read or wrote last (`If-Match`).
//! - Every other object is written over what this invocation knows of it. What it does not know
//!   was left by an invocation that died, as long as the state is still this one's: that is looked
//!   at before, and a rival that claims the state after the look finds this write, or is found.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use model::RestoreId;
use model::restore::RestoreState;
use vault::{ETag, VaultError, Workspace};

use crate::error::RestoreError;

fn parsed(bytes: Option<Vec<u8>>, key: String) -> Result<Option<RestoreState>, RestoreError> {
    let state = bytes.map(|bytes| RestoreState::from_json(&bytes));
    let state = state.transpose();
    state.map_err(|problem| RestoreError::StateDamaged { key, problem })
}

/// The folder `cognito-restore/{restore-id}/` of one restore, for one invocation.
#[derive(Debug)]
pub struct Folder<'a> {
    workspace: &'a Workspace,
    restore_id: RestoreId,
    /// What this invocation read or wrote last under each key; none where it found no object.
    known: Mutex<HashMap<String, Option<ETag>>>,
    /// Held while the state is written or looked at: between the write and its answer the state
    /// in the bucket is not yet what this invocation knows, and would look like a rival's.
    state: tokio::sync::Mutex<()>,
}

impl<'a> Folder<'a> {
    /// Opens the folder, and reads what the restore remembers, if it began.
    ///
    /// # Errors
    /// [`RestoreError::StateDamaged`] when the state cannot be read; [`RestoreError::Vault`] when
    /// the bucket does not give it.
    pub async fn open(
        workspace: &'a Workspace,
        restore_id: &RestoreId,
    ) -> Result<(Self, Option<RestoreState>), RestoreError> {
        let folder = Self::unread(workspace, restore_id);
        let key = folder.state_key();
        let state = parsed(folder.read(&key).await?, key)?;
        Ok((folder, state))
    }

    /// What a restore remembers, for who only looks; nothing when it never began.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub(crate) async fn look(
        workspace: &Workspace,
        restore_id: &RestoreId,
    ) -> Result<Option<RestoreState>, RestoreError> {
        let key = restore_id.object_key(RestoreState::OBJECT);
        parsed(workspace.read(&key).await?, key)
    }

    /// The folder of a run that remembers nothing.
    pub(crate) fn unread(workspace: &'a Workspace, restore_id: &RestoreId) -> Self {
        Self {
            workspace,
            restore_id: restore_id.clone(),
            known: Mutex::default(),
            state: tokio::sync::Mutex::default(),
        }
    }

    /// Whose folder it is.
    pub fn restore_id(&self) -> &RestoreId {
        &self.restore_id
    }

    /// Takes the restore over: from now on every other invocation that is at work on it fails to
    /// write.
    ///
    /// # Errors
    /// [`RestoreError::TakenOver`] when another one did so since the folder was opened;
    /// [`RestoreError::Vault`] when the bucket does not take it.
    pub async fn claim(&self, state: &mut RestoreState) -> Result<(), RestoreError> {
        let chance = getrandom::u64().map_err(|error| {
            RestoreError::Internal(format!("there are no random numbers: {error}"))
        })?;
        state.invocation = format!("{chance:016x}");
        state.claimed = Some(Timestamp::now());
        self.save(state).await
    }

    /// Keeps the state for the next invocation.
    ///
    /// # Errors
    /// [`RestoreError::TakenOver`] when another invocation claimed it; [`RestoreError::Vault`]
    /// when the bucket does not take it.
    pub async fn save(&self, state: &RestoreState) -> Result<(), RestoreError> {
        let key = self.state_key();
        let bytes = serde_json::to_vec(state)
            .map_err(|error| RestoreError::Internal(format!("{key} cannot be written: {error}")))?;
        let _one_at_a_time = self.state.lock().await;
        let expected = self.known().get(&key).cloned().flatten();
        let written = self.put(&key, "application/json", bytes, expected.as_ref());
        written.await.map_err(|error| self.taken_over(error))
    }

    /// The content of an object of the folder; `None` when there is none.
    ///
    /// # Errors
    /// [`RestoreError::Vault`] when the bucket does not give it.
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, RestoreError> {
        let found = self.workspace.look_up(key).await?;
        let (bytes, etag) = found.map(|object| (object.bytes, object.etag)).unzip();
        self.known().insert(key.to_owned(), etag);
        Ok(bytes)
    }

    /// Writes an object of the folder, over what this invocation or one before left there.
    ///
    /// # Errors
    /// [`RestoreError::TakenOver`] when another invocation goes on with the restore: nothing was
    /// written then; [`RestoreError::Vault`] when the bucket does not take it.
    pub async fn write(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), RestoreError> {
        loop {
            let known = self.known().get(key).cloned();
            let expected = match known {
                Some(expected) => expected,
                None => {
                    let found = self.workspace.etag_of(key).await?;
                    self.check_claim().await?;
                    found
                }
            };
            let written = self.put(key, content_type, bytes.clone(), expected.as_ref());
            match written.await {
                Err(VaultError::Changed(_)) => {
                    self.known().remove(key);
                }
                written => return Ok(written?),
            }
        }
    }

    /// Fails when another invocation claimed the state.
    async fn check_claim(&self) -> Result<(), RestoreError> {
        let key = self.state_key();
        let _one_at_a_time = self.state.lock().await;
        let now = self.workspace.etag_of(&key).await?;
        if self.known().get(&key) == Some(&now) {
            Ok(())
        } else {
            Err(RestoreError::TakenOver(self.restore_id.clone()))
        }
    }

    async fn put(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        expected: Option<&ETag>,
    ) -> Result<(), VaultError> {
        let written = self.workspace.write_if(key, content_type, bytes, expected);
        let etag = written.await?;
        self.known().insert(key.to_owned(), Some(etag));
        Ok(())
    }

    fn taken_over(&self, error: VaultError) -> RestoreError {
        match error {
            VaultError::Changed(_) => RestoreError::TakenOver(self.restore_id.clone()),
            error => error.into(),
        }
    }

    /// The key of an object of the folder.
    pub fn key(&self, name: &str) -> String {
        self.restore_id.object_key(name)
    }

    fn state_key(&self) -> String {
        self.key(RestoreState::OBJECT)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Option<ETag>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::{join, try_join_all};
    use vault::testing::MemoryS3;

    /// The state is saved while rows about users are written beside it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_invocation_does_not_take_its_own_writes_for_those_of_another() {
        let s3 = MemoryS3::start("dr");
        let workspace = Workspace::in_bucket(&s3.config().await, "dr");
        let id: RestoreId = "dr-restore-1".parse().unwrap();
        let (folder, _) = Folder::open(&workspace, &id).await.unwrap();
        let key = "cognito-backup/2026/03/07/us-east-1_Old-090502.json";
        let mut state = RestoreState::new(
            id.clone(),
            "us-east-1_Old".parse().unwrap(),
            key.parse().unwrap(),
            Default::default(),
            jiff::Timestamp::UNIX_EPOCH,
        );
        folder.claim(&mut state).await.unwrap();
        let saves = async {
            for offset in 0..100 {
                state.users.counts.seen = offset;
                folder.save(&state).await?;
            }
            Ok::<_, RestoreError>(())
        };
        let rows = try_join_all((0..4).map(async |writer| {
            for number in 0..50 {
                let key = folder.key(&format!("rows-{writer}-{number}"));
                folder.write(&key, "text/plain", vec![0]).await?;
            }
            Ok::<_, RestoreError>(())
        }));
        let (saved, written) = join(saves, rows).await;
        saved.unwrap();
        written.unwrap();
    }
}
