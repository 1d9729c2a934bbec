//! What changed in a pool from one backup to the next, in a few kilobytes: counts, paths of settings
//! and names of things, never a value, a secret, or anything about a single user.
//!
//! It is made when a backup is complete, and stands in the trailer of the document and in the row
//! in DynamoDB.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::backup_key::BackupKey;

/// The greatest size of a summary as JSON, in bytes: a trailer has to be found in the last
/// [16 KiB](crate::document::TRAILER_WINDOW) of an object.
pub const LARGEST_SUMMARY: usize = 6 * 1024;
/// The longest name or path that is kept, in characters.
const LONGEST_NAME: usize = 200;

/// What changed since the backup before, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was compared with the backup before.
    Since(Box<ChangeSummary>),
    /// It was not.
    NotCompared(NotCompared),
}

/// Why a backup was not compared with the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCompared {
    /// The pool has no earlier backup.
    FirstBackup,
    /// The invocation had no time left.
    NoTime,
    /// The backup before could not be read.
    Unreadable,
}

impl NotCompared {
    /// As a person reads it.
    pub fn in_words(self) -> &'static str {
        match self {
            NotCompared::FirstBackup => "the first backup of the pool",
            NotCompared::NoTime => "not compared: no time was left",
            NotCompared::Unreadable => "not compared: the backup before could not be read",
        }
    }
}

/// What changed since the backup before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSummary {
    /// The backup before.
    pub previous: BackupKey,
    /// The users.
    pub users: UserChanges,
    /// The memberships of users and groups that both backups have.
    pub memberships: MembershipChanges,
    /// Everything else.
    pub settings: SettingChanges,
    /// What somebody should look at.
    pub critical: CriticalChanges,
    /// Whether more users are gone or disabled than [`ShrinkLimits`] allow, since the backup before or
    /// within a week.
    pub shrunk: bool,
    /// What was lost little by little within a week, where that is what is too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_loss: Option<SlowLoss>,
    /// The last backup before this one that said that the pool shrank: what was lost until then is
    /// not said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_shrunk: Option<BackupKey>,
    /// The object that keeps the last whole base from before the pool shrank; none where it did
    /// not, or where the copy could not be made.
    pub kept: Option<String>,
}

/// What a pool lost in more than one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowLoss {
    /// The backup that the pool was compared with.
    pub since: BackupKey,
    /// The users since then.
    pub users: UserChanges,
}

/// How many users changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChanges {
    /// Users of the backup before.
    pub before: u64,
    /// Users of this backup.
    pub after: u64,
    /// Users that were made.
    pub made: u64,
    /// Users that are gone.
    pub gone: u64,
    /// Users of the same username with another `sub`: deleted and made again.
    pub recreated: u64,
    /// Users that both backups have otherwise, whatever differs.
    pub changed: u64,
    /// Of those that changed, users that were disabled.
    pub disabled: u64,
    /// Of those that changed, users that were enabled.
    pub enabled: u64,
}

impl UserChanges {
    /// Users that cannot sign in any more as who they were: gone, made again, or disabled.
    pub fn lost(&self) -> u64 {
        self.gone + self.recreated + self.disabled
    }
}

/// How many memberships changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipChanges {
    /// Memberships that were made.
    pub made: u64,
    /// Memberships that are gone.
    pub gone: u64,
}

/// Which settings changed. All are counted, and as many named as there is room for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChanges {
    /// How many changed.
    pub count: u64,
    /// Paths of what was added: the section and the members down to the setting, between slashes.
    pub added: Vec<String>,
    /// Paths of what was removed.
    pub removed: Vec<String>,
    /// Paths of what was changed.
    pub changed: Vec<String>,
    /// Sections that one of the backups does not hold.
    pub not_compared: Vec<String>,
}

/// What somebody should look at. All are counted, and as many named as there is room for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalChanges {
    /// How many there are.
    pub count: u64,
    /// What they are.
    pub named: Vec<CriticalChange>,
}

/// One thing that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CriticalChange {
    /// What happened.
    pub kind: CriticalKind,
    /// The name of the group, provider, trigger or client; the path of a protection.
    pub name: String,
    /// The id of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl fmt::Display for CriticalChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.in_words(), self.name)?;
        match &self.id {
            Some(id) => write!(formatter, " ({id})"),
            None => Ok(()),
        }
    }
}

/// Kinds of changes that somebody should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticalKind {
    /// An app client is gone.
    ClientGone,
    /// A group is gone.
    GroupGone,
    /// An identity provider is gone.
    ProviderGone,
    /// A Lambda trigger is gone.
    TriggerGone,
    /// The IAM role of a group is another one, or there is one now, or none any more.
    GroupRoleChanged,
    /// A protection is off, or weaker: deletion protection, MFA, threat protection, the web ACL,
    /// token revocation, hiding which users exist.
    ProtectionOff,
    /// A kind that a newer version of this system knows.
    #[serde(other)]
    Other,
}

impl CriticalKind {
    /// As a person reads it.
    pub fn in_words(self) -> &'static str {
        match self {
            CriticalKind::ClientGone => "client gone",
            CriticalKind::GroupGone => "group gone",
            CriticalKind::ProviderGone => "identity provider gone",
            CriticalKind::TriggerGone => "trigger gone",
            CriticalKind::GroupRoleChanged => "role of a group changed",
            CriticalKind::ProtectionOff => "protection off or weaker",
            CriticalKind::Other => "other",
        }
    }
}

/// How many users may be lost before the pool counts as shrunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShrinkLimits {
    /// So many from one backup to the next.
    pub users: u64,
    /// So many of a hundred, of [ten](Self::FEWEST) users or more: from one backup to the next, and
    /// within a week.
    pub percent: f64,
}

impl ShrinkLimits {
    /// A share of fewer users says nothing.
    pub const FEWEST: u64 = 10;

    /// Whether more are lost from one backup to the next.
    pub fn are_exceeded(&self, users: &UserChanges) -> bool {
        users.lost() > self.users || self.share_is_exceeded(users)
    }

    /// Whether a greater share is lost. Within a week the number says little: that many leave a
    /// large pool by themselves.
    pub fn share_is_exceeded(&self, users: &UserChanges) -> bool {
        let lost = users.lost();
        lost >= Self::FEWEST && lost as f64 * 100.0 > self.percent * users.before as f64
    }
}

impl Default for ShrinkLimits {
    fn default() -> Self {
        Self {
            users: 1000,
            percent: 5.0,
        }
    }
}

impl ChangeSummary {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        let (users, memberships) = (&self.users, &self.memberships);
        let people = users.made + users.gone + users.recreated + users.changed;
        people + memberships.made + memberships.gone + self.settings.count == 0
    }

    /// The counts, as a person reads them.
    pub fn in_words(&self) -> String {
        let (users, memberships) = (&self.users, &self.memberships);
        let counts = [
            (users.made, "users made"),
            (users.gone, "users gone"),
            (users.recreated, "users made again"),
            (users.changed, "users changed"),
            (users.disabled, "of them disabled"),
            (users.enabled, "of them enabled"),
            (memberships.made, "memberships made"),
            (memberships.gone, "memberships gone"),
            (self.settings.count, "settings changed"),
        ];
        let said = counts.into_iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> = said
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match said.is_empty() {
            true => "nothing changed".to_owned(),
            false => said.join(", "),
        }
    }

    /// The same within [`LARGEST_SUMMARY`]: what is named becomes fewer, the counts stay.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let cut = |text: &mut String| {
            if let Some((end, _)) = text.char_indices().nth(LONGEST_NAME) {
                text.truncate(end);
            }
        };
        for list in self.lists() {
            list.iter_mut().for_each(cut);
        }
        for critical in &mut self.critical.named {
            cut(&mut critical.name);
        }
        while serde_json::to_vec(&self).map_or(0, |json| json.len()) > LARGEST_SUMMARY {
            let named = self.critical.named.len();
            let longest = self.lists().into_iter().max_by_key(|list| list.len());
            // What matters most goes last.
            match longest {
                Some(list) if list.len() > named.min(3) => list.truncate(list.len() * 3 / 4),
                _ if named > 0 => self.critical.named.truncate(named * 3 / 4),
                _ => break,
            }
        }
        self
    }

    fn lists(&mut self) -> [&mut Vec<String>; 3] {
        let settings = &mut self.settings;
        [
            &mut settings.added,
            &mut settings.removed,
            &mut settings.changed,
        ]
    }
}

/// A summary as a document or a row holds it; none where it has a form that this version does not
/// know, for a backup is none the worse for it.
pub fn if_known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Change>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> ChangeSummary {
        ChangeSummary {
            previous: "cognito-backup/2026/03/07/us-east-1_AbC-090502.json.zst"
                .parse()
                .unwrap(),
            users: UserChanges::default(),
            memberships: MembershipChanges::default(),
            settings: SettingChanges::default(),
            critical: CriticalChanges::default(),
            shrunk: false,
            slow_loss: None,
            last_shrunk: None,
            kept: None,
        }
    }

    #[test]
    fn a_pool_shrinks_by_number_or_by_share_of_ten_or_more() {
        let limits = ShrinkLimits::default();
        let users = |before, gone, disabled| UserChanges {
            before,
            gone,
            disabled,
            ..UserChanges::default()
        };
        for (users, shrunk) in [
            (users(1_000_000, 1000, 0), false),
            (users(1_000_000, 600, 401), true),
            (users(100, 9, 0), false),
            (users(100, 0, 10), true),
            (users(200, 10, 0), false),
            (users(200, 10, 1), true),
            (users(0, 0, 0), false),
        ] {
            assert_eq!(limits.are_exceeded(&users), shrunk, "{users:?}");
        }
    }

    #[test]
    fn a_summary_is_small_whatever_changed_and_still_counts_all() {
        let mut large = summary();
        let path = |n: usize| format!("app_clients/{n}/{}", "ü".repeat(300));
        large.settings.count = 3000;
        large.settings.changed = (0..3000).map(path).collect();
        large.critical.count = 900;
        large.critical.named = (0..900)
            .map(|n| CriticalChange {
                kind: CriticalKind::GroupGone,
                name: path(n),
                id: None,
            })
            .collect();
        let bounded = large.bounded();
        let json = serde_json::to_vec(&bounded).unwrap();
        assert!(json.len() <= LARGEST_SUMMARY, "{}", json.len());
        assert_eq!(
            (bounded.settings.count, bounded.critical.count),
            (3000, 900)
        );
        assert!(!bounded.critical.named.is_empty());
        let small = summary();
        assert_eq!(small.clone().bounded(), small);
    }

    #[test]
    fn a_form_that_is_not_known_is_no_summary() {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default, deserialize_with = "if_known")]
            change: Option<Change>,
        }
        let read = |json: &str| serde_json::from_str::<Holder>(json).unwrap().change;
        let known = Change::Since(Box::new(summary()));
        let json = serde_json::json!({"change": known}).to_string();
        assert_eq!(read(&json), Some(known));
        let no_time = Some(Change::NotCompared(NotCompared::NoTime));
        assert_eq!(read(r#"{"change":{"not_compared":"no_time"}}"#), no_time);
        for other in [r#"{}"#, r#"{"change":{"since":7}}"#, r#"{"change":"?"}"#] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
