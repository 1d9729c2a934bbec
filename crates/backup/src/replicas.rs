//! Backups that S3 could not replicate, which it does not try again (facts G.3): they are copied
//! again, so that they have a replica after all.

use std::cmp::Reverse;

use cognito::Stop;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use vault::{ReplicaStatus, Replicated, Vault, VaultError};

/// How many of the newest backups are looked at, and how many of the objects that stay for good: so
/// many calls, at some ten-thousandths of a cent each.
const LOOKED_AT: usize = 1_000;
/// How many are looked at at once.
const AT_ONCE: usize = 16;
/// How many are copied by one invocation, where replication works.
const COPIED: usize = 100;
/// How many are copied at once: S3 answers when it is done.
const COPIED_AT_ONCE: usize = 4;

/// What became of the replicas of the newest backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replicas {
    /// The keys of those that S3 could not replicate, newest first.
    pub failed: Vec<String>,
    /// How many of them were copied again.
    pub copied: usize,
}

impl Replicas {
    /// Looks at the backups of today and yesterday (UTC), at the copy of each pool's newest base and
    /// at the lists of users who must not come back, and copies again what S3 could not replicate: all of it where something newer was
    /// replicated since, otherwise the newest alone, to try whether it works again. What `stop`
    /// leaves undone is found by the next look.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list the backups or tell of one. A copy that fails
    /// is told in the log, and the object stays among the failed ones.
    pub async fn mend(vault: &Vault, now: Timestamp, stop: &Stop) -> Result<Self, VaultError> {
        let mut objects = vault.newest_objects(now, LOOKED_AT).await?;
        objects.extend(vault.lasting_objects(LOOKED_AT).await?);
        let looking = objects.iter().map(|object| vault.replica_of(object));
        let looked: Vec<Option<Replicated>> = stream::iter(looking)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut looked: Vec<Replicated> = looked.into_iter().flatten().collect();
        looked.sort_by_key(|replicated| Reverse(replicated.written));
        let failed = looked.iter().filter(|replicated| is_failed(replicated));
        let failed: Vec<String> = failed.map(|failed| failed.object.clone()).collect();
        for replicated in looked.iter().filter(|replicated| is_failed(replicated)) {
            let hindrance = replicated.hindrance();
            tracing::warn!(
                key = replicated.object,
                copies = replicated.copies,
                hindrance,
                "S3 could not replicate the backup"
            );
        }
        let copying = to_copy(&looked)
            .into_iter()
            .map(|replicated| copy(vault, replicated, stop));
        let copied: Vec<bool> = stream::iter(copying)
            .buffer_unordered(COPIED_AT_ONCE)
            .collect()
            .await;
        let copied = copied.into_iter().filter(|copied| *copied).count();
        Ok(Self { failed, copied })
    }
}

fn is_failed(replicated: &Replicated) -> bool {
    replicated.status == ReplicaStatus::Failed
}

/// Which of the objects are copied again; they come newest first.
///
/// As long as the newest of which S3 has decided has failed, replication does not work: then one
/// copy is enough to learn when it does.
fn to_copy(newest_first: &[Replicated]) -> Vec<&Replicated> {
    let mut decided = newest_first.iter().filter(|replicated| {
        matches!(
            replicated.status,
            ReplicaStatus::Completed | ReplicaStatus::Failed
        )
    });
    let works = decided.next().is_some_and(|newest| !is_failed(newest));
    newest_first
        .iter()
        .filter(|replicated| is_failed(replicated) && replicated.hindrance().is_none())
        .take(if works { COPIED } else { 1 })
        .collect()
}

/// Whether it was copied.
async fn copy(vault: &Vault, replicated: &Replicated, stop: &Stop) -> bool {
    if stop.is_requested() {
        return false;
    }
    match vault.copy_again(replicated).await {
        Ok(copied) => {
            tracing::info!(
                key = replicated.object,
                copied,
                "the backup is copied again"
            );
            copied
        }
        Err(error) => {
            tracing::warn!(key = replicated.object, %error, "the backup cannot be copied again");
            false
        }
    }
}
