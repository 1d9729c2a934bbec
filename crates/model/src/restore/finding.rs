//! News about single items of a restore.

use serde::{Deserialize, Serialize};

use crate::inventory::Section;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The item came back and differs as expected: by the operator's map, or because the new pool
    /// is in another Region. Nothing is lost.
    Expected,
    /// The item was left out, as it must be.
    Skipped,
    /// The item came back changed.
    Degraded,
    /// The item should have come back and did not.
    Failed,
}

impl FindingKind {
    /// Whether something is lost: a restore with such a finding is no success without losses.
    pub fn is_loss(self) -> bool {
        matches!(self, FindingKind::Degraded | FindingKind::Failed)
    }
}

/// How many findings there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingCounts {
    /// Items that differ as expected.
    pub expected: u64,
    /// Items that were left out, as it must be.
    pub skipped: u64,
    /// Items that came back changed.
    pub degraded: u64,
    /// Items that should have come back and did not.
    pub failed: u64,
}

impl FindingCounts {
    /// Counts findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.kind {
                FindingKind::Expected => counts.expected += 1,
                FindingKind::Skipped => counts.skipped += 1,
                FindingKind::Degraded => counts.degraded += 1,
                FindingKind::Failed => counts.failed += 1,
            }
        }
        counts
    }

    /// Adds the counts of other findings.
    pub fn add(&mut self, other: FindingCounts) {
        self.expected += other.expected;
        self.skipped += other.skipped;
        self.degraded += other.degraded;
        self.failed += other.failed;
    }

    /// All findings.
    pub fn total(self) -> u64 {
        self.expected + self.skipped + self.losses()
    }

    /// Findings that tell of a loss.
    pub fn losses(self) -> u64 {
        self.degraded + self.failed
    }
}

/// News about one item. Names items by id, name or old `sub`; holds nothing personal or secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub kind: FindingKind,
    /// Which item: a client id, a provider's name, a setting's path, a user's old `sub`.
    pub item: String,
    /// What happened, in a sentence that an operator understands.
    pub reason: String,
    /// The section and member that differ from the backup because of it, such as
    /// `user_pool_config/LambdaConfig`: verification takes such differences as announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announces: Vec<String>,
}

impl Finding {
    /// A finding that announces no difference beyond its item.
    pub fn new(kind: FindingKind, item: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            kind,
            item: item.into(),
            reason: reason.into(),
            announces: Vec::new(),
        }
    }

    /// Announces that the restored pool differs from the backup at `path` of `section`.
    ///
    /// The path is in JSON pointer form, starting below the section; list elements are named by
    /// their identity, such as `app_clients/{old client id}/CallbackURLs`.
    pub fn announcing(mut self, section: Section, path: &str) -> Self {
        let path = path.trim_start_matches('/');
        let whole = if path.is_empty() {
            section.member().to_owned()
        } else {
            format!("{}/{path}", section.member())
        };
        self.announces.push(whole);
        self
    }
}
