//! What stands for everything that differs: a plan whose pool has another one is refused.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::heads::is_absent;

/// A value as text, whatever the order of members and elements: lists of Cognito have none.
pub(super) fn stable(value: &Option<Value>) -> String {
    fn ordered(value: &Value) -> Value {
        match value {
            Value::Array(elements) => {
                let mut elements: Vec<Value> = elements.iter().map(ordered).collect();
                elements.sort_by_key(Value::to_string);
                elements.into()
            }
            Value::Object(members) => {
                let mut members: serde_json::Map<String, Value> = members
                    .iter()
                    .filter(|(_, value)| !is_absent(value))
                    .map(|(name, value)| (name.clone(), ordered(value)))
                    .collect();
                members.sort_keys();
                members.into()
            }
            Value::Number(number) => number.as_f64().map_or(value.clone(), Value::from),
            other => other.clone(),
        }
    }
    value.as_ref().map(ordered).unwrap_or_default().to_string()
}

/// The fingerprint of these lines.
pub(super) fn fingerprint<'a>(lines: impl Iterator<Item = &'a String>) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
