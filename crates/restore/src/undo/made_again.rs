//! What earlier undos of a pool made again, under which ids: another undo to the same point must
//! know its clients and users by them.

use std::collections::BTreeMap;

use compare::diff;
use futures::{Stream, TryStreamExt as _};
use model::document::{BackupHead, UserRecord};
use model::{UserPoolId, Username};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vault::Workspace;

use crate::error::RestoreError;
use crate::side::Side;

/// A user who was made again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) old_sub: String,
    pub(super) old_username: Username,
    pub(super) new_username: Username,
}

/// The ids of what was made again.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MadeAgain {
    /// The ids of clients at the point in time, and since.
    pub(super) clients: BTreeMap<String, String>,
    /// The users, by the `sub` that they have since.
    pub(super) users: BTreeMap<String, User>,
}

impl MadeAgain {
    fn key(pool: &UserPoolId) -> String {
        format!("cognito-restore/made-again/{pool}.json")
    }

    /// What is known of a pool; nothing where nothing was made again.
    pub(super) async fn read(
        workspace: &Workspace,
        pool: &UserPoolId,
    ) -> Result<Self, RestoreError> {
        let key = Self::key(pool);
        let Some(bytes) = workspace.read(&key).await? else {
            return Ok(Self::default());
        };
        serde_json::from_slice(&bytes).map_err(|error| RestoreError::StateDamaged {
            key,
            problem: format!("line {}, column {}", error.line(), error.column()),
        })
    }

    pub(super) async fn write(
        &self,
        workspace: &Workspace,
        pool: &UserPoolId,
    ) -> Result<(), RestoreError> {
        let key = Self::key(pool);
        let bytes = serde_json::to_vec(self)
            .map_err(|error| RestoreError::Internal(format!("{key} cannot be written: {error}")))?;
        Ok(workspace.write(&key, "application/json", bytes).await?)
    }

    /// The username that a user of the point in time has now.
    pub(super) fn username_now<'a>(&'a self, then: &'a str) -> &'a str {
        let mut users = self.users.values();
        let made_again = users.find(|user| user.old_username.as_str() == then);
        made_again.map_or(then, |user| user.new_username.as_str())
    }

    /// The `sub` that a user of the point in time has now.
    pub(super) fn sub_now<'a>(&'a self, then: &'a str) -> &'a str {
        let mut users = self.users.iter();
        let made_again = users.find(|(_, user)| user.old_sub == then);
        made_again.map_or(then, |(now, _)| now.as_str())
    }
}

/// A side whose users go by the names that they had when they were deleted.
pub(super) struct Known<'a> {
    pub(super) side: Side<'a>,
    pub(super) made_again: &'a MadeAgain,
}

impl Known<'_> {
    fn rename(&self, user: &mut UserRecord) {
        let then = user
            .attribute("sub")
            .and_then(|sub| self.made_again.users.get(sub));
        let Some(then) = then else { return };
        user.username = then.old_username.clone();
        let mut attributes = user.attributes.iter_mut();
        if let Some(sub) = attributes.find(|attribute| attribute.name == "sub") {
            sub.value = then.old_sub.clone();
        }
    }

    fn name(&self, now: Username) -> Username {
        let mut users = self.made_again.users.values();
        let then = users.find(|user| user.new_username == now);
        then.map_or(now, |user| user.old_username.clone())
    }
}

impl diff::Side for Known<'_> {
    type Error = RestoreError;

    fn head(&self) -> &BackupHead {
        diff::Side::head(&self.side)
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
        self.side.read_users(from).map_ok(|(place, mut user)| {
            self.rename(&mut user);
            (place, user)
        })
    }

    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), RestoreError>> {
        let memberships = self.side.read_memberships(groups);
        memberships.map_ok(|(group, username)| (group, self.name(username)))
    }
}
