//! Small objects beside the backups: what a restore, or a backup that takes several
//! invocations, remembers.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::time::sleep;

use crate::Vault;
use crate::error::{Meaning, Request, VaultError, failed, meaning_of};

/// How often the body of an answer is fetched again when it breaks off.
const BODY_ATTEMPTS: u32 = 3;
/// How often a conditional write is sent in all when another one is under way, and the pause
/// before the second.
const CONDITIONAL_ATTEMPTS: u32 = 5;
const CONDITIONAL_PAUSE: Duration = Duration::from_millis(100);

/// S3's name for one content of an object. Another content has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    fn of(header: Option<&str>) -> Self {
        Self(header.unwrap_or_default().to_owned())
    }
}

/// A small object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its content.
    pub bytes: Vec<u8>,
    /// By which a write tells whether it still is this content.
    pub etag: ETag,
}

impl Vault {
    /// The content of a small object; `None` when there is none.
    ///
    /// # Errors
    /// [`VaultError`] when S3 does not give it.
    pub async fn read_object(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.look_up_object(key).await?.map(|object| object.bytes))
    }

    /// A small object, to be [written over](Self::write_object_if) later; `None` when there is
    /// none.
    ///
    /// # Errors
    /// [`VaultError`] when S3 does not give it.
    pub async fn look_up_object(&self, key: &str) -> Result<Option<StoredObject>, VaultError> {
        let request = self.request("read", key);
        let mut attempt = 1;
        loop {
            let answer = self.client.get_object().bucket(&self.bucket).key(key);
            let (etag, body) = match answer.send().await {
                Ok(answer) => (ETag::of(answer.e_tag()), answer.body),
                Err(error) if meaning_of(&error) == Meaning::Missing => return Ok(None),
                Err(error) => return Err(failed(request, &error)),
            };
            match body.collect().await {
                Ok(bytes) => {
                    let bytes = bytes.to_vec();
                    return Ok(Some(StoredObject { bytes, etag }));
                }
                Err(_) if attempt < BODY_ATTEMPTS => attempt += 1,
                Err(error) => return Err(broke_off(request, &error)),
            }
        }
    }

    /// Writes a small object, over one that is there.
    ///
    /// # Errors
    /// [`VaultError`] when S3 does not take it.
    pub async fn write_object(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), VaultError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(self.request("write", key), &error))
    }

    /// What an object holds now, by its ETag; `None` when there is no object.
    ///
    /// # Errors
    /// [`VaultError`] when S3 does not tell.
    pub async fn etag_of(&self, key: &str) -> Result<Option<ETag>, VaultError> {
        let answer = self.client.head_object().bucket(&self.bucket).key(key);
        match answer.send().await {
            Ok(answer) => Ok(Some(ETag::of(answer.e_tag()))),
            Err(error) if meaning_of(&error) == Meaning::Missing => Ok(None),
            Err(error) => Err(failed(self.request("look at", key), &error)),
        }
    }

    /// Writes a small object over exactly the content that is `expected`; `None` expects that
    /// there is no object yet. Gives the ETag of what was written.
    ///
    /// An attempt whose answer was lost has changed what the next one finds: an object with
    /// exactly these bytes counts as written. Where two may write the same bytes and only one of
    /// them may win, the bytes must say who wrote them.
    ///
    /// # Errors
    /// [`VaultError::Changed`] when the object holds something else than expected; others when
    /// S3 does not take it.
    pub async fn write_object_if(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        expected: Option<&ETag>,
    ) -> Result<ETag, VaultError> {
        let bytes = Bytes::from(bytes);
        let mut attempt = 1;
        loop {
            let put = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .content_type(content_type)
                .body(ByteStream::from(bytes.clone()));
            let put = match expected {
                None => put.if_none_match("*"),
                Some(ETag(etag)) => put.if_match(etag),
            };
            let error = match put.send().await {
                Ok(answer) => return Ok(ETag::of(answer.e_tag())),
                Err(error) => error,
            };
            // An object that was deleted does not match either: S3 answers that it is missing.
            if !matches!(meaning_of(&error), Meaning::Condition | Meaning::Missing) {
                return Err(failed(self.request("write", key), &error));
            }
            let found = self.look_up_object(key).await?;
            let as_expected = found.as_ref().map(|object| &object.etag) == expected;
            match found {
                Some(object) if object.bytes == bytes => return Ok(object.etag),
                // S3 refuses one of two writes under way at once (ConditionalRequestConflict).
                _ if as_expected && attempt < CONDITIONAL_ATTEMPTS => {
                    sleep(CONDITIONAL_PAUSE * attempt).await;
                    attempt += 1;
                }
                _ => {
                    return Err(VaultError::Changed {
                        object: key.to_owned(),
                        bucket: self.bucket.clone(),
                    });
                }
            }
        }
    }

    pub(crate) fn request<'a>(&'a self, action: &'static str, object: &'a str) -> Request<'a> {
        Request {
            action,
            object,
            bucket: &self.bucket,
        }
    }
}

/// The error for an answer whose body ended too early.
pub(crate) fn broke_off(request: Request<'_>, error: &dyn std::fmt::Display) -> VaultError {
    VaultError::Unavailable {
        action: request.action,
        object: request.object.to_owned(),
        bucket: request.bucket.to_owned(),
        reason: format!("the answer broke off: {error}"),
    }
}
