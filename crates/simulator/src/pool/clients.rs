//! App clients (facts A.6).

use serde_json::{Value, json};

use super::access::{self, client, client_not_found, default_to, text_at};
use super::{client_rules, client_secrets, omitted, page};
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Client, Pool, State};

/// App clients of a pool before an increase (facts E [DOC]).
const CLIENTS: usize = 1_000;
/// The longest page of ListUserPoolClients (facts A.6 [MODEL]).
const PAGE: usize = 60;

/// Not idempotent, and the id cannot be chosen (facts A.6 [MODEL]).
pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    let (pool, rng) = access::writable_and_rng(call, state)?;
    let supplied = call.text("ClientSecret");
    // Facts A.6 [MODEL]; the text is the model's documentation, unverified.
    if supplied.is_some() && call.flag("GenerateSecret") {
        return Err(ServiceError::invalid_parameter(
            "You cannot specify both GenerateSecret as true and provide a ClientSecret value.",
        ));
    }
    let has_secret = supplied.is_some() || call.flag("GenerateSecret");
    let mut document = requested(call);
    client_rules::check(call, pool, &document, has_secret)?;
    if pool.clients.len() >= CLIENTS {
        return Err(access::limit_exceeded("app clients", CLIENTS));
    }
    let id = Pool::new_client_id(rng);
    identify(&mut document, &pool.id, &id, call.required("ClientName")?);
    document.insert("CreationDate".to_owned(), call.now.into());
    // What a client of this API is; the others come from dynamic client registration (facts A.6 [MODEL]).
    document.insert("ClientType".to_owned(), json!("REGULAR"));
    let value = match supplied {
        Some(value) => Some(value.to_owned()),
        None => has_secret.then(|| Pool::new_client_secret(rng)),
    };
    let mut created = Client {
        document,
        ..Client::default()
    };
    if let Some(value) = value {
        client_secrets::push(&mut created, &id, value, call.now);
    }
    let answer = json!({"UserPoolClient": described(call, &created)});
    pool.clients.insert(id, created);
    Ok(answer.into())
}

pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let client = client(state.pool(call)?, call.required("ClientId")?)?;
    Ok(json!({"UserPoolClient": described(call, client)}).into())
}

/// What the request leaves out is kept or returns to its default, member by member: [`omitted::CLIENT`].
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let id = call.required("ClientId")?;
    let current = client(pool, id)?;
    let whole = omitted::complete(
        call.request,
        &current.document,
        omitted::CLIENT,
        call.config.unmeasured,
    );
    let call = &Call {
        request: &whole,
        ..*call
    };
    let mut document = requested(call);
    client_rules::check(call, pool, &document, !current.secrets.is_empty())?;
    let name = call.text("ClientName").unwrap_or_default();
    identify(&mut document, &pool.id, id, name);
    for member in ["CreationDate", "ClientType"] {
        if let Some(value) = current.document.get(member) {
            document.insert(member.to_owned(), value.clone());
        }
    }
    let client = access::client_mut(pool, id)?;
    client.document = document;
    Ok(json!({"UserPoolClient": described(call, client)}).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let id = call.required("ClientId")?;
    if pool.clients.remove(id).is_none() {
        return Err(client_not_found(id));
    }
    // What belongs to the client goes with it [GEN].
    let is_of_client = |document: &Document| text_at(document, &["ClientId"]) == Some(id);
    pool.ui.remove(id);
    pool.risk.remove(id);
    pool.brandings.retain(|_, branding| !is_of_client(branding));
    pool.terms.retain(|_, terms| !is_of_client(terms));
    Ok(Reply::empty())
}

/// Ids, names and types only (facts A.6 [MODEL]).
pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let pool = state.pool(call)?;
    let wanted = call.text("ClientType");
    let items = pool
        .clients
        .iter()
        .filter(|(_, client)| wanted.is_none_or(|wanted| client_type(client) == wanted))
        .map(|(id, client)| {
            let summary = json!({
                "ClientId": id,
                "UserPoolId": pool.id,
                "ClientName": text_at(&client.document, &["ClientName"]),
            });
            (id.as_str(), summary)
        });
    let page = page::page(call, &token_key, "MaxResults", PAGE, items)?;
    Ok(page::answer("UserPoolClients", page).into())
}

/// `REGULAR`, or `DCR` for a client that registered itself.
pub(super) fn client_type(client: &Client) -> &str {
    text_at(&client.document, &["ClientType"]).unwrap_or("REGULAR")
}

/// The client with its secret, its lists sorted (facts 0.1). Which of two secrets is shown is unverified (facts A.6):
/// here the older; and whether any is when the original one was deleted (facts 0.1, "low").
fn described(call: &Call<'_>, client: &Client) -> Value {
    let mut document = client.document.clone();
    for list in document.values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(ToString::to_string);
    }
    let is_shown = !client.original_secret_deleted || call.config.unmeasured.later_secret_is_shown;
    if let (Some(secret), true) = (client.secrets.first(), is_shown) {
        document.insert("ClientSecret".to_owned(), json!(secret.value));
    }
    Value::Object(document)
}

fn identify(document: &mut Document, pool_id: &str, id: &str, name: &str) {
    document.insert("UserPoolId".to_owned(), json!(pool_id));
    document.insert("ClientId".to_owned(), json!(id));
    document.insert("ClientName".to_owned(), json!(name));
}

/// The settings that a request asks for, with the defaults that Describe shows. Flows, PreventUserExistenceErrors,
/// validities of access and id tokens, units (facts 0.1) and attributes (facts A.6) are shown only where they were
/// given.
fn requested(call: &Call<'_>) -> Document {
    let mut document = call.request.clone();
    for member in ["GenerateSecret", "ClientSecret", "ClientType"] {
        document.remove(member);
    }
    document.insert("LastModifiedDate".to_owned(), call.now.into());
    // 0 is no validity but the default (facts A.6 [MODEL]).
    if document.get("RefreshTokenValidity") == Some(&Value::from(0)) {
        document.remove("RefreshTokenValidity");
        if let Some(Value::Object(units)) = document.get_mut("TokenValidityUnits") {
            units.remove("RefreshToken");
        }
    }
    default_to(&mut document, "RefreshTokenValidity", 30);
    if let Some(Value::Object(units)) = document.get_mut("TokenValidityUnits") {
        // What is shown of units that a client names in part is [GEN].
        for (token, unit) in [
            ("AccessToken", "hours"),
            ("IdToken", "hours"),
            ("RefreshToken", "days"),
        ] {
            default_to(units, token, unit);
        }
    }
    // Facts 0.1.
    if text_at(&document, &["RefreshTokenRotation", "Feature"]) == Some("DISABLED") {
        document["RefreshTokenRotation"]["RetryGracePeriodSeconds"] = json!(0);
    }
    default_to(&mut document, "AllowedOAuthFlowsUserPoolClient", false);
    // Left out, revocation is switched on (facts A.6 [MODEL]).
    default_to(&mut document, "EnableTokenRevocation", true);
    default_to(
        &mut document,
        "EnablePropagateAdditionalUserContextData",
        false,
    );
    default_to(&mut document, "AuthSessionValidity", 3);
    document
}
