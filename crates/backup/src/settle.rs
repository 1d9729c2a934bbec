//! What becomes of a backup when all of it is read: a whole one, or a difference against the day's
//! base.
//!
//! Where there is an earlier backup, the whole one is written beside the backups first, as what an
//! invocation remembers is, and compared when it is complete: with the backup before, to say what
//! changed, and with the day's base. So reading, going on in another
//! invocation and dying are the same for both, and an invocation that dies while it compares is
//! repeated.

use std::sync::Arc;

use model::BackupKey;
use model::change::{Change, NotCompared};
use model::document::Trailer;
use vault::{Backup, Changes, Finished, VaultError};

use crate::cursor::STATE_FOLDER;
use crate::error::BackupError;
use crate::run::Backups;

/// Where a whole backup lies before it is compared.
pub(crate) fn staged_object(key: &BackupKey) -> String {
    let (pool, time) = (key.pool(), key.began().as_second());
    format!("{STATE_FOLDER}{pool}-{time}/whole.json.zst")
}

/// The object of a backup.
pub(crate) struct Settled {
    pub(crate) finished: Finished,
    /// The counts of the whole backup, and the checksum of the object.
    pub(crate) trailer: Trailer,
}

impl Backups<'_> {
    /// Makes the backup `key` of a whole one that was staged.
    pub(crate) async fn settle(
        &self,
        key: &BackupKey,
        staged: &str,
        mut trailer: Trailer,
    ) -> Result<Settled, BackupError> {
        let whole = self.vault.open_staged(key, staged).await?;
        let mut change = Change::NotCompared(NotCompared::NoTime);
        let compared = tokio::select! {
            biased;
            () = self.stop.requested() => {
                tracing::warn!(s3_key = %key, "no time is left to compare: the backup is a whole one");
                None
            }
            compared = Box::pin(self.compare(key, &whole, &mut change)) => compared?,
        };
        trailer.change = Some(change);
        let settled = match compared {
            Some((finished, own)) => {
                tracing::info!(s3_key = %key, users = own.users, bytes = finished.bytes, "the backup is a difference");
                Settled {
                    finished,
                    trailer: Trailer {
                        crc64nvme: own.crc64nvme,
                        ..trailer
                    },
                }
            }
            None => {
                let is_first = self.is_base(key).await? == Some(true);
                let published = self.vault.publish_staged(key, &whole, &trailer, is_first);
                let finished = published.await?;
                let version = finished.version_id.as_deref();
                self.check(key, version, &trailer).await?;
                self.keep_as_last(key, &finished).await;
                Settled { finished, trailer }
            }
        };
        if let Err(error) = self.vault.remove_staged(staged, &whole).await {
            tracing::warn!(%error, "a whole backup that was compared is left to the lifecycle rule");
        }
        Ok(settled)
    }

    /// Whether backups are compared with those before: not in a folder, and not those of shards.
    pub(crate) fn is_compared(&self) -> bool {
        self.shard.is_none() && self.vault.is_shared()
    }

    /// Whether the backup `key` is the first of its day that others may be written against; `None`
    /// where it does not matter: in a folder, and of a shard.
    pub(crate) async fn is_base(&self, key: &BackupKey) -> Result<Option<bool>, BackupError> {
        if !self.is_compared() {
            return Ok(None);
        }
        Ok(Some(self.vault.base_for(key).await?.is_none()))
    }

    /// Keeps the day's base beyond its time. The backup is none the less for it if that fails: the
    /// next day's does.
    pub(crate) async fn keep_as_last(&self, key: &BackupKey, base: &Finished) {
        let kept = match self.is_base(key).await {
            Ok(Some(true)) => self.vault.keep_as_last(key, base).await.map_err(Into::into),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::error!(%error, s3_key = %key, "the backup is not kept beyond its time");
        }
    }

    /// Says what changed since the backup before, and writes what differs from the day's base; `None`
    /// where a whole backup is to be written.
    async fn compare(
        &self,
        key: &BackupKey,
        whole: &Backup,
        change: &mut Change,
    ) -> Result<Option<(Finished, Trailer)>, BackupError> {
        let base = match self.differences {
            true => self.vault.base_for(key).await?,
            false => None,
        };
        let changes = match &base {
            Some(base) => self.changes(base, whole).await?,
            None => None,
        };
        let previous;
        (*change, previous) = self.change(key, whole, changes.as_ref()).await;
        if let (Change::Since(summary), Some(previous)) = (&mut *change, &previous) {
            let before = self.find_slow_loss(key, whole, summary).await;
            let before = before.as_ref().unwrap_or(previous);
            self.keep_if_shrunk(summary, before).await;
        }
        let (Some(base), Some(changes)) = (base, changes) else {
            return Ok(None);
        };
        let change = Some(change.clone());
        let vault = self.vault;
        let written = vault.write_difference(key, &base, whole, &changes, change);
        or_whole(&base, written.await)
    }

    /// What differs from the day's base.
    async fn changes(
        &self,
        base: &Backup,
        whole: &Backup,
    ) -> Result<Option<Arc<Changes>>, BackupError> {
        let changes = or_whole(base, self.vault.changes(base, whole).await)?;
        Ok(changes.map(Arc::new))
    }

    /// Reads the whole object back that was just completed. What the store says of it (a checksum
    /// of each part, the size of the whole) covers the way there, and not what was sent.
    ///
    /// A million users take some seconds. At a stop it is left out, and the log says so: the next
    /// `cognito-dr check` tells.
    pub(crate) async fn check(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
        trailer: &Trailer,
    ) -> Result<(), BackupError> {
        tokio::select! {
            biased;
            () = self.stop.requested() => {
                tracing::warn!(s3_key = %key, "no time is left to read the backup back");
                Ok(())
            }
            checked = self.vault.check_written(key, version_id, trailer) => Ok(checked?),
        }
    }
}

/// `None`, so that a whole backup is written, where the base is damaged. Whichever of the two it is:
/// a damaged whole one is not published either.
fn or_whole<T>(
    base: &Backup,
    result: Result<Option<T>, VaultError>,
) -> Result<Option<T>, BackupError> {
    match result {
        Err(VaultError::Damaged { name, reason }) if name == base.name => {
            tracing::warn!(s3_key = %name, reason, "the base is damaged: the backup is a whole one");
            Ok(None)
        }
        result => Ok(result?),
    }
}
