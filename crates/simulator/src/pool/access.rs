//! How operations get at a pool and at documents: the checks that all of them share.

use rand::rngs::StdRng;
use serde_json::Value;

use crate::call::{Call, Document};
use crate::config::PassRole;
use crate::error::ServiceError;
use crate::state::{Client, Pool, State};

/// The pool that a call changes.
///
/// # Errors
/// `ResourceNotFoundException`; `OperationNotEnabledException` when the pool is the secondary of a replicated one
/// (facts B.1 [MODEL], H [DOC]; the text is unverified).
pub(crate) fn writable<'s>(
    call: &Call<'_>,
    state: &'s mut State,
) -> Result<&'s mut Pool, ServiceError> {
    writable_and_rng(call, state).map(|(pool, _)| pool)
}

/// As [`writable`], with the source of randomness beside it.
pub(crate) fn writable_and_rng<'s>(
    call: &Call<'_>,
    state: &'s mut State,
) -> Result<(&'s mut Pool, &'s mut StdRng), ServiceError> {
    let (pool, rng) = state.pool_and_rng(call)?;
    let is_secondary = pool.replicas.iter().any(|replica| {
        replica.get("RegionName").and_then(Value::as_str) == Some(pool.region.as_str())
            && replica.get("Role").and_then(Value::as_str) == Some("SECONDARY")
    });
    if is_secondary {
        return Err(ServiceError::operation_not_enabled(
            "The operation is not enabled for a replica of a user pool.",
        ));
    }
    Ok((pool, rng))
}

/// The app client of a pool.
///
/// # Errors
/// `ResourceNotFoundException`, worded as the service words it [GEN].
pub(super) fn client<'p>(pool: &'p Pool, id: &str) -> Result<&'p Client, ServiceError> {
    pool.clients.get(id).ok_or_else(|| client_not_found(id))
}

/// As [`client`], to change it.
pub(super) fn client_mut<'p>(pool: &'p mut Pool, id: &str) -> Result<&'p mut Client, ServiceError> {
    pool.clients.get_mut(id).ok_or_else(|| client_not_found(id))
}

pub(super) fn client_not_found(id: &str) -> ServiceError {
    ServiceError::resource_not_found(format!("User pool client {id} does not exist."))
}

/// That the caller may pass the role by which a request's `SmsConfiguration` sends.
///
/// # Errors
/// As [`may_pass_role`].
pub(super) fn may_pass_sms_role(call: &Call<'_>, state: &State) -> Result<(), ServiceError> {
    let roles = [
        &["SmsConfiguration", "SnsCallerArn"][..],
        &["SmsConfiguration", "EumsSms", "CallerArn"],
        &["SmsMfaConfiguration", "SmsConfiguration", "SnsCallerArn"],
        &[
            "SmsMfaConfiguration",
            "SmsConfiguration",
            "EumsSms",
            "CallerArn",
        ],
    ];
    let named = roles.iter().find_map(|path| text_at(call.request, path));
    // With which condition key SMS roles are checked is not recorded (facts 0.1).
    named.map_or(Ok(()), |role| may_pass_role(call, state, role, true))
}

/// That the caller may pass a role. `names_service`: whether Cognito gives the condition key `iam:PassedToService`.
///
/// # Errors
/// `AccessDeniedException`, worded as AWS words it [GEN].
pub(crate) fn may_pass_role(
    call: &Call<'_>,
    state: &State,
    role: &str,
    names_service: bool,
) -> Result<(), ServiceError> {
    let is_allowed = match state.pass_role {
        PassRole::Allowed => true,
        PassRole::ToCognitoOnly => names_service,
        PassRole::Denied => false,
    };
    if is_allowed {
        return Ok(());
    }
    Err(ServiceError::access_denied(format!(
        "User: arn:aws:iam::{}:user/caller is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action",
        call.account
    )))
}

/// The value at a path of member names.
pub(super) fn at<'d>(document: &'d Document, path: &[&str]) -> Option<&'d Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(document.get(*first)?, |value, member| value.get(*member))
}

/// The text at a path of member names.
pub(super) fn text_at<'d>(document: &'d Document, path: &[&str]) -> Option<&'d str> {
    at(document, path).and_then(Value::as_str)
}

/// The objects in a list member of a document.
pub(super) fn objects<'d>(
    document: &'d Document,
    member: &str,
) -> impl Iterator<Item = &'d Document> {
    document
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
}

/// The quota of a kind of resource is used up (facts E; which text the service has is unverified).
pub(super) fn limit_exceeded(what: &str, limit: usize) -> ServiceError {
    ServiceError::limit_exceeded(format!("The limit of {limit} {what} has been reached."))
}

/// Changes what a request gives, but for members that no request of that kind can change; such a member can only come
/// as one that the model does not know there.
pub(super) fn overlay(document: &mut Document, request: &Document, fixed: &[&str]) {
    for (member, value) in request {
        if !fixed.contains(&member.as_str()) {
            document.insert(member.clone(), value.clone());
        }
    }
}

/// Puts a member in unless it is there.
pub(super) fn default_to(document: &mut Document, member: &str, value: impl Into<Value>) {
    if !document.contains_key(member) {
        document.insert(member.to_owned(), value.into());
    }
}

/// The texts in a list member of a document.
pub(super) fn names<'d>(document: &'d Document, member: &str) -> Vec<&'d str> {
    document
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
