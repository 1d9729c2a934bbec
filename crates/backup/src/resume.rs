//! Stopping, and going on in another invocation.

use std::sync::Arc;

use cognito::Answers;
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use serde::Serialize;
use vault::{Upload, UploadState};

use crate::ahead::{Ahead, Next};
use crate::cursor::{PoolCursor, Position};
use crate::error::BackupError;
use crate::listing::Listing;
use crate::pool_run::{Document, PoolRun, names_of};
use crate::preferences::Asks;
use crate::run::Backups;
use crate::subs::Subs;

const HEAD: &str = "head";
const ANSWERS: &str = "answers";
const UPLOAD: &str = "upload.json";
const UNSENT: &str = "unsent";
const USERS: &str = "users";
const LISTING: &str = "listing.json";
const AHEAD: &str = "members";

impl PoolRun<'_> {
    /// Puts everything down that the next invocation needs.
    pub(crate) async fn suspend(self) -> Result<PoolCursor, BackupError> {
        let number = self.invocation + 1;
        let key = self.upload.key().clone();
        let (upload, unsent) = self.upload.suspend().await?;
        let document = self.document.as_ref();
        let head_left_by = document.and_then(|document| document.head_left_by);
        let listing = self.listing.as_ref();
        let oldest_token = match self.position {
            Position::Users => listing.and_then(Listing::oldest),
            Position::Head | Position::Members { .. } => None,
        };
        let cursor = PoolCursor {
            key,
            upload_id: upload.upload_id().to_owned(),
            beginnings: self.beginnings,
            invocation: number,
            head_left_by: head_left_by.unwrap_or(number),
            encoder: document.map(|document| document.encoder.state()),
            reads_ahead: !self.ahead.is_empty(),
            position: self.position,
            reached: oldest_token.unwrap_or(self.reached),
        };
        let mut objects = vec![
            (UPLOAD, json(&upload)?),
            (UNSENT, unsent),
            (USERS, self.seen.save()),
            (LISTING, json(&listing)?),
        ];
        match document {
            None => {
                let (pool, object) = (cursor.key.pool(), cursor.object(number, ANSWERS));
                let answers = self.answers.save();
                let answers = match self.backups.secrets_key {
                    // They hold secrets.
                    Some(key) => key.encrypt_state(pool, &object, answers).await?,
                    None => answers,
                };
                objects.push((ANSWERS, answers));
            }
            Some(document) if head_left_by.is_none() => {
                objects.push((HEAD, first_line(&document.head)));
            }
            Some(_) => {}
        }
        if cursor.reads_ahead {
            objects.push((AHEAD, self.ahead.save()));
        }
        let workspace = self.backups.vault.workspace();
        for (name, bytes) in objects {
            let object = cursor.object(number, name);
            workspace
                .write(&object, "application/octet-stream", bytes)
                .await?;
        }
        Ok(cursor)
    }
}

impl<'a> Backups<'a> {
    /// Takes up what [`PoolRun::suspend`] put down.
    pub(crate) async fn resume(&'a self, cursor: &PoolCursor) -> Result<PoolRun<'a>, BackupError> {
        let answers = Answers::default();
        let mut document = None;
        match &cursor.encoder {
            None => {
                for number in 1..=cursor.invocation {
                    let saved = self.answers(cursor, number).await?;
                    if !saved.is_some_and(|saved| answers.load(&saved)) {
                        return Err(unresumable(cursor, "what the head is made of"));
                    }
                }
            }
            Some(encoder) => {
                let head = self.remembered(cursor, cursor.head_left_by, HEAD).await?;
                let head = BackupHead::from_line(&head)
                    .map_err(|error| unresumable(cursor, &format!("the head: {error}")))?;
                document = Some(Document {
                    asks: Asks::of(self.mfa_preferences, &head),
                    head,
                    head_left_by: Some(cursor.head_left_by),
                    encoder: DocumentEncoder::resume(encoder.clone()),
                });
            }
        }
        let mut seen = Subs::new();
        for number in 1..=cursor.invocation {
            let users = self.remembered(cursor, number, USERS).await?;
            if !seen.load(&users) {
                return Err(unresumable(cursor, "the list of users that were seen"));
            }
        }
        let listing = self.remembered(cursor, cursor.invocation, LISTING).await?;
        let listing: Option<Listing> = serde_json::from_slice(&listing)
            .map_err(|error| unresumable(cursor, &format!("the listing of users: {error}")))?;
        let mut ahead = Ahead::default();
        if cursor.reads_ahead {
            let saved = self.remembered(cursor, cursor.invocation, AHEAD).await?;
            ahead = Ahead::load(&saved)
                .ok_or_else(|| unresumable(cursor, "the members that were read ahead"))?;
        }
        if let Position::Members { group, token } = &cursor.position
            && token.is_some()
        {
            ahead.set(*group, Next::Page(token.clone()), cursor.reached);
        }
        let groups = document
            .as_ref()
            .map(|document| document.head.list(Section::Groups));
        Ok(PoolRun {
            backups: self,
            upload: self.upload_of(cursor).await?,
            answers: Arc::new(answers),
            groups: groups.map(names_of),
            began: document
                .as_ref()
                .map_or(cursor.reached, |document| document.head.timestamp),
            document,
            listing,
            seen,
            ahead,
            position: cursor.position.clone(),
            reached: cursor.reached,
            beginnings: cursor.beginnings,
            invocation: cursor.invocation,
            wrote: false,
            out: Vec::new(),
        })
    }

    /// The answers that an invocation left; `None` when they cannot be decrypted.
    async fn answers(
        &self,
        cursor: &PoolCursor,
        number: u32,
    ) -> Result<Option<Vec<u8>>, BackupError> {
        let saved = self.remembered(cursor, number, ANSWERS).await?;
        let Some(key) = self.secrets_key else {
            return Ok(Some(saved));
        };
        let object = cursor.object(number, ANSWERS);
        Ok(key.decrypt_state(cursor.key.pool(), &object, saved).await?)
    }

    /// The upload that a cursor goes on with.
    async fn upload_of(&self, cursor: &PoolCursor) -> Result<Upload, BackupError> {
        let number = cursor.invocation;
        let state = self.remembered(cursor, number, UPLOAD).await?;
        let state: UploadState = serde_json::from_slice(&state)
            .ok()
            .filter(|state: &UploadState| state.upload_id() == cursor.upload_id)
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
            .workspace()
            .read(&object)
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
