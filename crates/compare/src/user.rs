//! Users in the form in which they are compared: who they are, and what is to be alike.

mod sign_in;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use model::document::{UserRecord, UserStatus};
use model::rules::is_social;
use serde_json::Value;

use crate::allowed::{ALLOWED, Relation, Rule};
use crate::hash::{half, hash};
use crate::tables::users::content_with_excused;

pub use sign_in::SignIn;

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
mod tests;
