//! What is remembered of a rehearsal when it is over.

use model::UserPoolId;
use model::restore::{RehearsalRecord, Report};
use vault::{VaultError, Workspace};

use crate::error::RestoreError;

/// The newest record of a pool; none before its first rehearsal.
///
/// # Errors
/// [`RestoreError::Vault`] when the workspace does not give it.
pub async fn newest(
    workspace: &Workspace,
    pool: &UserPoolId,
) -> Result<Option<RehearsalRecord>, RestoreError> {
    let key = RehearsalRecord::key(pool);
    let bytes = workspace.read(&key).await?;
    Ok(bytes.and_then(|bytes| read(&key, &bytes)))
}

/// One that cannot be read counts as none, and is written over: it would stop every rehearsal to
/// come.
fn read(key: &str, bytes: &[u8]) -> Option<RehearsalRecord> {
    serde_json::from_slice(bytes)
        .inspect_err(|error| tracing::warn!(key, %error, "an unreadable record"))
        .ok()
}

/// How often the newest record is read again because another rehearsal wrote it meanwhile.
const TRIES: u32 = 5;

/// Records how a rehearsal went: the newest record of its pool, and one that stays. Recording it
/// again gives the same.
///
/// # Errors
/// [`RestoreError::Vault`] when the workspace does not give or take a record.
pub async fn record(
    workspace: &Workspace,
    report: &Report,
) -> Result<RehearsalRecord, RestoreError> {
    let pool = &report.user_pool_id;
    let key = RehearsalRecord::key(pool);
    let mut tries = 0;
    let record = loop {
        let there = workspace.look_up(&key).await?;
        let last = there.as_ref().and_then(|object| read(&key, &object.bytes));
        let record = RehearsalRecord::new(report, last.as_ref());
        if last.is_some_and(|last| last.at > record.at) {
            break record;
        }
        let etag = there.as_ref().map(|object| &object.etag);
        let written = workspace.write_if(&key, JSON, json(&record)?, etag).await;
        match written {
            Err(VaultError::Changed(_)) if tries < TRIES => tries += 1,
            written => {
                written?;
                break record;
            }
        }
    };
    let history = record.history_key(pool);
    workspace.write(&history, JSON, json(&record)?).await?;
    Ok(record)
}

const JSON: &str = "application/json";

fn json(record: &RehearsalRecord) -> Result<Vec<u8>, RestoreError> {
    serde_json::to_vec_pretty(record)
        .map_err(|error| RestoreError::Internal(format!("the record of a rehearsal: {error}")))
}
