//! Small objects and tables beside the backups: what a restore, or a backup that takes several
//! invocations, remembers and leaves behind.

use std::path::Path;

use aws_config::SdkConfig;

use crate::error::VaultError;
use crate::store::bucket::Bucket;
use crate::store::folder::Folder;
use crate::store::{ETag, Existing, Kind, Store, StoredObject, Unfinished};
use crate::upload::PART;

/// Where a restore keeps what it remembers and what it leaves behind, each restore below
/// `cognito-restore/{restore-id}/`. It may lie in another store than the backup.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(crate) store: Store,
}

impl Workspace {
    /// A workspace in `bucket`, reached with the account and Region of `config`.
    pub fn in_bucket(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        let store = Store::Bucket(Bucket::new(config, bucket));
        Self { store }
    }

    /// A workspace in the folder `path`, which is made when something is written.
    ///
    /// # Errors
    /// [`VaultError`] when a relative path cannot be followed.
    pub fn in_folder(path: &Path) -> Result<Self, VaultError> {
        let store = Store::Folder(Folder::new(path)?);
        Ok(Self { store })
    }

    /// The whole address of an object, such as `s3://bucket/key` or `/folder/key`.
    pub fn address(&self, key: &str) -> String {
        self.store.address(key)
    }

    /// The content of a small object; `None` when there is none.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not give it.
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.look_up(key).await?.map(|object| object.bytes))
    }

    /// A small object, to be [written over](Self::write_if) later; `None` when there is none.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not give it.
    pub async fn look_up(&self, key: &str) -> Result<Option<StoredObject>, VaultError> {
        self.store.look_up(key).await
    }

    /// What an object holds now, by its ETag; `None` when there is no object.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not tell.
    pub async fn etag_of(&self, key: &str) -> Result<Option<ETag>, VaultError> {
        self.store.etag_of(key).await
    }

    /// Writes a small object, over one that is there.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not take it.
    pub async fn write(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), VaultError> {
        self.store.write(key, content_type, bytes).await
    }

    /// Writes a small object over exactly the content that is `expected`; `None` expects that
    /// there is no object yet. Gives the ETag of what was written.
    ///
    /// An object that already has exactly these bytes counts as written. Where two may write the
    /// same bytes and only one of them may win, the bytes must say who wrote them.
    ///
    /// # Errors
    /// [`VaultError::Changed`] when the object holds something else than expected; others when
    /// the store does not take it.
    pub async fn write_if(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        expected: Option<&ETag>,
    ) -> Result<ETag, VaultError> {
        self.store
            .write_if(key, content_type, bytes, expected)
            .await
    }

    /// Writes `first` and then the contents of `keys` as one object, over one that is there.
    /// Keys without an object are passed over.
    ///
    /// Memory: 16 MiB and the largest of the objects.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not give a part or does not take the whole; nothing is
    /// visible then.
    pub async fn join(
        &self,
        first: Vec<u8>,
        keys: impl IntoIterator<Item = String>,
        to: &str,
        content_type: &str,
    ) -> Result<(), VaultError> {
        let mut pending = first;
        let mut upload = None;
        for key in keys {
            pending.extend(self.read(&key).await?.unwrap_or_default());
            while pending.len() >= PART {
                let rest = pending.split_off(PART);
                let part = std::mem::replace(&mut pending, rest);
                let upload = match &mut upload {
                    Some(upload) => upload,
                    None => {
                        let begun =
                            self.store
                                .begin(to, content_type, Existing::Replace, Kind::Other);
                        upload.insert(begun.await?)
                    }
                };
                self.send_next(to, upload, part).await?;
            }
        }
        let Some(mut upload) = upload else {
            return self.write(to, content_type, pending).await;
        };
        if !pending.is_empty() {
            self.send_next(to, &mut upload, pending).await?;
        }
        let completed = self.store.complete(to, &upload, Existing::Replace).await;
        completed.map(drop)
    }

    async fn send_next(
        &self,
        key: &str,
        upload: &mut Unfinished,
        bytes: Vec<u8>,
    ) -> Result<(), VaultError> {
        let length = bytes.len() as u64;
        let sent = self
            .store
            .send_part(key, &upload.upload_id, upload.next(), bytes.into());
        upload.parts.push(sent.await?);
        upload.bytes += length;
        Ok(())
    }
}
