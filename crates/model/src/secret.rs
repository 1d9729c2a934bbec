//! Values that must not appear in a log, an error or a report.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Members of Cognito's documents whose values are secrets.
const SECRETS: [&str; 6] = [
    "ClientSecret",
    "ClientSecretValue",
    "client_secret",
    "private_key",
    "Password",
    "TemporaryPassword",
];

/// Members that are public by their standard (SAML), and in which somebody may have put a secret.
const MAY_HOLD_SECRETS: [&str; 1] = ["MetadataFile"];

/// Whether the value of a member so named must not be shown.
pub fn is_secret_member(name: &str) -> bool {
    is_encrypted_member(name) || MAY_HOLD_SECRETS.contains(&name)
}

/// Whether the value of a member so named is encrypted in a backup whose secrets are.
pub fn is_encrypted_member(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// Puts `(hidden)` in the place of every secret in a document, whatever its depth.
pub fn hide_members(document: &mut Value) {
    match document {
        Value::Array(elements) => elements.iter_mut().for_each(hide_members),
        Value::Object(members) => {
            for (name, member) in members {
                if is_secret_member(name) && !member.is_null() {
                    *member = "(hidden)".into();
                } else {
                    hide_members(member);
                }
            }
        }
        _ => {}
    }
}

/// A value whose `Debug` and `Display` hide it: client secrets, passwords, private keys.
///
/// It serializes as itself, because a backup has to hold it. Never put one into a log field,
/// an error or a Step Functions answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that must not be shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let mut document = serde_json::json!([{
            "ClientId": "a", "ClientSecret": "t0p",
            "ProviderDetails": {"client_id": "b", "client_secret": "t0p"},
        }]);
        hide_members(&mut document);
        let text = document.to_string();
        assert!(!text.contains("t0p") && text.contains("\"b\""), "{text}");
    }

    #[test]
    fn neither_debug_nor_display_shows_a_secret() {
        let secret = Secret::new("t0p");
        assert!(!format!("{secret:?} {secret}").contains("t0p"));
        assert_eq!(secret.expose(), "t0p");
    }
}
