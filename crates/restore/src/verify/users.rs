//! Users, streamed from both sides.

use std::collections::BTreeMap;

use cognito::ErrorKind;
use compare::documents::Change;
use compare::hash::{half, hash};
use compare::tables::users::upper;
use compare::tables::{NameRow, UserRow};
use compare::user::has_mfa;
use futures::{StreamExt, TryStreamExt, stream};
use model::document::UserRecord;
use model::observe::Counted;
use serde_json::Value;

use super::session::Session;
use crate::error::RestoreError;

/// How many MFA preferences are asked for at a time; the pacer keeps to the quota.
const MFA_AT_A_TIME: usize = 8;
/// How many users that the pool has otherwise, in what nobody announced, are looked into; beyond,
/// they are counted.
const MISMATCHES: u64 = if cfg!(test) { 20 } else { 5_000 };
/// The same for users that differ only in what was announced.
const ANNOUNCED_MISMATCHES: u64 = if cfg!(test) { 10 } else { 500 };
/// How many users are read from the backup between looks at the clock.
const BETWEEN_LOOKS: u64 = if cfg!(test) { 40 } else { 1000 };

impl Session<'_> {
    /// Reads the backup's users into the index.
    pub(super) async fn index_users(&mut self) -> Result<bool, RestoreError> {
        self.make_room();
        let mut users = self.restore.backup.users(self.progress.offset).await?;
        let mut read = 0;
        while let Some(line) = users.next().await? {
            read += 1;
            self.progress.users_read += 1;
            self.progress.offset = Some(line.next_offset);
            let user = &line.record;
            if user.is_federated() {
                self.progress.federated += 1;
            } else if self.scope.expects(user, &self.options) {
                let key = self.sign_in.key(user);
                let mfa = has_mfa(user);
                let excused = self.excused_of(user);
                let content = self.content(user, mfa, excused);
                let entry = UserRow::new(key, content, line.offset).numbered(excused);
                self.users.push(if mfa { entry.with_mfa() } else { entry });
                if self.sign_in.gives_new_usernames() {
                    let row = NameRow::new(user.username.as_str(), key, line.offset);
                    self.names.push(row);
                }
                self.progress.users_expected += 1;
            }
            if read % BETWEEN_LOOKS == 0 {
                self.tell(Counted::Users, self.progress.users_read);
                if self.time_is_up() {
                    return Ok(false);
                }
            }
        }
        self.users.sort();
        self.names.sort();
        Ok(true)
    }

    /// The number of the set of members in which the user of the backup may differ.
    fn excused_of(&mut self, user: &UserRecord) -> u16 {
        let sub = user.attribute("sub").unwrap_or("without sub");
        let mut members = self.explained.announcements.of_user(sub);
        if let Some(foreseen) = self.explained.foreseen(user) {
            members.extend(foreseen.of_user(sub));
        }
        self.progress.excused.number(members)
    }

    /// The hash of what is compared of a user.
    fn content(&self, user: &UserRecord, with_mfa: bool, excused: u16) -> u64 {
        if excused == 0 {
            return self.likeness.content(user, with_mfa);
        }
        let may_differ = |member: &str| self.progress.excused.excuses(excused, member);
        self.likeness.content_excusing(user, with_mfa, may_differ)
    }

    /// Exactly as much as it takes: a table that grew by doubling would be half empty.
    fn make_room(&mut self) {
        let sample = self.options.rehearsal.as_ref();
        if !self.scope.is_whole() || sample.is_some_and(|asked| asked.sample.is_some()) {
            return;
        }
        let left = self
            .restore
            .backup
            .trailer
            .users
            .saturating_sub(self.progress.users_read);
        let left = usize::try_from(left).unwrap_or_default();
        self.users.reserve(left);
        if self.sign_in.gives_new_usernames() {
            self.names.reserve(left);
        }
    }

    /// Lists the pool's users and looks each up.
    pub(super) async fn compare_users(&mut self) -> Result<bool, RestoreError> {
        let resumed = self.progress.token.is_some();
        let mut pages = self
            .collector()
            .users(&self.pool)?
            .from_token(self.progress.token.clone());
        let mut first = true;
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(true),
                // A page token lives for an hour (facts D).
                Err(error) if resumed && first && error.is(ErrorKind::Refused) => {
                    tracing::warn!(code = error.code, "the list of users begins again");
                    self.restart_users();
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            };
            first = false;
            let users = page.into_iter().map(user).collect::<Result<Vec<_>, _>>()?;
            let users = self.with_mfa(users).await?;
            for user in &users {
                self.compare_user(user);
            }
            self.tell(Counted::UsersCompared, self.progress.users_in_pool);
            if pages.is_finished() {
                return Ok(true);
            }
            self.progress.token = pages.token().map(str::to_owned);
            if self.time_is_up() {
                return Ok(false);
            }
        }
    }

    /// Asks for the MFA preference of those users whose backup has one.
    async fn with_mfa(&self, users: Vec<UserRecord>) -> Result<Vec<UserRecord>, RestoreError> {
        stream::iter(users.into_iter().map(|mut user| async move {
            let asked = self
                .users
                .find(self.sign_in.key(&user), |_| true)
                .and_then(|index| self.users.get(index));
            if !asked.is_some_and(UserRow::has_mfa) {
                return Ok(user);
            }
            match self
                .collector()
                .mfa_preference(&self.pool, user.username.as_str())
                .await
            {
                Ok(preference) => {
                    user.set_mfa_preference(&preference);
                    Ok(user)
                }
                // Deleted since the list was made: looked up as listed.
                Err(error) if error.is(ErrorKind::Missing) => Ok(user),
                Err(error) => Err(RestoreError::from(error)),
            }
        }))
        .buffered(MFA_AT_A_TIME)
        .try_collect()
        .await
    }

    fn compare_user(&mut self, user: &UserRecord) {
        self.progress.users_in_pool += 1;
        let key = self.sign_in.key(user);
        let content = |row: UserRow| self.content(user, row.has_mfa(), row.number());
        let is_alike = |row: UserRow| content(row) == row.content;
        let Some(index) = self.users.find(key, is_alike) else {
            if self.scope.is_whole() && !user.is_federated() {
                let path = format!("users/{}", user.attribute("sub").unwrap_or("without sub"));
                self.progress
                    .users
                    .add(&path, Change::Added, &self.explained.announcements);
            }
            return;
        };
        self.users.see(index);
        self.progress.users.compared += 1;
        if !self.scope.made(user) {
            return;
        }
        self.users.made(index);
        let Some(entry) = self.users.get(index) else {
            return;
        };
        let content = self.content(user, entry.has_mfa(), entry.number());
        if entry.content == content {
            return;
        }
        let announced = entry.differs_as_announced(content);
        let (named, most) = if announced {
            (
                &mut self.progress.announced_mismatches,
                ANNOUNCED_MISMATCHES,
            )
        } else {
            (&mut self.progress.mismatches, MISMATCHES)
        };
        if *named < most {
            *named += 1;
            self.users.differs(index);
            let members = self.likeness.members(user, entry.has_mfa());
            self.mismatches.insert(entry.place(), hashed(&members));
        } else {
            self.progress.users.count("users", announced, 1);
        }
    }

    /// Tells what is wrong with one user of the backup, if anything is.
    pub(super) fn conclude_user(&mut self, user: &UserRecord, place: u64) -> Option<UserRow> {
        let key = self.sign_in.key(user);
        let entry = self.users.get(self.users.find_at(upper(key), place)?)?;
        let path = format!("users/{}", user.attribute("sub").unwrap_or("without sub"));
        let foreseen = self.explained.foreseen(user);
        let explained = |path: &str| {
            let known = self.explained.announcements.covering(path);
            known.or_else(|| {
                foreseen
                    .as_ref()
                    .and_then(|foreseen| foreseen.covering(path))
            })
        };
        if !entry.is_seen() {
            let announced_by = explained(&path);
            self.progress
                .users
                .add_explained(&path, Change::Missing, announced_by);
            return Some(entry);
        }
        if entry.is_different() {
            let pool = self.mismatches.remove(&place).unwrap_or_default();
            let backup = hashed(&self.likeness.members(user, entry.has_mfa()));
            let only_in_pool = pool.keys().filter(|name| !backup.contains_key(*name));
            for name in backup.keys().chain(only_in_pool) {
                let change = match (backup.get(name), pool.get(name)) {
                    (Some(_), None) => Change::Missing,
                    (None, _) => Change::Added,
                    (backup, pool) if backup == pool => continue,
                    _ => Change::Changed,
                };
                let path = format!("{path}/{name}");
                let announced_by = explained(&path);
                self.progress
                    .users
                    .add_explained(&path, change, announced_by);
            }
        }
        Some(entry)
    }
}

fn hashed(members: &BTreeMap<String, String>) -> BTreeMap<String, u64> {
    members
        .iter()
        .map(|(name, value)| (name.clone(), half(hash(&[value]))))
        .collect()
}

pub(super) fn user(value: Value) -> Result<UserRecord, RestoreError> {
    // The error would quote the value.
    serde_json::from_value(value)
        .map_err(|_| RestoreError::Internal("Cognito listed a user that cannot be read".into()))
}
