//! What changed since the backup before, found before a backup is made visible.
//!
//! Two backups that were compared with one base differ in those users alone whom either
//! comparison names: of a quiet pool that is a handful. Otherwise, once a day, both are read, and
//! so is a third of a week ago.

use std::sync::Arc;

use compare::change::{Snapshot, summary, user_changes};
use compare::diff::{self, Options, diff};
use futures::stream::{Stream, TryStreamExt as _};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use model::change::{Change, ChangeSummary, NotCompared, SlowLoss};
use model::document::{BackupHead, UserRecord};
use model::{BackupKey, Failure, Username};
use vault::{Backup, Changes, MayDiffer, VaultError};

use crate::run::Backups;

/// How many backups before this one are tried that cannot be used.
const TRIED: usize = 3;
/// How far back a loss is looked for that no two backups in a row show.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

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

    /// In the first backup of a day, whether the pool has lost more within a week than the limits
    /// allow, though in no two backups in a row. Gives the backup from before, if so. Takes half of
    /// the time that is left.
    ///
    /// Such a backup is a whole one, and both are read whole.
    pub(crate) async fn find_slow_loss(
        &self,
        key: &BackupKey,
        whole: &Backup,
        summary: &mut ChangeSummary,
    ) -> Option<Backup> {
        let day = |key: &BackupKey| key.began().to_zoned(TimeZone::UTC).date();
        if summary.shrunk || day(&summary.previous) == day(key) {
            return None;
        }
        let limit = self.stop.halfway();
        let found = tokio::select! {
            biased;
            () = limit.requested() => {
                tracing::warn!(s3_key = %key, "no time is left to say what the pool lost within a week");
                return None;
            }
            found = Box::pin(self.slow_loss(key, whole, summary)) => found,
        };
        match found {
            Ok(found) => {
                let (loss, before) = found?;
                summary.shrunk = true;
                summary.slow_loss = Some(loss);
                Some(before)
            }
            Err(error) => {
                tracing::warn!(%error, s3_key = %key, "what the pool lost within a week is not known");
                None
            }
        }
    }

    async fn slow_loss(
        &self,
        key: &BackupKey,
        whole: &Backup,
        summary: &ChangeSummary,
    ) -> Result<Option<(SlowLoss, Backup)>, VaultError> {
        let since = self
            .a_week_before(key, summary.last_shrunk.as_ref())
            .await?;
        let Some(since) = since.filter(|since| *since != summary.previous) else {
            return Ok(None);
        };
        let earlier = self.vault.open_as_stored(&since, None).await?;
        let side = |backup| Stored { backup, only: None };
        let (before, after) = (side(&earlier), side(whole));
        let differences = Box::pin(diff(&before, &after, Options::default())).await?;
        let (before, after) = (snapshot_of(&earlier), snapshot_of(whole));
        let users = user_changes(before, after, &differences);
        let is_loss = self.shrink_limits.share_is_exceeded(&users);
        Ok(is_loss.then_some((SlowLoss { since, users }, earlier)))
    }

    /// The backup that said last that the pool shrank, if that was within the week before `key`;
    /// otherwise the newest that is a week old, and of a younger pool its first.
    async fn a_week_before(
        &self,
        key: &BackupKey,
        last_shrunk: Option<&BackupKey>,
    ) -> Result<Option<BackupKey>, VaultError> {
        let week_ago = key.began() - WEEK;
        if let Some(last_shrunk) = last_shrunk.filter(|key| key.began() > week_ago) {
            return Ok(Some(last_shrunk.clone()));
        }
        let older = self.vault.list(Some(key.pool()), Some(week_ago), 1).await?;
        match older.into_iter().next() {
            Some(older) => Ok(Some(older.key)),
            None => Ok(self.earlier(key, usize::MAX).await?.pop()),
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
            let mut summary = summary(earlier, before, after, &differences, self.shrink_limits);
            if let Some(Change::Since(before)) = &previous.trailer.change {
                summary.last_shrunk = match before.shrunk {
                    true => Some(summary.previous.clone()),
                    false => before.last_shrunk.clone(),
                };
            }
            return Ok(Some((summary, previous)));
        }
        unusable.map_or(Ok(None), Err)
    }

    /// Keeps the last whole base from before the pool shrank, once while it goes on shrinking;
    /// `before` is the backup from before.
    pub(crate) async fn keep_if_shrunk(&self, summary: &mut ChangeSummary, before: &Backup) {
        if !summary.shrunk {
            return;
        }
        if let Some(Change::Since(earlier)) = &before.trailer.change
            && earlier.shrunk
            && earlier.kept.is_some()
        {
            summary.kept = earlier.kept.clone();
            return;
        }
        match self.vault.keep_base_of(before).await {
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
        let slow_loss = summary.slow_loss.as_ref();
        let (since, users) = slow_loss.map_or((&summary.previous, users), |loss| {
            (&loss.since, &loss.users)
        });
        tracing::warn!(
            %since,
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
