//! Which backups there are, newest first, found by the folders of their days: a day without
//! backups costs nothing, and neither does a gap of months.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::backup_key::BACKUP_FOLDER;
use model::{BackupKey, DayPrefix, UserPoolId};

use crate::Vault;
use crate::error::VaultError;

/// One backup in a listing. Whether it is whole is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBackup {
    /// Which backup it is.
    pub key: BackupKey,
    /// The object's key, where it has a form that this version does not know.
    pub unknown_form: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
}

impl ListedBackup {
    /// The object's key.
    pub fn object(&self) -> String {
        self.unknown_form
            .clone()
            .unwrap_or_else(|| self.key.to_string())
    }
}

impl Vault {
    /// The newest backups of a known form of `pool`, or of all pools: `limit` of them at most,
    /// which began at `before` or earlier, newest first. Shards are not among them.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn list(
        &self,
        pool: Option<&UserPoolId>,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<ListedBackup>, VaultError> {
        let mut days = self.days(before);
        let mut backups = Vec::new();
        while backups.len() < limit {
            let Some(day) = days.next().await? else { break };
            let of_day = self.of_day(day, pool, before).await?.into_iter();
            backups
                .extend(of_day.filter(|backup| {
                    backup.unknown_form.is_none() && backup.key.shard().is_none()
                }));
        }
        backups.truncate(limit);
        Ok(backups)
    }

    /// The pools that have backups of a known form, each once. Looks at every day.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn pools(&self) -> Result<Vec<UserPoolId>, VaultError> {
        let mut days = self.days(None);
        let mut pools = BTreeSet::new();
        while let Some(day) = days.next().await? {
            let of_day = self.of_day(day, None, None).await?.into_iter();
            let known = of_day.filter(|backup| backup.unknown_form.is_none());
            pools.extend(known.map(|backup| backup.key.pool().clone()));
        }
        Ok(pools.into_iter().collect())
    }

    /// The days that have backups, newest first.
    pub(crate) fn days(&self, before: Option<Timestamp>) -> Days<'_> {
        Days {
            vault: self,
            last: before.map(|at| DayPrefix::of(at).to_string()),
            open: vec![BACKUP_FOLDER.to_owned()],
        }
    }

    /// One day's backups, newest first.
    pub(crate) async fn of_day(
        &self,
        day: DayPrefix,
        pool: Option<&UserPoolId>,
        before: Option<Timestamp>,
    ) -> Result<Vec<ListedBackup>, VaultError> {
        let prefix = pool.map_or_else(|| day.to_string(), |pool| day.of_pool(pool));
        let listed = self.store().list(&prefix).await?.objects.into_iter();
        let listed = listed.filter_map(listed_backup);
        let mut backups: Vec<_> = listed
            .filter(|backup| belongs(&backup.key, pool, before))
            .collect();
        backups.sort_by(|a, b| (&b.key, &b.unknown_form).cmp(&(&a.key, &a.unknown_form)));
        Ok(backups)
    }
}

/// An object whose name is that of a backup.
fn listed_backup((object, bytes): (String, u64)) -> Option<ListedBackup> {
    let (key, unknown_form) = match object.parse::<BackupKey>() {
        Ok(key) => (key, None),
        Err(_) => (BackupKey::with_another_ending(&object)?, Some(object)),
    };
    Some(ListedBackup {
        key,
        unknown_form,
        bytes,
    })
}

/// Whether a key is one of exactly this pool, at this time or before.
fn belongs(key: &BackupKey, pool: Option<&UserPoolId>, before: Option<Timestamp>) -> bool {
    pool.is_none_or(|pool| key.pool() == pool) && before.is_none_or(|at| key.began() <= at)
}

/// Walks the folders of years, months and days, newest first.
pub(crate) struct Days<'a> {
    vault: &'a Vault,
    /// The last day that is wanted.
    last: Option<String>,
    /// Folders yet to be looked into, the newest at the end.
    open: Vec<String>,
}

impl Days<'_> {
    pub(crate) async fn next(&mut self) -> Result<Option<DayPrefix>, VaultError> {
        while let Some(folder) = self.open.pop() {
            if let Some(day) = DayPrefix::parse(&folder) {
                return Ok(Some(day));
            }
            let below = self.vault.store().list(&folder).await?.folders;
            self.open.extend(worth_opening(below, self.last.as_deref()));
        }
        Ok(None)
    }
}

/// Those of `folders` that are years, months or days up to the day `last`, the newest at the end.
fn worth_opening(folders: Vec<String>, last: Option<&str>) -> Vec<String> {
    let mut kept: Vec<String> = folders
        .into_iter()
        .filter(|folder| is_date(folder))
        // A year or a month is compared with as much of the last day.
        .filter(|folder| {
            last.is_none_or(|last| {
                last.get(..folder.len())
                    .is_none_or(|last| folder.as_str() <= last)
            })
        })
        .collect();
    kept.sort();
    kept
}

/// `cognito-backup/YYYY/`, `.../MM/` or `.../DD/`.
fn is_date(folder: &str) -> bool {
    let Some(parts) = folder
        .strip_prefix(BACKUP_FOLDER)
        .and_then(|rest| rest.strip_suffix('/'))
    else {
        return false;
    };
    let lengths: Vec<usize> = parts.split('/').map(str::len).collect();
    let digits = parts
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'/');
    let fits = matches!(lengths.as_slice(), [4] | [4, 2]) || DayPrefix::parse(folder).is_some();
    digits && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(names: &[&str]) -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{BACKUP_FOLDER}{name}/"))
            .collect()
    }

    #[test]
    fn only_dates_up_to_the_last_day_are_opened_and_the_newest_comes_last() {
        let last = Some("cognito-backup/2026/03/07/");
        for (below, expected) in [
            (vec!["2027", "2025", "2026", "tmp"], vec!["2025", "2026"]),
            (
                vec!["2026/03", "2026/04", "2026/1", "2026/02"],
                vec!["2026/02", "2026/03"],
            ),
            (
                vec!["2026/03/08", "2026/03/07", "2026/03/06", "2026/03/xx"],
                vec!["2026/03/06", "2026/03/07"],
            ),
            (vec!["2025/12/31", "2025/12/99"], vec!["2025/12/31"]),
        ] {
            assert_eq!(worth_opening(folders(&below), last), folders(&expected));
        }
    }

    #[test]
    fn a_pool_whose_id_continues_another_is_another_pool() {
        let pool: UserPoolId = "us-east-1_AbC".parse().unwrap();
        let key = |id: &str| -> BackupKey {
            format!("cognito-backup/2026/03/07/{id}-090502.json")
                .parse()
                .unwrap()
        };
        let at: Timestamp = "2026-03-07T09:05:02Z".parse().unwrap();
        assert!(belongs(&key("us-east-1_AbC"), Some(&pool), Some(at)));
        assert!(!belongs(&key("us-east-1_AbCD"), Some(&pool), None));
        assert!(!belongs(
            &key("us-east-1_AbC"),
            Some(&pool),
            "2026-03-07T09:05:01Z".parse().ok()
        ));
    }
}
