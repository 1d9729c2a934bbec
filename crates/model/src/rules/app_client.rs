//! What an app client has by leaving members of its document out (facts A.6, 0.1).

use serde_json::{Map, Value, json};

/// Flows that a client has when it names none (facts A.6).
const DEFAULT_FLOWS: [&str; 3] = [REFRESH, "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"];
/// The flow that refreshes tokens. Without a sign-in there is none to refresh: it lets nobody in.
pub const REFRESH: &str = "ALLOW_REFRESH_TOKEN_AUTH";
/// Validities with the value and the unit that hold when none is given (facts A.6).
const VALIDITIES: [(&str, u32, &str, &str); 3] = [
    ("AccessTokenValidity", 1, "AccessToken", "hours"),
    ("IdTokenValidity", 1, "IdToken", "hours"),
    ("RefreshTokenValidity", 30, "RefreshToken", "days"),
];

/// Whether refresh tokens of the client rotate.
pub fn rotates(client: &Map<String, Value>) -> bool {
    client
        .get("RefreshTokenRotation")
        .is_some_and(|rotation| rotation["Feature"] == "ENABLED")
}

/// Says what a client has by not naming it: some members mean more in a request that leaves them
/// out (facts A.6, 0.1). The comparison reads both sides so: said explicitly, a client is the same.
pub fn explicit_defaults(client: &mut Map<String, Value>) {
    let mut say = |name: &str, value: Value| {
        if client.get(name).is_none_or(Value::is_null) {
            client.insert(name.into(), value);
        }
    };
    say("EnableTokenRevocation", false.into());
    say("PreventUserExistenceErrors", "LEGACY".into());
    say("AuthSessionValidity", 3.into());
    if !client.contains_key("ExplicitAuthFlows") {
        let rotates = rotates(client);
        let flows: Vec<&str> = DEFAULT_FLOWS
            .into_iter()
            .filter(|flow| !rotates || *flow != REFRESH)
            .collect();
        client.insert("ExplicitAuthFlows".into(), json!(flows));
    }
    validities(client);
}

/// Values go with their units; 0 days of a refresh token mean 30 (facts A.6).
fn validities(client: &mut Map<String, Value>) {
    if client
        .get("RefreshTokenValidity")
        .is_some_and(|days| days == 0)
    {
        client.insert("RefreshTokenValidity".into(), 30.into());
    }
    let mut units = match client.get("TokenValidityUnits") {
        Some(Value::Object(units)) => units.clone(),
        _ => Map::new(),
    };
    for (name, value, unit, default) in VALIDITIES {
        if !client.contains_key(name) {
            // A unit without a value would give the default value another length.
            units.insert(unit.into(), default.into());
            client.insert(name.into(), value.into());
        } else if !units.contains_key(unit) {
            units.insert(unit.into(), default.into());
        }
    }
    client.insert("TokenValidityUnits".into(), Value::Object(units));
}
