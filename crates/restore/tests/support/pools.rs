//! A pool with one of everything, to be restored again and again.

use serde_json::{Value, json};
use simulator::{PoolDocument, UserDocument};

use super::ACCOUNT;

const WEB: &str = "1webwebwebwebwebwebwebwebw";
const MACHINE: &str = "2machinemachinemachinemach";

/// A pool document from JSON.
pub(crate) fn document(value: Value) -> PoolDocument {
    serde_json::from_value(value).unwrap()
}

/// Members of `more` into `base`.
pub(crate) fn with(mut base: Value, more: Value) -> Value {
    let more = more.as_object().cloned().unwrap_or_default();
    base.as_object_mut().unwrap().extend(more);
    base
}

/// A user with a verified address.
pub(crate) fn user(name: &str, status: &str, more: Value) -> Value {
    let base = json!({
        "Username": name, "UserStatus": status,
        "Attributes": {"email": format!("{name}@example.com"), "email_verified": "true"},
    });
    with(base, more)
}

/// Users from JSON.
pub(crate) fn users(list: Value) -> Vec<UserDocument> {
    serde_json::from_value(list).unwrap()
}

/// A custom attribute as Describe shows it.
pub(crate) fn attribute(name: &str, kind: &str, mutable: bool) -> Value {
    let base = json!({
        "Name": name, "AttributeDataType": kind, "Mutable": mutable, "Required": false,
        "DeveloperOnlyAttribute": name.starts_with("dev:"),
    });
    match kind {
        "String" => with(
            base,
            json!({"StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}}),
        ),
        "Number" => with(base, json!({"NumberAttributeConstraints": {}})),
        _ => base,
    }
}

/// A pool without anything that a restore has to change or to leave out.
pub(crate) fn plain() -> PoolDocument {
    document(json!({
        "UserPool": {
            "Name": "plain",
            "UserPoolTier": "ESSENTIALS",
            "DeletionProtection": "INACTIVE",
            "AutoVerifiedAttributes": ["email"],
            "Policies": {"PasswordPolicy": {
                "MinimumLength": 8, "RequireUppercase": true, "RequireLowercase": true,
                "RequireNumbers": true, "RequireSymbols": true, "TemporaryPasswordValidityDays": 7,
            }, "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}},
            "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
            "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        },
        "MfaConfiguration": {"MfaConfiguration": "OFF"},
        "Clients": [{"UserPoolClient": {
            "ClientId": WEB, "ClientName": "web",
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
        }}],
        "Groups": [{"GroupName": "editors"}],
        "Users": [
            user("ann", "CONFIRMED", json!({"Groups": ["editors"]})),
            user("bob", "CONFIRMED", json!({"Enabled": false})),
            user("cem", "FORCE_CHANGE_PASSWORD", json!({})),
        ],
    }))
}

/// One of everything: settings, things around the pool, users of every status.
pub(crate) fn everything() -> PoolDocument {
    let flows = json!(["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]);
    let google = json!({"userId": "g-7", "providerName": "Google", "providerType": "Google"});
    document(json!({
        "UserPool": {
            "Name": "everything",
            "UserPoolTier": "PLUS",
            "DeletionProtection": "ACTIVE",
            "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"},
            "UsernameConfiguration": {"CaseSensitive": false},
            "AutoVerifiedAttributes": ["email"],
            "Policies": {"PasswordPolicy": {
                "MinimumLength": 12, "RequireUppercase": true, "RequireLowercase": true,
                "RequireNumbers": true, "RequireSymbols": false, "TemporaryPasswordValidityDays": 5,
            }, "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}},
            "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true, "UnusedAccountValidityDays": 5},
            "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
            "LambdaConfig": {"PreSignUp": format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:pre-sign-up")},
            "UserPoolTags": {"team": "shop"},
            "SchemaAttributes": [
                attribute("custom:tenant", "String", false),
                attribute("custom:points", "Number", true),
                attribute("dev:custom:note", "String", true),
            ],
        },
        "MfaConfiguration": {
            "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true},
        },
        "Clients": [
            {"UserPoolClient": {
                "ClientId": WEB, "ClientName": "web", "ExplicitAuthFlows": flows,
                "RefreshTokenValidity": 30, "TokenValidityUnits": {}, "EnableTokenRevocation": true,
                "EnablePropagateAdditionalUserContextData": false, "AuthSessionValidity": 3,
                "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"],
                "AllowedOAuthScopes": ["openid", "https://api.example.com/read"],
                "SupportedIdentityProviders": ["COGNITO", "Google"],
                "CallbackURLs": ["https://shop.example.com/callback"],
                "ReadAttributes": ["custom:tenant", "email"], "WriteAttributes": ["email"],
            }},
            {"UserPoolClient": {
                "ClientId": MACHINE, "ClientName": "machine", "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
                "ClientSecret": "machinesecretmachinesecretmachinesecretmachinesecret",
                "RefreshTokenValidity": 30, "TokenValidityUnits": {}, "EnableTokenRevocation": true,
                "EnablePropagateAdditionalUserContextData": false, "AuthSessionValidity": 3,
                "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["client_credentials"],
                "AllowedOAuthScopes": ["https://api.example.com/read"],
                "SupportedIdentityProviders": ["COGNITO"],
            }},
        ],
        "IdentityProviders": [{
            "ProviderName": "Google", "ProviderType": "Google",
            "ProviderDetails": {"client_id": "g", "client_secret": "google-secret", "authorize_scopes": "openid email"},
            "AttributeMapping": {"email": "email", "username": "sub"}, "IdpIdentifiers": [],
        }],
        "ResourceServers": [{
            "Identifier": "https://api.example.com", "Name": "API",
            "Scopes": [{"ScopeName": "read", "ScopeDescription": "Read"}],
        }],
        "Groups": [
            {"GroupName": "admins", "Description": "May do everything", "Precedence": 1},
            {"GroupName": "editors"},
            {"GroupName": "nobody"},
        ],
        "Domains": [{"Domain": "everything-shop", "ManagedLoginVersion": 1}],
        "UICustomizations": [{"ClientId": "ALL", "CSS": ".logo-customizable {\n\tmax-width: 60%;\n}"}],
        "ManagedLoginBrandings": [{
            "ManagedLoginBrandingId": "0c1e7b1e-7a3c-4c5e-9d53-3a3c1de0a001",
            "ClientId": WEB, "UseCognitoProvidedValues": true,
        }],
        "Terms": [{
            "TermsId": "0c1e7b1e-7a3c-4c5e-9d53-3a3c1de0a002", "ClientId": WEB,
            "TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE",
            "Links": {"cognito:default": "https://shop.example.com/terms"},
        }],
        "SessionConfiguration": {"TokenSession": {"MaxPerUser": 5}, "UserSessionTracking": "DISABLED"},
        "RiskConfigurations": [
            {"ClientId": "ALL", "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "NO_ACTION"}}},
            {"ClientId": MACHINE, "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "BLOCK"}}},
        ],
        "Users": [
            user("confirmed", "CONFIRMED", json!({"Groups": ["admins", "editors"], "Identities": [google]})),
            user("disabled", "CONFIRMED", json!({"Enabled": false})),
            user("forced", "FORCE_CHANGE_PASSWORD", json!({"Groups": ["editors"]})),
            user("signed-up", "UNCONFIRMED", json!({"Attributes": {
                "email": "signed-up@example.com", "custom:tenant": "7", "dev:custom:note": "n",
            }})),
            user("reset", "RESET_REQUIRED", json!({"Groups": ["admins"], "Enabled": false})),
            user("archived", "ARCHIVED", json!({})),
        ],
    }))
}
