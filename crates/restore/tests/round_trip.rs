//! Any pool comes back as it was, but for what `docs/fidelity.md` lists and what the report
//! announces: backup, then restore into another Region of the strict simulator, then two
//! comparisons, the restore's own and an independent one of the simulator's dumps.
//!
//! 100 pools a run with each engine; `PROPTEST_CASES` says otherwise. A pool that does not come back is shrunk.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use model::request::{RestoreOptions, UsersEngine};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use simulator::PoolDocument;
use support::compare::{Table, compare};
use support::pools::{attribute, document, with};
use support::{ACCOUNT, World};

const CASES: u32 = 100;
const STATUSES: [&str; 8] = [
    "CONFIRMED",
    "FORCE_CHANGE_PASSWORD",
    "UNCONFIRMED",
    "RESET_REQUIRED",
    "EXTERNAL_PROVIDER",
    "ARCHIVED",
    "COMPROMISED",
    "UNKNOWN",
];
const GROUPS: [&str; 4] = ["admins", "editors", "グループ👥", "a/b~c,\"d\""];
const TIERS: [&str; 3] = ["LITE", "ESSENTIALS", "PLUS"];
const FLOWS: [&[&str]; 3] = [
    &["ALLOW_REFRESH_TOKEN_AUTH"],
    &[
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
    ],
    &["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
];
/// Calls that may be refused, because the answer is what the restore wants to know.
const FORESEEN: &[(&str, &str)] = &[
    (
        "DescribeManagedLoginBrandingByClient",
        "ResourceNotFoundException",
    ),
    // What a pool's plan does not have.
    (
        "GetUserPoolSessionConfiguration",
        "FeatureUnavailableInTierException",
    ),
    (
        "DescribeRiskConfiguration",
        "UserPoolAddOnNotEnabledException",
    ),
];

#[derive(Debug, Clone)]
struct Pool {
    sign_in: usize,
    tier: usize,
    mfa: usize,
    verifies: bool,
    protected: bool,
    self_service: bool,
    minimum_length: u32,
    symbols: bool,
    schema: [bool; 4],
    groups: usize,
    domain: bool,
    google: bool,
    oidc: bool,
    server: bool,
    clients: Vec<Client>,
    users: Vec<User>,
}

#[derive(Debug, Clone)]
struct Client {
    secret: bool,
    oauth: bool,
    attributes: bool,
    revocation: Option<bool>,
    hides_users: Option<bool>,
    session_minutes: u32,
    refresh_days: u32,
    flows: usize,
}

#[derive(Debug, Clone)]
struct User {
    status: usize,
    enabled: bool,
    /// None, unverified, verified.
    email: usize,
    phone: usize,
    preferred: bool,
    text: String,
    groups: [bool; 4],
    linked: bool,
    mfa: usize,
    name: usize,
}

fn client() -> impl Strategy<Value = Client> {
    let flags = any::<(bool, bool, bool, Option<bool>, Option<bool>)>();
    (flags, 3_u32..=15, 1_u32..=3650, 0_usize..3).prop_map(
        |(
            (secret, oauth, attributes, revocation, hides_users),
            session_minutes,
            refresh_days,
            flows,
        )| Client {
            secret,
            oauth,
            attributes,
            revocation,
            hides_users,
            session_minutes,
            refresh_days,
            flows,
        },
    )
}

fn user() -> impl Strategy<Value = User> {
    (
        (0..STATUSES.len(), any::<bool>(), 0_usize..4, 0_usize..3),
        (any::<bool>(), "\\PC{0,24}", any::<[bool; 4]>()),
        (any::<bool>(), 0_usize..3, 0_usize..4),
    )
        .prop_map(
            |((status, enabled, email, phone), (preferred, text, groups), (linked, mfa, name))| {
                User {
                    status,
                    enabled,
                    email: email.min(2),
                    phone,
                    preferred,
                    text,
                    groups,
                    linked,
                    mfa,
                    name,
                }
            },
        )
}

fn pool() -> impl Strategy<Value = Pool> {
    let settings = (0_usize..8, 0_usize..3, 0_usize..5, any::<[bool; 3]>());
    let more = (6_u32..=32, any::<bool>(), any::<[bool; 4]>(), 0_usize..=4);
    let around = any::<(bool, bool, bool, bool)>();
    let lists = (
        prop::collection::vec(client(), 0..3),
        prop::collection::vec(user(), 0..=12),
    );
    (settings, more, around, lists).prop_map(
        |(
            (sign_in, tier, mfa, [verifies, protected, self_service]),
            (minimum_length, symbols, schema, groups),
            (domain, google, oidc, server),
            (clients, users),
        )| Pool {
            sign_in,
            tier,
            mfa,
            verifies,
            protected,
            self_service,
            minimum_length,
            symbols,
            schema,
            groups,
            domain,
            google,
            oidc,
            server,
            clients,
            users,
        },
    )
}

const SCHEMA: [(&str, &str, bool); 4] = [
    ("custom:text", "String", true),
    ("custom:fixed", "String", false),
    ("custom:number", "Number", true),
    ("dev:custom:note", "String", true),
];

impl Pool {
    fn signs_in_by_address(&self) -> bool {
        (4..=6).contains(&self.sign_in)
    }

    fn has_sms(&self) -> bool {
        self.mfa >= 3
    }

    fn document(&self, number: u32) -> PoolDocument {
        document(json!({
            "UserPool": self.settings(number),
            "MfaConfiguration": self.mfa(),
            "SessionConfiguration": if self.tier == 0 || self.protected { Value::Null } else {
                json!({"TokenSession": {"MaxPerUser": 5}, "UserSessionTracking": "DISABLED"})
            },
            "Clients": self.clients.iter().enumerate().map(|(index, client)| self.client(index, client)).collect::<Vec<_>>(),
            "IdentityProviders": self.providers(),
            "ResourceServers": if self.server { json!([{
                "Identifier": "https://api.example.com", "Name": "API",
                "Scopes": [{"ScopeName": "read", "ScopeDescription": "Read"}, {"ScopeName": "write", "ScopeDescription": "Write"}],
            }]) } else { json!([]) },
            "Groups": GROUPS[..self.groups].iter().enumerate().map(|(index, name)| {
                let group = json!({"GroupName": name});
                if index % 2 == 0 { with(group, json!({"Precedence": index, "Description": name})) } else { group }
            }).collect::<Vec<_>>(),
            "Domains": if self.domain { json!([{"Domain": format!("round-trip-{number}"), "ManagedLoginVersion": 1}]) } else { json!([]) },
            "UICustomizations": if self.domain { json!([{"ClientId": "ALL", "CSS": ".logo-customizable {\n\tmax-width: 60%;\n}"}]) } else { json!([]) },
            "RiskConfigurations": if self.tier == 2 { json!([{
                "ClientId": "ALL", "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "BLOCK"}},
            }]) } else { json!([]) },
            "Users": self.users.iter().enumerate().map(|(index, user)| self.user(index, user)).collect::<Vec<_>>(),
        }))
    }

    fn settings(&self, number: u32) -> Value {
        let schema = SCHEMA.iter().zip(self.schema).filter(|(_, there)| *there);
        let schema: Vec<Value> = schema
            .map(|((name, kind, mutable), _)| attribute(name, kind, *mutable))
            .collect();
        let base = json!({
            "Name": format!("pool {number}"),
            "UserPoolTier": TIERS[self.tier],
            "DeletionProtection": if self.protected { "ACTIVE" } else { "INACTIVE" },
            "AutoVerifiedAttributes": if self.verifies { json!(["email"]) } else { json!([]) },
            "Policies": {
                "PasswordPolicy": {
                    "MinimumLength": self.minimum_length, "RequireUppercase": true, "RequireLowercase": false,
                    "RequireNumbers": true, "RequireSymbols": self.symbols, "TemporaryPasswordValidityDays": 7,
                },
                "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]},
            },
            "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": !self.self_service, "UnusedAccountValidityDays": 7},
            "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
            "UserPoolTags": {"number": number.to_string(), "ключ": "värde"},
            "SchemaAttributes": schema,
            "SettingOfNextYear": {"Mode": "FAST", "Levels": [1.5, 2]},
        });
        let sign_in = match self.sign_in {
            0 => json!({"UsernameConfiguration": {"CaseSensitive": true}}),
            1 => json!({"UsernameConfiguration": {"CaseSensitive": false}}),
            2 => {
                json!({"AliasAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}})
            }
            3 => json!({"AliasAttributes": ["email", "phone_number", "preferred_username"]}),
            4 => {
                json!({"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}})
            }
            5 => json!({"UsernameAttributes": ["phone_number"]}),
            6 => json!({"UsernameAttributes": ["email", "phone_number"]}),
            _ => json!({}),
        };
        let base = with(base, sign_in);
        let sms = if self.has_sms() {
            json!({"SmsConfiguration": sms(), "SmsAuthenticationMessage": "Your code is {####}"})
        } else {
            json!({})
        };
        let threats = if self.tier == 2 {
            json!({"UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"}})
        } else {
            json!({})
        };
        with(with(base, sms), threats)
    }

    fn mfa(&self) -> Value {
        let totp = json!({"SoftwareTokenMfaConfiguration": {"Enabled": true}});
        let text = json!({"SmsMfaConfiguration": {
            "SmsAuthenticationMessage": "Your code is {####}", "SmsConfiguration": sms(),
        }});
        match self.mfa {
            0 => json!({"MfaConfiguration": "OFF"}),
            1 => with(json!({"MfaConfiguration": "OPTIONAL"}), totp),
            2 => with(json!({"MfaConfiguration": "ON"}), totp),
            3 => with(json!({"MfaConfiguration": "OPTIONAL"}), text),
            _ => with(with(json!({"MfaConfiguration": "ON"}), text), totp),
        }
    }

    fn providers(&self) -> Value {
        let mut providers = Vec::new();
        if self.google {
            providers.push(json!({
                "ProviderName": "Google", "ProviderType": "Google", "IdpIdentifiers": [],
                "ProviderDetails": {"client_id": "g", "client_secret": "google-secret", "authorize_scopes": "openid email"},
                "AttributeMapping": {"email": "email", "username": "sub"},
            }));
        }
        if self.oidc {
            providers.push(json!({
                "ProviderName": "Corporate", "ProviderType": "OIDC", "IdpIdentifiers": ["example.com"],
                "ProviderDetails": {
                    "client_id": "c", "client_secret": "oidc-secret", "attributes_request_method": "GET",
                    "oidc_issuer": "https://oidc.example.com", "authorize_scopes": "openid email",
                    "attributes_url_add_attributes": "false",
                },
                "AttributeMapping": {"email": "email", "username": "sub"},
            }));
        }
        providers.into()
    }

    fn client(&self, index: usize, client: &Client) -> Value {
        let mut settings = json!({
            "ClientId": format!("{index}clientclientclientclient{index}"),
            "ClientName": format!("client {index}"),
            "ExplicitAuthFlows": FLOWS[client.flows],
            "RefreshTokenValidity": client.refresh_days,
            "TokenValidityUnits": {},
            "EnablePropagateAdditionalUserContextData": false,
            "AuthSessionValidity": client.session_minutes,
            "AllowedOAuthFlowsUserPoolClient": client.oauth,
            "ClientSettingOfNextYear": index,
        });
        let mut more = serde_json::Map::new();
        if let Some(revocation) = client.revocation {
            more.insert("EnableTokenRevocation".into(), json!(revocation));
        }
        if let Some(hides) = client.hides_users {
            let value = if hides { "ENABLED" } else { "LEGACY" };
            more.insert("PreventUserExistenceErrors".into(), json!(value));
        }
        if client.secret {
            let secret = format!("{index}secret{}", "s".repeat(44));
            more.insert("ClientSecret".into(), json!(secret));
        }
        if client.attributes {
            let custom = self.schema[0].then_some("custom:text");
            let read: Vec<&str> = custom
                .into_iter()
                .chain(["email", "email_verified"])
                .collect();
            let write: Vec<&str> = custom.into_iter().chain(["email"]).collect();
            more.insert("ReadAttributes".into(), json!(read));
            more.insert("WriteAttributes".into(), json!(write));
        }
        if client.oauth {
            let scope = self.server.then_some("https://api.example.com/read");
            let google = self.google.then_some("Google");
            more.insert("AllowedOAuthFlows".into(), json!(["code"]));
            let scopes: Vec<&str> = scope.into_iter().chain(["openid", "email"]).collect();
            more.insert("AllowedOAuthScopes".into(), json!(scopes));
            let providers: Vec<&str> = google.into_iter().chain(["COGNITO"]).collect();
            more.insert("SupportedIdentityProviders".into(), json!(providers));
            let urls = json!(["https://shop.example.com/callback", "myapp://signed-in"]);
            more.insert("CallbackURLs".into(), urls);
            more.insert("LogoutURLs".into(), json!(["https://shop.example.com/bye"]));
        }
        settings.as_object_mut().unwrap().extend(more);
        json!({"UserPoolClient": settings})
    }

    fn user(&self, index: usize, user: &User) -> Value {
        let mut attributes: BTreeMap<&str, String> = BTreeMap::new();
        if user.email > 0 {
            attributes.insert("email", format!("user-{index}@example.com"));
            attributes.insert("email_verified", (user.email == 2).to_string());
        }
        if user.phone > 0 {
            attributes.insert("phone_number", format!("+1555010{index:04}"));
            attributes.insert("phone_number_verified", (user.phone == 2).to_string());
        }
        if user.preferred {
            attributes.insert("preferred_username", format!("called-{index}"));
        }
        if !user.text.is_empty() {
            attributes.insert("name", user.text.clone());
        }
        for ((name, kind, _), there) in SCHEMA.iter().zip(self.schema) {
            if there && user.groups[0] != user.groups[1] {
                let value = match *kind {
                    "Number" => index.to_string(),
                    _ => format!("{}, \"{index}\"\nline two", user.text),
                };
                attributes.insert(name, value);
            }
        }
        let username = match (self.signs_in_by_address(), user.name) {
            (true, _) => String::new(),
            (false, 1) => format!("Üser,\"{index}\"👤"),
            (false, 2) => format!("{index}{}", "u".repeat(120)),
            (false, _) => format!("user-{index}"),
        };
        let groups = GROUPS[..self.groups].iter().zip(user.groups);
        let groups: Vec<&str> = groups
            .filter(|(_, there)| *there)
            .map(|(name, _)| *name)
            .collect();
        let status = STATUSES[user.status];
        let provider = match (self.google, self.oidc) {
            (true, _) => Some(("Google", "Google")),
            (false, true) => Some(("Corporate", "OIDC")),
            (false, false) => None,
        };
        let federated = status == "EXTERNAL_PROVIDER";
        let identities = match provider {
            Some((name, kind)) if user.linked || federated => json!([{
                "userId": format!("id-{index}"), "providerName": name, "providerType": kind,
                "primary": federated, "dateCreated": 1_700_000_000_000_u64,
            }]),
            _ => json!([]),
        };
        let mut document = json!({
            "Username": username, "UserStatus": status, "Enabled": user.enabled,
            "Attributes": attributes, "Groups": groups, "Identities": identities,
            "HasPassword": !federated,
            "Sub": format!("00000000-0000-4000-8000-{index:012}"),
        });
        let more = match user.mfa {
            1 if self.mfa == 1 || self.mfa == 2 || self.mfa == 4 => json!({
                "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
                "SoftwareTokenRegistered": true,
            }),
            2 if self.has_sms() && user.phone > 0 => {
                json!({"UserMFASettingList": ["SMS_MFA"], "PreferredMfaSetting": "SMS_MFA"})
            }
            _ => json!({}),
        };
        document
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        document
    }
}

fn sms() -> Value {
    json!({
        "SnsCallerArn": format!("arn:aws:iam::{ACCOUNT}:role/sms"), "ExternalId": "shop", "SnsRegion": "us-east-1",
    })
}

/// Backs a pool up, restores it and compares; tells what is wrong.
async fn round_trip(
    world: &World,
    pool: &Pool,
    users_engine: UsersEngine,
    number: u32,
    table: &Table,
) -> Result<Vec<(String, String)>, String> {
    let options = RestoreOptions {
        users_engine,
        ..RestoreOptions::default()
    };
    let lost = world.lose(pool.document(number)).await;
    let restored = world.restore(&lost, &options).await;
    let found = compare(
        &lost.document,
        &restored.document,
        &restored.announcements,
        table,
    );
    let evidence = world.simulator.evidence();
    let refused: Vec<(String, String)> = evidence
        .refused
        .iter()
        .map(|call| {
            (
                format!("{} {}", call.operation, call.code),
                call.message.clone(),
            )
        })
        .collect();
    let verification = restored.state.verification.as_ref().unwrap();
    let mut wrong = Vec::new();
    if !found.is_empty() {
        wrong.push(format!("not announced: {found:#?}"));
    }
    if !verification.passed() {
        let differences = verification.differences.iter();
        let unannounced: Vec<_> = differences
            .filter(|difference| difference.announced_by.is_none())
            .collect();
        let rows: Vec<_> = verification.rows.iter().filter(|row| !row.holds).collect();
        wrong.push(format!(
            "the verification failed: {unannounced:#?} {rows:#?}"
        ));
    }
    if evidence.messages_sent > 0 {
        wrong.push(format!("messages were sent: {:?}", evidence.messages));
    }
    let settings = &restored.document["UserPool"]["SettingOfNextYear"];
    if *settings != json!({"Mode": "FAST", "Levels": [1.5, 2]}) {
        wrong.push(format!("an unknown member is lost: {settings}"));
    }
    let counts = &restored.state.users.counts;
    let failed = (counts.failed > 0).then(|| format!("{} users failed", counts.failed));
    wrong.extend(failed);
    // A pool that anybody signs in to by an address cannot have users without one.
    let nameless = pool.users.iter().filter(|user| {
        let there = match pool.sign_in {
            4 => user.email > 0,
            5 => user.phone > 0,
            6 => user.email > 0 || user.phone > 0,
            _ => true,
        };
        !there && STATUSES[user.status] != "EXTERNAL_PROVIDER"
    });
    if counts.skipped != nameless.count() as u64 {
        wrong.push(format!("{} users were left out", counts.skipped));
    }
    if wrong.is_empty() {
        return Ok(refused);
    }
    Err(format!("{}\nrefused: {refused:#?}", wrong.join("\n")))
}

#[test]
fn any_pool_comes_back_by_calls_but_for_what_is_documented() {
    come_back(UsersEngine::Api);
}

#[test]
fn any_pool_comes_back_by_import_jobs_but_for_what_is_documented() {
    come_back(UsersEngine::Import);
}

fn come_back(users_engine: UsersEngine) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new());
    let table = Table::read();
    let number = AtomicU32::new(0);
    let refused: Mutex<BTreeMap<String, (u32, String)>> = Mutex::default();
    let cases = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => cases.parse().unwrap(),
        Err(_) => CASES,
    };
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let began = std::time::Instant::now();
    let outcome = TestRunner::new(config).run(&pool(), |pool| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let calls = runtime
            .block_on(round_trip(&world, &pool, users_engine, number, &table))
            .map_err(TestCaseError::fail)?;
        let mut refused = refused.lock().unwrap();
        for (call, message) in calls {
            refused.entry(call).or_insert((0, message)).0 += 1;
        }
        Ok(())
    });
    println!(
        "{users_engine:?}: {} pools in {:?}",
        number.into_inner(),
        began.elapsed()
    );
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let mut unforeseen = refused.into_inner().unwrap();
    println!("refused calls: {unforeseen:#?}");
    unforeseen.retain(|call, _| {
        !FORESEEN
            .iter()
            .any(|(operation, code)| match call.split_once(' ') {
                Some(is) => is == (*operation, *code),
                None => false,
            })
    });
    assert!(unforeseen.is_empty(), "{unforeseen:#?}");
}
