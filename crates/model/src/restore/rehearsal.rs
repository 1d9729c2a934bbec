//! What is remembered of rehearsals: `cognito-restore/rehearsals/{user_pool_id}.json`.

use std::num::NonZeroU64;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::FindingCounts;
use super::report::{Report, ReportStatus};
use crate::backup_name::BackupName;
use crate::identifiers::UserPoolId;
use crate::restore_id::RestoreId;

/// How the last rehearsal of a pool went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RehearsalRecord {
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub result: ReportStatus,
    /// How long it took, in seconds, until the scratch pool was removed.
    pub seconds: u64,
    /// How many users it made.
    pub users: u64,
    /// About how many it was asked to make; all when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<NonZeroU64>,
    /// Under which name it left its report.
    pub restore_id: RestoreId,
    /// The backup; none when it found none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupName>,
    /// How many findings there were of each kind.
    pub findings: FindingCounts,
    /// How the rehearsal before it ended; none of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ReportStatus>,
    /// When a rehearsal of the pool last came to its end without failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
}

impl RehearsalRecord {
    /// The record of a rehearsal that ended, after `last`, the newest one before it.
    pub fn new(report: &Report, last: Option<&Self>) -> Self {
        // The same rehearsal may be recorded twice: its last answer was lost.
        let (previous, last_success) = match last {
            Some(own) if own.restore_id == report.restore_id => (own.previous, own.last_success),
            Some(last) => (Some(last.result), last.last_success),
            None => (None, None),
        };
        let seconds = report.ended.as_second() - report.began.as_second();
        Self {
            at: report.ended,
            result: report.status,
            seconds: u64::try_from(seconds).unwrap_or(0),
            users: report.users.restored,
            sample: report.rehearsal.as_ref().and_then(|asked| asked.sample),
            restore_id: report.restore_id.clone(),
            backup: report.s3_key.clone(),
            findings: report.findings,
            previous,
            last_success: match report.status {
                ReportStatus::Failed => last_success,
                ReportStatus::Success | ReportStatus::SuccessWithLosses => Some(report.ended),
            },
        }
    }

    /// Whether subscribers are told: of what failed, and of what is not as it was the last time.
    pub fn is_news(&self) -> bool {
        let is_other = self
            .previous
            .is_some_and(|previous| previous != self.result);
        self.result == ReportStatus::Failed || is_other
    }

    /// Where the newest record of a pool lies.
    pub fn key(pool: &UserPoolId) -> String {
        format!("cognito-restore/rehearsals/{pool}.json")
    }

    /// Where this record stays.
    pub fn history_key(&self, pool: &UserPoolId) -> String {
        let at = self.at.strftime("%Y-%m-%dT%H%M%SZ");
        format!("cognito-restore/rehearsals/{pool}/{at}.json")
    }
}
