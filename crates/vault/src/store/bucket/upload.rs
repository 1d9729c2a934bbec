//! Multipart uploads: nothing is visible before the last request.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::Bucket;
use crate::error::{Meaning, VaultError, failed, meaning_of};
use crate::store::{Existing, Finished, Kind, Part, PartPlace, Unfinished};

/// The metadata by which an object is known as the one that an upload made.
const MARK: &str = "backup-upload";

impl Bucket {
    /// The object is encrypted as the bucket's default says. S3 checks the CRC-32 of each part
    /// when it comes, and the size of the whole at the end.
    pub(in crate::store) async fn begin(
        &self,
        key: &str,
        content_type: &str,
        existing: Existing,
        kind: Kind,
    ) -> Result<Unfinished, VaultError> {
        if existing == Existing::Keep && self.mark_of(key).await?.is_some() {
            return Err(VaultError::KeyTaken(self.address(key)));
        }
        let mark = uuid::Uuid::new_v4().to_string();
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .metadata(MARK, &mark)
            .set_tagging(kind.tag().map(str::to_owned))
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(|error| failed(self.request("begin to write", key), &error))?;
        Ok(Unfinished {
            upload_id: answer.upload_id.unwrap_or_default(),
            mark,
            parts: Vec::new(),
            bytes: 0,
        })
    }

    pub(in crate::store) async fn send_part(
        &self,
        key: &str,
        upload_id: &str,
        place: PartPlace,
        bytes: Bytes,
    ) -> Result<Part, VaultError> {
        let answer = self
            .client
            .upload_part()
            .bucket(&self.name)
            .key(key)
            .upload_id(upload_id)
            .part_number(i32::try_from(place.number).unwrap_or(i32::MAX))
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| match meaning_of(&error) {
                Meaning::NoUpload | Meaning::Missing => VaultError::UploadEnded(self.address(key)),
                _ => failed(self.request("send a part of", key), &error),
            })?;
        Ok(Part {
            etag: answer.e_tag.unwrap_or_default(),
        })
    }

    pub(in crate::store) async fn complete(
        &self,
        key: &str,
        upload: &Unfinished,
        existing: Existing,
    ) -> Result<Finished, VaultError> {
        let parts = upload.parts.iter().enumerate().map(|(index, part)| {
            CompletedPart::builder()
                .part_number(i32::try_from(index + 1).unwrap_or(i32::MAX))
                .e_tag(&part.etag)
                .build()
        });
        let whole = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let result = self
            .client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .upload_id(&upload.upload_id)
            .multipart_upload(whole)
            .checksum_type(ChecksumType::FullObject)
            .mpu_object_size(i64::try_from(upload.bytes).unwrap_or(i64::MAX))
            .set_if_none_match((existing == Existing::Keep).then(|| "*".to_owned()))
            .send()
            .await;
        let finished = |version_id| Finished {
            version_id,
            bytes: upload.bytes,
        };
        let error = match result {
            Ok(answer) => return Ok(finished(answer.version_id)),
            Err(error) => error,
        };
        if !matches!(meaning_of(&error), Meaning::Condition | Meaning::NoUpload) {
            return Err(failed(self.request("complete", key), &error));
        }
        // An answer may have been lost and the request repeated: then the object that is in the
        // way is the one of this very upload.
        match self.mark_of(key).await? {
            Some((mark, version_id)) if mark == upload.mark => Ok(finished(version_id)),
            Some(_) if existing == Existing::Keep => Err(VaultError::KeyTaken(self.address(key))),
            _ => Err(VaultError::UploadEnded(self.address(key))),
        }
    }

    pub(in crate::store) async fn abort(
        &self,
        key: &str,
        upload: &Unfinished,
    ) -> Result<(), VaultError> {
        let ended = self
            .client
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .upload_id(&upload.upload_id)
            .send()
            .await;
        match ended {
            Err(error) if meaning_of(&error) != Meaning::NoUpload => {
                Err(failed(self.request("end the upload of", key), &error))
            }
            _ => Ok(()),
        }
    }

    /// The mark of the object under `key`: empty for one without, `None` when there is no object.
    async fn mark_of(&self, key: &str) -> Result<Option<(String, Option<String>)>, VaultError> {
        let answer = self.client.head_object().bucket(&self.name).key(key);
        match answer.send().await {
            Ok(answer) => {
                let mark = answer.metadata().and_then(|metadata| metadata.get(MARK));
                let mark = mark.cloned().unwrap_or_default();
                Ok(Some((mark, answer.version_id)))
            }
            Err(error) if meaning_of(&error) == Meaning::Missing => Ok(None),
            Err(error) => Err(failed(self.request("look for", key), &error)),
        }
    }
}
