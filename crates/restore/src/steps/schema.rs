//! The schema: from what Cognito describes to what it takes (facts A.2).

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::document::{Document, change, member, object, remove};

/// How many entries one CreateUserPool takes, overrides of standard attributes included.
const ON_CREATION: usize = 50;
/// How many one AddCustomAttributes takes.
pub(super) const IN_ONE_CALL: usize = 25;
/// How many custom attributes a pool may have.
const CUSTOM_ATTRIBUTES: usize = 50;

/// The schema as CreateUserPool takes it, and what is left for AddCustomAttributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Schema {
    /// For CreateUserPool: changed standard attributes, then custom ones.
    pub(super) on_creation: Vec<Value>,
    /// Custom attributes that did not fit.
    pub(super) later: Vec<Value>,
    /// Standard attributes that this version does not know: their defaults are Cognito's.
    pub(super) unknown: Vec<String>,
    /// Whether the attribute for the old `sub` was asked for and there is no room.
    pub(super) no_room: bool,
    /// Whether the attribute for the old `sub` was added.
    pub(super) added: bool,
}

/// The schema for the attributes that DescribeUserPool gave, with a custom attribute for the old
/// `sub` where `legacy_sub` names one.
pub(super) fn of(attributes: &[Value], legacy_sub: Option<&str>) -> Schema {
    let mut schema = Schema::default();
    let mut overrides = Vec::new();
    let mut custom = Vec::new();
    let mut names = HashSet::new();
    for attribute in attributes {
        let mut attribute = object(attribute);
        let Some(name) = member(&attribute, "Name").map(str::to_owned) else {
            continue;
        };
        match bare_name(&name) {
            Some((bare, developer_only)) => {
                custom_attribute(&mut attribute, bare, developer_only);
                names.insert(name);
                custom.push(Value::Object(attribute));
            }
            // Cognito's own (facts A.2).
            None if name == "sub" || name == "identities" => {}
            None => match standard_default(&name) {
                None => schema.unknown.push(name),
                Some(default) if is_default(&attribute, &default) => {}
                Some(_) => {
                    remove(&mut attribute, &["DeveloperOnlyAttribute"]);
                    without_wrong_constraints(&mut attribute);
                    overrides.push(Value::Object(attribute));
                }
            },
        }
    }
    if let Some(bare) = legacy_sub
        && !names.contains(&format!("custom:{bare}"))
    {
        if custom.len() < CUSTOM_ATTRIBUTES {
            schema.added = true;
            custom.push(json!({
                "Name": bare,
                "AttributeDataType": "String",
                "DeveloperOnlyAttribute": false,
                "Mutable": true,
                "Required": false,
                "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "64"},
            }));
        } else {
            schema.no_room = true;
        }
    }
    let room = ON_CREATION
        .saturating_sub(overrides.len())
        .min(custom.len());
    schema.later = custom.split_off(room);
    schema.on_creation = overrides;
    schema.on_creation.append(&mut custom);
    schema
}

/// The custom attributes alone, as AddCustomAttributes takes them.
pub(super) fn custom(attributes: &[Value]) -> Vec<Value> {
    let custom = attributes.iter().filter_map(|attribute| {
        let mut attribute = object(attribute);
        let name = member(&attribute, "Name")?.to_owned();
        let (bare, developer_only) = bare_name(&name)?;
        custom_attribute(&mut attribute, bare, developer_only);
        Some(Value::Object(attribute))
    });
    custom.collect()
}

/// The name without the prefix that Cognito adds itself, and whether the attribute is for
/// developers only; `None` for a standard attribute.
pub(super) fn bare_name(name: &str) -> Option<(&str, bool)> {
    name.strip_prefix("dev:custom:")
        .or_else(|| name.strip_prefix("dev:"))
        .map(|bare| (bare, true))
        .or_else(|| name.strip_prefix("custom:").map(|bare| (bare, false)))
}

fn custom_attribute(attribute: &mut Document, bare: &str, developer_only: bool) {
    attribute.insert("Name".into(), bare.into());
    if developer_only {
        attribute.insert("DeveloperOnlyAttribute".into(), true.into());
    }
    // Cognito knows no required custom attributes.
    attribute.insert("Required".into(), false.into());
    without_wrong_constraints(attribute);
}

/// Constraints go with their type only; numbers in them are texts.
fn without_wrong_constraints(attribute: &mut Document) {
    let data_type = member(attribute, "AttributeDataType").unwrap_or("String");
    let own = match data_type {
        "String" => Some("StringAttributeConstraints"),
        "Number" => Some("NumberAttributeConstraints"),
        _ => None,
    };
    for name in ["StringAttributeConstraints", "NumberAttributeConstraints"] {
        let is_empty = attribute
            .get(name)
            .and_then(Value::as_object)
            .is_none_or(Document::is_empty);
        if own != Some(name) || is_empty {
            attribute.shift_remove(name);
        }
        change(attribute, name, |constraints| {
            for value in constraints.values_mut() {
                if value.is_number() {
                    *value = value.to_string().into();
                }
            }
        });
    }
}

/// What a standard attribute is when nobody changed it (facts A.2).
fn standard_default(name: &str) -> Option<Value> {
    let text = |minimum: &str, maximum: &str| {
        json!({
            "AttributeDataType": "String", "Mutable": true, "Required": false,
            "StringAttributeConstraints": {"MinLength": minimum, "MaxLength": maximum},
        })
    };
    let default = match name {
        "name" | "given_name" | "family_name" | "middle_name" | "nickname"
        | "preferred_username" | "profile" | "picture" | "website" | "email" | "gender"
        | "zoneinfo" | "locale" | "phone_number" | "address" => text("0", "2048"),
        "birthdate" => text("10", "10"),
        "updated_at" => json!({
            "AttributeDataType": "Number", "Mutable": true, "Required": false,
            "NumberAttributeConstraints": {"MinValue": "0"},
        }),
        "email_verified" | "phone_number_verified" => json!({
            "AttributeDataType": "Boolean", "Mutable": true, "Required": false,
        }),
        _ => return None,
    };
    Some(default)
}

fn is_default(attribute: &Document, default: &Value) -> bool {
    let mut compared = attribute.clone();
    without_wrong_constraints(&mut compared);
    [
        "Mutable",
        "Required",
        "StringAttributeConstraints",
        "NumberAttributeConstraints",
    ]
    .iter()
    .all(|name| {
        let own = compared.get(*name);
        own.is_none() || own == default.get(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(attributes: &[Value]) -> Vec<&str> {
        attributes
            .iter()
            .map(|attribute| attribute["Name"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn each_attribute_is_sent_as_cognito_takes_it() {
        for (described, sent) in [
            // Standard, as it comes.
            (
                json!({"Name": "email", "AttributeDataType": "String", "DeveloperOnlyAttribute": false, "Mutable": true, "Required": false, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}}),
                None,
            ),
            (
                json!({"Name": "updated_at", "AttributeDataType": "Number", "Mutable": true, "Required": false, "NumberAttributeConstraints": {"MinValue": "0"}}),
                None,
            ),
            (
                json!({"Name": "email_verified", "AttributeDataType": "Boolean", "Mutable": true, "Required": false}),
                None,
            ),
            (
                json!({"Name": "sub", "Required": true, "Mutable": false}),
                None,
            ),
            (
                json!({"Name": "identities", "AttributeDataType": "String", "StringAttributeConstraints": {}}),
                None,
            ),
            // Standard, changed.
            (
                json!({"Name": "email", "AttributeDataType": "String", "DeveloperOnlyAttribute": false, "Mutable": true, "Required": true, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}}),
                Some(
                    json!({"Name": "email", "AttributeDataType": "String", "Mutable": true, "Required": true, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}}),
                ),
            ),
            (
                json!({"Name": "given_name", "AttributeDataType": "String", "Mutable": true, "Required": false, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "255"}}),
                Some(
                    json!({"Name": "given_name", "AttributeDataType": "String", "Mutable": true, "Required": false, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "255"}}),
                ),
            ),
            // Custom.
            (
                json!({"Name": "custom:plan", "AttributeDataType": "String", "DeveloperOnlyAttribute": false, "Mutable": true, "Required": false, "StringAttributeConstraints": {}}),
                Some(
                    json!({"Name": "plan", "AttributeDataType": "String", "DeveloperOnlyAttribute": false, "Mutable": true, "Required": false}),
                ),
            ),
            (
                json!({"Name": "dev:custom:note", "AttributeDataType": "Number", "Mutable": false, "NumberAttributeConstraints": {"MinValue": 1, "MaxValue": "9"}}),
                Some(
                    json!({"Name": "note", "AttributeDataType": "Number", "Mutable": false, "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"}, "DeveloperOnlyAttribute": true, "Required": false}),
                ),
            ),
            (
                json!({"Name": "custom:seen", "AttributeDataType": "DateTime", "StringAttributeConstraints": {"MaxLength": "5"}, "NewMember": 1}),
                Some(
                    json!({"Name": "seen", "AttributeDataType": "DateTime", "NewMember": 1, "Required": false}),
                ),
            ),
        ] {
            let schema = of(std::slice::from_ref(&described), None);
            assert_eq!(
                schema.on_creation,
                sent.into_iter().collect::<Vec<_>>(),
                "{described}"
            );
        }
    }

    #[test]
    fn a_standard_attribute_that_is_not_known_is_told_and_not_sent() {
        let schema = of(
            &[json!({"Name": "pronouns", "AttributeDataType": "String"})],
            None,
        );
        assert_eq!(schema.unknown, ["pronouns"]);
        assert!(schema.on_creation.is_empty());
    }

    #[test]
    fn the_attribute_for_the_old_sub_is_added_once_and_where_there_is_room() {
        let custom = |count: usize| -> Vec<Value> {
            (0..count)
                .map(|n| json!({"Name": format!("custom:a{n}"), "AttributeDataType": "String"}))
                .collect()
        };
        assert_eq!(
            names(&of(&custom(1), Some("old_sub")).on_creation),
            ["a0", "old_sub"]
        );
        assert!(of(&custom(50), Some("old_sub")).no_room);
        let there = of(&custom(1), Some("a0"));
        assert!(!there.added && !there.no_room);
    }

    proptest! {
        #[test]
        fn no_attribute_is_lost_and_the_first_call_takes_fifty_at_most(custom in 0usize..=50, required in 0usize..=14) {
            let standard = ["name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "email", "gender", "zoneinfo", "locale", "phone_number"];
            let mut attributes: Vec<Value> = standard[..required].iter().map(|name| json!({"Name": name, "AttributeDataType": "String", "Required": true, "Mutable": true})).collect();
            attributes.extend((0..custom).map(|n| json!({"Name": format!("custom:a{n}"), "AttributeDataType": "String"})));
            let schema = of(&attributes, None);
            prop_assert!(schema.on_creation.len() <= 50);
            prop_assert_eq!(schema.on_creation.len() + schema.later.len(), custom + required);
            prop_assert!(schema.later.iter().all(|attribute| attribute["Name"].as_str().is_some_and(|name| name.starts_with('a'))));
        }
    }
}
