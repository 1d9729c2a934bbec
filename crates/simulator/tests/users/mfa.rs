//! AdminSetUserMFAPreference, AdminGetUserAuthFactors (facts C.4).

use serde_json::json;
use simulator::Config;

use crate::support::Fixture;

const INVALID: &str = "InvalidParameterException";

#[test]
fn each_factor_needs_what_it_stands_on() {
    let fixture = Fixture::with(
        Config::default(),
        json!({
            "MfaConfiguration": {"MfaConfiguration": "OPTIONAL", "WebAuthnConfiguration": {"FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION"}},
            "Users": [
                {"Username": "bare"},
                {"Username": "full", "SoftwareTokenRegistered": true, "Attributes": {
                    "phone_number": "+49123456", "email": "a@example.com", "email_verified": "true"}},
                {"Username": "unverified", "Attributes": {"email": "a@example.com"}},
            ],
        }),
    );
    let set = |username: &str, factor: &str| {
        let mut request = json!({"Username": username});
        request[factor] = json!({"Enabled": true});
        request
    };
    fixture.refuses(
        "AdminSetUserMFAPreference",
        set("bare", "SoftwareTokenMfaSettings"),
        INVALID,
        "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA",
    );
    assert_eq!(
        fixture
            .refused("AdminSetUserMFAPreference", set("bare", "SMSMfaSettings"))
            .code,
        INVALID
    );
    assert_eq!(
        fixture
            .refused(
                "AdminSetUserMFAPreference",
                set("unverified", "EmailMfaSettings")
            )
            .code,
        INVALID
    );
    for factor in [
        "SMSMfaSettings",
        "SoftwareTokenMfaSettings",
        "EmailMfaSettings",
        "WebAuthnMfaSettings",
    ] {
        fixture.ok("AdminSetUserMFAPreference", set("full", factor));
    }
    let list = &fixture.user("full")["UserMFASettingList"];
    assert_eq!(
        *list,
        json!([
            "SMS_MFA",
            "SOFTWARE_TOKEN_MFA",
            "EMAIL_OTP",
            "WEB_AUTHN_MFA"
        ])
    );
    let plain = Fixture::with(Config::default(), json!({"Users": [{"Username": "full"}]}));
    assert_eq!(
        plain
            .refused(
                "AdminSetUserMFAPreference",
                set("full", "WebAuthnMfaSettings")
            )
            .code,
        INVALID
    );
    let lite = Fixture::with(
        Config::default(),
        json!({"UserPool": {"UserPoolTier": "LITE"}, "Users": [
            {"Username": "full", "Attributes": {"email": "a@example.com", "email_verified": "true"}}]}),
    );
    assert_eq!(
        lite.refused("AdminSetUserMFAPreference", set("full", "EmailMfaSettings"))
            .code,
        INVALID
    );
}

#[test]
fn one_enabled_factor_is_preferred_and_both_reads_show_it() {
    let fixture = Fixture::with(
        Config::default(),
        json!({"Users": [{"Username": "ada", "SoftwareTokenRegistered": true, "Attributes": {"phone_number": "+49123456"}}]}),
    );
    let on = json!({"Enabled": true, "PreferredMfa": true});
    let refusal = fixture.refused(
        "AdminSetUserMFAPreference",
        json!({"Username": "ada", "SMSMfaSettings": on, "SoftwareTokenMfaSettings": on}),
    );
    assert_eq!(refusal.code, INVALID);
    let off_but_preferred = json!({"Enabled": false, "PreferredMfa": true});
    assert_eq!(
        fixture
            .refused(
                "AdminSetUserMFAPreference",
                json!({"Username": "ada", "SMSMfaSettings": off_but_preferred})
            )
            .code,
        INVALID
    );
    fixture.ok(
        "AdminSetUserMFAPreference",
        json!({"Username": "ada", "SMSMfaSettings": on}),
    );
    assert_eq!(fixture.user("ada")["PreferredMfaSetting"], "SMS_MFA");
    fixture.simulator.reset_evidence();
    let factors = fixture.ok("AdminGetUserAuthFactors", json!({"Username": "ada"}));
    assert_eq!(factors["UserMFASettingList"], json!(["SMS_MFA"]));
    assert_eq!(
        fixture.simulator.evidence().active_users,
        0,
        "AdminGetUserAuthFactors bills nobody"
    );
    fixture.user("ada");
    assert_eq!(
        fixture.simulator.evidence().active_users,
        1,
        "AdminGetUser bills"
    );
    fixture.ok(
        "AdminSetUserMFAPreference",
        json!({"Username": "ada", "SMSMfaSettings": {"Enabled": false}}),
    );
    assert_eq!(fixture.user("ada").get("PreferredMfaSetting"), None);
}
