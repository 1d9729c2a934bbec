//! The find-latest-backup Lambda.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BadRequest, RestoreOptions, UndoPoint, read};
use crate::backup_key::BackupKey;
use crate::identifiers::UserPoolId;
use crate::restore_id::RestoreId;

/// Which backup is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindRequest {
    /// The pool whose backup is looked for.
    pub user_pool_id: UserPoolId,
    /// Only backups whose reading had ended at this time or before: what happened later is in
    /// none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Exactly this backup, which must be one of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_key: Option<BackupKey>,
    /// The backup of this restore, which is to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<RestoreId>,
    /// How the restore is to be done: handed through to the restore.
    #[serde(default)]
    pub options: RestoreOptions,
}

impl FindRequest {
    /// Reads the event. Members it does not know are let pass: the state machine hands its
    /// whole input over.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member.
    pub fn from_event(event: &Value) -> Result<Self, BadRequest> {
        let mut request: Self = read("find-latest-backup", event)?;
        match request.options.undo.as_ref().map(|undo| &undo.to) {
            Some(UndoPoint::At(time)) => request.at = Some(*time),
            Some(UndoPoint::Key(key)) => request.s3_key = Some(key.clone()),
            Some(UndoPoint::Latest) | None => {}
        }
        match &request.s3_key {
            Some(key) if *key.pool() != request.user_pool_id => Err(BadRequest::member(
                "s3_key",
                format!(
                    "{key} is a backup of {}, not of {}",
                    key.pool(),
                    request.user_pool_id
                ),
            )),
            _ => Ok(request),
        }
    }
}

/// A newer backup that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The newer object's key, which may have a form that only a newer version knows.
    pub s3_key: String,
    /// Why it was not taken.
    pub reason: String,
}

/// What tells when the reading of a backup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The backup itself.
    Trailer,
    /// S3's time of the object, which is some time later: a document of the reference
    /// implementation says only when it began.
    Object,
}

/// The backup that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindResponse {
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    /// The newest whole backup.
    pub s3_key: BackupKey,
    /// Its version: the restore reads exactly this one.
    #[serde(default)]
    pub version_id: Option<String>,
    /// When its reading began.
    pub backup_timestamp: Timestamp,
    /// When its reading ended. What was changed in between may or may not be in it.
    pub backup_ended: Timestamp,
    /// What tells when it ended.
    pub ended_by: EndedBy,
    /// How many users it holds; unknown for documents of the reference implementation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// The object's size in bytes.
    pub bytes: u64,
    /// Newer backups that were not taken; the newest ten at most. Always there, for the state
    /// machine hands it on.
    #[serde(default)]
    pub passed_over: Vec<PassedOver>,
    /// The options of the request, so that an execution started without any has the defaults;
    /// those that a restore was begun with, when it goes on.
    pub options: RestoreOptions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_point_of_an_undo_says_which_backup() {
        let key = "cognito-backup/2026/01/01/us-east-1_A-000000.json";
        for (to, at, s3_key) in [
            ("latest", None, None),
            ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z"), None),
            (key, None, Some(key)),
        ] {
            let event = json!({"user_pool_id": "us-east-1_A", "options": {"undo": {"to": to}}});
            let request = FindRequest::from_event(&event).unwrap();
            assert_eq!(request.at.map(|at| at.to_string()).as_deref(), at);
            assert_eq!(request.s3_key.map(|key| key.to_string()).as_deref(), s3_key);
        }
    }

    #[test]
    fn bad_requests_name_what_is_wrong() {
        for (event, named) in [
            (json!({}), "user_pool_id"),
            (json!({"user_pool_id": "x"}), "not a valid user pool id"),
            (
                json!({"user_pool_id": "us-east-1_A", "at": "tomorrow"}),
                "find-latest-backup",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "s3_key": "a/b"}),
                "not the key of a backup",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "s3_key": "cognito-backup/2026/01/01/us-east-1_B-000000.json"}),
                "us-east-1_B",
            ),
            (json!([]), "JSON object"),
        ] {
            let error = FindRequest::from_event(&event).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
