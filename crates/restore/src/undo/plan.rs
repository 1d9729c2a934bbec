//! The plan of an undo, as data: it is shown, kept, and given back. It holds no secret; of users
//! only counts.

use compare::diff::SettingDifference;
use model::inventory::Section;
use model::{BackupName, UserPoolId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scope::Scope;

/// What is done with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is there otherwise, and is made as it was.
    PutBack,
    /// It was deleted, and is made again.
    MakeAgain,
    /// It was added since, and is removed: that was asked for.
    Remove,
    /// It was added since, and stays.
    LeftAlone,
    /// Nothing makes it as it was.
    Impossible,
}

impl What {
    /// Whether calls change something.
    pub fn is_carried_out(self) -> bool {
        matches!(self, What::PutBack | What::MakeAgain | What::Remove)
    }
}

/// One member that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberChange {
    /// The section and the members down to it.
    pub path: Vec<String>,
    /// What it is now; nothing where it is not there, a secret, or an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
    /// What it was at the point in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Value>,
    /// A secret: its values are not shown.
    pub secret: bool,
}

impl MemberChange {
    pub(super) fn of(difference: SettingDifference) -> Self {
        Self {
            path: difference.path,
            now: difference.second,
            then: difference.first,
            secret: difference.secret,
        }
    }
}

/// What is done with one thing of the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Its section.
    pub section: Section,
    /// Which thing of the section: a group's name, a client's id at the point in time. None for a
    /// section that is one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is done.
    pub what: What,
    /// The operation of Cognito, where one is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Why it is left alone or impossible, or what will not be the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The members that change.
    pub members: Vec<MemberChange>,
}

impl Action {
    /// The thing, as a person finds it.
    pub fn item(&self) -> String {
        match &self.target {
            Some(target) => format!("{}/{target}", self.section),
            None => self.section.to_string(),
        }
    }
}

/// What is done with users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserCounts {
    /// Users who are there otherwise, and are made as they were as far as that is possible.
    pub put_back: u64,
    /// Users who were deleted, and are made again with a new `sub`.
    pub make_again: u64,
    /// Users who were added since, and stay as they are; also those who are forgotten and still
    /// in the pool.
    pub left_alone: u64,
    /// Users who were added since, and are disabled: that was asked for.
    pub disable: u64,
    /// Users who were deleted, and in whose place somebody else stands.
    pub replaced: u64,
    /// Users who were deleted and are forgotten: they are not made again.
    pub forgotten: u64,
}

/// What is done with memberships of users who are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MembershipCounts {
    /// Memberships that are made again, but for those of groups that are made again themselves.
    pub make_again: u64,
    /// Memberships that were added since, and stay.
    pub left_alone: u64,
    /// Memberships that were added since, and are removed: that was asked for.
    pub remove: u64,
}

/// What an undo will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The point in time: the backup.
    pub point: BackupName,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// What it is about.
    pub scope: Scope,
    /// Everything but users and memberships, in the order in which it is carried out.
    pub actions: Vec<Action>,
    /// The users.
    pub users: UserCounts,
    /// Of the users that are put back, how many change in what: attributes, `Enabled`, MFA.
    pub members_of_users: std::collections::BTreeMap<String, u64>,
    /// Of the same, what stays as it is, and in how many users.
    pub left_of_users: std::collections::BTreeMap<String, u64>,
    /// The memberships.
    pub memberships: MembershipCounts,
    /// Sections that the backup or the pool does not tell, so that nothing is done about them.
    pub not_compared: Vec<Section>,
    /// Stands for everything that differs between the point in time and the pool, within the
    /// scope: a plan whose pool has another one is refused.
    pub fingerprint: String,
}

impl Plan {
    /// The name of the plan below the undo's folder.
    pub const OBJECT: &'static str = "undo-plan.json";

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let actions = self
            .actions
            .iter()
            .any(|action| action.what.is_carried_out());
        let (users, memberships) = (&self.users, &self.memberships);
        let people = users.put_back + users.make_again + users.disable;
        !actions && people + memberships.make_again + memberships.remove == 0
    }

    /// Whether this thing is one that the plan changes.
    pub(super) fn carries_out(&self, action: &Action) -> bool {
        self.actions.iter().any(|planned| {
            planned.what.is_carried_out()
                && (planned.section, &planned.target) == (action.section, &action.target)
        })
    }

    /// How many things are put back, made again or removed, of everything but users and
    /// memberships.
    pub fn count(&self, what: What) -> usize {
        let of_kind = self.actions.iter().filter(|action| action.what == what);
        of_kind.count()
    }
}
