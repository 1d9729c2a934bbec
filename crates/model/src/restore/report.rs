//! The report: `cognito-restore/{restore-id}/report.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::FindingCounts;
use super::outcome::{KnownLoss, ManualStep, Outcome, StepRecord};
use super::state::{ChosenBackup, RestoreState};
use super::users::{UserCounts, UsersForeseen};
use super::verification::Verification;
use crate::backup_name::BackupName;
use crate::identifiers::{AppClientId, UserPoolId};
use crate::request::Rehearsal;
use crate::restore_id::RestoreId;

/// How a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportStatus {
    /// Everything that the API can bring back is back, and verified.
    Success,
    /// The pool is there, verified but for what the report announces.
    SuccessWithLosses,
    /// The pool is not there, or is not what the report says.
    Failed,
}

impl ReportStatus {
    /// The text of the notification's `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            ReportStatus::Success => "SUCCESS",
            ReportStatus::SuccessWithLosses => "SUCCESS_WITH_LOSSES",
            ReportStatus::Failed => "FAILED",
        }
    }
}

/// What happened, for machines and for people. Members are stable: new ones may be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this report's form.
    pub report_version: u32,
    /// How it ended.
    pub status: ReportStatus,
    /// The restore.
    pub restore_id: RestoreId,
    /// Whether nothing was changed on purpose.
    pub dry_run: bool,
    /// What was asked of a rehearsal; none of a restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// When the scratch pool of a rehearsal was removed; none where it could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Timestamp>,
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    /// The new pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_user_pool_id: Option<UserPoolId>,
    /// The pool that was only compared with the backup, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_user_pool_id: Option<UserPoolId>,
    /// The backup; none when a failed restore found none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_key: Option<BackupName>,
    /// The Region that was restored into.
    #[serde(default)]
    pub region: String,
    /// When the backup began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_timestamp: Option<Timestamp>,
    /// The backup's times and age, and what it was taken instead of; none when a restore failed
    /// before it read one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<ChosenBackup>,
    /// When the restore began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Old to new client ids.
    pub app_clients: BTreeMap<AppClientId, AppClientId>,
    /// The users in numbers.
    pub users: UserCounts,
    /// How many users of the backup are forgotten, and were left out on purpose.
    #[serde(default)]
    pub users_forgotten: u64,
    /// What a restore of the users would come to, in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_foreseen: Option<UsersForeseen>,
    /// How many findings there are of each kind, about items and about users.
    #[serde(default)]
    pub findings: FindingCounts,
    /// What else the restore left in the bucket: names and keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, String>,
    /// What became of each step, in order.
    pub steps: Vec<StepRecord>,
    /// What Cognito never gives back.
    pub known_losses: Vec<KnownLoss>,
    /// What is left to do, in order.
    pub manual_steps: Vec<ManualStep>,
    /// The comparison with the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// The error that ended the restore, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    /// The version of the form that this code writes.
    pub const VERSION: u32 = 1;
    /// The name of the object below the restore's folder.
    pub const OBJECT: &'static str = "report.json";
    /// The name of the hand-over page beside it.
    pub const HANDOVER: &'static str = "handover.html";
    /// The name of the map from old to new ids beside it.
    pub const ID_MAP: &'static str = "id-map.json";

    /// The status that follows from what happened.
    ///
    /// Known losses alone (passwords, TOTP, `sub`) do not make it a success with losses: every
    /// restore has them. A degraded or failed item, a failed step or a user that is missing does,
    /// and a pool that nobody compared with its backup.
    pub fn status_of(state: &RestoreState, error: Option<&str>) -> ReportStatus {
        let unverified = state
            .verification
            .as_ref()
            .is_some_and(|verification| !verification.passed());
        if error.is_some() || unverified {
            return ReportStatus::Failed;
        }
        let step_lost = state
            .steps
            .iter()
            .any(|record| matches!(record.outcome, Outcome::Failed { .. }));
        let item_lost = state.finding_counts().losses() > 0;
        let counts = &state.users.counts;
        let foreseen = state.users.foreseen.as_ref();
        let users_lost = counts.failed > 0
            || counts.skipped > 0
            || foreseen.is_some_and(|foreseen| foreseen.impossible > 0);
        let never_compared = state.verification.is_none() && !state.options.dry_run;
        if step_lost || item_lost || users_lost || never_compared {
            ReportStatus::SuccessWithLosses
        } else {
            ReportStatus::Success
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::{ChecklistAnswer, ChecklistRow};
    use crate::restore::{Finding, FindingKind, Step};

    fn state() -> RestoreState {
        let state = serde_json::json!({
            "restore_id": "r-1", "user_pool_id": "us-east-1_Old", "options": {}, "began": "2026-03-07T09:05:02Z",
            "s3_key": "cognito-backup/2026/03/07/us-east-1_Old-090502.json",
            "verification": Verification::default(),
        });
        serde_json::from_value(state).unwrap()
    }

    fn with_finding(kind: FindingKind) -> RestoreState {
        let mut state = state();
        state.steps.push(StepRecord {
            step: Step::Groups,
            outcome: Outcome::Restored { count: 1 },
            findings: vec![Finding::new(kind, "admins", "why")],
            manual_steps: Vec::new(),
            began: state.began,
            ended: state.began,
        });
        state
    }

    #[test]
    fn the_status_follows_from_what_happened() {
        use ReportStatus::{Failed, Success, SuccessWithLosses};
        let changed = |change: fn(&mut RestoreState)| {
            let mut state = state();
            change(&mut state);
            state
        };
        let row = ChecklistRow {
            holds: false,
            ..ChecklistRow::new("c", ChecklistAnswer::No, "")
        };
        let mut failed_row = state();
        failed_row.verification = Some(Verification {
            rows: vec![row],
            ..Verification::default()
        });
        for (state, error, status) in [
            (state(), None, Success),
            (state(), Some("QuotaReached"), Failed),
            (with_finding(FindingKind::Expected), None, Success),
            (with_finding(FindingKind::Skipped), None, Success),
            (with_finding(FindingKind::Degraded), None, SuccessWithLosses),
            (with_finding(FindingKind::Failed), None, SuccessWithLosses),
            (
                changed(|state| state.users.counts.failed = 1),
                None,
                SuccessWithLosses,
            ),
            (
                changed(|state| state.users.counts.skipped = 1),
                None,
                SuccessWithLosses,
            ),
            (
                changed(|state| state.users.counts.federated = 1),
                None,
                Success,
            ),
            (
                changed(|state| state.verification = None),
                None,
                SuccessWithLosses,
            ),
            (
                changed(|state| state.verification.as_mut().unwrap().announced = 7),
                None,
                Success,
            ),
            (
                changed(|state| state.verification.as_mut().unwrap().unannounced = 1),
                None,
                Failed,
            ),
            (failed_row, None, Failed),
        ] {
            assert_eq!(Report::status_of(&state, error), status, "{state:?}");
        }
    }

    #[test]
    fn one_user_that_failed_counts_however_many_were_told_before() {
        let told = |kind| Finding::new(kind, "a user", "why");
        let mut state = state();
        state.users.tell(&vec![told(FindingKind::Skipped); 300]);
        assert_eq!(
            Report::status_of(&state, None),
            ReportStatus::Success,
            "nothing is lost yet"
        );
        state.users.tell(&[told(FindingKind::Failed)]);
        assert_eq!(
            Report::status_of(&state, None),
            ReportStatus::SuccessWithLosses
        );
        assert_eq!(
            state.users.findings.len(),
            crate::restore::UsersProgress::FINDINGS_IN_REPORT
        );
        assert_eq!(state.finding_counts().total(), 301);
    }
}
