//! What a run of the state machine does, and how its name says so.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::identifiers::{InvalidId, UserPoolId, text_conversions};

/// What a run does. Runs are told apart by how their names begin, in the list of executions and in
/// the templates' rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// Makes a pool of a backup, or what an existing one misses.
    Restore,
    /// A dry run or a comparison.
    Check,
    /// A restore into a scratch pool. What it leaves behind lies apart from what restores leave.
    Rehearsal,
    /// Brings a pool that is alive back to a backup.
    Undo,
    /// An undo that is only planned.
    UndoPlan,
    /// Brings a standby pool to a backup.
    Sync,
}

impl RunKind {
    /// How the names of all runs of this kind begin. That of an undo is that of its plans, too.
    pub const fn prefix(self) -> &'static str {
        match self {
            RunKind::Restore => "dr-restore-",
            RunKind::Check => "dr-check-",
            RunKind::Rehearsal => "rehearsal-",
            RunKind::Undo => "undo-",
            RunKind::UndoPlan => "undo-plan-",
            RunKind::Sync => "standby-sync-",
        }
    }

    /// How the names of the runs of this kind begin that are for `pool`. A pool id that is too long
    /// for a name is cut.
    pub fn prefix_of(self, pool: &UserPoolId) -> String {
        let mut prefix = format!("{}{pool}", self.prefix());
        prefix.truncate(RestoreId::MAX_LENGTH - LONGEST_TAIL - OF_USERS.len());
        prefix.push('-');
        prefix
    }

    /// Whether such a run changes nothing.
    pub fn changes_nothing(self) -> bool {
        matches!(self, RunKind::Check | RunKind::UndoPlan)
    }
}

/// `-`, eleven digits of seconds (until the year 5138), `-`, and eight of chance.
const LONGEST_TAIL: usize = 1 + 11 + 1 + 8;

/// What is added for the restore of an undo's deleted users.
const OF_USERS: &str = "-users";

/// The id of a restore: the name of the Step Functions execution that began it, also the folder
/// of its report. A restore that is resumed keeps it.
///
/// 1 to 80 of `A-Z a-z 0-9 - _`, which is what an execution name allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RestoreId(String);

impl RestoreId {
    /// The longest name that Step Functions takes.
    pub const MAX_LENGTH: usize = 80;

    /// The name for a run of `pool` started at `unix_seconds`; `unique` tells apart two in the same
    /// second.
    ///
    /// The reference names executions `dr-restore-{pool}-{seconds}`; what is added keeps them unique.
    pub fn new(kind: RunKind, pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        let prefix = kind.prefix_of(pool);
        let seconds = unix_seconds.clamp(0, 99_999_999_999);
        Self(format!("{prefix}{seconds}-{unique:08x}"))
    }

    /// Whether it is the name of a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.0.starts_with(RunKind::Rehearsal.prefix())
    }

    /// Whether it is the name of an undo, and not of the restore of its deleted users.
    pub fn is_undo(&self) -> bool {
        self.0.starts_with(RunKind::Undo.prefix()) && !self.0.ends_with(OF_USERS)
    }

    /// The restore that makes the deleted users of an undo again.
    pub fn of_users(&self) -> Self {
        Self(format!("{}{OF_USERS}", self.0))
    }

    /// The id as Step Functions knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where in the DR bucket the restore keeps what it leaves behind:
    /// `cognito-restore/{restore-id}/{name}`.
    pub fn object_key(&self, name: &str) -> String {
        format!("cognito-restore/{}/{name}", self.0)
    }
}

impl FromStr for RestoreId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "restore id",
                "1 to 80 letters, digits, hyphens and underscores",
                text,
            ))
        }
    }
}

text_conversions!(RestoreId);

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [RunKind; 6] = [
        RunKind::Restore,
        RunKind::Check,
        RunKind::Rehearsal,
        RunKind::Undo,
        RunKind::UndoPlan,
        RunKind::Sync,
    ];

    #[test]
    fn every_name_fits_an_execution_even_for_the_longest_pool_id() {
        let pool: UserPoolId = format!("us-gov-east-1_{}", "a".repeat(41)).parse().unwrap();
        for kind in ALL {
            let id = RestoreId::new(kind, &pool, i64::MAX, u32::MAX);
            assert!(id.as_str().starts_with(&kind.prefix_of(&pool)), "{id}");
            assert_eq!(id.as_str().parse::<RestoreId>(), Ok(id.clone()));
            assert!(id.of_users().as_str().parse::<RestoreId>().is_ok(), "{id}");
            assert_ne!(id, RestoreId::new(kind, &pool, i64::MAX, 1));
        }
    }

    #[test]
    fn runs_of_another_kind_or_pool_are_told_apart_by_name() {
        let pools = ["us-east-1_A", "us-east-1_AB"].map(|id| id.parse().unwrap());
        let named: Vec<_> = ALL
            .iter()
            .flat_map(|kind| pools.iter().map(move |pool| (*kind, pool)))
            .collect();
        for (kind, pool) in &named {
            let id = RestoreId::new(*kind, pool, 1_790_000_000, 7);
            let begins = |other: &&(RunKind, &UserPoolId)| {
                id.as_str().starts_with(&other.0.prefix_of(other.1))
            };
            assert!(named.iter().filter(begins).eq([&(*kind, *pool)]), "{id}");
            assert_eq!(id.is_rehearsal(), *kind == RunKind::Rehearsal, "{id}");
            let is_undo = matches!(kind, RunKind::Undo | RunKind::UndoPlan);
            assert_eq!(id.is_undo(), is_undo, "{id}");
            assert!(!id.of_users().is_undo(), "{id}");
        }
    }
}
