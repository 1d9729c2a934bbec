//! Writing one backup, of which nothing is visible before it is finished.

use model::BackupKey;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::Vault;
use crate::error::VaultError;
use crate::frames::{FrameSize, FrameWriter};
use crate::store::{Existing, Finished, Kind, Part, Store, Unfinished};

/// The size of a part. S3 takes 5 MiB at least and 10,000 parts at most, hence backups of up to
/// 78 GiB: ten million users of 8 KB each.
pub(crate) const PART: usize = 8 * 1024 * 1024;

/// How the name of a document ends that is to be compressed.
const COMPRESSED: &str = ".zst";

/// A backup that is being written: compressed where its name ends with `.zst`.
///
/// Memory: the part that fills up and the part that is on its way, 8 MiB each; the frame that
/// fills up, 2 MiB, and some 4 MiB while it is compressed.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    /// Where the object will lie.
    object: String,
    state: UploadState,
    /// The frame that fills up, of a document that is compressed.
    frames: Option<FrameWriter>,
    unsent: Vec<u8>,
    on_its_way: Option<JoinHandle<Result<Part, VaultError>>>,
}

/// What an upload needs to go on in another invocation, but for the bytes that were not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadState {
    /// Which backup it will be.
    pub key: BackupKey,
    #[serde(flatten)]
    unfinished: Unfinished,
    #[serde(default)]
    frames: Vec<FrameSize>,
    /// Where it is staged, if it is.
    #[serde(default)]
    staged: Option<String>,
}

impl UploadState {
    /// Where the object lies before it is decided what becomes of it.
    pub fn staged(&self) -> Option<&str> {
        self.staged.as_deref()
    }

    fn object(&self, vault: &Vault) -> String {
        let staged = self.staged.clone();
        staged.unwrap_or_else(|| vault.object(&self.key))
    }

    /// The store's id of the upload.
    pub fn upload_id(&self) -> &str {
        &self.unfinished.upload_id
    }

    /// How many parts were sent.
    pub fn parts(&self) -> usize {
        self.unfinished.parts.len()
    }
}

impl Vault {
    /// Begins to write the backup `key`.
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when there is one already; others when the store does not answer
    /// or does not allow it.
    pub async fn begin(&self, key: &BackupKey) -> Result<Upload, VaultError> {
        self.begin_as(key, Kind::Base).await
    }

    pub(crate) async fn begin_as(&self, key: &BackupKey, kind: Kind) -> Result<Upload, VaultError> {
        self.begin_at(key, &self.object(key), kind, None).await
    }

    /// Begins to write the whole backup `key` to the object `staged`, outside of the backups: what
    /// becomes of it is decided when it is whole
    /// ([`write_difference`](Self::write_difference), [`publish_staged`](Self::publish_staged)).
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when there is a backup `key` already, or a staged one.
    pub async fn begin_staged(&self, key: &BackupKey, staged: &str) -> Result<Upload, VaultError> {
        let object = self.object(key);
        if self.store().etag_of(&object).await?.is_some() {
            return Err(VaultError::KeyTaken(self.store().address(&object)));
        }
        let staged_at = Some(staged.to_owned());
        self.begin_at(key, staged, Kind::Other, staged_at).await
    }

    async fn begin_at(
        &self,
        key: &BackupKey,
        object: &str,
        kind: Kind,
        staged: Option<String>,
    ) -> Result<Upload, VaultError> {
        let content_type = match object.ends_with(COMPRESSED) {
            true => "application/zstd",
            false => "application/json",
        };
        let begun = self
            .store()
            .begin(object, content_type, Existing::Keep, kind);
        let state = UploadState {
            key: key.clone(),
            unfinished: begun.await?,
            frames: Vec::new(),
            staged,
        };
        Ok(self.resume(state, Vec::new()))
    }

    /// Goes on with an upload that was [suspended](Upload::suspend). Parts that were sent after
    /// that are sent again, under their old numbers.
    pub fn resume(&self, mut state: UploadState, unsent: Vec<u8>) -> Upload {
        let object = state.object(self);
        let written = std::mem::take(&mut state.frames);
        Upload {
            store: self.store().clone(),
            frames: object
                .ends_with(COMPRESSED)
                .then(|| FrameWriter::after(written)),
            object,
            state,
            unsent,
            on_its_way: None,
        }
    }
}

impl Upload {
    /// Which backup it will be.
    pub fn key(&self) -> &BackupKey {
        &self.state.key
    }

    /// Where it is [staged](Vault::begin_staged), if it is.
    pub fn staged(&self) -> Option<&str> {
        self.state.staged()
    }

    /// Adds bytes as another object holds them.
    pub(crate) async fn write_stored(&mut self, bytes: &[u8]) -> Result<(), VaultError> {
        self.unsent.extend_from_slice(bytes);
        self.send_full_parts().await
    }

    /// What was written as it was stored are these frames: more follow.
    pub(crate) fn go_on_after(&mut self, frames: Vec<FrameSize>) {
        if self.frames.is_some() {
            self.frames = Some(FrameWriter::after(frames));
        }
    }

    /// Adds to the backup. A full part goes off at once, while the next one fills up.
    ///
    /// # Errors
    /// When the part before could not be sent; the upload is then of no use and should be
    /// [aborted](Self::abort).
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), VaultError> {
        match &mut self.frames {
            Some(frames) => {
                let written = frames.write(bytes, &mut self.unsent);
                written.map_err(|error| self.not_compressed(&error))?;
            }
            None => self.unsent.extend_from_slice(bytes),
        }
        self.send_full_parts().await
    }

    /// Ends a section: what comes next can be read without what stands before it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn end_section(&mut self) -> Result<(), VaultError> {
        if let Some(frames) = &mut self.frames {
            let ended = frames.end_frame(&mut self.unsent);
            ended.map_err(|error| self.not_compressed(&error))?;
        }
        self.send_full_parts().await
    }

    /// Stops here. What is returned, kept anywhere, lets [`Vault::resume`] go on: the state and
    /// the bytes (less than 8 MiB) that are too few for a part.
    ///
    /// # Errors
    /// When the last part could not be sent.
    pub async fn suspend(mut self) -> Result<(UploadState, Vec<u8>), VaultError> {
        self.end_section().await?;
        self.arrive().await?;
        if let Some(frames) = self.frames {
            self.state.frames = frames.into_written();
        }
        Ok((self.state, self.unsent))
    }

    /// Makes the backup visible, all at once.
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when another backup came to lie under the key meanwhile,
    /// [`VaultError::UploadEnded`] when the upload was given up; others as the store answers.
    /// After an error that is worth retrying, the upload can be [resumed](Vault::resume) from a
    /// state that was kept; after any other it is given up.
    pub async fn finish(mut self) -> Result<Finished, VaultError> {
        let result = match self.send_the_rest().await {
            Ok(()) => {
                let unfinished = &self.state.unfinished;
                self.store
                    .complete(&self.object, unfinished, Existing::Keep)
                    .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &result
            && !error.failure().is_worth_retrying()
        {
            self.abort().await;
        }
        result
    }

    /// Gives the upload up. What could not be ended now, a bucket's lifecycle rule ends.
    pub async fn abort(mut self) {
        if let Some(part) = self.on_its_way.take() {
            part.abort();
            // Aborted or done: only that it is over matters.
            let _ = part.await;
        }
        let ended = self.store.abort(&self.object, &self.state.unfinished).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "what was sent of a backup is not removed");
        }
    }

    async fn send_the_rest(&mut self) -> Result<(), VaultError> {
        if let Some(frames) = self.frames.take() {
            let finished = frames.finish(&mut self.unsent);
            finished.map_err(|error| self.not_compressed(&error))?;
        }
        self.send_full_parts().await?;
        if !self.unsent.is_empty() {
            let last = std::mem::take(&mut self.unsent);
            self.send(last).await?;
        }
        self.arrive().await
    }

    async fn send_full_parts(&mut self) -> Result<(), VaultError> {
        while self.unsent.len() >= PART {
            let rest = self.unsent.split_off(PART);
            let part = std::mem::replace(&mut self.unsent, rest);
            self.send(part).await?;
        }
        Ok(())
    }

    fn not_compressed(&self, error: &std::io::Error) -> VaultError {
        VaultError::Refused {
            action: "compress",
            object: self.store.address(&self.object),
            reason: error.to_string(),
        }
    }

    /// Sends a part off, once the one before has arrived.
    async fn send(&mut self, part: Vec<u8>) -> Result<(), VaultError> {
        self.arrive().await?;
        let upload = &mut self.state.unfinished;
        let place = upload.next();
        upload.bytes += part.len() as u64;
        let (store, object) = (self.store.clone(), self.object.clone());
        let upload_id = upload.upload_id.clone();
        let sending = async move {
            let sent = store.send_part(&object, &upload_id, place, part.into());
            sent.await
        };
        self.on_its_way = Some(tokio::spawn(sending.in_current_span()));
        Ok(())
    }

    async fn arrive(&mut self) -> Result<(), VaultError> {
        if let Some(part) = self.on_its_way.take() {
            let part = part.await.map_err(|error| VaultError::Refused {
                action: "send a part of",
                object: self.store.address(&self.object),
                reason: error.to_string(),
            })??;
            self.state.unfinished.parts.push(part);
        }
        Ok(())
    }
}
