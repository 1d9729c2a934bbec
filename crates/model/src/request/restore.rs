//! The restore Lambda, as the state machine calls it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::find::PassedOver;
use super::trigger::RestoreOptions;
use super::{BadRequest, read};
use crate::backup_key::BackupKey;
use crate::identifiers::UserPoolId;
use crate::restore::ReportStatus;
use crate::restore_id::RestoreId;

/// What one invocation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreAction {
    /// Begin the restore or go on with it, to its report; as many invocations as it takes.
    Restore,
    /// Something failed: write what is known and send the failure notification.
    ReportFailure,
}

/// One call of the restore Lambda. Progress is kept in the bucket, under the restore's id: the
/// state machine carries nothing that grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoreRequest {
    /// What to do.
    pub action: RestoreAction,
    /// The name of the execution.
    pub restore_id: RestoreId,
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    /// The backup; missing only when it was not found, for [`RestoreAction::ReportFailure`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_key: Option<BackupKey>,
    /// The backup's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// For [`RestoreAction::Restore`]: newer backups that were not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// For [`RestoreAction::Restore`]: the execution that drives it, by which an invocation that
    /// is repeated is told from a restore that is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// How it is to be done.
    #[serde(default)]
    pub options: RestoreOptions,
    /// For [`RestoreAction::ReportFailure`]: the error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// For [`RestoreAction::ReportFailure`]: what Step Functions knows about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl RestoreRequest {
    /// Reads the event.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member.
    pub fn from_event(event: &Value) -> Result<Self, BadRequest> {
        let request: Self = read("restore", event)?;
        match &request.s3_key {
            None if request.action != RestoreAction::ReportFailure => Err(BadRequest::member(
                "s3_key",
                "the key of the backup is required",
            )),
            Some(key) if *key.pool() != request.user_pool_id => Err(BadRequest::member(
                "s3_key",
                format!("{key} is a backup of {}", key.pool()),
            )),
            _ => Ok(request),
        }
    }
}

/// Asks the restore Lambda to remove the pools that rehearsals left behind: of those whose
/// execution has ended, and of those that nobody has gone on with for long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovalRequest {
    /// `remove_rehearsals`.
    pub action: String,
    /// The rehearsal whose execution has ended without success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<RestoreId>,
    /// How it ended, such as `ABORTED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The pools that are rehearsed on a schedule: the age of their last success is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_pool_ids: Vec<UserPoolId>,
    /// After how many days without success such a pool is overdue.
    #[serde(default)]
    pub age_limit_days: u32,
}

impl RemovalRequest {
    /// The name of the action.
    pub const ACTION: &str = "remove_rehearsals";

    /// Reads the event, if it asks for this.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member.
    pub fn from_event(event: &Value) -> Result<Option<Self>, BadRequest> {
        match event["action"] == Self::ACTION {
            true => read("remove_rehearsals", event).map(Some),
            false => Ok(None),
        }
    }
}

/// What the state machine does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RestoreStatus {
    /// There is more to do: call again at once.
    InProgress,
    /// There is more to do, but not before `wait_seconds` have passed.
    Waiting,
    /// It ended: everything is back and verified.
    Success,
    /// It ended: what is lost, the report announces.
    SuccessWithLosses,
    /// It ended: the pool differs from the backup in ways that nothing announces.
    Failed,
}

impl From<ReportStatus> for RestoreStatus {
    fn from(status: ReportStatus) -> Self {
        match status {
            ReportStatus::Success => RestoreStatus::Success,
            ReportStatus::SuccessWithLosses => RestoreStatus::SuccessWithLosses,
            ReportStatus::Failed => RestoreStatus::Failed,
        }
    }
}

/// The answer to the state machine. Small, whatever the pool's size, and free of secrets and
/// personal data: executions keep it for 90 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreResponse {
    /// What to do next.
    pub status: RestoreStatus,
    /// How long to wait, in seconds; 0 unless waiting.
    pub wait_seconds: u32,
    /// What the restore is at, for whoever watches the console.
    pub step: String,
    /// The new pool, as soon as it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_user_pool_id: Option<UserPoolId>,
    /// How many users are dealt with.
    pub users_done: u64,
    /// How many users the backup holds, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_total: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restore_needs_a_backup_but_a_failure_report_does_not() {
        let event = |action: &str| json!({"action": action, "restore_id": "r-1", "user_pool_id": "us-east-1_A"});
        assert!(RestoreRequest::from_event(&event("report_failure")).is_ok());
        let error = RestoreRequest::from_event(&event("restore"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("s3_key"), "{error}");
        let error = RestoreRequest::from_event(&event("explode"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("explode"), "{error}");
    }
}
