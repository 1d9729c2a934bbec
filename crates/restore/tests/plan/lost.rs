//! The pools that are lost.

use serde_json::{Value, json};

/// The web ACL of the lost pool.
pub(crate) const ACL: &str = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/login/1";

/// One pixel.
const LOGO: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SMS: &str = "arn:aws:iam::000000000000:role/sms";

/// A pool with something in every section.
pub(crate) fn full() -> Value {
    // Every place of the schema is taken: 50 custom attributes, and one changed standard one.
    let mut attributes: Vec<Value> = (0..49)
        .map(|n| json!({"Name": format!("custom:a{n}"), "AttributeDataType": "String", "Mutable": true, "Required": false, "DeveloperOnlyAttribute": false, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "100"}}))
        .collect();
    attributes.push(json!({"Name": "dev:custom:note", "AttributeDataType": "Number", "Mutable": true, "Required": false, "DeveloperOnlyAttribute": true, "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"}}));
    attributes.push(json!({"Name": "email", "AttributeDataType": "String", "Mutable": true, "Required": true, "DeveloperOnlyAttribute": false, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}}));
    let function = |name: &str| format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
    json!({
        "UserPool": {
            "Id": "us-east-1_Full",
            "Name": "full",
            "UserPoolTier": "PLUS",
            "DeletionProtection": "ACTIVE",
            "BrandNewSetting": {"Kept": [1, 2]},
            "UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"},
            "UsernameConfiguration": {"CaseSensitive": false},
            "AliasAttributes": ["email"],
            "Policies": {
                "PasswordPolicy": {"MinimumLength": 12, "RequireUppercase": true, "RequireLowercase": true, "RequireNumbers": true, "RequireSymbols": false, "TemporaryPasswordValidityDays": 3},
                "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]},
            },
            "SchemaAttributes": attributes,
            "AutoVerifiedAttributes": ["email", "phone_number"],
            "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
            "AccountRecoverySetting": {"RecoveryMechanisms": [{"Priority": 1, "Name": "verified_email"}, {"Priority": 2, "Name": "verified_phone_number"}]},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true, "UnusedAccountValidityDays": 3},
            "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE", "EmailSubject": "Code", "EmailMessage": "Your code is {####}"},
            "SmsAuthenticationMessage": "Your code is {####}",
            "EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:us-east-1:000000000000:identity/example.com", "From": "no-reply@example.com"},
            "SmsConfiguration": {"SnsCallerArn": SMS, "ExternalId": "x", "SnsRegion": "us-east-1"},
            "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": true, "DeviceOnlyRememberedOnUserPrompt": false},
            "LambdaConfig": {
                "PreSignUp": function("pre-sign-up"),
                "PreTokenGeneration": function("tokens"),
                "PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function("tokens")},
                "CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": function("mail")},
                "KMSKeyID": "arn:aws:kms:us-east-1:000000000000:key/1",
            },
            "UserPoolTags": {"team": "a"},
        },
        "MfaConfiguration": {
            "MfaConfiguration": "OPTIONAL",
            "SoftwareTokenMfaConfiguration": {"Enabled": true},
            "EmailMfaConfiguration": {"Subject": "Code", "Message": "Your code is {####}"},
            "SmsMfaConfiguration": {"SmsAuthenticationMessage": "Your code is {####}", "SmsConfiguration": {"SnsCallerArn": SMS, "ExternalId": "x", "SnsRegion": "us-east-1"}},
            "WebAuthnConfiguration": {"UserVerification": "preferred"},
        },
        "Clients": clients(),
        "IdentityProviders": providers(),
        "ResourceServers": [{"Identifier": "https://api.example.com", "Name": "API", "Scopes": [{"ScopeName": "read", "ScopeDescription": "Read"}]}],
        "Groups": [
            {"GroupName": "admins", "Description": "d", "Precedence": 0, "RoleArn": "arn:aws:iam::000000000000:role/admins"},
            {"GroupName": "staff"},
            {"GroupName": "us-east-1_Full_saml"},
        ],
        "Domains": [
            {"Domain": "full-app", "ManagedLoginVersion": 2},
            {"Domain": "auth.example.com", "ManagedLoginVersion": 1, "CustomDomainConfig": {"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/c"}},
        ],
        "UICustomizations": [
            {"ClientId": "ALL", "CSS": ".logo-customizable {\n\tmax-width: 60%;\n}", "Image": LOGO},
            {"ClientId": "1fullmobile", "CSS": ".banner-customizable {\n\tbackground-color: #fff;\n}"},
        ],
        "ManagedLoginBrandings": [{
            "ManagedLoginBrandingId": "0c1e7b1e-7a3c-4c5e-9d53-3a3c1de0a001",
            "ClientId": "1fullweb",
            "UseCognitoProvidedValues": false,
            "Settings": {"components": {"primaryButton": {"lightMode": {"defaults": {"backgroundColor": "0972d3ff"}}}}},
            "Assets": [{"Category": "PAGE_HEADER_LOGO", "ColorMode": "LIGHT", "Extension": "PNG", "Bytes": LOGO}],
        }],
        "Terms": [{"TermsId": "0c1e7b1e-7a3c-4c5e-9d53-3a3c1de0a002", "ClientId": "1fullweb", "TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE", "Links": {"cognito:default": "https://example.com/terms"}}],
        "RiskConfigurations": [
            {"ClientId": "ALL", "AccountTakeoverRiskConfiguration": {
                "NotifyConfiguration": {"SourceArn": "arn:aws:ses:us-east-1:000000000000:identity/example.com", "From": "no-reply@example.com"},
                "Actions": {"HighAction": {"Notify": true, "EventAction": "BLOCK"}},
            }, "RiskExceptionConfiguration": {"BlockedIPRangeList": ["192.0.2.0/24"]}},
            {"ClientId": "1fullmachine", "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "NO_ACTION"}}},
        ],
        "LogConfigurations": [{"LogLevel": "ERROR", "EventSource": "userNotification", "CloudWatchLogsConfiguration": {"LogGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/pool"}}],
        "SessionConfiguration": {"UserSessionTracking": "ENABLED", "TokenSession": {"MaxPerUser": 7}},
        "Users": users(),
    })
}

/// A pool with one or two of everything that is created by name, small enough to restore it
/// often.
pub(crate) fn small() -> Value {
    let mut pool = full();
    let document = pool.as_object_mut().unwrap();
    document["UserPool"]["SchemaAttributes"] = json!([
        {"Name": "custom:plan", "AttributeDataType": "String", "Mutable": true, "Required": false, "DeveloperOnlyAttribute": false, "StringAttributeConstraints": {}},
    ]);
    document["UserPool"]
        .as_object_mut()
        .unwrap()
        .remove("AliasAttributes");
    let domains = document["Domains"].as_array_mut().unwrap();
    domains.truncate(1);
    let providers = document["IdentityProviders"].as_array_mut().unwrap();
    providers.retain(|provider| provider["ProviderName"] != "SignInWithApple");
    for client in document["Clients"].as_array_mut().unwrap() {
        let client = client["UserPoolClient"].as_object_mut().unwrap();
        client.remove("ReadAttributes");
        if let Some(Value::Array(names)) = client.get_mut("SupportedIdentityProviders") {
            names.retain(|name| name != "SignInWithApple");
        }
    }
    pool
}

/// A map that covers all of [`full`].
pub(crate) fn map() -> Value {
    json!({
        "arn_prefixes": {
            "arn:aws:lambda:us-east-1:": "arn:aws:lambda:us-west-2:",
            "arn:aws:ses:us-east-1:": "arn:aws:ses:us-west-2:",
        },
        "kms_keys": {"arn:aws:kms:us-east-1:000000000000:key/1": "arn:aws:kms:us-west-2:000000000000:key/2"},
        "log_destinations": {"arn:aws:logs:us-east-1:000000000000:log-group:/pool": "arn:aws:logs:us-west-2:000000000000:log-group:/pool"},
        "domain_prefixes": {"full-app": "full-app-dr"},
        "callback_urls": {"https://app.example.com/cb": "https://dr.example.com/cb"},
        "apple_private_keys": {"KEY1": "MIGTAgEAMBMGByqGSM49"},
    })
}

fn clients() -> Value {
    json!([
        {"UserPoolClient": {
            "ClientId": "1fullweb", "ClientName": "web", "ClientSecret": "abcdefghijklmnopqrstuvwxyz0123456789",
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
            "EnableTokenRevocation": true, "PreventUserExistenceErrors": "ENABLED",
            "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"],
            "AllowedOAuthScopes": ["openid", "https://api.example.com/read"],
            "SupportedIdentityProviders": ["COGNITO", "saml", "Google", "SignInWithApple"],
            "CallbackURLs": ["https://app.example.com/cb"], "LogoutURLs": ["https://app.example.com/bye"],
            "ReadAttributes": ["email", "custom:a0"],
        }, "Secrets": [
            {"ClientSecretId": "1fullweb--1", "ClientSecretValue": "abcdefghijklmnopqrstuvwxyz0123456789", "ClientSecretCreateDate": 1.0},
            {"ClientSecretId": "1fullweb--2", "ClientSecretValue": "zyxwvutsrqponmlkjihgfedcba0123456789", "ClientSecretCreateDate": 2.0},
        ], "SessionConfiguration": {"SSOSession": {"MaxValidityMinutes": 30}}},
        {"UserPoolClient": {
            "ClientId": "1fullmachine", "ClientName": "same name", "ClientSecret": "abcdefghijklmnopqrstuvwxyz9876543210",
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
            "EnableTokenRevocation": false, "PreventUserExistenceErrors": "LEGACY",
            "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["client_credentials"],
            "AllowedOAuthScopes": ["https://api.example.com/read"], "RefreshTokenValidity": 5,
        }},
        {"UserPoolClient": {
            "ClientId": "1fullmobile", "ClientName": "same name",
            "ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH"], "WriteAttributes": ["email", "name"],
            "CallbackURLs": ["app://cb"],
        }},
    ])
}

fn providers() -> Value {
    json!([
        {"ProviderName": "saml", "ProviderType": "SAML", "ProviderDetails": {"MetadataFile": "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"x\"/>", "IDPSignout": "true", "ActiveEncryptionCertificate": "c", "SLORedirectBindingURI": "https://i"}, "AttributeMapping": {"email": "mail"}, "IdpIdentifiers": ["example.com"]},
        {"ProviderName": "oidc", "ProviderType": "OIDC", "ProviderDetails": {"client_id": "i", "client_secret": "s3cr3t", "authorize_scopes": "openid", "attributes_request_method": "GET", "oidc_issuer": "https://oidc.example.com", "authorize_url": "https://oidc.example.com/a", "token_url": "https://oidc.example.com/t", "attributes_url": "https://oidc.example.com/u", "jwks_uri": "https://oidc.example.com/j", "attributes_url_add_attributes": "false"}, "AttributeMapping": {"email": "email", "username": "sub"}},
        {"ProviderName": "Google", "ProviderType": "Google", "ProviderDetails": {"client_id": "i", "client_secret": "s3cr3t", "authorize_scopes": "email", "attributes_url": "https://people.googleapis.com/v1/people/me?personFields=", "attributes_url_add_attributes": "true", "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth", "oidc_issuer": "https://accounts.google.com", "token_request_method": "POST", "token_url": "https://www.googleapis.com/oauth2/v4/token"}, "AttributeMapping": {"email": "email"}},
        {"ProviderName": "SignInWithApple", "ProviderType": "SignInWithApple", "ProviderDetails": {"client_id": "i", "team_id": "T", "key_id": "KEY1", "private_key": "MIGTAgEAMBMGByqGSM49", "authorize_scopes": "email name"}, "AttributeMapping": {"email": "email"}},
    ])
}

fn users() -> Value {
    json!([
        {"Username": "ann", "UserStatus": "CONFIRMED", "Attributes": {"email": "ann@example.com", "email_verified": "true"}, "Groups": ["admins", "staff"]},
        {"Username": "bob", "UserStatus": "UNCONFIRMED", "Attributes": {"email": "bob@example.com"}},
        {"Username": "saml_cid", "UserStatus": "EXTERNAL_PROVIDER", "HasPassword": false, "Attributes": {"email": "cid@example.com"}, "Groups": ["us-east-1_Full_saml"], "Identities": [{"userId": "cid", "providerName": "saml", "providerType": "SAML", "primary": true, "dateCreated": 1_700_000_000_000_u64}]},
    ])
}
