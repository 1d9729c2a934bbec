//! AdminSetUserPassword and AdminResetUserPassword (facts C.2).

use serde_json::json;

use crate::support::{Fixture, PASSWORD};

fn set(username: &str, password: &str, permanent: bool) -> serde_json::Value {
    json!({"Username": username, "Password": password, "Permanent": permanent})
}

#[test]
fn a_permanent_password_confirms_and_a_temporary_one_must_be_changed_and_nobody_gets_a_mail() {
    let fixture = Fixture::new(json!({}));
    fixture.create("ada", &[("email", "ada@example.com")]);
    fixture.simulator.reset_evidence();
    fixture.ok("AdminSetUserPassword", set("ada", PASSWORD, true));
    let evidence = fixture.simulator.evidence();
    assert_eq!((evidence.messages_sent, evidence.active_users), (0, 1));
    assert_eq!(fixture.user("ada")["UserStatus"], "CONFIRMED");
    fixture.ok("AdminSetUserPassword", set("ada", PASSWORD, false));
    assert_eq!(fixture.user("ada")["UserStatus"], "FORCE_CHANGE_PASSWORD");
}

#[test]
fn a_password_must_suit_the_pools_own_policy() {
    let fixture = Fixture::new(json!({"Policies": {"PasswordPolicy": {
        "MinimumLength": 6, "RequireUppercase": false, "RequireLowercase": true, "RequireNumbers": false, "RequireSymbols": false,
    }}}));
    fixture.create("ada", &[]);
    assert_eq!(
        fixture
            .refused("AdminSetUserPassword", set("ada", "short", true))
            .code,
        "InvalidPasswordException"
    );
    fixture.ok("AdminSetUserPassword", set("ada", "longer", true));
}

#[test]
fn a_password_of_the_history_is_refused_until_it_has_left_it() {
    let fixture = Fixture::new(
        json!({"Policies": {"PasswordPolicy": {"MinimumLength": 6, "PasswordHistorySize": 2}}}),
    );
    fixture.create("ada", &[]);
    for password in ["first-1", "second-2"] {
        fixture.ok("AdminSetUserPassword", set("ada", password, true));
    }
    for password in ["first-1", "second-2"] {
        let refusal = fixture.refused("AdminSetUserPassword", set("ada", password, true));
        assert_eq!(refusal.code, "PasswordHistoryPolicyViolationException");
    }
    fixture.ok("AdminSetUserPassword", set("ada", "third-3", true));
    fixture.ok("AdminSetUserPassword", set("ada", "first-1", true));
}

#[test]
fn a_federated_profile_gets_no_password() {
    let fixture = Fixture::with(
        simulator::Config::default(),
        json!({"Users": [{"Username": "Corporate_1", "UserStatus": "EXTERNAL_PROVIDER"}, {"Username": "local"}]}),
    );
    assert_eq!(
        fixture
            .refused("AdminSetUserPassword", set("Corporate_1", PASSWORD, true))
            .code,
        "InvalidParameterException"
    );
    fixture.ok("AdminSetUserPassword", set("local", PASSWORD, true));
}

#[test]
fn a_reset_needs_a_confirmed_enabled_user_with_a_verified_address_and_self_service_recovery() {
    let email = [("email", "a@example.com"), ("email_verified", "true")];
    let fixture = Fixture::new(json!({}));
    let reset = |username: &str| json!({"Username": username});
    fixture.create("fresh", &email);
    fixture.refuses(
        "AdminResetUserPassword",
        reset("fresh"),
        "NotAuthorizedException",
        "User password cannot be reset in the current state.",
    );
    fixture.confirmed("unverified", &[("email", "a@example.com")]);
    fixture.refuses(
        "AdminResetUserPassword",
        reset("unverified"),
        "InvalidParameterException",
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    );
    fixture.confirmed("disabled", &email);
    fixture.ok("AdminDisableUser", reset("disabled"));
    fixture.refuses(
        "AdminResetUserPassword",
        reset("disabled"),
        "NotAuthorizedException",
        "User is disabled.",
    );
    fixture.confirmed("good", &email);
    fixture.simulator.reset_evidence();
    fixture.ok("AdminResetUserPassword", reset("good"));
    let evidence = fixture.simulator.evidence();
    assert_eq!((evidence.messages_sent, evidence.active_users), (1, 0));
    assert_eq!(fixture.user("good")["UserStatus"], "RESET_REQUIRED");

    let admin_only = Fixture::new(
        json!({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Priority": 1, "Name": "admin_only"}]}}),
    );
    admin_only.confirmed("good", &email);
    assert_eq!(
        admin_only
            .refused("AdminResetUserPassword", reset("good"))
            .code,
        "NotAuthorizedException"
    );
}
