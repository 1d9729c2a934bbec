//! Secrets of app clients (facts A.6, A.18).

use serde_json::{Value, json};

use super::access;
use super::clients::client_type;
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Client, ClientSecret, Pool, State, Time};

/// Active secrets of a client (facts A.6 [MODEL]).
const SECRETS: usize = 2;

/// Adds a secret to a confidential client: the caller's own, whose value is not returned, or a new one.
pub(crate) fn add(call: &Call<'_>, state: &mut State) -> Answer {
    let (pool, rng) = access::writable_and_rng(call, state)?;
    let id = call.required("ClientId")?;
    let client = access::client_mut(pool, id)?;
    refuse_registered(client)?;
    // "An existing confidential app client" (facts A.18 [MODEL]); the text is unverified.
    if client.secrets.is_empty() {
        return Err(ServiceError::invalid_parameter(
            "The app client has no client secret. Secrets can be added to confidential clients only.",
        ));
    }
    // Facts A.6 [MODEL].
    if client.secrets.len() >= SECRETS {
        return Err(access::limit_exceeded("client secrets", SECRETS));
    }
    let supplied = call.text("ClientSecret");
    let value = match supplied {
        Some(value) => value.to_owned(),
        None => Pool::new_client_secret(rng),
    };
    let secret = push(client, id, value, call.now);
    let mut descriptor = descriptor(secret);
    if supplied.is_none() {
        descriptor.insert("ClientSecretValue".to_owned(), json!(secret.value));
    }
    Ok(json!({"ClientSecretDescriptor": descriptor}).into())
}

/// Ids and dates, never values (facts A.6 [MODEL]).
pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let client = access::client(state.pool(call)?, call.required("ClientId")?)?;
    refuse_registered(client)?;
    let secrets: Vec<Value> = client
        .secrets
        .iter()
        .map(|secret| Value::Object(descriptor(secret)))
        .collect();
    Ok(json!({"ClientSecrets": secrets}).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let client = access::client_mut(pool, call.required("ClientId")?)?;
    refuse_registered(client)?;
    let id = call.required("ClientSecretId")?;
    let Some(index) = client.secrets.iter().position(|secret| secret.id == id) else {
        // [GEN]
        return Err(ServiceError::resource_not_found(format!(
            "Client secret {id} does not exist."
        )));
    };
    // Facts A.6 [MODEL]; the text is unverified.
    if client.secrets.len() == 1 {
        return Err(ServiceError::invalid_parameter(
            "The last client secret of an app client cannot be deleted.",
        ));
    }
    client.secrets.remove(index);
    // The oldest is the original, unless that is gone already.
    client.original_secret_deleted |= index == 0;
    Ok(Reply::empty())
}

/// Gives a client a secret. Its id is `<client-id>--<epoch>` (facts A.18 [MODEL]), moved on where two secrets come
/// in one second.
pub(super) fn push<'c>(
    client: &'c mut Client,
    client_id: &str,
    value: String,
    now: Time,
) -> &'c ClientSecret {
    let mut epoch = now.0 / 1000;
    let id = loop {
        let id = format!("{client_id}--{epoch}");
        if client.secrets.iter().all(|secret| secret.id != id) {
            break id;
        }
        epoch += 1;
    };
    let index = client.secrets.len();
    client.secrets.push(ClientSecret {
        id,
        value,
        created: now,
    });
    &client.secrets[index]
}

fn descriptor(secret: &ClientSecret) -> Document {
    let mut descriptor = Document::new();
    descriptor.insert("ClientSecretId".to_owned(), json!(secret.id));
    descriptor.insert("ClientSecretCreateDate".to_owned(), secret.created.into());
    descriptor
}

/// Clients of dynamic client registration have no secret operations (facts A.6 [MODEL]; the text is unverified).
fn refuse_registered(client: &Client) -> Result<(), ServiceError> {
    if client_type(client) == "DCR" {
        return Err(ServiceError::invalid_parameter(
            "Client secret operations are not supported for app clients of dynamic client registration.",
        ));
    }
    Ok(())
}
