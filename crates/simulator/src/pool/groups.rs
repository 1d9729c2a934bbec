//! Definitions of groups (facts A.9); memberships are in `user::membership`.

use serde_json::{Value, json};

use super::{access, message_rules, page};
use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::state::{Group, Pool, State};

/// Groups of a pool, not adjustable (facts A.9 [DOC]).
const GROUPS: usize = 10_000;
/// The longest page of ListGroups [MODEL].
const PAGE: usize = 60;
/// The largest precedence (facts A.9 [MODEL]).
const PRECEDENCE: i64 = i32::MAX as i64;

pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    may_pass_role(call, state)?;
    let pool = access::writable(call, state)?;
    check(call)?;
    let name = call.required("GroupName")?;
    // Facts A.9 [MODEL]; the text is [GEN].
    if pool.groups.contains_key(name) {
        return Err(ServiceError::group_exists(
            "A group with the name already exists.",
        ));
    }
    if pool.groups.len() >= GROUPS {
        return Err(access::limit_exceeded("groups", GROUPS));
    }
    let mut document = call.request.clone();
    document.insert("CreationDate".to_owned(), call.now.into());
    document.insert("LastModifiedDate".to_owned(), call.now.into());
    let group = Group {
        document,
        ..Group::default()
    };
    let answer = json!({"Group": group.document});
    pool.groups.insert(name.to_owned(), group);
    Ok(answer.into())
}

pub(crate) fn get(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let group = pool
        .groups
        .get(call.required("GroupName")?)
        .ok_or_else(not_found)?;
    Ok(json!({"Group": group.document}).into())
}

/// Members that the request leaves out stay: UpdateGroup is not among the full replacements (facts B.1).
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    may_pass_role(call, state)?;
    let pool = access::writable(call, state)?;
    check(call)?;
    let group = group_mut(pool, call.required("GroupName")?)?;
    access::overlay(&mut group.document, call.request, &["CreationDate"]);
    group
        .document
        .insert("LastModifiedDate".to_owned(), call.now.into());
    Ok(json!({"Group": group.document}).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let name = call.required("GroupName")?;
    let group = pool.groups.remove(name).ok_or_else(not_found)?;
    for sub in group.members {
        pool.users
            .change(sub, |user| user.extra().groups.remove(name));
    }
    Ok(Reply::empty())
}

pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let groups = &state.pool(call)?.groups;
    let items = groups
        .iter()
        .map(|(name, group)| (name.as_str(), Value::Object(group.document.clone())));
    let page = page::page(call, &token_key, "Limit", PAGE, items)?;
    Ok(page::answer("Groups", page).into())
}

fn group_mut<'p>(pool: &'p mut Pool, name: &str) -> Result<&'p mut Group, ServiceError> {
    pool.groups.get_mut(name).ok_or_else(not_found)
}

/// [GEN]
fn not_found() -> ServiceError {
    ServiceError::resource_not_found("Group not found.")
}

/// CreateGroup checks the caller's `iam:PassRole` without the key `iam:PassedToService` (facts 0.1 [AWS stackd]);
/// that UpdateGroup does the same is [INF].
fn may_pass_role(call: &Call<'_>, state: &State) -> Result<(), ServiceError> {
    match call.text("RoleArn") {
        Some(role) => access::may_pass_role(call, state, role, false),
        None => Ok(()),
    }
}

fn check(call: &Call<'_>) -> Result<(), ServiceError> {
    if let Some(role) = call.text("RoleArn") {
        message_rules::check_role_account(role, call.account)?;
    }
    // Facts A.9 [MODEL]: a 32-bit number; the text is unverified.
    if call
        .integer("Precedence")
        .is_some_and(|precedence| precedence > PRECEDENCE)
    {
        return Err(ServiceError::invalid_parameter(format!(
            "Precedence must not be greater than {PRECEDENCE}."
        )));
    }
    Ok(())
}
