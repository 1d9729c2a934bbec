//! A restored pool against its source, both as the simulator holds them: no call of the API, and
//! nothing of the restore's own comparison, is between this and the pools. What may differ is
//! what `docs/fidelity.md` says, and what the findings announce.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// A difference that nobody announced.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) source: Option<Value>,
    pub(crate) restored: Option<Value>,
}

/// How a path may differ.
#[derive(Debug, Clone, PartialEq)]
enum May {
    Any,
    OnlyInPool,
    OnlyInBackup,
    AbsentIs(Value),
}

/// The rows of the table "Differences that every restore has".
#[derive(Debug, Clone)]
pub(crate) struct Table(Vec<(Vec<String>, May)>);

impl Table {
    /// Reads `docs/fidelity.md`. Rows about names that only the restore can tell (in braces) and
    /// about values that are changed on purpose ("mapped") are not taken: `expected` knows these.
    pub(crate) fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fidelity.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (_, table) = text
            .split_once("## Differences that every restore has")
            .unwrap();
        let mut rows = Vec::new();
        for line in table.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let path = cells[0].trim_matches('`');
            let may = match cells[1] {
                "mapped" => continue,
                "any" => May::Any,
                "only in the pool" => May::OnlyInPool,
                "only in the backup" => May::OnlyInBackup,
                absent => {
                    let value = absent.strip_prefix("absent is `").unwrap();
                    May::AbsentIs(serde_json::from_str(value.trim_end_matches('`')).unwrap())
                }
            };
            if !path.contains('{') {
                rows.push((path.split('/').map(str::to_owned).collect(), may));
            }
        }
        assert!(rows.len() > 50, "the table was not found");
        Self(rows)
    }

    fn allows(&self, path: &[String], source: Option<&Value>, restored: Option<&Value>) -> bool {
        self.0.iter().any(|(pattern, may)| {
            covers(pattern, path)
                && match may {
                    May::Any => true,
                    May::OnlyInPool => source.is_none(),
                    May::OnlyInBackup => restored.is_none(),
                    May::AbsentIs(value) => source.unwrap_or(value) == restored.unwrap_or(value),
                }
        })
    }
}

/// What `restored` lacks or has beyond what `source` is expected to become.
pub(crate) fn compare(
    source: &Value,
    restored: &Value,
    announcements: &[String],
    table: &Table,
) -> Vec<Difference> {
    let source = expected(source);
    let names = Names::of(&source);
    let (left, right) = (normal(&source, &names), normal(restored, &names));
    let announced: Vec<Vec<String>> = announcements
        .iter()
        .map(|path| {
            path.trim_matches('/')
                .split('/')
                .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
                .collect()
        })
        .collect();
    let mut found = Vec::new();
    differences(
        &mut Vec::new(),
        Some(&left),
        Some(&right),
        &mut |path, source, restored| {
            let not_back = path.len() == 3
                && path[0] == "group_memberships"
                && restored.is_none()
                && right["users"].get(&path[2]).is_none();
            let known = not_back
                || table.allows(path, source, restored)
                || announced.iter().any(|announced| covers(announced, path));
            if !known {
                found.push(Difference {
                    path: path.join("/"),
                    source: source.cloned(),
                    restored: restored.cloned(),
                });
            }
        },
    );
    for member in ["Clients", "Groups", "Users"] {
        let mut distinct = BTreeSet::new();
        for element in list(restored, member) {
            let name = match member {
                "Clients" => text(&element["UserPoolClient"], "ClientName"),
                "Groups" => text(element, "GroupName"),
                _ => identity(restored, element),
            };
            if !distinct.insert(name) {
                found.push(Difference {
                    path: format!("{member}: twice"),
                    source: None,
                    restored: None,
                });
            }
        }
    }
    found
}

/// A path lies at or below a pattern, in which `*` is any segment, or any end of one.
fn covers(pattern: &[String], path: &[String]) -> bool {
    pattern.len() <= path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(wanted, segment)| match wanted.strip_suffix('*') {
                Some(start) => segment.starts_with(start),
                None => segment == wanted,
            })
}

/// Called with the path of a difference, and with what stands there in source and restored pool.
type Found<'a> = dyn FnMut(&[String], Option<&Value>, Option<&Value>) + 'a;

fn differences(
    path: &mut Vec<String>,
    source: Option<&Value>,
    restored: Option<&Value>,
    found: &mut Found<'_>,
) {
    let present = |value: Option<&Value>| value.is_some_and(|value| !is_nothing(value));
    if !present(source) && !present(restored) {
        return;
    }
    let object = |value: Option<&Value>| value.is_some_and(Value::is_object);
    if object(source) || object(restored) {
        let names = |value: Option<&Value>| {
            let members = value.and_then(Value::as_object).into_iter().flatten();
            members.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let all: BTreeSet<String> = names(source).into_iter().chain(names(restored)).collect();
        for name in all {
            let below = |value: Option<&Value>| value.and_then(|value| value.get(&name)).cloned();
            let (source, restored) = (below(source), below(restored));
            path.push(name);
            differences(path, source.as_ref(), restored.as_ref(), found);
            path.pop();
        }
    } else if source != restored {
        found(path, source, restored);
    }
}

/// Absent, empty and null are one.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// What the rows "mapped" make of the source.
fn expected(source: &Value) -> Value {
    let mut document = source.clone();
    let users = document["Users"].as_array_mut().unwrap();
    users.retain(|user| user["UserStatus"] != "EXTERNAL_PROVIDER");
    for user in users {
        let status = text(user, "UserStatus");
        if ["ARCHIVED", "COMPROMISED", "UNKNOWN"].contains(&status.as_str()) {
            user["UserStatus"] = json!("CONFIRMED");
            user["Enabled"] = json!(false);
        }
        if let Some(attributes) = user["Attributes"].as_object_mut() {
            attributes.retain(|_, value| value != "");
            for contact in ["email", "phone_number"] {
                if !attributes.contains_key(contact) {
                    attributes.remove(&format!("{contact}_verified"));
                }
            }
        }
        let again = |factor: &Value| *factor == "SMS_MFA" || *factor == "EMAIL_OTP";
        if let Some(factors) = user["UserMFASettingList"].as_array_mut() {
            factors.retain(again);
        }
        if !again(&user["PreferredMfaSetting"]) {
            user["PreferredMfaSetting"] = Value::Null;
        }
        if let Some(links) = user["Identities"].as_array_mut() {
            let social = ["Facebook", "Google", "LoginWithAmazon", "SignInWithApple"];
            links.retain(|link| social.contains(&text(link, "providerType").as_str()));
        }
    }
    for client in document["Clients"].as_array_mut().into_iter().flatten() {
        said_explicitly(&mut client["UserPoolClient"]);
    }
    document
}

/// What an app client of the source has without naming it.
fn said_explicitly(client: &mut Value) {
    if client["ExplicitAuthFlows"].is_null() {
        let mut flows = json!(["ALLOW_CUSTOM_AUTH", "ALLOW_USER_SRP_AUTH"]);
        if client["RefreshTokenRotation"]["Feature"] != "ENABLED" {
            flows = json!([
                "ALLOW_CUSTOM_AUTH",
                "ALLOW_REFRESH_TOKEN_AUTH",
                "ALLOW_USER_SRP_AUTH"
            ]);
        }
        client["ExplicitAuthFlows"] = flows;
    }
    if client["RefreshTokenValidity"].as_u64().unwrap_or(0) == 0 {
        client["RefreshTokenValidity"] = json!(30);
    }
    for (token, unit) in [
        ("AccessToken", "hours"),
        ("IdToken", "hours"),
        ("RefreshToken", "days"),
    ] {
        let has_value = !client[format!("{token}Validity")].is_null();
        let units = &mut client["TokenValidityUnits"];
        if !has_value || units[token].is_null() {
            units[token] = json!(unit);
        }
    }
}

/// How things of the source are called in paths: by their old ids, as in the report.
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
        let mut clients = list(document, "Clients").map(|client| &client["UserPoolClient"]);
        clients
            .find(|client| text(client, "ClientId") == id)
            .and_then(|client| self.clients.get(&text(client, "ClientName")).cloned())
            .unwrap_or_else(|| id.to_owned())
    }

    fn user(&self, document: &Value, user: &Value) -> String {
        let identity = identity(document, user);
        self.users
            .get(&identity)
            .cloned()
            .unwrap_or_else(|| format!("new user {identity}"))
    }
}

/// What stays of a user who gets a new `sub`: the address where users sign in by one, else the
/// username.
fn identity(document: &Value, user: &Value) -> String {
    let by_address = document
        .pointer("/UserPool/UsernameAttributes")
        .is_some_and(|value| !is_nothing(value));
    let attributes = &user["Attributes"];
    match attributes["email"]
        .as_str()
        .or(attributes["phone_number"].as_str())
    {
        Some(address) if by_address => address.to_owned(),
        _ => text(user, "Username"),
    }
}

/// The document as announcements see it: lists as maps, things under their old ids.
fn normal(document: &Value, names: &Names) -> Value {
    let own_group = format!("{}_", text(&document["UserPool"], "Id"));
    let mut settings = document["UserPool"].clone();
    let tags = settings["UserPoolTags"].take();
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
    sorted(json!({
        "user_pool_config": settings,
        "tags": tags,
        "mfa_configuration": document["MfaConfiguration"],
        "app_clients": clients(document, names),
        "groups": keyed(groups, |group| text(group, "GroupName")),
        "identity_providers": keyed(list(document, "IdentityProviders"), |provider| text(provider, "ProviderName")),
        "resource_servers": keyed(list(document, "ResourceServers"), |server| text(server, "Identifier")),
        "user_pool_domain": list(document, "Domains").find(|domain| !is_custom(domain)),
        "custom_domain": list(document, "Domains").find(is_custom),
        "ui_customization": of("UICustomizations", true)["ALL"],
        "client_ui_customizations": of("UICustomizations", false),
        "managed_login_branding": of("ManagedLoginBrandings", false),
        "terms": keyed(list(document, "Terms"), |terms| {
            format!("{}/{}", names.client(document, &text(terms, "ClientId")), text(terms, "TermsName"))
        }),
        "risk_configuration": of("RiskConfigurations", true)["ALL"],
        "client_risk_configurations": of("RiskConfigurations", false),
        "log_delivery_configuration": document["LogConfigurations"],
        "session_configuration": document["SessionConfiguration"],
        "users": users(document, names),
        "group_memberships": memberships(document, names, &own_group),
    }))
}

/// Cognito keeps no order of its lists.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(sorted).collect();
            values.sort_by_key(ToString::to_string);
            Value::Array(values)
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, sorted(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect::<Map<_, _>>()
            .into(),
        value => value,
    }
}

fn clients(document: &Value, names: &Names) -> Value {
    let client = |client: &Value| {
        let mut settings = client["UserPoolClient"].clone();
        settings["ClientSecret"] = client
            .pointer("/Secrets/0/ClientSecretValue")
            .cloned()
            .unwrap_or(Value::Null);
        let id = names.client(document, &text(&settings, "ClientId"));
        (id, settings)
    };
    list(document, "Clients")
        .map(client)
        .collect::<Map<_, _>>()
        .into()
}

fn users(document: &Value, names: &Names) -> Value {
    let user = |user: &Value| {
        let mut plain = user["Attributes"].as_object().cloned().unwrap_or_default();
        for member in [
            "UserStatus",
            "Enabled",
            "PreferredMfaSetting",
            "UserMFASettingList",
        ] {
            plain.insert(member.to_owned(), user[member].clone());
        }
        let links = list(user, "Identities")
            .filter(|link| link["primary"] != true)
            .map(|link| format!("{} {}", text(link, "providerName"), text(link, "userId")));
        plain.insert("identities".to_owned(), links.collect::<Vec<_>>().into());
        (names.user(document, user), Value::Object(plain))
    };
    list(document, "Users")
        .map(user)
        .collect::<Map<_, _>>()
        .into()
}

/// `{group: {old sub: true}}`, without the groups that Cognito fills itself.
fn memberships(document: &Value, names: &Names, own_group: &str) -> Value {
    let mut groups = Map::new();
    for user in list(document, "Users") {
        for group in list(user, "Groups")
            .filter_map(Value::as_str)
            .filter(|group| !group.starts_with(own_group))
        {
            let members = groups.entry(group).or_insert_with(|| json!({}));
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
