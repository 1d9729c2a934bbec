//! Whose MFA preferences a backup reads.

use std::time::Duration;

use backup::MfaPreferences;
use serde_json::json;

use crate::backing_up::done;
use crate::support::{World, pool_of};

/// A pool with text messages and authenticator apps as second factors, and four users.
fn pool_with_mfa(mfa: serde_json::Value) -> serde_json::Value {
    let mut document = pool_of(4);
    document["MfaConfiguration"] = mfa;
    document["Users"][1]["UserMFASettingList"] = json!(["SMS_MFA"]);
    document["Users"][1]["PreferredMfaSetting"] = json!("SMS_MFA");
    document["Users"][1]["Attributes"]["phone_number"] = json!("+15550100");
    document["Users"][2]["UserStatus"] = json!("EXTERNAL_PROVIDER");
    document["Users"][2]["Attributes"]["phone_number"] = json!("+15550101");
    document
}

#[tokio::test]
async fn mfa_preferences_are_read_by_default_of_those_who_may_have_one() {
    let sms = json!({"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::000000000000:role/sms", "ExternalId": "x"}});
    for (mfa, asked) in [
        (json!({"MfaConfiguration": "OFF"}), 0),
        (
            json!({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": sms}),
            1,
        ),
        (
            json!({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": sms,
                   "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
            3,
        ),
    ] {
        let world = World::new().await;
        let pool = world.seed(pool_with_mfa(mfa.clone()));
        let mut backups = world.backups(Duration::from_secs(60));
        backups.mfa_preferences = MfaPreferences::Auto;
        done(backups.run(vec![pool]).await.unwrap());
        let calls = world.simulator.evidence().calls;
        let read = calls.get("AdminGetUserAuthFactors").copied();
        assert_eq!(read.unwrap_or_default(), asked, "{mfa}");
        let content = world.only_content().await;
        let factors = model::document::MfaFactors::of(&content.head);
        let lost = content
            .users
            .iter()
            .filter(|user| factors.may_be_lost(user));
        assert_eq!(lost.count(), 0, "{mfa}");
        assert_eq!(world.simulator.evidence().active_users, 0);
    }
}

#[tokio::test]
async fn preferences_that_were_not_read_can_be_counted() {
    let world = World::new().await;
    let mfa =
        json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}});
    let pool = world.seed(pool_with_mfa(mfa));
    done(world.run(&[&pool]).await.unwrap());
    let content = world.only_content().await;
    let factors = model::document::MfaFactors::of(&content.head);
    let lost = content
        .users
        .iter()
        .filter(|user| factors.may_be_lost(user));
    assert_eq!(lost.count(), 3);
}

#[tokio::test]
async fn mfa_preferences_are_read_when_asked_for_without_billing_anyone() {
    let world = World::new().await;
    let mut document = pool_of(4);
    document["Users"][1]["UserMFASettingList"] = json!(["SMS_MFA"]);
    document["Users"][1]["PreferredMfaSetting"] = json!("SMS_MFA");
    document["Users"][1]["Attributes"]["phone_number"] = json!("+15550100");
    document["Users"][2]["UserStatus"] = json!("EXTERNAL_PROVIDER");
    let pool = world.seed(document);
    let mut backups = world.backups(Duration::from_secs(60));
    backups.mfa_preferences = MfaPreferences::All;
    done(backups.run(vec![pool]).await.unwrap());
    let content = world.only_content().await;
    let user = |name: &str| {
        let mut users = content.users.iter();
        users.find(|user| user.username.as_str() == name).unwrap()
    };
    assert_eq!(user("user-00001").preferred_mfa.as_deref(), Some("SMS_MFA"));
    assert_eq!(user("user-00000").preferred_mfa, None);
    assert_eq!(user("user-00000").mfa_settings, Some(Vec::new()));
    assert_eq!(
        user("user-00002").mfa_settings,
        None,
        "a federated profile has none"
    );
    let evidence = world.simulator.evidence();
    assert_eq!(evidence.calls["AdminGetUserAuthFactors"], 3);
    assert_eq!(evidence.active_users, 0);
}
