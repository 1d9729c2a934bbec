//! Identity providers and resource servers.

use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::{each, or_nothing, settle};
use super::{Pool, Readings};
use crate::error::CognitoError;
use crate::operation::Operation;

pub(super) async fn providers_and_servers(pool: &Pool<'_>) -> Readings {
    let (providers, servers) = tokio::join!(
        identity_providers(pool),
        pool.list(Operation::ListResourceServers)
    );
    vec![
        (
            Section::IdentityProviders,
            settle(providers.map(Value::Array)),
        ),
        (Section::ResourceServers, servers),
    ]
}

/// The `IdentityProvider` of each provider, its secrets included (facts A.7).
async fn identity_providers(pool: &Pool<'_>) -> Result<Vec<Value>, CognitoError> {
    let operation = Operation::ListIdentityProviders;
    let listed = pool.cognito.list(operation, pool.id).await?;
    let names = listed
        .iter()
        .filter_map(|provider| provider.get("ProviderName").and_then(Value::as_str));
    each(names, async |name| {
        let request = json!({"UserPoolId": pool.id.as_str(), "ProviderName": name});
        let operation = Operation::DescribeIdentityProvider;
        let answer = or_nothing(pool.cognito.call(operation, &request).await)?;
        Ok(answer
            .get("IdentityProvider")
            .cloned()
            .unwrap_or(Value::Null))
    })
    .await
}
