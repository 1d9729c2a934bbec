use std::collections::BTreeMap;

use model::document::BackupHead;

mod details;

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
        mfa_factors: mfa_factors("OFF"),
        known_passwords: false,
    }
}

/// Those of a pool whose MFA, by text message only, is `OPTIONAL` or `OFF`.
fn mfa_factors(mode: &str) -> MfaFactors {
    let began = "2026-03-07T09:05:02Z".parse().unwrap();
    let mut head = BackupHead::new("us-east-1_Old".parse().unwrap(), began);
    let settings = json!({
        "MfaConfiguration": mode,
        "SmsMfaConfiguration": {"SmsConfiguration": {}},
    });
    head.set(Section::MfaConfiguration, settings);
    MfaFactors::of(&head)
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
        assert_eq!(plan.findings.len(), 1, "{status}");
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
