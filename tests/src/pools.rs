//! The pools that the drill and the end-to-end tests back up and restore.
//!
//! Two of them, seeded into the simulator as pool documents, because they hold what only time or
//! Cognito itself can make: [`shop`] has everything that a pool can have and plain usernames,
//! [`members`] signs in by e-mail address. Some of their values are planted: they must appear in
//! no log, no error, no notification and no history of an execution.

mod members;
mod shop;

pub use members::members;
pub use shop::shop;

use serde_json::{Value, json};

/// The id of the pool with plain usernames.
pub const SHOP: &str = "us-east-1_DrillShop";
/// The id of the pool that signs in by e-mail address.
pub const MEMBERS: &str = "us-east-1_DrillMail";
/// The name of the web ACL in both Regions.
pub const WEB_ACL: &str = "drill-login";

/// A text that is part of every planted value, in two spellings: attribute values, usernames and
/// e-mail addresses hold the first, secrets the second (`[\w+]` only).
pub const PLANTED: [&str; 2] = ["planted-7f3a9c", "planted7f3a9c"];

/// How many users each pool has beside the special ones.
pub const ORDINARY_USERS: usize = 130;

/// A user document for the simulator: attributes as pairs.
fn user(username: &str, status: &str, attributes: &[(&str, &str)]) -> Value {
    let attributes: serde_json::Map<String, Value> = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    json!({"Username": username, "UserStatus": status, "Attributes": attributes})
}

/// `document` with the members of `more` put over it.
fn with(mut document: Value, more: Value) -> Value {
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
    document
}

/// A custom attribute as DescribeUserPool returns it.
fn attribute(name: &str, kind: &str, mutable: bool, constraints: Value) -> Value {
    let base = json!({
        "Name": name,
        "AttributeDataType": kind,
        "DeveloperOnlyAttribute": name.starts_with("dev:"),
        "Mutable": mutable,
        "Required": false,
    });
    with(base, constraints)
}
