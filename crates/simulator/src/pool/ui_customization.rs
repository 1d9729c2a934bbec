//! Classic hosted-UI customization (facts A.11).

use base64::Engine;
use serde_json::{Value, json};

use super::access;
use crate::call::{Answer, Call, Document};
use crate::error::ServiceError;
use crate::state::{Pool, State, UiCustomization};

/// The customization of all clients without their own.
const ALL: &str = "ALL";
/// Limits of logo and style sheet in bytes (facts A.11 [DOC-2023]; the texts of the refusals are unverified).
const IMAGE_BYTES: usize = 100 * 1024;
const CSS_BYTES: usize = 3 * 1024;
/// The classes that a style sheet may name (facts A.11 [DOC-2023]).
const CLASSES: &[&str] = &[
    "background-customizable",
    "banner-customizable",
    "errorMessage-customizable",
    "idpButton-customizable",
    "idpDescription-customizable",
    "inputField-customizable",
    "label-customizable",
    "legalText-customizable",
    "logo-customizable",
    "passwordCheck-notValid-customizable",
    "passwordCheck-valid-customizable",
    "redirect-customizable",
    "socialButton-customizable",
    "submitButton-customizable",
    "textDescription-customizable",
];

/// A client without its own has the pool's, which `ClientId` tells; without that either, an empty object
/// (facts A.11 [MODEL]).
pub(crate) fn get(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    require_domain(pool)?;
    let client = client_of(call, pool)?;
    let own = pool.ui.get(client).map(|ui| (client, ui));
    let shown = match own.or_else(|| pool.ui.get(ALL).map(|ui| (ALL, ui))) {
        Some((client, ui)) => described(call, &pool.id, client, ui),
        None => json!({}),
    };
    Ok(json!({"UICustomization": shown}).into())
}

/// Replaces style sheet and logo together: they "should be set in the same call" (facts A.11 [DOC-2023]; that a logo
/// left out goes is unverified).
pub(crate) fn set(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    require_domain(pool)?;
    let client = client_of(call, pool)?.to_owned();
    let css = call.text("CSS").unwrap_or_default();
    check_css(css)?;
    let image = image(call)?;
    let created = pool
        .ui
        .get(&client)
        .and_then(|ui| ui.document.get("CreationDate").cloned());
    let mut document = Document::new();
    document.insert("UserPoolId".to_owned(), json!(pool.id));
    document.insert("ClientId".to_owned(), json!(client));
    document.insert("CSS".to_owned(), json!(css));
    document.insert("CSSVersion".to_owned(), json!(css_version(call)));
    document.insert("LastModifiedDate".to_owned(), call.now.into());
    document.insert(
        "CreationDate".to_owned(),
        created.unwrap_or_else(|| call.now.into()),
    );
    let ui = UiCustomization { document, image };
    let shown = described(call, &pool.id, &client, &ui);
    pool.ui.insert(client, ui);
    Ok(json!({"UICustomization": shown}).into())
}

/// The logo of a pool (`client` = `ALL`) or client, with its content type: served at
/// `<base_url>/_simulator/logo/<pool id>/<client id or ALL>/<any file name>`.
pub(crate) fn logo(state: &State, pool: &str, client: &str) -> Option<(&'static str, Vec<u8>)> {
    let pool = state
        .regions()
        .find_map(|(_, _, regional)| regional.pools.get(pool))?;
    let image = &pool.ui.get(client)?.image;
    (!image.is_empty()).then(|| (content_type(image).unwrap_or("image/png"), image.clone()))
}

/// Facts A.11 [CODE terraform-provider-aws tests].
fn require_domain(pool: &Pool) -> Result<(), ServiceError> {
    if pool.domains.is_empty() {
        return Err(ServiceError::invalid_parameter(
            "There has to be an existing domain associated with this user pool",
        ));
    }
    Ok(())
}

fn client_of<'c>(call: &Call<'c>, pool: &Pool) -> Result<&'c str, ServiceError> {
    let client = call.text("ClientId").unwrap_or(ALL);
    if client != ALL {
        access::client(pool, client)?;
    }
    Ok(client)
}

fn described(call: &Call<'_>, pool: &str, client: &str, ui: &UiCustomization) -> Value {
    let mut document = ui.document.clone();
    if !ui.image.is_empty() {
        let url = format!(
            "{}/_simulator/logo/{pool}/{client}/image.png",
            call.base_url
        );
        document.insert("ImageUrl".to_owned(), json!(url));
    }
    Value::Object(document)
}

/// The version of a style sheet is the time of its upload, `yyyymmddhhmmss` [GEN].
fn css_version(call: &Call<'_>) -> String {
    i64::try_from(call.now.0)
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map(|time| time.strftime("%Y%m%d%H%M%S").to_string())
        .unwrap_or_default()
}

fn image(call: &Call<'_>) -> Result<Vec<u8>, ServiceError> {
    let Some(text) = call.text("ImageFile") else {
        return Ok(Vec::new());
    };
    let image = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|_| ServiceError::serialization("ImageFile is not base64."))?;
    if image.len() > IMAGE_BYTES {
        return Err(ServiceError::invalid_parameter(
            "The image file must not be larger than 100 KB.",
        ));
    }
    if !image.is_empty() && content_type(&image).is_none() {
        return Err(ServiceError::invalid_parameter(
            "The image file must be a PNG or JPG file.",
        ));
    }
    Ok(image)
}

/// By the first bytes.
fn content_type(image: &[u8]) -> Option<&'static str> {
    if image.starts_with(b"\x89PNG") {
        Some("image/png")
    } else if image.starts_with(b"\xFF\xD8\xFF") {
        Some("image/jpeg")
    } else {
        None
    }
}

fn check_css(css: &str) -> Result<(), ServiceError> {
    if css.len() > CSS_BYTES {
        return Err(ServiceError::invalid_parameter(
            "The CSS file must not be larger than 3 KB.",
        ));
    }
    let selectors = css.split('}').filter_map(|rule| rule.split_once('{'));
    for selector in selectors.flat_map(|(selectors, _)| selectors.split(',')) {
        let class = selector
            .trim()
            .split(':')
            .next()
            .and_then(|class| class.strip_prefix('.'));
        if !class.is_some_and(|class| CLASSES.contains(&class)) {
            return Err(ServiceError::invalid_parameter(
                "The CSS file contains a class that is not allowed.",
            ));
        }
    }
    Ok(())
}
