//! Lists of users: filters, tokens, users who change meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use cognito::Operation;
use serde_json::{Value, json};

use crate::cost::Unit;
use crate::question::{Need, Observed, Question};
use crate::scratch::{Pool, Scratch, Trouble};

/// How soon a new user has to be in the list.
const LISTED_WITHIN: Duration = Duration::from_secs(60);
/// Users of the pools here.
const USERS: u32 = 4;

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "listing.sub-prefix",
            "Does ListUsers find users by the beginning of `sub`?",
            "D, Appendix 2",
            "exactly those",
            |scratch| Box::pin(sub_prefix(scratch)),
        )
        .costs(Unit::ActiveUser, USERS),
        Question::new(
            "listing.deleted-meanwhile",
            "Does a chain of pages skip others where a user of a page already read is deleted?",
            "D, Appendix 2",
            "none skipped",
            |scratch| Box::pin(deleted_meanwhile(scratch)),
        )
        .costs(Unit::ActiveUser, USERS),
        Question::new(
            "listing.changed-meanwhile",
            "Does a chain of pages skip or repeat a user who is changed meanwhile?",
            "D, Appendix 2",
            "none skipped",
            |scratch| Box::pin(changed_meanwhile(scratch)),
        )
        .costs(Unit::ActiveUser, USERS),
        Question::new(
            "listing.foreign-token",
            "What does ListUsers answer to a token that it never issued?",
            "D",
            "refused as InvalidParameterException",
            |scratch| Box::pin(foreign_token(scratch)),
        ),
        Question::new(
            "listing.token-life",
            "Is a chain good that began 62 minutes ago, if its last token is 31 minutes old?",
            "D, Appendix 2",
            "accepted",
            |scratch| Box::pin(token_life(scratch)),
        )
        .costs(Unit::ActiveUser, USERS)
        .needs(Need::Long)
        .within(Duration::from_secs(70 * 60)),
    ]
}

/// A pool with some users, all of them listed.
async fn pool_with_users(scratch: &Scratch) -> Result<(Pool, Vec<String>), Trouble> {
    let pool = scratch.pool(json!({})).await?;
    let mut subs = Vec::new();
    for number in 0..USERS {
        let user = scratch
            .user(&pool, &format!("user-{number}"), json!({}))
            .await?;
        subs.extend(sub(&user, "Attributes"));
    }
    let began = tokio::time::Instant::now();
    while list(scratch, &pool, json!({})).await?.len() < subs.len() {
        if began.elapsed() > LISTED_WITHIN {
            return Err(Trouble::TooLong("listing new users".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok((pool, subs))
}

fn sub(user: &Value, member: &str) -> Option<String> {
    let attributes = user[member].as_array().into_iter().flatten();
    let mut subs = attributes.filter(|attribute| attribute["Name"] == "sub");
    subs.next()?["Value"].as_str().map(str::to_owned)
}

/// A page: the users' names and the token of the next one.
async fn page(
    scratch: &Scratch,
    pool: &Pool,
    more: Value,
) -> Result<(Vec<String>, Option<Value>), Trouble> {
    let mut request = json!({"UserPoolId": pool.id});
    crate::scratch::merge(&mut request, more);
    let mut page = scratch.call(Operation::ListUsers, request).await?;
    let users = page["Users"].as_array().into_iter().flatten();
    let names = users
        .filter_map(|user| user["Username"].as_str().map(str::to_owned))
        .collect();
    let token = page["PaginationToken"].take();
    Ok((names, (!token.is_null()).then_some(token)))
}

/// The names on all pages.
async fn list(scratch: &Scratch, pool: &Pool, more: Value) -> Result<Vec<String>, Trouble> {
    let mut request = more;
    let mut all = Vec::new();
    loop {
        let (names, token) = page(scratch, pool, request.clone()).await?;
        all.extend(names);
        match token {
            Some(token) => request["PaginationToken"] = token,
            None => return Ok(all),
        }
    }
}

async fn sub_prefix(scratch: &Scratch) -> Observed {
    let (pool, subs) = pool_with_users(scratch).await?;
    let digits: BTreeSet<&str> = subs.iter().filter_map(|sub| sub.get(..1)).collect();
    for digit in digits {
        let expected = subs.iter().filter(|sub| sub.starts_with(digit)).count();
        let mut request = json!({"UserPoolId": pool.id});
        request["Filter"] = json!(format!("sub ^= \"{digit}\""));
        match scratch.ask(Operation::ListUsers, request).await? {
            Ok(found) if found["Users"].as_array().map_or(0, Vec::len) == expected => {}
            Ok(_) => return Ok("others".to_owned()),
            Err(refusal) => return Ok(refusal.to_string()),
        }
    }
    Ok("exactly those".to_owned())
}

/// The rest of a chain after its first page, where `change` happens to the first page's user.
async fn rest_after(scratch: &Scratch, operation: Operation, change: Value) -> Observed {
    let (pool, _) = pool_with_users(scratch).await?;
    let (mut seen, token) = page(scratch, &pool, json!({"Limit": 1})).await?;
    let mut request = json!({"UserPoolId": pool.id, "Username": seen.first()});
    crate::scratch::merge(&mut request, change);
    scratch.call(operation, request).await?;
    seen.extend(
        list(
            scratch,
            &pool,
            json!({"Limit": 1, "PaginationToken": token}),
        )
        .await?,
    );
    let distinct: BTreeSet<&String> = seen.iter().collect();
    Ok(if distinct.len() < seen.len() {
        "some repeated".to_owned()
    } else if seen.len() < USERS as usize {
        format!("{} skipped", USERS as usize - seen.len())
    } else {
        "none skipped".to_owned()
    })
}

async fn deleted_meanwhile(scratch: &Scratch) -> Observed {
    rest_after(scratch, Operation::AdminDeleteUser, json!({})).await
}

async fn changed_meanwhile(scratch: &Scratch) -> Observed {
    let change = json!({"UserAttributes": [{"Name": "name", "Value": "Zoe"}]});
    rest_after(scratch, Operation::AdminUpdateUserAttributes, change).await
}

async fn foreign_token(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let request = json!({"UserPoolId": pool.id, "PaginationToken": "never-issued"});
    Ok(match scratch.ask(Operation::ListUsers, request).await? {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => format!("refused as {}", refusal.code),
    })
}

async fn token_life(scratch: &Scratch) -> Observed {
    let (pool, _) = pool_with_users(scratch).await?;
    let (_, mut token) = page(scratch, &pool, json!({"Limit": 1})).await?;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(31 * 60)).await;
        let request = json!({"UserPoolId": pool.id, "Limit": 1, "PaginationToken": token});
        match scratch.ask(Operation::ListUsers, request).await? {
            Ok(page) => token = Some(page["PaginationToken"].clone()),
            Err(refusal) => return Ok(refusal.to_string()),
        }
    }
    Ok("accepted".to_owned())
}
