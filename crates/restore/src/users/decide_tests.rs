use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::pool::AttributeRule;
use super::*;

const MUTABLE: AttributeRule = AttributeRule {
    mutable: true,
    required: false,
};
const IMMUTABLE: AttributeRule = AttributeRule {
    mutable: false,
    required: false,
};

/// A new pool before its final settings: nothing is verified at sign-up, no functions.
fn pool() -> TargetPool {
    let names = [
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "name",
        "birthdate",
        "custom:plan",
        "custom:legacy_sub",
        "dev:custom:note",
    ];
    let mut schema: BTreeMap<_, _> = names.map(|name| (name.to_owned(), MUTABLE)).into();
    schema.insert("custom:fixed".into(), IMMUTABLE);
    schema.insert("dev:custom:fixed".into(), IMMUTABLE);
    TargetPool {
        case_sensitive: true,
        schema,
        minimum_length: 8,
        self_sign_up: true,
        recovery: Contact::ALL.to_vec(),
        providers: ["Google", "okta"].map(str::to_owned).into(),
        ..TargetPool::default()
    }
}

fn circumstances(pool: &TargetPool) -> Circumstances<'_> {
    Circumstances {
        pool,
        legacy_sub_attribute: None,
        import_by: &[Contact::Email],
        in_bulk: false,
        sign_up: true,
    }
}

fn user(status: &str, attributes: &[(&str, &str)]) -> UserRecord {
    let mut list = vec![json!({"Name": "sub", "Value": "1-2"})];
    list.extend(
        attributes
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value})),
    );
    serde_json::from_value(json!({"Username": "ann", "Attributes": list, "UserStatus": status}))
        .unwrap()
}

const WITH_EMAIL: &[(&str, &str)] = &[("email", "a@b.c"), ("email_verified", "true")];
const UNVERIFIED: &[(&str, &str)] = &[("email", "a@b.c")];

fn plan(record: &UserRecord, circumstances: &Circumstances<'_>) -> UserPlan {
    match decide(record, circumstances) {
        Decision::Make(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

fn announced(plan: &UserPlan) -> Vec<&str> {
    plan.findings
        .iter()
        .flat_map(|finding| &finding.announces)
        .map(String::as_str)
        .collect()
}

#[test]
fn every_status_comes_back_by_its_way() {
    let status = "users/1-2/UserStatus";
    for (name, attributes, in_bulk, passwordless, way, told) in [
        (
            "CONFIRMED",
            WITH_EMAIL,
            false,
            false,
            Way::PermanentPassword,
            vec![],
        ),
        (
            "CONFIRMED",
            WITH_EMAIL,
            true,
            false,
            Way::ImportConfirmed,
            vec![],
        ),
        (
            "CONFIRMED",
            WITH_EMAIL,
            true,
            true,
            Way::ImportConfirmed,
            vec![],
        ),
        (
            "CONFIRMED",
            WITH_EMAIL,
            false,
            true,
            Way::PermanentPassword,
            vec![],
        ),
        (
            "CONFIRMED",
            UNVERIFIED,
            true,
            false,
            Way::PermanentPassword,
            vec![],
        ),
        (
            "FORCE_CHANGE_PASSWORD",
            WITH_EMAIL,
            true,
            false,
            Way::TemporaryPassword,
            vec![],
        ),
        (
            "FORCE_CHANGE_PASSWORD",
            WITH_EMAIL,
            true,
            true,
            Way::TemporaryPassword,
            vec![],
        ),
        ("UNCONFIRMED", UNVERIFIED, true, false, Way::SignUp, vec![]),
        ("UNCONFIRMED", &[], false, true, Way::SignUp, vec![]),
        (
            "RESET_REQUIRED",
            WITH_EMAIL,
            false,
            false,
            Way::ImportReset,
            vec![],
        ),
        (
            "RESET_REQUIRED",
            UNVERIFIED,
            true,
            false,
            Way::PermanentPassword,
            vec![status],
        ),
        (
            "RESET_REQUIRED",
            WITH_EMAIL,
            true,
            true,
            Way::PermanentPassword,
            vec![status],
        ),
    ] {
        let pool = TargetPool {
            passwordless,
            ..pool()
        };
        let circumstances = Circumstances {
            in_bulk,
            ..circumstances(&pool)
        };
        let plan = plan(&user(name, attributes), &circumstances);
        assert_eq!(
            plan.way, way,
            "{name} {attributes:?} {in_bulk} {passwordless}"
        );
        assert_eq!(announced(&plan), told, "{name}");
        assert!(!plan.disable, "{name}");
    }
}

#[test]
fn retired_statuses_come_back_confirmed_and_disabled_and_are_told() {
    let pool = pool();
    for status in ["ARCHIVED", "COMPROMISED", "UNKNOWN", "FROZEN"] {
        let plan = plan(&user(status, WITH_EMAIL), &circumstances(&pool));
        assert_eq!(
            (plan.way, plan.disable),
            (Way::PermanentPassword, true),
            "{status}"
        );
        assert_eq!(
            announced(&plan),
            ["users/1-2/UserStatus", "users/1-2/Enabled"]
        );
    }
}

#[test]
fn federated_profiles_are_left_to_cognito() {
    let pool = pool();
    let decision = decide(
        &user("EXTERNAL_PROVIDER", WITH_EMAIL),
        &circumstances(&pool),
    );
    assert_eq!(decision, Decision::Federated);
}

#[test]
fn without_a_role_or_by_calls_only_reset_required_becomes_confirmed_and_is_told() {
    let pool = pool();
    let circumstances = Circumstances {
        import_by: &[],
        ..circumstances(&pool)
    };
    let plan = plan(&user("RESET_REQUIRED", WITH_EMAIL), &circumstances);
    assert_eq!(plan.way, Way::PermanentPassword);
    assert_eq!(plan.findings[0].kind, FindingKind::Degraded);
}

#[test]
fn a_sign_up_that_would_reach_the_user_or_fail_is_not_made() {
    let open = pool();
    let verifying = TargetPool {
        auto_verified: vec![Contact::Email],
        ..pool()
    };
    let closed = TargetPool {
        self_sign_up: false,
        ..pool()
    };
    let triggered = TargetPool {
        has_sign_up_trigger: true,
        ..pool()
    };
    let mut demanding = pool();
    demanding.schema.insert(
        "name".into(),
        AttributeRule {
            required: true,
            ..MUTABLE
        },
    );
    for (pool, sign_up, attributes, way) in [
        (&open, true, UNVERIFIED, Way::SignUp),
        (&open, false, UNVERIFIED, Way::TemporaryPassword),
        (&verifying, true, UNVERIFIED, Way::TemporaryPassword),
        (
            &verifying,
            true,
            &[("phone_number", "+15550100")][..],
            Way::SignUp,
        ),
        (&closed, true, UNVERIFIED, Way::TemporaryPassword),
        (&triggered, true, UNVERIFIED, Way::TemporaryPassword),
        (&demanding, true, UNVERIFIED, Way::TemporaryPassword),
    ] {
        let circumstances = Circumstances {
            sign_up,
            ..circumstances(pool)
        };
        let plan = plan(&user("UNCONFIRMED", attributes), &circumstances);
        assert_eq!(plan.way, way, "{attributes:?}");
        assert_eq!(plan.findings.is_empty(), way == Way::SignUp);
    }
}

#[test]
fn every_kind_of_pool_makes_users_by_the_name_it_takes() {
    let contacts = |list: &[Contact]| TargetPool {
        username_attributes: list.to_vec(),
        ..pool()
    };
    let (own, email, phone, both) = (
        contacts(&[]),
        contacts(&[Contact::Email]),
        contacts(&[Contact::PhoneNumber]),
        contacts(&Contact::ALL),
    );
    let full: &[(&str, &str)] = &[("email", "a@b.c"), ("phone_number", "+1")];
    let only_phone: &[(&str, &str)] = &[("phone_number", "+1"), ("email", "")];
    for (pool, attributes, name) in [
        (&own, full, Some("ann")),
        (&own, &[][..], Some("ann")),
        (&email, full, Some("a@b.c")),
        (&email, only_phone, None),
        (&phone, full, Some("+1")),
        (&phone, UNVERIFIED, None),
        (&both, full, Some("a@b.c")),
        (&both, only_phone, Some("+1")),
        (&both, &[][..], None),
    ] {
        match (
            decide(&user("CONFIRMED", attributes), &circumstances(pool)),
            name,
        ) {
            (Decision::Make(plan), Some(name)) => assert_eq!(plan.sign_in, name),
            (Decision::Impossible(finding), None) => assert_eq!(finding.announces, ["users/1-2"]),
            (decision, name) => panic!("{name:?}: {decision:?}"),
        }
    }
}

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
        [
            "users/1-2/phone_number_verified",
            "users/1-2/name",
            "users/1-2/custom:gone"
        ]
    );
    let degraded = plan
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::Degraded);
    assert_eq!(degraded.count(), 1, "only what is really lost is a loss");
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
fn who_can_reset_a_password_depends_on_contacts_and_on_the_pools_recovery() {
    let by_email = TargetPool {
        recovery: vec![Contact::Email],
        ..pool()
    };
    let by_nobody = TargetPool {
        recovery: Vec::new(),
        ..pool()
    };
    for (pool, status, attributes, can) in [
        (&by_email, "CONFIRMED", WITH_EMAIL, Some(true)),
        (&by_email, "CONFIRMED", UNVERIFIED, Some(false)),
        (&by_nobody, "CONFIRMED", WITH_EMAIL, Some(false)),
        (&by_email, "RESET_REQUIRED", WITH_EMAIL, Some(true)),
        (&by_email, "FORCE_CHANGE_PASSWORD", WITH_EMAIL, None),
        (&by_email, "UNCONFIRMED", UNVERIFIED, None),
    ] {
        let plan = plan(&user(status, attributes), &circumstances(pool));
        assert_eq!(plan.can_reset_password, can, "{status} {attributes:?}");
    }
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
