//! How refusals read: code and text, by which a restore decides what to try next.
//!
//! Most texts were measured through CloudFormation, which does not tell the code.

use cognito::Operation;
use serde_json::{Value, json};

use crate::question::{Observed, Question};
use crate::scratch::{Pool, Scratch, merge, outcome};

/// A request that has to be refused, and how.
struct Case {
    name: &'static str,
    facts: &'static str,
    /// What the pool has to have before; nothing for a CreateUserPool that is refused.
    pool: Value,
    /// What has to be called before.
    before: Vec<(Operation, Value)>,
    operation: Operation,
    request: Value,
    code: &'static str,
    text: &'static str,
}

const INVALID: &str = "InvalidParameterException";
const UNAVAILABLE: &str = "FeatureUnavailableInTierException";

impl Case {
    fn of(
        operation: Operation,
        name: &'static str,
        facts: &'static str,
        request: Value,
        text: &'static str,
    ) -> Self {
        Self {
            name,
            facts,
            pool: json!({}),
            before: Vec::new(),
            operation,
            request,
            code: INVALID,
            text,
        }
    }

    fn pool(name: &'static str, facts: &'static str, request: Value, text: &'static str) -> Self {
        Self::of(Operation::CreateUserPool, name, facts, request, text)
    }

    fn client(name: &'static str, facts: &'static str, request: Value, text: &'static str) -> Self {
        Self::of(Operation::CreateUserPoolClient, name, facts, request, text)
    }

    fn provider(name: &'static str, kind: &str, details: Value, text: &'static str) -> Self {
        let name_of_provider = match kind {
            "SAML" | "OIDC" => "first-day",
            social => social,
        };
        let request = json!({"ProviderName": name_of_provider, "ProviderType": kind, "ProviderDetails": details});
        Self::of(
            Operation::CreateIdentityProvider,
            name,
            "A.7",
            request,
            text,
        )
    }

    fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    fn in_pool(self, pool: Value) -> Self {
        Self { pool, ..self }
    }

    fn after(mut self, operation: Operation, request: Value) -> Self {
        self.before.push((operation, request));
        self
    }
}

pub(super) fn questions() -> Vec<Question> {
    let cases = [pools(), mfa(), clients(), providers(), others()];
    cases
        .into_iter()
        .flatten()
        .map(|case| {
            let id = format!("refusals.{}", case.name);
            let asks = format!("How does {} refuse this?", case.operation);
            let expected = format!("{}: {}", case.code, case.text);
            Question::new(id, asks, case.facts, expected, move |scratch| {
                let before = case.before.clone();
                let (pool, operation, request) =
                    (case.pool.clone(), case.operation, case.request.clone());
                Box::pin(refusal(scratch, pool, before, operation, request))
            })
        })
        .collect()
}

async fn refusal(
    scratch: &Scratch,
    pool: Value,
    before: Vec<(Operation, Value)>,
    operation: Operation,
    request: Value,
) -> Observed {
    if operation == Operation::CreateUserPool {
        let settings = scratch.filled_document(&request);
        return Ok(outcome(&scratch.try_pool(settings).await?));
    }
    let pool = scratch.pool(pool).await?;
    for (operation, request) in before {
        let request = of_pool(scratch, &pool, operation, &request);
        let mut answer = scratch.call(operation, request).await?;
        scratch.remember_client(&answer["UserPoolClient"].take());
    }
    let request = of_pool(scratch, &pool, operation, &request);
    Ok(outcome(&scratch.ask(operation, request).await?))
}

fn of_pool(scratch: &Scratch, pool: &Pool, operation: Operation, request: &Value) -> Value {
    let mut whole = json!({"UserPoolId": pool.id});
    if operation == Operation::CreateUserPoolClient {
        whole["ClientName"] = json!(pool.name);
    }
    merge(&mut whole, scratch.filled_document(request));
    whole
}

fn pools() -> Vec<Case> {
    let factors = |factors: &[&str]| json!({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": factors}}});
    let essentials = |mut settings: Value| {
        settings["UserPoolTier"] = json!("ESSENTIALS");
        settings
    };
    let attribute = |more: Value| {
        let mut attribute = json!({"Name": "team", "AttributeDataType": "String"});
        merge(&mut attribute, more);
        attribute
    };
    let recovery = |mechanisms: &[(&str, u32)]| {
        let mechanisms: Vec<Value> = mechanisms
            .iter()
            .map(|(name, priority)| json!({"Name": name, "Priority": priority}))
            .collect();
        json!({"AccountRecoverySetting": {"RecoveryMechanisms": mechanisms}})
    };
    let function = "arn:aws:lambda:{region}:111111111111:function:first-day";
    vec![
        Case::pool("mfa-without-sms", "A.3", json!({"MfaConfiguration": "ON"}),
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"),
        Case::pool("phone-without-sms", "A.1", json!({"AutoVerifiedAttributes": ["phone_number"]}),
            "SMS configuration is required when phone_number is selected for auto verification"),
        Case::pool("alias-and-username", "A.1", json!({"AliasAttributes": ["email"], "UsernameAttributes": ["email"]}),
            "Only one of the aliasAttributes or usernameAttributes can be set in a User pool."),
        Case::pool("required-custom-attribute", "A.2", json!({"Schema": [attribute(json!({"Required": true}))]}),
            "Required custom attributes are not supported currently."),
        Case::pool("attribute-named-twice", "A.2", json!({"Schema": [attribute(json!({})), attribute(json!({}))]}),
            "Duplicate custom attribute names custom:team are not allowed in a user pool schema."),
        Case::pool("attribute-name-of-21", "A.2", json!({"Schema": [attribute(json!({"Name": "aaaaaaaaaaaaaaaaaaaaa"}))]}),
            "1 validation error detected: Value 'aaaaaaaaaaaaaaaaaaaaa' at 'schema.1.member.name' failed to satisfy constraint: Member must have length less than or equal to 20"),
        Case::pool("retyped-attribute", "A.2", json!({"Schema": [{"Name": "email", "AttributeDataType": "Number"}]}),
            "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"),
        Case::pool("both-validities", "A.1",
            json!({"Policies": {"PasswordPolicy": {"TemporaryPasswordValidityDays": 7}}, "AdminCreateUserConfig": {"UnusedAccountValidityDays": 7}}),
            "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays"),
        Case::pool("no-password-factor", "A.1", essentials(factors(&["EMAIL_OTP"])),
            "Password should be configured as one of the allowed first auth factors."),
        Case::pool("passwordless-on-lite", "A.1", factors(&["PASSWORD", "WEB_AUTHN"]),
            "The following features need to be disabled for the LITE pricing tier configured: Passwordless Sign-In").code(UNAVAILABLE),
        Case::pool("sms-otp-without-sms", "0.1, refusals", essentials(factors(&["PASSWORD", "SMS_OTP"])),
            "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS configuration"),
        Case::pool("token-trigger-on-lite", "A.4",
            json!({"LambdaConfig": {"PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function}}}),
            "The following features need to be disabled for the LITE pricing tier configured: Token Customization with Pre-Token Generation Lambda V2_0").code(UNAVAILABLE),
        Case::pool("update-verification", "A.1",
            json!({"UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]}}),
            "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes"),
        Case::pool("recovery-twice", "A.1", recovery(&[("verified_email", 1), ("verified_phone_number", 1)]),
            "Account Recovery Setting cannot have duplicate priorities or recovery mechanisms."),
        Case::pool("admin-only-with-another", "A.1", recovery(&[("admin_only", 1), ("verified_email", 2)]),
            "Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms."),
        Case::pool("function-of-another-region", "A.4", json!({"LambdaConfig": {"PreSignUp": "arn:aws:lambda:{other}:111111111111:function:first-day"}}),
            "Cross-region lambda functions are not supported"),
        Case::pool("two-token-triggers", "A.4",
            json!({"LambdaConfig": {"PreTokenGeneration": function, "PreTokenGenerationConfig": {"LambdaVersion": "V1_0", "LambdaArn": "arn:aws:lambda:{region}:111111111111:function:second"}}}),
            "Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's"),
        Case::pool("sender-without-key", "A.4",
            json!({"LambdaConfig": {"CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": function}}}),
            "KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used."),
        Case::pool("key-of-another-region", "A.4",
            json!({"LambdaConfig": {"KMSKeyID": "arn:aws:kms:{other}:111111111111:key/11111111-1111-4111-8111-111111111111"}}),
            "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn {other}"),
        Case::pool("sender-without-identity", "A.5", json!({"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER"}}),
            "Source ARN is required to use DEVELOPER email sending owner"),
        Case::pool("ses-region", "A.5",
            json!({"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:sa-east-1:111111111111:identity/example.com"}}),
            "Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: {ses-regions}."),
        Case::pool("sms-role-of-another-account", "A.5",
            json!({"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::111111111111:role/first-day", "ExternalId": "first-day"}}),
            "Cross-account pass role is not allowed."),
        Case::pool("link-without-braces", "0.1, refusals",
            json!({"VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_LINK", "EmailMessageByLink": "Your code is {####}"}}),
            "The message is invalid."),
    ]
}

fn mfa() -> Vec<Case> {
    let set = |name, facts, request, text| {
        Case::of(Operation::SetUserPoolMfaConfig, name, facts, request, text)
    };
    let totp = json!({"Enabled": true});
    vec![
        set("mfa-off-with-factor", "A.3", json!({"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": totp}),
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."),
        set("mfa-off-with-disabled-factor", "0.1, refusals",
            json!({"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": {"Enabled": false}}),
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."),
        set("mfa-without-factor", "0.1, refusals", json!({"MfaConfiguration": "ON"}),
            "Invalid MFA configuration given, can't disable all MFAs with a required or optional configuration."),
        set("email-mfa-by-default-sender", "A.3",
            json!({"MfaConfiguration": "OPTIONAL", "EmailMfaConfiguration": {"Subject": "Your code"}}),
            "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an EmailSendingAccount of COGNITO_DEFAULT. Update the value of EmailSendingAccount.")
            .in_pool(json!({"UserPoolTier": "ESSENTIALS"})),
        Case::of(Operation::UpdateUserPool, "update-to-mfa-on", "0.1, refusals", json!({"MfaConfiguration": "ON", "UserPoolTier": "LITE"}),
            "Cannot turn MFA functionality ON, once the user pool has been created."),
    ]
}

fn clients() -> Vec<Case> {
    let oauth = |more: Value| {
        let mut settings = json!({"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "CallbackURLs": ["https://example.com/in"]});
        merge(&mut settings, more);
        settings
    };
    const FLOW: &str = "InvalidOAuthFlowException";
    vec![
        Case::client("unknown-scope", "A.6", oauth(json!({"AllowedOAuthScopes": ["nowhere/read"]})), "Invalid scope requested: nowhere/read")
            .code("ScopeDoesNotExistException"),
        Case::client("unknown-provider", "A.6", json!({"SupportedIdentityProviders": ["Nowhere"]}),
            "The provider Nowhere does not exist for User Pool {pool}"),
        Case::client("unknown-read-attribute", "A.6", json!({"ReadAttributes": ["custom:nothing"]}),
            "Invalid read attributes specified while creating a client"),
        Case::client("write-verified", "A.6", json!({"WriteAttributes": ["email_verified"]}),
            "Invalid write attributes specified while creating a client"),
        Case::client("old-and-new-flows", "A.6", json!({"ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}),
            "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names."),
        Case::client("context-without-secret", "A.6", json!({"EnablePropagateAdditionalUserContextData": true}),
            "Client Secret is required to set EnablePropagateAdditionalUserContextData as true"),
        Case::client("oauth-without-flows", "A.6", json!({"AllowedOAuthFlowsUserPoolClient": true}),
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."),
        Case::client("code-without-callback", "A.6", oauth(json!({"CallbackURLs": []})),
            "CallbackUrls can not be empty when code flow or implicit flow is selected"),
        Case::client("client-credentials-with-code", "A.6", oauth(json!({"AllowedOAuthFlows": ["client_credentials", "code"], "GenerateSecret": true})),
            "client_credentials flow can not be selected along with code flow or implicit flow.").code(FLOW),
        Case::client("client-credentials-without-secret", "A.6", oauth(json!({"AllowedOAuthFlows": ["client_credentials"]})),
            "client_credentials flow can not be selected if client does not have a client secret.").code(FLOW),
        Case::client("redirect-not-listed", "A.6", oauth(json!({"DefaultRedirectURI": "https://example.com/elsewhere"})),
            "The default redirect URI https://example.com/elsewhere is not in the callback URIs list."),
        Case::client("http-callback", "A.6", oauth(json!({"CallbackURLs": ["http://example.com/in"]})),
            "http://example.com/in cannot use the HTTP protocol."),
        Case::client("short-token", "A.6", json!({"AccessTokenValidity": 1, "TokenValidityUnits": {"AccessToken": "minutes"}}),
            "Invalid range for token validity."),
        Case::client("refresh-before-access", "A.6",
            json!({"AccessTokenValidity": 10, "RefreshTokenValidity": 2, "TokenValidityUnits": {"AccessToken": "hours", "RefreshToken": "hours"}}),
            "Access and Id Token expiration times must be less than or equal to refresh token expiration times."),
        Case::client("half-of-analytics", "A.6", json!({"AnalyticsConfiguration": {"ApplicationId": "0123456789abcdef0123456789abcdef"}}),
            "Invalid analytics configuration given, either <application arn> or <application id, role arn, external id> are valid"),
    ]
}

fn providers() -> Vec<Case> {
    let oidc = json!({"client_id": "first-day", "authorize_scopes": "openid", "oidc_issuer": "http://example.com", "attributes_request_method": "GET"});
    let metadata = "<EntityDescriptor/>";
    vec![
        Case::provider(
            "oidc-lacks-details",
            "OIDC",
            json!({"client_id": "first-day"}),
            "clientId, authorizeScopes, oidcIssuer and attributesRequestMethod are all required idp details.",
        ),
        Case::provider(
            "oidc-by-http",
            "OIDC",
            oidc,
            "OIDC endpoint must start with https://",
        ),
        Case::provider(
            "google-lacks-details",
            "Google",
            json!({"client_id": "first-day"}),
            "clientId, clientSecret and authorizeScopes are all required idp details.",
        ),
        Case::provider(
            "apple-lacks-key",
            "SignInWithApple",
            json!({"client_id": "first-day", "team_id": "t", "key_id": "k", "authorize_scopes": "email"}),
            "clientId, privateKey, teamId, and keyId are all required idp details.",
        ),
        Case::provider(
            "saml-without-metadata",
            "SAML",
            json!({"IDPSignout": "true"}),
            "At least one of the MetadataURL or MetadataFile should be provided.",
        ),
        Case::provider(
            "saml-with-both",
            "SAML",
            json!({"MetadataURL": "https://example.com/metadata", "MetadataFile": metadata}),
            "Only one of the MetadataURL or MetadataFile should be provided.",
        ),
    ]
}

fn others() -> Vec<Case> {
    let group = json!({"GroupName": "staff"});
    let domain = |name, prefix: &str, text| {
        Case::of(
            Operation::CreateUserPoolDomain,
            name,
            "A.10",
            json!({"Domain": prefix}),
            text,
        )
    };
    let events = json!({"EventSource": "userAuthEvents", "LogLevel": "INFO", "CloudWatchLogsConfiguration": {"LogGroupArn": "arn:aws:logs:{region}:{account}:log-group:first-day"}});
    let branding = json!({"ClientId": "{client}", "UseCognitoProvidedValues": true});
    vec![
        Case::of(Operation::CreateGroup, "group-twice", "Appendix 1", group.clone(), "A group with the name already exists.")
            .code("GroupExistsException")
            .after(Operation::CreateGroup, group),
        Case::of(Operation::CreateGroup, "group-role-of-another-account", "A.9",
            json!({"GroupName": "staff", "RoleArn": "arn:aws:iam::111111111111:role/first-day"}),
            "Cross-account pass role is not allowed."),
        domain("domain-with-a-dot", "first.day",
            "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens."),
        domain("domain-with-reserved-word", "first-aws-day", "Domain cannot contain reserved word: aws, amazon, or cognito"),
        Case::of(Operation::SetUICustomization, "customization-without-domain", "A.11", json!({"CSS": ".banner-customizable {}"}),
            "There has to be an existing domain associated with this user pool"),
        Case::of(Operation::GetUICustomization, "reading-customization-without-domain", "A.11", json!({}),
            "There has to be an existing domain associated with this user pool"),
        Case::of(Operation::CreateManagedLoginBranding, "branding-twice", "A.12", branding.clone(),
            "A managed login branding already exists for the app client.")
            .code("ManagedLoginBrandingExistsException")
            .in_pool(json!({"UserPoolTier": "ESSENTIALS"}))
            .after(Operation::CreateUserPoolClient, json!({}))
            .after(Operation::CreateManagedLoginBranding, branding),
        Case::of(Operation::SetLogDeliveryConfiguration, "log-streaming-on-essentials", "A.15", json!({"LogConfigurations": [events]}),
            "The following feature is not available for the ESSENTIALS pricing tier configured: Log Streaming")
            .code(UNAVAILABLE)
            .in_pool(json!({"UserPoolTier": "ESSENTIALS"})),
        Case::of(Operation::DeleteUserPool, "protected-pool", "B.1", json!({}),
            "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.")
            .in_pool(json!({"DeletionProtection": "ACTIVE"})),
        Case::of(Operation::CreateUserPoolDomain, "managed-login-on-lite", "A.10", json!({"Domain": "{run}-lite", "ManagedLoginVersion": 2}),
            "The following feature is not available for the LITE pricing tier configured: Managed Login Version 2")
            .code(UNAVAILABLE),
    ]
}
