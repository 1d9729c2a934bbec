//! Users as answers show them.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::state::User;

/// `UserType`, as ListUsers, ListUsersInGroup and AdminCreateUser return it. Written straight into the answer: a page
/// of sixty users is built a thousand times a second.
#[derive(Debug)]
pub(crate) struct UserView<'a> {
    pub(crate) user: &'a User,
    /// The attributes asked for; `None` is all of them.
    pub(crate) only: Option<&'a [&'a str]>,
}

impl Serialize for UserView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Username", &*self.user.username)?;
        map.serialize_entry(
            "Attributes",
            &AttributesView {
                user: self.user,
                only: self.only,
            },
        )?;
        map.serialize_entry("UserCreateDate", &self.user.created.epoch_seconds())?;
        map.serialize_entry("UserLastModifiedDate", &self.user.modified.epoch_seconds())?;
        map.serialize_entry("Enabled", &self.user.enabled)?;
        map.serialize_entry("UserStatus", self.user.status.as_str())?;
        map.end()
    }
}

/// The attributes of a user: `sub`, what was given, and `identities` if there are any (facts C.3).
#[derive(Debug)]
pub(crate) struct AttributesView<'a> {
    pub(crate) user: &'a User,
    pub(crate) only: Option<&'a [&'a str]>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeView<'a> {
    name: &'a str,
    value: &'a str,
}

impl Serialize for AttributesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wanted = |name: &str| self.only.is_none_or(|only| only.contains(&name));
        let mut list = serializer.serialize_seq(None)?;
        for (name, value) in &self.user.attributes {
            if wanted(name) {
                list.serialize_element(&AttributeView { name, value })?;
            }
        }
        if wanted("sub") {
            let mut buffer = uuid::Uuid::encode_buffer();
            let value = &*self.user.sub.0.hyphenated().encode_lower(&mut buffer);
            list.serialize_element(&AttributeView { name: "sub", value })?;
        }
        if wanted("identities") && !self.user.links().is_empty() {
            list.serialize_element(&AttributeView {
                name: "identities",
                value: &identities(self.user),
            })?;
        }
        list.end()
    }
}

/// The `identities` attribute: a JSON array as a text. What a link was made on is not in it (facts C.3).
fn identities(user: &User) -> String {
    let entries: Vec<_> = user
        .links()
        .iter()
        .map(|link| {
            serde_json::json!({
                "userId": link.user_id,
                "providerName": link.provider_name,
                "providerType": link.provider_type,
                "issuer": link.issuer,
                "primary": link.primary,
                "dateCreated": link.date_created,
            })
        })
        .collect();
    serde_json::Value::Array(entries).to_string()
}
