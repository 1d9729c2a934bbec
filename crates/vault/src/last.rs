//! What retention goes by: which base is the first of a week or a month, and a copy of each pool's
//! newest base that no lifecycle rule ends.
//!
//! A lifecycle rule knows an object's age, and not whether it is the last of its pool. So the
//! newest base of a pool lies a second time where no rule expires it, each written over the one
//! before: `cognito-backup/last/{pool-id}.json.zst`. It is replicated like any backup. When
//! backups stop for good, that one stays.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::backup_key::BACKUP_FOLDER;
use model::{BackupKey, BackupName, UserPoolId};

use crate::Vault;
use crate::error::VaultError;
use crate::open::{Backup, open};
use crate::store::{Existing, Finished, Kind, Store, Unfinished};
use crate::upload::{PART, Upload};

/// How much later than its reading began the key of a backup may say: it takes the next free
/// second.
const TAKEN_SECONDS: i64 = 15;

/// Where the copy of a pool's newest base lies.
fn last_object(pool: &UserPoolId) -> String {
    format!("{BACKUP_FOLDER}last/{pool}.json.zst")
}

impl Vault {
    /// Begins to write the base `key` of its day, which may be the first of its week or month:
    /// the tag says so, by which lifecycle rules keep it longer.
    ///
    /// # Errors
    /// As [`Vault::begin`].
    pub async fn begin_base(&self, key: &BackupKey) -> Result<Upload, VaultError> {
        let midnight = key.began().to_zoned(TimeZone::UTC).start_of_day();
        let midnight = midnight.map_or(key.began(), |midnight| midnight.timestamp());
        let before = midnight - SignedDuration::from_secs(1);
        let previous = self.list(Some(key.pool()), Some(before), 1).await?;
        let previous = previous.first().map(|previous| previous.key.began());
        self.begin_as(key, kind_of_base(previous, key.began()))
            .await
    }

    /// Keeps a copy of the base `key` beyond its time, in place of the one of an earlier base.
    ///
    /// # Errors
    /// As the store answers; the copy of the earlier base then stays.
    pub async fn keep_as_last(&self, key: &BackupKey, base: &Finished) -> Result<(), VaultError> {
        let name = BackupName::Key(key.clone());
        let version = base.version_id.as_deref();
        let base = Box::pin(open(self.store(), &name, &self.object(key), version)).await?;
        self.copy_to(&base, &last_object(key.pool())).await
    }

    /// Copies a whole backup to an object that no lifecycle rule ends, over one that is there.
    pub(crate) async fn copy_to(&self, backup: &Backup, object: &str) -> Result<(), VaultError> {
        let store = self.store();
        let begun = store.begin(object, "application/zstd", Existing::Replace, Kind::Other);
        let mut upload = begun.await?;
        let copied = copy(store, backup, object, &mut upload).await;
        if copied.is_err()
            && let Err(error) = store.abort(object, &upload).await
        {
            tracing::warn!(%error, "what was sent of a copy is not removed");
        }
        copied
    }

    /// The copy of the newest base of a pool.
    pub(crate) async fn open_last(&self, pool: &UserPoolId) -> Result<Backup, VaultError> {
        let object = last_object(pool);
        let name = BackupName::File(self.store().address(&object));
        let last = Box::pin(open(self.store(), &name, &object, None)).await?;
        let key = BackupKey::new(pool, last.head.timestamp);
        match last.head.user_pool_id == *pool {
            true => Ok(Backup {
                name: BackupName::Key(key),
                ..last
            }),
            false => Err(VaultError::damaged(&name, "it holds another pool")),
        }
    }

    /// The backup `key`, where its object is gone and the copy is one of it.
    pub(crate) async fn open_last_of(&self, key: &BackupKey) -> Option<Backup> {
        let last = self.open_last(key.pool()).await.ok()?;
        let later = key.began().as_second() - last.head.timestamp.as_second();
        (key.shard().is_none() && (0..TAKEN_SECONDS).contains(&later)).then(|| Backup {
            name: BackupName::Key(key.clone()),
            ..last
        })
    }
}

async fn copy(
    store: &Store,
    base: &Backup,
    object: &str,
    upload: &mut Unfinished,
) -> Result<(), VaultError> {
    for part in &base.parts {
        while upload.bytes < base.bytes {
            let to = base.bytes.min(upload.bytes + PART as u64);
            let bytes = part.source.stored(upload.bytes, to).await?;
            let sent = store.send_part(object, &upload.upload_id, upload.next(), bytes);
            upload.parts.push(sent.await?);
            upload.bytes = to;
        }
    }
    let completed = store.complete(object, upload, Existing::Replace).await;
    completed.map(drop)
}

/// Which base one is that follows the backup of an earlier day, if there is one.
fn kind_of_base(previous: Option<Timestamp>, began: Timestamp) -> Kind {
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let month = |at| (date(at).year(), date(at).month());
    let week = |at| {
        let week = date(at).iso_week_date();
        (week.year(), week.week())
    };
    match previous {
        Some(previous) if month(previous) == month(began) => match week(previous) == week(began) {
            true => Kind::Base,
            false => Kind::BaseOfWeek,
        },
        _ => Kind::BaseOfMonth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_base_of_a_month_and_of_a_week_is_known_by_the_backup_before_it() {
        let at = |day: &str| -> Timestamp { format!("{day}T05:00:00Z").parse().unwrap() };
        for (previous, began, kind) in [
            (None, "2026-03-10", Kind::BaseOfMonth),
            (Some("2026-02-28"), "2026-03-01", Kind::BaseOfMonth),
            // Monday after Sunday, and Wednesday after a Friday.
            (Some("2026-03-08"), "2026-03-09", Kind::BaseOfWeek),
            (Some("2026-03-06"), "2026-03-11", Kind::BaseOfWeek),
            (Some("2026-03-09"), "2026-03-10", Kind::Base),
            (Some("2025-03-09"), "2026-03-10", Kind::BaseOfMonth),
        ] {
            assert_eq!(kind_of_base(previous.map(at), at(began)), kind, "{began}");
        }
    }
}
