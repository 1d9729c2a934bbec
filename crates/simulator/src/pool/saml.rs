//! SAML metadata, as far as Cognito looks into it when it is written and shows what it found (facts A.7).
//!
//! The simulator fetches nothing. A `MetadataURL` whose host ends in `.invalid` stands for one that Cognito cannot
//! reach.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::access::text_at;
use crate::call::Document;
use crate::error::ServiceError;
use crate::state::Time;

/// DER: UTCTime of the form `YYMMDDHHMMSSZ`.
const UTC_TIME: [u8; 2] = [0x17, 13];

/// Checks what a request gives: an unreachable URL, or a document all of whose signing certificates have expired.
///
/// # Errors
/// `InvalidParameterException`; the text about certificates is facts A.7 [ISSUE], the other unverified.
pub(super) fn check(details: &Document, now: Time) -> Result<(), ServiceError> {
    if let Some(url) = text_at(details, &["MetadataURL"])
        && host(url).is_none_or(|host| host.ends_with(".invalid"))
    {
        return Err(ServiceError::invalid_parameter(
            "Error retrieving metadata from the MetadataURL.",
        ));
    }
    if let Some(metadata) = text_at(details, &["MetadataFile"]) {
        let ends: Vec<i64> = certificates(metadata)
            .filter_map(|der| not_after(&der))
            .collect();
        let now = i64::try_from(now.0 / 1000).unwrap_or(i64::MAX);
        if !ends.is_empty() && ends.iter().all(|end| *end < now) {
            return Err(ServiceError::invalid_parameter(
                "Signing certificates are expired",
            ));
        }
    }
    Ok(())
}

/// Adds the keys that Describe shows of SAML providers: a certificate of the pool, and the endpoints of the metadata.
pub(super) fn add_found(details: &mut Document) {
    let found = |element: &str, path: &str| match (
        text_at(details, &["MetadataFile"]),
        text_at(details, &["MetadataURL"]).and_then(host),
    ) {
        (Some(metadata), _) => location(metadata, element),
        (None, Some(host)) => Some(format!("https://{host}/{path}")),
        (None, None) => None,
    };
    let sign_on = found("SingleSignOnService", "sso/saml");
    let logout = found("SingleLogoutService", "slo/saml");
    for (key, value) in [
        ("SSORedirectBindingURI", sign_on),
        ("SLORedirectBindingURI", logout),
    ] {
        if let Some(value) = value
            && !details.contains_key(key)
        {
            details.insert(key.to_owned(), json!(value));
        }
    }
    details.insert(
        "ActiveEncryptionCertificate".to_owned(),
        json!(STANDARD.encode("a certificate of the simulator")),
    );
}

fn host(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    rest.split(['/', '?', '#', ':'])
        .next()
        .filter(|host| !host.is_empty())
}

/// The `Location` of the first element of that name.
fn location(metadata: &str, element: &str) -> Option<String> {
    let tag = metadata.split(element).nth(1)?.split('>').next()?;
    let value = tag.split("Location=\"").nth(1)?.split('"').next()?;
    Some(value.replace("&amp;", "&"))
}

/// The certificates in a metadata document, as DER.
fn certificates(metadata: &str) -> impl Iterator<Item = Vec<u8>> {
    metadata
        .split("X509Certificate>")
        .skip(1)
        .step_by(2)
        .filter_map(|part| {
            let text: String = part
                .split('<')
                .next()?
                .chars()
                .filter(|c| !c.is_whitespace())
                .collect();
            STANDARD.decode(text).ok()
        })
}

/// The end of a certificate's validity in seconds since 1970: the second of the first two UTCTimes that follow one
/// another, which is where X.509 has `notAfter`.
fn not_after(der: &[u8]) -> Option<i64> {
    let end = der.windows(30).find_map(|window| {
        let (first, second) = window.split_at(15);
        (first.starts_with(&UTC_TIME) && second.starts_with(&UTC_TIME)).then_some(&second[2..])
    })?;
    let text = std::str::from_utf8(end).ok()?;
    // X.509 has two-digit years from 1950 to 2049.
    let century = if text.get(..2)? < "50" { "20" } else { "19" };
    let time = format!("{century}{}", text.strip_suffix('Z')?);
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", time).ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}
