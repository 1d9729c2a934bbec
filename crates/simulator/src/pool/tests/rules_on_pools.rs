//! CreateUserPool and UpdateUserPool but for schemas and messages, DeleteUserPool, SetUserPoolMfaConfig, tags.

use serde_json::{Value, json};

use super::{ACCOUNT, INVALID, REGION, World, rule};
use crate::config::{Config, PassRole};

const SMS_NEEDED: &str = "SMS configuration and Auto verification for phone_number are required when MFA is required/optional";

fn sms() -> Value {
    json!({"SnsCallerArn": format!("arn:aws:iam::{ACCOUNT}:role/sms"), "ExternalId": "x"})
}

#[test]
fn sign_in_names_policies_and_recovery_follow_the_rules() {
    let create = |name| rule(name, "CreateUserPool");
    create("alias and username attributes exclude one another").refuses(
        json!({"AliasAttributes": ["email"], "UsernameAttributes": ["email"]}),
        INVALID,
        "Only one of the aliasAttributes or usernameAttributes can be set in a User pool.",
        json!({"AliasAttributes": [], "UsernameAttributes": ["email"]}),
    );
    create("temporary passwords have one validity").refuses(
        json!({"Policies": {"PasswordPolicy": {"TemporaryPasswordValidityDays": 7}}, "AdminCreateUserConfig": {"UnusedAccountValidityDays": 7}}),
        INVALID,
        "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays",
        json!({"AdminCreateUserConfig": {"UnusedAccountValidityDays": 7}}),
    );
    create("a password is among the first factors").refuses(
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["WEB_AUTHN"]}}}),
        INVALID,
        "Password should be configured as one of the allowed first auth factors.",
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}}),
    );
    create("an authenticator app is no first factor").refuses(
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "SOFTWARE_TOKEN"]}}}),
        INVALID,
        "SOFTWARE_TOKEN is not allowed as a first auth factor.",
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}}}),
    );
    create("required MFA excludes one-time passwords as first factor").refuses(
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}, "MfaConfiguration": "ON", "SmsConfiguration": sms()}),
        INVALID,
        "EMAIL_OTP and SMS_OTP cannot be allowed first auth factors when MFA is required.",
        json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}, "MfaConfiguration": "OPTIONAL", "SmsConfiguration": sms()}),
    );
    let recovery =
        |mechanisms: Value| json!({"AccountRecoverySetting": {"RecoveryMechanisms": mechanisms}});
    create("recovery mechanisms are at most two").refuses(
        recovery(json!([
            {"Name": "verified_email", "Priority": 1},
            {"Name": "verified_phone_number", "Priority": 2},
            {"Name": "admin_only", "Priority": 2},
        ])),
        INVALID,
        "1 validation error detected: Value '[{\"Name\":\"verified_email\",\"Priority\":1}, {\"Name\":\"verified_phone_number\",\"Priority\":2}, {\"Name\":\"admin_only\",\"Priority\":2}]' at 'accountRecoverySetting.recoveryMechanisms' failed to satisfy constraint: Member must have length less than or equal to 2",
        recovery(json!([{"Name": "verified_email", "Priority": 1}, {"Name": "verified_phone_number", "Priority": 2}])),
    );
    for duplicates in [
        json!([{"Name": "verified_email", "Priority": 1}, {"Name": "verified_phone_number", "Priority": 1}]),
        json!([{"Name": "verified_email", "Priority": 1}, {"Name": "verified_email", "Priority": 2}]),
    ] {
        create("recovery mechanisms and priorities are unique").refuses(
            recovery(duplicates),
            INVALID,
            "Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.",
            recovery(json!([{"Name": "verified_phone_number", "Priority": 2}, {"Name": "verified_email", "Priority": 1}])),
        );
    }
    create("recovery by administrators stands alone").refuses(
        recovery(json!([{"Name": "admin_only", "Priority": 1}, {"Name": "verified_email", "Priority": 2}])),
        INVALID,
        "Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.",
        recovery(json!([{"Name": "admin_only", "Priority": 1}])),
    );
}

#[test]
fn verification_and_mfa_need_what_they_send_with() {
    let create = |name| rule(name, "CreateUserPool");
    create("phone numbers are verified by SMS").refuses(
        json!({"AutoVerifiedAttributes": ["phone_number"]}),
        INVALID,
        "SMS configuration is required when phone_number is selected for auto verification",
        json!({"AutoVerifiedAttributes": ["phone_number"], "SmsConfiguration": sms()}),
    );
    create("what is verified before an update is verified at all").refuses(
        json!({"UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]}}),
        INVALID,
        "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes",
        json!({"AutoVerifiedAttributes": ["email"], "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]}}),
    );
    for mode in ["ON", "OPTIONAL"] {
        create("MFA at creation needs SMS").refuses(
            json!({"MfaConfiguration": mode}),
            INVALID,
            SMS_NEEDED,
            json!({"MfaConfiguration": mode, "SmsConfiguration": sms()}),
        );
    }
    for (mode, text) in [
        (
            "ON",
            "Cannot turn MFA functionality ON, once the user pool has been created.",
        ),
        ("OPTIONAL", SMS_NEEDED),
    ] {
        rule("MFA at update needs a factor", "UpdateUserPool").refuses(
            json!({"MfaConfiguration": mode}),
            INVALID,
            text,
            json!({"MfaConfiguration": mode, "SmsConfiguration": sms()}),
        );
    }
    for operation in ["CreateUserPool", "UpdateUserPool"] {
        let factors = json!({"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "SMS_OTP"]}});
        rule("codes by SMS need SMS", operation).refuses(
            json!({"Policies": factors}),
            INVALID,
            "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS configuration",
            json!({"Policies": factors, "SmsConfiguration": sms()}),
        );
    }
    let world = World::new();
    let pool = world.pool(&json!({}));
    world.done(
        "SetUserPoolMfaConfig",
        &json!({"UserPoolId": pool, "MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
    );
    world.done(
        "UpdateUserPool",
        &json!({"UserPoolId": pool, "MfaConfiguration": "ON"}),
    );
}

#[test]
fn roles_are_passed_by_those_who_may() {
    let group = json!({"GroupName": "g", "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/g")});
    let plain = json!({"GroupName": "g"});
    let pool = json!({"PoolName": "p", "SmsConfiguration": sms()});
    for (pass_role, group_denied, sms_denied) in [
        (PassRole::Allowed, false, false),
        (PassRole::ToCognitoOnly, true, false),
        (PassRole::Denied, true, true),
    ] {
        let world = World::with(Config {
            pass_role,
            ..Config::default()
        });
        let pool_id = world.pool(&json!({}));
        let in_pool = |request: &Value| {
            let mut request = request.clone();
            request["UserPoolId"] = json!(pool_id);
            request
        };
        for (operation, request, nearest, is_denied) in [
            (
                "CreateGroup",
                in_pool(&group),
                in_pool(&plain),
                group_denied,
            ),
            (
                "CreateUserPool",
                pool.clone(),
                json!({"PoolName": "p"}),
                sms_denied,
            ),
        ] {
            let answer = world.call(operation, &request);
            assert_eq!(answer.is_err(), is_denied, "{operation} {pass_role:?}");
            if let Err(error) = answer {
                assert_eq!(error.code, "AccessDeniedException");
                assert!(error.message.contains("iam:PassRole"), "{error}");
                world.done(operation, &nearest);
            }
        }
    }
}

#[test]
fn features_need_their_tier() {
    const CODE: &str = "FeatureUnavailableInTierException";
    let text = |tier: &str, feature: &str| {
        format!(
            "The following features need to be disabled for the {tier} pricing tier configured: {feature}"
        )
    };
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:f");
    let tokens = |version: &str| json!({"PreTokenGenerationConfig": {"LambdaVersion": version, "LambdaArn": function}});
    for (tier, enough, feature, member, value) in [
        (
            "LITE",
            "ESSENTIALS",
            "Passwordless Sign-In",
            "Policies",
            json!({"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}),
        ),
        (
            "LITE",
            "ESSENTIALS",
            "Token Customization with Pre-Token Generation Lambda V2_0",
            "LambdaConfig",
            tokens("V2_0"),
        ),
        (
            "LITE",
            "ESSENTIALS",
            "Token Customization with Pre-Token Generation Lambda V3_0",
            "LambdaConfig",
            tokens("V3_0"),
        ),
        (
            "LITE",
            "ESSENTIALS",
            "Password History",
            "Policies",
            json!({"PasswordPolicy": {"PasswordHistorySize": 1}}),
        ),
        (
            "LITE",
            "ESSENTIALS",
            "ACR Configuration",
            "AcrConfiguration",
            json!({"Level1": {"AcrValue": "one"}}),
        ),
        (
            "LITE",
            "ESSENTIALS",
            "Dynamic Client Registration",
            "DcrConfiguration",
            json!({"EnableStatus": "Enabled"}),
        ),
        (
            "ESSENTIALS",
            "PLUS",
            "Threat Protection",
            "UserPoolAddOns",
            json!({"AdvancedSecurityMode": "AUDIT"}),
        ),
        (
            "ESSENTIALS",
            "PLUS",
            "Threat Protection",
            "UserPoolAddOns",
            json!({"AdvancedSecurityMode": "OFF", "AdvancedSecurityAdditionalFlows": {"CustomAuthMode": "ENFORCED"}}),
        ),
    ] {
        rule("a new pool", "CreateUserPool").refuses(
            json!({"UserPoolTier": tier, member: value}),
            CODE,
            &text(tier, feature),
            json!({"UserPoolTier": enough, member: value}),
        );
        rule("a change of tier", "UpdateUserPool")
            .in_pool(json!({"UserPoolTier": enough}))
            .refuses(
                json!({"UserPoolTier": tier, member: value}),
                "TierChangeNotAllowedException",
                &text(tier, feature),
                json!({"UserPoolTier": enough, member: value}),
            );
    }
    rule("the first token trigger is for all tiers", "CreateUserPool").refuses(
        json!({"UserPoolTier": "LITE", "LambdaConfig": tokens("V2_0")}),
        CODE,
        &text(
            "LITE",
            "Token Customization with Pre-Token Generation Lambda V2_0",
        ),
        json!({"UserPoolTier": "LITE", "LambdaConfig": tokens("V1_0")}),
    );
    rule(
        "a domain keeps a pool from going back to LITE",
        "UpdateUserPool",
    )
    .after(
        "CreateUserPoolDomain",
        json!({"Domain": "login", "ManagedLoginVersion": 2}),
    )
    .refuses(
        json!({"UserPoolTier": "LITE"}),
        "TierChangeNotAllowedException",
        &text("LITE", "Managed Login Version 2"),
        json!({"UserPoolTier": "PLUS"}),
    );
}

#[test]
fn the_mfa_configuration_is_consistent() {
    let set = |name| rule(name, "SetUserPoolMfaConfig");
    for (mode, enabled) in [
        (json!("OFF"), true),
        (json!("OFF"), false),
        (Value::Null, true),
    ] {
        set("MFA that is off names no factor").refuses(
            json!({"MfaConfiguration": mode, "SoftwareTokenMfaConfiguration": {"Enabled": enabled}}),
            INVALID,
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
            json!({"MfaConfiguration": mode, "WebAuthnConfiguration": {"UserVerification": "preferred"}}),
        );
    }
    set("MFA that is on has a factor").refuses(
        json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": false}}),
        INVALID,
        "Invalid MFA configuration given, can't disable all MFAs with a required or optional configuration.",
        json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
    );
    let passkeys = |factor: &str| {
        json!({
            "MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true},
            "WebAuthnConfiguration": {"FactorConfiguration": factor},
        })
    };
    set("with required MFA, passkeys as the first factor count as two")
        .in_pool(json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}}))
        .refuses(
            passkeys("SINGLE_FACTOR"),
            INVALID,
            "WEB_AUTHN can be an allowed first auth factor with required MFA only if FactorConfiguration is MULTI_FACTOR_WITH_USER_VERIFICATION.",
            passkeys("MULTI_FACTOR_WITH_USER_VERIFICATION"),
        );
    let recovery = |ways: &[&str]| {
        let ways = ways.iter().enumerate();
        let ways: Vec<Value> = ways
            .map(|(at, way)| json!({"Name": way, "Priority": at + 1}))
            .collect();
        json!({"RecoveryMechanisms": ways})
    };
    let by_sms =
        json!({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": sms()}});
    set("SMS is not both the second factor and the one way of recovery")
        .in_pool(json!({"AccountRecoverySetting": recovery(&["verified_phone_number"])}))
        .refuses(
            by_sms.clone(),
            INVALID,
            "Invalid account recovery setting parameter. Account Recovery Setting cannot use verified_phone_number as a recovery mechanism when SMS MFA is configured.",
            json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
        );
    rule("nor does an update make it so", "UpdateUserPool")
        .after("SetUserPoolMfaConfig", by_sms)
        .refuses(
            json!({"AccountRecoverySetting": recovery(&["verified_phone_number"])}),
            INVALID,
            "Invalid account recovery setting parameter. Account Recovery Setting cannot use verified_phone_number as a recovery mechanism when SMS MFA is configured.",
            json!({"AccountRecoverySetting": recovery(&["verified_email", "verified_phone_number"])}),
        );
    set("SMS needs its configuration").refuses(
        json!({"MfaConfiguration": "ON", "SmsMfaConfiguration": {"SmsAuthenticationMessage": "code {####}"}}),
        INVALID,
        SMS_NEEDED,
        json!({"MfaConfiguration": "ON", "SmsMfaConfiguration": {"SmsAuthenticationMessage": "code {####}", "SmsConfiguration": sms()}}),
    );
    let email = json!({"MfaConfiguration": "OPTIONAL", "EmailMfaConfiguration": {}});
    let ses = json!({"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/a@b.c")}});
    let totp =
        json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}});
    set("e-mail needs an own sender").refuses(
        email.clone(),
        INVALID,
        "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an EmailSendingAccount of COGNITO_DEFAULT. Update the value of EmailSendingAccount.",
        totp.clone(),
    );
    let mut by_email_only = ses.clone();
    by_email_only["AccountRecoverySetting"] = recovery(&["verified_email"]);
    set("e-mail is not both the second factor and the one way of recovery")
        .in_pool(by_email_only)
        .refuses(
            email.clone(),
            INVALID,
            "Invalid account recovery setting parameter. Account Recovery Setting cannot use verified_email as a recovery mechanism when Email MFA is configured.",
            totp.clone(),
        );
    set("e-mail is accepted with an own sender")
        .in_pool(ses)
        .refuses(
            json!({"MfaConfiguration": "OFF", "EmailMfaConfiguration": {}}),
            INVALID,
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
            email.clone(),
        );
    set("e-mail needs Essentials").in_pool(json!({"UserPoolTier": "LITE"})).refuses(
        email,
        "FeatureUnavailableInTierException",
        "The following feature is not available for the LITE pricing tier configured: Email MFA",
        totp.clone(),
    );
    set("passkeys as MFA need Essentials").in_pool(json!({"UserPoolTier": "LITE"})).refuses(
        json!({"WebAuthnConfiguration": {"FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION"}}),
        "FeatureUnavailableInTierException",
        "The following feature is not available for the LITE pricing tier configured: Passkeys as MFA",
        json!({"WebAuthnConfiguration": {"FactorConfiguration": "SINGLE_FACTOR"}}),
    );
    set("a relying party is a bare domain").refuses(
        json!({"WebAuthnConfiguration": {"RelyingPartyId": "https://example.com"}}),
        INVALID,
        "Invalid RelyingPartyId. It must be a domain name without scheme, port and path.",
        json!({"WebAuthnConfiguration": {"RelyingPartyId": "example.com"}}),
    );
    set("required MFA excludes one-time passwords as first factor")
        .in_pool(json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}}))
        .refuses(
            json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
            INVALID,
            "EMAIL_OTP and SMS_OTP cannot be allowed first auth factors when MFA is required.",
            totp,
        );
}

#[test]
fn a_pool_is_deleted_only_without_protection_and_domain() {
    let world = World::new();
    let pool = world.pool(&json!({"DeletionProtection": "ACTIVE"}));
    let request = json!({"UserPoolId": pool});
    let error = world.refused("DeleteUserPool", &request);
    assert_eq!(error.code, INVALID);
    assert_eq!(
        error.message,
        "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first."
    );
    world.done(
        "UpdateUserPool",
        &json!({"UserPoolId": pool, "DeletionProtection": "INACTIVE"}),
    );
    world.done(
        "CreateUserPoolDomain",
        &json!({"UserPoolId": pool, "Domain": "login"}),
    );
    let error = world.refused("DeleteUserPool", &request);
    assert_eq!(error.code, INVALID);
    assert_eq!(
        error.message,
        "User pool cannot be deleted. It has a domain configured that should be deleted first."
    );
    world.done(
        "DeleteUserPoolDomain",
        &json!({"UserPoolId": pool, "Domain": "login"}),
    );
    world.done("DeleteUserPool", &request);
    assert_eq!(
        world.refused("DescribeUserPool", &request).code,
        "ResourceNotFoundException"
    );
}

#[test]
fn tags_are_at_most_50_and_none_begins_with_aws() {
    let tags = |count: usize| -> Value {
        (0..count)
            .map(|number| (format!("k{number}"), json!("v")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let reserved = "aws: prefixed tag key names are not allowed for external use.";
    let too_many = "A user pool cannot have more than 50 tags.";
    rule("created", "CreateUserPool").refuses(
        json!({"UserPoolTags": {"aws:cloudformation:stack-name": "s"}}),
        "UserPoolTaggingException",
        reserved,
        json!({"UserPoolTags": {"awscloudformation": "s"}}),
    );
    rule("created", "CreateUserPool").refuses(
        json!({"UserPoolTags": tags(51)}),
        "UserPoolTaggingException",
        too_many,
        json!({"UserPoolTags": tags(50)}),
    );
    let arn = format!("arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/$POOL");
    let tag = |tags: Value| json!({"ResourceArn": arn, "Tags": tags});
    rule("tagged", "TagResource").refuses(
        tag(json!({"AWS:x": "s"})),
        INVALID,
        reserved,
        tag(json!({"x": "s"})),
    );
    rule("tagged", "TagResource")
        .in_pool(json!({"UserPoolTags": tags(50)}))
        .refuses(
            tag(json!({"one-more": "s"})),
            INVALID,
            too_many,
            tag(json!({"k1": "s"})),
        );
    rule("tags are of a pool that exists here", "TagResource").refuses(
        json!({"ResourceArn": format!("arn:aws:cognito-idp:eu-west-1:{ACCOUNT}:userpool/$POOL"), "Tags": {"a": "b"}}),
        "ResourceNotFoundException",
        "User pool $POOL does not exist.",
        tag(json!({"a": "b"})),
    );
}
