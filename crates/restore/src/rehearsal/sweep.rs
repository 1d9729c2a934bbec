//! The removal of what rehearsals left behind that nobody goes on with.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use model::RestoreId;
use model::request::{RestoreAction, RestoreRequest};
use model::restore::{RehearsalRecord, RestoreState};
use vault::Vault;

use super::removal::{self, ScratchPool};
use super::remove_pools_of;
use crate::context::{Clients, RestoreSettings};
use crate::error::RestoreError;
use crate::report::Message;
use crate::run;

/// After how long without an invocation a rehearsal counts as dead. An execution waits an hour for
/// an import job, 75 minutes for a service that does not answer, and 15 for an invocation.
const DEAD: Duration = Duration::from_secs(4 * 3600);
/// The same for a scratch pool whose rehearsal keeps its state elsewhere: in a folder of whoever
/// started it from a terminal.
const DEAD_ELSEWHERE: Duration = Duration::from_secs(3 * 24 * 3600);

/// What a sweep came to.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many scratch pools were removed.
    pub removed: u64,
    /// How many belong to rehearsals that may be alive.
    pub kept: u64,
    /// What was recorded of rehearsals that had not come to their end.
    pub records: Vec<RehearsalRecord>,
    /// What subscribers are told of them.
    pub messages: Vec<Message>,
}

/// Removes the scratch pools of rehearsals that are over or dead. `ended` names one that is dead
/// for certain, and how it ended.
///
/// One that dies is reported as failed, and cannot be gone on with: an invocation of it that
/// still lives finds that out when it next saves anything.
///
/// # Errors
/// The first [`RestoreError`] when a pool could not be removed, after all others were.
pub async fn sweep(
    clients: &Clients,
    vault: Option<&Vault>,
    settings: &RestoreSettings,
    ended: Option<(&RestoreId, &str)>,
    now: Timestamp,
) -> Result<Swept, RestoreError> {
    let mut rehearsals: BTreeMap<RestoreId, Vec<ScratchPool>> = BTreeMap::new();
    for pool in removal::all(&clients.cognito).await? {
        let id = pool.restore_id.clone();
        rehearsals.entry(id).or_default().push(pool);
    }
    if let Some((id, _)) = ended.filter(|(id, _)| id.is_rehearsal()) {
        rehearsals.entry(id.clone()).or_default();
    }
    let mut swept = Swept::default();
    let mut failed = None;
    for (id, pools) in rehearsals {
        let how = ended.filter(|(ended, _)| **ended == id).map(|(_, how)| how);
        let sweeping = sweep_one(clients, vault, settings, &id, &pools, how, now, &mut swept);
        if let Err(error) = sweeping.await {
            tracing::error!(restore_id = %id, %error, "a scratch pool is still there");
            failed.get_or_insert(error);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(swept),
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one loop")]
async fn sweep_one(
    clients: &Clients,
    vault: Option<&Vault>,
    settings: &RestoreSettings,
    id: &RestoreId,
    pools: &[ScratchPool],
    ended: Option<&str>,
    now: Timestamp,
    swept: &mut Swept,
) -> Result<(), RestoreError> {
    let key = id.object_key(RestoreState::OBJECT);
    let state = clients.workspace.read(&key).await?;
    // One that cannot be read tells nothing of its own: as if it lay elsewhere.
    let state = state.and_then(|bytes| RestoreState::from_json(&bytes).ok());
    if ended.is_none() && may_be_alive(state.as_ref(), pools, now) {
        swept.kept += pools.len() as u64;
        return Ok(());
    }
    match state.filter(|state| state.reported.is_none()) {
        Some(state) => {
            let request = RestoreRequest {
                action: RestoreAction::ReportFailure,
                restore_id: id.clone(),
                user_pool_id: state.user_pool_id,
                s3_key: None,
                version_id: None,
                passed_over: Vec::new(),
                execution: None,
                options: state.options,
                error: Some(ended.unwrap_or("ABANDONED").to_owned()),
                cause: Some("the rehearsal did not come to its end".to_owned()),
            };
            // A report is all of a restore: on the heap, so that this future stays small.
            let reporting = Box::pin(run::report_failure(clients, vault, settings, &request));
            let reported = reporting.await?;
            swept.removed += reported.removed;
            swept.records.extend(reported.answer.rehearsals);
            swept.messages.extend(reported.answer.messages);
            if let Some(error) = reported.not_removed {
                return Err(error);
            }
        }
        None => swept.removed += remove_pools_of(&clients.cognito, id, None).await?,
    }
    Ok(())
}

/// Whether somebody may still be at work on a rehearsal.
fn may_be_alive(state: Option<&RestoreState>, pools: &[ScratchPool], now: Timestamp) -> bool {
    let is_recent = |since: i64, patience: Duration| {
        let age = u64::try_from(now.as_second() - since).unwrap_or(0);
        age < patience.as_secs()
    };
    match state {
        Some(state) if state.reported.is_some() => false,
        Some(state) => {
            let claimed = state.claimed.unwrap_or(state.began);
            is_recent(claimed.as_second(), DEAD)
        }
        None => pools.iter().all(|pool| {
            pool.created
                .is_none_or(|created| is_recent(created, DEAD_ELSEWHERE))
        }),
    }
}
