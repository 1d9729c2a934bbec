//! What UpdateUserPool and UpdateUserPoolClient make of members that a request leaves out (facts 0.1), in both readings
//! of what nobody has measured.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ACCOUNT, INVALID, REGION, World};
use crate::config::{Config, Unmeasured};

fn worlds() -> [(bool, World); 2] {
    [false, true].map(|kept| {
        let unmeasured = Unmeasured {
            omitted_members_are_kept: kept,
            ..Unmeasured::default()
        };
        let world = World::with(Config {
            unmeasured,
            ..Config::default()
        });
        (kept, world)
    })
}

/// A pool that differs from the default in every member that an update can change.
fn changed_pool() -> Value {
    json!({
        "UserPoolTier": "PLUS",
        "DeletionProtection": "ACTIVE",
        "AliasAttributes": ["email"],
        "UsernameConfiguration": {"CaseSensitive": false},
        "Schema": [{"Name": "x"}],
        "UserPoolTags": {"a": "b"},
        "AutoVerifiedAttributes": ["email"],
        "SmsConfiguration": {"SnsCallerArn": format!("arn:aws:iam::{ACCOUNT}:role/sms")},
        "SmsAuthenticationMessage": "code {####}",
        "MfaConfiguration": "OPTIONAL",
        "LambdaConfig": {"PreSignUp": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")},
        "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"},
        "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": true},
        "DcrConfiguration": {"EnableStatus": "Enabled"},
        "MemberOfNextYear": {"a": [1]},
        "Policies": {
            "PasswordPolicy": {"MinimumLength": 20, "TemporaryPasswordValidityDays": 3},
            "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "SMS_OTP"]},
        },
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true},
        "AcrConfiguration": {"Level2": {"AcrValue": "two"}},
        "EmailConfiguration": {"ReplyToEmailAddress": "a@example.com"},
        "VerificationMessageTemplate": {
            "EmailMessage": "code {####}", "EmailMessageByLink": "{##here##}", "DefaultEmailOption": "CONFIRM_WITH_LINK",
        },
    })
}

#[test]
fn a_pool_keeps_what_was_measured_to_stay_and_loses_what_was_measured_to_go() {
    for (kept, world) in worlds() {
        let pool_id = world.pool(&changed_pool());
        let before = world.described(&pool_id);
        assert_eq!(before["MemberOfNextYear"], json!({"a": [1]}));
        assert_eq!(before["AcrConfiguration"]["Level2"]["AcrValue"], "two");
        assert_eq!(before["EmailVerificationMessage"], "code {####}");
        world.advance(Duration::from_secs(10));
        let answer = world.done("UpdateUserPool", &json!({"UserPoolId": pool_id}));
        assert_eq!(answer, json!({}));
        let after = world.described(&pool_id);
        for stays in [
            "Id",
            "Arn",
            "Name",
            "CreationDate",
            "AliasAttributes",
            "UsernameConfiguration",
            "SchemaAttributes",
            "SmsConfiguration",
            "MfaConfiguration",
            "Policies",
            "DeletionProtection",
        ] {
            assert_eq!(after[stays], before[stays], "{stays}");
        }
        for (goes, left) in [
            ("AutoVerifiedAttributes", Value::Null),
            ("LambdaConfig", json!({})),
            ("UserPoolAddOns", Value::Null),
            ("UserPoolTags", json!({})),
            ("DeviceConfiguration", Value::Null),
            ("EmailVerificationMessage", Value::Null),
        ] {
            let found = after.get(goes).cloned().unwrap_or_default();
            assert_eq!(found, left, "{goes}");
        }
        for unmeasured in [
            "UserPoolTier",
            "EmailConfiguration",
            "AccountRecoverySetting",
            "AdminCreateUserConfig",
            "AcrConfiguration",
            "DcrConfiguration",
            "SmsAuthenticationMessage",
            "MemberOfNextYear",
        ] {
            assert_eq!(
                after.get(unmeasured) == before.get(unmeasured),
                kept,
                "{unmeasured}"
            );
        }
        let option = &after["VerificationMessageTemplate"]["DefaultEmailOption"];
        let expected = if kept {
            "CONFIRM_WITH_LINK"
        } else {
            "CONFIRM_WITH_CODE"
        };
        assert_eq!(option, expected);
        assert!(after["LastModifiedDate"].as_f64() > before["LastModifiedDate"].as_f64());
        let rename = json!({"UserPoolId": pool_id, "PoolName": "renamed"});
        world.done("UpdateUserPool", &rename);
        assert_eq!(world.described(&pool_id)["Name"], "renamed");
    }
}

#[test]
fn the_two_policies_are_kept_each_by_itself_and_replaced_whole() {
    for (_, world) in worlds() {
        let pool_id = world.pool(&changed_pool());
        let update = |policies: Value| {
            world.done(
                "UpdateUserPool",
                &json!({"UserPoolId": pool_id, "Policies": policies}),
            );
            world.described(&pool_id)["Policies"].clone()
        };
        let policies = update(json!({"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}}));
        assert_eq!(policies["PasswordPolicy"]["MinimumLength"], 20);
        assert_eq!(
            policies["SignInPolicy"],
            json!({"AllowedFirstAuthFactors": ["PASSWORD"]})
        );
        let policies = update(json!({"PasswordPolicy": {"RequireSymbols": true}}));
        assert_eq!(
            policies["PasswordPolicy"],
            json!({
                "MinimumLength": 8, "RequireUppercase": false, "RequireLowercase": false, "RequireNumbers": false,
                "RequireSymbols": true, "TemporaryPasswordValidityDays": 7,
            })
        );
    }
}

#[test]
fn verification_before_updates_is_cleared_by_an_empty_list_only() {
    for (_, world) in worlds() {
        let pool_id = world.pool(&json!({
            "AutoVerifiedAttributes": ["email"],
            "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
        }));
        let update = |attributes: Value| {
            let mut request = attributes;
            request["UserPoolId"] = json!(pool_id);
            request
        };
        let member = "UserAttributeUpdateSettings";
        let before_update = "AttributesRequireVerificationBeforeUpdate";
        world.done(
            "UpdateUserPool",
            &update(json!({"AutoVerifiedAttributes": ["email"]})),
        );
        assert_eq!(
            world.described(&pool_id)[member][before_update],
            json!(["email"])
        );
        // Kept, it needs the attribute whose verification the same request resets.
        let error = world.refused("UpdateUserPool", &update(json!({})));
        assert_eq!(error.code, INVALID);
        assert_eq!(
            error.message,
            "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes"
        );
        world.done(
            "UpdateUserPool",
            &update(json!({member: {before_update: []}})),
        );
        assert_eq!(world.described(&pool_id)[member][before_update], json!([]));
    }
}

#[test]
fn a_client_keeps_what_was_measured_to_stay_and_loses_its_flows() {
    for (kept, world) in worlds() {
        let pool = world.pool(&json!({}));
        let secret = "My+Secret_0123456789abcdef";
        let client_id = world.client(
            &pool,
            &json!({
                "ClientSecret": secret, "WriteAttributes": ["email"], "EnableTokenRevocation": false,
                "PreventUserExistenceErrors": "ENABLED", "AuthSessionValidity": 9, "RefreshTokenValidity": 4,
                "ExplicitAuthFlows": ["ALLOW_CUSTOM_AUTH"],
                "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 5},
            }),
        );
        let key = json!({"UserPoolId": pool, "ClientId": client_id});
        let shown = || world.done("DescribeUserPoolClient", &key)["UserPoolClient"].clone();
        let before = shown();
        // Rotation stays, so the flow that it replaces is refused.
        let mut request = key.clone();
        request["ExplicitAuthFlows"] = json!(["ALLOW_REFRESH_TOKEN_AUTH"]);
        let error = world.refused("UpdateUserPoolClient", &request);
        assert_eq!(
            error.message,
            "ALLOW_REFRESH_TOKEN_AUTH cannot be used when refresh token rotation is enabled."
        );
        world.done("UpdateUserPoolClient", &key);
        let after = shown();
        for stays in [
            "ClientName",
            "ClientSecret",
            "CreationDate",
            "ClientType",
            "RefreshTokenValidity",
            "EnableTokenRevocation",
            "AuthSessionValidity",
            "RefreshTokenRotation",
        ] {
            assert_eq!(after[stays], before[stays], "{stays}");
        }
        assert_eq!(after.get("ExplicitAuthFlows"), None);
        for unmeasured in ["WriteAttributes", "PreventUserExistenceErrors"] {
            let left = if kept { before.get(unmeasured) } else { None };
            assert_eq!(after.get(unmeasured), left, "{unmeasured}");
        }
        // Switched off by saying so, with the grace period that Describe shows then.
        request["RefreshTokenRotation"] = json!({"Feature": "DISABLED"});
        world.done("UpdateUserPoolClient", &request);
        assert_eq!(
            shown()["RefreshTokenRotation"],
            json!({"Feature": "DISABLED", "RetryGracePeriodSeconds": 0})
        );
    }
}

#[test]
fn an_update_with_all_that_describe_shows_changes_nothing() {
    for (_, world) in worlds() {
        let pool_id = world.pool(&changed_pool());
        world.done(
            "CreateUserPoolDomain",
            &json!({"UserPoolId": pool_id, "Domain": "login"}),
        );
        let before = world.described(&pool_id);
        let mut request = before.as_object().expect("an object").clone();
        request.insert("UserPoolId".to_owned(), json!(pool_id));
        let both = world.refused("UpdateUserPool", &Value::Object(request.clone()));
        assert!(both.message.contains("UnusedAccountValidityDays"), "{both}");
        if let Some(Value::Object(config)) = request.get_mut("AdminCreateUserConfig") {
            config.remove("UnusedAccountValidityDays");
        }
        world.done("UpdateUserPool", &Value::Object(request));
        let mut after = world.described(&pool_id);
        after["LastModifiedDate"] = before["LastModifiedDate"].clone();
        assert_eq!(after, before);
    }
}
