//! `cognito-dr users`, as a person types it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Account, REGION, says, text};

mod clean;
mod export;
mod import;
mod invite;

/// A user of the pool, with an e-mail address that is verified unless said otherwise.
pub(crate) fn user(name: &str, more: Value) -> Value {
    let mut user = json!({
        "Username": name,
        "UserStatus": "CONFIRMED",
        "Attributes": {"email": format!("{name}@example.com"), "email_verified": "true"},
    });
    for (member, value) in more.as_object().unwrap() {
        user[member] = value.clone();
    }
    user
}

/// A pool with custom attributes and these users.
pub(crate) fn pool(account: &Account, users: &[Value], more: Value) -> String {
    let mut settings = json!({
        "Name": "shop",
        "AutoVerifiedAttributes": ["email"],
        "SchemaAttributes": [
            {"Name": "custom:plan", "AttributeDataType": "String", "Mutable": true, "Required": false, "StringAttributeConstraints": {}},
        ],
    });
    for (member, value) in more.as_object().unwrap() {
        settings[member] = value.clone();
    }
    let document = json!({
        "UserPool": settings,
        "Groups": [{"GroupName": "admins"}],
        "Users": users,
    });
    account.simulator.seed(REGION, &document).unwrap()
}

/// The pool's users by name: status, whether enabled, attributes without those that are empty.
pub(crate) fn users_of(account: &Account, pool: &str) -> BTreeMap<String, Value> {
    let pool = account.simulator.pool(REGION, pool).unwrap();
    let user = |user: &simulator::UserDocument| {
        let about = json!({
            "status": user.user_status.as_str(),
            "enabled": user.enabled,
            "attributes": without_empty_flags(user.attributes.clone()),
            "groups": user.groups,
        });
        (user.username.clone(), about)
    };
    pool.users.iter().map(user).collect()
}

/// A flag that is false is the same as none.
fn without_empty_flags(mut attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    attributes.retain(|name, value| !(name.ends_with("_verified") && value == "false"));
    attributes
}
