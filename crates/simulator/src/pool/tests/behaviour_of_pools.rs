//! What Describe shows of a pool, and what an update leaves of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ACCOUNT, REGION, World, id};

fn attribute(pool: &Value, name: &str) -> Value {
    pool["SchemaAttributes"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|attribute| attribute["Name"] == name)
        .unwrap_or_else(|| panic!("there is no {name}"))
        .clone()
}

#[test]
fn a_pool_of_a_name_alone_has_the_defaults() {
    let world = World::new();
    let pool_id = world.pool(&json!({}));
    let pool = world.described(&pool_id);
    assert!(pool_id.starts_with("us-east-1_") && pool_id.len() == "us-east-1_".len() + 9);
    for (member, expected) in [
        ("Name", json!("pool")),
        (
            "Arn",
            json!(format!(
                "arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{pool_id}"
            )),
        ),
        ("UserPoolTier", json!("ESSENTIALS")),
        ("DeletionProtection", json!("INACTIVE")),
        ("MfaConfiguration", json!("OFF")),
        ("LambdaConfig", json!({})),
        (
            "EmailConfiguration",
            json!({"EmailSendingAccount": "COGNITO_DEFAULT"}),
        ),
        (
            "AdminCreateUserConfig",
            json!({"AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7}),
        ),
        (
            "VerificationMessageTemplate",
            json!({"DefaultEmailOption": "CONFIRM_WITH_CODE"}),
        ),
        ("EstimatedNumberOfUsers", json!(0)),
        (
            "AccountRecoverySetting",
            json!({"RecoveryMechanisms": [
                {"Priority": 1, "Name": "verified_email"},
                {"Priority": 2, "Name": "verified_phone_number"},
            ]}),
        ),
        ("KeyConfiguration", json!({"KeyType": "AWS_OWNED_KEY"})),
        ("IssuerConfiguration", json!({"Type": "ORIGINAL"})),
        ("UserPoolTags", json!({})),
        (
            "AcrConfiguration",
            json!({
                "Level1": {"AcrValue": "urn:cognito:loa:1"},
                "Level2": {"AcrValue": "urn:cognito:loa:2"},
                "Level3": {"AcrValue": "urn:cognito:loa:3"},
                "Level4": {"AcrValue": "urn:cognito:loa:4"},
            }),
        ),
        (
            "Policies",
            json!({
                "PasswordPolicy": {
                    "MinimumLength": 8,
                    "RequireUppercase": true,
                    "RequireLowercase": true,
                    "RequireNumbers": true,
                    "RequireSymbols": true,
                    "TemporaryPasswordValidityDays": 7,
                },
                "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]},
            }),
        ),
    ] {
        assert_eq!(pool[member], expected, "{member}");
    }
    for absent in [
        "UsernameConfiguration",
        "UserPoolAddOns",
        "SmsConfiguration",
        "Domain",
        "CustomDomain",
        "DeviceConfiguration",
    ] {
        assert_eq!(pool.get(absent), None, "{absent}");
    }
    assert_eq!(
        world.done("GetUserPoolMfaConfig", &json!({"UserPoolId": pool_id})),
        json!({"MfaConfiguration": "OFF"})
    );
}

#[test]
fn describe_shows_all_standard_attributes_and_the_full_names_of_custom_ones() {
    let world = World::new();
    let pool_id = world.pool(&json!({"Schema": [
        {"Name": "email", "AttributeDataType": "String", "Required": true, "Mutable": false},
        {"Name": "plan", "AttributeDataType": "Number", "Mutable": false, "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"}},
        {"Name": "note"},
        {"Name": "secret", "AttributeDataType": "String", "DeveloperOnlyAttribute": true},
        {"Name": "custom:x", "AttributeDataType": "Boolean"},
    ]}));
    let more = json!([{"Name": "email", "AttributeDataType": "DateTime"}]);
    world.done(
        "AddCustomAttributes",
        &json!({"UserPoolId": pool_id, "CustomAttributes": more}),
    );
    let pool = world.described(&pool_id);
    let names: Vec<String> = pool["SchemaAttributes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attribute| id(&attribute["Name"]))
        .collect();
    let standard: BTreeSet<&str> = [
        "sub",
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "email_verified",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
        "phone_number_verified",
        "address",
        "updated_at",
        "identities",
    ]
    .into();
    let custom = [
        "custom:plan",
        "custom:note",
        "dev:custom:secret",
        "custom:custom:x",
        "custom:email",
    ];
    assert_eq!(names.len(), standard.len() + custom.len());
    assert!(
        standard
            .iter()
            .chain(&custom)
            .all(|name| names.iter().any(|other| other == name))
    );
    assert_eq!(
        attribute(&pool, "email"),
        json!({
            "Name": "email", "AttributeDataType": "String", "DeveloperOnlyAttribute": false, "Mutable": false,
            "Required": true, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"},
        })
    );
    assert_eq!(
        attribute(&pool, "custom:plan"),
        json!({
            "Name": "custom:plan", "AttributeDataType": "Number", "DeveloperOnlyAttribute": false, "Mutable": false,
            "Required": false, "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"},
        })
    );
    assert_eq!(attribute(&pool, "custom:note")["Mutable"], true);
    assert_eq!(
        attribute(&pool, "dev:custom:secret")["DeveloperOnlyAttribute"],
        true
    );
    assert_eq!(
        attribute(&pool, "custom:custom:x").get("StringAttributeConstraints"),
        None
    );
    assert_eq!(
        attribute(&pool, "custom:email")["AttributeDataType"],
        "DateTime"
    );
}

#[test]
fn messages_stand_in_the_template_and_in_the_older_members_whichever_was_given() {
    let world = World::new();
    let pool_id = world.pool(&json!({
        "SmsVerificationMessage": "old {####}",
        "EmailVerificationMessage": "old {####}",
        "VerificationMessageTemplate": {"EmailMessage": "new {####}", "EmailSubject": "subject"},
    }));
    let pool = world.described(&pool_id);
    assert_eq!(pool["EmailVerificationMessage"], "new {####}");
    assert_eq!(pool["EmailVerificationSubject"], "subject");
    assert_eq!(pool["SmsVerificationMessage"], "old {####}");
    assert_eq!(
        pool["VerificationMessageTemplate"],
        json!({
            "SmsMessage": "old {####}", "EmailMessage": "new {####}", "EmailSubject": "subject",
            "DefaultEmailOption": "CONFIRM_WITH_CODE",
        })
    );
}

#[test]
fn messages_for_codes_and_for_links_are_both_kept() {
    let world = World::new();
    let template = json!({
        "EmailMessage": "code {####}", "EmailMessageByLink": "{##here##}", "DefaultEmailOption": "CONFIRM_WITH_LINK",
    });
    let pool_id = world.pool(&json!({"VerificationMessageTemplate": template}));
    let pool = world.described(&pool_id);
    assert_eq!(pool["VerificationMessageTemplate"], template);
}

#[test]
fn the_validity_of_temporary_passwords_is_shown_twice() {
    let world = World::new();
    for (settings, expected) in [
        (
            json!({"Policies": {"PasswordPolicy": {"TemporaryPasswordValidityDays": 30}}}),
            30,
        ),
        (
            json!({"Policies": {"PasswordPolicy": {"TemporaryPasswordValidityDays": 0}}}),
            7,
        ),
        (
            json!({"AdminCreateUserConfig": {"UnusedAccountValidityDays": 12}}),
            12,
        ),
    ] {
        let pool = world.described(&world.pool(&settings));
        assert_eq!(
            pool["AdminCreateUserConfig"]["UnusedAccountValidityDays"],
            expected
        );
        assert_eq!(
            pool["Policies"]["PasswordPolicy"]["TemporaryPasswordValidityDays"],
            expected
        );
    }
}

#[test]
fn the_two_spellings_of_the_token_trigger_stay_in_step() {
    let world = World::new();
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:f");
    for (given, version) in [
        (json!({"PreTokenGeneration": function}), "V1_0"),
        (
            json!({"PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function}}),
            "V2_0",
        ),
    ] {
        let pool = world.described(&world.pool(&json!({"LambdaConfig": given})));
        assert_eq!(
            pool["LambdaConfig"],
            json!({"PreTokenGeneration": function, "PreTokenGenerationConfig": {"LambdaVersion": version, "LambdaArn": function}})
        );
    }
}

#[test]
fn the_mfa_configuration_is_replaced_whole_and_the_pool_follows_it() {
    let world = World::new();
    let pool_id = world.pool(&json!({}));
    let sms = json!({"SnsCallerArn": format!("arn:aws:iam::{ACCOUNT}:role/sms")});
    let set = |request: Value| {
        let mut request = request;
        request["UserPoolId"] = json!(pool_id);
        world.done("SetUserPoolMfaConfig", &request)
    };
    let get = || world.done("GetUserPoolMfaConfig", &json!({"UserPoolId": pool_id}));
    let answer = set(json!({
        "MfaConfiguration": "OPTIONAL",
        "SmsMfaConfiguration": {"SmsAuthenticationMessage": "code {####}", "SmsConfiguration": sms},
        "SoftwareTokenMfaConfiguration": {"Enabled": true},
    }));
    assert_eq!(answer, get());
    let pool = world.described(&pool_id);
    assert_eq!(pool["MfaConfiguration"], "OPTIONAL");
    assert_eq!(pool["SmsConfiguration"], sms);
    assert_eq!(pool["SmsAuthenticationMessage"], "code {####}");
    set(json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}}));
    assert_eq!(
        get(),
        json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}})
    );
    set(
        json!({"MfaConfiguration": "OFF", "WebAuthnConfiguration": {"UserVerification": "required"}}),
    );
    let off = get();
    assert_eq!(off["MfaConfiguration"], "OFF");
    assert_eq!(off.get("SoftwareTokenMfaConfiguration"), None);
    assert_eq!(off["SmsMfaConfiguration"]["SmsConfiguration"], sms);
    assert_eq!(
        off["WebAuthnConfiguration"],
        json!({"UserVerification": "required"})
    );
    assert_eq!(world.described(&pool_id)["MfaConfiguration"], "OFF");
}

#[test]
fn the_relying_party_defaults_to_the_domain_and_a_custom_domain_changes_it() {
    let world = World::new();
    let pool_id = world.pool(&json!({}));
    world.done(
        "SetUserPoolMfaConfig",
        &json!({"UserPoolId": pool_id, "WebAuthnConfiguration": {"UserVerification": "preferred"}}),
    );
    let party = || {
        world.done("GetUserPoolMfaConfig", &json!({"UserPoolId": pool_id}))["WebAuthnConfiguration"]
            ["RelyingPartyId"]
            .clone()
    };
    assert_eq!(party(), Value::Null);
    world.done(
        "CreateUserPoolDomain",
        &json!({"UserPoolId": pool_id, "Domain": "login"}),
    );
    assert_eq!(party(), "login.auth.us-east-1.amazoncognito.com");
    let certificate = format!("arn:aws:acm:us-east-1:{ACCOUNT}:certificate/c");
    world.done("CreateUserPoolDomain", &json!({"UserPoolId": pool_id, "Domain": "login.example.com", "CustomDomainConfig": {"CertificateArn": certificate}}));
    assert_eq!(party(), "login.example.com");
    let pool = world.described(&pool_id);
    assert_eq!(pool["Domain"], "login");
    assert_eq!(pool["CustomDomain"], "login.example.com");
}
