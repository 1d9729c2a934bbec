//! Users in the form in which they are compared: who they are, and what is to be alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use model::document::{UserRecord, UserStatus};
use model::rules::is_social;
use serde_json::Value;

use crate::allowed::{ALLOWED, Relation, Rule};
use crate::hash::{half, hash};
use crate::tables::users::content_with_excused;

/// How the users of a pool are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// `UsernameAttributes`: `email`, `phone_number`, both, or none in pools with usernames.
    attributes: Vec<String>,
    case_sensitive: bool,
}

impl SignIn {
    /// That of a pool, from its settings. Without `UsernameConfiguration` a pool is
    /// case-sensitive (facts A.1).
    pub fn of(user_pool: &Value) -> Self {
        let listed = user_pool
            .get("UsernameAttributes")
            .and_then(Value::as_array);
        let attributes = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let case_sensitive = user_pool
            .pointer("/UsernameConfiguration/CaseSensitive")
            .and_then(Value::as_bool);
        Self {
            attributes,
            case_sensitive: case_sensitive.unwrap_or(true),
        }
    }

    /// That of users of one pool at two times: a username belongs to a pool for good.
    pub fn by_username() -> Self {
        Self {
            attributes: Vec::new(),
            case_sensitive: true,
        }
    }

    /// Whether a restored user has another username than before (facts C.1).
    pub fn gives_new_usernames(&self) -> bool {
        !self.attributes.is_empty()
    }

    /// Who the user is: the hash of the username, or of the first sign-in attribute that the user
    /// has in pools that give new usernames. Users without any keep the username that they had.
    pub fn key(&self, user: &UserRecord) -> u128 {
        match self.attribute(user) {
            Some((name, value)) => hash(&[name, &self.folded(value)]),
            None => self.key_of_username(user.username.as_str()),
        }
    }

    /// What the user signs in with, as far as it tells users apart.
    pub fn name<'u>(&self, user: &'u UserRecord) -> &'u str {
        match self.attribute(user) {
            Some((_, value)) => value,
            None => user.username.as_str(),
        }
    }

    fn attribute<'u>(&self, user: &'u UserRecord) -> Option<(&'static str, &'u str)> {
        ["email", "phone_number"]
            .into_iter()
            .filter(|name| self.attributes.iter().any(|attribute| attribute == name))
            .find_map(|name| user.attribute(name).map(|value| (name, value)))
    }

    /// Who the user with this username is, in pools with usernames.
    pub fn key_of_username(&self, username: &str) -> u128 {
        hash(&["username", &self.folded(username)])
    }

    fn folded(&self, text: &str) -> String {
        if self.case_sensitive {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    }
}

/// Members beside attributes that are not compared: dates, and the legacy form of the MFA
/// preference.
const NOT_COMPARED: &[&str] = &["UserCreateDate", "UserLastModifiedDate", "MFAOptions"];

/// The rules of the table about single members of users, which are asked for millions of times.
static MEMBERS: LazyLock<HashMap<&str, Rule>> = LazyLock::new(|| {
    let of_users = ALLOWED
        .iter()
        .filter_map(|row| Some((row.path.strip_prefix("users/*/")?, row.rule)));
    of_users.collect()
});

/// Which members of a user are compared.
#[derive(Debug, Default)]
pub struct Likeness {
    relation: Relation,
    left_out: BTreeSet<String>,
}

impl Likeness {
    /// All but those of the table, the attribute that keeps the old `sub`, and those that the
    /// restore announced for all users.
    pub fn new<'a>(
        legacy_sub_attribute: Option<&str>,
        announced: impl Iterator<Item = &'a str>,
    ) -> Self {
        let legacy = legacy_sub_attribute
            .iter()
            .flat_map(|name| [format!("custom:{name}"), format!("dev:custom:{name}")]);
        Self {
            relation: Relation::Restored,
            left_out: announced.map(str::to_owned).chain(legacy).collect(),
        }
    }

    /// All that two sides of this relation may be compared in.
    pub fn of(relation: Relation) -> Self {
        Self {
            relation,
            left_out: BTreeSet::new(),
        }
    }

    fn compares(&self, member: &str, value: &str) -> bool {
        let allowed = match MEMBERS.get(member) {
            Some(Rule::Any) => self.relation == Relation::Restored,
            // What its absence means is left out on both sides.
            Some(Rule::Default(json)) => {
                serde_json::from_str::<Value>(json).is_ok_and(|default| default == value)
            }
            _ => false,
        };
        !allowed && !self.left_out.contains(member)
    }

    /// The members that are compared, by name. `with_mfa`: the MFA preference too, which
    /// ListUsers does not tell.
    pub fn members(&self, user: &UserRecord, with_mfa: bool) -> BTreeMap<String, String> {
        let mut members = BTreeMap::new();
        for attribute in &user.attributes {
            members.insert(attribute.name.clone(), attribute.value.clone());
        }
        for contact in ["email", "phone_number"] {
            if user.attribute(contact).is_none_or(str::is_empty) {
                members.remove(&format!("{contact}_verified"));
            }
        }
        members.retain(|_, value| !value.is_empty());
        members.remove("identities");
        let links = links(user, self.relation);
        if !links.is_empty() {
            members.insert("identities".to_owned(), links);
        }
        let gone = self.relation == Relation::Restored && user.status.is_retired();
        let status = if gone {
            &UserStatus::Confirmed
        } else {
            &user.status
        };
        members.insert("UserStatus".to_owned(), status.as_str().to_owned());
        members.insert("Enabled".to_owned(), (user.enabled && !gone).to_string());
        if with_mfa {
            let (factors, preferred) = mfa(user, self.relation);
            if !factors.is_empty() {
                members.insert("UserMFASettingList".to_owned(), factors.join(","));
            }
            if let Some(preferred) = preferred {
                members.insert("PreferredMfaSetting".to_owned(), preferred.to_owned());
            }
        }
        if self.relation == Relation::SamePool {
            let others = user.rest.iter();
            let others = others.filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()));
            members.extend(others.map(|(name, value)| (name.clone(), value.to_string())));
        }
        members.retain(|name, value| self.compares(name, value));
        members
    }

    /// The MFA preference; `None` when the side does not tell it of this user.
    pub(crate) fn mfa_preference(&self, user: &UserRecord) -> Option<String> {
        user.mfa_settings.as_ref()?;
        let (factors, preferred) = mfa(user, self.relation);
        Some(format!("{factors:?} {preferred:?}"))
    }

    /// The hash of all that is compared.
    pub fn content(&self, user: &UserRecord, with_mfa: bool) -> u64 {
        hash_of(&self.members(user, with_mfa))
    }

    /// The same, with the members apart that may differ.
    pub fn content_excusing(
        &self,
        user: &UserRecord,
        with_mfa: bool,
        may_differ: impl Fn(&str) -> bool,
    ) -> u64 {
        let members = self.members(user, with_mfa);
        let (excused, alike): (BTreeMap<_, _>, BTreeMap<_, _>) =
            members.into_iter().partition(|(name, _)| may_differ(name));
        content_with_excused(hash_of(&alike), hash_of(&excused))
    }
}

fn hash_of(members: &BTreeMap<String, String>) -> u64 {
    let parts: Vec<&str> = members
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()])
        .collect();
    half(hash(&parts))
}

/// Whether the backup knows factors of the user that a restore can bring back.
pub fn has_mfa(user: &UserRecord) -> bool {
    let (factors, preferred) = mfa(user, Relation::Restored);
    !factors.is_empty() || preferred.is_some()
}

/// Of a restored pool, SMS and e-mail factors: authenticators and passkeys never come back
/// (facts C.4).
fn mfa(user: &UserRecord, relation: Relation) -> (Vec<&str>, Option<&str>) {
    let comes_back =
        |factor: &&str| relation == Relation::SamePool || ["SMS_MFA", "EMAIL_OTP"].contains(factor);
    let mut factors: Vec<&str> = user
        .mfa_settings
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(comes_back)
        .collect();
    factors.sort_unstable();
    (factors, user.preferred_mfa.as_deref().filter(comes_back))
}

/// The identities of the user, in order; of a restored pool the links to social providers, since
/// other links cannot be made again without knowing by which claim they were made (facts C.3).
fn links(user: &UserRecord, relation: Relation) -> String {
    let mut links: Vec<String> = user
        .identities()
        .into_iter()
        .filter(|identity| {
            relation == Relation::SamePool
                || !identity.primary && is_social(&identity.provider_type)
        })
        .map(|identity| format!("{}\u{0}{}", identity.provider_name, identity.user_id))
        .collect();
    links.sort_unstable();
    links.join("\u{1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(value: Value) -> UserRecord {
        serde_json::from_value(value).unwrap()
    }

    fn ann() -> Value {
        json!({
            "Username": "ann", "UserStatus": "CONFIRMED", "Enabled": true, "UserCreateDate": 1.0,
            "Attributes": [
                {"Name": "sub", "Value": "1-2"}, {"Name": "email", "Value": "Ann@example.com"},
                {"Name": "email_verified", "Value": "true"},
            ],
        })
    }

    #[test]
    fn users_are_told_apart_by_what_they_sign_in_with() {
        let moved = |username: &str, email: &str| {
            let mut value = ann();
            value["Username"] = username.into();
            value["Attributes"][1]["Value"] = email.into();
            user(value)
        };
        let by_email = SignIn::of(
            &json!({"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}}),
        );
        let by_name = SignIn::of(&json!({}));
        let case_insensitive =
            SignIn::of(&json!({"UsernameConfiguration": {"CaseSensitive": false}}));
        for (sign_in, one, other, same) in [
            (
                &by_email,
                moved("u1", "ann@example.com"),
                moved("u2", "ANN@example.com"),
                true,
            ),
            (
                &by_email,
                moved("u1", "ann@example.com"),
                moved("u1", "bob@example.com"),
                false,
            ),
            (
                &by_name,
                moved("ann", "a@example.com"),
                moved("ann", "b@example.com"),
                true,
            ),
            (
                &by_name,
                moved("ann", "a@example.com"),
                moved("Ann", "a@example.com"),
                false,
            ),
            (
                &case_insensitive,
                moved("ann", "a@example.com"),
                moved("Ann", "b@example.com"),
                true,
            ),
        ] {
            assert_eq!(sign_in.key(&one) == sign_in.key(&other), same);
        }
    }

    #[test]
    fn what_no_restore_keeps_is_not_compared_and_everything_else_is() {
        let likeness = Likeness::new(Some("legacy"), ["zoneinfo"].into_iter());
        let alter = |change: fn(&mut Value)| {
            let mut value = ann();
            change(&mut value);
            user(value)
        };
        let before = likeness.content(&user(ann()), false);
        for (same, changed) in [
            (true, alter(|u| u["Attributes"][0]["Value"] = "3-4".into())),
            (true, alter(|u| u["UserCreateDate"] = 2.0.into())),
            (
                true,
                alter(|u| u["Attributes"].as_array_mut().unwrap().reverse()),
            ),
            (
                true,
                alter(|u| {
                    u["Attributes"]
                        .as_array_mut()
                        .unwrap()
                        .push(json!({"Name": "custom:legacy", "Value": "1-2"}))
                }),
            ),
            (
                true,
                alter(|u| {
                    u["Attributes"]
                        .as_array_mut()
                        .unwrap()
                        .push(json!({"Name": "zoneinfo", "Value": "UTC"}))
                }),
            ),
            (
                true,
                alter(|u| u["UserMFASettingList"] = json!(["SMS_MFA"])),
            ),
            (
                true,
                alter(|u| {
                    let attributes = u["Attributes"].as_array_mut().unwrap();
                    attributes.push(json!({"Name": "nickname", "Value": ""}));
                    attributes.push(json!({"Name": "phone_number_verified", "Value": "true"}));
                }),
            ),
            (
                false,
                alter(|u| u["Attributes"][1]["Value"] = "ann@example.org".into()),
            ),
            (
                false,
                alter(|u| u["Attributes"][2]["Value"] = "false".into()),
            ),
            (
                false,
                alter(|u| {
                    u["Attributes"].as_array_mut().unwrap().pop();
                }),
            ),
            (false, alter(|u| u["UserStatus"] = "UNCONFIRMED".into())),
            (false, alter(|u| u["Enabled"] = false.into())),
            (
                false,
                alter(|u| {
                    u["Attributes"]
                        .as_array_mut()
                        .unwrap()
                        .push(json!({"Name": "custom:plan", "Value": "x"}))
                }),
            ),
        ] {
            assert_eq!(
                likeness.content(&changed, false) == before,
                same,
                "{:?}",
                likeness.members(&changed, false).keys()
            );
        }
    }

    #[test]
    fn statuses_of_the_past_count_as_confirmed_and_disabled() {
        let likeness = Likeness::default();
        let with = |status: &str, enabled: bool| {
            let mut value = ann();
            value["UserStatus"] = status.into();
            value["Enabled"] = enabled.into();
            likeness.content(&user(value), false)
        };
        for status in ["ARCHIVED", "COMPROMISED", "UNKNOWN"] {
            assert_eq!(with(status, true), with("CONFIRMED", false));
        }
    }

    #[test]
    fn only_links_of_social_providers_are_compared() {
        let likeness = Likeness::default();
        let with = |identities: Value| {
            let mut value = ann();
            value["Attributes"]
                .as_array_mut()
                .unwrap()
                .push(json!({"Name": "identities", "Value": identities.to_string()}));
            likeness.content(&user(value), false)
        };
        let google = json!({"userId": "7", "providerName": "Google", "providerType": "Google", "primary": false, "dateCreated": 1});
        let later = json!({"userId": "7", "providerName": "Google", "providerType": "Google", "primary": "false", "dateCreated": 2});
        let okta = json!({"userId": "7", "providerName": "okta", "providerType": "SAML", "primary": false});
        assert_eq!(with(json!([google, okta])), with(json!([later])));
        assert_ne!(with(json!([google])), with(json!([])));
    }

    #[test]
    fn of_the_factors_those_that_can_come_back_are_compared() {
        let likeness = Likeness::default();
        let with = |settings: Value, preferred: &str| {
            let mut value = ann();
            value["UserMFASettingList"] = settings;
            value["PreferredMfaSetting"] = preferred.into();
            user(value)
        };
        let both = with(
            json!(["SOFTWARE_TOKEN_MFA", "SMS_MFA"]),
            "SOFTWARE_TOKEN_MFA",
        );
        let mut sms: Value = ann();
        sms["UserMFASettingList"] = json!(["SMS_MFA"]);
        assert_eq!(
            likeness.content(&both, true),
            likeness.content(&user(sms), true)
        );
        assert!(has_mfa(&both));
        assert!(!has_mfa(&with(
            json!(["SOFTWARE_TOKEN_MFA"]),
            "SOFTWARE_TOKEN_MFA"
        )));
    }
}
