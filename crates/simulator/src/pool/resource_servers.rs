//! OAuth 2.0 resource servers (facts A.8).

use serde_json::{Value, json};

use super::access::{self, default_to};
use super::page;
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Pool, State};

/// Resource servers of a pool before an increase (facts E [DOC]).
const SERVERS: usize = 25;
/// The longest page: 50, not 60 (facts A.8 [MODEL]).
const PAGE: usize = 50;

/// The resource server of dynamic client registration.
const RESERVED: &str = "aws.cognito/dcr";

pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let identifier = call.required("Identifier")?;
    if identifier == RESERVED {
        return Err(managed_by_cognito());
    }
    // [GEN]; the text is unverified.
    if pool.resource_servers.contains_key(identifier) {
        return Err(ServiceError::invalid_parameter(format!(
            "{identifier} already exists in user pool {}.",
            pool.id
        )));
    }
    if pool.resource_servers.len() >= SERVERS {
        return Err(access::limit_exceeded("resource servers", SERVERS));
    }
    Ok(put(call, pool, identifier).into())
}

pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let server = server(state.pool(call)?, call.required("Identifier")?)?;
    Ok(json!({"ResourceServer": server}).into())
}

/// A full replacement: without `Scopes` there are none afterwards (facts A.8, B.1 [MODEL]).
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let identifier = call.required("Identifier")?;
    refuse_reserved(server(pool, identifier)?)?;
    Ok(put(call, pool, identifier).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let identifier = call.required("Identifier")?;
    refuse_reserved(server(pool, identifier)?)?;
    pool.resource_servers.remove(identifier);
    Ok(Reply::empty())
}

/// Whole servers, not summaries (facts A.8 [MODEL]).
pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let servers = &state.pool(call)?.resource_servers;
    let items = servers
        .iter()
        .map(|(identifier, server)| (identifier.as_str(), Value::Object(server.clone())));
    let page = page::page(call, &token_key, "MaxResults", PAGE, items)?;
    Ok(page::answer("ResourceServers", page).into())
}

fn put(call: &Call<'_>, pool: &mut Pool, identifier: &str) -> Value {
    let mut server = Document::new();
    access::overlay(&mut server, call.request, &["ManagedBy"]);
    default_to(&mut server, "Scopes", json!([]));
    // Scopes come back sorted (facts 0.1).
    if let Some(Value::Array(scopes)) = server.get_mut("Scopes") {
        scopes.sort_by_key(|scope| scope["ScopeName"].to_string());
    }
    let answer = json!({"ResourceServer": server});
    pool.resource_servers.insert(identifier.to_owned(), server);
    answer
}

fn server<'p>(pool: &'p Pool, identifier: &str) -> Result<&'p Document, ServiceError> {
    pool.resource_servers.get(identifier).ok_or_else(|| {
        ServiceError::resource_not_found(format!("Resource server {identifier} does not exist."))
    })
}

/// The server of dynamic client registration is Cognito's own (facts A.8 [MODEL]); that it cannot be changed is
/// [INF].
fn refuse_reserved(server: &Document) -> Result<(), ServiceError> {
    if server.get("ManagedBy") == Some(&Value::from("COGNITO")) {
        return Err(managed_by_cognito());
    }
    Ok(())
}

/// The text is unverified.
fn managed_by_cognito() -> ServiceError {
    ServiceError::invalid_parameter("The resource server is managed by Amazon Cognito.")
}

/// Gives a pool with dynamic client registration the server whose scope that needs (facts A.6, A.8 [MODEL]: the scope
/// `aws.cognito/dcr/register`, `ManagedBy`; that it comes with the configuration and stays is [INF]).
pub(super) fn add_reserved(pool: &mut Pool) {
    let configuration = pool.settings.get("DcrConfiguration");
    if configuration.is_none_or(|given| given.get("EnableStatus") == Some(&json!("Disabled"))) {
        return;
    }
    let server = json!({
        "UserPoolId": pool.id,
        "Identifier": RESERVED,
        "Name": "Dynamic client registration",
        "Scopes": [{"ScopeName": "register", "ScopeDescription": "Register app clients"}],
        "ManagedBy": "COGNITO",
    });
    if let Value::Object(server) = server {
        pool.resource_servers
            .entry(RESERVED.to_owned())
            .or_insert(server);
    }
}
