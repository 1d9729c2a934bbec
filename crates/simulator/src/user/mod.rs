//! Operations on users: profiles, passwords, memberships, links, listing, import.

pub(crate) mod attributes;
pub(crate) mod create;
pub(crate) mod filter;
pub(crate) mod import;
pub(crate) mod import_file;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod membership;
pub(crate) mod messages;
pub(crate) mod mfa;
pub(crate) mod page_token;
pub(crate) mod password;
pub(crate) mod read;
pub(crate) mod sign_up;
pub(crate) mod update;
pub(crate) mod username;
pub(crate) mod view;

use crate::call::Call;
use crate::error::ServiceError;
use crate::state::{Pool, Sub, User};

/// The user that a call's `Username` means: username, sub or alias (facts C.3).
///
/// # Errors
/// `UserNotFoundException`.
pub(crate) fn named<'p>(pool: &'p Pool, call: &Call<'_>) -> Result<&'p User, ServiceError> {
    pool.users
        .resolve(call.required("Username")?)
        .ok_or_else(ServiceError::user_not_found)
}

/// Changes a user of whom the caller knows that he exists, and notes the time.
pub(crate) fn change<T>(
    pool: &mut Pool,
    call: &Call<'_>,
    sub: Sub,
    change: impl FnOnce(&mut User) -> T,
) -> Result<T, ServiceError> {
    pool.users
        .change(sub, |user| {
            user.modified = call.now;
            change(user)
        })
        .ok_or_else(ServiceError::user_not_found)
}
