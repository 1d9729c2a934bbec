//! What S3 says of an object's replica, and the copy of an object onto itself.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{MetadataDirective, ReplicationStatus, TaggingDirective};
use jiff::Timestamp;

use super::{Bucket, etag_of_header};
use crate::error::{Meaning, VaultError, failed, meaning_of};
use crate::replication::{ReplicaStatus, Replicated};
use crate::store::ETag;

/// How long the copy of the largest object may take.
const ATTEMPT: Duration = Duration::from_secs(300);
/// The metadata that counts how often an object was copied again.
const COPIES: &str = "copied-again";

impl Bucket {
    pub(crate) async fn replica_of(&self, key: &str) -> Result<Option<Replicated>, VaultError> {
        let answer = self.client.head_object().bucket(&self.name).key(key);
        let found = match answer.send().await {
            Ok(found) => found,
            Err(error) if meaning_of(&error) == Meaning::Missing => return Ok(None),
            Err(error) => return Err(failed(self.request("look at", key), &error)),
        };
        let status = match found.replication_status() {
            Some(ReplicationStatus::Failed) => ReplicaStatus::Failed,
            Some(ReplicationStatus::Pending) => ReplicaStatus::Pending,
            Some(ReplicationStatus::Completed | ReplicationStatus::Complete) => {
                ReplicaStatus::Completed
            }
            _ => ReplicaStatus::None,
        };
        let written = found.last_modified();
        let written = written.and_then(|time| Timestamp::from_second(time.secs()).ok());
        let ETag(etag) = etag_of_header(found.e_tag());
        let is_held = found.object_lock_legal_hold_status();
        let is_held = is_held.is_some_and(|status| status.as_str() == "ON");
        let metadata = found.metadata().cloned().unwrap_or_default();
        Ok(Some(Replicated {
            object: key.to_owned(),
            status,
            written: written.unwrap_or(Timestamp::UNIX_EPOCH),
            copies: metadata
                .get(COPIES)
                .and_then(|copies| copies.parse().ok())
                .unwrap_or(0),
            bytes: u64::try_from(found.content_length().unwrap_or(0)).unwrap_or(0),
            is_locked: found.object_lock_mode().is_some() || is_held,
            etag,
            content_type: found.content_type().map(str::to_owned),
            metadata,
        }))
    }

    /// S3 copies an object onto itself where something about it changes, such as its metadata. The
    /// object is encrypted as the bucket's default says. Both conditions name what was looked at:
    /// what came to lie there meanwhile is not written over.
    pub(crate) async fn copy_onto_itself(&self, found: &Replicated) -> Result<bool, VaultError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let patient = aws_sdk_s3::config::Config::builder().timeout_config(timeouts);
        let mut metadata = found.metadata.clone();
        metadata.insert(COPIES.to_owned(), (found.copies + 1).to_string());
        let copied = self
            .client
            .copy_object()
            .bucket(&self.name)
            .key(&found.object)
            // A key of this system needs no escaping.
            .copy_source(format!("{}/{}", self.name, found.object))
            .copy_source_if_match(&found.etag)
            .if_match(&found.etag)
            .metadata_directive(MetadataDirective::Replace)
            .set_metadata(Some(metadata))
            .set_content_type(found.content_type.clone())
            .tagging_directive(TaggingDirective::Copy)
            .customize()
            .config_override(patient)
            .send()
            .await;
        match copied {
            Ok(_) => Ok(true),
            Err(error) => match meaning_of(&error) {
                Meaning::Missing | Meaning::Condition => Ok(false),
                _ => Err(failed(self.request("copy", &found.object), &error)),
            },
        }
    }
}
