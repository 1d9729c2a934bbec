//! Objects in a bucket of S3.

mod range;
mod replication;
mod upload;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::time::sleep;

use super::{ETag, Listing, StoredObject};
use crate::error::{Meaning, Request, VaultError, broke_off, failed, meaning_of};

pub(crate) use range::ObjectVersion;

/// How long one attempt may take: the largest is the upload of a part of 8 MiB.
const ATTEMPT: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a request is tried in all.
const ATTEMPTS: u32 = 5;
/// How often the body of an answer is fetched again when it breaks off.
const BODY_ATTEMPTS: u32 = 3;
/// How often a conditional write is sent in all when another one is under way, and the pause
/// before the second.
const CONDITIONAL_ATTEMPTS: u32 = 5;
const CONDITIONAL_PAUSE: Duration = Duration::from_millis(100);

/// A bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
}

fn etag_of_header(header: Option<&str>) -> ETag {
    ETag(header.unwrap_or_default().to_owned())
}

impl Bucket {
    /// The bucket `name`, reached with the account and Region of `config`.
    ///
    /// Requests that fail for a passing reason are tried five times. An endpoint that is an IP
    /// address is addressed by path, by the SDK's own rule.
    pub(crate) fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config = aws_sdk_s3::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            name: name.into(),
        }
    }

    pub(super) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    fn request(&self, action: &'static str, key: &str) -> Request {
        Request {
            action,
            object: self.address(key),
        }
    }

    pub(super) async fn look_up(&self, key: &str) -> Result<Option<StoredObject>, VaultError> {
        let request = || self.request("read", key);
        let mut attempt = 1;
        loop {
            let answer = self.client.get_object().bucket(&self.name).key(key);
            let (etag, body) = match answer.send().await {
                Ok(answer) => (etag_of_header(answer.e_tag()), answer.body),
                Err(error) if meaning_of(&error) == Meaning::Missing => return Ok(None),
                Err(error) => return Err(failed(request(), &error)),
            };
            match body.collect().await {
                Ok(bytes) => {
                    let bytes = bytes.to_vec();
                    return Ok(Some(StoredObject { bytes, etag }));
                }
                Err(_) if attempt < BODY_ATTEMPTS => attempt += 1,
                Err(error) => return Err(broke_off(request(), &error)),
            }
        }
    }

    pub(super) async fn write(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), VaultError> {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(self.request("write", key), &error))
    }

    pub(super) async fn remove(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<(), VaultError> {
        self.client
            .delete_object()
            .bucket(&self.name)
            .key(key)
            .set_version_id(version_id.map(str::to_owned))
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(self.request("remove", key), &error))
    }

    pub(super) async fn etag_of(&self, key: &str) -> Result<Option<ETag>, VaultError> {
        let answer = self.client.head_object().bucket(&self.name).key(key);
        match answer.send().await {
            Ok(answer) => Ok(Some(etag_of_header(answer.e_tag()))),
            Err(error) if meaning_of(&error) == Meaning::Missing => Ok(None),
            Err(error) => Err(failed(self.request("look at", key), &error)),
        }
    }

    /// An attempt whose answer was lost has changed what the next one finds: an object with
    /// exactly these bytes counts as written.
    pub(super) async fn write_if(
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
                .bucket(&self.name)
                .key(key)
                .content_type(content_type)
                .body(ByteStream::from(bytes.clone()));
            let put = match expected {
                None => put.if_none_match("*"),
                Some(ETag(etag)) => put.if_match(etag),
            };
            let error = match put.send().await {
                Ok(answer) => return Ok(etag_of_header(answer.e_tag())),
                Err(error) => error,
            };
            // An object that was deleted does not match either: S3 answers that it is missing.
            if !matches!(meaning_of(&error), Meaning::Condition | Meaning::Missing) {
                return Err(failed(self.request("write", key), &error));
            }
            let found = self.look_up(key).await?;
            let as_expected = found.as_ref().map(|object| &object.etag) == expected;
            match found {
                Some(object) if object.bytes == bytes => return Ok(object.etag),
                // S3 refuses one of two writes under way at once (ConditionalRequestConflict).
                _ if as_expected && attempt < CONDITIONAL_ATTEMPTS => {
                    sleep(CONDITIONAL_PAUSE * attempt).await;
                    attempt += 1;
                }
                _ => return Err(VaultError::Changed(self.address(key))),
            }
        }
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Listing, VaultError> {
        let mut listing = Listing::default();
        let mut next = None;
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(prefix)
                .delimiter("/")
                .set_continuation_token(next)
                .send()
                .await
                .map_err(|error| failed(self.request("list", prefix), &error))?;
            let objects = page.contents().iter().filter_map(|object| {
                let bytes = object.size().and_then(|size| u64::try_from(size).ok());
                Some((object.key()?.to_owned(), bytes.unwrap_or(0)))
            });
            listing.objects.extend(objects);
            let folders = page.common_prefixes().iter();
            let folders = folders.filter_map(|folder| folder.prefix().map(str::to_owned));
            listing.folders.extend(folders);
            let is_truncated = page.is_truncated().unwrap_or(false);
            next = page.next_continuation_token.filter(|_| is_truncated);
            if next.is_none() {
                return Ok(listing);
            }
        }
    }
}
