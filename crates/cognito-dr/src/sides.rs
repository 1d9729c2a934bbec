//! The two sides of a comparison: a backup or a live pool each.

use std::sync::Arc;

use cognito::collect::Collector;
use cognito::{Cognito, CognitoError, ErrorKind, Pages};
use compare::diff::Side;
use futures::future::{self, Either};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use model::document::{BackupHead, MfaFactors, UserRecord};
use model::{UserPoolId, Username};
use serde::Serialize;
use serde_json::Value;
use vault::{Backup, VaultError};

use crate::arguments::PaceOptions;
use crate::backup_reference::{BackupOrPool, OpenBackup};
use crate::context::Context;
use crate::error::Error;
use crate::terminal::Progress;

/// How many MFA preferences are asked for at a time; the pacer sees to the rate.
const PREFERENCES_AT_ONCE: usize = 8;

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

/// A pool as it is now.
struct LivePool {
    cognito: Cognito,
    waf: aws_sdk_wafv2::Client,
    head: BackupHead,
    /// Whose MFA preferences are asked for, one call for each user; none, nobody's.
    factors: Option<MfaFactors>,
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
                let live = LivePool::open(context, pool, pace, with_preferences);
                Source::Live(Box::new(live.await?))
            }
        };
        let progress = context.terminal.progress();
        Ok(Self { source, progress })
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

impl LivePool {
    async fn open(
        context: &Context,
        pool: &UserPoolId,
        pace: &PaceOptions,
        with_preferences: bool,
    ) -> Result<Self, Error> {
        let aws = context.aws_of(pool).await;
        let cognito = context.cognito(&aws, pace)?;
        let waf = aws_sdk_wafv2::Client::new(&aws);
        let collector = Collector::new(&cognito, &waf);
        let head = collector.head(pool, Timestamp::now()).await?;
        let factors = MfaFactors::of(&head);
        Ok(Self {
            factors: (with_preferences && factors.any()).then_some(factors),
            cognito,
            waf,
            head,
        })
    }

    fn collector(&self) -> Collector<'_> {
        Collector::new(&self.cognito, &self.waf)
    }

    fn users(&self) -> impl Stream<Item = Result<(u64, UserRecord), Error>> {
        let users = elements(self.collector().users(&self.head.user_pool_id));
        let users = users.map(async |user| self.with_preference(read(user?)?).await);
        stream::iter(0..)
            .zip(users.buffered(PREFERENCES_AT_ONCE))
            .map(|(place, user)| Ok((place, user?)))
    }

    /// The user with the MFA preference, which ListUsers does not tell.
    async fn with_preference(&self, mut user: UserRecord) -> Result<UserRecord, Error> {
        let factors = self.factors.as_ref();
        if !factors.is_some_and(|factors| factors.may_be_preferred_by(&user)) {
            return Ok(user);
        }
        let pool = &self.head.user_pool_id;
        let asked = self
            .collector()
            .mfa_preference(pool, user.username.as_str())
            .await;
        match asked {
            Ok(preference) => user.set_mfa_preference(&preference),
            // Deleted since the list was made.
            Err(error) if error.is(ErrorKind::Missing) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(user)
    }

    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), Error>> {
        stream::iter(groups.to_vec())
            .map(|group| self.members(group))
            .flatten()
    }

    fn members(&self, group: String) -> impl Stream<Item = Result<(Arc<str>, Username), Error>> {
        let members = elements(self.collector().members(&self.head.user_pool_id, &group));
        let group: Arc<str> = group.into();
        // A group that was deleted since the groups were listed has no members.
        let is_gone = |member: &Result<Value, CognitoError>| {
            member
                .as_ref()
                .is_err_and(|error| error.is(ErrorKind::Missing))
        };
        members
            .filter(move |member| future::ready(!is_gone(member)))
            .map(move |member| Ok((group.clone(), read(member?)?.username)))
    }
}

/// The elements of all pages.
fn elements(
    pages: Result<Pages<'_>, CognitoError>,
) -> impl Stream<Item = Result<Value, CognitoError>> {
    let pages = stream::iter([pages]).map_ok(|pages| {
        stream::try_unfold(pages, async |mut pages| {
            let page = pages.next().await?;
            Ok::<_, CognitoError>(page.map(|page| (page, pages)))
        })
    });
    let elements = |page: Vec<Value>| stream::iter(page).map(Ok);
    pages.try_flatten().map_ok(elements).try_flatten()
}

fn read(user: Value) -> Result<UserRecord, Error> {
    // The cause would quote the value.
    serde_json::from_value(user)
        .map_err(|_| Error::new("Cognito listed a user that cannot be read"))
}

fn users_of(backup: &Backup, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), Error>> {
    let from = (from > 0).then_some(from);
    let users = stream::once(async move { backup.users(from).await });
    let users = users.map_ok(|users| {
        stream::try_unfold(users, async |mut users| {
            let line = users.next().await?;
            Ok::<_, VaultError>(line.map(|line| ((line.offset, line.record), users)))
        })
    });
    users.try_flatten().map_err(Error::from)
}

fn memberships_of(backup: &Backup) -> impl Stream<Item = Result<(Arc<str>, Username), Error>> {
    let memberships = stream::once(async { backup.memberships().await });
    let memberships = memberships.map_ok(|memberships| {
        stream::try_unfold(memberships, async |mut memberships| {
            let next = memberships.next().await?;
            Ok::<_, VaultError>(next.map(|member| ((member.group, member.username), memberships)))
        })
    });
    memberships.try_flatten().map_err(Error::from)
}

impl Side for OneSide {
    type Error = Error;

    fn head(&self) -> &BackupHead {
        match &self.source {
            Source::Backup(opened) => &opened.backup.head,
            Source::Live(pool) => &pool.head,
        }
    }

    fn users_expected(&self) -> usize {
        let users = match &self.source {
            Source::Backup(opened) => Some(opened.backup.trailer.users),
            Source::Live(pool) => pool.head.user_pool()["EstimatedNumberOfUsers"].as_u64(),
        };
        usize::try_from(users.unwrap_or_default()).unwrap_or_default()
    }

    fn memberships_expected(&self) -> usize {
        match &self.source {
            Source::Backup(opened) => {
                usize::try_from(opened.backup.trailer.memberships).unwrap_or_default()
            }
            Source::Live(_) => 0,
        }
    }

    fn is_stored(&self) -> bool {
        matches!(self.source, Source::Backup(_))
    }

    fn users(&self, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), Error>> {
        let expected = (from == 0).then(|| self.users_expected() as u64);
        self.progress.begin("reading users", expected);
        let users = match &self.source {
            Source::Backup(opened) => Either::Left(users_of(&opened.backup, from)),
            Source::Live(pool) => Either::Right(pool.users()),
        };
        users.inspect(|_| self.progress.one_done())
    }

    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), Error>> {
        self.progress.begin("reading memberships", None);
        let memberships = match &self.source {
            Source::Backup(opened) => Either::Left(memberships_of(&opened.backup)),
            Source::Live(pool) => Either::Right(pool.memberships(groups)),
        };
        memberships.inspect(|_| self.progress.one_done())
    }
}
