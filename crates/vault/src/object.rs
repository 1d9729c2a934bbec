//! Small objects beside the backups: what a restore, or a backup that takes several
//! invocations, remembers.

use aws_sdk_s3::primitives::ByteStream;

use crate::Vault;
use crate::error::{Meaning, Request, VaultError, failed, meaning_of};

/// How often the body of an answer is fetched again when it breaks off.
const BODY_ATTEMPTS: u32 = 3;

impl Vault {
    /// The content of a small object; `None` when there is none.
    ///
    /// # Errors
    /// [`VaultError`] when S3 does not give it.
    pub async fn read_object(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let request = self.request("read", key);
        let mut attempt = 1;
        loop {
            let answer = self.client.get_object().bucket(&self.bucket).key(key);
            let body = match answer.send().await {
                Ok(answer) => answer.body,
                Err(error) if meaning_of(&error) == Meaning::Missing => return Ok(None),
                Err(error) => return Err(failed(request, &error)),
            };
            match body.collect().await {
                Ok(bytes) => return Ok(Some(bytes.to_vec())),
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
