//! One request of a backup, and what its answer means.

use cognito::collect::Collector;
use cognito::{Cognito, CognitoError, ErrorKind, Operation};
use jiff::Timestamp;
use model::UserPoolId;
use serde_json::{Value, json};

use super::{ChainProblem, MembersPage, Page, Users};
use crate::ahead::Next;
use crate::listing::Prefix;
use crate::preferences::Asks;

pub(super) async fn page_of_users(
    collector: &Collector<'_>,
    pool: &UserPoolId,
    prefix: &Prefix,
    token: Option<String>,
    is_of_shard: bool,
) -> Result<Page, ChainProblem> {
    let by_token = token.is_some();
    let read = async {
        let pages = collector.users_found_by(pool, prefix.filter().as_deref())?;
        let mut pages = pages.from_token(token);
        let users = pages.next().await?.unwrap_or_default();
        Ok::<_, CognitoError>((users, pages))
    };
    let read = read.await;
    let (mut users, pages) = read.map_err(|error| ChainProblem::Error { error, by_token })?;
    if is_of_shard {
        users.retain(|user| prefix.holds(user));
    } else if !users.iter().all(|user| prefix.holds(user)) {
        return Err(ChainProblem::ListsOthers);
    }
    Ok(Page {
        prefix: prefix.clone(),
        listed: users.len(),
        users: Users::Listed(users),
        bytes: pages.bytes(),
        next: pages.token().map(str::to_owned),
        arrived: Timestamp::now(),
    })
}

pub(super) async fn page_of_members(
    cognito: &Cognito,
    waf: &aws_sdk_wafv2::Client,
    pool: &UserPoolId,
    group: &str,
    token: Option<String>,
) -> Result<MembersPage, CognitoError> {
    let collector = Collector::new(cognito, waf);
    let mut pages = collector.members(pool, group)?.from_token(token);
    match pages.next_as().await {
        Ok(members) => {
            let next = pages
                .token()
                .map(|token| Next::Page(Some(token.to_owned())));
            let members = members.unwrap_or_default();
            Ok(MembersPage::Members(members, next.unwrap_or(Next::End)))
        }
        // Deleted since the groups were listed; or is it the pool?
        Err(error) if error.is(ErrorKind::Missing) => {
            let request = json!({"UserPoolId": pool.as_str()});
            cognito.call(Operation::DescribeUserPool, &request).await?;
            Ok(MembersPage::NoGroup)
        }
        Err(error) => Err(error),
    }
}

/// The user with the MFA preference. A user who was deleted since the listing, or whom Cognito
/// does not tell about, stays as listed.
pub(super) async fn with_preference(
    cognito: &Cognito,
    waf: &aws_sdk_wafv2::Client,
    pool: &UserPoolId,
    asks: Asks,
    mut user: Value,
) -> Result<Value, CognitoError> {
    let username = user.get("Username").and_then(Value::as_str);
    let Some(username) = username.filter(|_| asks.for_user(&user)) else {
        return Ok(user);
    };
    let collector = Collector::new(cognito, waf);
    match collector.mfa_preference(pool, username).await {
        Ok(preference) => {
            if let Value::Object(members) = &mut user {
                members.extend(preference);
            }
            Ok(user)
        }
        Err(error) if error.is(ErrorKind::Missing) || error.is(ErrorKind::Refused) => {
            tracing::debug!(code = error.code, "a user's MFA preference was not given");
            Ok(user)
        }
        Err(error) => Err(error),
    }
}
