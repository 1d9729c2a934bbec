//! What changed since the backup before, found before a backup is made visible.
//!
//! Two backups that were compared with one base differ in those users alone whom either
//! comparison names: of a quiet pool that is a handful. Otherwise, once a day, both are read.

use std::sync::Arc;

use compare::change::{Snapshot, summary};
use compare::diff::{self, Options, diff};
use futures::stream::{Stream, TryStreamExt as _};
use jiff::SignedDuration;
use model::change::{Change, ChangeSummary, NotCompared};
use model::document::{BackupHead, UserRecord};
use model::{BackupKey, Failure, Username};
use vault::{Backup, Changes, MayDiffer, VaultError};

use crate::run::Backups;

/// How many backups before this one are tried that cannot be used.
const TRIED: usize = 3;

/// A backup as a side of the comparison, with all of its users or those alone who may differ.
struct Stored<'a> {
    backup: &'a Backup,
    only: Option<Arc<MayDiffer>>,
}

impl diff::Side for Stored<'_> {
    type Error = VaultError;

    fn head(&self) -> &BackupHead {
        &self.backup.head
    }

    fn users_expected(&self) -> usize {
        self.expected(self.backup.trailer.users)
    }

    fn memberships_expected(&self) -> usize {
        self.expected(self.backup.trailer.memberships)
    }

    fn is_stored(&self) -> bool {
        true
    }

    fn users(&self, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), VaultError>> {
        let from = (from > 0).then_some(from);
        let users = self.backup.stream_users(from, self.only.clone());
        users.map_ok(|line| (line.offset, line.record))
    }

    fn memberships(
        &self,
        _: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), VaultError>> {
        let memberships = self.backup.stream_memberships(self.only.clone());
        memberships.map_ok(|membership| (membership.group, membership.username))
    }
}

impl Stored<'_> {
    fn expected(&self, all: u64) -> usize {
        match self.only {
            None => usize::try_from(all).unwrap_or_default(),
            Some(_) => 0,
        }
    }
}

impl Backups<'_> {
    /// Whether the pool has a backup before `key`.
    pub(crate) async fn has_earlier(&self, key: &BackupKey) -> Result<bool, VaultError> {
        Ok(!self.earlier(key, 1).await?.is_empty())
    }

    async fn earlier(&self, key: &BackupKey, limit: usize) -> Result<Vec<BackupKey>, VaultError> {
        let before = key.began() - SignedDuration::from_secs(1);
        let listed = self
            .vault
            .list(Some(key.pool()), Some(before), limit)
            .await?;
        Ok(listed.into_iter().map(|listed| listed.key).collect())
    }

    /// What changed since the backup before. Takes half of the time that is left, and never keeps a
    /// backup from being made.
    ///
    /// `changes` are those between the day's base and `whole`, where they are known.
    pub(crate) async fn change(
        &self,
        key: &BackupKey,
        whole: &Backup,
        changes: Option<&Arc<Changes>>,
    ) -> (Change, Option<Backup>) {
        let limit = self.stop.halfway();
        let compared = tokio::select! {
            biased;
            () = limit.requested() => {
                tracing::warn!(s3_key = %key, "no time is left to say what changed since the backup before");
                return (Change::NotCompared(NotCompared::NoTime), None);
            }
            compared = Box::pin(self.summary(key, whole, changes)) => compared,
        };
        match compared {
            Ok(Some((summary, previous))) => (Change::Since(Box::new(summary)), Some(previous)),
            Ok(None) => (Change::NotCompared(NotCompared::FirstBackup), None),
            Err(error) => {
                tracing::warn!(%error, s3_key = %key, "what changed since the backup before is not known");
                (Change::NotCompared(NotCompared::Unreadable), None)
            }
        }
    }

    async fn summary(
        &self,
        key: &BackupKey,
        whole: &Backup,
        changes: Option<&Arc<Changes>>,
    ) -> Result<Option<(ChangeSummary, Backup)>, VaultError> {
        let mut unusable = None;
        for earlier in self.earlier(key, TRIED).await? {
            let previous = match self.vault.open_as_stored(&earlier, None).await {
                Ok(previous) => previous,
                Err(error)
                    if [Failure::BackupDamaged, Failure::BackupNotFound]
                        .contains(&error.failure()) =>
                {
                    unusable = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let only = match changes {
                Some(changes) => previous.may_differ(changes).await?,
                None => None,
            };
            let side = |backup| Stored {
                backup,
                only: only.clone(),
            };
            let (before, after) = (side(&previous), side(whole));
            let differences = Box::pin(diff(&before, &after, Options::default())).await?;
            let (before, after) = (snapshot_of(&previous), snapshot_of(whole));
            let summary = summary(earlier, before, after, &differences, self.shrink_limits);
            return Ok(Some((summary, previous)));
        }
        unusable.map_or(Ok(None), Err)
    }

    /// Keeps the last whole base from before the pool shrank, once while it goes on shrinking.
    pub(crate) async fn keep_if_shrunk(&self, change: &mut Change, previous: &Backup) {
        let Change::Since(summary) = change else {
            return;
        };
        if !summary.shrunk {
            return;
        }
        if let Some(Change::Since(before)) = &previous.trailer.change
            && before.shrunk
            && before.kept.is_some()
        {
            summary.kept = before.kept.clone();
            return;
        }
        match self.vault.keep_base_of(previous).await {
            Ok(object) => {
                tracing::warn!(
                    object,
                    "the pool shrank: its last whole base is kept until somebody removes it"
                );
                summary.kept = Some(object);
            }
            Err(error) => {
                tracing::error!(%error, "the pool shrank, and its last whole base is not kept beyond its time")
            }
        }
    }
}

fn snapshot_of(backup: &Backup) -> Snapshot<'_> {
    Snapshot {
        head: &backup.head,
        users: backup.trailer.users,
    }
}

/// Logs what changed, counts and names of things.
pub(crate) fn tell(change: Option<&Change>) {
    let Some(Change::Since(summary)) = change else {
        return;
    };
    let users = &summary.users;
    tracing::info!(
        previous = %summary.previous,
        made = users.made,
        gone = users.gone,
        recreated = users.recreated,
        changed = users.changed,
        disabled = users.disabled,
        enabled = users.enabled,
        memberships_made = summary.memberships.made,
        memberships_gone = summary.memberships.gone,
        settings = summary.settings.count,
        "what changed since the backup before"
    );
    if summary.shrunk {
        tracing::warn!(
            gone = users.gone,
            recreated = users.recreated,
            disabled = users.disabled,
            of = users.before,
            "the pool shrank"
        );
    }
    for critical in &summary.critical.named {
        tracing::warn!(%critical, "a critical change");
    }
}
