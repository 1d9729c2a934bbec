//! App clients and their secrets.

use model::UserPoolId;
use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::{each, or_nothing, settle};
use super::{Pool, Readings};
use crate::call::Cognito;
use crate::error::CognitoError;
use crate::operation::Operation;
use crate::pages::Pages;

/// The id of a client.
pub(super) fn id(client: &Value) -> Option<&str> {
    client.get("ClientId").and_then(Value::as_str)
}

/// The `UserPoolClient` of each client; those deleted since they were listed are left out.
pub(super) async fn app_clients(
    cognito: &Cognito,
    pool: &UserPoolId,
) -> Result<Vec<Value>, CognitoError> {
    let listed = cognito.list(Operation::ListUserPoolClients, pool).await?;
    each(listed.iter().filter_map(id), async |client| {
        let operation = Operation::DescribeUserPoolClient;
        let request = json!({"UserPoolId": pool.as_str(), "ClientId": client});
        let answer = or_nothing(cognito.call(operation, &request).await)?;
        Ok(answer.get("UserPoolClient").cloned().unwrap_or(Value::Null))
    })
    .await
}

/// The secrets of each client that has any: ids and dates, never values (facts A.6). Clients
/// that registered themselves (DCR) have no secret operations (facts A.6).
pub(super) async fn secrets(pool: &Pool<'_>) -> Readings {
    let with_secret = pool.clients.iter().filter(|client| {
        let registered_itself = client.get("ClientType").and_then(Value::as_str) == Some("DCR");
        client.get("ClientSecret").is_some_and(Value::is_string) && !registered_itself
    });
    let secrets = each(with_secret.filter_map(id), async |client| {
        let request = pool.request_for_client(client);
        let operation = Operation::ListUserPoolClientSecrets;
        let pages = Pages::new(pool.cognito, operation, request)?;
        let secrets = or_nothing(pages.all().await.map(Value::Array))?;
        Ok(match secrets {
            Value::Null => Value::Null,
            secrets => json!({"ClientId": client, "ClientSecrets": secrets}),
        })
    });
    vec![(
        Section::ClientSecrets,
        settle(secrets.await.map(Value::Array)),
    )]
}
