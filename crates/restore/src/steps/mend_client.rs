//! An app client that is there and lacks what was missing when it was made: an identity
//! provider, a resource server.

use cognito::{CognitoError, Operation};
use model::{AppClientId, UserPoolId};
use serde_json::{Value, json};

use super::about;
use crate::context::Restore;
use crate::document::{Document, member, object, remove};

/// What Describe shows or a creation takes, and an update does not (facts A.6).
const COMPUTED: &[&str] = &[
    "ClientSecret",
    "ClientType",
    "CreationDate",
    "GenerateSecret",
    "LastModifiedDate",
];

/// Gives the client what `wanted` has and it lacks. What it has beyond stays: somebody may have
/// changed it since.
///
/// # Errors
/// [`CognitoError`] when the client cannot be read, or Cognito refuses the update.
pub(super) async fn mend(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    client: &AppClientId,
    wanted: &Document,
) -> Result<(), CognitoError> {
    let request = json!({"UserPoolId": pool.as_str(), "ClientId": client});
    let operation = Operation::DescribeUserPoolClient;
    let answer = restore.cognito.call(operation, &request).await?;
    let Some(request) = update(&answer["UserPoolClient"], wanted) else {
        return Ok(());
    };
    let operation = Operation::UpdateUserPoolClient;
    restore
        .cognito
        .call(operation, &about(pool, request))
        .await?;
    Ok(())
}

/// The update that says every member (facts 0.1): those of the client, its lists with what they
/// lack. Where a list grows, the members that go with it are the wanted ones. `None` when
/// nothing is lacking.
fn update(there: &Value, wanted: &Document) -> Option<Document> {
    let mut request = object(there);
    remove(&mut request, COMPUTED);
    let mut grows = false;
    for (name, wanted) in wanted {
        let Value::Array(wanted) = wanted else {
            continue;
        };
        let list = request.entry(name.as_str()).or_insert_with(|| json!([]));
        let Value::Array(list) = list else { continue };
        let lacking: Vec<Value> = wanted
            .iter()
            .filter(|element| !list.contains(element))
            .cloned()
            .collect();
        grows |= !lacking.is_empty();
        list.extend(lacking);
    }
    if !grows {
        return None;
    }
    for (name, wanted) in wanted {
        if !wanted.is_array() {
            request.insert(name.clone(), wanted.clone());
        }
    }
    remove(&mut request, COMPUTED);
    // Shown with a period that only rotation has.
    let rotation = request
        .get("RefreshTokenRotation")
        .and_then(Value::as_object);
    if rotation.is_some_and(|rotation| member(rotation, "Feature") == Some("DISABLED")) {
        request.insert(
            "RefreshTokenRotation".into(),
            json!({"Feature": "DISABLED"}),
        );
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_lacks_and_keeps_what_it_has() {
        let wanted = object(&json!({
            "ClientName": "web", "ClientSecret": "s", "SupportedIdentityProviders": ["COGNITO", "SignInWithApple"],
            "CallbackURLs": ["https://a"], "AllowedOAuthFlowsUserPoolClient": true,
        }));
        let there = json!({
            "UserPoolId": "p", "ClientId": "c", "ClientName": "web", "ClientSecret": "s", "CreationDate": 1, "LastModifiedDate": 2,
            "SupportedIdentityProviders": ["COGNITO", "Google"], "CallbackURLs": ["https://a", "https://since"],
            "AllowedOAuthFlowsUserPoolClient": false, "RefreshTokenValidity": 5,
            "RefreshTokenRotation": {"Feature": "DISABLED", "RetryGracePeriodSeconds": 0},
        });
        assert_eq!(
            Value::Object(update(&there, &wanted).unwrap()),
            json!({
                "UserPoolId": "p", "ClientId": "c", "ClientName": "web",
                "SupportedIdentityProviders": ["COGNITO", "Google", "SignInWithApple"],
                "CallbackURLs": ["https://a", "https://since"], "AllowedOAuthFlowsUserPoolClient": true,
                "RefreshTokenValidity": 5, "RefreshTokenRotation": {"Feature": "DISABLED"},
            })
        );
        assert_eq!(update(&json!(wanted), &wanted), None);
    }
}
