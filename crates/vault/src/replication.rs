//! What became of the replicas of a bucket's objects, and copying an object again.
//!
//! S3 does not try again what it could not replicate (facts G.3). A copy of an object onto itself
//! is a new version of it, which S3 replicates like any other. A difference names the version of
//! its base: where that one has no replica, its key leads to the base and its checksum tells that
//! it is the one.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use model::DayPrefix;
use model::backup_key::BACKUP_FOLDER;

use crate::Vault;
use crate::error::VaultError;
use crate::store::Store;

/// The largest object that S3 copies by one request, in bytes.
const LARGEST_COPY: u64 = 5 * 1024 * 1024 * 1024;
/// How often an object is copied again at most.
const MOST_COPIES: u32 = 8;
/// How long before the end of its time a backup is left alone: a copy takes a while.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// What S3 says of the replica of an object's newest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaStatus {
    /// No rule replicates it.
    None,
    /// It is on its way.
    Pending,
    /// It is there.
    Completed,
    /// S3 could not write it, and does not try again.
    Failed,
}

/// The newest version of an object, and what became of its replica.
#[derive(Debug, Clone)]
pub struct Replicated {
    /// The object's key.
    pub object: String,
    /// What became of its replica.
    pub status: ReplicaStatus,
    /// When the version was written.
    pub written: Timestamp,
    /// How often it has been copied again.
    pub copies: u32,
    pub(crate) bytes: u64,
    /// Whether Object Lock holds it.
    pub(crate) is_locked: bool,
    pub(crate) etag: String,
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: HashMap<String, String>,
}

impl Replicated {
    /// Why it is not copied again; `None` where it may be.
    pub fn hindrance(&self) -> Option<&'static str> {
        if self.is_locked {
            return Some("Object Lock holds it: a copy would stay as long again");
        }
        if self.bytes > LARGEST_COPY {
            return Some("S3 copies no more than 5 GiB at once");
        }
        (self.copies >= MOST_COPIES).then_some("it was copied again eight times")
    }
}

impl Vault {
    /// The keys of the backups that began today or yesterday in UTC, newest first: `limit` of them
    /// at most.
    ///
    /// A copy's time begins anew. Until the end of the next day a difference still ends no later
    /// than its base, so older ones are not among them.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn newest_objects(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, VaultError> {
        let today = DayPrefix::of(now.checked_add(MARGIN).unwrap_or(now));
        let mut objects = Vec::new();
        for day in std::iter::once(today).chain(today.before()) {
            let of_day = self.of_day(day, None, None).await?;
            objects.extend(of_day.iter().map(|listed| listed.object()));
        }
        objects.truncate(limit);
        Ok(objects)
    }

    /// The keys of what stays for good: the copy of each pool's newest base, and the lists of users
    /// who must not come back. `limit` of them at most.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn lasting_objects(&self, limit: usize) -> Result<Vec<String>, VaultError> {
        let mut folders = vec![format!("{BACKUP_FOLDER}last/")];
        let forgotten = format!("{BACKUP_FOLDER}forgotten/");
        folders.extend(self.store().list(&forgotten).await?.folders);
        let mut objects = Vec::new();
        for folder in folders {
            let listed = self.store().list(&folder).await?.objects;
            objects.extend(listed.into_iter().map(|(object, _)| object));
            if objects.len() >= limit {
                break;
            }
        }
        objects.truncate(limit);
        Ok(objects)
    }

    /// What became of an object's replica; `None` where there is no object, as after its time, and
    /// in a folder, which replicates nothing.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not tell.
    pub async fn replica_of(&self, object: &str) -> Result<Option<Replicated>, VaultError> {
        match self.store() {
            Store::Bucket(bucket) => Box::pin(bucket.replica_of(object)).await,
            Store::Folder(_) => Ok(None),
        }
    }

    /// Copies an object onto itself, with its tags and metadata: the new version is replicated.
    /// Tells whether it did; it does not where another version came to lie there meanwhile.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not copy it.
    pub async fn copy_again(&self, replicated: &Replicated) -> Result<bool, VaultError> {
        match self.store() {
            Store::Bucket(bucket) => Box::pin(bucket.copy_onto_itself(replicated)).await,
            Store::Folder(_) => Ok(false),
        }
    }
}
