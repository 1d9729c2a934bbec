//! What users see: classic hosted-UI customization with its logos, managed-login branding, terms.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::{SectionRead, each, or_nothing, settle};
use super::{Pool, Readings};
use crate::error::CognitoError;
use crate::fetch;
use crate::operation::Operation;

/// The client id under which the pool's own customization goes.
const POOL: &str = "ALL";

pub(super) async fn appearance(pool: &Pool<'_>) -> Readings {
    let (mut readings, branding, terms) = tokio::join!(
        ui_customizations(pool),
        managed_login_branding(pool),
        terms(pool)
    );
    let branding = settle(branding.map(Value::Array));
    readings.push((Section::ManagedLoginBranding, branding));
    readings.push((Section::Terms, settle(terms.map(Value::Array))));
    readings
}

/// Without a domain Cognito refuses to show any customization (facts A.11).
async fn ui_customizations(pool: &Pool<'_>) -> Readings {
    let all = |reading: SectionRead| {
        vec![
            (Section::UiCustomization, reading.clone()),
            (Section::ClientUiCustomizations, reading.clone()),
            (Section::UiImages, reading),
        ]
    };
    if !pool.has_domain() {
        let reason = "the pool has no domain, without which Cognito shows no customization";
        return all(SectionRead::NotRead(reason.into()));
    }
    let own = customization(pool, POOL).await;
    let of_clients = each(pool.client_ids(), async |client| {
        customization(pool, client).await
    })
    .await;
    let (own, of_clients) = match (own, of_clients) {
        (Ok(own), Ok(of_clients)) => (own, of_clients),
        (own, of_clients) => {
            let of_clients = of_clients.map(Value::Array);
            let images = match (&own, &of_clients) {
                (Err(error), _) | (_, Err(error)) => Err(error.clone()),
                _ => Ok(Value::Null),
            };
            return vec![
                (Section::UiCustomization, settle(own)),
                (Section::ClientUiCustomizations, settle(of_clients)),
                (Section::UiImages, settle(images)),
            ];
        }
    };
    let images = images(std::iter::once(&own).chain(&of_clients)).await;
    vec![
        (Section::UiCustomization, SectionRead::Found(own)),
        (
            Section::ClientUiCustomizations,
            SectionRead::Found(Value::Array(of_clients)),
        ),
        (Section::UiImages, images),
    ]
}

/// The customization that belongs to `client` itself. A client that has none is shown the
/// pool's, under the pool's `ClientId` (facts A.11): taken for its own, inheritance would turn
/// into overrides.
async fn customization(pool: &Pool<'_>, client: &str) -> Result<Value, CognitoError> {
    let operation = Operation::GetUICustomization;
    let request = match client {
        POOL => pool.request(),
        client => pool.request_for_client(client),
    };
    let mut answer = or_nothing(pool.cognito.call(operation, &request).await)?;
    let shown = answer.get_mut("UICustomization").map(Value::take);
    Ok(shown
        .filter(|shown| belongs_to(shown, client))
        .unwrap_or(Value::Null))
}

fn belongs_to(customization: &Value, client: &str) -> bool {
    customization.get("ClientId").and_then(Value::as_str) == Some(client)
}

/// The logos themselves: their addresses die with the pool (facts A.11). One that cannot be read
/// stands there with the error; where none can, the section could not be read.
async fn images<'a>(customizations: impl Iterator<Item = &'a Value>) -> SectionRead {
    let mut images = Vec::new();
    let mut first_error = None;
    let mut read = false;
    for customization in customizations {
        let member = |name| customization.get(name).and_then(Value::as_str);
        let (Some(client), Some(url)) = (member("ClientId"), member("ImageUrl")) else {
            continue;
        };
        match fetch::logo(url).await {
            Ok(logo) => {
                read = true;
                images.push(json!({
                    "ClientId": client,
                    "ContentType": logo.content_type,
                    "Data": BASE64_STANDARD.encode(logo.bytes),
                }));
            }
            Err(error) => {
                tracing::warn!(client, %error, "a logo could not be read");
                images.push(json!({"ClientId": client, "Error": error.to_string()}));
                first_error.get_or_insert(format!("the logo of {client}: {error}"));
            }
        }
    }
    match first_error {
        Some(error) if !read => SectionRead::Failed(error),
        _ => SectionRead::Found(Value::Array(images)),
    }
}

/// The branding of each client that has one. There is no list operation, and what is returned
/// does not name its client (facts A.12): `ClientId` is added.
async fn managed_login_branding(pool: &Pool<'_>) -> Result<Vec<Value>, CognitoError> {
    each(pool.client_ids(), async |client| {
        let operation = Operation::DescribeManagedLoginBrandingByClient;
        let mut request = pool.request_for_client(client);
        // Only what was customized: the rest is Cognito's own, and may change with it.
        request["ReturnMergedResources"] = false.into();
        let mut answer = or_nothing(pool.cognito.call(operation, &request).await)?;
        let branding = answer.get_mut("ManagedLoginBranding").map(Value::take);
        Ok(match branding {
            Some(Value::Object(mut branding)) => {
                branding.insert("ClientId".into(), client.into());
                Value::Object(branding)
            }
            _ => Value::Null,
        })
    })
    .await
}

async fn terms(pool: &Pool<'_>) -> Result<Vec<Value>, CognitoError> {
    let listed = pool.cognito.list(Operation::ListTerms, pool.id).await?;
    let ids = listed
        .iter()
        .filter_map(|terms| terms.get("TermsId").and_then(Value::as_str));
    each(ids, async |id| {
        let request = json!({"UserPoolId": pool.id.as_str(), "TermsId": id});
        let answer = or_nothing(pool.cognito.call(Operation::DescribeTerms, &request).await)?;
        Ok(answer.get("Terms").cloned().unwrap_or(Value::Null))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inherited_customization_is_not_a_clients_own() {
        let inherited = json!({"ClientId": "ALL", "CSS": ".x {}"});
        let own = json!({"ClientId": "client1", "CSS": ".x {}"});
        assert!(!belongs_to(&inherited, "client1"));
        assert!(belongs_to(&own, "client1"));
        assert!(belongs_to(&inherited, POOL));
        assert!(!belongs_to(&json!({}), POOL), "nothing is set");
    }
}
