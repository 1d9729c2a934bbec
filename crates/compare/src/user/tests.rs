use super::*;
use serde_json::json;

fn user(value: Value) -> UserRecord {
    serde_json::from_value(value).unwrap()
}

fn ann() -> Value {
    json!({
        "Username": "ann", "UserStatus": "CONFIRMED", "Enabled": true, "UserCreateDate": 1.0,
        "Attributes": [
            {"Name": "sub", "Value": "1-2"}, {"Name": "email", "Value": "Ann@example.com"},
            {"Name": "email_verified", "Value": "true"},
        ],
    })
}

#[test]
fn users_are_told_apart_by_what_they_sign_in_with() {
    let moved = |username: &str, email: &str| {
        let mut value = ann();
        value["Username"] = username.into();
        value["Attributes"][1]["Value"] = email.into();
        user(value)
    };
    let by_email = SignIn::of(
        &json!({"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}}),
    );
    let by_name = SignIn::of(&json!({}));
    let case_insensitive = SignIn::of(&json!({"UsernameConfiguration": {"CaseSensitive": false}}));
    for (sign_in, one, other, same) in [
        (
            &by_email,
            moved("u1", "ann@example.com"),
            moved("u2", "ANN@example.com"),
            true,
        ),
        (
            &by_email,
            moved("u1", "ann@example.com"),
            moved("u1", "bob@example.com"),
            false,
        ),
        (
            &by_name,
            moved("ann", "a@example.com"),
            moved("ann", "b@example.com"),
            true,
        ),
        (
            &by_name,
            moved("ann", "a@example.com"),
            moved("Ann", "a@example.com"),
            false,
        ),
        (
            &case_insensitive,
            moved("ann", "a@example.com"),
            moved("Ann", "b@example.com"),
            true,
        ),
    ] {
        assert_eq!(sign_in.key(&one) == sign_in.key(&other), same);
    }
}

#[test]
fn what_no_restore_keeps_is_not_compared_and_everything_else_is() {
    let likeness = Likeness::new(Some("legacy"), ["zoneinfo"].into_iter());
    let alter = |change: fn(&mut Value)| {
        let mut value = ann();
        change(&mut value);
        user(value)
    };
    let before = likeness.content(&user(ann()), false);
    for (same, changed) in [
        (true, alter(|u| u["Attributes"][0]["Value"] = "3-4".into())),
        (true, alter(|u| u["UserCreateDate"] = 2.0.into())),
        (
            true,
            alter(|u| u["Attributes"].as_array_mut().unwrap().reverse()),
        ),
        (
            true,
            alter(|u| {
                u["Attributes"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"Name": "custom:legacy", "Value": "1-2"}))
            }),
        ),
        (
            true,
            alter(|u| {
                u["Attributes"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"Name": "zoneinfo", "Value": "UTC"}))
            }),
        ),
        (
            true,
            alter(|u| u["UserMFASettingList"] = json!(["SMS_MFA"])),
        ),
        (
            true,
            alter(|u| {
                let attributes = u["Attributes"].as_array_mut().unwrap();
                attributes.push(json!({"Name": "nickname", "Value": ""}));
                attributes.push(json!({"Name": "phone_number_verified", "Value": "true"}));
            }),
        ),
        (
            false,
            alter(|u| u["Attributes"][1]["Value"] = "ann@example.org".into()),
        ),
        (
            false,
            alter(|u| u["Attributes"][2]["Value"] = "false".into()),
        ),
        (
            false,
            alter(|u| {
                u["Attributes"].as_array_mut().unwrap().pop();
            }),
        ),
        (false, alter(|u| u["UserStatus"] = "UNCONFIRMED".into())),
        (false, alter(|u| u["Enabled"] = false.into())),
        (
            false,
            alter(|u| {
                u["Attributes"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"Name": "custom:plan", "Value": "x"}))
            }),
        ),
    ] {
        assert_eq!(
            likeness.content(&changed, false) == before,
            same,
            "{:?}",
            likeness.members(&changed, false).keys()
        );
    }
}

#[test]
fn statuses_of_the_past_count_as_confirmed_and_disabled() {
    let likeness = Likeness::default();
    let with = |status: &str, enabled: bool| {
        let mut value = ann();
        value["UserStatus"] = status.into();
        value["Enabled"] = enabled.into();
        likeness.content(&user(value), false)
    };
    for status in ["ARCHIVED", "COMPROMISED", "UNKNOWN"] {
        assert_eq!(with(status, true), with("CONFIRMED", false));
    }
}

#[test]
fn only_links_of_social_providers_are_compared() {
    let likeness = Likeness::default();
    let with = |identities: Value| {
        let mut value = ann();
        value["Attributes"]
            .as_array_mut()
            .unwrap()
            .push(json!({"Name": "identities", "Value": identities.to_string()}));
        likeness.content(&user(value), false)
    };
    let google = json!({"userId": "7", "providerName": "Google", "providerType": "Google", "primary": false, "dateCreated": 1});
    let later = json!({"userId": "7", "providerName": "Google", "providerType": "Google", "primary": "false", "dateCreated": 2});
    let okta =
        json!({"userId": "7", "providerName": "okta", "providerType": "SAML", "primary": false});
    assert_eq!(with(json!([google, okta])), with(json!([later])));
    assert_ne!(with(json!([google])), with(json!([])));
}

#[test]
fn of_the_factors_those_that_can_come_back_are_compared() {
    let likeness = Likeness::default();
    let with = |settings: Value, preferred: &str| {
        let mut value = ann();
        value["UserMFASettingList"] = settings;
        value["PreferredMfaSetting"] = preferred.into();
        user(value)
    };
    let both = with(
        json!(["SOFTWARE_TOKEN_MFA", "SMS_MFA"]),
        "SOFTWARE_TOKEN_MFA",
    );
    let mut sms: Value = ann();
    sms["UserMFASettingList"] = json!(["SMS_MFA"]);
    assert_eq!(
        likeness.content(&both, true),
        likeness.content(&user(sms), true)
    );
    assert!(has_mfa(&both));
    assert!(!has_mfa(&with(
        json!(["SOFTWARE_TOKEN_MFA"]),
        "SOFTWARE_TOKEN_MFA"
    )));
}
