//! How far the users of a restore are, and the map from old to new.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, FindingCounts};
use super::spreadsheet;
use crate::identifiers::Username;
use crate::restore_id::RestoreId;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// How many users came back, and how.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct UserCounts { $($(#[$doc])* pub $name: u64,)* }

        impl UserCounts {
            /// Adds the counts of other users.
            pub fn add(&mut self, other: &UserCounts) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counts! {
    /// Users in the backup that were dealt with, in any way.
    seen;
    /// Users that are in the new pool now.
    restored;
    /// Of these, users whose password is gone and who can set a new one by themselves.
    can_reset_password;
    /// Of these, users who cannot: no verified e-mail address or phone number that the pool's
    /// account recovery uses.
    cannot_reset_password;
    /// Of these, users with a temporary password, which nobody knows: "forgot password" is refused
    /// to them, so they have to be invited again.
    temporary_password;
    /// Users that had a TOTP authenticator and have to register it again.
    lost_totp;
    /// Users in the new pool who may have an MFA preference that the backup does not hold.
    mfa_not_read;
    /// Federated profiles, which Cognito makes at the next sign-in.
    federated;
    /// Users that an existing pool already had, and that stayed as they are.
    already_there;
    /// Users left out for another reason; the findings tell which.
    skipped;
    /// Users that should have come back and did not; the findings tell which.
    failed;
    /// Disabled users that came back disabled.
    disabled;
    /// Memberships that came back.
    memberships;
    /// Links to identity providers that came back.
    links;
    /// MFA preferences that came back.
    mfa_preferences;
}

/// What the restore of users is at. Every pass but the last two goes through the users of the
/// backup from the first to the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsersPass {
    /// Users are made call by call; those that sign up or that an import job is to make are left
    /// for later.
    #[default]
    Create,
    /// UNCONFIRMED users are made by sign-ups. Only in this pass a new pool lets anybody sign up.
    SignUp,
    /// Import jobs make the users that were left.
    Import,
    /// What a job's file cannot carry is added; users that the jobs left out are made by calls.
    Finish,
    /// Of a restore that is resumed: who did not come back whole is tried again.
    Again,
    /// The parts of the user map become one file.
    Merge,
    /// All is done.
    Done,
}

/// Which passwords restored users get. The passwords themselves are never stored: a restore that
/// goes on has to be told where they come from again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordKind {
    /// Random ones that nobody knows.
    #[default]
    Unknown,
    /// One temporary password for all.
    OneForAll,
    /// A temporary password for each user, from a source of the operator's.
    ForEach,
    /// Temporary passwords that Cognito sends to each user.
    Invitation,
}

/// Where in the backup the restore of users stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsersProgress {
    /// The byte in the backup (its lines, for one of the reference implementation) at which the
    /// next user's line begins; `None` before the first.
    pub offset: Option<u64>,
    /// The current pass.
    pub pass: UsersPass,
    /// Whether import jobs make the users that they can make; `None` until it is decided.
    pub in_bulk: Option<bool>,
    /// Which passwords the users get; `None` until the first is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwords: Option<PasswordKind>,
    /// Where a list of the pool's users that does not fit into one invocation goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listing_token: Option<String>,
    /// How many users the first pass left to sign-ups.
    pub left_to_sign_up: u64,
    /// Whether the pool may be open for sign-ups by this restore, or hold its client for them:
    /// whoever comes next closes it before anything else.
    pub sign_up_open: bool,
    /// How many users the first pass left to import jobs.
    pub left_to_import: u64,
    /// How many parts of the user map are written.
    pub map_parts: u32,
    /// How many parts of the list of users to invite again are written.
    pub invitation_parts: u32,
    /// How many parts of the list of findings are written.
    pub finding_parts: u32,
    /// The groups that an existing pool lacked and that the restore makes again, with their
    /// members; `None` until it is looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups_made: Option<BTreeSet<String>>,
    /// The generation of the record of users that are made and not done, see
    /// [`UsersProgress::register_part_key`].
    pub register: u32,
    /// The counts so far.
    pub counts: UserCounts,
    /// The first findings, for the report: [`UsersProgress::FINDINGS_IN_REPORT`] at most. All
    /// of them are in the parts.
    pub findings: Vec<Finding>,
    /// How many findings there are in all, by kind.
    pub finding_counts: FindingCounts,
    /// What a dry run foresees; none in a restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreseen: Option<UsersForeseen>,
    /// News about the users as a whole: groups that the pool lacks, import jobs that could not be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Finding>,
    /// The import jobs, as soon as there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportProgress>,
}

impl UsersProgress {
    /// Whether the restore makes this group again in an existing pool: what belonged to it comes
    /// with it, users who are still there among them.
    pub fn makes_group(&self, name: &str) -> bool {
        self.groups_made
            .as_ref()
            .is_some_and(|groups| groups.contains(name))
    }

    /// How many findings about users the report itself holds.
    pub const FINDINGS_IN_REPORT: usize = 200;

    /// Counts findings about users, and keeps them as long as there is room in the report.
    pub fn tell(&mut self, findings: &[Finding]) {
        self.finding_counts.add(FindingCounts::of(findings));
        let room = Self::FINDINGS_IN_REPORT.saturating_sub(self.findings.len());
        self.findings.extend(findings.iter().take(room).cloned());
    }

    /// The key of a part of the user map; parts are numbered from 1.
    pub fn map_part_key(restore: &RestoreId, number: u32) -> String {
        restore.object_key(&format!("user-map/part-{number:05}.csv"))
    }

    /// The object below the restore's folder that invites again who has a temporary password: a
    /// request of AdminCreateUser to a line.
    pub const INVITATIONS: &'static str = "invitations.jsonl";

    /// The key of a part of [`INVITATIONS`](Self::INVITATIONS); parts are numbered from 1.
    pub fn invitation_part_key(restore: &RestoreId, number: u32) -> String {
        restore.object_key(&format!("invitations/part-{number:05}.jsonl"))
    }

    /// The key of a part of the record of users that are made and not done, by which the next
    /// invocation knows them: a JSON object of new `sub`s by old ones. Parts are numbered from 1.
    pub fn register_part_key(restore: &RestoreId, generation: u32, number: u32) -> String {
        restore.object_key(&format!("users-made/{generation:05}-{number:05}.json"))
    }

    /// The key of a part of the findings, one JSON object to a line; parts are numbered from 1.
    pub fn finding_part_key(restore: &RestoreId, number: u32) -> String {
        restore.object_key(&format!("findings/part-{number:05}.jsonl"))
    }
}

/// How far the import jobs are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportProgress {
    /// When the first job was made, by Cognito's clock, in milliseconds since 1970: whoever came
    /// into the closed pool since then was made by a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_millis: Option<i64>,
    /// The number of the current file, from 0.
    pub file: u32,
    /// The started job that takes the current file.
    pub job_id: Option<String>,
    /// Where the next file begins, while a job takes the current one; `None` when there is no
    /// next one.
    pub next_offset: Option<u64>,
    /// How many rows the current file has.
    pub rows: u64,
    /// Whether the pool does not take password hashes.
    pub hashes_refused: bool,
    /// How often the current file was tried in vain.
    pub attempts: u32,
    /// How often the job of the current file was found running.
    pub looks: u32,
    /// Users that the jobs made.
    pub imported: u64,
    /// Rows that the jobs left out or could not use; calls make these users.
    pub not_imported: u64,
}

/// What a restore of the users would come to, as a dry run foresees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsersForeseen {
    /// Users in the backup.
    pub seen: u64,
    /// Users that would come back call by call.
    pub by_calls: u64,
    /// Users that would come back by import jobs, whose speed Cognito does not tell.
    pub by_import: u64,
    /// Federated profiles, which Cognito makes at the next sign-in.
    pub federated: u64,
    /// Users that cannot be made.
    pub impossible: u64,
    /// How long the calls take at the quotas found, in seconds.
    pub seconds: u64,
    /// The quota that sets the time, in calls a second that a restore would use of it.
    pub calls_per_second: f64,
}

impl UsersForeseen {
    /// Users that would come back.
    pub fn come_back(&self) -> u64 {
        self.by_calls + self.by_import
    }
}

/// One line of `user-map.csv`: a user before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntry {
    /// The `sub` in the lost pool.
    pub old_sub: String,
    /// The username in the lost pool. In the file, a name that a spreadsheet would take for a
    /// formula has an apostrophe in front; reading takes it off.
    #[serde(with = "spreadsheet")]
    pub old_username: Username,
    /// The `sub` in the new pool.
    pub new_sub: String,
    /// The username in the new pool, in the file likewise.
    #[serde(with = "spreadsheet")]
    pub new_username: Username,
}

impl UserEntry {
    /// The name of the map below the restore's folder.
    pub const OBJECT: &'static str = "user-map.csv";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_member_by_member() {
        let mut sum = UserCounts {
            seen: 2,
            links: 1,
            ..UserCounts::default()
        };
        sum.add(&UserCounts {
            seen: 1,
            mfa_preferences: 4,
            ..UserCounts::default()
        });
        let expected = UserCounts {
            seen: 3,
            links: 1,
            mfa_preferences: 4,
            ..UserCounts::default()
        };
        assert_eq!(sum, expected);
    }

    #[test]
    fn progress_written_by_an_earlier_version_is_read_with_defaults() {
        let progress: UsersProgress = serde_json::from_str(r#"{"offset": 7}"#).unwrap();
        assert_eq!(progress.offset, Some(7));
        assert_eq!(progress.pass, UsersPass::Create);
    }

    #[test]
    fn parts_sort_in_the_order_in_which_they_were_written() {
        let restore: RestoreId = "r-1".parse().unwrap();
        let key = UsersProgress::map_part_key(&restore, 12);
        assert_eq!(key, "cognito-restore/r-1/user-map/part-00012.csv");
        assert!(
            UsersProgress::finding_part_key(&restore, 2)
                < UsersProgress::finding_part_key(&restore, 10)
        );
    }
}
