//! Session configuration of pools and app clients (facts A.18).

use serde_json::{Value, json};

use super::access;
use super::tiers::{self, Tier};
use crate::call::{Answer, Call, Document};
use crate::state::State;

/// The pool's configuration, or the defaults if it was never set (facts A.18 [MODEL]).
pub(crate) fn get(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    Ok(match &pool.sessions {
        Some(sessions) => Value::Object(sessions.clone()),
        None => json!({
            "UserPoolId": pool.id,
            "UserSessionTracking": "DISABLED",
            "TokenSession": {"MaxPerUser": 20},
        }),
    }
    .into())
}

/// A full replacement, from Essentials on (facts A.18 [MODEL]; the feature's name in the text is unverified).
pub(crate) fn set(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    tiers::require(pool, Tier::Essentials, "Session Management")?;
    pool.sessions = Some(call.request.clone());
    Ok(Value::Object(call.request.clone()).into())
}

/// The client's configuration, or the default if it was never set (facts A.18 [MODEL]).
pub(crate) fn get_for_client(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let client_id = call.required("ClientId")?;
    let client = access::client(pool, client_id)?;
    Ok(match &client.sessions {
        Some(sessions) => Value::Object(sessions.clone()),
        None => json!({
            "UserPoolId": pool.id,
            "ClientId": client_id,
            "SSOSession": {"MaxValidityMinutes": 60},
        }),
    }
    .into())
}

/// As [`set`], for an app client.
pub(crate) fn set_for_client(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let sessions: Document = call.request.clone();
    tiers::require(pool, Tier::Essentials, "Session Management")?;
    access::client_mut(pool, call.required("ClientId")?)?.sessions = Some(sessions.clone());
    Ok(Value::Object(sessions).into())
}
