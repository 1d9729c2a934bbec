//! The two sides of a comparison of any two: a backup, or a pool as it is now.

use std::sync::Arc;

use cognito::collect::Collector;
use cognito::{Cognito, CognitoError, ErrorKind, Operation, Pages};
use compare::diff;
use futures::future::{self, Either};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use model::document::{BackupHead, MfaFactors, UserRecord};
use model::{UserPoolId, Username};
use serde_json::Value;
use vault::Backup;

use crate::error::RestoreError;

/// How many MFA preferences are asked for at a time; the pacer sees to the rate.
const PREFERENCES_AT_ONCE: usize = 8;

/// A backup or a live pool.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// A backup.
    Stored(&'a Backup),
    /// A pool as it is now.
    Live(&'a LivePool),
}

/// A pool as it is now. Its settings were read once; users and memberships are read when they are
/// asked for.
#[derive(Debug)]
pub struct LivePool {
    cognito: Cognito,
    waf: aws_sdk_wafv2::Client,
    head: BackupHead,
    /// Whose MFA preferences are asked for, one call for each user; none, nobody's.
    factors: Option<MfaFactors>,
}

impl LivePool {
    /// Reads the settings of a pool. `with_preferences`: the MFA preferences of its users will be
    /// asked for too.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when an essential section cannot be read.
    pub async fn open(
        cognito: &Cognito,
        waf: &aws_sdk_wafv2::Client,
        pool: &UserPoolId,
        with_preferences: bool,
    ) -> Result<Self, RestoreError> {
        let collector = Collector::new(cognito, waf);
        let head = collector.head(pool, Timestamp::now()).await?;
        let factors = MfaFactors::of(&head);
        Ok(Self {
            factors: (with_preferences && factors.any()).then_some(factors),
            cognito: cognito.clone(),
            waf: waf.clone(),
            head,
        })
    }

    /// Everything but users and memberships, as it was when it was opened.
    pub fn head(&self) -> &BackupHead {
        &self.head
    }

    fn collector(&self) -> Collector<'_> {
        Collector::new(&self.cognito, &self.waf)
    }

    fn users(&self) -> impl Stream<Item = Result<(u64, UserRecord), RestoreError>> {
        let users = elements(self.collector().users(&self.head.user_pool_id));
        let users = users.map(async |user| {
            self.with_preference(read(Operation::ListUsers, user?)?)
                .await
        });
        stream::iter(0..)
            .zip(users.buffered(PREFERENCES_AT_ONCE))
            .map(|(place, user)| Ok((place, user?)))
    }

    /// The user with the MFA preference, which ListUsers does not tell.
    async fn with_preference(&self, mut user: UserRecord) -> Result<UserRecord, RestoreError> {
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

    fn memberships<'a>(
        &'a self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> + use<'a> {
        stream::iter(groups.to_vec())
            .map(|group| self.members(group))
            .flatten()
    }

    fn members(
        &self,
        group: String,
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> {
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
            .map(move |member| {
                let user = read(Operation::ListUsersInGroup, member?)?;
                Ok((group.clone(), user.username))
            })
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

fn read(operation: Operation, user: Value) -> Result<UserRecord, CognitoError> {
    // The cause would quote the value.
    serde_json::from_value(user).map_err(|_| CognitoError::unexpected_answer(operation, "Username"))
}

fn users_of(
    backup: &Backup,
    from: u64,
) -> impl Stream<Item = Result<(u64, UserRecord), RestoreError>> {
    let users = backup.stream_users((from > 0).then_some(from), None);
    users
        .map_ok(|line| (line.offset, line.record))
        .map_err(RestoreError::from)
}

fn memberships_of(
    backup: &Backup,
) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> {
    let memberships = backup.stream_memberships(None);
    memberships
        .map_ok(|membership| (membership.group, membership.username))
        .map_err(RestoreError::from)
}

impl diff::Side for Side<'_> {
    type Error = RestoreError;

    fn head(&self) -> &BackupHead {
        match self {
            Side::Stored(backup) => &backup.head,
            Side::Live(pool) => &pool.head,
        }
    }

    fn users_expected(&self) -> usize {
        let users = match self {
            Side::Stored(backup) => Some(backup.trailer.users),
            Side::Live(pool) => pool.head.user_pool()["EstimatedNumberOfUsers"].as_u64(),
        };
        usize::try_from(users.unwrap_or_default()).unwrap_or_default()
    }

    fn memberships_expected(&self) -> usize {
        match self {
            Side::Stored(backup) => usize::try_from(backup.trailer.memberships).unwrap_or_default(),
            Side::Live(_) => 0,
        }
    }

    fn is_stored(&self) -> bool {
        matches!(self, Side::Stored(_))
    }

    fn users(&self, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), RestoreError>> {
        self.read_users(from)
    }

    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> {
        self.read_memberships(groups)
    }
}

impl<'a> Side<'a> {
    /// As [`diff::Side::users`], for as long as what is read is there.
    pub fn read_users(
        self,
        from: u64,
    ) -> impl Stream<Item = Result<(u64, UserRecord), RestoreError>> + use<'a> {
        match self {
            Side::Stored(backup) => Either::Left(users_of(backup, from)),
            Side::Live(pool) => Either::Right(pool.users()),
        }
    }

    /// As [`diff::Side::memberships`], likewise.
    pub fn read_memberships(
        self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> + use<'a> {
        match self {
            Side::Stored(backup) => Either::Left(memberships_of(backup)),
            Side::Live(pool) => Either::Right(pool.memberships(groups)),
        }
    }
}
