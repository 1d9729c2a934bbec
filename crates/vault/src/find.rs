//! Finding the newest whole backup of a pool.

use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};
use model::request::{EndedBy, FindRequest, FindResponse, PassedOver};
use model::{BackupKey, BackupName, Failure, UserPoolId};

use crate::Vault;
use crate::error::VaultError;
use crate::listing::ListedBackup;
use crate::open::Backup;

/// How many damaged backups are looked at before giving up: two days of hourly ones.
const DAMAGED_LIMIT: usize = 48;
/// How many of them are named.
const NAMED: usize = 10;
/// How many other pools an error names.
const OTHERS: usize = 20;
/// How many days are looked at for them.
const DAYS_FOR_OTHERS: usize = 7;
/// How far the clocks of two Lambdas may differ. A key that is further in the future names no
/// backup's time.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(15);

impl Vault {
    /// Finds the newest whole backup of exactly one pool, or checks the one that is asked for.
    ///
    /// Backups that are damaged, that name a time in the future, or whose reading had not ended at
    /// the time asked for are passed over, and the answer says so. One that a newer version wrote
    /// is not: it may be whole. An explicitly named one is never replaced by another, and neither is that
    /// of a restore that is to go on.
    ///
    /// # Errors
    /// [`VaultError::NoBackup`] when there is none, [`VaultError::NoneWhole`] or
    /// [`VaultError::Damaged`] when there is none that can be used, [`VaultError::TooNew`] when a
    /// newer version wrote the newest, [`VaultError::NotResumable`] when the restore cannot go on;
    /// others as the store answers.
    pub async fn find(
        &self,
        request: &FindRequest,
        now: Timestamp,
    ) -> Result<FindResponse, VaultError> {
        if let Some(restore_id) = &request.resume {
            return self.find_of_restore(restore_id, request).await;
        }
        if let Some(key) = &request.s3_key {
            let backup = self.open_as_stored(key, None).await?;
            return Ok(response(request, key, &backup, Vec::new()));
        }
        let pool = &request.user_pool_id;
        let latest = now.checked_add(CLOCKS_DIFFER).unwrap_or(now);
        let mut passed_over = Vec::new();
        let mut only_too_late = true;
        let mut days = self.days(request.at);
        while let Some(day) = days.next().await? {
            for listed in self.of_day(day, Some(pool), request.at).await? {
                if passed_over.len() >= DAMAGED_LIMIT {
                    return Err(none_whole(pool, passed_over));
                }
                let reason = match self.usable(&listed, latest).await? {
                    Ok(backup) => match ended_too_late(&backup, request.at) {
                        None => {
                            let key = &listed.key;
                            return Ok(response(request, key, &backup, passed_over));
                        }
                        Some(reason) => reason,
                    },
                    Err(reason) => {
                        only_too_late = false;
                        reason
                    }
                };
                let s3_key = listed.object();
                tracing::warn!(s3_key, reason, "passing over a backup");
                passed_over.push(PassedOver { s3_key, reason });
            }
        }
        // All have ended, or none of them can be used: the copy that never ends.
        if let Ok(last) = Box::pin(self.open_last(pool)).await
            && ended_too_late(&last, request.at).is_none()
            && let BackupName::Key(key) = &last.name
        {
            return Ok(response(request, key, &last, passed_over));
        }
        if only_too_late {
            Err(self.no_backup(request).await?)
        } else {
            Err(none_whole(pool, passed_over))
        }
    }

    /// The newest backup of the same pool that can be used, when `key` cannot.
    ///
    /// Of a type that has an end: opening looks for another backup, and finding opens.
    pub(crate) fn newest_but<'a>(
        &'a self,
        key: &'a BackupKey,
    ) -> Pin<Box<dyn Future<Output = Option<BackupKey>> + Send + 'a>> {
        let request = FindRequest {
            user_pool_id: key.pool().clone(),
            s3_key: None,
            at: None,
            resume: None,
            options: Default::default(),
        };
        Box::pin(async move {
            let found = self.find(&request, Timestamp::now()).await.ok()?;
            (found.s3_key != *key).then_some(found.s3_key)
        })
    }

    /// The backup, or why it is not one to restore from. Errors of the store itself stay errors: a
    /// backup that cannot be reached now is not a damaged one.
    async fn usable(
        &self,
        listed: &ListedBackup,
        latest: Timestamp,
    ) -> Result<Result<Backup, String>, VaultError> {
        let key = &listed.key;
        if listed.unknown_form.is_some() {
            let reason = "its name has a form that this version does not know: a newer version may have written it";
            return Ok(Err(reason.into()));
        }
        if let Some(shard) = key.shard() {
            let reason = format!("it is the shard {shard}: name one of them, and all are used");
            return Ok(Err(reason));
        }
        if key.began() > latest {
            return Ok(Err("its key names a time in the future".into()));
        }
        match self.open_exactly(key, None).await {
            Ok(backup) => Ok(Ok(backup)),
            // Damaged, without its base, or deleted since it was listed.
            Err(error)
                if [Failure::BackupDamaged, Failure::BackupNotFound].contains(&error.failure()) =>
            {
                Ok(Err(error.reason()))
            }
            Err(error) => Err(error),
        }
    }

    async fn no_backup(&self, request: &FindRequest) -> Result<VaultError, VaultError> {
        let mut others = Vec::new();
        let mut days = self.days(None);
        for _ in 0..DAYS_FOR_OTHERS {
            let Some(day) = days.next().await? else { break };
            let listed = self.of_day(day, None, None).await?;
            others.extend(listed.into_iter().map(|backup| backup.key.pool().clone()));
            others.sort();
            others.dedup();
        }
        others.truncate(OTHERS);
        Ok(VaultError::NoBackup {
            pool: request.user_pool_id.clone(),
            address: self.store().address(""),
            at: request.at,
            others,
        })
    }
}

fn none_whole(pool: &UserPoolId, mut passed_over: Vec<PassedOver>) -> VaultError {
    passed_over.truncate(NAMED);
    VaultError::NoneWhole {
        pool: pool.clone(),
        passed_over,
    }
}

/// Why a backup cannot be one from before `at`, if so: what was changed while it was read may be
/// in it.
fn ended_too_late(backup: &Backup, at: Option<Timestamp>) -> Option<String> {
    let ended = backup.trailer.reading_ended;
    let by = match backup.ended_by() {
        EndedBy::Trailer => "its reading ended",
        EndedBy::Object => "it was written",
    };
    at.is_some_and(|at| ended > at)
        .then(|| format!("{by} at {ended}, after the time asked for"))
}

pub(crate) fn response(
    request: &FindRequest,
    key: &BackupKey,
    backup: &Backup,
    mut passed_over: Vec<PassedOver>,
) -> FindResponse {
    passed_over.truncate(NAMED);
    FindResponse {
        user_pool_id: request.user_pool_id.clone(),
        s3_key: key.clone(),
        version_id: backup.version_id.clone(),
        backup_timestamp: backup.head.timestamp,
        backup_ended: backup.trailer.reading_ended,
        ended_by: backup.ended_by(),
        users: Some(backup.trailer.users),
        bytes: backup.bytes,
        passed_over,
        options: request.options.clone(),
    }
}
