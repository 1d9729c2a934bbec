//! What CreateUserPoolClient and UpdateUserPoolClient refuse (facts A.6).

use std::collections::BTreeSet;

use serde_json::Value;

use super::access::{at, names, text_at};
use super::tiers::{self, Tier};
use crate::call::{Call, Document};
use crate::error::ServiceError;
use crate::state::Pool;

/// Scopes that every pool has (facts A.6, [GEN]).
const STANDARD_SCOPES: &[&str] = &[
    "openid",
    "email",
    "phone",
    "profile",
    "aws.cognito.signin.user.admin",
];

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Checks the settings of a client with their defaults filled in, as they would be stored.
///
/// # Errors
/// The first rule broken.
pub(super) fn check(
    call: &Call<'_>,
    pool: &Pool,
    client: &Document,
    has_secret: bool,
) -> Result<(), ServiceError> {
    attributes(pool, client)?;
    auth_flows(call, pool, client)?;
    token_validity(client)?;
    providers(pool, client)?;
    oauth(pool, client, has_secret)?;
    urls(client)?;
    // Facts A.6 [BENCH]. That a supplied secret will do is unverified.
    if is_true(client, "EnablePropagateAdditionalUserContextData") && !has_secret {
        return Err(ServiceError::invalid_parameter(
            "Client Secret is required to set EnablePropagateAdditionalUserContextData as true",
        ));
    }
    analytics(client)
}

fn is_true(document: &Document, member: &str) -> bool {
    document.get(member) == Some(&Value::Bool(true))
}

/// Readable attributes exist; writable ones exist, are not the service's own, and include all required ones
/// (facts A.6 [BENCH], the last [CODE]). That attributes mapped from a provider must be writable (facts A.6 [MODEL])
/// shows when users sign in, not here [INF].
fn attributes(pool: &Pool, client: &Document) -> Result<(), ServiceError> {
    let readable = names(client, "ReadAttributes");
    if readable.iter().any(|name| pool.schema.rule(name).is_none()) {
        return Err(ServiceError::invalid_parameter(
            "Invalid read attributes specified while creating a client",
        ));
    }
    if !client.contains_key("WriteAttributes") {
        return Ok(());
    }
    let writable = names(client, "WriteAttributes");
    let is_invalid = |name: &&str| {
        matches!(*name, "sub" | "email_verified" | "phone_number_verified")
            || pool.schema.rule(name).is_none()
    };
    let lacks_required = || {
        pool.schema
            .rules()
            .any(|rule| rule.required && &*rule.name != "sub" && !writable.contains(&&*rule.name))
    };
    if writable.iter().any(is_invalid) || lacks_required() {
        return Err(ServiceError::invalid_parameter(
            "Invalid write attributes specified while creating a client",
        ));
    }
    Ok(())
}

fn auth_flows(call: &Call<'_>, pool: &Pool, client: &Document) -> Result<(), ServiceError> {
    let flows = names(client, "ExplicitAuthFlows");
    let modern = flows
        .iter()
        .filter(|flow| flow.starts_with("ALLOW_"))
        .count();
    // Facts A.6 [BENCH].
    if modern > 0 && modern < flows.len() {
        return Err(ServiceError::invalid_parameter(
            "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names.",
        ));
    }
    let rotates = text_at(client, &["RefreshTokenRotation", "Feature"]) == Some("ENABLED");
    // Facts 0.1 [ISSUE aws-cdk#7625] of 2020, which may have changed.
    let refreshes = flows.contains(&"ALLOW_REFRESH_TOKEN_AUTH");
    if modern > 0 && !refreshes && !rotates && !call.config.unmeasured.refresh_flow_is_optional {
        return Err(ServiceError::invalid_parameter(
            "REFRESH_TOKEN_AUTH should always be allowed.",
        ));
    }
    // Facts A.6 [MODEL]; the feature's name in the text is unverified.
    if flows.contains(&"ALLOW_USER_AUTH") {
        tiers::require(pool, Tier::Essentials, "Choice-Based Sign-In")?;
    }
    // Facts A.6 [DOC refresh tokens]; the text is unverified. The default flows give way to the rotation.
    if rotates && refreshes {
        return Err(ServiceError::invalid_parameter(
            "ALLOW_REFRESH_TOKEN_AUTH cannot be used when refresh token rotation is enabled.",
        ));
    }
    Ok(())
}

/// Facts A.6 [BENCH].
fn token_validity(client: &Document) -> Result<(), ServiceError> {
    let seconds = |member: &str, unit: &str, default_unit: i64| {
        let value = client.get(member).and_then(Value::as_i64).unwrap_or(1);
        let unit = match text_at(client, &["TokenValidityUnits", unit]) {
            Some("seconds") => 1,
            Some("minutes") => MINUTE,
            Some("hours") => HOUR,
            Some("days") => DAY,
            _ => default_unit,
        };
        value.saturating_mul(unit)
    };
    let access = seconds("AccessTokenValidity", "AccessToken", HOUR);
    let id = seconds("IdTokenValidity", "IdToken", HOUR);
    let refresh = seconds("RefreshTokenValidity", "RefreshToken", DAY);
    let short = 5 * MINUTE..=DAY;
    let long = HOUR..=3_650 * DAY;
    if !short.contains(&access) || !short.contains(&id) || !long.contains(&refresh) {
        return Err(ServiceError::invalid_parameter(
            "Invalid range for token validity.",
        ));
    }
    if access > refresh || id > refresh {
        return Err(ServiceError::invalid_parameter(
            "Access and Id Token expiration times must be less than or equal to refresh token expiration times.",
        ));
    }
    Ok(())
}

/// Providers exist; `COGNITO` always does (facts A.6 [BENCH]).
fn providers(pool: &Pool, client: &Document) -> Result<(), ServiceError> {
    let unknown = names(client, "SupportedIdentityProviders")
        .into_iter()
        .find(|name| *name != "COGNITO" && !pool.identity_providers.contains_key(*name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(ServiceError::invalid_parameter(format!(
            "The provider {name} does not exist for User Pool {}",
            pool.id
        ))),
    }
}

/// Facts A.6 [BENCH]; that the texts about client_credentials come as `InvalidOAuthFlowException` is facts
/// Appendix 1 "~", as is the code of an unknown scope.
fn oauth(pool: &Pool, client: &Document, has_secret: bool) -> Result<(), ServiceError> {
    let flows = names(client, "AllowedOAuthFlows");
    let scopes = names(client, "AllowedOAuthScopes");
    let is_client = is_true(client, "AllowedOAuthFlowsUserPoolClient");
    if is_client && (flows.is_empty() || scopes.is_empty()) {
        return Err(ServiceError::invalid_parameter(
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.",
        ));
    }
    let has_redirect = flows
        .iter()
        .any(|flow| matches!(*flow, "code" | "implicit"));
    if flows.contains(&"client_credentials") {
        if has_redirect {
            return Err(ServiceError::invalid_oauth_flow(
                "client_credentials flow can not be selected along with code flow or implicit flow.",
            ));
        }
        // That a supplied secret will do is unverified (facts A.6).
        if !has_secret {
            return Err(ServiceError::invalid_oauth_flow(
                "client_credentials flow can not be selected if client does not have a client secret.",
            ));
        }
    }
    if has_redirect && names(client, "CallbackURLs").is_empty() {
        return Err(ServiceError::invalid_parameter(
            "CallbackUrls can not be empty when code flow or implicit flow is selected",
        ));
    }
    let custom: BTreeSet<String> = pool
        .resource_servers
        .iter()
        .flat_map(|(identifier, server)| {
            super::access::objects(server, "Scopes")
                .filter_map(|scope| text_at(scope, &["ScopeName"]))
                .map(move |scope| format!("{identifier}/{scope}"))
        })
        .collect();
    for scope in scopes {
        if !STANDARD_SCOPES.contains(&scope) && !custom.contains(scope) {
            return Err(ServiceError::scope_does_not_exist(format!(
                "Invalid scope requested: {scope}"
            )));
        }
    }
    Ok(())
}

/// Facts A.6 [BENCH].
fn urls(client: &Document) -> Result<(), ServiceError> {
    let callbacks = names(client, "CallbackURLs");
    for url in callbacks.iter().copied().chain(names(client, "LogoutURLs")) {
        if let Some(rest) = url.strip_prefix("http://") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let is_local = ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
                authority
                    .strip_prefix(host)
                    .is_some_and(|port| port.is_empty() || port.starts_with(':'))
            });
            if !is_local {
                return Err(ServiceError::invalid_parameter(format!(
                    "{url} cannot use the HTTP protocol."
                )));
            }
        }
        if url.contains('#') {
            // [BENCH callback-url-fragment].
            return Err(ServiceError::invalid_parameter(format!(
                "{url} cannot use fragment"
            )));
        }
    }
    match text_at(client, &["DefaultRedirectURI"]) {
        Some(uri) if !callbacks.contains(&uri) => Err(ServiceError::invalid_parameter(format!(
            "The default redirect URI {uri} is not in the callback URIs list."
        ))),
        _ => Ok(()),
    }
}

/// Facts A.6 [BENCH]. Whether Cognito still takes any since Pinpoint's end is unverified; here it does.
fn analytics(client: &Document) -> Result<(), ServiceError> {
    let has = |member| at(client, &["AnalyticsConfiguration", member]).is_some();
    if !client.contains_key("AnalyticsConfiguration") {
        return Ok(());
    }
    let by_id = has("ApplicationId") && has("RoleArn") && has("ExternalId");
    let some_of_id = has("ApplicationId") || has("RoleArn") || has("ExternalId");
    match (has("ApplicationArn"), by_id, some_of_id) {
        (true, _, false) | (false, true, _) => Ok(()),
        _ => Err(ServiceError::invalid_parameter(
            "Invalid analytics configuration given, either <application arn> or <application id, role arn, external id> are valid",
        )),
    }
}
