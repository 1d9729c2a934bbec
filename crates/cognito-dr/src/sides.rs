//! The two sides of a comparison: a backup or a live pool each.

use std::sync::Arc;

use compare::diff::{self, Side as _};
use futures::stream::{Stream, StreamExt as _};
use jiff::Timestamp;
use model::document::{BackupHead, UserRecord};
use model::{UserPoolId, Username};
use restore::RestoreError;
use restore::side::{LivePool, Side};
use serde::Serialize;

use crate::arguments::PaceOptions;
use crate::backup_reference::{BackupOrPool, OpenBackup};
use crate::context::Context;
use crate::error::Error;
use crate::terminal::Progress;

/// A side, and who hears how far its reading is.
pub(crate) struct OneSide {
    source: Source,
    progress: Progress,
}

/// A backup or a live pool.
enum Source {
    Backup(Box<OpenBackup>),
    Live(Box<LivePool>),
}

/// What a side is, in answers.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    /// `backup` or `pool`.
    kind: &'static str,
    pool_id: UserPoolId,
    pool_name: String,
    /// When its reading began.
    began: Timestamp,
    /// Where a backup lies.
    location: Option<String>,
    key: Option<String>,
}

impl Described {
    /// As a person reads it.
    pub(crate) fn in_words(&self) -> String {
        let (pool, name, began) = (&self.pool_id, &self.pool_name, self.began);
        match self.kind {
            "pool" => format!("pool {pool} ({name}), read now"),
            _ => format!("backup of {pool} ({name}), {began}"),
        }
    }
}

impl OneSide {
    /// Opens what was named; `pool` says whose `latest` or time is meant.
    pub(crate) async fn open(
        context: &Context,
        named: &BackupOrPool,
        pool: Option<&UserPoolId>,
        pace: &PaceOptions,
        with_preferences: bool,
    ) -> Result<Self, Error> {
        let source = match named {
            BackupOrPool::Backup(backup) => {
                Source::Backup(Box::new(backup.open(context, pool).await?))
            }
            BackupOrPool::Pool(pool) => {
                let aws = context.aws_of(pool).await;
                let cognito = context.cognito(&aws, pace)?;
                let waf = aws_sdk_wafv2::Client::new(&aws);
                let live = LivePool::open(&cognito, &waf, pool, with_preferences);
                Source::Live(Box::new(live.await?))
            }
        };
        let progress = context.terminal.progress();
        Ok(Self { source, progress })
    }

    fn side(&self) -> Side<'_> {
        match &self.source {
            Source::Backup(opened) => Side::Stored(&opened.backup),
            Source::Live(pool) => Side::Live(pool),
        }
    }

    /// All was read.
    pub(crate) fn end_progress(&self) {
        self.progress.end();
    }

    /// What it is.
    pub(crate) fn described(&self) -> Described {
        let head = self.head();
        let (kind, location, key) = match &self.source {
            Source::Backup(opened) => (
                "backup",
                Some(opened.location.to_string()),
                Some(opened.backup.name.to_string()),
            ),
            Source::Live(_) => ("pool", None, None),
        };
        Described {
            kind,
            pool_id: head.user_pool_id.clone(),
            pool_name: head.user_pool()["Name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            began: head.timestamp,
            location,
            key,
        }
    }
}

impl diff::Side for OneSide {
    type Error = RestoreError;

    fn head(&self) -> &BackupHead {
        match &self.source {
            Source::Backup(opened) => &opened.backup.head,
            Source::Live(pool) => pool.head(),
        }
    }

    fn users_expected(&self) -> usize {
        self.side().users_expected()
    }

    fn memberships_expected(&self) -> usize {
        self.side().memberships_expected()
    }

    fn is_stored(&self) -> bool {
        self.side().is_stored()
    }

    fn users(&self, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), RestoreError>> {
        let expected = (from == 0).then(|| self.users_expected() as u64);
        self.progress.begin("reading users", expected);
        let users = self.side().read_users(from);
        users.inspect(|_| self.progress.one_done())
    }

    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> {
        self.progress.begin("reading memberships", None);
        let memberships = self.side().read_memberships(groups);
        memberships.inspect(|_| self.progress.one_done())
    }
}
