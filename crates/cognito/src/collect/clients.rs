//! App clients and their secrets.

use std::sync::OnceLock;

use futures::TryStreamExt;
use model::UserPoolId;
use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::{SectionRead, or_nothing, settle, some_at_a_time};
use super::{Pool, Readings};
use crate::call::Cognito;
use crate::error::{CognitoError, ErrorKind};
use crate::operation::Operation;
use crate::pages::Pages;

/// The ids of the pool's clients.
pub(super) async fn ids(cognito: &Cognito, pool: &UserPoolId) -> Result<Vec<String>, CognitoError> {
    let listed = cognito.list(Operation::ListUserPoolClients, pool).await?;
    let id = |client: &Value| client.get("ClientId")?.as_str().map(str::to_owned);
    Ok(listed.iter().filter_map(id).collect())
}

/// The `UserPoolClient` of each client, and beside it the secrets of each that has any: ids and
/// dates, never values (facts A.6). Clients that were deleted since they were listed are left out.
///
/// # Errors
/// When the clients cannot be read; where only the secrets cannot, their section says so.
pub(super) async fn clients_and_secrets(pool: &Pool<'_>) -> Result<Readings, CognitoError> {
    let failed = OnceLock::new();
    let read = some_at_a_time(pool.client_ids(), async |id| {
        let operation = Operation::DescribeUserPoolClient;
        let request = pool.request_for_client(id);
        let mut answer = or_nothing(pool.cognito.call(operation, &request).await)?;
        let client = answer.get_mut("UserPoolClient").map(Value::take);
        let client = client.unwrap_or(Value::Null);
        let mut secrets = Value::Null;
        if failed.get().is_none() {
            match secrets_of(pool, &client, id).await {
                Ok(found) => secrets = found,
                // Only the first is told.
                Err(error) => drop(failed.set(error)),
            }
        }
        Ok((client, secrets))
    });
    let read: Vec<(Value, Value)> = read.try_collect().await?;
    let (clients, secrets): (Vec<Value>, Vec<Value>) = read.into_iter().unzip();
    let there = |values: Vec<Value>| {
        let there = values.into_iter().filter(|value| !value.is_null());
        Value::Array(there.collect())
    };
    let secrets = match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(there(secrets)),
    };
    Ok(vec![
        (Section::AppClients, SectionRead::Found(there(clients))),
        (Section::ClientSecrets, settle(secrets)),
    ])
}

/// A client may have secrets and show none (facts 0.1), so each is asked; one that shows none may
/// be refused, for it is a public client. Clients that registered themselves (DCR) have no secret
/// operations (facts A.6).
async fn secrets_of(pool: &Pool<'_>, client: &Value, id: &str) -> Result<Value, CognitoError> {
    let registered_itself = client.get("ClientType").and_then(Value::as_str) == Some("DCR");
    if client.is_null() || registered_itself {
        return Ok(Value::Null);
    }
    let operation = Operation::ListUserPoolClientSecrets;
    let pages = Pages::new(pool.cognito, operation, pool.request_for_client(id))?;
    let shows_secret = client.get("ClientSecret").is_some_and(Value::is_string);
    let secrets = match pages.all().await {
        Err(error) if !shows_secret && error.is(ErrorKind::Refused) => Vec::new(),
        Err(error) if error.is(ErrorKind::Missing) => Vec::new(),
        secrets => secrets?,
    };
    Ok(match secrets.is_empty() {
        true => Value::Null,
        false => json!({"ClientId": id, "ClientSecrets": secrets}),
    })
}
