//! Identity providers (facts A.7).

use serde_json::{Value, json};

use super::access::{self, names, text_at};
use super::{page, provider_details};
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Pool, State};

/// Identity providers of a pool before an increase (facts A.7 [DOC]).
const PROVIDERS: usize = 300;
/// The longest page [MODEL].
const PAGE: usize = 60;
/// Types whose provider bears the type's name (facts A.7 [BENCH]).
const SOCIAL: &[&str] = &["Facebook", "Google", "LoginWithAmazon", "SignInWithApple"];

pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let name = call.required("ProviderName")?;
    let kind = call.required("ProviderType")?;
    // [BENCH] of a social type under another name; the reverse, and Cognito's own name, are [INF].
    let is_reserved = SOCIAL.contains(&name) || name == "COGNITO";
    if name != kind && (SOCIAL.contains(&kind) || is_reserved) {
        return Err(ServiceError::invalid_parameter(format!(
            "Provider {name} cannot be of type {kind}."
        )));
    }
    check(call, pool, name, kind)?;
    // Facts Appendix 1 [MODEL]; the text is unverified.
    if pool.identity_providers.contains_key(name) {
        return Err(ServiceError::duplicate_provider(format!(
            "A provider already exists with name {name}."
        )));
    }
    if pool.identity_providers.len() >= PROVIDERS {
        return Err(access::limit_exceeded("identity providers", PROVIDERS));
    }
    let mut provider = call.request.clone();
    default_mapping(&mut provider);
    provider.insert("CreationDate".to_owned(), call.now.into());
    provider.insert("LastModifiedDate".to_owned(), call.now.into());
    let answer = described(&provider);
    pool.identity_providers.insert(name.to_owned(), provider);
    Ok(answer.into())
}

pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let provider = provider(state.pool(call)?, call.required("ProviderName")?)?;
    Ok(described(provider).into())
}

/// Members that the request leaves out stay: UpdateIdentityProvider is not among the full replacements (facts B.1).
/// `ProviderDetails` that are given replace the old ones whole.
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let name = call.required("ProviderName")?;
    let kind = kind(provider(pool, name)?).to_owned();
    check(call, pool, name, &kind)?;
    let provider = pool
        .identity_providers
        .get_mut(name)
        .ok_or_else(|| not_found(name))?;
    access::overlay(provider, call.request, &["ProviderType", "CreationDate"]);
    default_mapping(provider);
    provider.insert("LastModifiedDate".to_owned(), call.now.into());
    Ok(described(provider).into())
}

/// Clients that name the provider keep doing so [INF].
pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let name = call.required("ProviderName")?;
    match pool.identity_providers.remove(name) {
        Some(_) => Ok(Reply::empty()),
        None => Err(not_found(name)),
    }
}

pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let providers = &state.pool(call)?.identity_providers;
    let items = providers.iter().map(|(name, provider)| {
        let members = [
            "ProviderName",
            "ProviderType",
            "LastModifiedDate",
            "CreationDate",
        ];
        let summary: Document = members
            .into_iter()
            .filter_map(|member| Some((member.to_owned(), provider.get(member)?.clone())))
            .collect();
        (name.as_str(), Value::Object(summary))
    });
    let page = page::page(call, &token_key, "MaxResults", PAGE, items)?;
    Ok(page::answer("Providers", page).into())
}

pub(crate) fn by_identifier(call: &Call<'_>, state: &mut State) -> Answer {
    let identifier = call.required("IdpIdentifier")?;
    let pool = state.pool(call)?;
    pool.identity_providers
        .values()
        .find(|provider| names(provider, "IdpIdentifiers").contains(&identifier))
        .map(|provider| described(provider).into())
        .ok_or_else(|| {
            ServiceError::resource_not_found(format!(
                "Identity provider with identifier {identifier} does not exist."
            ))
        })
}

/// A Google provider maps `username` to `sub` where nothing else is said (facts 0.1 [CODE terraform]); that it does
/// so beside other mappings is [INF].
fn default_mapping(provider: &mut Document) {
    if kind(provider) != "Google" {
        return;
    }
    access::default_to(provider, "AttributeMapping", json!({}));
    if let Some(Value::Object(mapping)) = provider.get_mut("AttributeMapping") {
        access::default_to(mapping, "username", "sub");
    }
}

fn check(call: &Call<'_>, pool: &Pool, name: &str, kind: &str) -> Result<(), ServiceError> {
    if let Some(details) = call.document("ProviderDetails") {
        provider_details::check(kind, details, call.now)?;
    }
    // Facts A.2, A.7 [MODEL]: targets exist and are mutable, `username` is a pseudo key [GEN]; the text is unverified.
    for target in call
        .document("AttributeMapping")
        .into_iter()
        .flat_map(|map| map.keys())
    {
        let is_target = pool.schema.rule(target).is_some_and(|rule| rule.mutable);
        if target != "username" && !is_target {
            return Err(ServiceError::invalid_parameter(format!(
                "Invalid attribute mapping: {target} is not a mutable attribute of the user pool."
            )));
        }
    }
    // Facts A.7 [MODEL]; the text is unverified.
    if call.document("AcrMapping").is_some() && kind != "OIDC" {
        return Err(ServiceError::invalid_parameter(
            "AcrMapping is supported for OIDC identity providers only.",
        ));
    }
    // An identifier leads to one provider [INF]; the text is unverified.
    for identifier in names(call.request, "IdpIdentifiers") {
        let is_taken = pool.identity_providers.iter().any(|(other, provider)| {
            other != name && names(provider, "IdpIdentifiers").contains(&identifier)
        });
        if is_taken {
            return Err(ServiceError::invalid_parameter(format!(
                "The identifier {identifier} is already in use."
            )));
        }
    }
    Ok(())
}

fn kind(provider: &Document) -> &str {
    text_at(provider, &["ProviderType"]).unwrap_or_default()
}

fn described(provider: &Document) -> Value {
    let mut shown = provider.clone();
    if let Some(Value::Object(details)) = provider.get("ProviderDetails") {
        let details = provider_details::described(kind(provider), details);
        shown.insert("ProviderDetails".to_owned(), Value::Object(details));
    }
    json!({"IdentityProvider": shown})
}

fn provider<'p>(pool: &'p Pool, name: &str) -> Result<&'p Document, ServiceError> {
    pool.identity_providers
        .get(name)
        .ok_or_else(|| not_found(name))
}

/// [GEN]
fn not_found(name: &str) -> ServiceError {
    ServiceError::resource_not_found(format!("Identity provider {name} does not exist."))
}
