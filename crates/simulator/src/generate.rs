//! Pools of any size from a seed: plain ones, and nasty ones that hold what breaks exports.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Document;
use crate::seed::{ClientDocument, PoolDocument, UserDocument};
use crate::state::{Link, MfaFactor, UserStatus};

/// How users of a generated pool sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInStyle {
    /// By username alone.
    #[default]
    Username,
    /// By username, or e-mail address or phone number as aliases.
    Alias,
    /// By e-mail address: usernames are UUIDs.
    Email,
}

/// What pool to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GeneratorConfig {
    /// The same seed makes the same pool.
    pub seed: u64,
    /// The pool's name.
    pub name: String,
    /// How many users.
    pub users: usize,
    /// How many groups; users are spread over them.
    pub groups: usize,
    /// How many app clients.
    pub clients: usize,
    /// How users sign in.
    pub sign_in: SignInStyle,
    /// Unicode, emoji, right-to-left text, quotes, commas, newlines, values of 2,048 bytes, names at their limits,
    /// every user status, disabled and linked users, at least 61 groups of which the first has more than 60 members,
    /// and 50 custom attributes.
    pub nasty: bool,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            name: "generated".to_owned(),
            users: 100,
            groups: 3,
            clients: 1,
            sign_in: SignInStyle::Username,
            nasty: false,
        }
    }
}

impl GeneratorConfig {
    /// A plain pool of that many users.
    pub fn plain(users: usize) -> Self {
        Self {
            users,
            ..Self::default()
        }
    }

    /// A nasty pool of that many users; from 130 on it has everything that nasty pools have.
    pub fn nasty(users: usize) -> Self {
        Self {
            users,
            groups: 70,
            clients: 3,
            nasty: true,
            ..Self::default()
        }
    }
}

/// Custom attributes of a pool (facts A.2): as many as there may be.
const CUSTOM_ATTRIBUTES: usize = 50;
/// Bytes of an attribute value (facts A.2).
const VALUE_BYTES: usize = 2048;

const GIVEN_NAMES: [&str; 8] = [
    "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Tony",
];
const FAMILY_NAMES: [&str; 6] = [
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth",
];
const NASTY_TEXTS: [&str; 12] = [
    "Zoë Ångström",
    "山田 太郎",
    "מחמוד, דרוויש",
    "\u{202e}right to left",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "a \"quoted\" name",
    "comma, semicolon; tab\tend",
    "line one\nline two\r\nline three",
    "back\\slash and 'apostrophe'",
    "{\"json\": [1, 2]}",
    "e\u{301} is not é",
    "=cmd|' /C calc'!A0",
];
const NASTY_STATUSES: [UserStatus; 8] = [
    UserStatus::Confirmed,
    UserStatus::ForceChangePassword,
    UserStatus::ResetRequired,
    UserStatus::Unconfirmed,
    UserStatus::ExternalProvider,
    UserStatus::Archived,
    UserStatus::Compromised,
    UserStatus::Unknown,
];

/// The pool without users, and its users one by one.
pub(crate) fn pool(
    config: &GeneratorConfig,
) -> (PoolDocument, impl Iterator<Item = UserDocument> + use<>) {
    let mut rng = StdRng::seed_from_u64(config.seed);
    let groups: Vec<String> = (0..config.groups)
        .map(|index| group_name(config, index))
        .collect();
    let document = PoolDocument {
        user_pool: settings(config),
        mfa_configuration: object(json!({
            "MfaConfiguration": "OPTIONAL",
            "SoftwareTokenMfaConfiguration": {"Enabled": true},
        })),
        clients: (0..config.clients)
            .map(|index| client(config, index, &mut rng))
            .collect(),
        identity_providers: if config.nasty {
            vec![provider()]
        } else {
            Vec::new()
        },
        groups: groups
            .iter()
            .enumerate()
            .map(|(index, name)| group(config, index, name))
            .collect(),
        ..PoolDocument::default()
    };
    let config = config.clone();
    let users = (0..config.users).map(move |index| {
        let mut user = if config.nasty {
            nasty_user(&config, index, &mut rng)
        } else {
            plain_user(index, &mut rng)
        };
        user.sub = Some(
            uuid::Builder::from_random_bytes(rng.random())
                .into_uuid()
                .to_string(),
        );
        // Half a day apart for the first, then closer: creation dates differ.
        user.user_create_date = Some(1_600_000_000.0 + index as f64 * 0.5);
        match config.sign_in {
            SignInStyle::Email => user.username.clear(),
            SignInStyle::Alias | SignInStyle::Username => {}
        }
        join_groups(&config, &groups, index, &mut user);
        user
    });
    (document, users)
}

fn object(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

fn settings(config: &GeneratorConfig) -> Document {
    let mut settings = object(json!({
        "Name": config.name,
        "Policies": {"PasswordPolicy": {
            "MinimumLength": 8, "RequireUppercase": true, "RequireLowercase": true, "RequireNumbers": true,
            "RequireSymbols": true, "TemporaryPasswordValidityDays": 7,
        }},
        "LambdaConfig": {},
        // What Describe shows of a pool of 2026 (facts 0.1).
        "AccountRecoverySetting": {"RecoveryMechanisms": [
            {"Name": "verified_email", "Priority": 1}, {"Name": "verified_phone_number", "Priority": 2},
        ]},
        "KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"},
        "IssuerConfiguration": {"Type": "ORIGINAL"},
        "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
        "AutoVerifiedAttributes": ["email"],
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7},
        "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        "UsernameConfiguration": {"CaseSensitive": false},
        "UserPoolTags": {"purpose": "generated"},
        "UserPoolTier": "ESSENTIALS",
        "DeletionProtection": "INACTIVE",
    }));
    match config.sign_in {
        SignInStyle::Username => {}
        SignInStyle::Alias => {
            settings.insert(
                "AliasAttributes".to_owned(),
                json!(["email", "phone_number"]),
            );
        }
        SignInStyle::Email => {
            settings.insert("UsernameAttributes".to_owned(), json!(["email"]));
        }
    }
    if config.nasty {
        // Messages for both ways (facts 0.1).
        let messages = json!({
            "EmailMessage": "{####} 👋", "EmailMessageByLink": "{##هنا##}", "DefaultEmailOption": "CONFIRM_WITH_LINK",
        });
        settings.insert("VerificationMessageTemplate".to_owned(), messages);
        let attributes: Vec<Value> = (0..CUSTOM_ATTRIBUTES)
            .map(|index| {
                json!({
                    "Name": custom_name(index),
                    "AttributeDataType": if index == 1 { "Number" } else { "String" },
                    "DeveloperOnlyAttribute": index == 2,
                    "Mutable": index != 3,
                    "Required": false,
                    (if index == 1 { "NumberAttributeConstraints" } else { "StringAttributeConstraints" }): {},
                })
            })
            .collect();
        settings.insert("SchemaAttributes".to_owned(), Value::Array(attributes));
    }
    settings
}

/// Bare names of 20 characters, the limit (facts A.2); the third is a developer attribute.
fn custom_name(index: usize) -> String {
    let prefix = if index == 2 { "dev:custom:" } else { "custom:" };
    format!("{prefix}attribute_{index:0>10}")
}

fn client(config: &GeneratorConfig, index: usize, rng: &mut StdRng) -> ClientDocument {
    let id = crate::state::random_id(rng, 26, b"abcdefghijklmnopqrstuvwxyz0123456789");
    let mut document = object(json!({
        "ClientId": id,
        "ClientName": format!("client-{index}"),
        "RefreshTokenValidity": 30,
        "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
        "AllowedOAuthFlowsUserPoolClient": false,
        "EnableTokenRevocation": true,
        "EnablePropagateAdditionalUserContextData": false,
        "AuthSessionValidity": 3,
    }));
    if index > 0 {
        let secret = crate::state::random_id(rng, 52, b"abcdefghijklmnopqrstuvwxyz0123456789");
        document.insert("ClientSecret".to_owned(), json!(secret));
    }
    match (config.nasty, index) {
        // A client that rotates its refresh tokens, and one that names no flows (facts 0.1).
        (true, 1) => {
            document.insert(
                "ExplicitAuthFlows".to_owned(),
                json!(["ALLOW_USER_SRP_AUTH"]),
            );
            document.insert(
                "RefreshTokenRotation".to_owned(),
                json!({"Feature": "ENABLED"}),
            );
        }
        (true, 2) => {
            document.remove("ExplicitAuthFlows");
        }
        _ => {}
    }
    ClientDocument {
        user_pool_client: document,
        ..ClientDocument::default()
    }
}

fn provider() -> Document {
    object(json!({
        "ProviderName": "Corporate",
        "ProviderType": "OIDC",
        "ProviderDetails": {
            "client_id": "generated", "client_secret": "generated-secret", "authorize_scopes": "openid email",
            "oidc_issuer": "https://idp.example.com", "attributes_request_method": "GET",
            "attributes_url_add_attributes": "false",
        },
        "AttributeMapping": {"email": "email", "username": "sub"},
        "IdpIdentifiers": [],
    }))
}

fn group_name(config: &GeneratorConfig, index: usize) -> String {
    match (config.nasty, index) {
        // 128 characters, the limit (Amazon's model).
        (true, 1) => "g".repeat(128),
        (true, 2) => "グループ👥".to_owned(),
        _ => format!("group-{index:03}"),
    }
}

fn group(config: &GeneratorConfig, index: usize, name: &str) -> Document {
    let mut group = object(json!({"GroupName": name}));
    if index.is_multiple_of(2) {
        group.insert("Precedence".to_owned(), json!(index));
    }
    if config.nasty && index.is_multiple_of(3) {
        group.insert(
            "Description".to_owned(),
            json!(NASTY_TEXTS[index % NASTY_TEXTS.len()]),
        );
    }
    group
}

fn join_groups(config: &GeneratorConfig, groups: &[String], index: usize, user: &mut UserDocument) {
    let Some(first) = groups.first() else { return };
    if config.nasty {
        // One user in everything that there is room for, every other user in the first group.
        if index == 0 {
            user.groups = groups.iter().take(100).cloned().collect();
            return;
        }
        if index.is_multiple_of(2) {
            user.groups.push(first.clone());
        }
    }
    let chosen = &groups[index % groups.len()];
    if !user.groups.contains(chosen) {
        user.groups.push(chosen.clone());
    }
}

fn attributes(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    pairs.into_iter().collect()
}

fn pick<'a>(texts: &[&'a str], rng: &mut StdRng) -> &'a str {
    texts.choose(rng).copied().unwrap_or_default()
}

fn plain_user(index: usize, rng: &mut StdRng) -> UserDocument {
    let given = pick(&GIVEN_NAMES, rng);
    let family = pick(&FAMILY_NAMES, rng);
    UserDocument {
        username: format!("user-{index:07}"),
        attributes: attributes(vec![
            ("email".to_owned(), format!("user-{index:07}@example.com")),
            ("email_verified".to_owned(), "true".to_owned()),
            ("given_name".to_owned(), given.to_owned()),
            ("family_name".to_owned(), family.to_owned()),
        ]),
        user_status: if index % 10 == 9 {
            UserStatus::ForceChangePassword
        } else {
            UserStatus::Confirmed
        },
        ..UserDocument::default()
    }
}

fn nasty_user(config: &GeneratorConfig, index: usize, rng: &mut StdRng) -> UserDocument {
    let mut user = plain_user(index, rng);
    user.user_status = NASTY_STATUSES[index % NASTY_STATUSES.len()];
    user.enabled = index % 7 != 3;
    let mut put = |name: &str, value: String| {
        user.attributes.insert(name.to_owned(), value);
    };
    put("name", pick(&NASTY_TEXTS, rng).to_owned());
    put("address", pick(&NASTY_TEXTS, rng).to_owned());
    put("birthdate", "1985-02-01".to_owned());
    put("updated_at", "1471453471".to_owned());
    put(
        "custom:attribute_0000000001",
        (index as i64 - 50).to_string(),
    );
    match index % 5 {
        0 => put("profile", "x".repeat(VALUE_BYTES)),
        // Three bytes each: 2,046 bytes.
        1 => put("profile", "あ".repeat(VALUE_BYTES / 3)),
        2 => {
            put("phone_number", format!("+1555{index:07}"));
            put("phone_number_verified", index.is_multiple_of(2).to_string());
        }
        3 => {
            for custom in (0..CUSTOM_ATTRIBUTES).filter(|custom| *custom != 1) {
                put(&custom_name(custom), pick(&NASTY_TEXTS, rng).to_owned());
            }
        }
        _ => put("email_verified", "false".to_owned()),
    }
    if config.sign_in != SignInStyle::Email {
        match index {
            // 128 characters, the limit (Amazon's model).
            1 => user.username = "u".repeat(128),
            2 => user.username = "用户👤".to_owned(),
            4 => user.username = "comma,\"quote\"\\back".to_owned(),
            5 => user.username = "מחמוד".to_owned(),
            _ => {}
        }
    }
    if user.user_status == UserStatus::ExternalProvider {
        user.has_password = false;
        if config.sign_in != SignInStyle::Email {
            user.username = format!("Corporate_{index}");
        }
        user.identities
            .push(link(format!("external-{index}"), true));
    } else if index % 6 == 1 {
        user.identities.push(link(format!("linked-{index}"), false));
    }
    if index.is_multiple_of(8) {
        user.user_mfa_setting_list = vec![MfaFactor::SoftwareToken];
        user.preferred_mfa_setting = Some(MfaFactor::SoftwareToken);
        user.software_token_registered = true;
    } else if user.attributes.contains_key("phone_number") {
        user.user_mfa_setting_list = vec![MfaFactor::Sms];
    }
    user
}

fn link(user_id: String, primary: bool) -> Link {
    Link {
        user_id,
        provider_name: "Corporate".to_owned(),
        provider_type: "OIDC".to_owned(),
        issuer: None,
        primary,
        date_created: 1_700_000_000_000,
        attribute_name: Some("Cognito_Subject".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_pool() {
        let config = GeneratorConfig::nasty(20);
        let ((one, users), (two, others)) = (pool(&config), pool(&config));
        assert_eq!(one, two);
        assert_eq!(users.collect::<Vec<_>>(), others.collect::<Vec<_>>());
        let (_, others) = pool(&GeneratorConfig {
            seed: 2,
            ..config.clone()
        });
        assert_ne!(
            pool(&config).1.collect::<Vec<_>>(),
            others.collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_nasty_pool_has_what_breaks_exports() {
        let (document, users) = pool(&GeneratorConfig::nasty(140));
        let users: Vec<UserDocument> = users.collect();
        for status in NASTY_STATUSES {
            assert!(
                users.iter().any(|user| user.user_status == status),
                "{status:?}"
            );
        }
        assert!(document.groups.len() > 60);
        assert!(
            users
                .iter()
                .filter(|user| user.groups.contains(&"group-000".to_owned()))
                .count()
                > 60
        );
        assert!(users.iter().any(|user| user.groups.len() > 60));
        assert!(
            users
                .iter()
                .flat_map(|user| user.attributes.values())
                .any(|value| value.len() == VALUE_BYTES)
        );
        assert!(
            users
                .iter()
                .flat_map(|user| user.attributes.values())
                .all(|value| value.len() <= VALUE_BYTES)
        );
        assert!(users.iter().any(|user| !user.enabled));
        assert!(
            users
                .iter()
                .any(|user| user.identities.iter().any(|link| !link.primary))
        );
        assert!(
            users
                .iter()
                .any(|user| user.username.chars().count() == 128)
        );
        let schema = document
            .user_pool
            .get("SchemaAttributes")
            .and_then(Value::as_array)
            .expect("a schema");
        assert_eq!(schema.len(), CUSTOM_ATTRIBUTES);
        let longest = custom_name(0);
        assert_eq!(longest.trim_start_matches("custom:").len(), 20);
    }
}
