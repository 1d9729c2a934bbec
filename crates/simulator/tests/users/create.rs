//! AdminCreateUser (facts C.1).

use serde_json::json;
use simulator::Config;

use crate::support::{Fixture, attribute, attribute_list, create_request};

const INVALID: &str = "InvalidParameterException";

#[test]
fn a_created_user_must_change_the_password_and_is_billed_and_gets_no_mail_when_it_is_suppressed() {
    let fixture = Fixture::new(json!({}));
    let user = fixture.create(
        "ada",
        &[("email", "ada@example.com"), ("email_verified", "true")],
    );
    assert_eq!(user["UserStatus"], "FORCE_CHANGE_PASSWORD");
    assert_eq!(user["Enabled"], true);
    assert!(attribute(&user["Attributes"], "sub").is_some());
    let evidence = fixture.simulator.evidence();
    assert_eq!((evidence.messages_sent, evidence.active_users), (0, 1));
}

#[test]
fn without_suppress_an_invitation_goes_out() {
    let fixture = Fixture::new(json!({}));
    let mut request = create_request("ada", &[("email", "ada@example.com")]);
    request["MessageAction"] = json!(null);
    request["DesiredDeliveryMediums"] = json!(["EMAIL"]);
    fixture.ok("AdminCreateUser", request);
    assert_eq!(fixture.simulator.evidence().messages["invitation EMAIL"], 1);
}

#[test]
fn the_default_sender_stops_after_fifty_mails_a_day_and_goes_on_the_next_day() {
    let fixture = Fixture::new(json!({}));
    let invite = |index: usize| {
        let mut request = create_request(
            &format!("user{index}"),
            &[("email", &format!("u{index}@example.com"))],
        );
        request["MessageAction"] = json!(null);
        fixture.call("AdminCreateUser", request)
    };
    for index in 0..50 {
        invite(index).expect("within the limit");
    }
    let refusal = invite(50).expect_err("over the limit");
    assert_eq!(refusal.code, "LimitExceededException");
    assert!(
        refusal
            .message
            .starts_with("Exceeded daily email limit for the operation or the account")
    );
    fixture
        .simulator
        .advance_clock(std::time::Duration::from_secs(24 * 60 * 60));
    invite(51).expect("a new day");
}

#[test]
fn an_existing_username_is_refused_in_the_pools_case_rule() {
    let sensitive = Fixture::new(json!({}));
    sensitive.create("ada", &[]);
    sensitive.refuses(
        "AdminCreateUser",
        create_request("ada", &[]),
        "UsernameExistsException",
        "User account already exists",
    );
    sensitive.create("Ada", &[]);
    let insensitive = Fixture::new(json!({"UsernameConfiguration": {"CaseSensitive": false}}));
    insensitive.create("ada", &[]);
    assert_eq!(
        insensitive
            .refused("AdminCreateUser", create_request("ADA", &[]))
            .code,
        "UsernameExistsException"
    );
}

#[test]
fn attributes_are_checked_and_the_nearest_good_value_is_stored() {
    let schema = json!([
        {"Name": "custom:rank", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "5"}},
        {"Name": "custom:team", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "2", "MaxLength": "4"}},
        {"Name": "custom:flag", "AttributeDataType": "Boolean"},
        {"Name": "dev:custom:note", "AttributeDataType": "String", "DeveloperOnlyAttribute": true},
        {"Name": "custom:fixed", "AttributeDataType": "String", "Mutable": false},
    ]);
    let fixture = Fixture::new(json!({"SchemaAttributes": schema}));
    let long = "x".repeat(2049);
    let limit = "x".repeat(2048);
    let wide = "あ".repeat(683);
    let refused: [(&str, &str, &str); 15] = [
        (
            "sub",
            "c4e824c8-a001-701e-0000-000000000000",
            "Cannot modify the non-mutable attribute sub",
        ),
        (
            "identities",
            "[]",
            "Cannot modify the non-mutable attribute identities",
        ),
        (
            "cognito:user_status",
            "CONFIRMED",
            "Cannot modify the non-mutable attribute cognito:user_status",
        ),
        (
            "custom:unknown",
            "x",
            "Attributes did not conform to the schema: custom:unknown: Attribute does not exist in the schema.\n",
        ),
        ("email", "no address", "Invalid email address format."),
        ("phone_number", "0049123", "Invalid phone number format."),
        (
            "birthdate",
            "01/02/1985",
            "Attributes did not conform to the schema: birthdate: Invalid value for attribute, expected YYYY-MM-DD\n",
        ),
        (
            "updated_at",
            "yesterday",
            "Attributes did not conform to the schema: updated_at: Number is not valid\n",
        ),
        (
            "custom:rank",
            "6",
            "Attributes did not conform to the schema: custom:rank: Number is out of range\n",
        ),
        (
            "custom:team",
            "x",
            "Attributes did not conform to the schema: custom:team: String must be at least 2 characters\n",
        ),
        (
            "custom:team",
            "xxxxx",
            "Attributes did not conform to the schema: custom:team: String must be no longer than 4 characters\n",
        ),
        (
            "custom:flag",
            "yes",
            "Attributes did not conform to the schema: custom:flag: Boolean must be true or false\n",
        ),
        (
            "email_verified",
            "true",
            "Email is required to verify/un-verify an email",
        ),
        (
            "phone_number_verified",
            "true",
            "Phone Number is required to verify/un-verify a phone number",
        ),
        (
            "name",
            &wide,
            "Attributes did not conform to the schema: name: String must be no longer than 2048 characters\n",
        ),
    ];
    for (name, value, message) in refused {
        fixture.refuses(
            "AdminCreateUser",
            create_request("u", &[(name, value)]),
            INVALID,
            message,
        );
    }
    assert_eq!(
        fixture
            .refused("AdminCreateUser", create_request("u", &[("name", &long)]))
            .code,
        INVALID
    );
    let accepted: [&[(&str, &str)]; 12] = [
        &[("email", "a@example.com"), ("email_verified", "true")],
        &[
            ("phone_number", "+49123456"),
            ("phone_number_verified", "false"),
        ],
        &[("birthdate", "1985-02-01")],
        &[("updated_at", "1471453471")],
        &[("custom:rank", "5")],
        &[("custom:team", "xx")],
        &[("custom:team", "xxxx")],
        &[("custom:flag", "true")],
        &[("dev:custom:note", "for developers")],
        &[("custom:fixed", "set once")],
        &[("name", &limit)],
        &[("name", "Zoë \"山田\" 👩‍👩‍👧‍👦\n\u{202e}, back\\slash")],
    ];
    for (index, attributes) in accepted.into_iter().enumerate() {
        let user = fixture.create(&format!("user{index}"), attributes);
        for (name, value) in attributes {
            assert_eq!(
                attribute(&user["Attributes"], name).as_deref(),
                Some(*value),
                "{name}"
            );
        }
    }
}

#[test]
fn a_required_attribute_may_be_missing_only_if_it_is_mutable() {
    let required = |mutable: bool| {
        json!({"SchemaAttributes": [
            {"Name": "family_name", "AttributeDataType": "String", "Mutable": mutable, "Required": true},
        ]})
    };
    Fixture::new(required(true)).create("ada", &[]);
    let fixture = Fixture::new(required(false));
    fixture.refuses(
        "AdminCreateUser",
        create_request("ada", &[]),
        INVALID,
        "Attributes did not conform to the schema: family_name: The attribute family_name is required\n",
    );
    fixture.create("ada", &[("family_name", "Lovelace")]);
}

#[test]
fn a_passwordless_pool_makes_confirmed_users_when_no_password_is_given_and_then_wants_all_required_attributes()
 {
    let fixture = Fixture::new(json!({
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
        "SchemaAttributes": [{"Name": "email", "AttributeDataType": "String", "Mutable": true, "Required": true}],
    }));
    let user = fixture.create("ada", &[("email", "ada@example.com")]);
    assert_eq!(user["UserStatus"], "CONFIRMED");
    assert_eq!(
        fixture
            .refused("AdminCreateUser", create_request("grace", &[]))
            .code,
        INVALID
    );
    let mut with_password = create_request("grace", &[]);
    with_password["TemporaryPassword"] = json!("Temp0rary!");
    let user = fixture.ok("AdminCreateUser", with_password);
    assert_eq!(user["User"]["UserStatus"], "FORCE_CHANGE_PASSWORD");
}

#[test]
fn a_temporary_password_must_suit_the_policy() {
    let fixture = Fixture::new(json!({}));
    let with = |password: &str| {
        let mut request = create_request("ada", &[]);
        request["TemporaryPassword"] = json!(password);
        request
    };
    for (password, what) in [
        ("Sh0rt!", "Password not long enough"),
        ("nouppercase1!", "Password must have uppercase characters"),
        ("NOLOWERCASE1!", "Password must have lowercase characters"),
        ("NoNumbers!!", "Password must have numeric characters"),
        ("NoSymbols11", "Password must have symbol characters"),
    ] {
        let message = format!("Password did not conform with policy: {what}");
        fixture.refuses(
            "AdminCreateUser",
            with(password),
            "InvalidPasswordException",
            &message,
        );
    }
    fixture.ok("AdminCreateUser", with("G00d!pass"));
}

#[test]
fn in_a_pool_that_signs_in_by_email_the_username_is_an_address_and_becomes_the_sub() {
    let fixture = Fixture::new(json!({"UsernameAttributes": ["email", "phone_number"]}));
    fixture.refuses(
        "AdminCreateUser",
        create_request("ada", &[]),
        INVALID,
        "Username should be either an email or a phone number.",
    );
    let user = fixture.create("ada@example.com", &[("email_verified", "true")]);
    let sub = attribute(&user["Attributes"], "sub").expect("a sub");
    assert_eq!(user["Username"], json!(sub));
    assert_eq!(
        attribute(&user["Attributes"], "email").as_deref(),
        Some("ada@example.com")
    );
    let phone = fixture.create("+49123456", &[]);
    assert_eq!(
        attribute(&phone["Attributes"], "phone_number").as_deref(),
        Some("+49123456")
    );
    fixture.refuses(
        "AdminCreateUser",
        create_request("ada@example.com", &[]),
        "UsernameExistsException",
        "An account with the given email already exists.",
    );
    assert_eq!(fixture.user("ada@example.com")["Username"], json!(sub));
    assert_eq!(fixture.user(&sub)["Username"], json!(sub));
    let email_only = Fixture::new(json!({"UsernameAttributes": ["email"]}));
    email_only.refuses(
        "AdminCreateUser",
        create_request("+49123456", &[]),
        INVALID,
        "Username should be an email.",
    );
}

#[test]
fn in_a_pool_with_aliases_the_username_is_shaped_like_none_of_them() {
    let fixture = Fixture::new(json!({"AliasAttributes": ["email"]}));
    fixture.refuses(
        "AdminCreateUser",
        create_request("ada@example.com", &[]),
        INVALID,
        "Username cannot be of email format, since user pool is configured for email alias",
    );
    fixture.create("+49123456", &[]);
    Fixture::new(json!({})).create("ada@example.com", &[]);
    let phone = Fixture::new(json!({"AliasAttributes": ["phone_number"]}));
    assert_eq!(
        phone
            .refused("AdminCreateUser", create_request("+49123456", &[]))
            .code,
        INVALID
    );
}

#[test]
fn a_verified_alias_belongs_to_one_user_and_moves_only_by_force() {
    let fixture = Fixture::new(json!({"AliasAttributes": ["email"]}));
    let verified = [("email", "ada@example.com"), ("email_verified", "true")];
    fixture.create("ada", &verified);
    // Not verified, the same address is no alias and no conflict.
    fixture.create("unverified", &[("email", "ada@example.com")]);
    let refusal = fixture.refused("AdminCreateUser", create_request("thief", &verified));
    assert_eq!(refusal.code, "AliasExistsException");
    assert_eq!(fixture.user("ada@example.com")["Username"], "ada");
    let mut force = create_request("thief", &verified);
    force["ForceAliasCreation"] = json!(true);
    fixture.ok("AdminCreateUser", force);
    assert_eq!(fixture.user("ada@example.com")["Username"], "thief");
    assert_eq!(
        fixture.attribute("ada", "email").as_deref(),
        Some("ada@example.com")
    );
    assert_eq!(fixture.attribute("ada", "email_verified"), None);
}

#[test]
fn resend_works_for_users_who_have_not_signed_in_yet() {
    let fixture = Fixture::new(json!({}));
    fixture.create("new", &[("email", "new@example.com")]);
    fixture.confirmed("old", &[]);
    let resend = |username: &str| json!({"Username": username, "MessageAction": "RESEND"});
    fixture.ok("AdminCreateUser", resend("new"));
    assert_eq!(fixture.simulator.evidence().messages_sent, 1);
    assert_eq!(
        fixture.refused("AdminCreateUser", resend("old")).code,
        "UnsupportedUserStateException"
    );
    assert_eq!(
        fixture.refused("AdminCreateUser", resend("nobody")).code,
        "UserNotFoundException"
    );
}

#[test]
fn triggers_fire_as_evidence_and_custom_message_only_with_a_message() {
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:f";
    let fixture = Fixture::new(json!({"LambdaConfig": {"PreSignUp": arn, "CustomMessage": arn}}));
    fixture.create("silent", &[("email", "a@example.com")]);
    let fired = fixture.simulator.evidence().trigger_invocations;
    assert_eq!(
        (fired.get("PreSignUp"), fired.get("CustomMessage")),
        (Some(&1), None)
    );
    fixture.ok("AdminCreateUser", json!({"Username": "loud", "UserAttributes": attribute_list(&[("email", "b@example.com")])}));
    let fired = fixture.simulator.evidence().trigger_invocations;
    assert_eq!(
        (fired.get("PreSignUp"), fired.get("CustomMessage")),
        (Some(&2), Some(&1))
    );
}

#[test]
fn usernames_at_their_limits_are_accepted_and_beyond_refused() {
    let fixture = Fixture::with(Config::default(), json!({}));
    fixture.create(&"u".repeat(128), &[]);
    fixture.create("用户👤,\"q\"\\", &[]);
    let refusal = fixture.refused("AdminCreateUser", create_request(&"u".repeat(129), &[]));
    assert_eq!(
        refusal.message,
        "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"
    );
    assert_eq!(
        fixture
            .refused("AdminCreateUser", create_request("with space", &[]))
            .code,
        INVALID
    );
}

#[test]
fn most_operations_take_the_sub_for_the_username() {
    let fixture = Fixture::new(json!({}));
    let user = fixture.create("ada", &[]);
    let sub = attribute(&user["Attributes"], "sub").expect("a sub");
    assert_eq!(fixture.user(&sub)["Username"], "ada");
    fixture.refuses(
        "AdminGetUser",
        json!({"Username": "nobody"}),
        "UserNotFoundException",
        "User does not exist.",
    );
}
