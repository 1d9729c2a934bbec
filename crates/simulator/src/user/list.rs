//! ListUsers (facts D).

use rand::RngExt;
use serde::Serialize;
use serde_json::Value;

use crate::call::{Answer, Call, Reply};
use crate::config::SubPrefix;
use crate::error::ServiceError;
use crate::state::{Directory, State, Sub, User};
use crate::user::filter::{Attribute, Filter};
use crate::user::page_token::Tokens;
use crate::user::view::UserView;

/// Users on a page, at most and by default (facts D).
pub(crate) const PAGE: usize = 60;
/// Users that one call looks at. A filter that finds few among many gives short or empty pages with a token, which the
/// service allows itself (facts D), instead of holding up everyone else.
const SCANNED: usize = 100_000;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    users: Vec<UserView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination_token: Option<String>,
}

pub(crate) fn list_users(call: &Call<'_>, state: &mut State) -> Answer {
    let key = state.token_key;
    let limit = page_limit(call, state);
    let sub_prefix = state.sub_prefix;
    let pool = state.pool(call)?;
    let filter_text = call.text("Filter").unwrap_or_default();
    let mut filter = Filter::parse(filter_text)?;
    let (mut looked_at, mut one_in) = (SCANNED, None);
    if filter.as_ref().is_some_and(Filter::is_sub_prefix) {
        match sub_prefix {
            SubPrefix::Found => {}
            SubPrefix::Refused => {
                return Err(ServiceError::invalid_parameter(
                    "Invalid search attribute: sub",
                ));
            }
            SubPrefix::Ignored => filter = None,
            SubPrefix::LeavesOut { one_in: number } => one_in = Some(u128::from(number.max(1))),
            SubPrefix::Sparse => looked_at = limit,
        }
    }
    let tokens = Tokens {
        key: &key,
        list: &["ListUsers", &pool.id, filter_text],
    };
    let after = call
        .text("PaginationToken")
        .map(|token| {
            tokens
                .redeem(token, call.now)
                .and_then(|position| sub_of(&position))
        })
        .transpose()?;
    let only: Option<Vec<&str>> = call
        .request
        .get("AttributesToGet")
        .and_then(Value::as_array)
        .filter(|names| !names.is_empty())
        .map(|names| names.iter().filter_map(Value::as_str).collect());
    for name in only.iter().flatten() {
        if pool.schema.rule(name).is_none() {
            return Err(missing_attribute());
        }
    }
    let visible_until = call
        .now
        .0
        .saturating_sub(u64::try_from(call.config.listing.delay.as_millis()).unwrap_or(0));
    let visible =
        |user: &User| call.config.listing.delay.is_zero() || user.created.0 <= visible_until;
    let (users, more) = match filter
        .as_ref()
        .and_then(|filter| exact(&pool.users, filter))
    {
        Some(found) => (
            found.into_iter().filter(|user| visible(user)).collect(),
            None,
        ),
        None => {
            let matches = |user: &User| {
                visible(user)
                    && filter.as_ref().is_none_or(|filter| filter.matches(user))
                    && one_in.is_none_or(|one_in| !user.sub.0.as_u128().is_multiple_of(one_in))
            };
            page(&pool.users, after, limit, looked_at, matches)
        }
    };
    if let Some(only) = &only {
        let has = |user: &User, name: &&str| {
            *name == "sub"
                || user.attribute(name).is_some()
                || *name == "identities" && !user.links().is_empty()
        };
        // "naming an attribute some user lacks makes the call fail" (facts D \[MODEL\]).
        if users
            .iter()
            .any(|user: &&User| !only.iter().all(|name| has(user, name)))
        {
            return Err(missing_attribute());
        }
    }
    let users = users
        .into_iter()
        .map(|user| UserView {
            user,
            only: only.as_deref(),
        })
        .collect();
    let pagination_token = more.map(|sub| tokens.issue(sub.0.as_bytes(), call.now));
    to_reply(&Page {
        users,
        pagination_token,
    })
}

/// Text \[UNV\].
fn missing_attribute() -> ServiceError {
    ServiceError::invalid_parameter("One or more requested attributes do not exist in user pool.")
}

/// The page size: the caller's limit, 0 being the default, or less where the simulator is told to be short.
pub(crate) fn page_limit(call: &Call<'_>, state: &mut State) -> usize {
    let limit = match call.integer("Limit") {
        Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(PAGE),
        _ => PAGE,
    };
    if call.config.listing.short_pages {
        state.rng.random_range(0..=limit)
    } else {
        limit
    }
}

/// The next page, among `looked_at` users: up to `limit` matches, and the sub after which to go on if there may be more.
fn page(
    users: &Directory,
    after: Option<Sub>,
    limit: usize,
    looked_at: usize,
    matches: impl Fn(&User) -> bool,
) -> (Vec<&User>, Option<Sub>) {
    let mut found = Vec::with_capacity(limit.min(PAGE));
    let mut last = after;
    for (scanned, user) in users.after(after).enumerate() {
        if found.len() >= limit || scanned >= looked_at {
            // An empty first page goes on from before every random sub.
            return (found, Some(last.unwrap_or(Sub(uuid::Uuid::nil()))));
        }
        if matches(user) {
            found.push(user);
        }
        last = Some(user.sub);
    }
    (found, None)
}

/// The position in a token of this list.
pub(crate) fn sub_of(position: &[u8]) -> Result<Sub, ServiceError> {
    uuid::Uuid::from_slice(position)
        .map(Sub)
        .map_err(|_| ServiceError::invalid_parameter("Invalid pagination token."))
}

/// What an index answers at once: at most one user.
fn exact<'u>(users: &'u Directory, filter: &Filter) -> Option<Vec<&'u User>> {
    if filter.prefix {
        return None;
    }
    let found = match filter.attribute {
        // The username is compared with regard to case whatever the pool's rule (facts D).
        Attribute::Username => users.by_username(&filter.value),
        Attribute::Sub => Sub::parse(&filter.value).and_then(|sub| users.by_sub(sub)),
        _ => return None,
    };
    Some(
        found
            .into_iter()
            .filter(|user| filter.matches(user))
            .collect(),
    )
}

pub(crate) fn to_reply(page: &impl Serialize) -> Answer {
    serde_json::to_vec(page)
        .map(Reply)
        .map_err(|error| ServiceError::internal(error.to_string()))
}
