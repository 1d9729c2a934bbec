//! A restored pool against its source.
//!
//! Reads both from inside the simulator, not through the API that backup, restore and the
//! restore's own check use, and knows nothing of how they work: a second opinion.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What both pools have and what is different.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// How many users of the source were compared.
    pub users: usize,
    /// Paths that differ and that the report announced.
    pub announced: BTreeSet<String>,
    /// Paths that differ and that nobody announced.
    pub unannounced: BTreeSet<String>,
}

/// Members that a new pool or client has of its own; they say nothing about the restore.
const OWN: &[&str] = &[
    "user_pool_config/Id",
    "user_pool_config/Arn",
    "user_pool_config/CreationDate",
    "user_pool_config/LastModifiedDate",
    "user_pool_config/AdminCreateUserConfig/UnusedAccountValidityDays",
    "user_pool_config/SchemaAttributes/identities",
    "tags/cognito-dr*",
    "*/*/UserPoolId",
    "*/*/CreationDate",
    "*/*/LastModifiedDate",
    "*/UserPoolId",
    "*/LastModifiedDate",
    "*/CreationDate",
    "app_clients/*/ClientId",
    "identity_providers/*/ProviderDetails/ActiveEncryptionCertificate",
    "identity_providers/*/ProviderDetails/SSORedirectBindingURI",
    "identity_providers/*/ProviderDetails/attributes_url_add_attributes",
    "user_pool_domain/CloudFrontDistribution",
    "user_pool_domain/AWSAccountId",
    "user_pool_domain/S3Bucket",
    "user_pool_domain/Version",
    "ui_customization/CSSVersion",
    "client_ui_customizations/*/CSSVersion",
    "client_ui_customizations/*/ClientId",
    "managed_login_branding/*/ClientId",
    "managed_login_branding/*/ManagedLoginBrandingId",
    "terms/*/*/ClientId",
    "terms/*/*/TermsId",
    "terms/*/*/UserPoolId",
    "terms/*/*/CreationDate",
    "terms/*/*/LastModifiedDate",
    "client_risk_configurations/*/ClientId",
];

/// The factor that Cognito never gives back.
const TOTP: &str = "SOFTWARE_TOKEN_MFA";

/// Compares pool documents of the simulator; `announcements` are the paths of the report's
/// findings.
pub fn compare(source: &Value, restored: &Value, announcements: &[String]) -> Comparison {
    let users = restorable(source).count();
    let mut comparison = Comparison {
        users,
        ..Comparison::default()
    };
    let mut paths = Vec::new();
    let names = Names::of(source);
    differences(
        &normal(source, &names),
        &normal(restored, &names),
        String::new(),
        &mut paths,
    );
    for path in paths {
        if OWN.iter().any(|pattern| covers(pattern, &path)) {
            continue;
        }
        if announcements
            .iter()
            .any(|announced| covers(announced, &path))
        {
            comparison.announced.insert(path);
        } else {
            comparison.unannounced.insert(path);
        }
    }
    comparison
}

/// Whether a path lies at or below another, in which a segment `*` is any one and one that ends
/// with `*` any that begins so.
fn covers(pattern: &str, path: &str) -> bool {
    let unescape = |text: &str| text.replace("~1", "\u{1}").replace("~0", "~");
    let pattern = unescape(pattern);
    let mut segments = path.split('/');
    pattern.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| match wanted.strip_suffix('*') {
                Some(start) => segment.starts_with(start),
                None => segment == wanted,
            })
    })
}

fn differences(source: &Value, restored: &Value, path: String, found: &mut Vec<String>) {
    match (source, restored) {
        (Value::Object(source), Value::Object(restored)) => {
            let names: BTreeSet<&String> = source.keys().chain(restored.keys()).collect();
            for name in names {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}/{name}")
                };
                match (source.get(name), restored.get(name)) {
                    (Some(source), Some(restored)) => differences(source, restored, below, found),
                    (Some(value), None) | (None, Some(value)) if !is_nothing(value) => {
                        found.push(below)
                    }
                    _ => {}
                }
            }
        }
        _ if source == restored => {}
        _ => found.push(path),
    }
}

/// Absent, empty and null are one, and so is what holds nothing else.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        _ => false,
    }
}

/// How things of the source are called in paths: by their old ids, as in the report. The restored
/// ones are known by what stays when ids change.
struct Names {
    /// Old client ids by client name.
    clients: BTreeMap<String, String>,
    /// Old subs by [`identity`].
    users: BTreeMap<String, String>,
}

impl Names {
    fn of(source: &Value) -> Self {
        let clients = list(source, "Clients").map(|client| &client["UserPoolClient"]);
        Self {
            clients: clients
                .map(|client| (text(client, "ClientName"), text(client, "ClientId")))
                .collect(),
            users: list(source, "Users")
                .map(|user| (identity(source, user), text(user, "Sub")))
                .collect(),
        }
    }

    fn client(&self, document: &Value, id: &str) -> String {
        let clients = list(document, "Clients").map(|client| &client["UserPoolClient"]);
        let name = clients
            .filter(|client| text(client, "ClientId") == id)
            .map(|client| text(client, "ClientName"))
            .next();
        name.and_then(|name| self.clients.get(&name).cloned())
            .unwrap_or_else(|| id.to_owned())
    }

    fn user(&self, document: &Value, user: &Value) -> String {
        self.users
            .get(&identity(document, user))
            .cloned()
            .unwrap_or_else(|| format!("new user {}", text(user, "Sub")))
    }
}

/// What stays of a user who gets a new `sub`: the e-mail address where users sign in by it, else
/// the username.
fn identity(document: &Value, user: &Value) -> String {
    let by_email = document
        .pointer("/UserPool/UsernameAttributes")
        .is_some_and(|value| !is_nothing(value));
    match user.pointer("/Attributes/email").and_then(Value::as_str) {
        Some(email) if by_email => email.to_owned(),
        _ => text(user, "Username"),
    }
}

/// The document as announcements see it: lists as maps, things under their old ids.
fn normal(document: &Value, names: &Names) -> Value {
    let pool_id = text(&document["UserPool"], "Id");
    let own_group = format!("{pool_id}_");
    let mut settings = document["UserPool"].clone();
    let tags = or_empty(settings["UserPoolTags"].take());
    settings["SchemaAttributes"] = keyed(
        list(&document["UserPool"], "SchemaAttributes"),
        |attribute| text(attribute, "Name"),
    );
    let of = |member: &str, whole_pool: bool| {
        let values = list(document, member)
            .filter(move |value| (text(value, "ClientId") == "ALL") == whole_pool);
        keyed(values, |value| {
            names.client(document, &text(value, "ClientId"))
        })
    };
    let groups =
        list(document, "Groups").filter(|group| !text(group, "GroupName").starts_with(&own_group));
    let is_custom = |domain: &&Value| !is_nothing(&domain["CustomDomainConfig"]);
    json!({
        "user_pool_config": settings,
        "tags": tags,
        "mfa_configuration": document["MfaConfiguration"],
        "app_clients": clients(document, names),
        "groups": keyed(groups, |group| text(group, "GroupName")),
        "identity_providers": keyed(list(document, "IdentityProviders"), |provider| text(provider, "ProviderName")),
        "resource_servers": keyed(list(document, "ResourceServers"), |server| within_a_segment(&text(server, "Identifier"))),
        "user_pool_domain": list(document, "Domains").find(|domain| !is_custom(domain)),
        "custom_domain": list(document, "Domains").find(is_custom),
        "ui_customization": customizations(of("UICustomizations", true))["ALL"],
        "client_ui_customizations": customizations(of("UICustomizations", false)),
        "managed_login_branding": brandings(of("ManagedLoginBrandings", false)),
        "terms": keyed(list(document, "Terms"), |terms| {
            format!("{}/{}", names.client(document, &text(terms, "ClientId")), text(terms, "TermsName"))
        }),
        "risk_configuration": of("RiskConfigurations", true)["ALL"],
        "client_risk_configurations": of("RiskConfigurations", false),
        "log_delivery_configuration": {"LogConfigurations": keyed(
            list(document, "LogConfigurations"),
            |delivery| text(delivery, "EventSource"),
        )},
        "session_configuration": sessions(&document["SessionConfiguration"]),
        "users": users(document, names),
        "group_memberships": memberships(document, names, &own_group),
    })
}

fn clients(document: &Value, names: &Names) -> Value {
    let client = |client: &Value| {
        let mut settings = client["UserPoolClient"].clone();
        settings["ClientSecret"] = client
            .pointer("/Secrets/0/ClientSecretValue")
            .cloned()
            .unwrap_or(Value::Null);
        // What was never set is said explicitly after a restore (facts 0.1).
        for (member, default) in [
            ("PreventUserExistenceErrors", json!("LEGACY")),
            ("EnableTokenRevocation", json!(false)),
            ("AuthSessionValidity", json!(3)),
        ] {
            if settings[member].is_null() {
                settings[member] = default;
            }
        }
        // Sets, which Cognito returns sorted.
        let members = settings.as_object_mut().into_iter().flatten();
        for values in members.filter_map(|(_, value)| value.as_array_mut()) {
            values.sort_by_key(ToString::to_string);
        }
        (
            names.client(document, &text(&settings, "ClientId")),
            settings,
        )
    };
    list(document, "Clients")
        .map(client)
        .collect::<Map<_, _>>()
        .into()
}

/// The logo under the name that the API gives to where it is.
fn customizations(mut customizations: Value) -> Value {
    for (_, customization) in customizations.as_object_mut().into_iter().flatten() {
        if let Some(image) = customization["Image"].as_str().map(str::to_owned) {
            customization["ImageUrl"] = json!(image);
        }
        customization["Image"].take();
    }
    customizations
}

/// A new pool stores its assets under ids of its own.
fn brandings(mut brandings: Value) -> Value {
    for branding in brandings
        .as_object_mut()
        .into_iter()
        .flatten()
        .map(|(_, branding)| branding)
    {
        for asset in branding["Assets"].as_array_mut().into_iter().flatten() {
            if let Some(asset) = asset.as_object_mut() {
                asset.remove("ResourceId");
            }
        }
    }
    brandings
}

/// What was never set is what Cognito does without (facts A.18).
fn sessions(configuration: &Value) -> Value {
    let mut set = or_empty(configuration.clone());
    for (member, default) in [
        ("UserSessionTracking", json!("DISABLED")),
        ("TokenSession", json!({"MaxPerUser": 20})),
    ] {
        if set[member].is_null() {
            set[member] = default;
        }
    }
    set
}

fn or_empty(value: Value) -> Value {
    if value.is_null() { json!({}) } else { value }
}

/// Users whom a restore can bring back: Cognito makes federated profiles itself, and every report
/// counts them (facts A, row 34).
fn restorable(document: &Value) -> impl Iterator<Item = &Value> {
    list(document, "Users").filter(|user| user["UserStatus"] != "EXTERNAL_PROVIDER")
}

fn users(document: &Value, names: &Names) -> Value {
    let user = |user: &Value| {
        let mut plain = user["Attributes"].as_object().cloned().unwrap_or_default();
        // An address that was never verified has no such attribute, or one that says so.
        plain.retain(|name, value| !name.ends_with("_verified") || value == "true");
        for member in ["UserStatus", "Enabled", "PreferredMfaSetting"] {
            plain.insert(member.to_owned(), user[member].clone());
        }
        // Every report counts the authenticators that are lost (facts A, row 30).
        if user["PreferredMfaSetting"] == TOTP {
            plain.remove("PreferredMfaSetting");
        }
        let mut factors: Vec<&str> = list(user, "UserMFASettingList")
            .filter_map(Value::as_str)
            .filter(|factor| *factor != TOTP)
            .collect();
        factors.sort_unstable();
        plain.insert("UserMFASettingList".to_owned(), json!(factors));
        let links = list(user, "Identities")
            .map(|link| format!("{} {}", text(link, "providerName"), text(link, "userId")));
        plain.insert("identities".to_owned(), links.collect::<Vec<_>>().into());
        (names.user(document, user), Value::Object(plain))
    };
    restorable(document).map(user).collect::<Map<_, _>>().into()
}

/// `{group: {old sub: true}}`, without the groups that Cognito fills itself.
fn memberships(document: &Value, names: &Names, own_group: &str) -> Value {
    let mut groups = Map::new();
    for user in restorable(document) {
        for group in list(user, "Groups")
            .filter_map(Value::as_str)
            .filter(|group| !group.starts_with(own_group))
        {
            let members = groups
                .entry(within_a_segment(group))
                .or_insert_with(|| json!({}));
            members[names.user(document, user)] = json!(true);
        }
    }
    groups.into()
}

fn list<'a>(document: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    document[member].as_array().into_iter().flatten()
}

fn keyed<'a>(values: impl Iterator<Item = &'a Value>, key: impl Fn(&Value) -> String) -> Value {
    values
        .map(|value| (key(value), value.clone()))
        .collect::<Map<_, _>>()
        .into()
}

fn text(document: &Value, member: &str) -> String {
    document[member].as_str().unwrap_or_default().to_owned()
}

/// A slash in a name is no boundary of a path.
fn within_a_segment(name: &str) -> String {
    name.replace('/', "\u{1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(id: &str, client: &str, sub: &str) -> Value {
        json!({
            "UserPool": {"Id": id, "Name": "shop", "UsernameAttributes": ["email"]},
            "Clients": [{"UserPoolClient": {"ClientId": client, "ClientName": "web", "CallbackURLs": ["https://a"]}}],
            "Groups": [{"GroupName": "staff"}],
            "Users": [{"Username": sub, "Sub": sub, "Attributes": {"email": "a@b.example"}, "UserStatus": "CONFIRMED", "Enabled": true, "Groups": ["staff"]}],
        })
    }

    fn changed(path: &str, value: Value) -> Value {
        let mut restored = pool("us-west-2_B", "new", "2-2");
        *restored.pointer_mut(path).expect("the path exists") = value;
        restored
    }

    #[test]
    fn new_ids_are_no_difference() {
        let source = pool("us-east-1_A", "old", "1-1");
        let comparison = compare(&source, &changed("/UserPool/Name", json!("shop")), &[]);
        assert_eq!(comparison.unannounced, BTreeSet::new());
        assert_eq!(comparison.users, 1);
    }

    #[test]
    fn every_other_change_is_a_difference_under_the_old_id() {
        let source = pool("us-east-1_A", "old", "1-1");
        for (path, value, expected) in [
            ("/UserPool/Name", json!("other"), "user_pool_config/Name"),
            (
                "/Clients/0/UserPoolClient/CallbackURLs",
                json!([]),
                "app_clients/old/CallbackURLs",
            ),
            ("/Groups", json!([]), "groups/staff"),
            (
                "/Users/0/UserStatus",
                json!("UNCONFIRMED"),
                "users/1-1/UserStatus",
            ),
            ("/Users/0/Groups", json!([]), "group_memberships/staff"),
            ("/Users", json!([]), "users/1-1"),
        ] {
            let comparison = compare(&source, &changed(path, value.clone()), &[]);
            assert!(
                comparison.unannounced.contains(expected),
                "{path}: {:?}",
                comparison.unannounced
            );
            let comparison = compare(
                &source,
                &changed(path, value),
                &[expected.to_owned(), "group_memberships".into()],
            );
            assert_eq!(comparison.unannounced, BTreeSet::new(), "{path}");
        }
    }

    #[test]
    fn an_announcement_covers_what_is_below_and_nothing_beside() {
        for (pattern, path, covered) in [
            ("users/1-1", "users/1-1/email", true),
            ("users/1-1", "users/1-12", false),
            ("users/*/UserStatus", "users/7-7/UserStatus", true),
            ("users/*/UserStatus", "users/7-7/Enabled", false),
            ("tags/aws:*", "tags/aws:cloudformation", true),
            (
                "resource_servers/https:~1~1api",
                "resource_servers/https:\u{1}\u{1}api/Name",
                true,
            ),
        ] {
            assert_eq!(covers(pattern, path), covered, "{pattern} {path}");
        }
    }
}
