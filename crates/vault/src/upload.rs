//! Writing one backup: a multipart upload, of which nothing is visible before it is finished.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use model::BackupKey;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::Vault;
use crate::error::{Meaning, VaultError, failed, meaning_of};

/// The size of a part. S3 takes 5 MiB at least and 10,000 parts at most, hence backups of up to
/// 78 GiB: ten million users of 8 KB each.
const PART: usize = 8 * 1024 * 1024;
/// The metadata by which an object is known as the one that an upload made.
const MARK: &str = "backup-upload";

/// A backup that is being written.
///
/// Memory: the part that fills up and the part that is on its way, 8 MiB each.
#[derive(Debug)]
pub struct Upload {
    vault: Vault,
    state: UploadState,
    unsent: Vec<u8>,
    on_its_way: Option<JoinHandle<Result<Part, VaultError>>>,
}

/// What an upload needs to go on in another invocation, but for the bytes that were not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadState {
    /// Where the backup will lie.
    pub key: BackupKey,
    /// S3's id of the upload.
    pub upload_id: String,
    mark: String,
    parts: Vec<Part>,
    bytes: u64,
}

impl UploadState {
    /// How many parts were sent.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }
}

/// One part that S3 has. Its number is its place in the list, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    etag: String,
}

/// A backup that lies in the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Vault {
    /// Begins to write the backup `key`.
    ///
    /// The object is encrypted as the bucket's default says. S3 checks the CRC-32 of each part
    /// when it comes and the size of the whole at the end; the document's own trailer sums up
    /// all of it.
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when there is one already; others when S3 does not answer or
    /// does not allow it.
    pub async fn begin(&self, key: &BackupKey) -> Result<Upload, VaultError> {
        let object = key.to_string();
        if self.mark_of(&object).await?.is_some() {
            return Err(VaultError::KeyTaken(key.clone()));
        }
        let mark = uuid::Uuid::new_v4().to_string();
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&object)
            .content_type("application/json")
            .metadata(MARK, &mark)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(|error| failed(self.request("begin to write", &object), &error))?;
        let state = UploadState {
            key: key.clone(),
            upload_id: answer.upload_id.unwrap_or_default(),
            mark,
            parts: Vec::new(),
            bytes: 0,
        };
        Ok(self.resume(state, Vec::new()))
    }

    /// Goes on with an upload that was [suspended](Upload::suspend). Parts that were sent after
    /// that are sent again, under their old numbers.
    pub fn resume(&self, state: UploadState, unsent: Vec<u8>) -> Upload {
        Upload {
            vault: self.clone(),
            state,
            unsent,
            on_its_way: None,
        }
    }

    /// The mark of the object under `key`: empty for one without, `None` when there is no object.
    async fn mark_of(&self, key: &str) -> Result<Option<(String, Option<String>)>, VaultError> {
        let answer = self.client.head_object().bucket(&self.bucket).key(key);
        match answer.send().await {
            Ok(answer) => {
                let mark = answer.metadata().and_then(|metadata| metadata.get(MARK));
                Ok(Some((
                    mark.cloned().unwrap_or_default(),
                    answer.version_id.clone(),
                )))
            }
            Err(error) if meaning_of(&error) == Meaning::Missing => Ok(None),
            Err(error) => Err(failed(self.request("look for", key), &error)),
        }
    }
}

impl Upload {
    /// Where the backup will lie.
    pub fn key(&self) -> &BackupKey {
        &self.state.key
    }

    /// Adds to the backup. A full part goes off at once, while the next one fills up.
    ///
    /// # Errors
    /// When the part before could not be sent; the upload is then of no use and should be
    /// [aborted](Self::abort).
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), VaultError> {
        self.unsent.extend_from_slice(bytes);
        while self.unsent.len() >= PART {
            let rest = self.unsent.split_off(PART);
            let part = std::mem::replace(&mut self.unsent, rest);
            self.send(part).await?;
        }
        Ok(())
    }

    /// Stops here. What is returned, kept anywhere, lets [`Vault::resume`] go on: the state and
    /// the bytes (less than 8 MiB) that are too few for a part.
    ///
    /// # Errors
    /// When the last part could not be sent.
    pub async fn suspend(mut self) -> Result<(UploadState, Vec<u8>), VaultError> {
        self.arrive().await?;
        Ok((self.state, self.unsent))
    }

    /// Makes the backup visible, all at once.
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when another backup came to lie under the key meanwhile,
    /// [`VaultError::UploadEnded`] when the upload was given up; others as S3 answers. After an
    /// error that is worth retrying, the upload can be [resumed](Vault::resume) from a state that
    /// was kept; after any other it is given up.
    pub async fn finish(mut self) -> Result<Finished, VaultError> {
        let result = self.send_the_rest().await;
        let result = match result {
            Ok(()) => self.complete().await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result
            && !error.failure().is_worth_retrying()
        {
            self.abort().await;
        }
        result
    }

    /// Gives the upload up. What could not be ended now, the bucket's lifecycle rule ends.
    pub async fn abort(mut self) {
        if let Some(part) = self.on_its_way.take() {
            part.abort();
            // Aborted or done: only that it is over matters.
            let _ = part.await;
        }
        let ended = self
            .vault
            .client
            .abort_multipart_upload()
            .bucket(&self.vault.bucket)
            .key(self.state.key.to_string())
            .upload_id(&self.state.upload_id)
            .send()
            .await;
        if let Err(error) = ended
            && meaning_of(&error) != Meaning::NoUpload
        {
            let key = self.state.key.to_string();
            let error = failed(self.vault.request("end the upload of", &key), &error);
            tracing::warn!(%error, "an upload is left to the lifecycle rule");
        }
    }

    async fn send_the_rest(&mut self) -> Result<(), VaultError> {
        if !self.unsent.is_empty() {
            let last = std::mem::take(&mut self.unsent);
            self.send(last).await?;
        }
        self.arrive().await
    }

    /// Sends a part off, once the one before has arrived.
    async fn send(&mut self, part: Vec<u8>) -> Result<(), VaultError> {
        self.arrive().await?;
        self.state.bytes += part.len() as u64;
        let number = self.state.parts.len() + 1;
        let sending = send_part(
            self.vault.clone(),
            self.state.key.clone(),
            self.state.upload_id.clone(),
            i32::try_from(number).unwrap_or(i32::MAX),
            part.into(),
        );
        self.on_its_way = Some(tokio::spawn(sending.in_current_span()));
        Ok(())
    }

    async fn arrive(&mut self) -> Result<(), VaultError> {
        if let Some(part) = self.on_its_way.take() {
            let part = part.await.map_err(|error| VaultError::Refused {
                action: "send a part of",
                object: self.state.key.to_string(),
                bucket: self.vault.bucket.clone(),
                reason: error.to_string(),
            })??;
            self.state.parts.push(part);
        }
        Ok(())
    }

    async fn complete(&self) -> Result<Finished, VaultError> {
        let key = self.state.key.to_string();
        let parts = self.state.parts.iter().enumerate().map(|(index, part)| {
            CompletedPart::builder()
                .part_number(i32::try_from(index + 1).unwrap_or(i32::MAX))
                .e_tag(&part.etag)
                .build()
        });
        let whole = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let result = self
            .vault
            .client
            .complete_multipart_upload()
            .bucket(&self.vault.bucket)
            .key(&key)
            .upload_id(&self.state.upload_id)
            .multipart_upload(whole)
            .checksum_type(ChecksumType::FullObject)
            .mpu_object_size(i64::try_from(self.state.bytes).unwrap_or(i64::MAX))
            .if_none_match("*")
            .send()
            .await;
        let error = match result {
            Ok(answer) => {
                return Ok(Finished {
                    version_id: answer.version_id,
                    bytes: self.state.bytes,
                });
            }
            Err(error) => error,
        };
        let meaning = meaning_of(&error);
        if !matches!(meaning, Meaning::Condition | Meaning::NoUpload) {
            return Err(failed(self.vault.request("complete", &key), &error));
        }
        // An answer may have been lost and the request repeated: then the object that is in the
        // way is this very backup.
        match self.vault.mark_of(&key).await? {
            Some((mark, version_id)) if mark == self.state.mark => Ok(Finished {
                version_id,
                bytes: self.state.bytes,
            }),
            Some(_) => Err(VaultError::KeyTaken(self.state.key.clone())),
            None => Err(VaultError::UploadEnded(self.state.key.clone())),
        }
    }
}

async fn send_part(
    vault: Vault,
    key: BackupKey,
    upload_id: String,
    number: i32,
    bytes: Bytes,
) -> Result<Part, VaultError> {
    let object = key.to_string();
    let answer = vault
        .client
        .upload_part()
        .bucket(&vault.bucket)
        .key(&object)
        .upload_id(upload_id)
        .part_number(number)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .body(ByteStream::from(bytes))
        .send()
        .await
        .map_err(|error| match meaning_of(&error) {
            Meaning::NoUpload | Meaning::Missing => VaultError::UploadEnded(key.clone()),
            _ => failed(vault.request("send a part of", &object), &error),
        })?;
    Ok(Part {
        etag: answer.e_tag.unwrap_or_default(),
    })
}
