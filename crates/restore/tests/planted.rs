//! The status is what happened: a success where nothing is lost, and a failure where something
//! is done to the pool behind the restore's back.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::request::RestoreOptions;
use model::restore::Verification;
use serde_json::{Value, json};
use simulator::{Fault, Faults, When};
use support::compare::{Table, compare};
use support::{ACCOUNT, NEW, World, pools};

#[tokio::test]
async fn a_pool_with_one_of_everything_comes_back_but_for_what_is_announced() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let table = Table::read();
    let found = compare(
        &lost.document,
        &restored.document,
        &restored.announcements,
        &table,
    );
    let verification = restored.state.verification.unwrap();
    let evidence = world.simulator.evidence();
    println!(
        "{} announced {:#?} refused {:#?}",
        restored.result, restored.announcements, evidence.refused
    );
    let unannounced: Vec<_> = verification
        .differences
        .iter()
        .filter(|difference| difference.announced_by.is_none())
        .collect();
    let rows: Vec<_> = verification.rows.iter().filter(|row| !row.holds).collect();
    assert!(verification.passed(), "{unannounced:#?} {rows:#?}");
    assert_eq!(found, []);
    assert_eq!(evidence.messages_sent, 0);
    assert_eq!(evidence.trigger_invocations.len(), 0);
    assert_eq!(restored.user_map.len(), 6);
}

#[tokio::test]
async fn a_plain_pool_of_which_nothing_is_lost_is_a_success() {
    let world = World::new().await;
    let lost = world.lose(pools::plain()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let state = &restored.state;
    let verification = state.verification.as_ref().unwrap();
    assert!(verification.passed(), "{verification:#?}");
    let lost: Vec<_> = state
        .steps
        .iter()
        .flat_map(|record| &record.findings)
        .chain(&state.users.findings)
        .filter(|finding| finding.kind.is_loss())
        .collect();
    assert_eq!(
        restored.result, "SUCCESS",
        "{lost:#?} {:?}",
        state.users.counts
    );
}

#[tokio::test]
async fn a_group_deleted_behind_the_restores_back_makes_it_a_failure() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let options = RestoreOptions::default();
    world.bring_back(&lost, &options).await.unwrap();
    let request = world.request(&lost, &options);
    let pool = world.state(&request.restore_id).new_user_pool_id.unwrap();
    let mut document = world.simulator.pool(NEW, pool.as_str()).unwrap();
    let whole = document.clone();
    document
        .groups
        .retain(|group| group["GroupName"] != "editors");
    for user in &mut document.users {
        user.groups.retain(|group| group != "editors");
    }
    world.simulator.plant(NEW, document).unwrap();
    let restored = world.finish(&request).await;
    assert_eq!(restored.result, "FAILED");
    let verification = restored.state.verification.unwrap();
    assert!(!verification.passed());
    let found: Vec<&str> = verification
        .differences
        .iter()
        .filter(|difference| difference.announced_by.is_none())
        .map(|difference| difference.path.as_str())
        .collect();
    let planted = ["groups/editors", "group_memberships/editors"];
    for place in planted {
        assert!(
            found.iter().any(|path| path.starts_with(place)),
            "{found:?}"
        );
    }
    let is_planted = |path: &&&str| planted.iter().any(|place| path.starts_with(place));
    let others: Vec<_> = found.iter().filter(|path| !is_planted(path)).collect();
    assert!(others.is_empty(), "{others:?}");

    // Put right and resumed: compared anew, with what the restore had announced.
    world.simulator.plant(NEW, whole).unwrap();
    let again = world.restore(&lost, &options).await;
    assert_eq!(again.result, "SUCCESS_WITH_LOSSES");
    assert!(again.state.verification.unwrap().passed());
}

#[tokio::test]
async fn a_plain_pool_that_came_back_as_it_was_has_nothing_to_tell() {
    let world = World::new().await;
    let lost = world.lose(pools::plain()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let counts = restored.state.finding_counts();
    let steps = restored.state.steps.iter();
    let told: Vec<_> = steps.flat_map(|record| &record.findings).collect();
    assert_eq!(counts.total(), 0, "{told:#?}");
}

#[tokio::test]
async fn what_cognito_refuses_of_a_pool_is_left_out_and_told() {
    let key = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/mrk-1");
    let sms = json!({"SnsCallerArn": format!("arn:aws:iam::{ACCOUNT}:role/sms")});
    let mut codes = pools::plain().user_pool["Policies"].clone();
    codes["SignInPolicy"]["AllowedFirstAuthFactors"] = json!(["PASSWORD", "SMS_OTP"]);
    let denied = "User: a is not authorized to perform: iam:PassRole on resource: b";
    for (settings, code, message, announced) in [
        (
            json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key}}),
            "InvalidParameterException",
            "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn x",
            "user_pool_config/KeyConfiguration",
        ),
        (
            json!({"SmsConfiguration": sms, "Policies": codes}),
            "AccessDeniedException",
            denied,
            "user_pool_config/Policies/SignInPolicy/AllowedFirstAuthFactors",
        ),
        (
            // A backup without the pool's SMS settings: the simulator itself refuses.
            json!({"Policies": codes}),
            "InvalidParameterException",
            "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS configuration",
            "user_pool_config/Policies/SignInPolicy/AllowedFirstAuthFactors",
        ),
        (
            json!({"VerificationMessageTemplate": {
                "EmailMessage": "code {####}", "EmailMessageByLink": "{##here##}", "DefaultEmailOption": "CONFIRM_WITH_CODE",
            }}),
            "InvalidParameterException",
            "Only one of EmailMessage and EmailMessageByLink may be sent.",
            "user_pool_config/VerificationMessageTemplate/EmailMessageByLink",
        ),
    ] {
        let world = World::new().await;
        let mut document = pools::plain();
        document
            .user_pool
            .extend(settings.as_object().cloned().unwrap());
        let lost = world.lose(document).await;
        let fault = Fault::Error {
            code: code.into(),
            message: message.into(),
            status: 400,
        };
        world
            .simulator
            .set_faults(Faults::one("CreateUserPool", When::Nth(1), fault));
        let restored = world.restore(&lost, &RestoreOptions::default()).await;
        let announced = announced.to_owned();
        assert!(
            restored.announcements.contains(&announced),
            "{message}: {:#?}",
            restored.announcements
        );
        let verification = restored.state.verification.unwrap();
        assert!(verification.passed(), "{message}: {verification:#?}");
        assert_eq!(restored.result, "SUCCESS_WITH_LOSSES", "{message}");
    }
}

/// A logo costs itself: neither its style sheet nor another client's logo.
#[tokio::test]
async fn a_logo_that_is_refused_is_all_that_is_left_out() {
    const LOGO: &str = "iVBORw0KGgo=";
    let world = World::new().await;
    let mut document = pools::everything();
    document.ui_customizations = serde_json::from_value(json!([
        {"ClientId": "ALL", "CSS": ".logo-customizable {\n\tmax-width: 60%;\n}", "Image": LOGO},
    ]))
    .unwrap();
    let lost = world.lose(document).await;
    let fault = Fault::Error {
        code: "InvalidParameterException".into(),
        message: "the image cannot be read".into(),
        status: 400,
    };
    let first = Faults::one("SetUICustomization", When::Nth(1), fault);
    world.simulator.set_faults(first);
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let pool = restored.state.new_user_pool_id.unwrap();
    let pool = world.simulator.dump(NEW, pool.as_str()).unwrap();
    let customization = &pool["UICustomizations"][0];
    assert!(customization["CSS"].is_string(), "{customization}");
    assert!(
        customization.get("Image").is_none_or(Value::is_null),
        "{customization}"
    );
    let told = restored.announcements.iter();
    assert!(
        told.clone().any(|place| place.starts_with("ui_images")),
        "{told:?}"
    );
    assert!(restored.state.verification.unwrap().passed());
    assert_eq!(restored.result, "SUCCESS_WITH_LOSSES");
}

#[tokio::test]
async fn a_faithfully_restored_pool_compared_on_its_own_matches_its_backup() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let own = restored.state.verification.unwrap();
    let pool = restored.state.new_user_pool_id.unwrap();

    let (result, verification) = world.compare(&lost, &pool, "check-1").await;
    let unannounced = |verification: &Verification| {
        let found = verification.differences.iter();
        let unknown = found.filter(|difference| difference.announced_by.is_none());
        unknown.cloned().collect::<Vec<_>>()
    };
    assert_eq!(unannounced(&verification), []);
    assert_eq!(result, "SUCCESS");
    assert_eq!(
        verification.announcing_restore,
        Some(restored.state.restore_id)
    );
    assert_eq!(
        (verification.announced, verification.users_compared),
        (own.announced, own.users_compared)
    );

    // Without the tag: what any restore would have had to change is told from what is lost.
    let mut document = world.simulator.pool(NEW, pool.as_str()).unwrap();
    if let Some(tags) = document.user_pool.get_mut("UserPoolTags") {
        tags.as_object_mut()
            .unwrap()
            .remove("cognito-dr-restore-id");
    }
    world.simulator.plant(NEW, document.clone()).unwrap();
    let (result, verification) = world.compare(&lost, &pool, "check-2").await;
    assert_eq!(unannounced(&verification), []);
    assert_eq!(result, "SUCCESS");
    assert_eq!(verification.announcing_restore, None);

    document.users.pop();
    world.simulator.plant(NEW, document).unwrap();
    let (result, verification) = world.compare(&lost, &pool, "check-3").await;
    assert_eq!(result, "FAILED");
    assert!(!unannounced(&verification).is_empty());
}

/// More users than a comparison names one by one, each announced to come back in another status.
#[tokio::test]
async fn the_verdict_holds_for_more_users_than_are_named() {
    const USERS: usize = 5_200;
    let mut world = World::new().await;
    // Without import jobs nothing brings RESET_REQUIRED back.
    world.settings.import_role_arn = None;
    let mut pool = pools::plain();
    let user = |number| pools::user(&format!("user{number}"), "RESET_REQUIRED", json!({}));
    let users: Value = (0..USERS).map(user).collect();
    pool.users.extend(pools::users(users));
    let lost = world.lose(pool).await;
    let options = RestoreOptions::default();
    let restored = world.restore(&lost, &options).await;
    let verification = restored.state.verification.unwrap();
    assert!(verification.passed(), "{:?}", verification.differences);
    assert_eq!(verification.announced, USERS as u64);
    assert_eq!(restored.result, "SUCCESS_WITH_LOSSES");

    let pool = restored.state.new_user_pool_id.unwrap();
    let mut document = world.simulator.pool(NEW, pool.as_str()).unwrap();
    let moved = "elsewhere@example.com".to_owned();
    let last = document.users.last_mut().unwrap();
    last.attributes.insert("email".into(), moved);
    world.simulator.plant(NEW, document).unwrap();
    let (result, verification) = world.compare(&lost, &pool, "check").await;
    assert_eq!(result, "FAILED");
    assert_eq!(
        (verification.announced, verification.unannounced),
        (USERS as u64, 1)
    );
}
