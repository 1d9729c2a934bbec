//! The backup of one pool, from where it stands to its end or to the deadline.

use std::time::Duration;

use cognito::collect::Collector;
use cognito::{CognitoError, ErrorKind, Operation, Pages};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use model::backup_row::BackupRow;
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};
use tokio::time::timeout_at;
use vault::{Upload, VaultError};

use crate::cursor::Place;
use crate::error::BackupError;
use crate::run::Backups;
use crate::subs::Subs;

/// How many MFA preferences are read at a time. The pacer holds the rate.
const PREFERENCES_AT_A_TIME: usize = 16;
/// How long after the deadline a page that is on its way is waited for: as long as one attempt of
/// a call may take.
const GRACE: Duration = Duration::from_secs(30);
/// How many seconds' keys may be taken before a backup gives up finding a free one.
const TAKEN_KEYS: i64 = 10;

/// The backup of one pool under way.
pub(crate) struct PoolRun<'a> {
    pub(crate) backups: &'a Backups<'a>,
    pub(crate) head: BackupHead,
    pub(crate) encoder: DocumentEncoder,
    pub(crate) upload: Upload,
    pub(crate) seen: Subs,
    pub(crate) place: Place,
    /// When the place was reached.
    pub(crate) reached: Timestamp,
    /// How often the pool was begun, this time included.
    pub(crate) beginnings: u32,
    /// How many invocations worked on it before.
    pub(crate) invocation: u32,
    /// How many pages this invocation has read: each reads one at least, so that a run comes to
    /// an end however late its invocations begin.
    pub(crate) pages: u64,
    pub(crate) out: Vec<u8>,
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Everything is read.
    End,
    /// Time is up.
    Deadline,
}

impl<'a> PoolRun<'a> {
    /// Reads the head and begins the object.
    pub(crate) async fn begin(
        backups: &'a Backups<'a>,
        pool: &UserPoolId,
        beginnings: u32,
    ) -> Result<Self, BackupError> {
        let began = Timestamp::now();
        let collector = Collector::new(backups.cognito, backups.waf);
        let head = collector.head(pool, began).await;
        let head = head.map_err(|error| backups.cognito_error(pool, error))?;
        let mut out = Vec::new();
        let encoder = DocumentEncoder::begin(&head, &mut out);
        let mut run = Self {
            backups,
            head,
            encoder,
            upload: begin_upload(backups, pool, began).await?,
            seen: Subs::new(),
            place: Place::Users { token: None },
            reached: began,
            beginnings,
            invocation: 0,
            pages: 0,
            out,
        };
        match run.flush().await {
            Ok(()) => Ok(run),
            Err(error) => {
                run.upload.abort().await;
                Err(error)
            }
        }
    }

    pub(crate) fn pool(&self) -> &UserPoolId {
        &self.head.user_pool_id
    }

    /// Reads on from where the run stands.
    pub(crate) async fn read(&mut self) -> Result<Reached, BackupError> {
        if let Place::Users { token } = self.place.clone() {
            if self.users(token).await? == Reached::Deadline {
                return Ok(Reached::Deadline);
            }
            self.encoder.begin_memberships(&mut self.out);
            self.flush().await?;
            self.reach(Place::Members {
                group: 0,
                token: None,
            });
        }
        while let Place::Members { group, token } = self.place.clone() {
            let groups = self.head.list(Section::Groups);
            let Some(listed) = groups.get(group) else {
                break;
            };
            let name = listed
                .get("GroupName")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if self.members(group, &name, token).await? == Reached::Deadline {
                return Ok(Reached::Deadline);
            }
            self.reach(Place::Members {
                group: group + 1,
                token: None,
            });
        }
        Ok(Reached::End)
    }

    /// Closes the document and makes it visible.
    pub(crate) async fn finish(mut self) -> Result<BackupRow, BackupError> {
        let trailer = self.encoder.finish(Timestamp::now(), &mut self.out);
        let key = self.upload.key().clone();
        if let Err(error) = self.upload.write(&self.out).await {
            if !error.failure().is_worth_retrying() {
                self.upload.abort().await;
            }
            return Err(error.into());
        }
        let finished = self.upload.finish().await?;
        Ok(BackupRow::new(
            key,
            finished.version_id,
            &self.head,
            trailer,
            finished.bytes,
            Timestamp::now(),
        ))
    }

    /// Page after page of users; each user once.
    async fn users(&mut self, token: Option<String>) -> Result<Reached, BackupError> {
        let backups = self.backups;
        let pool = self.pool().clone();
        let collector = Collector::new(backups.cognito, backups.waf);
        let pages = collector.users(&pool).map_err(BackupError::Cognito)?;
        let mut pages = pages.from_token(token);
        loop {
            if self.must_stop() {
                return Ok(Reached::Deadline);
            }
            let reading = page_of_users(backups, &pool, &mut pages);
            let Ok(page) = timeout_at(backups.deadline + GRACE, reading).await else {
                return Ok(Reached::Deadline);
            };
            let Some(page) = page? else { break };
            self.pages += 1;
            for user in &page {
                if self.seen.add(user) {
                    self.encoder.user(user, &mut self.out);
                }
            }
            self.flush().await?;
            if pages.is_finished() {
                break;
            }
            self.reach(Place::Users {
                token: pages.token().map(str::to_owned),
            });
        }
        tracing::info!(user_pool_id = %pool, users = self.encoder.state().users, "users read");
        Ok(Reached::End)
    }

    /// Page after page of a group's members: those who are in the document, for users may have
    /// come since they were listed.
    async fn members(
        &mut self,
        group: usize,
        name: &str,
        token: Option<String>,
    ) -> Result<Reached, BackupError> {
        let backups = self.backups;
        let pool = self.pool().clone();
        let collector = Collector::new(backups.cognito, backups.waf);
        let mut begun = token.is_some();
        let pages = collector
            .members(&pool, name)
            .map_err(BackupError::Cognito)?;
        let mut pages = pages.from_token(token);
        loop {
            if self.must_stop() {
                return Ok(Reached::Deadline);
            }
            let Ok(page) = timeout_at(backups.deadline + GRACE, pages.next()).await else {
                return Ok(Reached::Deadline);
            };
            self.pages += 1;
            let page = match page {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // Deleted since the groups were listed; or is it the pool?
                Err(error) if error.is(ErrorKind::Missing) => {
                    self.check_pool(&pool).await?;
                    break;
                }
                Err(error) => return Err(BackupError::Cognito(error)),
            };
            if !begun {
                self.encoder.begin_group(name, &mut self.out);
                begun = true;
            }
            for member in page.iter().filter(|member| self.seen.contains(member)) {
                if let Some(username) = member.get("Username").and_then(Value::as_str) {
                    self.encoder.member(username, &mut self.out);
                }
            }
            self.flush().await?;
            if pages.is_finished() {
                break;
            }
            self.reach(Place::Members {
                group,
                token: pages.token().map(str::to_owned),
            });
        }
        if begun {
            self.encoder.end_group(&mut self.out);
            self.flush().await?;
        }
        Ok(Reached::End)
    }

    /// Fails when the pool is gone.
    async fn check_pool(&self, pool: &UserPoolId) -> Result<(), BackupError> {
        let request = json!({"UserPoolId": pool.as_str()});
        let operation = Operation::DescribeUserPool;
        match self.backups.cognito.call(operation, &request).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.backups.cognito_error(pool, error)),
        }
    }

    fn must_stop(&self) -> bool {
        self.pages > 0 && self.backups.time_is_up()
    }

    fn reach(&mut self, place: Place) {
        self.place = place;
        self.reached = Timestamp::now();
    }

    async fn flush(&mut self) -> Result<(), BackupError> {
        self.upload.write(&self.out).await?;
        self.out.clear();
        Ok(())
    }
}

/// Begins the object under the key of the second in which the backup began, or of the next one
/// that is free: two runs may begin in one second.
async fn begin_upload(
    backups: &Backups<'_>,
    pool: &UserPoolId,
    began: Timestamp,
) -> Result<Upload, BackupError> {
    let mut seconds = 0;
    loop {
        let at = began
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(began);
        match backups.vault.begin(&BackupKey::new(pool, at)).await {
            Err(VaultError::KeyTaken(_)) if seconds < TAKEN_KEYS => seconds += 1,
            other => return Ok(other?),
        }
    }
}

/// The next page of users, with their MFA preferences where these are asked for.
async fn page_of_users(
    backups: &Backups<'_>,
    pool: &UserPoolId,
    pages: &mut Pages<'_>,
) -> Result<Option<Vec<Value>>, BackupError> {
    let page = pages
        .next()
        .await
        .map_err(|error| backups.cognito_error(pool, error))?;
    match page {
        Some(users) if backups.mfa_preferences => {
            let read = stream::iter(users)
                .map(|user| with_preference(backups, pool, user))
                .buffered(PREFERENCES_AT_A_TIME);
            Ok(Some(read.try_collect().await?))
        }
        page => Ok(page),
    }
}

/// The user with the MFA preference. Federated profiles have none; a user who was deleted since
/// the listing, or whom Cognito does not tell about, stays as listed.
async fn with_preference(
    backups: &Backups<'_>,
    pool: &UserPoolId,
    mut user: Value,
) -> Result<Value, CognitoError> {
    let member = |name| user.get(name).and_then(Value::as_str);
    let federated = member("UserStatus") == Some("EXTERNAL_PROVIDER");
    let Some(username) = member("Username").filter(|_| !federated) else {
        return Ok(user);
    };
    let collector = Collector::new(backups.cognito, backups.waf);
    match collector.mfa_preference(pool, username).await {
        Ok(preference) => {
            if let Value::Object(members) = &mut user {
                members.extend(preference);
            }
            Ok(user)
        }
        Err(error) if error.is(ErrorKind::Missing) || error.is(ErrorKind::Refused) => {
            tracing::debug!(code = error.code, "a user's MFA preference was not given");
            Ok(user)
        }
        Err(error) => Err(error),
    }
}
