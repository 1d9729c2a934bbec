//! Threat protection: the pool's risk configuration and those of its clients (facts A.14).

use model::inventory::Section;
use serde_json::Value;

use super::reading::{each, or_nothing, settle};
use super::{Pool, Readings};
use crate::error::CognitoError;
use crate::operation::Operation;

/// The members that are settings; the others name the pool, the client and a date.
const NOT_SETTINGS: [&str; 3] = ["UserPoolId", "ClientId", "LastModifiedDate"];

pub(super) async fn risk(pool: &Pool<'_>) -> Readings {
    let own = configuration(pool, pool.request()).await;
    let of_clients = match &own {
        Ok(own) => {
            let read = each(pool.client_ids(), async |client| {
                let shown = configuration(pool, pool.request_for_client(client)).await?;
                Ok(if is_own(&shown, client, own) {
                    shown
                } else {
                    Value::Null
                })
            });
            settle(read.await.map(Value::Array))
        }
        // What the pool does not have, its clients do not have either.
        Err(error) => settle(Err(error.clone())),
    };
    vec![
        (Section::RiskConfiguration, settle(own)),
        (Section::ClientRiskConfigurations, of_clients),
    ]
}

async fn configuration(pool: &Pool<'_>, request: Value) -> Result<Value, CognitoError> {
    let operation = Operation::DescribeRiskConfiguration;
    let mut answer = or_nothing(pool.cognito.call(operation, &request).await)?;
    let shown = answer.get_mut("RiskConfiguration").map(Value::take);
    Ok(shown
        .filter(|shown| settings(shown).next().is_some())
        .unwrap_or(Value::Null))
}

/// Whether what is shown for `client` is its own: a client without settings of its own is shown
/// the pool's (facts A.14).
fn is_own(shown: &Value, client: &str, of_pool: &Value) -> bool {
    let named = shown.get("ClientId").and_then(Value::as_str) == Some(client);
    named && !settings(shown).eq(settings(of_pool))
}

fn settings(configuration: &Value) -> impl Iterator<Item = (&String, &Value)> {
    configuration
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !NOT_SETTINGS.contains(&name.as_str()) && !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_settings_that_differ_from_the_pools_are_a_clients_own() {
        let blocks = json!({"EventFilter": ["SIGN_IN"]});
        let of_pool = json!({"UserPoolId": "p", "CompromisedCredentialsRiskConfiguration": blocks});
        for (shown, own) in [
            (
                json!({"UserPoolId": "p", "ClientId": "c", "RiskExceptionConfiguration": {}}),
                true,
            ),
            (
                json!({"UserPoolId": "p", "CompromisedCredentialsRiskConfiguration": blocks}),
                false,
            ),
            (
                json!({"UserPoolId": "p", "ClientId": "c", "LastModifiedDate": 1,
                       "CompromisedCredentialsRiskConfiguration": blocks}),
                false,
            ),
            (Value::Null, false),
        ] {
            assert_eq!(is_own(&shown, "c", &of_pool), own, "{shown}");
        }
    }
}
