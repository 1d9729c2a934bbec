//! Managed login styles.

use cognito::{CognitoError, ErrorKind, Operation};
use model::UserPoolId;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState};
use serde_json::{Value, json};

use super::create::concerns_every_item;
use super::{about, new_client};
use crate::context::{Existing, Restore};
use crate::document::{Document, member, object, remove, text, token};
use crate::error::RestoreError;
use crate::once::{self, Second};
use crate::relocation::tell_if_missing;
use crate::step::{News, StepProgress, StepResult};

const SECTION: Section = Section::ManagedLoginBranding;
/// A request may have 2 MB (facts A.12); the rest is for ids and the envelope.
const LARGEST_REQUEST: usize = 1_900_000;

/// Creates the managed login style of each client that had its own.
///
/// Runs after the clients and the domains. A style of more than 2 MB is created with the assets
/// that fit, and updated with the others (facts A.12). A client has one style at most: a repeated
/// step finds it and sends the later parts again. Where what is there [is
/// changed](Existing::IsChanged), a style with an id is one that is there.
///
/// # Errors
/// Errors of Cognito itself; a style that is refused is a finding.
pub async fn managed_login_branding(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let head = restore.head();
    let mut news = News::default();
    tell_if_missing(head, SECTION, &mut news);
    let styles = head.list(SECTION);
    if styles.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let pool = restore.target(state)?;
    let mut made = 0;
    for style in styles {
        if restore.stop.is_requested() {
            return Ok(StepProgress::InProgress);
        }
        let style = object(style);
        let old = member(&style, "ClientId").unwrap_or_default().to_owned();
        let Some(client) = new_client(state, SECTION, &old, &mut news) else {
            continue;
        };
        let there = member(&style, "ManagedLoginBrandingId")
            .filter(|_| restore.existing == Existing::IsChanged)
            .map(str::to_owned);
        let parts = parts(style, &old, &mut news);
        let result = match there {
            Some(id) => update(restore, pool, &id, parts).await,
            None => bring(restore, pool, &client, parts).await,
        };
        match result {
            Ok(()) => made += 1,
            Err(error) if concerns_every_item(&error) && !error.is(ErrorKind::Quota) => {
                return Err(error.into());
            }
            Err(error) => news.finding(
                Finding::new(
                    FindingKind::Failed,
                    format!("style of client {old}"),
                    error.to_string(),
                )
                .announcing(SECTION, &token(&old)),
            ),
        }
    }
    let result = if made > 0 {
        StepResult::restored(made)
    } else {
        StepResult::failed("no style came back")
    };
    Ok(result.telling(news).into())
}

async fn bring(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    client: &str,
    mut parts: Vec<Document>,
) -> Result<(), CognitoError> {
    if parts.is_empty() {
        return Ok(());
    }
    let mut first = about(pool, parts.remove(0));
    first["ClientId"] = client.into();
    let operation = Operation::CreateManagedLoginBranding;
    let look = async || existing(restore, pool, client).await;
    let answer = match once::create(restore, operation, &first, Second::Refuses, look).await {
        Err(error) if error.is(ErrorKind::AlreadyExists) => look().await?.unwrap_or_default(),
        result => result?,
    };
    let id = text(&answer, "/ManagedLoginBranding/ManagedLoginBrandingId")
        .ok_or_else(|| CognitoError::unexpected_answer(operation, "style's id"))?;
    update(restore, pool, id, parts).await
}

/// Sends parts of a style to one that is there.
async fn update(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    id: &str,
    parts: Vec<Document>,
) -> Result<(), CognitoError> {
    for part in parts {
        let mut part = about(pool, part);
        part["ManagedLoginBrandingId"] = id.into();
        let operation = Operation::UpdateManagedLoginBranding;
        restore.cognito.call(operation, &part).await?;
    }
    Ok(())
}

/// The client's style, if it has one.
async fn existing(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    client: &str,
) -> Result<Option<Value>, CognitoError> {
    let operation = Operation::DescribeManagedLoginBrandingByClient;
    let request = json!({"UserPoolId": pool.as_str(), "ClientId": client});
    match restore.cognito.call(operation, &request).await {
        Err(error) if error.is(ErrorKind::Missing) => Ok(None),
        result => result.map(Some),
    }
}

/// The requests for a style: one that creates it, and as many as its assets take.
fn parts(mut style: Document, client: &str, news: &mut News) -> Vec<Document> {
    remove(
        &mut style,
        &[
            "ManagedLoginBrandingId",
            "UserPoolId",
            "ClientId",
            "CreationDate",
            "LastModifiedDate",
        ],
    );
    let assets = match style.shift_remove("Assets") {
        Some(Value::Array(assets)) => assets,
        _ => Vec::new(),
    };
    // "useCognitoProvidedValues or settings should be specified (but not both)" (facts A.12).
    if style.get("UseCognitoProvidedValues") == Some(&Value::Bool(true)) {
        style.shift_remove("Settings");
    } else {
        style.shift_remove("UseCognitoProvidedValues");
        style.entry("Settings").or_insert_with(|| json!({}));
    }
    let mut size = Value::Object(style.clone()).to_string().len();
    let mut current: Vec<Value> = Vec::new();
    let mut batches = Vec::new();
    for (index, asset) in assets.into_iter().enumerate() {
        let mut asset = object(&asset);
        // It names an asset that the lost pool stored; the bytes make a new one.
        asset.shift_remove("ResourceId");
        if !asset.contains_key("Bytes") {
            let item = format!("asset {index} of the style of client {client}");
            let reason = "the backup does not hold its bytes";
            news.finding(
                Finding::new(FindingKind::Degraded, item, reason)
                    .announcing(SECTION, &format!("{}/Assets", token(client))),
            );
            continue;
        }
        let asset = Value::Object(asset);
        let length = asset.to_string().len();
        // The first request may go without assets: its settings can be large.
        let can_close = batches.is_empty() || !current.is_empty();
        if size + length > LARGEST_REQUEST && can_close {
            batches.push(std::mem::take(&mut current));
            size = 0;
        }
        size += length;
        current.push(asset);
    }
    if !current.is_empty() || batches.is_empty() {
        batches.push(current);
    }
    let mut requests: Vec<Document> = Vec::new();
    for batch in batches {
        let mut request = if requests.is_empty() {
            style.clone()
        } else {
            Document::new()
        };
        if !batch.is_empty() {
            request.insert("Assets".into(), batch.into());
        }
        requests.push(request);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asset(bytes: usize) -> Value {
        json!({"Category": "PAGE_HEADER_LOGO", "ColorMode": "LIGHT", "Extension": "PNG", "Bytes": "A".repeat(bytes), "ResourceId": "r"})
    }

    #[test]
    fn a_style_is_sent_with_settings_or_with_cognitos_own_values() {
        let mut news = News::default();
        let style = object(
            &json!({"ManagedLoginBrandingId": "i", "UserPoolId": "p", "ClientId": "c", "UseCognitoProvidedValues": false, "Settings": {"a": 1.5}, "Assets": [asset(4)], "CreationDate": 1}),
        );
        let sent = parts(style, "c", &mut news);
        assert_eq!(sent.len(), 1);
        assert_eq!(
            Value::Object(sent[0].clone()),
            json!({"Settings": {"a": 1.5}, "Assets": [{"Category": "PAGE_HEADER_LOGO", "ColorMode": "LIGHT", "Extension": "PNG", "Bytes": "AAAA"}]})
        );
        let style =
            object(&json!({"UseCognitoProvidedValues": true, "Settings": {}, "Assets": []}));
        assert_eq!(
            parts(style, "c", &mut news),
            [object(&json!({"UseCognitoProvidedValues": true}))]
        );
        assert_eq!(news, News::default());
    }

    #[test]
    fn an_asset_without_bytes_is_told() {
        let mut news = News::default();
        let style =
            object(&json!({"Settings": {}, "Assets": [{"Category": "X", "ResourceId": "r"}]}));
        assert_eq!(
            parts(style, "c", &mut news),
            [object(&json!({"Settings": {}}))]
        );
        assert_eq!(
            news.findings[0].announces,
            ["managed_login_branding/c/Assets"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_asset_is_lost_and_no_request_is_too_large(sizes in prop::collection::vec(0usize..1_300_000, 0..8)) {
            let assets: Vec<Value> = sizes.iter().map(|size| asset(*size)).collect();
            let style = object(&json!({"Settings": {"s": "x".repeat(100_000)}, "Assets": assets}));
            let sent = parts(style, "c", &mut News::default());
            let count: usize = sent.iter().map(|part| part.get("Assets").and_then(Value::as_array).map_or(0, Vec::len)).sum();
            prop_assert_eq!(count, sizes.len());
            for part in &sent {
                prop_assert!(Value::Object(part.clone()).to_string().len() < 2 * 1024 * 1024);
            }
            prop_assert!(sent[1..].iter().all(|part| !part.contains_key("Settings")));
        }
    }
}
