//! Backups in a bucket or in a folder: written as a stream, found, opened and checked.
//!
//! ```text
//! Vault::begin ── Upload::write ... ── Upload::finish      one object, visible at the end or never
//! Vault::find                                              the newest whole backup of a pool
//! Vault::open ── Backup::users, Backup::memberships        read line by line, from anywhere
//! Workspace                                                what a restore remembers and leaves behind
//! ```
//!
//! Everything needs constant memory, whatever the size of the pool.

mod error;
mod find;
mod foreign;
mod lines;
mod listing;
mod open;
mod reference;
mod resumed;
mod source;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod upload;
mod workspace;

use aws_config::SdkConfig;
use model::BackupKey;

pub use error::VaultError;
pub use foreign::{Columns, ForeignError, InvalidColumns};
pub use lines::{Membership, Memberships, UserLine, Users};
pub use listing::ListedBackup;
pub use open::Backup;
pub use store::{ETag, Finished, StoredObject};
pub use upload::{Upload, UploadState};
pub use workspace::Workspace;

use store::Store;

/// The backups in one store.
#[derive(Debug, Clone)]
pub struct Vault {
    workspace: Workspace,
}

impl Vault {
    /// The backups in `bucket`, reached with the account and Region of `config`.
    pub fn in_bucket(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self {
            workspace: Workspace::in_bucket(config, bucket),
        }
    }

    /// The same store, for what is kept beside the backups.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    fn store(&self) -> &Store {
        &self.workspace.store
    }

    /// Where the backup `key` lies in the store.
    fn object(&self, key: &BackupKey) -> String {
        key.to_string()
    }
}
