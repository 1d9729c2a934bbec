//! The restore of users as a whole, against the strict simulator.

mod existing;
mod failures;
mod harness;
mod imports;
mod impostors;
mod invitations;
mod pace;
mod passwords;
mod pipeline;

use std::collections::BTreeMap;

use model::request::{RestoreOptions, UsersEngine};
use model::restore::FindingKind;
use serde_json::{Value, json};
use simulator::PoolDocument;

use self::harness::{NEW, Person, Stage, people};

fn document(value: Value) -> PoolDocument {
    serde_json::from_value(value).unwrap()
}

fn user(name: &str, status: &str, more: Value) -> Value {
    let mut user = json!({
        "Username": name, "UserStatus": status,
        "Attributes": {"email": format!("{name}@example.com"), "email_verified": "true"},
    });
    for (member, value) in more.as_object().unwrap() {
        user[member] = value.clone();
    }
    user
}

fn settings(more: Value) -> Value {
    let mut settings = json!({
        "AutoVerifiedAttributes": ["email"],
        "UsernameConfiguration": {"CaseSensitive": true},
        "SchemaAttributes": [
            {"Name": "custom:fixed", "AttributeDataType": "String", "Mutable": false, "Required": false, "StringAttributeConstraints": {}},
            {"Name": "dev:custom:note", "AttributeDataType": "String", "Mutable": true, "Required": false, "DeveloperOnlyAttribute": true, "StringAttributeConstraints": {}},
        ],
    });
    for (member, value) in more.as_object().unwrap() {
        settings[member] = value.clone();
    }
    settings
}

/// One user of each kind.
fn assorted(more: Value) -> PoolDocument {
    let google = json!({"userId": "g-7", "providerName": "Google", "providerType": "Google"});
    document(json!({
        "UserPool": settings(more),
        "Groups": [{"GroupName": "admins"}, {"GroupName": "editors"}],
        "IdentityProviders": [{"ProviderName": "Google", "ProviderType": "Google"}],
        "Users": [
            user("confirmed", "CONFIRMED", json!({"Groups": ["admins", "editors"], "Identities": [google]})),
            user("disabled", "CONFIRMED", json!({"Enabled": false})),
            user("forced", "FORCE_CHANGE_PASSWORD", json!({"Groups": ["editors"]})),
            user("signed-up", "UNCONFIRMED", json!({"Attributes": {"email": "signed-up@example.com", "custom:fixed": "7", "dev:custom:note": "n"}})),
            user("reset", "RESET_REQUIRED", json!({"Groups": ["admins"], "Enabled": false})),
            user("archived", "ARCHIVED", json!({})),
            user("odd", "CONFIRMED", json!({"Attributes": {"email": "odd@example.com", "email_verified": "true", "name": "two\nlines, \"one\" \\ user", "custom:fixed": "1,2"}})),
            user("plain", "CONFIRMED", json!({"Attributes": {"email": "plain@example.com", "email_verified": "true", "name": "Ann, Zoë", "birthdate": "1990-02-28", "dev:custom:note": "x"}})),
            user("texting", "CONFIRMED", json!({"Attributes": {"email": "texting@example.com", "phone_number": "+15550100", "phone_number_verified": "true"}, "UserMFASettingList": ["SMS_MFA"], "PreferredMfaSetting": "SMS_MFA"})),
            user("Google_7", "EXTERNAL_PROVIDER", json!({"Identities": [{"userId": "7", "providerName": "Google", "providerType": "Google", "primary": true}]})),
        ],
    }))
}

/// What should be in the new pool: everybody but federated profiles, with the retired disabled.
fn expected(lost: BTreeMap<String, Person>) -> BTreeMap<String, Person> {
    let mut expected = lost;
    expected.retain(|_, person| person.status != "EXTERNAL_PROVIDER");
    for person in expected
        .values_mut()
        .filter(|person| person.status == "ARCHIVED")
    {
        person.status = "CONFIRMED".into();
        person.enabled = false;
    }
    expected
}

fn engine(users_engine: UsersEngine) -> RestoreOptions {
    RestoreOptions {
        users_engine,
        ..RestoreOptions::default()
    }
}

#[tokio::test]
async fn every_kind_of_user_comes_back_by_calls_and_in_silence() {
    let stage = Stage::new(assorted(json!({}))).await;
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    stage.assert_silent_and_mapped();
    let counts = &state.users.counts;
    assert_eq!(
        (
            counts.seen,
            counts.restored,
            counts.federated,
            counts.failed
        ),
        (10, 9, 1, 0)
    );
    assert_eq!(
        (
            counts.memberships,
            counts.links,
            counts.mfa_preferences,
            counts.disabled
        ),
        (4, 1, 1, 3)
    );
    assert_eq!(
        (counts.can_reset_password, counts.cannot_reset_password),
        (7, 0)
    );
    let findings = stage.findings();
    assert_eq!(
        findings.len(),
        1,
        "of the retired status alone: {findings:?}"
    );
    assert_eq!(
        stage.simulator.evidence().refused,
        [],
        "nothing was tried in vain"
    );
    let client_left = !stage
        .simulator
        .pool(NEW, stage.target.as_str())
        .unwrap()
        .clients
        .is_empty();
    assert!(!client_left, "the client for sign-ups is removed");
}

#[tokio::test]
async fn every_kind_of_user_comes_back_by_import_jobs() {
    let stage = Stage::new(assorted(json!({}))).await;
    let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    stage.assert_silent_and_mapped();
    let import = state.users.import.unwrap();
    assert_eq!(
        (import.imported, import.not_imported),
        (4, 0),
        "{:?}",
        stage.simulator.evidence().import_log
    );
    let passwords = stage
        .simulator
        .evidence()
        .calls
        .get("AdminSetUserPassword")
        .copied();
    assert_eq!(passwords, Some(3), "only for users that no file can carry");
    assert_eq!(state.users.counts.restored, 9);
}

#[tokio::test]
async fn pools_of_every_kind_get_their_users_back() {
    for kind in [
        json!({"UsernameAttributes": ["email"]}),
        json!({"UsernameAttributes": ["email", "phone_number"], "UsernameConfiguration": {"CaseSensitive": false}}),
        json!({"AliasAttributes": ["email", "preferred_username"]}),
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}}),
        json!({"UsernameConfiguration": {"CaseSensitive": false}}),
    ] {
        for users_engine in [UsersEngine::Api, UsersEngine::Import] {
            let mut pool = assorted(kind.clone());
            let passwordless = kind.get("Policies").is_some();
            if kind.get("UsernameAttributes").is_some() {
                // Cognito makes their usernames (facts C.1).
                pool.users.iter_mut().for_each(|user| user.username.clear());
            }
            let stage = Stage::new(pool).await;
            stage.restore(engine(users_engine)).await;
            let mut wanted = expected(stage.lost());
            for person in wanted
                .values_mut()
                .filter(|person| person.status == "RESET_REQUIRED")
            {
                // No job makes such a user where one can sign in without a password (facts C.5).
                if passwordless {
                    person.status = "CONFIRMED".into();
                }
            }
            stage.assert_restored(&wanted, &format!("{kind} {users_engine:?}"));
            stage.assert_silent_and_mapped();
        }
    }
}

#[tokio::test]
async fn users_that_cannot_be_made_are_told_by_their_old_sub_and_the_rest_goes_on() {
    let mut pool = assorted(json!({"UsernameAttributes": ["email"]}));
    pool.users.iter_mut().for_each(|user| user.username.clear());
    pool.users[0].attributes.remove("email");
    pool.users[0].attributes.remove("email_verified");
    pool.users[0].sub = Some("00000000-0000-4000-8000-00000000000a".into());
    let stage = Stage::new(pool).await;
    let (_, state) = stage.restore(RestoreOptions::default()).await;
    assert_eq!(
        (state.users.counts.restored, state.users.counts.skipped),
        (8, 1)
    );
    let finding = stage
        .findings()
        .into_iter()
        .find(|finding| finding.item.ends_with("0a"))
        .unwrap();
    assert_eq!(
        finding.announces,
        ["users/00000000-0000-4000-8000-00000000000a"]
    );
}

#[tokio::test]
async fn of_two_users_with_one_alias_the_second_is_told() {
    let mut pool = assorted(json!({"AliasAttributes": ["preferred_username"]}));
    for index in [0, 1] {
        pool.users[index]
            .attributes
            .insert("preferred_username".into(), "same".into());
    }
    let stage = Stage::new(pool).await;
    let (_, state) = stage.restore(RestoreOptions::default()).await;
    assert_eq!(
        (state.users.counts.restored, state.users.counts.failed),
        (8, 1)
    );
    assert!(
        state
            .users
            .findings
            .iter()
            .any(|finding| finding.kind == FindingKind::Failed && finding.reason.contains("alias"))
    );
}

#[tokio::test]
async fn a_value_that_is_refused_today_costs_the_user_that_value_alone() {
    let mut pool = assorted(json!({}));
    pool.users[0]
        .attributes
        .insert("birthdate".into(), "long ago".into());
    let stage = Stage::new(pool).await;
    let (_, state) = stage.restore(RestoreOptions::default()).await;
    let mut wanted = expected(stage.lost());
    wanted
        .get_mut("confirmed")
        .unwrap()
        .attributes
        .remove("birthdate");
    stage.assert_restored(&wanted, "");
    assert_eq!(state.users.counts.failed, 0);
    assert!(stage.findings().iter().any(|finding| {
        finding
            .announces
            .iter()
            .any(|path| path.ends_with("/birthdate"))
    }));
}

#[tokio::test]
async fn the_old_sub_is_kept_in_the_attribute_of_that_name() {
    let mut pool = assorted(json!({}));
    let legacy = json!({"Name": "custom:legacy_sub", "AttributeDataType": "String", "Mutable": true, "StringAttributeConstraints": {}});
    let schema = pool.user_pool.get_mut("SchemaAttributes").unwrap();
    schema.as_array_mut().unwrap().push(legacy);
    for users_engine in [UsersEngine::Api, UsersEngine::Import] {
        let mut stage = Stage::new(pool.clone()).await;
        stage.settings.legacy_sub_attribute = Some("legacy_sub".into());
        stage.restore(engine(users_engine)).await;
        let restored = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
        for entry in stage.map() {
            let user = restored
                .users
                .iter()
                .find(|user| user.sub.as_deref() == Some(&entry.new_sub))
                .unwrap();
            assert_eq!(user.attributes["custom:legacy_sub"], entry.old_sub);
        }
    }
}

#[tokio::test]
async fn nasty_pools_come_back() {
    use simulator::{GeneratorConfig, SignInStyle, Simulator};
    for (sign_in, users_engine) in [
        (SignInStyle::Username, UsersEngine::Api),
        (SignInStyle::Alias, UsersEngine::Import),
        (SignInStyle::Email, UsersEngine::Import),
    ] {
        let maker = Simulator::start(simulator::Config::default()).unwrap();
        let config = GeneratorConfig {
            sign_in,
            ..GeneratorConfig::nasty(200)
        };
        let id = maker.generate("us-east-1", &config).unwrap();
        let pool = maker.pool("us-east-1", &id).unwrap();
        let federated = people(&pool)
            .values()
            .filter(|person| person.status == "EXTERNAL_PROVIDER")
            .count();
        let users = pool.users.len();
        let stage = Stage::new(pool).await;
        let (_, state) = stage.restore(engine(users_engine)).await;
        let counts = &state.users.counts;
        assert_eq!(counts.seen as usize, users, "{sign_in:?} {users_engine:?}");
        assert_eq!(counts.federated as usize, federated);
        assert_eq!(
            (counts.restored + counts.federated + counts.skipped) as usize,
            users,
            "{:?}",
            state.users.findings
        );
        stage.assert_silent_and_mapped();
    }
}
