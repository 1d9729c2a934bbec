//! One user pool: its configuration as documents under the API's member names, and its users.
//!
//! Configuration is kept as the JSON that Describe returns, not as typed copies: a member that only a seed document
//! or a newer caller knows comes back as it went in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::rngs::StdRng;
use serde_json::Value;

use super::ids::LOWER;
use super::{AccountId, Directory, Region, Schema, SignIn, Sub, Time, random_id};
use crate::call::Document;
use crate::user::import::ImportJob;

/// A user pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    /// The `UserPool` document of DescribeUserPool without what Describe computes: `SchemaAttributes`,
    /// `EstimatedNumberOfUsers`, `Domain`, `CustomDomain`.
    pub(crate) settings: Document,
    pub(crate) schema: Schema,
    /// GetUserPoolMfaConfig's answer. `MfaConfiguration` in `settings` follows it.
    pub(crate) mfa: Document,
    /// App clients by id.
    pub(crate) clients: BTreeMap<String, Client>,
    /// Identity providers by `ProviderName`: what was written, the Apple key included.
    pub(crate) identity_providers: BTreeMap<String, Document>,
    /// Resource servers by `Identifier`.
    pub(crate) resource_servers: BTreeMap<String, Document>,
    /// Groups by `GroupName`.
    pub(crate) groups: BTreeMap<String, Group>,
    /// Domains by `Domain`.
    pub(crate) domains: BTreeMap<String, Domain>,
    /// Classic hosted-UI customization by client id or `ALL`.
    pub(crate) ui: BTreeMap<String, UiCustomization>,
    /// Managed-login branding by `ManagedLoginBrandingId`; each names its `ClientId`.
    pub(crate) brandings: BTreeMap<String, Document>,
    /// Terms by `TermsId`; each names its `ClientId`.
    pub(crate) terms: BTreeMap<String, Document>,
    /// Risk configuration by client id or `ALL`.
    pub(crate) risk: BTreeMap<String, Document>,
    /// `LogConfigurations` of GetLogDeliveryConfiguration; `None` when never set.
    pub(crate) log_delivery: Option<Vec<Value>>,
    /// ListUserPoolReplicas' entries; seeded only.
    pub(crate) replicas: Vec<Value>,
    /// The pool's session configuration, if set.
    pub(crate) sessions: Option<Document>,
    pub(crate) users: Directory,
    /// The attribute names that links to each provider were ever made on: five at most (facts C.3).
    pub(crate) linked_attribute_names: BTreeMap<String, BTreeSet<String>>,
    /// Import jobs, oldest first.
    pub(crate) import_jobs: Vec<ImportJob>,
}

/// An app client.
#[derive(Debug, Default, Clone)]
pub(crate) struct Client {
    /// The `UserPoolClient` document of DescribeUserPoolClient without `ClientSecret`.
    pub(crate) document: Document,
    /// Up to two active secrets, oldest first; none for a public client (facts A.6).
    pub(crate) secrets: Vec<ClientSecret>,
    /// Whether the secret that the client was created with has been deleted.
    pub(crate) original_secret_deleted: bool,
    /// Its session configuration, if set (facts A.18).
    pub(crate) sessions: Option<Document>,
}

/// A secret of an app client.
#[derive(Debug, Clone)]
pub(crate) struct ClientSecret {
    /// `<client-id>--<epoch>` (facts A.18).
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) created: Time,
}

/// A group with the subs of its members.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// GetGroup's document.
    pub(crate) document: Document,
    pub(crate) members: BTreeSet<Sub>,
}

/// A domain of the pool.
#[derive(Debug)]
pub(crate) struct Domain {
    /// The `DomainDescription` without `Status`.
    pub(crate) document: Document,
    /// It is ACTIVE from then on in any case (facts A.10).
    pub(crate) active_from: Time,
    /// Descriptions that still answer CREATING while that time has not come.
    pub(crate) polls_left: u32,
}

/// What SetUICustomization stored for the pool or a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct UiCustomization {
    /// The `UICustomization` document without `ImageUrl`.
    pub(crate) document: Document,
    /// The logo's bytes; empty without a logo.
    pub(crate) image: Vec<u8>,
}

impl Pool {
    /// A pool without anything in it. `settings` must hold what fixes how users sign in: `AliasAttributes`,
    /// `UsernameAttributes`, `UsernameConfiguration`.
    pub(crate) fn new(
        id: String,
        account: AccountId,
        region: Region,
        settings: Document,
        schema: Schema,
    ) -> Self {
        let users = Directory::new(SignIn::of(&settings));
        Self {
            id,
            account,
            region,
            settings,
            schema,
            mfa: Document::new(),
            clients: BTreeMap::new(),
            identity_providers: BTreeMap::new(),
            resource_servers: BTreeMap::new(),
            groups: BTreeMap::new(),
            domains: BTreeMap::new(),
            ui: BTreeMap::new(),
            brandings: BTreeMap::new(),
            terms: BTreeMap::new(),
            risk: BTreeMap::new(),
            log_delivery: None,
            replicas: Vec::new(),
            sessions: None,
            users,
            linked_attribute_names: BTreeMap::new(),
            import_jobs: Vec::new(),
        }
    }

    /// A new pool id, `<region>_<nine letters and digits>`.
    pub(crate) fn new_id(region: &Region, rng: &mut StdRng) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        format!("{region}_{}", random_id(rng, 9, ALPHABET))
    }

    /// A new app client id: 26 lower-case letters and digits.
    pub(crate) fn new_client_id(rng: &mut StdRng) -> String {
        random_id(rng, 26, LOWER)
    }

    /// A new client secret: 52 lower-case letters and digits (facts A.6: typically 51-52).
    pub(crate) fn new_client_secret(rng: &mut StdRng) -> String {
        random_id(rng, 52, LOWER)
    }

    /// `arn:aws:cognito-idp:<region>:<account>:userpool/<id>`.
    pub(crate) fn arn(&self) -> String {
        format!(
            "arn:aws:cognito-idp:{}:{}:userpool/{}",
            self.region, self.account, self.id
        )
    }

    /// The feature plan; absent means ESSENTIALS (facts A.1).
    pub(crate) fn tier(&self) -> &str {
        self.settings
            .get("UserPoolTier")
            .and_then(Value::as_str)
            .unwrap_or("ESSENTIALS")
    }

    /// The ARN or configuration of a Lambda trigger, if one is set.
    pub(crate) fn trigger(&self, name: &str) -> Option<&Value> {
        self.settings
            .get("LambdaConfig")
            .and_then(|config| config.get(name))
    }

    /// The names in a list member of the settings, e.g. `AutoVerifiedAttributes`.
    pub(crate) fn setting_names(&self, member: &str) -> Vec<&str> {
        names(&self.settings, member)
    }

    /// Makes a user a member of a group that exists. Doing so twice changes nothing.
    pub(crate) fn add_member(&mut self, group: &str, sub: Sub) {
        let name = Arc::from(group);
        if let Some(group) = self.groups.get_mut(group)
            && self
                .users
                .change(sub, |user| user.extra().groups.insert(name))
                .is_some()
        {
            group.members.insert(sub);
        }
    }

    /// Ends a membership, if there is one.
    pub(crate) fn remove_member(&mut self, group: &str, sub: Sub) {
        if let Some(group) = self.groups.get_mut(group) {
            group.members.remove(&sub);
        }
        self.users
            .change(sub, |user| user.extra().groups.remove(group));
    }

    /// Removes a user and all memberships of the user.
    pub(crate) fn delete_user(&mut self, sub: Sub) {
        if let Some(user) = self.users.remove(sub) {
            for name in user.extra.iter().flat_map(|extra| &extra.groups) {
                if let Some(group) = self.groups.get_mut(&**name) {
                    group.members.remove(&sub);
                }
            }
        }
    }

    /// Whether an import job is pending or running: three operations then refuse with
    /// `UserImportInProgressException` (facts B.3, C.5).
    pub(crate) fn import_in_progress(&self) -> bool {
        self.import_jobs.iter().any(ImportJob::is_active)
    }
}

/// The texts in a list member of a document.
pub(crate) fn names<'a>(document: &'a Document, member: &str) -> Vec<&'a str> {
    document
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
