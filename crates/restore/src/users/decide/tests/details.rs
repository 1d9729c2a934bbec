//! Attributes, factors, links, and any user at all.

use proptest::prelude::*;

use super::*;

#[test]
fn all_attributes_go_into_the_creating_call_but_cognitos_own() {
    let pool = pool();
    let record = user(
        "CONFIRMED",
        &[
            ("email", "a@b.c"),
            ("email_verified", "true"),
            ("phone_number_verified", "false"),
            ("custom:fixed", "1"),
            ("dev:custom:fixed", "2"),
            ("identities", "[]"),
            ("cognito:user_status", "CONFIRMED"),
            ("name", ""),
            ("custom:gone", "x"),
        ],
    );
    let plan = plan(&record, &circumstances(&pool));
    let names: Vec<&str> = plan.attributes.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "custom:fixed",
            "dev:custom:fixed",
            "email",
            "email_verified"
        ]
    );
    assert!(plan.later.is_empty());
    assert_eq!(
        announced(&plan),
        ["users/1-2/custom:gone"],
        "only what is really lost is a loss"
    );
}

#[test]
fn after_a_sign_up_follows_what_the_user_could_not_have_written() {
    let pool = pool();
    let attributes = [
        ("email", "a@b.c"),
        ("email_verified", "true"),
        ("phone_number", "+1"),
        ("phone_number_verified", "false"),
        ("custom:fixed", "1"),
        ("dev:custom:note", "2"),
        ("dev:custom:fixed", "3"),
    ];
    let plan = plan(&user("UNCONFIRMED", &attributes), &circumstances(&pool));
    let names = |attributes: &Attributes| {
        attributes
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&plan.attributes),
        ["custom:fixed", "email", "phone_number"]
    );
    assert_eq!(names(&plan.later), ["dev:custom:note", "email_verified"]);
    assert_eq!(announced(&plan), ["users/1-2/dev:custom:fixed"]);
}

#[test]
fn the_old_sub_is_kept_where_the_schema_has_room_and_only_the_first_one() {
    let full = pool();
    let circumstances = Circumstances {
        legacy_sub_attribute: Some("custom:legacy_sub"),
        ..circumstances(&full)
    };
    let legacy = |record: &UserRecord, circumstances: &Circumstances<'_>| {
        plan(record, circumstances)
            .attributes
            .get("custom:legacy_sub")
            .map(str::to_owned)
    };
    assert_eq!(
        legacy(&user("CONFIRMED", &[]), &circumstances).as_deref(),
        Some("1-2")
    );
    let restored_before = user("CONFIRMED", &[("custom:legacy_sub", "0-1")]);
    assert_eq!(
        legacy(&restored_before, &circumstances).as_deref(),
        Some("0-1")
    );
    let mut without = pool();
    without.schema.remove("custom:legacy_sub");
    let circumstances = Circumstances {
        pool: &without,
        ..circumstances
    };
    assert_eq!(legacy(&user("CONFIRMED", &[]), &circumstances), None);
}

#[test]
fn sms_and_email_mfa_come_back_and_authenticator_apps_are_counted() {
    let pool = pool();
    let both = [("email", "a@b.c"), ("phone_number", "+1")];
    let on = |preferred: bool| json!({"Enabled": true, "PreferredMfa": preferred});
    for (attributes, factors, preferred, sms, email, lost_totp, findings) in [
        (
            &both[..],
            vec!["SMS_MFA"],
            Some("SMS_MFA"),
            Some(on(true)),
            None,
            false,
            0,
        ),
        (
            &both,
            vec!["SMS_MFA", "EMAIL_OTP"],
            Some("EMAIL_OTP"),
            Some(on(false)),
            Some(on(true)),
            false,
            0,
        ),
        (
            &both,
            vec!["SOFTWARE_TOKEN_MFA", "SMS_MFA"],
            Some("SOFTWARE_TOKEN_MFA"),
            Some(on(false)),
            None,
            true,
            0,
        ),
        (&both, vec!["WEB_AUTHN_MFA"], None, None, None, false, 0),
        (&[], vec!["SMS_MFA"], Some("SMS_MFA"), None, None, false, 1),
        (&[], vec![], None, None, None, false, 0),
    ] {
        let mut record = user("CONFIRMED", attributes);
        record.mfa_settings = Some(factors.iter().map(|factor| (*factor).to_owned()).collect());
        record.preferred_mfa = preferred.map(str::to_owned);
        let plan = plan(&record, &circumstances(&pool));
        assert_eq!(plan.mfa.get("SMSMfaSettings"), sms.as_ref(), "{factors:?}");
        assert_eq!(
            plan.mfa.get("EmailMfaSettings"),
            email.as_ref(),
            "{factors:?}"
        );
        assert_eq!(
            (plan.lost_totp, plan.findings.len()),
            (lost_totp, findings),
            "{factors:?}"
        );
    }
}

#[test]
fn the_legacy_sms_setting_of_a_list_comes_back_when_nothing_else_is_known() {
    let pool = pool();
    let mut record = user("CONFIRMED", &[("phone_number", "+1")]);
    record.rest.insert(
        "MFAOptions".into(),
        json!([{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]),
    );
    assert!(
        plan(&record, &circumstances(&pool))
            .mfa
            .contains_key("SMSMfaSettings")
    );
    record.mfa_settings = Some(Vec::new());
    assert!(
        plan(&record, &circumstances(&pool)).mfa.is_empty(),
        "what was read counts"
    );
}

#[test]
fn only_links_that_the_backup_can_tell_are_made_again() {
    let pool = pool();
    let identity = |provider: &str, kind: &str, primary: bool| json!({"userId": "7", "providerName": provider, "providerType": kind, "primary": primary});
    let identities = json!([
        identity("Google", "Google", false),
        identity("Google", "Google", true),
        identity("okta", "SAML", false),
        identity("Facebook", "Facebook", false),
    ]);
    let plan = plan(
        &user("CONFIRMED", &[("identities", &identities.to_string())]),
        &circumstances(&pool),
    );
    assert_eq!(plan.links.len(), 1);
    assert_eq!(announced(&plan), ["users/1-2/identities"; 2]);
    assert!(
        plan.findings[0].reason.contains("okta") && plan.findings[1].reason.contains("Facebook")
    );
}

#[test]
fn findings_hold_the_old_sub_and_nothing_personal() {
    let pool = pool();
    let record = user(
        "ARCHIVED",
        &[("custom:gone", "secret@example.com"), ("email", "a@b.c")],
    );
    let text = serde_json::to_string(&plan(&record, &circumstances(&pool)).findings).unwrap();
    assert!(
        text.contains("1-2")
            && !text.contains("secret")
            && !text.contains("a@b.c")
            && !text.contains("\"ann\"")
    );
}

#[test]
fn who_may_have_a_preference_that_the_backup_did_not_read_is_counted() {
    let pool = pool();
    let with_phone = [("email", "a@b.c"), ("phone_number", "+15550100")];
    for (mode, attributes, read, lost) in [
        ("OPTIONAL", &with_phone[..], false, true),
        ("ON", &with_phone[..], false, true),
        ("OPTIONAL", &with_phone[..], true, false),
        ("OPTIONAL", &with_phone[..1], false, false),
        ("OFF", &with_phone[..], false, false),
    ] {
        let mut record = user("CONFIRMED", attributes);
        record.mfa_settings = read.then(Vec::new);
        let circumstances = Circumstances {
            mfa_factors: mfa_factors(mode),
            ..circumstances(&pool)
        };
        let plan = plan(&record, &circumstances);
        assert_eq!(
            plan.mfa_not_read,
            lost,
            "{mode} {} {read}",
            attributes.len()
        );
    }
}

fn statuses() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("UNCONFIRMED".to_owned()),
        Just("CONFIRMED".to_owned()),
        Just("ARCHIVED".to_owned()),
        Just("COMPROMISED".to_owned()),
        Just("UNKNOWN".to_owned()),
        Just("RESET_REQUIRED".to_owned()),
        Just("FORCE_CHANGE_PASSWORD".to_owned()),
        Just("EXTERNAL_PROVIDER".to_owned()),
        "[A-Z_]{1,12}",
    ]
}

proptest! {
    #[test]
    fn any_user_of_any_pool_ends_in_a_plan_or_a_reason(
        status in statuses(),
        values in proptest::collection::vec(any::<String>(), 5),
        [email_name, phone_name, passwordless, self_sign_up, in_bulk, sign_up, import, auto] in any::<[bool; 8]>(),
    ) {
        let mut pool = pool();
        pool.username_attributes.extend(email_name.then_some(Contact::Email));
        pool.username_attributes.extend(phone_name.then_some(Contact::PhoneNumber));
        pool.passwordless = passwordless;
        pool.self_sign_up = self_sign_up;
        pool.auto_verified.extend(auto.then_some(Contact::Email));
        let names = ["email", "email_verified", "phone_number", "custom:plan", "identities"];
        let attributes: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
        let by = [Contact::Email];
        let circumstances = Circumstances {
            import_by: if import { &by } else { &[] },
            in_bulk,
            sign_up,
            ..circumstances(&pool)
        };
        match decide(&user(&status, &attributes), &circumstances) {
            Decision::Federated => prop_assert_eq!(status, "EXTERNAL_PROVIDER"),
            Decision::Impossible(finding) => {
                prop_assert!(email_name || phone_name);
                prop_assert_eq!(finding.announces, ["users/1-2"]);
            }
            Decision::Make(plan) => {
                // Neither a code, nor a job where there is none, nor an attribute that is refused.
                prop_assert!(!plan.sign_in.is_empty());
                prop_assert!(plan.way != Way::SignUp || sign_up && self_sign_up);
                prop_assert!(plan.way != Way::SignUp || !auto || plan.attributes.get("email").is_none());
                prop_assert!(!plan.way.is_import() || import);
                for (name, value) in plan.attributes.iter().chain(plan.later.iter()) {
                    prop_assert!(pool.schema.contains_key(name) && !value.is_empty(), "{}", name);
                }
                prop_assert!(plan.attributes.get("email_verified").is_none() || plan.attributes.get("email").is_some());
            }
        }
    }
}
