//! MFA: what SetUserPoolMfaConfig clears, and what a pool shows.

use cognito::Operation;
use serde_json::{Value, json};

use crate::question::{Observed, Question};
use crate::scratch::{Scratch, merge};

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
    ]
}

/// A pool with optional MFA by an authenticator app, and what else is set with it.
async fn with_mfa(scratch: &Scratch, more: Value) -> Result<Value, crate::scratch::Trouble> {
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
