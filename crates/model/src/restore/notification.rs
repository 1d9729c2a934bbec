//! The mail: the members of the reference's notification, from what happened.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outcome::Step;
use super::report::{Report, ReportStatus};
use super::state::{ChosenBackup, RestoreState};
use crate::identifiers::UserPoolId;
use crate::request::PassedOver;
use crate::restore_id::RestoreId;

/// What subscribers of `cognito-dr-notifications-{environment}` get when a restore ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// `SUCCESS`, `SUCCESS_WITH_LOSSES` or `FAILED`.
    pub status: ReportStatus,
    /// The new pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_user_pool_id: Option<UserPoolId>,
    /// How many users are in the new pool.
    pub users_restored: u64,
    /// How many groups.
    pub groups_restored: u64,
    /// How many app clients.
    pub app_clients_restored: u64,
    /// How many identity providers.
    pub identity_providers_restored: u64,
    /// How many resource servers.
    pub resource_servers_restored: u64,
    /// `Yes` or `No`.
    pub domain_restored: String,
    /// `Yes` or `No`.
    pub waf_restored: String,
    /// `Yes` or `No`.
    pub threat_protection_restored: String,
    /// `Yes` or `No`.
    pub ui_customization_restored: String,
    /// Such as `8 minutes 32 seconds`.
    pub restore_duration: String,
    /// From when to when the backup was read, and how old it was when the restore began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Newer backups that were not taken: their keys, and why. The newest ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups_passed_over: Vec<PassedOver>,
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    /// The restore.
    pub restore_id: RestoreId,
    /// Where the report lies: `s3://bucket/cognito-restore/{restore-id}/report.json`.
    pub report: String,
    /// Where the hand-over page lies, which says what to do now.
    pub handover: String,
    /// When the restore ended.
    pub timestamp: Timestamp,
    /// How many things are left to the operator; the report lists them.
    pub manual_steps: u64,
    /// Users that should have come back and did not.
    pub users_failed: u64,
    /// Users of the backup who are forgotten, and were left out on purpose.
    #[serde(default)]
    pub users_forgotten: u64,
    /// Whether the new pool was compared with the backup and every difference was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// The error that ended the restore, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Notification {
    /// The subject, as in the reference: by it people sort their mail.
    pub fn subject(status: ReportStatus, is_rehearsal: bool) -> &'static str {
        match (status, is_rehearsal) {
            (ReportStatus::Failed, true) => "Cognito DR Rehearsal Failed",
            (_, true) => "Cognito DR Rehearsal Completed",
            (ReportStatus::Failed, false) => "Cognito DR Restore Failed",
            (_, false) => "Cognito DR Restore Completed",
        }
    }

    /// The notification for a report that lies below the address `root`, such as `s3://bucket/`.
    pub fn new(state: &RestoreState, report: &Report, root: &str) -> Self {
        let yes = |step: Step| {
            if state.restored(step) > 0 {
                "Yes"
            } else {
                "No"
            }
            .to_owned()
        };
        let place = |name: &str| format!("{root}{}", report.restore_id.object_key(name));
        let seconds = report.ended.as_second() - report.began.as_second();
        Self {
            status: report.status,
            new_user_pool_id: report.new_user_pool_id.clone(),
            users_restored: report.users.restored,
            groups_restored: state.restored(Step::Groups),
            app_clients_restored: state.restored(Step::AppClients),
            identity_providers_restored: state.restored(Step::IdentityProviders),
            resource_servers_restored: state.restored(Step::ResourceServers),
            domain_restored: yes(Step::Domains),
            waf_restored: yes(Step::WebAcl),
            threat_protection_restored: yes(Step::RiskConfiguration),
            ui_customization_restored: yes(Step::UiCustomization),
            restore_duration: duration_in_words(u64::try_from(seconds).unwrap_or(0)),
            backup: report.backup.as_ref().map(ChosenBackup::in_words),
            backups_passed_over: report
                .backup
                .as_ref()
                .map(|backup| backup.passed_over.clone())
                .unwrap_or_default(),
            user_pool_id: report.user_pool_id.clone(),
            restore_id: report.restore_id.clone(),
            report: place(Report::OBJECT),
            handover: place(Report::HANDOVER),
            timestamp: report.ended,
            manual_steps: report.manual_steps.len() as u64,
            users_failed: report.users.failed,
            users_forgotten: report.users_forgotten,
            verified: report
                .verification
                .as_ref()
                .map(super::Verification::passed),
            error: report.error.clone(),
        }
    }
}

/// The notification of a restore that failed before there was anything to report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureNotification {
    /// `FAILED`.
    pub status: ReportStatus,
    /// The error's name and text.
    pub error: String,
    /// When it failed.
    pub timestamp: Timestamp,
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    /// The restore.
    pub restore_id: RestoreId,
}

/// `8 minutes 32 seconds`, `1 hour 0 minutes 5 seconds`, `3 seconds`.
pub fn duration_in_words(seconds: u64) -> String {
    let unit =
        |number: u64, name: &str| format!("{number} {name}{}", if number == 1 { "" } else { "s" });
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => unit(rest, "second"),
        (0, _) => format!("{} {}", unit(minutes, "minute"), unit(rest, "second")),
        _ => format!(
            "{} {} {}",
            unit(hours, "hour"),
            unit(minutes, "minute"),
            unit(rest, "second")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_the_reference() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (512, "8 minutes 32 seconds"),
            (3605, "1 hour 0 minutes 5 seconds"),
        ] {
            assert_eq!(duration_in_words(seconds), words);
        }
    }
}
