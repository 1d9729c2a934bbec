//! Who a user is, by what the user signs in with.

use model::document::UserRecord;
use serde_json::Value;

use crate::hash::hash;

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
