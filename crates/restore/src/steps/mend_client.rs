//! An app client that is there: one that lacks what was missing when it was made (an identity
//! provider, a resource server), and one that is to be what the backup says.

use cognito::{CognitoError, Operation};
use model::{AppClientId, UserPoolId};
use serde_json::{Value, json};

use super::create::clear_what_is_left_out;
use super::{about, client_document};
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

/// Lists that mean another one when they are empty: left out, a client has the attributes that
/// every client has (facts A.6).
const NOT_CLEARED: [&str; 2] = ["ReadAttributes", "WriteAttributes"];

/// Makes the client what the creation `wanted` would make, but for its secret, which no call
/// changes. Every member is said: what the client has beyond is cleared (facts 0.1).
///
/// # Errors
/// [`CognitoError`] when the client cannot be read, or Cognito refuses the update.
pub(super) async fn change(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    client: &AppClientId,
    wanted: Document,
) -> Result<(), CognitoError> {
    let request = json!({"UserPoolId": pool.as_str(), "ClientId": client});
    let operation = Operation::DescribeUserPoolClient;
    let answer = restore.cognito.call(operation, &request).await?;
    let mut request = whole_update(&answer["UserPoolClient"], wanted);
    let operation = Operation::UpdateUserPoolClient;
    let result = restore
        .cognito
        .call(operation, &about(pool, request.clone()))
        .await;
    match result {
        Err(error) if client_document::must_refresh(&error) => {
            client_document::allow_refresh(&mut request);
            let request = about(pool, request);
            restore.cognito.call(operation, &request).await.map(drop)
        }
        result => result.map(drop),
    }
}

/// The update that says every member of `wanted`, and clears the others.
fn whole_update(there: &Value, mut wanted: Document) -> Document {
    remove(&mut wanted, COMPUTED);
    for name in NOT_CLEARED {
        if !wanted.contains_key(name) {
            wanted.insert(name.into(), Value::Null);
        }
    }
    let mut cleared = object(there);
    remove(&mut cleared, COMPUTED);
    // Both have a default that can be said, or no empty form.
    remove(
        &mut cleared,
        &["TokenValidityUnits", "AnalyticsConfiguration"],
    );
    if cleared.shift_remove("RefreshTokenRotation").is_some() {
        let off = json!({"Feature": "DISABLED"});
        wanted.entry("RefreshTokenRotation").or_insert(off);
    }
    clear_what_is_left_out(&mut wanted, &Value::Object(cleared));
    let mut request = object(&Value::Object(wanted));
    if let Some(id) = there.get("ClientId") {
        request.insert("ClientId".into(), id.clone());
    }
    without_period_of_no_rotation(&mut request);
    request
}

/// A rotation that is off is shown with a period that only one that is on has.
fn without_period_of_no_rotation(request: &mut Document) {
    let rotation = request
        .get("RefreshTokenRotation")
        .and_then(Value::as_object);
    if rotation.is_some_and(|rotation| member(rotation, "Feature") == Some("DISABLED")) {
        request.insert(
            "RefreshTokenRotation".into(),
            json!({"Feature": "DISABLED"}),
        );
    }
}

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
    without_period_of_no_rotation(&mut request);
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
