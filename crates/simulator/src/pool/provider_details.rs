//! `ProviderDetails` of identity providers: what each type needs and takes, and what Describe adds and hides
//! (facts A.7).

use serde_json::{Value, json};

use super::access::text_at;
use super::saml;
use crate::call::Document;
use crate::error::ServiceError;
use crate::state::Time;

/// Keys and values that Describe adds for a type, from the model's samples (facts A.7 [MODEL doc samples]).
/// `{version}` is the provider's `api_version`.
type Added = &'static [(&'static str, &'static str)];

const OIDC_ADDED: Added = &[("attributes_url_add_attributes", "false")];

const AMAZON_ADDED: Added = &[
    ("attributes_url", "https://api.amazon.com/user/profile"),
    ("attributes_url_add_attributes", "false"),
    ("authorize_url", "https://www.amazon.com/ap/oa"),
    ("token_request_method", "POST"),
    ("token_url", "https://api.amazon.com/auth/o2/token"),
];

const GOOGLE_ADDED: Added = &[
    (
        "attributes_url",
        "https://people.googleapis.com/v1/people/me?personFields=",
    ),
    ("attributes_url_add_attributes", "true"),
    (
        "authorize_url",
        "https://accounts.google.com/o/oauth2/v2/auth",
    ),
    ("oidc_issuer", "https://accounts.google.com"),
    ("token_request_method", "POST"),
    ("token_url", "https://www.googleapis.com/oauth2/v4/token"),
];

const APPLE_ADDED: Added = &[
    ("attributes_url_add_attributes", "false"),
    ("authorize_url", "https://appleid.apple.com/auth/authorize"),
    ("oidc_issuer", "https://appleid.apple.com"),
    ("token_request_method", "POST"),
    ("token_url", "https://appleid.apple.com/auth/token"),
];

const FACEBOOK_ADDED: Added = &[
    ("api_version", "v17.0"),
    (
        "attributes_url",
        "https://graph.facebook.com/{version}/me?fields=",
    ),
    ("attributes_url_add_attributes", "true"),
    (
        "authorize_url",
        "https://www.facebook.com/{version}/dialog/oauth",
    ),
    ("token_request_method", "GET"),
    (
        "token_url",
        "https://graph.facebook.com/{version}/oauth/access_token",
    ),
];

/// Keys of a request for SAML [MODEL doc samples], and the two that Describe adds and a request may repeat [CODE
/// terraform configurations]. `ActiveEncryptionCertificate` is not among them (facts A.7 [ISSUE]).
const SAML_KEYS: &[&str] = &[
    "MetadataURL",
    "MetadataFile",
    "IDPInit",
    "IDPSignout",
    "EncryptedResponses",
    "RequestSigningAlgorithm",
    "SLORedirectBindingURI",
    "SSORedirectBindingURI",
];

const OIDC_KEYS: &[&str] = &[
    "client_id",
    "client_secret",
    "attributes_request_method",
    "oidc_issuer",
    "authorize_scopes",
    "authorize_url",
    "token_url",
    "attributes_url",
    "jwks_uri",
];

const SOCIAL_KEYS: &[&str] = &[
    "client_id",
    "client_secret",
    "authorize_scopes",
    "api_version",
];

const APPLE_KEYS: &[&str] = &[
    "client_id",
    "private_key",
    "team_id",
    "key_id",
    "authorize_scopes",
];

/// Checks the details of a provider of a type.
///
/// # Errors
/// `InvalidParameterException` with the texts of facts A.7 [BENCH, ISSUE].
pub(super) fn check(kind: &str, details: &Document, now: Time) -> Result<(), ServiceError> {
    let invalid = |text: &str| Err(ServiceError::invalid_parameter(text));
    let has = |key: &str| text_at(details, &[key]).is_some_and(|value| !value.is_empty());
    let all = |keys: &[&str]| keys.iter().all(|key| has(key));
    match kind {
        "SAML" => match (has("MetadataURL"), has("MetadataFile")) {
            (false, false) => {
                return invalid(
                    "At least one of the MetadataURL or MetadataFile should be provided.",
                );
            }
            (true, true) => {
                return invalid("Only one of the MetadataURL or MetadataFile should be provided.");
            }
            _ => saml::check(details, now)?,
        },
        "OIDC" => {
            if !all(&[
                "client_id",
                "authorize_scopes",
                "oidc_issuer",
                "attributes_request_method",
            ]) {
                return invalid(
                    "clientId, authorizeScopes, oidcIssuer and attributesRequestMethod are all required idp details.",
                );
            }
            let issuer = text_at(details, &["oidc_issuer"]).unwrap_or_default();
            if !issuer.starts_with("https://") {
                return invalid("OIDC endpoint must start with https://");
            }
            // [BENCH]; the text is unverified.
            let method = text_at(details, &["attributes_request_method"]).unwrap_or_default();
            if !matches!(method, "GET" | "POST") {
                return invalid("attributes_request_method must be GET or POST.");
            }
        }
        "SignInWithApple" => {
            if !all(&["client_id", "private_key", "team_id", "key_id"]) {
                return invalid(
                    "clientId, privateKey, teamId, and keyId are all required idp details.",
                );
            }
        }
        _ => {
            if !all(&["client_id", "client_secret", "authorize_scopes"]) {
                return invalid(
                    "clientId, clientSecret and authorizeScopes are all required idp details.",
                );
            }
        }
    }
    // Facts A.7 [ISSUE] for SAML; that other types word it likewise is [INF].
    let known = keys(kind);
    let is_known =
        |key: &str| known.contains(&key) || added(kind).iter().any(|(added, _)| *added == key);
    match details.keys().find(|key| !is_known(key)) {
        Some(key) => Err(ServiceError::invalid_parameter(format!(
            "{key} is not a valid key for {kind} identity provider details."
        ))),
        None => Ok(()),
    }
}

/// The details as Describe shows them: with what Cognito found out, without the key that Apple signs with
/// (facts A.7 [MODEL doc samples]).
pub(super) fn described(kind: &str, written: &Document) -> Document {
    let mut details = written.clone();
    if kind == "SAML" {
        saml::add_found(&mut details);
    }
    let version = text_at(written, &["api_version"])
        .unwrap_or("v17.0")
        .to_owned();
    for (key, value) in added(kind) {
        if !details.contains_key(*key) {
            let value: Value = json!(value.replace("{version}", &version));
            details.insert((*key).to_owned(), value);
        }
    }
    if kind == "SignInWithApple" {
        details.remove("private_key");
    }
    details
}

fn keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "SAML" => SAML_KEYS,
        "OIDC" => OIDC_KEYS,
        "SignInWithApple" => APPLE_KEYS,
        _ => SOCIAL_KEYS,
    }
}

fn added(kind: &str) -> Added {
    match kind {
        "OIDC" => OIDC_ADDED,
        "LoginWithAmazon" => AMAZON_ADDED,
        "Google" => GOOGLE_ADDED,
        "SignInWithApple" => APPLE_ADDED,
        "Facebook" => FACEBOOK_ADDED,
        _ => &[],
    }
}
