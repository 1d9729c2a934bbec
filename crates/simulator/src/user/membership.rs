//! Memberships, from both sides (facts A.9).

use serde::Serialize;

use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{Pool, State};
use crate::user::list::{page_limit, sub_of, to_reply};
use crate::user::page_token::Tokens;
use crate::user::view::UserView;
use crate::user::{change, named};

/// Groups of one user (facts A.9, E).
const MAX_GROUPS: usize = 100;

/// The group that a call names must exist.
///
/// # Errors
/// `ResourceNotFoundException`; text \[GEN\].
fn check_group(pool: &Pool, name: &str) -> Result<(), ServiceError> {
    if pool.groups.contains_key(name) {
        Ok(())
    } else {
        Err(ServiceError::resource_not_found("Group not found."))
    }
}

/// Idempotent (facts A.9 \[GEN\]). A group change makes the user billable (facts E).
pub(crate) fn admin_add(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let group = call.required("GroupName")?;
    check_group(pool, group)?;
    let user = named(pool, call)?;
    let sub = user.sub;
    let groups = user.extra.as_ref().map(|extra| &extra.groups);
    if groups.is_some_and(|groups| groups.len() >= MAX_GROUPS && !groups.contains(group)) {
        // The model declares no LimitExceededException here; the code is \[UNV\].
        return Err(ServiceError::limit_exceeded(
            "The user has reached the limit of groups.",
        ));
    }
    pool.add_member(group, sub);
    change(pool, call, sub, |_| ())?;
    call.note_active(&pool.id, sub);
    Ok(Reply::empty())
}

pub(crate) fn admin_remove(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let group = call.required("GroupName")?;
    check_group(pool, group)?;
    let sub = named(pool, call)?.sub;
    pool.remove_member(group, sub);
    change(pool, call, sub, |_| ())?;
    call.note_active(&pool.id, sub);
    Ok(Reply::empty())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupsPage<'a> {
    groups: Vec<&'a Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(crate) fn admin_list(call: &Call<'_>, state: &mut State) -> Answer {
    let key = state.token_key;
    let limit = page_limit(call, state);
    let pool = state.pool(call)?;
    let user = named(pool, call)?;
    let sub = user.sub.to_string();
    let tokens = Tokens {
        key: &key,
        list: &["AdminListGroupsForUser", &pool.id, &sub],
    };
    let after = call
        .text("NextToken")
        .map(|token| tokens.redeem(token, call.now))
        .transpose()?;
    let names = user.extra.iter().flat_map(|extra| &extra.groups);
    let mut rest = names
        .filter(|name| {
            after
                .as_ref()
                .is_none_or(|after| name.as_bytes() > after.as_slice())
        })
        .peekable();
    let (mut groups, mut last) = (Vec::new(), after.clone().unwrap_or_default());
    while groups.len() < limit
        && let Some(name) = rest.next()
    {
        groups.extend(pool.groups.get(&**name).map(|group| &group.document));
        last = name.as_bytes().to_vec();
    }
    let next_token = rest.peek().map(|_| tokens.issue(&last, call.now));
    to_reply(&GroupsPage { groups, next_token })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MembersPage<'a> {
    users: Vec<UserView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// ListUsersInGroup lists federated users too (facts A.9).
pub(crate) fn list_users_in_group(call: &Call<'_>, state: &mut State) -> Answer {
    use std::ops::Bound;
    let key = state.token_key;
    let limit = page_limit(call, state);
    let pool = state.pool(call)?;
    let name = call.required("GroupName")?;
    check_group(pool, name)?;
    let tokens = Tokens {
        key: &key,
        list: &["ListUsersInGroup", &pool.id, name],
    };
    let after = call
        .text("NextToken")
        .map(|token| {
            tokens
                .redeem(token, call.now)
                .and_then(|position| sub_of(&position))
        })
        .transpose()?;
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    let members = pool.groups.get(name).map(|group| &group.members);
    let mut rest = members
        .into_iter()
        .flat_map(|members| members.range((start, Bound::Unbounded)))
        .peekable();
    let (mut users, mut last) = (Vec::new(), after);
    while users.len() < limit
        && let Some(sub) = rest.next()
    {
        users.extend(
            pool.users
                .by_sub(*sub)
                .map(|user| UserView { user, only: None }),
        );
        last = Some(*sub);
    }
    let position = last.unwrap_or(crate::state::Sub(uuid::Uuid::nil()));
    let next_token = rest
        .peek()
        .map(|_| tokens.issue(position.0.as_bytes(), call.now));
    to_reply(&MembersPage { users, next_token })
}
