//! What a new user may be called (facts C.1).

use crate::error::ServiceError;
use crate::state::{AliasKind, Pool};
use crate::user::attributes::{is_email, is_phone_number};

/// Checks the username of a new user. In a pool that signs in by e-mail or phone number it is one of these, and the
/// attribute that it becomes is returned.
///
/// # Errors
/// `InvalidParameterException` (facts C.1, Appendix 1 \[CODE\]; the texts for one kind alone and for phone numbers
/// \[GEN\]).
pub(crate) fn check(pool: &Pool, username: &str) -> Result<Option<AliasKind>, ServiceError> {
    let sign_in = &pool.users.sign_in;
    let refuse = |message: &str| Err(ServiceError::invalid_parameter(message));
    if !sign_in.username_attributes.is_empty() {
        let email = sign_in.username_attributes.contains(&AliasKind::Email);
        let phone = sign_in
            .username_attributes
            .contains(&AliasKind::PhoneNumber);
        return match (email, phone) {
            (true, _) if is_email(username) => Ok(Some(AliasKind::Email)),
            (_, true) if is_phone_number(username) => Ok(Some(AliasKind::PhoneNumber)),
            (true, true) => refuse("Username should be either an email or a phone number."),
            (true, false) => refuse("Username should be an email."),
            _ => refuse("Username should be a phone number."),
        };
    }
    if sign_in.aliases.contains(&AliasKind::Email) && is_email(username) {
        return refuse(
            "Username cannot be of email format, since user pool is configured for email alias",
        );
    }
    if sign_in.aliases.contains(&AliasKind::PhoneNumber) && is_phone_number(username) {
        return refuse(
            "Username cannot be of phone number format, since user pool is configured for phone number alias",
        );
    }
    Ok(None)
}
