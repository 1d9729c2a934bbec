//! Where bytes lie: a bucket of S3, or a folder. The promises are the same.
//!
//! - An object is visible whole or not at all.
//! - An upload never replaces an object unless it is told to.
//! - A conditional write happens only over the content that was read.
//! - What is read is one content of the object, from its first byte to its last.

pub(crate) mod bucket;
pub(crate) mod folder;

use std::pin::Pin;

use bytes::Bytes;
use jiff::Timestamp;
use model::BackupName;
use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::source::Stored;
use bucket::Bucket;
use folder::Folder;
pub use folder::make_private_folder;

/// A bucket or a folder.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Bucket(Bucket),
    Folder(Folder),
}

/// The name of one content of an object. Another content has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub(crate) String);

/// A small object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its content.
    pub bytes: Vec<u8>,
    /// By which a write tells whether it still is this content.
    pub etag: ETag,
}

/// What lies right below a prefix.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Prefixes that end with a slash.
    pub(crate) folders: Vec<String>,
    /// Keys, each with the object's size in bytes.
    pub(crate) objects: Vec<(String, u64)>,
}

/// An object that was opened, and its end.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) end: Bytes,
    pub(crate) object_bytes: u64,
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) version_id: Option<String>,
    pub(crate) stored: Stored,
}

/// An upload that is under way, but for the bytes that were not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unfinished {
    /// The store's id of the upload.
    pub(crate) upload_id: String,
    /// By which an object is known as the one that this upload made.
    pub(crate) mark: String,
    pub(crate) parts: Vec<Part>,
    /// How many bytes the parts have.
    pub(crate) bytes: u64,
}

/// One part that the store has. Its number is its place in the list, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) etag: String,
}

/// Where a part stands in its object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartPlace {
    /// From 1.
    pub(crate) number: usize,
    /// Where it begins, in bytes.
    pub(crate) offset: u64,
}

impl Unfinished {
    /// Where the next part stands.
    pub(crate) fn next(&self) -> PartPlace {
        PartPlace {
            number: self.parts.len() + 1,
            offset: self.bytes,
        }
    }
}

/// What an object is to the lifecycle rules of its bucket, which go by the tag `cognito-backup`.
/// A folder knows none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole backup, which others of its day may need.
    Base,
    /// The first base of a week, Monday to Sunday.
    BaseOfWeek,
    /// The first base of a month.
    BaseOfMonth,
    /// A backup that needs another one.
    Difference,
    /// Anything else.
    Other,
}

impl Kind {
    /// The tag, as S3 takes it.
    pub(crate) fn tag(self) -> Option<&'static str> {
        match self {
            Kind::Base => Some("cognito-backup=base"),
            Kind::BaseOfWeek => Some("cognito-backup=base-of-week"),
            Kind::BaseOfMonth => Some("cognito-backup=base-of-month"),
            Kind::Difference => Some("cognito-backup=difference"),
            Kind::Other => None,
        }
    }
}

/// What becomes of an object that lies where an upload ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

/// An object that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Calls a method of the store.
macro_rules! in_store {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match $store {
            Store::Bucket(bucket) => boxed(bucket.$method($($argument),*)).await,
            Store::Folder(folder) => boxed(folder.$method($($argument),*)).await,
        }
    };
}

/// The SDK's futures are large, and their types deep: callers know neither.
fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    Box::pin(future)
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Store {
    /// The object's whole address, such as `s3://bucket/key`.
    pub(crate) fn address(&self, key: &str) -> String {
        match self {
            Store::Bucket(bucket) => bucket.address(key),
            Store::Folder(folder) => folder.address(key),
        }
    }

    /// A small object; `None` when there is none.
    pub(crate) async fn look_up(&self, key: &str) -> Result<Option<StoredObject>, VaultError> {
        in_store!(self, look_up(key))
    }

    /// Which content an object has; `None` when there is no object.
    pub(crate) async fn etag_of(&self, key: &str) -> Result<Option<ETag>, VaultError> {
        in_store!(self, etag_of(key))
    }

    /// Writes a small object, over one that is there.
    pub(crate) async fn write(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), VaultError> {
        in_store!(self, write(key, content_type, bytes))
    }

    /// Writes a small object over the content `expected`, or only where there is none.
    pub(crate) async fn write_if(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        expected: Option<&ETag>,
    ) -> Result<ETag, VaultError> {
        in_store!(self, write_if(key, content_type, bytes, expected))
    }

    /// All folders and objects right below `prefix`, which may end within a name.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Listing, VaultError> {
        in_store!(self, list(prefix))
    }

    /// Opens the backup `name`, and reads the last `length` bytes, or all of a shorter one.
    pub(crate) async fn open(
        &self,
        name: &BackupName,
        key: &str,
        version_id: Option<&str>,
        length: u64,
    ) -> Result<Opened, VaultError> {
        in_store!(self, open(name, key, version_id, length))
    }

    /// Begins an upload.
    pub(crate) async fn begin(
        &self,
        key: &str,
        content_type: &str,
        existing: Existing,
        kind: Kind,
    ) -> Result<Unfinished, VaultError> {
        in_store!(self, begin(key, content_type, existing, kind))
    }

    /// Sends a part.
    pub(crate) async fn send_part(
        &self,
        key: &str,
        upload_id: &str,
        place: PartPlace,
        bytes: Bytes,
    ) -> Result<Part, VaultError> {
        in_store!(self, send_part(key, upload_id, place, bytes))
    }

    /// Makes the object visible.
    pub(crate) async fn complete(
        &self,
        key: &str,
        upload: &Unfinished,
        existing: Existing,
    ) -> Result<Finished, VaultError> {
        in_store!(self, complete(key, upload, existing))
    }

    /// Removes an object, or one version of it. Nothing to remove is no error.
    pub(crate) async fn remove(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<(), VaultError> {
        in_store!(self, remove(key, version_id))
    }

    /// Removes what was sent.
    pub(crate) async fn abort(&self, key: &str, upload: &Unfinished) -> Result<(), VaultError> {
        in_store!(self, abort(key, upload))
    }
}
