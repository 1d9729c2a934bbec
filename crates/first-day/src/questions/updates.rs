//! What becomes of a member that an update leaves out: does the service keep it, or reset it?
//!
//! A pool or client is made with the member set, updated without it, and read back.

use cognito::Operation;
use serde_json::{Value, json};

use crate::question::{Observed, Question};
use crate::scratch::{Pool, Scratch, TAG, Trouble, merge};

/// A member that an update leaves out.
struct Member {
    /// The last part of the question's id.
    name: &'static str,
    /// Where Describe shows it.
    path: &'static str,
    /// What it is set to, and what has to be set with it.
    set: Value,
    /// What the update has to say all the same, for the member's sake.
    update: Value,
    /// What the simulator does.
    expected: &'static str,
}

fn member(name: &'static str, path: &'static str, set: Value, expected: &'static str) -> Member {
    let update = json!({});
    Member {
        name,
        path,
        set,
        update,
        expected,
    }
}

impl Member {
    fn with(self, update: Value) -> Self {
        Self { update, ..self }
    }
}

const FACTS: &str = "0.1, updates";

pub(super) fn questions() -> Vec<Question> {
    let of_pools = pool_members().into_iter().map(|member| {
        let asks = format!(
            "What does UpdateUserPool do with {}, left out?",
            member.path
        );
        let id = format!("update-pool.{}", member.name);
        Question::new(id, asks, FACTS, member.expected, move |scratch| {
            let (path, set, update) = (member.path, member.set.clone(), member.update.clone());
            Box::pin(update_pool(scratch, path, set, update))
        })
    });
    let of_clients = client_members().into_iter().map(|member| {
        let asks = format!(
            "What does UpdateUserPoolClient do with {}, left out?",
            member.path
        );
        let id = format!("update-client.{}", member.name);
        Question::new(id, asks, FACTS, member.expected, move |scratch| {
            let (path, set, update) = (member.path, member.set.clone(), member.update.clone());
            Box::pin(update_client(scratch, path, set, update))
        })
    });
    let taken = [
        (
            "key-configuration",
            json!({"KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"}}),
        ),
        (
            "issuer-configuration",
            json!({"IssuerConfiguration": {"Type": "ORIGINAL"}}),
        ),
    ];
    let taken = taken.into_iter().map(|(name, update)| {
        let id = format!("update-pool-with.{name}");
        let asks = format!("Does UpdateUserPool take the default that Describe shows, {update}?");
        Question::new(id, asks, "0.1, Describe", "accepted", move |scratch| {
            let update = update.clone();
            Box::pin(async move {
                let pool = scratch.pool(json!({})).await?;
                let mut request = json!({"UserPoolId": pool.id});
                merge(&mut request, update);
                let answer = scratch.ask(Operation::UpdateUserPool, request).await?;
                Ok(crate::scratch::outcome(&answer))
            })
        })
    });
    of_pools.chain(of_clients).chain(taken).collect()
}

fn pool_members() -> Vec<Member> {
    const KEPT: &str = "kept";
    const RESET: &str = "reset";
    let message = "Your code is {####}, in a text of our own";
    vec![
        member("password-policy", "/Policies/PasswordPolicy/MinimumLength",
            json!({"Policies": {"PasswordPolicy": {"MinimumLength": 13}}}), KEPT),
        member("sign-in-policy", "/Policies/SignInPolicy/AllowedFirstAuthFactors",
            json!({"UserPoolTier": "ESSENTIALS", "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}}), KEPT)
            .with(json!({"UserPoolTier": "ESSENTIALS"})),
        member("attribute-update-settings", "/UserAttributeUpdateSettings/AttributesRequireVerificationBeforeUpdate",
            json!({"AutoVerifiedAttributes": ["email"], "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]}}), KEPT)
            .with(json!({"AutoVerifiedAttributes": ["email"]})),
        member("deletion-protection", "/DeletionProtection", json!({"DeletionProtection": "ACTIVE"}), KEPT),
        member("auto-verified-attributes", "/AutoVerifiedAttributes", json!({"AutoVerifiedAttributes": ["email"]}), RESET),
        member("lambda-config", "/LambdaConfig/PostConfirmation",
            json!({"LambdaConfig": {"PostConfirmation": "arn:aws:lambda:{region}:111111111111:function:first-day"}}), RESET),
        member("add-ons", "/UserPoolAddOns/AdvancedSecurityMode",
            json!({"UserPoolTier": "PLUS", "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"}}), RESET)
            .with(json!({"UserPoolTier": "PLUS"})),
        member("tags", "/UserPoolTags/colour", json!({"UserPoolTags": {"colour": "blue"}}), RESET),
        member("device-configuration", "/DeviceConfiguration/ChallengeRequiredOnNewDevice",
            json!({"DeviceConfiguration": {"ChallengeRequiredOnNewDevice": true}}), RESET),
        member("verification-messages", "/VerificationMessageTemplate/EmailMessage",
            json!({"VerificationMessageTemplate": {"EmailMessage": message}}), RESET),
        member("message-by-link", "/VerificationMessageTemplate/EmailMessageByLink",
            json!({"VerificationMessageTemplate": {"EmailMessageByLink": "Follow {##this link##}"}}), RESET),
        member("default-email-option", "/VerificationMessageTemplate/DefaultEmailOption",
            json!({"VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_LINK", "EmailMessageByLink": "Follow {##this link##}"}}), RESET),
        member("sms-authentication-message", "/SmsAuthenticationMessage",
            json!({"SmsAuthenticationMessage": message}), RESET),
        member("tier", "/UserPoolTier", json!({"UserPoolTier": "LITE"}), RESET),
        member("email-configuration", "/EmailConfiguration/ReplyToEmailAddress",
            json!({"EmailConfiguration": {"ReplyToEmailAddress": "nobody@example.com"}}), RESET),
        member("account-recovery", "/AccountRecoverySetting/RecoveryMechanisms",
            json!({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]}}), RESET),
        member("admin-create-user", "/AdminCreateUserConfig/AllowAdminCreateUserOnly",
            json!({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true}}), RESET),
        member("invitation", "/AdminCreateUserConfig/InviteMessageTemplate/EmailMessage",
            json!({"AdminCreateUserConfig": {"InviteMessageTemplate": {"EmailMessage": "{username}, your password is {####}"}}}), RESET),
    ]
}

fn client_members() -> Vec<Member> {
    const KEPT: &str = "kept";
    const RESET: &str = "reset";
    let oauth = json!({
        "SupportedIdentityProviders": ["COGNITO"], "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"],
        "CallbackURLs": ["https://example.com/in"], "LogoutURLs": ["https://example.com/out"],
        "DefaultRedirectURI": "https://example.com/in",
    });
    let rotating = json!({"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]});
    let mut rotation =
        json!({"RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 30}});
    merge(&mut rotation, rotating.clone());
    vec![
        member(
            "refresh-token-validity",
            "/RefreshTokenValidity",
            json!({"RefreshTokenValidity": 10}),
            KEPT,
        ),
        member(
            "token-revocation",
            "/EnableTokenRevocation",
            json!({"EnableTokenRevocation": false}),
            KEPT,
        ),
        member(
            "auth-session-validity",
            "/AuthSessionValidity",
            json!({"AuthSessionValidity": 9}),
            KEPT,
        ),
        member(
            "refresh-token-rotation",
            "/RefreshTokenRotation/Feature",
            rotation,
            KEPT,
        )
        .with(rotating),
        member(
            "auth-flows",
            "/ExplicitAuthFlows",
            json!({"ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}),
            RESET,
        ),
        member(
            "access-token-validity",
            "/AccessTokenValidity",
            json!({"AccessTokenValidity": 5}),
            RESET,
        ),
        member(
            "token-validity-units",
            "/TokenValidityUnits/AccessToken",
            json!({"AccessTokenValidity": 10, "TokenValidityUnits": {"AccessToken": "minutes"}}),
            RESET,
        ),
        member(
            "user-existence-errors",
            "/PreventUserExistenceErrors",
            json!({"PreventUserExistenceErrors": "ENABLED"}),
            RESET,
        ),
        member(
            "read-attributes",
            "/ReadAttributes",
            json!({"ReadAttributes": ["email"]}),
            RESET,
        ),
        member(
            "write-attributes",
            "/WriteAttributes",
            json!({"WriteAttributes": ["email"]}),
            RESET,
        ),
        member(
            "identity-providers",
            "/SupportedIdentityProviders",
            json!({"SupportedIdentityProviders": ["COGNITO"]}),
            RESET,
        ),
        member("oauth-flows", "/AllowedOAuthFlows", oauth.clone(), RESET),
        member("callback-urls", "/CallbackURLs", oauth.clone(), RESET),
        member("logout-urls", "/LogoutURLs", oauth.clone(), RESET),
        member("default-redirect", "/DefaultRedirectURI", oauth, RESET),
        member(
            "context-propagation",
            "/EnablePropagateAdditionalUserContextData",
            json!({"GenerateSecret": true, "EnablePropagateAdditionalUserContextData": true}),
            RESET,
        ),
    ]
}

/// What became of a member that was `before`, and is `after`.
fn fate(operation: Operation, before: Option<&Value>, after: Option<&Value>) -> Observed {
    match before {
        None => Err(Trouble::Unexpected {
            operation: operation.to_string(),
            lacks: "the member that was set",
        }),
        Some(_) if before == after => Ok("kept".to_owned()),
        Some(_) => Ok("reset".to_owned()),
    }
}

async fn update_pool(scratch: &Scratch, path: &str, set: Value, update: Value) -> Observed {
    let pool = scratch.pool(scratch.filled_document(&set)).await?;
    let before = scratch.describe(&pool).await?;
    let mut request = json!({"UserPoolId": pool.id});
    // By its tag it is found again should the journal be lost.
    if !path.starts_with("/UserPoolTags") {
        request["UserPoolTags"] = json!({TAG: scratch.run()});
    }
    merge(&mut request, update);
    scratch.call(Operation::UpdateUserPool, request).await?;
    let after = scratch.describe(&pool).await?;
    fate(
        Operation::DescribeUserPool,
        before.pointer(path),
        after.pointer(path),
    )
}

async fn update_client(scratch: &Scratch, path: &str, set: Value, update: Value) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let client = scratch.client(&pool, set).await?;
    let before = describe_client(scratch, &pool, &client).await?;
    let mut request = json!({"UserPoolId": pool.id, "ClientId": client["ClientId"]});
    merge(&mut request, update);
    scratch
        .call(Operation::UpdateUserPoolClient, request)
        .await?;
    let after = describe_client(scratch, &pool, &client).await?;
    fate(
        Operation::DescribeUserPoolClient,
        before.pointer(path),
        after.pointer(path),
    )
}

/// The client as DescribeUserPoolClient shows it.
pub(super) async fn describe_client(
    scratch: &Scratch,
    pool: &Pool,
    client: &Value,
) -> Result<Value, Trouble> {
    let request = json!({"UserPoolId": pool.id, "ClientId": client["ClientId"]});
    let mut described = scratch
        .call(Operation::DescribeUserPoolClient, request)
        .await?;
    Ok(described["UserPoolClient"].take())
}
