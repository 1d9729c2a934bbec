//! Users who must not come back, as the backup Lambda is told of them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{BadRequest, read};
use crate::identifiers::{InvalidId, Sub, UserPoolId};

/// Enters users into the list of those whom no restore brings back, or takes them out again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    #[serde(rename = "action")]
    _action: String,
    /// The pool that they are or were in. It need not be one that is backed up any more.
    pub user_pool_id: UserPoolId,
    /// Who, by `sub`.
    #[serde(deserialize_with = "subs")]
    pub subs: BTreeSet<Sub>,
    /// Whether they are taken out of the list again.
    #[serde(default)]
    pub undo: bool,
}

impl ForgetRequest {
    /// The value of `action`.
    pub const ACTION: &'static str = "forget";

    /// Whether an event asks for it.
    pub fn is_asked_for(event: &Value) -> bool {
        event.get("action").and_then(Value::as_str) == Some(Self::ACTION)
    }

    /// Reads `{"action": "forget", "user_pool_id": ..., "subs": [...]}`, and `"undo": true`.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member.
    pub fn from_event(event: &Value) -> Result<Self, BadRequest> {
        let request: Self = read("forget", event)?;
        match request.subs.is_empty() {
            true => Err(BadRequest::member("subs", "name one user at least")),
            false => Ok(request),
        }
    }
}

fn subs<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Sub>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let subs: Result<_, InvalidId> = texts.iter().map(|text| Sub::from_uuid(text)).collect();
    subs.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SUB: &str = "5a1b0a6e-0001-4000-8000-000000000001";

    #[test]
    fn users_are_named_by_sub_in_whatever_case() {
        let event = json!({"action": "forget", "user_pool_id": "us-east-1_A", "subs": [SUB.to_uppercase(), SUB]});
        let request = ForgetRequest::from_event(&event).unwrap();
        assert_eq!(request.subs, BTreeSet::from([SUB.parse().unwrap()]));
        assert!(!request.undo);
    }

    #[test]
    fn what_is_no_sub_is_refused_by_name() {
        for (changed, value, named) in [
            ("subs", json!([]), "one user at least"),
            ("subs", json!(["ann"]), "sub"),
            ("subs", json!(["ann@example.com"]), "sub"),
            ("user_pool_id", json!("nonsense"), "user_pool_id"),
            ("sub", json!(SUB), "unknown field"),
        ] {
            let mut event =
                json!({"action": "forget", "user_pool_id": "us-east-1_A", "subs": [SUB]});
            event[changed] = value;
            let error = ForgetRequest::from_event(&event).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
