//! Users: states and sign-ups. Nobody gets a message: invitations are suppressed, and the pools
//! verify no address.

use std::time::Duration;

use cognito::Operation;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cost::Unit;
use crate::question::{Observed, Question};
use crate::scratch::{Pool, Scratch, Trouble, outcome};

/// How long the restore waits until sign-ups are let in.
const SIGN_UPS_LET_IN: Duration = Duration::from_secs(330);
/// Between two sign-ups that are refused.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "users.temporary-password-unconfirmed",
            "What is an UNCONFIRMED user after AdminSetUserPassword with a temporary password?",
            "C.2, Appendix 2",
            "FORCE_CHANGE_PASSWORD",
            |scratch| Box::pin(temporary_password(scratch)),
        )
        .costs(Unit::ActiveUser, 1),
        Question::new(
            "users.sign-up-opens",
            "Does an update that opens self sign-up act within the 330 s that the restore waits?",
            "C.2",
            "let in",
            |scratch| Box::pin(sign_up_opens(scratch)),
        )
        .costs(Unit::ActiveUser, 1)
        .within(Duration::from_secs(400)),
        Question::new(
            "users.same-name",
            "How is a username refused that there already is?",
            "Appendix 1",
            "UsernameExistsException: User account already exists",
            |scratch| Box::pin(same_name(scratch)),
        )
        .costs(Unit::ActiveUser, 1),
        Question::new(
            "users.own-sub",
            "How is a user refused whose `sub` is given?",
            "C.1",
            "InvalidParameterException: Cannot modify the non-mutable attribute sub",
            |scratch| Box::pin(own_sub(scratch)),
        ),
        Question::new(
            "users.totp-unregistered",
            "How is TOTP refused as a preference of a user without an authenticator app?",
            "0.1, refusals",
            "InvalidParameterException: User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA",
            |scratch| Box::pin(totp_unregistered(scratch)),
        )
        .costs(Unit::ActiveUser, 1),
        Question::new(
            "users.sub-for-username",
            "Do Admin operations take a local user's `sub` in place of the username?",
            "C.3",
            "accepted",
            |scratch| Box::pin(sub_for_username(scratch)),
        )
        .costs(Unit::ActiveUser, 1),
    ]
}

/// A password that every policy takes; the user goes with the pool.
pub(super) fn password() -> String {
    let mut random = [0; 12];
    // Without randomness from the system there is nothing to protect either: the pool is empty.
    let _ = getrandom::fill(&mut random);
    let letters: String = random
        .iter()
        .map(|byte| char::from(b'a' + byte % 26))
        .collect();
    format!("A1!{letters}")
}

async fn open_pool(scratch: &Scratch) -> Result<(Pool, Value), Trouble> {
    let pool = scratch
        .pool(json!({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false}}))
        .await?;
    let client = scratch.client(&pool, json!({})).await?;
    Ok((pool, client))
}

async fn temporary_password(scratch: &Scratch) -> Observed {
    let (pool, client) = open_pool(scratch).await?;
    let request = json!({"ClientId": client["ClientId"], "Username": "first-day-user", "Password": password()});
    scratch.call(Operation::SignUp, request).await?;
    let request = json!({"UserPoolId": pool.id, "Username": "first-day-user", "Password": password(), "Permanent": false});
    let answer = scratch
        .ask(Operation::AdminSetUserPassword, request)
        .await?;
    if let Err(refusal) = answer {
        return Ok(refusal.to_string());
    }
    let request = json!({"UserPoolId": pool.id});
    let listed = scratch.call(Operation::ListUsers, request).await?;
    Ok(listed["Users"][0]["UserStatus"]
        .as_str()
        .unwrap_or("not listed")
        .to_owned())
}

async fn sign_up_opens(scratch: &Scratch) -> Observed {
    let pool = scratch
        .pool(json!({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true}}))
        .await?;
    let client = scratch.client(&pool, json!({})).await?;
    let request = json!({"UserPoolId": pool.id, "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false}});
    scratch.call(Operation::UpdateUserPool, request).await?;
    let began = Instant::now();
    loop {
        let request = json!({"ClientId": client["ClientId"], "Username": "first-day-user", "Password": password()});
        match scratch.ask(Operation::SignUp, request).await? {
            Ok(_) => return Ok("let in".to_owned()),
            Err(refusal) if began.elapsed() > SIGN_UPS_LET_IN => return Ok(refusal.to_string()),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn same_name(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    scratch.user(&pool, "first-day-user", json!({})).await?;
    let request =
        json!({"UserPoolId": pool.id, "Username": "first-day-user", "MessageAction": "SUPPRESS"});
    Ok(outcome(
        &scratch.ask(Operation::AdminCreateUser, request).await?,
    ))
}

async fn own_sub(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let sub = json!([{"Name": "sub", "Value": "11111111-1111-4111-8111-111111111111"}]);
    let request = json!({"UserPoolId": pool.id, "Username": "first-day-user", "MessageAction": "SUPPRESS", "UserAttributes": sub});
    Ok(outcome(
        &scratch.ask(Operation::AdminCreateUser, request).await?,
    ))
}

async fn totp_unregistered(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    scratch.user(&pool, "first-day-user", json!({})).await?;
    let request = json!({"UserPoolId": pool.id, "Username": "first-day-user", "SoftwareTokenMfaSettings": {"Enabled": true, "PreferredMfa": true}});
    Ok(outcome(
        &scratch
            .ask(Operation::AdminSetUserMFAPreference, request)
            .await?,
    ))
}

async fn sub_for_username(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let user = scratch.user(&pool, "first-day-user", json!({})).await?;
    let attributes = user["Attributes"].as_array().into_iter().flatten();
    let sub = attributes
        .filter(|attribute| attribute["Name"] == "sub")
        .map(|attribute| attribute["Value"].clone())
        .next();
    let request = json!({"UserPoolId": pool.id, "Username": sub});
    Ok(outcome(
        &scratch.ask(Operation::AdminDisableUser, request).await?,
    ))
}
