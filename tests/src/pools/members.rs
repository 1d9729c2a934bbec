//! The pool that signs in by e-mail address: usernames are UUIDs, and new ones after a restore.

use serde_json::{Value, json};

use super::{MEMBERS, ORDINARY_USERS, attribute, user, with};

/// Its pool document.
pub fn members() -> Value {
    json!({
        "UserPool": {
            "Id": MEMBERS,
            "Name": "drill-members",
            "UserPoolTier": "ESSENTIALS",
            "KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"},
            "IssuerConfiguration": {"Type": "ORIGINAL"},
            "DeletionProtection": "INACTIVE",
            "UsernameAttributes": ["email"],
            "UsernameConfiguration": {"CaseSensitive": false},
            "AutoVerifiedAttributes": ["email"],
            "Policies": {"PasswordPolicy": {
                "MinimumLength": 8,
                "RequireUppercase": true,
                "RequireLowercase": true,
                "RequireNumbers": true,
                "RequireSymbols": false,
                "TemporaryPasswordValidityDays": 7,
            }, "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}},
            "SchemaAttributes": [
                attribute("custom:level", "String", true, json!({"StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}})),
            ],
            "AccountRecoverySetting": {"RecoveryMechanisms": [{"Priority": 1, "Name": "verified_email"}]},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
            "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
            "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        },
        "MfaConfiguration": {"MfaConfiguration": "OFF"},
        "Clients": [{"UserPoolClient": {
            "UserPoolId": MEMBERS,
            "ClientId": "4drillmembersapp0000000000",
            "ClientName": "app",
            "ClientSecret": "planted7f3a9cMembersClientSecret00000000000000000003",
            "ClientType": "REGULAR",
            "AllowedOAuthFlowsUserPoolClient": false,
            "RefreshTokenValidity": 5,
            "AccessTokenValidity": 1,
            "IdTokenValidity": 1,
            "TokenValidityUnits": {"AccessToken": "hours", "IdToken": "hours", "RefreshToken": "days"},
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
            "SupportedIdentityProviders": ["COGNITO"],
            "EnableTokenRevocation": true,
            "EnablePropagateAdditionalUserContextData": false,
            "AuthSessionValidity": 3,
        }}],
        "Groups": [{"GroupName": "gold", "Precedence": 1}, {"GroupName": "silver", "Precedence": 2}],
        "Domains": [{"Domain": "drill-members", "ManagedLoginVersion": 1}],
        "Users": users(),
    })
}

fn users() -> Value {
    let member = |name: &str, status: &str, verified: &str| {
        let email = format!("{name}.planted-7f3a9c@example.com");
        user(
            "",
            status,
            &[
                ("email", &email),
                ("email_verified", verified),
                ("custom:level", "planted-7f3a9c level"),
            ],
        )
    };
    let mut users = vec![
        with(
            member("zoe", "CONFIRMED", "true"),
            json!({"Groups": ["gold", "silver"]}),
        ),
        with(
            member("yan", "CONFIRMED", "true"),
            json!({"Enabled": false, "Groups": ["silver"]}),
        ),
        member("xia", "FORCE_CHANGE_PASSWORD", "true"),
        member("wim", "UNCONFIRMED", "false"),
        member("val", "RESET_REQUIRED", "true"),
        // Nobody signs in as this user any more, and nothing is left to make it from.
        user(
            "",
            "CONFIRMED",
            &[("custom:level", "planted-7f3a9c without an address")],
        ),
    ];
    users.extend((0..ORDINARY_USERS).map(|index| {
        let group = if index % 3 == 0 {
            json!(["gold"])
        } else {
            json!([])
        };
        with(
            member(&format!("member{index}"), "CONFIRMED", "true"),
            json!({"Groups": group}),
        )
    }));
    Value::Array(users)
}
