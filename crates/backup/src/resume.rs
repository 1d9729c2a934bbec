//! Stopping before the deadline, and going on in another invocation.

use model::document::{BackupHead, DocumentEncoder};
use serde::Serialize;
use vault::{Upload, UploadState};

use crate::cursor::PoolCursor;
use crate::error::BackupError;
use crate::pool_run::PoolRun;
use crate::run::Backups;
use crate::subs::Subs;

const HEAD: &str = "head";
const UPLOAD: &str = "upload.json";
const UNSENT: &str = "unsent";
const USERS: &str = "users";

impl PoolRun<'_> {
    /// Puts everything down that the next invocation needs.
    pub(crate) async fn suspend(self) -> Result<PoolCursor, BackupError> {
        let key = self.upload.key().clone();
        let (upload, unsent) = self.upload.suspend().await?;
        let cursor = PoolCursor {
            key,
            upload_id: upload.upload_id.clone(),
            beginnings: self.beginnings,
            invocation: self.invocation + 1,
            encoder: self.encoder.state(),
            place: self.place,
            reached: self.reached,
        };
        let number = cursor.invocation;
        let mut objects = vec![
            (cursor.object(number, UPLOAD), json(&upload)?),
            (cursor.object(number, UNSENT), unsent),
            (cursor.object(number, USERS), self.seen.save()),
        ];
        if number == 1 {
            objects.push((cursor.object(0, HEAD), first_line(&self.head)));
        }
        let vault = self.backups.vault;
        for (object, bytes) in objects {
            vault
                .write_object(&object, "application/octet-stream", bytes)
                .await?;
        }
        Ok(cursor)
    }
}

impl<'a> Backups<'a> {
    /// Takes up what [`PoolRun::suspend`] put down.
    pub(crate) async fn resume(&'a self, cursor: &PoolCursor) -> Result<PoolRun<'a>, BackupError> {
        let head = self.remembered(cursor, 0, HEAD).await?;
        let head = BackupHead::from_line(&head)
            .map_err(|error| unresumable(cursor, &format!("the head: {error}")))?;
        let mut seen = Subs::new();
        for number in 1..=cursor.invocation {
            let users = self.remembered(cursor, number, USERS).await?;
            if !seen.load(&users) {
                return Err(unresumable(cursor, "the list of users that were seen"));
            }
        }
        Ok(PoolRun {
            backups: self,
            head,
            encoder: DocumentEncoder::resume(cursor.encoder.clone()),
            upload: self.upload_of(cursor).await?,
            seen,
            place: cursor.place.clone(),
            reached: cursor.reached,
            beginnings: cursor.beginnings,
            invocation: cursor.invocation,
            pages: 0,
            out: Vec::new(),
        })
    }

    /// The upload that a cursor goes on with.
    async fn upload_of(&self, cursor: &PoolCursor) -> Result<Upload, BackupError> {
        let number = cursor.invocation;
        let state = self.remembered(cursor, number, UPLOAD).await?;
        let state: UploadState = serde_json::from_slice(&state)
            .ok()
            .filter(|state: &UploadState| state.upload_id == cursor.upload_id)
            .ok_or_else(|| unresumable(cursor, "the state of the upload"))?;
        let unsent = self.remembered(cursor, number, UNSENT).await?;
        Ok(self.vault.resume(state, unsent))
    }

    /// Gives up the backup that a cursor stands for.
    pub(crate) async fn discard(&self, cursor: &PoolCursor) {
        match self.upload_of(cursor).await {
            Ok(upload) => upload.abort().await,
            Err(error) => {
                tracing::warn!(%error, s3_key = %cursor.key, "an upload is left to the lifecycle rule");
            }
        }
    }

    async fn remembered(
        &self,
        cursor: &PoolCursor,
        number: u32,
        name: &str,
    ) -> Result<Vec<u8>, BackupError> {
        let object = cursor.object(number, name);
        self.vault
            .read_object(&object)
            .await?
            .ok_or_else(|| unresumable(cursor, &format!("there is no object {object}")))
    }
}

fn unresumable(cursor: &PoolCursor, problem: &str) -> BackupError {
    BackupError::Unresumable {
        pool: cursor.key.pool().clone(),
        problem: problem.to_owned(),
    }
}

/// The head as a document begins with it.
fn first_line(head: &BackupHead) -> Vec<u8> {
    let mut document = Vec::new();
    DocumentEncoder::begin(head, &mut document);
    let end = document.iter().position(|byte| *byte == b'\n');
    document.truncate(end.unwrap_or(document.len()));
    document
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, BackupError> {
    serde_json::to_vec(value).map_err(|error| BackupError::BadCursor(error.to_string()))
}
