//! Whose MFA preferences are read: each takes a call of its own.

use model::document::{BackupHead, MfaFactors, UserRecord};
use serde::Deserialize;
use serde_json::Value;

/// What a backup does about MFA preferences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MfaPreferences {
    /// They are read for those users who may have one: see [`MfaFactors`].
    #[default]
    Auto,
    /// They are read for every user but federated profiles.
    All,
    /// They are not read.
    None,
}

/// Whom a backup asks for, now that the pool's settings are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nobody,
    AllButFederated,
    WhoMayHaveOne(MfaFactors),
}

impl Asks {
    pub(crate) fn of(preferences: MfaPreferences, head: &BackupHead) -> Self {
        match preferences {
            MfaPreferences::None => Asks::Nobody,
            MfaPreferences::All => Asks::AllButFederated,
            MfaPreferences::Auto => {
                let factors = MfaFactors::of(head);
                match factors.any() {
                    true => Asks::WhoMayHaveOne(factors),
                    false => Asks::Nobody,
                }
            }
        }
    }

    /// Whether the user, as ListUsers gave it, is asked for.
    pub(crate) fn for_user(self, user: &Value) -> bool {
        match self {
            Asks::Nobody => false,
            Asks::AllButFederated => {
                user.get("UserStatus").and_then(Value::as_str) != Some("EXTERNAL_PROVIDER")
            }
            Asks::WhoMayHaveOne(factors) => {
                UserRecord::deserialize(user).is_ok_and(|user| factors.may_be_preferred_by(&user))
            }
        }
    }
}
