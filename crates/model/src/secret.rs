//! Values that must not appear in a log, an error or a report.

use serde::{Deserialize, Serialize};

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
    fn neither_debug_nor_display_shows_a_secret() {
        let secret = Secret::new("t0p");
        assert!(!format!("{secret:?} {secret}").contains("t0p"));
        assert_eq!(secret.expose(), "t0p");
    }
}
