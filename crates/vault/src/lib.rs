//! Backups in a bucket or in a folder: written as a stream, found, opened and checked.
//!
//! ```text
//! Vault::begin ── Upload::write ... ── Upload::finish      one object, visible at the end or never
//! Vault::find                                              the newest whole backup of a pool
//! Vault::open ── Backup::users, Backup::memberships        read line by line, from anywhere
//! Vault::forget                                            users whom no backup brings back
//! Workspace                                                what a restore remembers and leaves behind
//! ```
//!
//! Everything needs constant memory, whatever the size of the pool.

mod difference;
mod error;
mod find;
mod foreign;
mod forgotten;
mod frames;
mod kept;
mod last;
mod lines;
mod listing;
mod lookup;
mod newest;
mod open;
mod reference;
mod replication;
mod resumed;
mod secrets;
mod shards;
mod source;
mod store;
mod streams;
#[cfg(feature = "testing")]
pub mod testing;
mod upload;
mod workspace;

use std::path::Path;

use aws_config::SdkConfig;
use model::BackupKey;

pub use difference::{Changes, MayDiffer};
pub use error::VaultError;
pub use foreign::{Columns, ForeignError, InvalidColumns, is_users_file};
pub use forgotten::{ForgottenCounts, ListChange};
pub use lines::{Membership, Memberships, UserLine, Users};
pub use listing::ListedBackup;
pub use lookup::{Overview, UserInBackup, UserLookup};
pub use open::Backup;
pub use replication::{ReplicaStatus, Replicated};
pub use secrets::SecretsKey;
pub use store::{ETag, Finished, StoredObject, make_private_folder};
pub use upload::{Upload, UploadState};
pub use workspace::Workspace;

use store::Store;

/// The backups in one store.
#[derive(Debug, Clone)]
pub struct Vault {
    workspace: Workspace,
    /// The credentials, of a bucket: they may decrypt secrets as well.
    config: Option<SdkConfig>,
    /// The name of the only backup, where it is a file that lies anywhere.
    file: Option<String>,
}

impl Vault {
    /// The backups in `bucket`, reached with the account and Region of `config`.
    pub fn in_bucket(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self {
            workspace: Workspace::in_bucket(config, bucket),
            config: Some(config.clone()),
            file: None,
        }
    }

    /// The backups in the folder `path`, below it as in a bucket. It is made when one is written.
    ///
    /// # Errors
    /// [`VaultError`] when a relative path cannot be followed.
    pub fn in_folder(path: &Path) -> Result<Self, VaultError> {
        Ok(Self {
            workspace: Workspace::in_folder(path)?,
            config: None,
            file: None,
        })
    }

    /// One backup of any pool and time, in the file `path`. It lists none.
    ///
    /// # Errors
    /// [`VaultError`] when the path has no name of a file, or cannot be followed.
    pub fn in_file(path: &Path) -> Result<Self, VaultError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| VaultError::Refused {
            action: "use",
            object: path.display().to_string(),
            reason: "it does not end with the name of a file, in UTF-8".into(),
        })?;
        // A name alone lies in the current folder.
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = std::path::absolute(Path::new(".").join(folder));
        let folder = folder.map_err(VaultError::temporary_storage)?;
        Ok(Self {
            workspace: Workspace::in_folder(&folder)?,
            config: None,
            file: Some(name.to_owned()),
        })
    }

    /// The same store, for what is kept beside the backups.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Whether others may be at work on it from other machines: a bucket, and no folder.
    pub fn is_shared(&self) -> bool {
        matches!(self.store(), Store::Bucket(_))
    }

    /// The whole address of the backup `key`, such as `s3://bucket/key` or the path of a file.
    pub fn address(&self, key: &BackupKey) -> String {
        self.store().address(&self.object(key))
    }

    fn store(&self) -> &Store {
        &self.workspace.store
    }

    /// Where the backup `key` lies in the store.
    fn object(&self, key: &BackupKey) -> String {
        self.file.clone().unwrap_or_else(|| key.to_string())
    }
}
