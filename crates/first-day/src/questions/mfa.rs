//! MFA: what SetUserPoolMfaConfig clears, and what a pool shows.

use cognito::Operation;
use serde_json::{Value, json};

use crate::question::{Need, Observed, Question};
use crate::scratch::{Pool, Scratch, Trouble, merge, outcome};

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "mfa.passkeys-left-out",
            "Does SetUserPoolMfaConfig clear a WebAuthnConfiguration that it leaves out?",
            "0.1, updates",
            "cleared",
            |scratch| Box::pin(passkeys_left_out(scratch)),
        ),
        Question::new(
            "mfa.factor-left-out",
            "Does SetUserPoolMfaConfig turn a factor off that it leaves out, with MFA off?",
            "0.1, updates",
            "cleared",
            |scratch| Box::pin(factor_left_out(scratch)),
        ),
        Question::new(
            "mfa.mode-left-out",
            "What is MFA after a SetUserPoolMfaConfig without MfaConfiguration?",
            "0.1, updates",
            "OFF",
            |scratch| Box::pin(mode_left_out(scratch)),
        ),
        Question::new(
            "mfa.pool-update-keeps-mode",
            "Does UpdateUserPool keep MFA, left out?",
            "0.1, updates",
            "OPTIONAL",
            |scratch| Box::pin(pool_update_keeps_mode(scratch)),
        ),
        Question::new(
            "mfa.sms-when-off",
            "Does GetUserPoolMfaConfig show SMS where MFA is off?",
            "A.3, Appendix 2",
            "shown",
            |scratch| Box::pin(sms_when_off(scratch)),
        )
        .needs(Need::Iam),
        Question::new(
            "mfa.sms-and-recovery-by-phone",
            "How is MFA by SMS refused where recovery is by phone alone?",
            "0.1, refusals",
            "InvalidParameterException: Invalid account recovery setting parameter. Account Recovery Setting cannot use verified_phone_number as a recovery mechanism when SMS MFA is configured.",
            |scratch| Box::pin(sms_and_recovery(scratch)),
        )
        .needs(Need::Iam),
    ]
}

/// A pool with optional MFA by an authenticator app, and what else is set with it.
async fn with_mfa(scratch: &Scratch, more: Value) -> Result<Value, Trouble> {
    let pool = scratch.pool(json!({"UserPoolTier": "ESSENTIALS"})).await?;
    let id = json!({"UserPoolId": pool.id});
    let mut request = json!({"UserPoolId": pool.id, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}});
    merge(&mut request, more);
    scratch
        .call(Operation::SetUserPoolMfaConfig, request)
        .await?;
    Ok(id)
}

async fn passkeys_left_out(scratch: &Scratch) -> Observed {
    let passkeys = json!({"WebAuthnConfiguration": {"RelyingPartyId": "login.example.com", "UserVerification": "preferred"}});
    let id = with_mfa(scratch, passkeys).await?;
    let mut request =
        json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}});
    merge(&mut request, id.clone());
    scratch
        .call(Operation::SetUserPoolMfaConfig, request)
        .await?;
    let answer = scratch.call(Operation::GetUserPoolMfaConfig, id).await?;
    let party = &answer["WebAuthnConfiguration"]["RelyingPartyId"];
    Ok(cleared(party != "login.example.com"))
}

async fn factor_left_out(scratch: &Scratch) -> Observed {
    let id = with_mfa(scratch, json!({})).await?;
    let mut request = json!({"MfaConfiguration": "OFF"});
    merge(&mut request, id.clone());
    scratch
        .call(Operation::SetUserPoolMfaConfig, request)
        .await?;
    let answer = scratch.call(Operation::GetUserPoolMfaConfig, id).await?;
    Ok(cleared(
        answer["SoftwareTokenMfaConfiguration"]["Enabled"] != true,
    ))
}

async fn mode_left_out(scratch: &Scratch) -> Observed {
    let id = with_mfa(scratch, json!({})).await?;
    scratch
        .call(Operation::SetUserPoolMfaConfig, id.clone())
        .await?;
    mode(scratch, id).await
}

async fn pool_update_keeps_mode(scratch: &Scratch) -> Observed {
    let id = with_mfa(scratch, json!({})).await?;
    let mut request = json!({"UserPoolTier": "ESSENTIALS"});
    merge(&mut request, id.clone());
    scratch.call(Operation::UpdateUserPool, request).await?;
    mode(scratch, id).await
}

async fn mode(scratch: &Scratch, id: Value) -> Observed {
    let answer = scratch.call(Operation::GetUserPoolMfaConfig, id).await?;
    Ok(answer["MfaConfiguration"]
        .as_str()
        .unwrap_or("absent")
        .to_owned())
}

fn cleared(is_cleared: bool) -> String {
    if is_cleared { "cleared" } else { "kept" }.to_owned()
}

/// A pool that may send text messages, and a recovery of its own; it sends none.
async fn with_sms(scratch: &Scratch, more: Value) -> Result<Pool, Trouble> {
    let statements = json!([{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]);
    let role = scratch
        .role("cognito-idp.amazonaws.com", statements)
        .await?;
    let mut settings =
        json!({"SmsConfiguration": {"SnsCallerArn": role, "ExternalId": "first-day"}});
    merge(&mut settings, more);
    let made = scratch.until_iam_knows(async || scratch.try_pool(settings.clone()).await);
    made.await?.map_err(|refusal| Trouble::Refused {
        operation: Operation::CreateUserPool.to_string(),
        refusal,
    })
}

async fn sms_when_off(scratch: &Scratch) -> Observed {
    let pool = with_sms(scratch, json!({})).await?;
    let answer = scratch
        .call(
            Operation::GetUserPoolMfaConfig,
            json!({"UserPoolId": pool.id}),
        )
        .await?;
    let shown = answer
        .pointer("/SmsMfaConfiguration/SmsConfiguration")
        .is_some();
    Ok(if shown { "shown" } else { "absent" }.to_owned())
}

async fn sms_and_recovery(scratch: &Scratch) -> Observed {
    let by_phone = json!({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_phone_number", "Priority": 1}]}});
    let pool = with_sms(scratch, by_phone).await?;
    let described = scratch.describe(&pool).await?;
    let sms = &described["SmsConfiguration"];
    let request = json!({"UserPoolId": pool.id, "MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": sms}});
    Ok(outcome(
        &scratch
            .ask(Operation::SetUserPoolMfaConfig, request)
            .await?,
    ))
}
