//! The result, as it is written for programs.

use std::collections::BTreeMap;

use model::inventory::Section;
use model::secret::is_secret_member;
use serde::Serialize;
use serde_json::Value;

use crate::allowed::Relation;
use crate::documents::{Change, FoundDifference};

/// What differs between two sides. Its members are stable: others may be added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// Whether nothing differs.
    pub same: bool,
    /// By what the users of the two sides were matched.
    pub matched_by: MatchedBy,
    /// Everything but users and memberships.
    pub settings: SettingsDiff,
    /// The users.
    pub users: UsersDiff,
    /// Who is in which group, of users and groups that both sides have.
    pub memberships: MembershipsDiff,
}

/// By what users are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// Both sides are one pool: a user is the same by username, and was created again where the
    /// `sub` is another.
    Sub,
    /// The sides are two pools: a user is the same by what it signs in with.
    SignInName,
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only the second side has it.
    Added,
    /// Only the first side has it.
    Removed,
    /// Both have it, not alike.
    Changed,
    /// A user of the same username with another `sub`: deleted and created again.
    Recreated,
    /// The second side could not be read.
    Unreadable,
}

/// How many differences there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Only the second side has it.
    pub added: u64,
    /// Only the first side has it.
    pub removed: u64,
    /// Both have it, not alike.
    pub changed: u64,
}

/// What differs in the settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SettingsDiff {
    /// How many settings were compared.
    pub compared: u64,
    /// How many secrets are encrypted on a side, so that only who decrypts them could compare them.
    #[serde(skip_serializing_if = "is_zero")]
    pub secrets_not_compared: u64,
    /// Every difference.
    pub differences: Vec<SettingDifference>,
    /// Sections that one of the sides does not hold.
    pub not_compared: Vec<SectionNotCompared>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A section that was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SectionNotCompared {
    /// The section.
    pub section: Section,
    /// The first side does not hold it.
    pub missing_in_first: bool,
    /// The second side does not hold it.
    pub missing_in_second: bool,
}

/// One setting that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingDifference {
    /// The section and the members down to the setting.
    pub path: Vec<String>,
    /// The kind of difference.
    pub change: ChangeKind,
    /// What the first side has; `null` where it has nothing, for secrets and for whole objects.
    pub first: Option<Value>,
    /// What the second side has.
    pub second: Option<Value>,
    /// A secret: its values are not shown.
    pub secret: bool,
}

impl SettingDifference {
    /// The difference as it is shown, without secrets.
    pub fn of(found: &FoundDifference) -> Self {
        let secret = found.path.iter().any(|member| is_secret_member(member));
        let shown =
            |value: &Option<Value>| value.clone().filter(|value| !secret && is_plain(value));
        Self {
            path: found.path.clone(),
            change: match found.change {
                Change::Missing => ChangeKind::Removed,
                Change::Added => ChangeKind::Added,
                Change::Changed => ChangeKind::Changed,
                Change::Unreadable => ChangeKind::Unreadable,
            },
            first: shown(&found.first),
            second: shown(&found.second),
            secret,
        }
    }
}

/// No object, which might hold a secret.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(elements) => elements.iter().all(is_plain),
        _ => true,
    }
}

/// What differs in the users.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct UsersDiff {
    /// Users of the first side. Of two pools, without federated profiles, which Cognito makes
    /// itself.
    pub in_first: u64,
    /// Users of the second side.
    pub in_second: u64,
    /// Users that only the second side has.
    pub added: u64,
    /// Users that only the first side has.
    pub removed: u64,
    /// Users that both sides have otherwise.
    pub changed: u64,
    /// Users of the same username with another `sub`.
    pub recreated: u64,
    /// Of the users that both have otherwise, how many are disabled in the second side only.
    pub disabled: u64,
    /// Of the users that both have otherwise, how many are disabled in the first side only.
    pub enabled: u64,
    /// Of the users that both have otherwise, how many differ in what: attributes, `UserStatus`,
    /// `Enabled`, `UserMFASettingList`, `PreferredMfaSetting`.
    pub members: BTreeMap<String, Counts>,
    /// How many users were compared without their MFA preferences, which one of the sides does
    /// not tell.
    pub without_mfa_preference: u64,
    /// The first users of each kind, as many as were asked for.
    pub named: Vec<UserDifference>,
}

/// One user that differs.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct UserDifference {
    /// The kind of difference.
    pub change: ChangeKind,
    /// What the user signs in with, as far as it tells users apart.
    pub name: String,
    /// The username; where both sides have the user, that of the first.
    pub username: String,
    /// The `sub`; where both sides have the user, that of the first.
    pub sub: Option<String>,
    /// Whether the user is enabled; where both sides have the user, on the first.
    #[serde(skip)]
    pub enabled: bool,
    /// What differs in a user that both sides have.
    pub members: Vec<MemberDifference>,
}

/// What differs in one member of a user.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MemberDifference {
    /// The attribute, or `UserStatus`, `Enabled`, `UserMFASettingList`, `PreferredMfaSetting`.
    pub member: String,
    /// What the first side has.
    pub first: Option<String>,
    /// What the second side has.
    pub second: Option<String>,
}

impl MemberDifference {
    pub(super) fn kind(&self) -> ChangeKind {
        match (&self.first, &self.second) {
            (Some(_), None) => ChangeKind::Removed,
            (None, _) => ChangeKind::Added,
            _ => ChangeKind::Changed,
        }
    }
}

/// What differs in the memberships.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MembershipsDiff {
    /// How many memberships were compared: those of the first side.
    pub compared: u64,
    /// Memberships that only the second side has.
    pub added: u64,
    /// Memberships that only the first side has.
    pub removed: u64,
    /// The same by group.
    pub groups: BTreeMap<String, Counts>,
    /// The first memberships of each kind, as many as were asked for.
    pub named: Vec<MembershipDifference>,
}

/// One membership that only one side has.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MembershipDifference {
    /// The kind of difference.
    pub change: ChangeKind,
    /// The group.
    pub group: String,
    /// What the user signs in with, as far as it tells users apart.
    pub name: String,
    /// The username in the first side.
    pub username: String,
    /// The `sub` in the first side.
    pub sub: Option<String>,
}

impl std::fmt::Debug for UserDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members: Vec<&str> = self.members.iter().map(|member| &*member.member).collect();
        write!(formatter, "UserDifference({:?} {members:?})", self.change)
    }
}

impl std::fmt::Debug for MembershipDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "MembershipDifference({:?} {})",
            self.change, self.group
        )
    }
}

impl Counts {
    pub(super) fn count(&mut self, kind: ChangeKind) {
        match kind {
            ChangeKind::Added => self.added += 1,
            ChangeKind::Removed => self.removed += 1,
            ChangeKind::Changed | ChangeKind::Recreated | ChangeKind::Unreadable => {
                self.changed += 1
            }
        }
    }
}

impl Diff {
    pub(super) fn new(relation: Relation) -> Self {
        Self {
            same: false,
            matched_by: match relation {
                Relation::SamePool => MatchedBy::Sub,
                Relation::Restored => MatchedBy::SignInName,
            },
            settings: SettingsDiff::default(),
            users: UsersDiff::default(),
            memberships: MembershipsDiff::default(),
        }
    }

    pub(super) fn conclude(&mut self) {
        let (users, memberships) = (&self.users, &self.memberships);
        let people = users.added + users.removed + users.changed + users.recreated;
        let grouped = memberships.added + memberships.removed;
        self.same = self.settings.differences.is_empty() && people + grouped == 0;
        self.users.named.sort_by_key(|user| user.change);
        self.memberships
            .named
            .sort_by(|one, other| (one.change, &one.group).cmp(&(other.change, &other.group)));
    }
}
