//! The pool document: what a seed file holds and a dump shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Document;
use crate::state::{Link, MfaFactor, UserStatus};

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
    /// Whether the secret that it was created with is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub original_secret_deleted: bool,
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
