//! What each Lambda is asked and what it answers.

mod backup;
mod find;
mod forget;
mod rehearsal;
mod restore;
mod selection;
mod trigger;
mod undo;

pub use backup::{BackedUpPool, BackupAnswer, BackupRequest};
pub use find::{EndedBy, FindRequest, FindResponse, PassedOver};
pub use forget::ForgetRequest;
pub use rehearsal::Rehearsal;
pub use restore::{RemovalRequest, RestoreAction, RestoreRequest, RestoreResponse, RestoreStatus};
pub use selection::{Selection, UsersFrom};
pub use trigger::{
    ExecutionInput, RestoreOptions, ScheduledRehearsal, StandbyOptions, TriggerRequest, UsersEngine,
};
pub use undo::{Part, UndoPoint, UndoRequest};

/// A request that cannot be carried out as it stands. The text names the member and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRequest(pub String);

impl BadRequest {
    /// A request whose member `member` is missing or wrong.
    pub fn member(member: &str, problem: impl std::fmt::Display) -> Self {
        Self(format!("{member}: {problem}"))
    }
}

/// Reads a JSON request strictly: unknown members are refused, because a mistyped option on the
/// bad day must not be ignored.
fn read<T: serde::de::DeserializeOwned>(
    what: &str,
    event: &serde_json::Value,
) -> Result<T, BadRequest> {
    if !event.is_object() {
        return Err(BadRequest(format!(
            r#"{what} takes a JSON object such as {{"user_pool_id": "us-east-1_AbCdEfGhi"}}"#
        )));
    }
    serde_path_to_error::deserialize(event).map_err(|error| match error.path().to_string() {
        path if path == "." => BadRequest(format!("{what}: {}", error.inner())),
        path => BadRequest(format!("{what}: {path}: {}", error.inner())),
    })
}
