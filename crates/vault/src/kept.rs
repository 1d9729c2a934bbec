//! A base that is kept until somebody removes it: the last one from before a pool shrank.
//!
//! It is copied to `cognito-backup/kept/{pool-id}-{YYYYMMDD}-{HHMMSS}.json.zst`, named by the time of the
//! base, which no lifecycle rule ends. It is replicated like any backup, and opens under the key
//! that the base had.

use jiff::tz::TimeZone;
use model::backup_key::BACKUP_FOLDER;
use model::{BackupKey, BackupName};

use crate::Vault;
use crate::error::VaultError;
use crate::open::{Backup, open};

/// Where the copy of a base is kept.
fn kept_object(base: &BackupKey) -> String {
    let began = base.began().to_zoned(TimeZone::UTC);
    let (pool, time) = (base.pool(), began.strftime("%Y%m%d-%H%M%S"));
    format!("{BACKUP_FOLDER}kept/{pool}-{time}.json.zst")
}

impl Vault {
    /// Keeps the whole backup that `backup` is, or is written against, until somebody removes it.
    /// Gives the object; one that is there already is not written again.
    ///
    /// # Errors
    /// As the store answers.
    pub async fn keep_base_of(&self, backup: &Backup) -> Result<String, VaultError> {
        let opened;
        let (base, key) = match (backup.base(), &backup.name) {
            (Some(key), _) => {
                opened = self.open_exactly(key, None).await?;
                (&opened, key)
            }
            (None, BackupName::Key(key)) => (backup, key),
            (None, BackupName::File(_)) => {
                return Err(VaultError::damaged(&backup.name, "it has no key"));
            }
        };
        let object = kept_object(key);
        if self.store().etag_of(&object).await?.is_none() {
            self.copy_to(base, &object).await?;
        }
        Ok(object)
    }

    /// The backup `key`, where its object is gone and a copy of it is kept.
    pub(crate) async fn open_kept(&self, key: &BackupKey) -> Option<Backup> {
        let object = kept_object(key);
        let file = BackupName::File(self.store().address(&object));
        let kept = Box::pin(open(self.store(), &file, &object, None)).await;
        let kept = kept.ok().filter(|_| key.shard().is_none())?;
        Some(Backup {
            name: BackupName::Key(key.clone()),
            ..kept
        })
    }
}
