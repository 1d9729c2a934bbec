//! Managed-login branding (facts A.12).

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::access::{self, objects, text_at};
use super::tiers::{self, Tier};
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Pool, State, Sub};

/// Styles of a pool (facts A.12 [DOC quotas]).
const STYLES: usize = 20;
/// The largest request (facts A.12 [MODEL]).
const REQUEST_BYTES: usize = 2 * 1024 * 1024;

pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    let (pool, rng) = access::writable_and_rng(call, state)?;
    require_managed_login(pool)?;
    let client_id = call.required("ClientId")?;
    access::client(pool, client_id)?;
    check(call, None)?;
    // [BENCH]: one of the two; that neither is refused as well is the text's reading.
    let uses_defaults = call.flag("UseCognitoProvidedValues");
    if !uses_defaults && !call.request.contains_key("Settings") {
        return Err(either_settings_or_defaults());
    }
    let is_of_client = |branding: &Document| text_at(branding, &["ClientId"]) == Some(client_id);
    // Facts A.12 [MODEL]; the text is unverified.
    if pool.brandings.values().any(is_of_client) {
        return Err(ServiceError::managed_login_branding_exists(
            "A managed login branding already exists for the app client.",
        ));
    }
    if pool.brandings.len() >= STYLES {
        return Err(access::limit_exceeded("branding styles", STYLES));
    }
    let id = Sub::random(rng).to_string();
    let mut branding = call.request.clone();
    branding.insert("ManagedLoginBrandingId".to_owned(), json!(id));
    branding.insert("UseCognitoProvidedValues".to_owned(), json!(uses_defaults));
    branding.insert("Assets".to_owned(), stored_assets(call, &[], rng));
    branding.insert("CreationDate".to_owned(), call.now.into());
    branding.insert("LastModifiedDate".to_owned(), call.now.into());
    let answer = described(&branding, false);
    pool.brandings.insert(id, branding);
    Ok(answer.into())
}

pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let branding = pool
        .brandings
        .get(call.required("ManagedLoginBrandingId")?)
        .ok_or_else(not_found)?;
    Ok(described(branding, call.flag("ReturnMergedResources")).into())
}

/// `ResourceNotFoundException` when the client has no style (facts A.12 [INF]).
pub(crate) fn describe_by_client(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let client_id = call.required("ClientId")?;
    access::client(pool, client_id)?;
    let branding = pool
        .brandings
        .values()
        .find(|branding| text_at(branding, &["ClientId"]) == Some(client_id))
        .ok_or_else(not_found)?;
    Ok(described(branding, call.flag("ReturnMergedResources")).into())
}

/// Keeps what the request leaves out, so that a large style can come in parts (facts A.12 [MODEL]).
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    let (pool, rng) = access::writable_and_rng(call, state)?;
    require_managed_login(pool)?;
    let id = call.required("ManagedLoginBrandingId")?;
    let branding = pool.brandings.get_mut(id).ok_or_else(not_found)?;
    check(call, Some(branding))?;
    if call.flag("UseCognitoProvidedValues") {
        branding.remove("Settings");
        branding.insert("Assets".to_owned(), json!([]));
        branding.insert("UseCognitoProvidedValues".to_owned(), json!(true));
    }
    if let Some(settings) = call.request.get("Settings") {
        branding.insert("Settings".to_owned(), settings.clone());
        branding.insert("UseCognitoProvidedValues".to_owned(), json!(false));
    }
    if call.request.contains_key("Assets") {
        let old: Vec<Document> = objects(branding, "Assets").cloned().collect();
        branding.insert("Assets".to_owned(), stored_assets(call, &old, rng));
    }
    branding.insert("LastModifiedDate".to_owned(), call.now.into());
    Ok(described(branding, false).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool: &mut Pool = access::writable(call, state)?;
    match pool
        .brandings
        .remove(call.required("ManagedLoginBrandingId")?)
    {
        Some(_) => Ok(Reply::empty()),
        None => Err(not_found()),
    }
}

/// [INF]; the text is unverified.
fn not_found() -> ServiceError {
    ServiceError::resource_not_found("Managed login branding does not exist.")
}

/// Facts A.12 [BENCH].
fn either_settings_or_defaults() -> ServiceError {
    ServiceError::invalid_parameter(
        "useCognitoProvidedValues or settings should be specified (but not both)",
    )
}

/// Managed login is for Essentials and up (facts A.10 [BENCH] of the domain; of its styles [INF]; the text is
/// unverified).
fn require_managed_login(pool: &Pool) -> Result<(), ServiceError> {
    tiers::require(pool, Tier::Essentials, "Managed Login Branding")
}

fn check(call: &Call<'_>, current: Option<&Document>) -> Result<(), ServiceError> {
    if call.flag("UseCognitoProvidedValues") && call.request.contains_key("Settings") {
        return Err(either_settings_or_defaults());
    }
    // Facts A.12 [MODEL]; code and text are unverified.
    if Value::Object(call.request.clone()).to_string().len() > REQUEST_BYTES {
        return Err(ServiceError::invalid_parameter(
            "The request must not be larger than 2 MB.",
        ));
    }
    let stored: BTreeSet<&str> = current
        .into_iter()
        .flat_map(|branding| objects(branding, "Assets"))
        .filter_map(|asset| text_at(asset, &["ResourceId"]))
        .collect();
    for asset in objects(call.request, "Assets") {
        // Facts A.12 [BENCH]; the text is unverified.
        if text_at(asset, &["Extension"]) == Some("ICO")
            && text_at(asset, &["Category"]) != Some("FAVICON_ICO")
        {
            return Err(ServiceError::invalid_parameter(
                "The extension ICO is allowed for the category FAVICON_ICO only.",
            ));
        }
        // Facts A.12 [INF]: a resource id is of an asset that the pool already has; the texts are unverified.
        match (asset.get("Bytes"), text_at(asset, &["ResourceId"])) {
            (Some(_), _) => {}
            (None, Some(id)) if stored.contains(id) => {}
            (None, Some(_)) => {
                return Err(ServiceError::invalid_parameter(
                    "The ResourceId of an asset does not exist in the user pool.",
                ));
            }
            (None, None) => {
                return Err(ServiceError::invalid_parameter(
                    "An asset needs Bytes or a ResourceId.",
                ));
            }
        }
    }
    Ok(())
}

/// The assets after a request: its own in the places of old ones of the same category and colour mode, with resource
/// ids of this pool.
fn stored_assets(call: &Call<'_>, old: &[Document], rng: &mut StdRng) -> Value {
    let place = |asset: &Document| {
        (
            text_at(asset, &["Category"]).map(str::to_owned),
            text_at(asset, &["ColorMode"]).map(str::to_owned),
        )
    };
    let mut assets = old.to_vec();
    for given in objects(call.request, "Assets") {
        let mut asset = given.clone();
        let same = old.iter().find(|old| {
            asset.contains_key("ResourceId") && old.get("ResourceId") == asset.get("ResourceId")
        });
        match same.and_then(|old| old.get("Bytes")) {
            Some(bytes) if !asset.contains_key("Bytes") => {
                asset.insert("Bytes".to_owned(), bytes.clone());
            }
            Some(_) => {}
            None => {
                asset.insert("ResourceId".to_owned(), json!(Sub::random(rng).to_string()));
            }
        }
        assets.retain(|other| place(other) != place(&asset));
        assets.push(asset);
    }
    Value::Array(assets.into_iter().map(Value::Object).collect())
}

/// The style; merged, it comes with the values that Cognito provides for what it leaves open (facts A.12 [MODEL]).
fn described(branding: &Document, is_merged: bool) -> Value {
    let mut shown = branding.clone();
    shown.remove("ClientId");
    if is_merged {
        let mut settings = json!({
            "components": {"primaryButton": {"lightMode": {"defaults": {"backgroundColor": "0972d3ff"}}}},
            "categories": {"global": {"colorSchemeMode": "LIGHT"}},
        });
        if let (Value::Object(settings), Some(Value::Object(own))) =
            (&mut settings, branding.get("Settings"))
        {
            merge(settings, own);
        }
        shown.insert("Settings".to_owned(), settings);
    }
    json!({"ManagedLoginBranding": shown})
}

fn merge(into: &mut Document, from: &Document) {
    for (member, value) in from {
        match (into.get_mut(member), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            _ => {
                into.insert(member.clone(), value.clone());
            }
        }
    }
}
