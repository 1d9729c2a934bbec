//! One user of a document, as far as the logic needs to look into it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::identifiers::{Sub, Username};

/// One attribute of a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// The name as Cognito shows it: `email`, `custom:plan`, `dev:custom:plan`.
    #[serde(rename = "Name")]
    pub name: String,
    /// The value. Personal: never for logs.
    #[serde(rename = "Value", default)]
    pub value: String,
}

impl std::fmt::Debug for Attribute {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Attribute({}, hidden)", self.name)
    }
}

/// A user's status, as Cognito names it (API model, `UserStatusType`). Names that this version
/// does not know are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UserStatus {
    /// Signed up, not confirmed.
    Unconfirmed,
    /// Can sign in.
    Confirmed,
    /// No longer used by Cognito.
    Archived,
    /// No longer used by Cognito.
    Compromised,
    /// No longer used by Cognito.
    Unknown,
    /// Must set a new password by "forgot password".
    ResetRequired,
    /// Has a temporary password.
    ForceChangePassword,
    /// Signed in through an identity provider.
    ExternalProvider,
    /// A status that this version does not know.
    Other(String),
}

impl UserStatus {
    /// The name that Cognito uses.
    pub fn as_str(&self) -> &str {
        match self {
            UserStatus::Unconfirmed => "UNCONFIRMED",
            UserStatus::Confirmed => "CONFIRMED",
            UserStatus::Archived => "ARCHIVED",
            UserStatus::Compromised => "COMPROMISED",
            UserStatus::Unknown => "UNKNOWN",
            UserStatus::ResetRequired => "RESET_REQUIRED",
            UserStatus::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
            UserStatus::ExternalProvider => "EXTERNAL_PROVIDER",
            UserStatus::Other(name) => name,
        }
    }

    /// Whether it is one that Cognito no longer gives to anybody (facts C.2). Such a user is made
    /// again as confirmed and disabled.
    pub fn is_retired(&self) -> bool {
        matches!(
            self,
            UserStatus::Archived | UserStatus::Compromised | UserStatus::Unknown
        )
    }
}

impl From<String> for UserStatus {
    fn from(name: String) -> Self {
        match name.as_str() {
            "UNCONFIRMED" => UserStatus::Unconfirmed,
            "CONFIRMED" => UserStatus::Confirmed,
            "ARCHIVED" => UserStatus::Archived,
            "COMPROMISED" => UserStatus::Compromised,
            "UNKNOWN" => UserStatus::Unknown,
            "RESET_REQUIRED" => UserStatus::ResetRequired,
            "FORCE_CHANGE_PASSWORD" => UserStatus::ForceChangePassword,
            "EXTERNAL_PROVIDER" => UserStatus::ExternalProvider,
            _ => UserStatus::Other(name),
        }
    }
}

impl From<UserStatus> for String {
    fn from(status: UserStatus) -> String {
        status.as_str().to_owned()
    }
}

/// One user as ListUsers gives it, with the MFA preference where the backup read it.
///
/// Members that this version does not know stay in `rest`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The username. In pools that sign in by e-mail or phone it equals the `sub` (facts C.1).
    #[serde(rename = "Username")]
    pub username: Username,
    /// All attributes, `sub` among them.
    #[serde(rename = "Attributes", default)]
    pub attributes: Vec<Attribute>,
    /// The status.
    #[serde(rename = "UserStatus", default = "unknown_status")]
    pub status: UserStatus,
    /// Whether the user may sign in.
    #[serde(rename = "Enabled", default = "enabled")]
    pub enabled: bool,
    /// The preferred second factor: `SMS_MFA`, `EMAIL_OTP` or `SOFTWARE_TOKEN_MFA`.
    #[serde(
        rename = "PreferredMfaSetting",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub preferred_mfa: Option<String>,
    /// The second factors that are switched on; `None` when the backup did not ask.
    #[serde(
        rename = "UserMFASettingList",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub mfa_settings: Option<Vec<String>>,
    /// Everything else: dates, legacy `MFAOptions`, members yet to come.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

fn unknown_status() -> UserStatus {
    UserStatus::Unknown
}

fn enabled() -> bool {
    true
}

impl UserRecord {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.as_str())
    }

    /// The user's `sub`; every user of a real pool has one.
    pub fn sub(&self) -> Option<Sub> {
        self.attribute("sub").and_then(|sub| sub.parse().ok())
    }

    /// Enters the MFA preference that Cognito told beside the user: `PreferredMfaSetting` and
    /// `UserMFASettingList`.
    pub fn set_mfa_preference(&mut self, preference: &Map<String, Value>) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.preferred_mfa = preference.get("PreferredMfaSetting").and_then(text);
        let settings = preference
            .get("UserMFASettingList")
            .and_then(Value::as_array);
        self.mfa_settings = settings.map(|settings| settings.iter().filter_map(text).collect());
    }

    /// Whether it is a federated profile, which Cognito makes itself at a sign-in (facts C.2).
    pub fn is_federated(&self) -> bool {
        self.status == UserStatus::ExternalProvider
    }

    /// The identities in the `identities` attribute (facts C.3); none when it is missing or is
    /// not the JSON array that Cognito writes.
    pub fn identities(&self) -> Vec<LinkedIdentity> {
        self.attribute("identities")
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }
}

/// One element of the `identities` attribute (facts C.3).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedIdentity {
    /// The user's id at the provider. Personal.
    #[serde(rename = "userId")]
    pub user_id: String,
    /// The provider's name in the pool.
    #[serde(rename = "providerName")]
    pub provider_name: String,
    /// `Facebook`, `Google`, `LoginWithAmazon`, `SignInWithApple`, `SAML` or `OIDC`.
    #[serde(rename = "providerType")]
    pub provider_type: String,
    /// True for the identity of a federated profile, false for a link (facts C.3). Cognito
    /// writes it as a boolean or as a text.
    #[serde(default, deserialize_with = "boolean_or_text")]
    pub primary: bool,
}

impl std::fmt::Debug for LinkedIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "LinkedIdentity({}, hidden)", self.provider_name)
    }
}

fn boolean_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(primary) => primary,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_that_this_version_does_not_know_survive() {
        let user = json!({
            "Username": "ann",
            "Attributes": [{"Name": "sub", "Value": "1-2"}],
            "UserStatus": "FROZEN",
            "Enabled": false,
            "UserCreateDate": 1.5e9,
            "NewMember": {"x": 1},
        });
        let record: UserRecord = serde_json::from_value(user.clone()).unwrap();
        assert_eq!(record.status, UserStatus::Other("FROZEN".into()));
        assert_eq!(record.sub().unwrap().as_str(), "1-2");
        assert_eq!(serde_json::to_value(&record).unwrap(), user);
    }

    #[test]
    fn identities_are_read_with_primary_as_boolean_or_text() {
        let identities = json!([
            {"userId": "1", "providerName": "Google", "providerType": "Google", "primary": "true"},
            {"userId": "2", "providerName": "okta", "providerType": "SAML", "primary": false, "dateCreated": 1},
        ]);
        let record: UserRecord = serde_json::from_value(json!({
            "Username": "ann", "Attributes": [{"Name": "identities", "Value": identities.to_string()}],
        }))
        .unwrap();
        let primaries: Vec<bool> = record
            .identities()
            .iter()
            .map(|identity| identity.primary)
            .collect();
        assert_eq!(primaries, [true, false]);
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let record: UserRecord = serde_json::from_value(json!({
            "Username": "ann@example.com", "Attributes": [{"Name": "email", "Value": "ann@example.com"}],
        }))
        .unwrap();
        assert!(!format!("{record:?}").contains("ann"));
    }
}
