//! The users of a pool, compact and indexed: a million of them fit in memory, and no lookup walks a list.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pool::names;
use super::{Sub, Time};
use crate::call::Document;

/// A user's status, as the API spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the API's own words")]
pub enum UserStatus {
    Unconfirmed,
    Confirmed,
    Archived,
    Compromised,
    Unknown,
    ResetRequired,
    ForceChangePassword,
    ExternalProvider,
}

impl UserStatus {
    /// The API's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Confirmed => "CONFIRMED",
            Self::Archived => "ARCHIVED",
            Self::Compromised => "COMPROMISED",
            Self::Unknown => "UNKNOWN",
            Self::ResetRequired => "RESET_REQUIRED",
            Self::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
            Self::ExternalProvider => "EXTERNAL_PROVIDER",
        }
    }
}

/// A second factor, as `UserMFASettingList` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MfaFactor {
    /// Text message.
    #[serde(rename = "SMS_MFA")]
    Sms,
    /// Authenticator app.
    #[serde(rename = "SOFTWARE_TOKEN_MFA")]
    SoftwareToken,
    /// E-mail.
    #[serde(rename = "EMAIL_OTP")]
    Email,
    /// Passkey.
    #[serde(rename = "WEB_AUTHN_MFA")]
    WebAuthn,
}

impl MfaFactor {
    /// The API's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "SMS_MFA",
            Self::SoftwareToken => "SOFTWARE_TOKEN_MFA",
            Self::Email => "EMAIL_OTP",
            Self::WebAuthn => "WEB_AUTHN_MFA",
        }
    }
}

/// A linked identity, or the native one of a federated profile: an entry of the `identities` attribute (facts C.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The user's id at the provider.
    pub user_id: String,
    /// The provider's name in the pool.
    pub provider_name: String,
    /// `SAML`, `OIDC`, `Google`...
    pub provider_type: String,
    /// The issuer, for SAML.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Whether it is the identity of a native federated profile.
    #[serde(default)]
    pub primary: bool,
    /// Milliseconds since 1970.
    #[serde(default)]
    pub date_created: u64,
    /// What the link was made on, e.g. `Cognito_Subject` or `email`. Cognito never shows it (facts C.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_name: Option<String>,
}

/// What few users have, apart so that most users stay small.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra {
    pub(crate) links: Vec<Link>,
    pub(crate) mfa: BTreeSet<MfaFactor>,
    pub(crate) preferred_mfa: Option<MfaFactor>,
    /// A verified authenticator app, without which TOTP cannot be preferred (facts C.4).
    pub(crate) totp_registered: bool,
    pub(crate) groups: BTreeSet<Arc<str>>,
    /// Digests of passwords, newest first: the current one and the history.
    pub(crate) passwords: Vec<u64>,
}

/// Names and values of attributes. Names are shared by all users of a pool.
pub(crate) type Attributes = Vec<(Arc<str>, Box<str>)>;

/// One user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) username: Box<str>,
    pub(crate) sub: Sub,
    /// All but `sub` and `identities`, in the order in which they were given.
    pub(crate) attributes: Attributes,
    pub(crate) status: UserStatus,
    pub(crate) enabled: bool,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    pub(crate) password: Option<u64>,
    pub(crate) extra: Option<Box<Extra>>,
}

impl User {
    /// An attribute's value, if the user has it.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| &**value)
    }

    /// Whether `<name>_verified` is true.
    pub(crate) fn is_verified(&self, name: &str) -> bool {
        let verified = if name == "email" {
            "email_verified"
        } else {
            "phone_number_verified"
        };
        self.attribute(verified) == Some("true")
    }

    pub(crate) fn set_attribute(&mut self, name: &Arc<str>, value: &str) {
        match self.attributes.iter_mut().find(|(key, _)| key == name) {
            Some((_, place)) => *place = value.into(),
            None => self.attributes.push((Arc::clone(name), value.into())),
        }
    }

    pub(crate) fn remove_attribute(&mut self, name: &str) {
        self.attributes.retain(|(key, _)| &**key != name);
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_with(Box::default)
    }

    pub(crate) fn links(&self) -> &[Link] {
        self.extra.as_ref().map_or(&[], |extra| &extra.links)
    }
}

/// An attribute that can stand in for the username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum AliasKind {
    Email,
    PhoneNumber,
    PreferredUsername,
}

impl AliasKind {
    pub(crate) const ALL: [Self; 3] = [Self::Email, Self::PhoneNumber, Self::PreferredUsername];

    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::PhoneNumber => "phone_number",
            Self::PreferredUsername => "preferred_username",
        }
    }
}

/// How users of a pool sign in; fixed for the pool's life (facts A.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct SignIn {
    pub(crate) aliases: Vec<AliasKind>,
    /// Non-empty: the username is an e-mail address or phone number, and Cognito makes a UUID of it (facts C.1).
    pub(crate) username_attributes: Vec<AliasKind>,
    pub(crate) case_sensitive: bool,
}

impl SignIn {
    /// From a pool's settings. `UsernameConfiguration` absent means case-sensitive (facts A.1).
    pub(crate) fn of(settings: &Document) -> Self {
        let kinds = |member: &str| {
            let given = names(settings, member);
            AliasKind::ALL
                .into_iter()
                .filter(|kind| given.contains(&kind.attribute()))
                .collect()
        };
        let case_sensitive = settings
            .get("UsernameConfiguration")
            .and_then(|configuration| configuration.get("CaseSensitive"))
            .and_then(Value::as_bool)
            .unwrap_or(true);
        Self {
            aliases: kinds("AliasAttributes"),
            username_attributes: kinds("UsernameAttributes"),
            case_sensitive,
        }
    }

    /// A username or alias as the indexes hold it.
    pub(crate) fn fold(&self, name: &str) -> Box<str> {
        if self.case_sensitive {
            name.into()
        } else {
            name.to_lowercase().into()
        }
    }
}

/// The users of a pool.
///
/// `by_sub` fixes the order in which users are listed: subs are random, so the order is arbitrary, yet it never
/// changes, which keeps pages free of duplicates whatever happens between them (facts D).
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) sign_in: SignIn,
    slots: Vec<Option<User>>,
    free: Vec<u32>,
    by_sub: BTreeMap<Sub, u32>,
    by_username: HashMap<Box<str>, u32>,
    by_alias: HashMap<(AliasKind, Box<str>), u32>,
    /// Federated and linked identities: (provider, id at the provider).
    by_identity: HashMap<(Box<str>, Box<str>), u32>,
}

impl Directory {
    pub(crate) fn new(sign_in: SignIn) -> Self {
        Self {
            sign_in,
            slots: Vec::new(),
            free: Vec::new(),
            by_sub: BTreeMap::new(),
            by_username: HashMap::new(),
            by_alias: HashMap::new(),
            by_identity: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_sub.len()
    }

    /// All users in listing order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_sub.values().filter_map(|slot| self.slot(*slot))
    }

    /// The users after a sub in listing order.
    pub(crate) fn after(&self, sub: Option<Sub>) -> impl Iterator<Item = &User> {
        use std::ops::Bound;
        let start = sub.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_sub
            .range((start, Bound::Unbounded))
            .filter_map(|(_, slot)| self.slot(*slot))
    }

    fn slot(&self, slot: u32) -> Option<&User> {
        self.slots.get(slot as usize).and_then(Option::as_ref)
    }

    /// The user of that sub.
    pub(crate) fn by_sub(&self, sub: Sub) -> Option<&User> {
        self.by_sub.get(&sub).and_then(|slot| self.slot(*slot))
    }

    /// The user of exactly that username (in the pool's case rule).
    pub(crate) fn by_username(&self, username: &str) -> Option<&User> {
        self.by_username
            .get(&self.sign_in.fold(username))
            .and_then(|slot| self.slot(*slot))
    }

    /// The user that holds an alias.
    pub(crate) fn by_alias(&self, kind: AliasKind, value: &str) -> Option<&User> {
        self.by_alias
            .get(&(kind, self.sign_in.fold(value)))
            .and_then(|slot| self.slot(*slot))
    }

    /// The user who is or is linked to an identity at a provider.
    pub(crate) fn by_identity(&self, provider: &str, user_id: &str) -> Option<&User> {
        self.by_identity
            .get(&(provider.into(), user_id.into()))
            .and_then(|slot| self.slot(*slot))
    }

    /// The user that the `Username` of an Admin operation means: username, sub (facts C.3) or alias.
    pub(crate) fn resolve(&self, name: &str) -> Option<&User> {
        self.by_username(name)
            .or_else(|| Sub::parse(name).and_then(|sub| self.by_sub(sub)))
            .or_else(|| {
                AliasKind::ALL
                    .into_iter()
                    .find_map(|kind| self.by_alias(kind, name))
            })
    }

    /// Adds a user. The caller has made sure that username, sub and aliases are free; aliases that are not move here.
    pub(crate) fn insert(&mut self, user: User) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                (self.slots.len() - 1) as u32
            }
        };
        self.by_sub.insert(user.sub, slot);
        self.by_username
            .insert(self.sign_in.fold(&user.username), slot);
        self.index(&user, slot);
        self.slots[slot as usize] = Some(user);
    }

    /// Changes a user and keeps the indexes right. The username and the sub never change.
    pub(crate) fn change<T>(&mut self, sub: Sub, change: impl FnOnce(&mut User) -> T) -> Option<T> {
        let slot = *self.by_sub.get(&sub)?;
        let mut user = self.slots.get_mut(slot as usize)?.take()?;
        self.unindex(&user, slot);
        let result = change(&mut user);
        self.index(&user, slot);
        self.slots[slot as usize] = Some(user);
        Some(result)
    }

    /// Removes a user.
    pub(crate) fn remove(&mut self, sub: Sub) -> Option<User> {
        let slot = self.by_sub.remove(&sub)?;
        let user = self.slots.get_mut(slot as usize)?.take()?;
        self.by_username.remove(&self.sign_in.fold(&user.username));
        self.unindex(&user, slot);
        self.free.push(slot);
        Some(user)
    }

    /// The aliases that a user holds. As an alias, e-mail and phone number work only when verified; as the sign-in
    /// name of the pool they count in any case (facts C.1; the latter [GEN]).
    pub(crate) fn aliases_of(&self, user: &User) -> Vec<(AliasKind, Box<str>)> {
        let held = AliasKind::ALL.into_iter().filter(|kind| {
            self.sign_in.username_attributes.contains(kind)
                || self.sign_in.aliases.contains(kind)
                    && (*kind == AliasKind::PreferredUsername || user.is_verified(kind.attribute()))
        });
        held.filter_map(|kind| {
            user.attribute(kind.attribute())
                .map(|value| (kind, self.sign_in.fold(value)))
        })
        .collect()
    }

    fn index(&mut self, user: &User, slot: u32) {
        for alias in self.aliases_of(user) {
            self.by_alias.insert(alias, slot);
        }
        for link in user.links() {
            let identity = (
                link.provider_name.as_str().into(),
                link.user_id.as_str().into(),
            );
            self.by_identity.insert(identity, slot);
        }
    }

    fn unindex(&mut self, user: &User, slot: u32) {
        for alias in self.aliases_of(user) {
            if self.by_alias.get(&alias) == Some(&slot) {
                self.by_alias.remove(&alias);
            }
        }
        for link in user.links() {
            let identity = (
                link.provider_name.as_str().into(),
                link.user_id.as_str().into(),
            );
            self.by_identity.remove::<(Box<str>, Box<str>)>(&identity);
        }
    }
}
