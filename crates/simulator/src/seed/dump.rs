//! A pool as a pool document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{ClientDocument, PoolDocument, SecretDocument, UserDocument};
use crate::call::Document;
use crate::error::ServiceError;
use crate::service::Service;
use crate::state::{Client, Pool, Region, State, UiCustomization, User};

/// A pool of any account in a Region.
pub(crate) fn find<'s>(
    state: &'s State,
    region: &Region,
    id: &str,
) -> Result<&'s Pool, ServiceError> {
    state
        .regions()
        .filter(|(_, place, _)| *place == region)
        .find_map(|(_, _, state)| state.pools.get(id))
        .ok_or_else(|| crate::state::pool_not_found(id))
}

/// The full state of a pool, in whichever account it is.
pub(crate) fn dump(
    service: &Service,
    region: &Region,
    id: &str,
) -> Result<PoolDocument, ServiceError> {
    let state = service.state();
    let pool = find(&state, region, id)?;
    let mut user_pool = pool.settings.clone();
    user_pool.insert(
        "SchemaAttributes".to_owned(),
        json!(pool.schema.documents()),
    );
    Ok(PoolDocument {
        user_pool,
        mfa_configuration: pool.mfa.clone(),
        clients: pool.clients.values().map(dump_client).collect(),
        identity_providers: pool.identity_providers.values().cloned().collect(),
        resource_servers: pool.resource_servers.values().cloned().collect(),
        groups: pool
            .groups
            .values()
            .map(|group| group.document.clone())
            .collect(),
        domains: pool
            .domains
            .values()
            .map(|domain| domain.document.clone())
            .collect(),
        ui_customizations: pool
            .ui
            .iter()
            .map(|(client, customization)| dump_ui(client, customization))
            .collect(),
        managed_login_brandings: pool.brandings.values().cloned().collect(),
        terms: pool.terms.values().cloned().collect(),
        risk_configurations: pool
            .risk
            .iter()
            .map(|(client, document)| {
                let mut document = document.clone();
                document.insert("ClientId".to_owned(), json!(client));
                document
            })
            .collect(),
        log_configurations: pool.log_delivery.clone(),
        replicas: pool.replicas.clone(),
        session_configuration: pool.sessions.clone(),
        users: pool.users.iter().map(dump_user).collect(),
    })
}

fn dump_client(client: &Client) -> ClientDocument {
    let mut user_pool_client = client.document.clone();
    if let Some(secret) = client.secrets.first() {
        user_pool_client.insert("ClientSecret".to_owned(), json!(secret.value));
    }
    let secrets = client
        .secrets
        .iter()
        .map(|secret| SecretDocument {
            client_secret_id: secret.id.clone(),
            client_secret_value: secret.value.clone(),
            client_secret_create_date: secret.created.epoch_seconds(),
        })
        .collect();
    ClientDocument {
        user_pool_client,
        secrets,
        original_secret_deleted: client.original_secret_deleted,
        session_configuration: client.sessions.clone(),
    }
}

fn dump_ui(client: &str, customization: &UiCustomization) -> Document {
    let mut document = customization.document.clone();
    document.insert("ClientId".to_owned(), json!(client));
    if !customization.image.is_empty() {
        document.insert(
            "Image".to_owned(),
            json!(STANDARD.encode(&customization.image)),
        );
    }
    document
}

fn dump_user(user: &User) -> UserDocument {
    let extra = user.extra.as_deref().cloned().unwrap_or_default();
    UserDocument {
        username: user.username.to_string(),
        sub: Some(user.sub.to_string()),
        attributes: user
            .attributes
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        user_status: user.status,
        enabled: user.enabled,
        user_create_date: Some(user.created.epoch_seconds()),
        user_last_modified_date: Some(user.modified.epoch_seconds()),
        user_mfa_setting_list: extra.mfa.iter().copied().collect(),
        preferred_mfa_setting: extra.preferred_mfa,
        software_token_registered: extra.totp_registered,
        groups: extra.groups.iter().map(ToString::to_string).collect(),
        identities: extra.links,
        has_password: user.password.is_some(),
        password: None,
    }
}
