//! The comparison of a pool with a backup.
//!
//! The pool is read with the backup's own collector and held against the backup, section by
//! section ([`settings`]) and user by user ([`users`], [`memberships`]). Every difference is in
//! the table of [`allowed`] ones, or announced by a finding of the restore ([`announced`]), or
//! makes the verification fail. Users are streamed from both sides; in memory they take 32 bytes
//! each ([`index`]), memberships 16. As many invocations as it takes: progress lies in the bucket ([`progress`]).

mod checklist;
mod expectation;
mod explained;
mod memberships;
pub mod progress;
mod scope;
mod session;
mod users;

use cognito::Operation;
use jiff::Timestamp;
use model::observe::{Activity, Ending, Event};
use model::restore::{FindingCounts, RestoreState, Verification};

use crate::context::Restore;
use crate::error::RestoreError;

pub(crate) use expectation::expectation;

/// Every operation of Cognito that a verification calls: those of the backup.
pub const OPERATIONS: &[Operation] = cognito::collect::OPERATIONS;

/// How far a call of [`verify`] got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyOutcome {
    /// The result is in the state.
    Done,
    /// The stop came first; its progress is saved.
    InProgress,
    /// Something outside has to happen first.
    Waiting {
        /// When to look again, in seconds.
        seconds: u32,
    },
}

/// Compares the restored pool, or the one that `state.options.verify` names, with the backup.
///
/// A result that is there already stays. A dry run, and a restore that has no pool, have nothing
/// to compare and get no result. The state with the result is saved.
///
/// # Errors
/// [`RestoreError`] when the comparison cannot go on: the pool or the backup cannot be read.
pub async fn verify(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<VerifyOutcome, RestoreError> {
    if state.verification.is_some() || state.options.dry_run {
        return Ok(VerifyOutcome::Done);
    }
    let Some(pool) = state
        .options
        .verify
        .clone()
        .or_else(|| state.new_user_pool_id.clone())
    else {
        return Ok(VerifyOutcome::Done);
    };
    let activity = Activity::Verification;
    restore.observer.event(Event::Began { activity });
    let mut session = session::Session::open(restore, state, pool).await?;
    let outcome = session.work().await?;
    restore.observer.event(Event::Ended {
        activity: Activity::Verification,
        ending: match outcome {
            VerifyOutcome::Done => Ending::Done,
            VerifyOutcome::InProgress | VerifyOutcome::Waiting { .. } => Ending::Interrupted,
        },
        findings: FindingCounts::default(),
        manual_steps: 0,
    });
    if let VerifyOutcome::Done = outcome {
        let mut verification = Verification {
            ended: Some(Timestamp::now()),
            ..session.verification()
        };
        let options = &state.options;
        if options.verify.is_none() && options.target_user_pool_id.is_none() {
            verification.rows.extend(checklist::of_people(state));
        }
        tracing::info!(
            users = verification.users_compared,
            settings = verification.settings_compared,
            announced = verification.announced,
            unannounced = verification.unannounced,
            "pool and backup compared"
        );
        state.verification = Some(verification);
        restore.save(state).await?;
    }
    Ok(outcome)
}

/// Forgets a comparison, so that a restore that is resumed is compared anew: with what it
/// announced, which a comparison on its own does not know.
///
/// # Errors
/// [`RestoreError::Vault`] when the bucket does not take it.
pub async fn forget(restore: &Restore<'_>, state: &mut RestoreState) -> Result<(), RestoreError> {
    let key = state.restore_id.object_key(progress::Progress::OBJECT);
    let nothing = b"{}".to_vec();
    restore
        .folder
        .write(&key, "application/json", nothing)
        .await?;
    // Last: a death before it is one before the whole.
    state.verification = None;
    restore.save(state).await
}

#[cfg(test)]
mod tests;
