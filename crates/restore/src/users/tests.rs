//! The restore of users as a whole, against the strict simulator.

mod harness;

use std::collections::BTreeMap;
use std::time::Duration;

use model::request::{RestoreOptions, Selection, UsersEngine};
use model::restore::FindingKind;
use serde_json::{Value, json};
use simulator::{Fault, FaultRule, Faults, PoolDocument, When};

use self::harness::{NEW, Person, Stage, people};

/// Tests that try every place try every third without this environment variable.
fn step() -> usize {
    if std::env::var_os("RESTORE_EXHAUSTIVE_TESTS").is_some() {
        1
    } else {
        3
    }
}

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
        2,
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
async fn without_a_role_for_jobs_users_come_back_by_calls_and_it_is_told() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.settings.import_role_arn = None;
    let (result, _) = stage.restore(engine(UsersEngine::Import)).await;
    let mut wanted = expected(stage.lost());
    wanted.get_mut("reset").unwrap().status = "CONFIRMED".into();
    stage.assert_restored(&wanted, "");
    assert!(
        result.findings[0].reason.contains("ImportRoleArn"),
        "{:?}",
        result.findings
    );
    let told = stage.findings().iter().any(|finding| {
        finding
            .announces
            .iter()
            .any(|path| path.ends_with("/UserStatus"))
    });
    assert!(told);
}

#[tokio::test]
async fn where_hashes_are_refused_passwords_are_set_by_calls() {
    let stage = Stage::new(assorted(json!({}))).await;
    let refused = Fault::Error {
        code: "InvalidParameterException".into(),
        message: "no hashes".into(),
        status: 400,
    };
    stage
        .simulator
        .set_faults(Faults::one("CreateUserImportJob", When::Nth(1), refused));
    let (result, state) = stage.restore(engine(UsersEngine::Import)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    assert_eq!(state.users.import.unwrap().imported, 4);
    assert!(
        result.findings[0].reason.contains("no password hashes"),
        "{:?}",
        result.findings
    );
}

#[tokio::test]
async fn where_no_job_can_be_made_all_users_come_back_by_calls() {
    let stage = Stage::new(assorted(json!({}))).await;
    let denied = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "PassRole".into(),
        status: 400,
    };
    stage
        .simulator
        .set_faults(Faults::one("CreateUserImportJob", When::Rate(1.0), denied));
    let (result, state) = stage.restore(engine(UsersEngine::Import)).await;
    let mut wanted = expected(stage.lost());
    wanted.get_mut("reset").unwrap().status = "CONFIRMED".into();
    stage.assert_restored(&wanted, "");
    assert_eq!(state.users.counts.restored, 9);
    assert!(result.findings[0].reason.contains("call by call"));
    assert_eq!(
        result.findings[0].kind,
        FindingKind::Skipped,
        "nobody is lost by it"
    );
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

/// An existing pool that lost some of its users and changed others.
async fn accident() -> (Stage, BTreeMap<String, Person>) {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.restore(RestoreOptions::default()).await;
    let mut pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
    pool.users
        .retain(|user| !["confirmed", "forced", "reset"].contains(&user.username.as_str()));
    let changed = pool
        .users
        .iter_mut()
        .find(|user| user.username == "plain")
        .unwrap();
    changed
        .attributes
        .insert("name".into(), "changed since".into());
    changed.groups.clear();
    stage.simulator.plant(NEW, pool).unwrap();
    stage.begin_another();
    stage.simulator.reset_evidence();
    let before = stage.restored();
    (stage, before)
}

#[tokio::test]
async fn into_an_existing_pool_go_only_the_users_that_it_lacks() {
    for (select, back) in [
        (None, vec!["confirmed", "forced", "reset"]),
        (
            Some(Selection::MissingUsers),
            vec!["confirmed", "forced", "reset"],
        ),
        (
            Some(Selection::Users(vec!["forced".into(), "plain".into()])),
            vec!["forced"],
        ),
        (
            Some(Selection::Group("editors".into())),
            vec!["confirmed", "forced"],
        ),
    ] {
        let (stage, before) = accident().await;
        let options = RestoreOptions {
            target_user_pool_id: Some(stage.target.clone()),
            select: select.clone(),
            ..RestoreOptions::default()
        };
        let (_, state) = stage.restore(options).await;
        let mut wanted = before;
        for (name, person) in expected(stage.lost()) {
            if back.contains(&name.as_str()) {
                wanted.insert(name, person);
            }
        }
        stage.assert_restored(&wanted, &format!("{select:?}"));
        assert_eq!(stage.simulator.evidence().messages_sent, 0);
        assert_eq!(state.users.counts.restored, back.len() as u64, "{select:?}");
    }
}

#[tokio::test]
async fn the_list_of_an_existing_pool_may_take_several_invocations() {
    let mut pool = assorted(json!({}));
    let many = (0..1200).map(|number| {
        serde_json::from_value(user(&format!("user-{number}"), "CONFIRMED", json!({}))).unwrap()
    });
    pool.users.extend(many);
    let mut stage = Stage::new(pool.clone()).await;
    pool.user_pool
        .insert("Id".into(), json!(stage.target.as_str()));
    pool.user_pool.remove("AutoVerifiedAttributes");
    pool.clients.clear();
    pool.users.retain(|user| user.username != "user-7");
    stage.simulator.plant(NEW, pool).unwrap();
    stage.simulator.set_latency(simulator::Latency::Fixed(60));
    stage.give(Duration::from_millis(600));
    let options = RestoreOptions {
        target_user_pool_id: Some(stage.target.clone()),
        ..RestoreOptions::default()
    };
    let (_, state) = stage.restore(options).await;
    assert_eq!(state.users.counts.restored, 1);
    assert_eq!(state.users.counts.already_there, 1209);
    let parts = stage.s3.keys("dr");
    assert!(
        parts.iter().any(|key| key.contains(".unfinished")),
        "{parts:?}"
    );
    assert_eq!(stage.map().len(), 1);
}

#[tokio::test]
async fn one_job_after_the_other_takes_the_files_of_a_large_pool() {
    super::import::csv::ROWS_IN_TEST.set(7);
    let mut pool = assorted(json!({}));
    let many = (0..30).map(|number| {
        serde_json::from_value(user(
            &format!("user-{number}"),
            "CONFIRMED",
            json!({"Groups": ["admins"]}),
        ))
        .unwrap()
    });
    pool.users.extend(many);
    let stage = Stage::new(pool).await;
    let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    let import = state.users.import.unwrap();
    assert_eq!(
        (import.file, import.imported, import.not_imported),
        (5, 34, 0)
    );
    assert_eq!(stage.simulator.evidence().import_log.len(), 5);
    assert_eq!(stage.map().len(), 39);
    stage.assert_silent_and_mapped();
}

#[tokio::test]
async fn rows_that_a_job_cannot_use_become_users_by_calls() {
    let stage = Stage::new(assorted(json!({}))).await;
    // Between the two halves somebody else takes the address of a user that a job is to make.
    let (_, _) = stage
        .invoke(&engine(UsersEngine::Import), false)
        .await
        .unwrap();
    let mut pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
    let lost = stage
        .simulator
        .pool("us-east-1", stage.lost.as_str())
        .unwrap();
    let mut foreign = lost
        .users
        .iter()
        .find(|user| user.username == "plain")
        .unwrap()
        .clone();
    foreign.username = "foreign".into();
    foreign.sub = None;
    pool.users.push(foreign);
    pool.user_pool
        .insert("AliasAttributes".into(), json!(["email"]));
    stage.simulator.plant(NEW, pool).unwrap();
    let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
    let import = state.users.import.unwrap();
    assert_eq!((import.imported, import.not_imported), (3, 1));
    assert_eq!(
        (state.users.counts.restored, state.users.counts.failed),
        (8, 1)
    );
    let told = stage
        .findings()
        .into_iter()
        .find(|finding| finding.kind == FindingKind::Failed);
    assert!(told.unwrap().reason.contains("alias"));
}

#[tokio::test]
async fn a_short_deadline_only_makes_more_invocations_of_it() {
    let mut pool = assorted(json!({}));
    let many = (0..600).map(|number| {
        serde_json::from_value(user(
            &format!("user-{number}"),
            "CONFIRMED",
            json!({"Groups": ["admins"]}),
        ))
        .unwrap()
    });
    pool.users.extend(many);
    let mut stage = Stage::new(pool).await;
    stage.give(Duration::from_millis(1000));
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    assert_eq!(state.users.counts.restored, 609);
    assert!(state.users.map_parts > 2, "{}", state.users.map_parts);
    assert_eq!(stage.map().len(), 609);
    stage.assert_silent_and_mapped();
}

#[tokio::test]
async fn a_storm_of_errors_lost_answers_and_throttles_ends_as_the_calm_run_does() {
    for (seed, users_engine) in [(1, UsersEngine::Api), (2, UsersEngine::Import)] {
        let mut pool = assorted(json!({}));
        let statuses = [
            "CONFIRMED",
            "FORCE_CHANGE_PASSWORD",
            "UNCONFIRMED",
            "RESET_REQUIRED",
        ];
        let many = (0..400).map(|number| {
            let groups = json!({"Groups": ["admins"], "Enabled": number % 7 != 0});
            serde_json::from_value(user(
                &format!("user-{number}"),
                statuses[number % 4],
                groups,
            ))
            .unwrap()
        });
        pool.users.extend(many);
        let stage = Stage::new(pool).await;
        let rule = |rate, fault| FaultRule {
            operation: None,
            when: When::Rate(rate),
            fault,
        };
        let error = Fault::Error {
            code: "InternalErrorException".into(),
            message: "later".into(),
            status: 500,
        };
        stage.simulator.set_faults(Faults {
            seed,
            rules: vec![
                rule(0.05, error),
                rule(0.02, Fault::AnswerLost),
                rule(0.01, Fault::Throttle),
            ],
        });
        let (_, state) = stage.restore(engine(users_engine)).await;
        stage.assert_restored(&expected(stage.lost()), &format!("{users_engine:?}"));
        assert_eq!(state.users.counts.restored, 409);
        assert_eq!(state.users.counts.memberships, 404);
        assert_eq!(stage.map().len(), 409);
        stage.assert_silent_and_mapped();
    }
}

#[tokio::test]
async fn an_invocation_may_die_at_any_call_of_cognito() {
    for users_engine in [UsersEngine::Api, UsersEngine::Import] {
        let calm = Stage::new(assorted(json!({}))).await;
        calm.restore(engine(users_engine)).await;
        let calls: u64 = calm.simulator.evidence().calls.values().sum();
        assert!(calls > 30, "{calls}");
        for nth in (1..=calls).step_by(step()) {
            let stage = Stage::new(assorted(json!({}))).await;
            let gone = Fault::Error {
                code: "AccessDeniedException".into(),
                message: "gone".into(),
                status: 400,
            };
            let rule = |when, fault| FaultRule {
                operation: None,
                when,
                fault,
            };
            stage.simulator.set_faults(Faults {
                seed: 0,
                rules: vec![
                    rule(When::Nth(nth), Fault::AnswerLost),
                    rule(
                        When::Burst {
                            from: nth + 1,
                            count: u64::MAX / 2,
                        },
                        gone,
                    ),
                ],
            });
            stage.restore(engine(users_engine)).await;
            stage.assert_restored(
                &expected(stage.lost()),
                &format!("{users_engine:?} died at call {nth}"),
            );
            assert_eq!(stage.map().len(), 9);
            stage.assert_silent_and_mapped();
            let pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
            assert!(pool.clients.is_empty(), "died at call {nth}");
        }
    }
}

#[tokio::test]
async fn an_invocation_may_die_at_any_request_to_the_vault() {
    for fault in [vault::testing::Fault::Before, vault::testing::Fault::After] {
        let calm = Stage::new(assorted(json!({}))).await;
        calm.s3.revive();
        calm.restore(engine(UsersEngine::Import)).await;
        for nth in (1..=calm.s3.requests()).step_by(step()) {
            let stage = Stage::new(assorted(json!({}))).await;
            stage.s3.die_at(nth, fault);
            let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
            stage.assert_restored(
                &expected(stage.lost()),
                &format!("{fault:?} died at request {nth}"),
            );
            assert_eq!(
                (stage.map().len(), state.users.counts.restored),
                (9, 9),
                "{fault:?} {nth}"
            );
            stage.assert_silent_and_mapped();
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

/// Full quotas, 40 ms latency; nothing but creations, then passwords and groups behind them.
#[tokio::test]
#[ignore = "half a minute of real time on a quiet machine: cargo test -p restore -- --ignored"]
async fn the_slowest_quota_category_alone_sets_the_time() {
    let share = 0.95;
    for (status, groups, users, slowest) in [
        ("FORCE_CHANGE_PASSWORD", json!([]), 500, 50.0),
        ("CONFIRMED", json!([]), 300, 30.0),
        ("CONFIRMED", json!(["admins"]), 250, 25.0),
    ] {
        let mut pool = assorted(json!({}));
        let one = |number| {
            serde_json::from_value(user(
                &format!("user-{number}"),
                status,
                json!({"Groups": groups}),
            ))
            .unwrap()
        };
        pool.users = (0..users).map(one).collect();
        let mut stage = Stage::new(pool).await;
        stage.simulator.set_quotas(simulator::Quotas::Scaled(1.0));
        stage.simulator.set_latency(simulator::Latency::Fixed(40));
        stage.pace(cognito::Pace::share_of_quotas(share)).await;
        let began = std::time::Instant::now();
        stage
            .invoke(&engine(UsersEngine::Api), false)
            .await
            .unwrap();
        let least = f64::from(users) / (slowest * share);
        let reached = least / began.elapsed().as_secs_f64();
        println!("{status} {groups}: {:.1} % of the share", reached * 100.0);
        assert!(reached >= 0.95, "{status} {groups}: {reached}");
        assert_eq!(
            stage.simulator.evidence().throttles.values().sum::<u64>(),
            0
        );
    }
}
