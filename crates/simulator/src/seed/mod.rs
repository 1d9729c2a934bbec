//! Pool documents: putting a pool's whole state in, and getting it out.
//!
//! What goes in is checked for what the simulator itself relies on (ids, references), not against the rules of the
//! API: a seed can hold what only the past or the service itself could make.

mod document;
mod dump;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

pub use document::{ClientDocument, PoolDocument, SecretDocument, UserDocument};
pub(crate) use dump::{dump, find};

use crate::call::Document;
use crate::error::ServiceError;
use crate::service::Service;
use crate::state::{
    AttributeRule, Client, ClientSecret, Domain, Group, MfaFactor, Pool, Region, Schema, State,
    Sub, Time, UiCustomization, User,
};
use crate::user::password;

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::client("SimulatorControlException", message)
}

/// Reads a pool document.
pub(crate) fn parse(document: &Value) -> Result<PoolDocument, ServiceError> {
    if !document.is_object() {
        // serde would take a list for the members in order.
        return Err(invalid("this is no pool document: it is not an object"));
    }
    PoolDocument::deserialize(document)
        .map_err(|error| invalid(format!("this is no pool document: {error}")))
}

/// Puts a pool in, with further users beside those of the document. A pool of the same id is replaced. Returns the id.
pub(crate) fn plant(
    service: &Service,
    region: &Region,
    mut document: PoolDocument,
    more_users: impl Iterator<Item = UserDocument>,
) -> Result<String, ServiceError> {
    let now = service.now();
    let mut state = service.state();
    let users = std::mem::take(&mut document.users);
    let mut pool = empty_pool(service, &mut state, region, &document, now)?;
    fill(&mut pool, document, now)?;
    for user in users.into_iter().chain(more_users) {
        plant_user(&mut state, &mut pool, user, now)?;
    }
    let id = pool.id.clone();
    state
        .region(service.account(), region)
        .pools
        .insert(id.clone(), pool);
    Ok(id)
}

fn empty_pool(
    service: &Service,
    state: &mut State,
    region: &Region,
    document: &PoolDocument,
    now: Time,
) -> Result<Pool, ServiceError> {
    let mut settings = document.user_pool.clone();
    let id = match settings.get("Id").and_then(Value::as_str) {
        Some(id) if id.starts_with(&format!("{region}_")) => id.to_owned(),
        Some(_) => {
            return Err(invalid(format!(
                "the pool's Id does not start with {region}_"
            )));
        }
        None => Pool::new_id(region, &mut state.rng),
    };
    let mut schema = Schema::standard();
    if let Some(Value::Array(attributes)) = settings.remove("SchemaAttributes") {
        for attribute in attributes {
            match attribute {
                Value::Object(attribute) if attribute.get("Name").is_some_and(Value::is_string) => {
                    schema.put(attribute);
                }
                _ => return Err(invalid("an entry of SchemaAttributes has no Name")),
            }
        }
    }
    for computed in ["EstimatedNumberOfUsers", "Domain", "CustomDomain"] {
        settings.remove(computed);
    }
    let account = service.account().clone();
    let mut pool = Pool::new(id, account, region.clone(), settings, schema);
    let arn = pool.arn();
    let mfa = document
        .mfa_configuration
        .get("MfaConfiguration")
        .cloned()
        .unwrap_or_else(|| json!("OFF"));
    let mut set = |member: &str, value: Value, replace: bool| {
        if replace || !pool.settings.contains_key(member) {
            pool.settings.insert(member.to_owned(), value);
        }
    };
    set("Id", json!(pool.id.clone()), true);
    set("Arn", json!(arn), true);
    set("Name", json!("seeded"), false);
    set("CreationDate", now.into(), false);
    set("LastModifiedDate", now.into(), false);
    set(
        "MfaConfiguration",
        mfa,
        document.mfa_configuration.contains_key("MfaConfiguration"),
    );
    Ok(pool)
}

/// A member that is the key of a document.
fn key(document: &Document, member: &str) -> Result<String, ServiceError> {
    document
        .get(member)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| invalid(format!("a document has no {member}")))
}

fn keyed(
    documents: Vec<Document>,
    member: &str,
) -> Result<BTreeMap<String, Document>, ServiceError> {
    documents
        .into_iter()
        .map(|document| Ok((key(&document, member)?, document)))
        .collect()
}

fn fill(pool: &mut Pool, document: PoolDocument, now: Time) -> Result<(), ServiceError> {
    pool.mfa = document.mfa_configuration;
    for client in document.clients {
        let (id, client) = client_of(client, &pool.id, now)?;
        pool.clients.insert(id, client);
    }
    pool.identity_providers = keyed(document.identity_providers, "ProviderName")?;
    pool.resource_servers = keyed(document.resource_servers, "Identifier")?;
    for (name, mut group) in keyed(document.groups, "GroupName")? {
        group.insert("UserPoolId".to_owned(), json!(pool.id));
        for date in ["CreationDate", "LastModifiedDate"] {
            group.entry(date).or_insert_with(|| now.into());
        }
        pool.groups.insert(
            name,
            Group {
                document: group,
                ..Group::default()
            },
        );
    }
    for (name, mut domain) in keyed(document.domains, "Domain")? {
        domain.remove("Status");
        domain.insert("UserPoolId".to_owned(), json!(pool.id));
        pool.domains.insert(
            name,
            Domain {
                document: domain,
                active_from: Time::default(),
                polls_left: 0,
            },
        );
    }
    for (client, mut customization) in keyed(document.ui_customizations, "ClientId")? {
        let image = match customization.remove("Image") {
            Some(Value::String(image)) => STANDARD
                .decode(image)
                .map_err(|_| invalid("the Image of a UICustomization is not base64"))?,
            _ => Vec::new(),
        };
        customization.remove("ImageUrl");
        customization.insert("UserPoolId".to_owned(), json!(pool.id));
        pool.ui.insert(
            client,
            UiCustomization {
                document: customization,
                image,
            },
        );
    }
    pool.brandings = keyed(document.managed_login_brandings, "ManagedLoginBrandingId")?;
    pool.terms = keyed(document.terms, "TermsId")?;
    pool.risk = keyed(document.risk_configurations, "ClientId")?;
    for documents in [&mut pool.brandings, &mut pool.terms, &mut pool.risk] {
        for document in documents.values_mut() {
            document.insert("UserPoolId".to_owned(), json!(pool.id));
        }
    }
    pool.log_delivery = document.log_configurations;
    pool.replicas = document.replicas;
    pool.sessions = document.session_configuration;
    Ok(())
}

fn client_of(
    client: ClientDocument,
    pool_id: &str,
    now: Time,
) -> Result<(String, Client), ServiceError> {
    let mut document = client.user_pool_client;
    let id = key(&document, "ClientId")?;
    let first = document.remove("ClientSecret");
    document.insert("UserPoolId".to_owned(), json!(pool_id));
    for date in ["CreationDate", "LastModifiedDate"] {
        document.entry(date).or_insert_with(|| now.into());
    }
    let mut secrets: Vec<ClientSecret> = client
        .secrets
        .into_iter()
        .map(|secret| ClientSecret {
            id: secret.client_secret_id,
            value: secret.client_secret_value,
            created: Time::from_epoch_seconds(secret.client_secret_create_date),
        })
        .collect();
    if let (true, Some(Value::String(value))) = (secrets.is_empty(), first) {
        secrets.push(ClientSecret {
            id: format!("{id}--{}", now.0 / 1000),
            value,
            created: now,
        });
    }
    Ok((
        id,
        Client {
            document,
            secrets,
            original_secret_deleted: client.original_secret_deleted,
            sessions: client.session_configuration,
        },
    ))
}

fn plant_user(
    state: &mut State,
    pool: &mut Pool,
    user: UserDocument,
    now: Time,
) -> Result<(), ServiceError> {
    let sub = match &user.sub {
        Some(text) => Sub::parse(text).ok_or_else(|| invalid("the Sub of a user is no UUID"))?,
        None => Sub::random(&mut state.rng),
    };
    let username = if user.username.is_empty() {
        sub.to_string()
    } else {
        user.username
    };
    if pool.users.by_username(&username).is_some() || pool.users.by_sub(sub).is_some() {
        return Err(invalid("two users have the same Username or Sub"));
    }
    let created = user.user_create_date.map_or(now, Time::from_epoch_seconds);
    let attributes = user
        .attributes
        .into_iter()
        .filter(|(name, _)| name != "sub" && name != "identities")
        .map(|(name, value)| {
            let shared = pool.schema.rule(&name).map_or_else(
                || Arc::from(name),
                |rule: &AttributeRule| Arc::clone(&rule.name),
            );
            (shared, value.into_boxed_str())
        })
        .collect();
    let mut planted = User {
        username: username.into(),
        sub,
        attributes,
        status: user.user_status,
        enabled: user.enabled,
        created,
        modified: user
            .user_last_modified_date
            .map_or(created, Time::from_epoch_seconds),
        password: match &user.password {
            Some(text) => Some(password::digest(sub, text)),
            None => user.has_password.then_some(0),
        },
        extra: None,
    };
    if !user.identities.is_empty() {
        planted.extra().links = user.identities;
    }
    if !user.user_mfa_setting_list.is_empty() || user.software_token_registered {
        let extra = planted.extra();
        extra.mfa = user.user_mfa_setting_list.into_iter().collect();
        extra.preferred_mfa = user.preferred_mfa_setting;
        extra.totp_registered =
            user.software_token_registered || extra.mfa.contains(&MfaFactor::SoftwareToken);
    }
    pool.users.insert(planted);
    for group in &user.groups {
        if !pool.groups.contains_key(group) {
            return Err(invalid(
                "a user is in a group that the document does not define",
            ));
        }
        pool.add_member(group, sub);
    }
    Ok(())
}
