//! AdminGetUser and AdminGetUserAuthFactors (facts C.4).

use serde_json::{Map, Value, json};

use crate::call::{Answer, Call, Document};
use crate::state::{Pool, State, User, UserStatus};
use crate::user::view::AttributesView;
use crate::user::{named, password};

/// AdminGetUser. The user becomes billable (facts C.4, E).
pub(crate) fn admin_get(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let user = named(pool, call)?;
    let mut answer = Map::new();
    answer.insert("Username".to_owned(), json!(user.username));
    answer.insert(
        "UserAttributes".to_owned(),
        json!(AttributesView { user, only: None }),
    );
    answer.insert("UserCreateDate".to_owned(), user.created.into());
    answer.insert("UserLastModifiedDate".to_owned(), user.modified.into());
    answer.insert("Enabled".to_owned(), json!(user.enabled));
    answer.insert("UserStatus".to_owned(), json!(user.status.as_str()));
    put_mfa(&mut answer, user);
    call.note_active(&pool.id, user.sub);
    Ok(Value::Object(answer).into())
}

/// AdminGetUserAuthFactors: the same MFA preferences, probably without billing (facts C.4 \[INF/UNV\]).
pub(crate) fn admin_get_auth_factors(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let user = named(pool, call)?;
    let mut answer = Map::new();
    answer.insert("Username".to_owned(), json!(user.username));
    put_mfa(&mut answer, user);
    answer.insert(
        "ConfiguredUserAuthFactors".to_owned(),
        json!(factors(pool, user)),
    );
    Ok(Value::Object(answer).into())
}

/// `PreferredMfaSetting` and `UserMFASettingList`, absent when there are none.
fn put_mfa(answer: &mut Document, user: &User) {
    let Some(extra) = &user.extra else { return };
    if let Some(preferred) = extra.preferred_mfa {
        answer.insert("PreferredMfaSetting".to_owned(), json!(preferred.as_str()));
    }
    if !extra.mfa.is_empty() {
        let list: Vec<&str> = extra.mfa.iter().map(|factor| factor.as_str()).collect();
        answer.insert("UserMFASettingList".to_owned(), json!(list));
    }
}

/// What the user could sign in with, as far as the profile tells \[INF\].
fn factors(pool: &Pool, user: &User) -> Vec<&'static str> {
    let mut factors = Vec::new();
    if user.status != UserStatus::ExternalProvider
        && (user.password.is_some() || !password::is_passwordless(pool))
    {
        factors.push("PASSWORD");
    }
    let mfa = user.extra.as_ref().map(|extra| &extra.mfa);
    let has = |factor| mfa.is_some_and(|mfa| mfa.contains(&factor));
    if user.attribute("email").is_some() && user.is_verified("email") {
        factors.push("EMAIL_OTP");
    }
    if user.attribute("phone_number").is_some() && user.is_verified("phone_number") {
        factors.push("SMS_OTP");
    }
    if has(crate::state::MfaFactor::SoftwareToken) {
        factors.push("SOFTWARE_TOKEN");
    }
    if has(crate::state::MfaFactor::WebAuthn) {
        factors.push("WEB_AUTHN");
    }
    factors
}
