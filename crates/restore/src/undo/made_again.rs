//! What earlier undos of a pool made again, under which ids: another undo to the same point must
//! know its clients and users by them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use compare::diff;
use compare::hash::hash;
use futures::{Stream, TryStreamExt as _, future};
use model::document::{BackupHead, UserRecord, UserStatus};
use model::restore::UserEntry;
use model::{UserPoolId, Username};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vault::Workspace;

use crate::error::RestoreError;
use crate::side::Side;
use crate::users::Lineage;

/// A user who was made again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) old_sub: String,
    pub(crate) old_username: Username,
    pub(crate) new_username: Username,
}

/// The ids of what was made again.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MadeAgain {
    /// The ids of clients at the point in time, and since.
    pub(crate) clients: BTreeMap<String, String>,
    /// The users, by the `sub` that they have since.
    users: BTreeMap<String, User>,
    /// The `sub`s that they have since, by those and by the usernames of the point in time, and by
    /// the usernames that they have since.
    #[serde(skip)]
    by: [HashMap<String, String>; 3],
    /// Everybody whom the restore brought that made the pool, where the pool is a copy.
    #[serde(skip)]
    restored: Lineage,
}

const OLD_SUB: usize = 0;
const OLD_USERNAME: usize = 1;
const NEW_USERNAME: usize = 2;

impl MadeAgain {
    fn key(pool: &UserPoolId) -> String {
        format!("cognito-restore/made-again/{pool}.json")
    }

    /// What is known of a pool; nothing where nothing was made again.
    pub(crate) async fn read(
        workspace: &Workspace,
        pool: &UserPoolId,
    ) -> Result<Self, RestoreError> {
        let key = Self::key(pool);
        let Some(bytes) = workspace.read(&key).await? else {
            return Ok(Self::default());
        };
        let read = serde_json::from_slice::<Self>(&bytes);
        let read = read.map_err(|error| RestoreError::StateDamaged {
            key,
            problem: format!("line {}, column {}", error.line(), error.column()),
        })?;
        let mut made_again = Self {
            clients: read.clients,
            ..Self::default()
        };
        for (sub, user) in read.users {
            made_again.add_user(sub, user);
        }
        Ok(made_again)
    }

    /// With everybody whom a restore brought into the pool.
    pub(crate) fn after(mut self, restored: Lineage) -> Self {
        for (then, now) in &restored.clients {
            let then = then.to_string();
            self.clients.entry(then).or_insert_with(|| now.to_string());
        }
        self.restored = restored;
        self
    }

    pub(crate) async fn write(
        &self,
        workspace: &Workspace,
        pool: &UserPoolId,
    ) -> Result<(), RestoreError> {
        let key = Self::key(pool);
        let bytes = serde_json::to_vec(self)
            .map_err(|error| RestoreError::Internal(format!("{key} cannot be written: {error}")))?;
        Ok(workspace.write(&key, "application/json", bytes).await?)
    }

    /// Notes a user, by the `sub` that the user has now.
    pub(crate) fn add_user(&mut self, sub: String, user: User) {
        let names = [
            user.old_sub.as_str(),
            user.old_username.as_str(),
            user.new_username.as_str(),
        ];
        for (by, name) in self.by.iter_mut().zip(names) {
            by.insert(name.to_owned(), sub.clone());
        }
        self.users.insert(sub, user);
    }

    fn known(&self, by: usize, name: &str) -> Option<(&String, &User)> {
        let sub = self.by[by].get(name)?;
        self.users.get_key_value(sub)
    }

    /// Everybody whom undos and syncs made again.
    pub(crate) fn entries(&self) -> impl Iterator<Item = UserEntry> {
        self.users.iter().map(|(sub, user)| UserEntry {
            old_sub: user.old_sub.clone(),
            old_username: user.old_username.clone(),
            new_sub: sub.clone(),
            new_username: user.new_username.clone(),
        })
    }

    /// Whether a user of the point in time was made again.
    pub(crate) fn has(&self, sub: &str) -> bool {
        self.known(OLD_SUB, sub).is_some() || self.restored.of(sub).is_some()
    }

    /// The username that a user of the point in time has now.
    pub(crate) fn username_now(&self, then: &str) -> String {
        let made_again = self.known(OLD_USERNAME, then);
        let made_again = made_again.map(|(_, user)| user.new_username.as_str().to_owned());
        let now = made_again.or_else(|| self.restored.username_of(then));
        now.unwrap_or_else(|| then.to_owned())
    }

    /// The `sub` that a user of the point in time has now.
    pub(crate) fn sub_now(&self, then: &str) -> String {
        let made_again = self.known(OLD_SUB, then).map(|(sub, _)| sub.clone());
        let now = made_again.or_else(|| self.restored.of(then));
        now.unwrap_or_else(|| then.to_owned())
    }

    /// The `sub` and the username that a user had at the point in time; nothing where they are the
    /// same.
    fn then(&self, sub: &str, username: &Username) -> Option<(String, Username)> {
        if let Some(user) = self.users.get(sub) {
            return Some((user.old_sub.clone(), user.old_username.clone()));
        }
        let old_sub = self.restored.before(sub)?;
        Some((old_sub, self.username_then(username)))
    }

    fn username_then(&self, now: &Username) -> Username {
        let made_again = self.known(NEW_USERNAME, now.as_str());
        let made_again = made_again.map(|(_, user)| user.old_username.clone());
        let then = made_again.or_else(|| self.restored.username_before(now));
        then.unwrap_or_else(|| now.clone())
    }
}

/// A side whose users go by the names that they had when they were deleted.
pub(super) struct Known<'a> {
    side: Side<'a>,
    made_again: &'a MadeAgain,
    head: BackupHead,
    /// The pool is another one than that of the point in time: users are as a restore makes them.
    as_restored: bool,
    /// The usernames (hashed) of those whom no restore makes.
    never_made: Mutex<HashSet<u128>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(
        side: Side<'a>,
        made_again: &'a MadeAgain,
        point: &UserPoolId,
        as_restored: bool,
    ) -> Self {
        let mut head = diff::Side::head(&side).clone();
        head.user_pool_id = point.clone();
        Self {
            side,
            made_again,
            head,
            as_restored,
            never_made: Mutex::default(),
        }
    }

    fn never_made(&self) -> MutexGuard<'_, HashSet<u128>> {
        self.never_made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, mut user: UserRecord) -> Option<UserRecord> {
        if self.as_restored && (user.is_federated() || !self.has_name(&user)) {
            let mut never_made = self.never_made();
            never_made.insert(hash(&[user.username.as_str()]));
            return None;
        }
        self.rename(&mut user);
        if self.as_restored {
            as_restored(&mut user);
        }
        Some(user)
    }

    /// Whether a user can be made: where users sign in by an address, one without any has no name
    /// (facts C.1).
    fn has_name(&self, user: &UserRecord) -> bool {
        let names = self.head.user_pool()["UsernameAttributes"].as_array();
        let mut names = names.into_iter().flatten().filter_map(Value::as_str);
        let is_there = |name: &str| user.attribute(name).is_some_and(|value| !value.is_empty());
        names.clone().next().is_none() || names.any(is_there)
    }

    fn rename(&self, user: &mut UserRecord) {
        let sub = user.attribute("sub").unwrap_or_default();
        let Some((sub, username)) = self.made_again.then(sub, &user.username) else {
            return;
        };
        user.username = username;
        let mut attributes = user.attributes.iter_mut();
        if let Some(attribute) = attributes.find(|attribute| attribute.name == "sub") {
            attribute.value = sub;
        }
    }
}

/// Takes out what no restore brings into another pool (facts C.2 to C.4): authenticator apps,
/// passkeys, links; and tells states apart only as far as it does.
fn as_restored(user: &mut UserRecord) {
    if user.status.is_retired() {
        user.enabled = false;
    }
    if user.status.is_retired() || user.status == UserStatus::ResetRequired {
        user.status = UserStatus::Confirmed;
    }
    let comes_back = |factor: &String| ["SMS_MFA", "EMAIL_OTP"].contains(&factor.as_str());
    if let Some(factors) = &mut user.mfa_settings {
        factors.retain(comes_back);
    }
    user.preferred_mfa = user.preferred_mfa.take().filter(comes_back);
    user.attributes
        .retain(|attribute| attribute.name != "identities");
}

impl diff::Side for Known<'_> {
    type Error = RestoreError;

    fn head(&self) -> &BackupHead {
        &self.head
    }

    fn users_expected(&self) -> usize {
        self.side.users_expected()
    }

    fn memberships_expected(&self) -> usize {
        self.side.memberships_expected()
    }

    fn is_stored(&self) -> bool {
        self.side.is_stored()
    }

    fn users(&self, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), RestoreError>> {
        self.side.read_users(from).try_filter_map(|(place, user)| {
            let user = self.known(user);
            future::ok(user.map(|user| (place, user)))
        })
    }

    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> {
        let memberships = self.side.read_memberships(groups);
        memberships.try_filter_map(|(group, username)| {
            let is_made = !self.never_made().contains(&hash(&[username.as_str()]));
            let member = is_made.then(|| (group, self.made_again.username_then(&username)));
            future::ok(member)
        })
    }
}
