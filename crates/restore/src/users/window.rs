//! The moment in which anybody can sign up: UNCONFIRMED users are made by sign-ups and in no
//! other way (facts C.2).
//!
//! It is written down before it begins, so that whoever comes after an invocation that died ends
//! it first. By then all users that calls can make are there: nobody can take their names.

use cognito::Cognito;
use model::restore::RestoreState;

use super::sign_up;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::steps::self_sign_up;

/// Opens the pool for sign-ups. An existing pool is as open as it is: its settings are not
/// changed.
///
/// # Errors
/// [`RestoreError`] when this cannot be written down, or the pool cannot be updated.
pub(super) async fn open(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(), RestoreError> {
    state.users.sign_up_open = true;
    restore.save(state).await?;
    if state.options.target_user_pool_id.is_none() {
        let pool = restore.target(state)?;
        self_sign_up::set(restore.cognito, pool, true).await?;
    }
    Ok(())
}

/// Closes what the restore opened, if it did.
///
/// # Errors
/// [`RestoreError`] when the pool cannot be updated, or this cannot be written down.
pub(crate) async fn close_sign_up(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(), RestoreError> {
    if !state.users.sign_up_open {
        return Ok(());
    }
    close_for_good(restore.cognito, state).await?;
    state.users.sign_up_open = false;
    restore.save(state).await
}

/// Closes what the state says is open, for a restore that nobody goes on with.
///
/// # Errors
/// [`RestoreError::Cognito`] when the pool cannot be updated.
pub(crate) async fn close_for_good(
    cognito: &Cognito,
    state: &RestoreState,
) -> Result<(), RestoreError> {
    let pool = match &state.new_user_pool_id {
        Some(pool) if state.users.sign_up_open => pool,
        _ => return Ok(()),
    };
    if state.options.target_user_pool_id.is_none() {
        self_sign_up::set(cognito, pool, false).await?;
    }
    sign_up::remove_client(cognito, pool, &state.restore_id).await
}
