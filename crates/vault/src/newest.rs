//! When the pools were backed up last, all of them at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{DayPrefix, UserPoolId};

use crate::Vault;
use crate::error::VaultError;

impl Vault {
    /// When the newest backup of each pool began, of those that began at `since` or later. Lists
    /// each day since then once, however many pools there are.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn newest_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<UserPoolId, Timestamp>, VaultError> {
        let first_day = DayPrefix::of(since).to_string();
        let mut newest = BTreeMap::new();
        let mut days = self.days(None);
        while let Some(day) = days.next().await? {
            if day.to_string() < first_day {
                break;
            }
            for backup in self.of_day(day, None, None).await? {
                let began = backup.key.began();
                let is_whole_pool = backup.unknown_form.is_none() && backup.key.shard().is_none();
                if is_whole_pool && began >= since {
                    // Days and their backups come newest first.
                    newest.entry(backup.key.pool().clone()).or_insert(began);
                }
            }
        }
        Ok(newest)
    }
}
