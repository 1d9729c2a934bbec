//! Who may have an MFA preference: a backup asks for those of these users, and where it did not,
//! a restore tells how many of them it may lose.

use serde_json::Value;

use super::head::BackupHead;
use super::user::{UserRecord, UserStatus};
use crate::inventory::Section;

/// The second factors that a pool's users may have switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MfaFactors {
    sms: bool,
    email: bool,
    authenticator: bool,
}

impl MfaFactors {
    /// The factors of the pool (facts A.3); none while its MFA is off. Where the MFA settings
    /// could not be read, any factor is possible.
    pub fn of(head: &BackupHead) -> Self {
        let settings = head.section(Section::MfaConfiguration);
        let is_known = settings.is_object();
        let mode = if is_known { settings } else { head.user_pool() };
        let on = matches!(mode["MfaConfiguration"].as_str(), Some("ON" | "OPTIONAL"));
        let is_set = |member: &str| !is_known || settings[member].is_object();
        let authenticator = &settings["SoftwareTokenMfaConfiguration"]["Enabled"];
        Self {
            sms: on && is_set("SmsMfaConfiguration"),
            email: on && is_set("EmailMfaConfiguration"),
            authenticator: on && (!is_known || authenticator == &Value::Bool(true)),
        }
    }

    /// Whether users of the pool can have a preference at all.
    pub fn any(self) -> bool {
        self.sms || self.email || self.authenticator
    }

    /// Whether the user may have a preference. Nothing but asking tells who registered an
    /// authenticator app; text messages need a number, mails an address; federated profiles
    /// have no second factor in Cognito (facts C.4).
    pub fn may_be_preferred_by(self, user: &UserRecord) -> bool {
        let has = |attribute| user.attribute(attribute).is_some();
        user.status != UserStatus::ExternalProvider
            && (self.authenticator || self.sms && has("phone_number") || self.email && has("email"))
    }

    /// Whether the user may have a preference that the document does not hold, because it was
    /// not asked for or not told.
    pub fn may_be_lost(self, user: &UserRecord) -> bool {
        user.mfa_settings.is_none() && self.may_be_preferred_by(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn head(pool: Value, mfa: Value) -> BackupHead {
        let began = "2026-03-07T09:05:02Z".parse().unwrap();
        let mut head = BackupHead::new("us-east-1_AbC".parse().unwrap(), began);
        head.set(Section::UserPoolConfig, pool);
        head.set(Section::MfaConfiguration, mfa);
        head
    }

    fn user(status: &str, attributes: &[&str]) -> UserRecord {
        let attributes = attributes
            .iter()
            .map(|name| json!({"Name": name, "Value": "x"}));
        serde_json::from_value(json!({
            "Username": "ann", "UserStatus": status, "Attributes": attributes.collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn a_preference_is_possible_where_the_pool_and_the_user_allow_a_factor() {
        let sms = json!({"SmsConfiguration": {"SnsCallerArn": "arn"}});
        let email = json!({"Subject": "code"});
        let token = json!({"Enabled": true});
        let (nothing, phone, mail): (&[&str], _, _) = (&[], &["phone_number"], &["email"]);
        for (mfa, expected) in [
            (
                json!({"MfaConfiguration": "OFF", "SmsMfaConfiguration": sms}),
                [false, false, false],
            ),
            (
                json!({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": sms,
                       "SoftwareTokenMfaConfiguration": {"Enabled": false}}),
                [false, true, false],
            ),
            (
                json!({"MfaConfiguration": "ON", "EmailMfaConfiguration": email}),
                [false, false, true],
            ),
            (
                json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": token}),
                [true, true, true],
            ),
            (
                json!({"MfaConfiguration": "OPTIONAL"}),
                [false, false, false],
            ),
        ] {
            let factors = MfaFactors::of(&head(json!({"MfaConfiguration": "ON"}), mfa.clone()));
            let possible = [nothing, phone, mail]
                .map(|attributes| factors.may_be_preferred_by(&user("CONFIRMED", attributes)));
            assert_eq!(possible, expected, "{mfa}");
            assert_eq!(factors.any(), expected.contains(&true), "{mfa}");
            assert!(!factors.may_be_preferred_by(&user("EXTERNAL_PROVIDER", phone)));
        }
    }

    #[test]
    fn where_the_settings_could_not_be_read_any_factor_is_possible() {
        let on = head(json!({"MfaConfiguration": "OPTIONAL"}), Value::Null);
        assert!(MfaFactors::of(&on).may_be_preferred_by(&user("CONFIRMED", &[])));
        let off = head(json!({"MfaConfiguration": "OFF"}), Value::Null);
        assert!(!MfaFactors::of(&off).any());
    }

    #[test]
    fn a_preference_that_was_asked_for_is_not_lost() {
        let mfa =
            json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}});
        let factors = MfaFactors::of(&head(json!({}), mfa));
        let mut user = user("CONFIRMED", &[]);
        assert!(factors.may_be_lost(&user));
        user.mfa_settings = Some(Vec::new());
        assert!(!factors.may_be_lost(&user));
    }
}
