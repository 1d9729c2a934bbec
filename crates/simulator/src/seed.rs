//! Pool documents: putting a pool's whole state in, and getting it out.
//!
//! What goes in is checked for what the simulator itself relies on (ids, references), not against the rules of the
//! API: a seed can hold what only the past or the service itself could make.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Document;
use crate::error::ServiceError;
use crate::service::Service;
use crate::state::{
    AttributeRule, Client, ClientSecret, Domain, Group, Link, MfaFactor, Pool, Region, Schema,
    State, Sub, Time, UiCustomization, User, UserStatus,
};
use crate::user::password;

/// The whole state of a pool. Every member may be left out. `docs/simulator.md` has an example.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
pub struct PoolDocument {
    /// DescribeUserPool's `UserPool`. Without `Id` the pool gets a new one; `SchemaAttributes` add to and replace the
    /// standard attributes.
    pub user_pool: Document,
    /// GetUserPoolMfaConfig's answer.
    pub mfa_configuration: Document,
    /// App clients.
    pub clients: Vec<ClientDocument>,
    /// DescribeIdentityProvider's `IdentityProvider` documents, with the Apple key.
    pub identity_providers: Vec<Document>,
    /// DescribeResourceServer's `ResourceServer` documents.
    pub resource_servers: Vec<Document>,
    /// GetGroup's `Group` documents. Memberships stand with the users.
    pub groups: Vec<Document>,
    /// DescribeUserPoolDomain's `DomainDescription` documents; they are active at once.
    pub domains: Vec<Document>,
    /// GetUICustomization's documents, each with `ClientId` (`ALL` for the pool) and `Image` (base64) for `ImageUrl`.
    #[serde(rename = "UICustomizations")]
    pub ui_customizations: Vec<Document>,
    /// DescribeManagedLoginBranding's documents, each with its `ClientId`.
    pub managed_login_brandings: Vec<Document>,
    /// DescribeTerms' documents.
    pub terms: Vec<Document>,
    /// DescribeRiskConfiguration's documents; the pool's has the `ClientId` `ALL`.
    pub risk_configurations: Vec<Document>,
    /// `LogConfigurations` of GetLogDeliveryConfiguration.
    pub log_configurations: Option<Vec<Value>>,
    /// Entries of ListUserPoolReplicas.
    pub replicas: Vec<Value>,
    /// The pool's session configuration.
    pub session_configuration: Option<Document>,
    /// Users.
    pub users: Vec<UserDocument>,
}

/// An app client in a pool document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
pub struct ClientDocument {
    /// DescribeUserPoolClient's `UserPoolClient`; `ClientSecret` in it counts as its one secret if `Secrets` is empty.
    pub user_pool_client: Document,
    /// Its secrets, oldest first.
    pub secrets: Vec<SecretDocument>,
    /// Its session configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_configuration: Option<Document>,
}

/// A secret of an app client in a pool document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
pub struct SecretDocument {
    /// `<client-id>--<epoch>`.
    pub client_secret_id: String,
    /// The secret itself.
    pub client_secret_value: String,
    /// Seconds since 1970.
    pub client_secret_create_date: f64,
}

/// A user in a pool document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
pub struct UserDocument {
    /// In a pool that signs in by e-mail or phone number it may be left out: it is the sub.
    pub username: String,
    /// A UUID; random when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Attributes by name, without `sub` and `identities`.
    pub attributes: BTreeMap<String, String>,
    /// Any status.
    pub user_status: UserStatus,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// Seconds since 1970; now when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_create_date: Option<f64>,
    /// Seconds since 1970; the time of creation when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_last_modified_date: Option<f64>,
    /// Active second factors.
    #[serde(rename = "UserMFASettingList")]
    pub user_mfa_setting_list: Vec<MfaFactor>,
    /// The preferred one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_mfa_setting: Option<MfaFactor>,
    /// Whether an authenticator app is registered.
    pub software_token_registered: bool,
    /// Names of groups that the document defines.
    pub groups: Vec<String>,
    /// Entries of the `identities` attribute.
    pub identities: Vec<Link>,
    /// Whether there is a password.
    pub has_password: bool,
    /// A password, to recognise it in the history. Never in a dump.
    #[serde(skip_serializing)]
    pub password: Option<String>,
}

impl Default for UserDocument {
    fn default() -> Self {
        Self {
            username: String::new(),
            sub: None,
            attributes: BTreeMap::new(),
            user_status: UserStatus::Confirmed,
            enabled: true,
            user_create_date: None,
            user_last_modified_date: None,
            user_mfa_setting_list: Vec::new(),
            preferred_mfa_setting: None,
            software_token_registered: false,
            groups: Vec::new(),
            identities: Vec::new(),
            has_password: true,
            password: None,
        }
    }
}

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
    if !pool.identity_providers.is_empty() && pool.schema.rule("identities").is_none() {
        pool.schema.put(identities_attribute());
    }
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

/// The attribute that Cognito adds with the first identity provider (facts A.2).
pub(crate) fn identities_attribute() -> Document {
    let mut document = Document::new();
    document.insert("Name".to_owned(), json!("identities"));
    document.insert("AttributeDataType".to_owned(), json!("String"));
    document.insert("DeveloperOnlyAttribute".to_owned(), json!(false));
    document.insert("Mutable".to_owned(), json!(true));
    document.insert("Required".to_owned(), json!(false));
    document.insert("StringAttributeConstraints".to_owned(), json!({}));
    document
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

/// The full state of a pool, in whichever account it is.
pub(crate) fn dump(
    service: &Service,
    region: &Region,
    id: &str,
) -> Result<PoolDocument, ServiceError> {
    let state = service.state();
    let pool = state
        .regions()
        .filter(|(_, place, _)| *place == region)
        .find_map(|(_, _, state)| state.pools.get(id))
        .ok_or_else(|| crate::state::pool_not_found(id))?;
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
