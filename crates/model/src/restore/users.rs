//! How far the users of a restore are, and the map from old to new.

use serde::{Deserialize, Serialize};

use super::outcome::Finding;

/// How many users came back, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserCounts {
    /// Users in the backup that were dealt with, in any way.
    pub seen: u64,
    /// Users that are in the new pool now.
    pub restored: u64,
    /// Of these, users whose password is gone and who can set a new one by themselves.
    pub can_reset_password: u64,
    /// Of these, users who cannot: no verified e-mail address or phone number.
    pub cannot_reset_password: u64,
    /// Users that had a TOTP authenticator and have to register it again.
    pub lost_totp: u64,
    /// Federated profiles, which Cognito makes at the next sign-in.
    pub federated: u64,
    /// Users left out for another reason; the findings tell which.
    pub skipped: u64,
    /// Users that should have come back and did not; the findings tell which.
    pub failed: u64,
    /// Disabled users that came back disabled.
    pub disabled: u64,
    /// Memberships that came back.
    pub memberships: u64,
    /// Links to identity providers that came back.
    pub links: u64,
    /// MFA preferences that came back.
    pub mfa_preferences: u64,
}

/// Where in the backup the restore of users stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsersProgress {
    /// The byte in the backup (its lines, for one of the reference implementation) at which the
    /// next user's line begins; `None` before the first.
    pub offset: Option<u64>,
    /// The current pass over the users; passes are numbered by `restore::users`.
    pub pass: u32,
    /// How many parts of the user map are written.
    pub map_parts: u32,
    /// How many parts of the list of findings are written.
    pub finding_parts: u32,
    /// The counts so far.
    pub counts: UserCounts,
    /// The first findings, for the report: [`UsersProgress::FINDINGS_IN_REPORT`] at most. All
    /// of them are in the parts.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
    /// The import job that is under way, if any: what its engine needs to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<serde_json::Value>,
}

impl UsersProgress {
    /// How many findings about users the report itself holds.
    pub const FINDINGS_IN_REPORT: usize = 200;
}

/// One line of `user-map.csv`: a user before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntry {
    /// The `sub` in the lost pool.
    pub old_sub: String,
    /// The username in the lost pool.
    pub old_username: crate::identifiers::Username,
    /// The `sub` in the new pool.
    pub new_sub: String,
    /// The username in the new pool.
    pub new_username: crate::identifiers::Username,
}
