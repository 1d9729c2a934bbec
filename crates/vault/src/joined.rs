//! One object out of many: the parts that a restore wrote as it went.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::Vault;
use crate::error::{VaultError, failed};

/// The size of a part. S3 takes 5 MiB at least.
const PART: usize = 8 * 1024 * 1024;

impl Vault {
    /// Writes `first` and then the contents of `keys` as one object, over one that is there.
    /// Keys without an object are passed over.
    ///
    /// Memory: 16 MiB and the largest of the objects.
    ///
    /// # Errors
    /// [`VaultError`] when S3 does not give a part or does not take the whole; nothing is visible
    /// then.
    pub async fn join_objects(
        &self,
        first: Vec<u8>,
        keys: impl IntoIterator<Item = String>,
        to: &str,
        content_type: &str,
    ) -> Result<(), VaultError> {
        let mut pending = first;
        let mut upload: Option<Joining<'_>> = None;
        for key in keys {
            pending.extend(self.read_object(&key).await?.unwrap_or_default());
            while pending.len() >= PART {
                let rest = pending.split_off(PART);
                let part = std::mem::replace(&mut pending, rest);
                let joining = match &mut upload {
                    Some(joining) => joining,
                    None => upload.insert(Joining::begin(self, to, content_type).await?),
                };
                joining.send(part).await?;
            }
        }
        match upload {
            None => self.write_object(to, content_type, pending).await,
            Some(mut joining) => {
                if !pending.is_empty() {
                    joining.send(pending).await?;
                }
                joining.finish().await
            }
        }
    }
}

/// A multipart upload. One that is not finished is left to the bucket's lifecycle rule.
struct Joining<'a> {
    vault: &'a Vault,
    key: &'a str,
    upload_id: String,
    parts: Vec<CompletedPart>,
}

impl<'a> Joining<'a> {
    async fn begin(vault: &'a Vault, key: &'a str, content_type: &str) -> Result<Self, VaultError> {
        let answer = vault
            .client
            .create_multipart_upload()
            .bucket(&vault.bucket)
            .key(key)
            .content_type(content_type)
            .send()
            .await
            .map_err(|error| failed(vault.request("begin to write", key), &error))?;
        Ok(Self {
            vault,
            key,
            upload_id: answer.upload_id.unwrap_or_default(),
            parts: Vec::new(),
        })
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), VaultError> {
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let answer = self
            .vault
            .client
            .upload_part()
            .bucket(&self.vault.bucket)
            .key(self.key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| failed(self.vault.request("send a part of", self.key), &error))?;
        let part = CompletedPart::builder().part_number(number);
        self.parts.push(part.set_e_tag(answer.e_tag).build());
        Ok(())
    }

    async fn finish(self) -> Result<(), VaultError> {
        let whole = CompletedMultipartUpload::builder().set_parts(Some(self.parts));
        self.vault
            .client
            .complete_multipart_upload()
            .bucket(&self.vault.bucket)
            .key(self.key)
            .upload_id(&self.upload_id)
            .multipart_upload(whole.build())
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(self.vault.request("complete", self.key), &error))
    }
}
