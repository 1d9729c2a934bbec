//! What the comparison of a pool with a backup gave.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checklist::ChecklistRow;
use crate::restore_id::RestoreId;

/// One difference between backup and pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    /// Where: a path such as `app_clients/{old id}/CallbackURLs`, or `users/{old sub}/email`.
    pub path: String,
    /// What is different, without values: `missing`, `added` or `changed`.
    pub change: String,
    /// The announcement in the report that explains it; `None` makes it a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_by: Option<String>,
}

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verification {
    /// How many users were compared.
    pub users_compared: u64,
    /// How many settings were compared.
    pub settings_compared: u64,
    /// Differences that the report announced, counted.
    pub announced: u64,
    /// Differences that nobody announced, counted: any makes the restore fail verification.
    pub unannounced: u64,
    /// The first differences, unannounced ones before announced ones.
    pub differences: Vec<Difference>,
    /// The checklists.
    pub rows: Vec<ChecklistRow>,
    /// The restore whose announcements were taken. None where a pool was only compared that no
    /// restore of this backup made: then what any restore of it into this Region would have to
    /// change counts as announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcing_restore: Option<RestoreId>,
    /// When the comparison ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

impl Verification {
    /// How many differences the report itself holds.
    pub const DIFFERENCES_IN_REPORT: usize = 200;

    /// Whether every difference was announced and every row holds.
    pub fn passed(&self) -> bool {
        self.unannounced == 0 && self.rows.iter().all(|row| row.holds)
    }
}
