//! What Cognito accepts as a schema, and the documents that it makes of it (facts A.2).

use serde_json::{Value, json};

use super::access::{default_to, text_at};
use crate::call::Document;
use crate::error::ServiceError;
use crate::state::{Schema, standard_attribute};

/// Custom attributes of a pool, not adjustable (facts E [DOC]).
pub(super) const CUSTOM_ATTRIBUTES: usize = 50;

/// The schema of a new pool from the `Schema` of CreateUserPool.
///
/// # Errors
/// `InvalidParameterException` for each rule of facts A.2.
pub(super) fn of_new_pool(given: &[Value]) -> Result<Schema, ServiceError> {
    let mut schema = Schema::standard();
    let mut overridden: Vec<&str> = Vec::new();
    for attribute in given.iter().filter_map(Value::as_object) {
        let name = text_at(attribute, &["Name"]).unwrap_or_default();
        match standard_attribute(name) {
            Some(standard) => {
                if overridden.contains(&name) {
                    return Err(duplicate(name));
                }
                overridden.push(name);
                schema.put(overriding(name, standard, attribute)?);
            }
            None => {
                let document = custom(attribute)?;
                let name = text_at(&document, &["Name"]).unwrap_or_default();
                if schema.rule(name).is_some() {
                    return Err(duplicate(name));
                }
                schema.put(document);
            }
        }
    }
    Ok(schema)
}

/// Adds the `CustomAttributes` of AddCustomAttributes: all or none.
///
/// # Errors
/// `InvalidParameterException` for each rule of facts A.2.
pub(super) fn add(schema: &mut Schema, given: &[Value]) -> Result<(), ServiceError> {
    let mut extended = schema.clone();
    for attribute in given.iter().filter_map(Value::as_object) {
        let document = custom(attribute)?;
        let name = text_at(&document, &["Name"]).unwrap_or_default();
        if schema.rule(name).is_some() {
            // [GEN]
            return Err(ServiceError::invalid_parameter(format!(
                "{name}: Existing attribute already has name {name}."
            )));
        }
        if extended.rule(name).is_some() {
            return Err(duplicate(name));
        }
        extended.put(document);
    }
    if extended.custom_count() > CUSTOM_ATTRIBUTES {
        // The quota is facts E [DOC]; the text is unverified.
        return Err(ServiceError::invalid_parameter(format!(
            "A user pool cannot have more than {CUSTOM_ATTRIBUTES} custom attributes."
        )));
    }
    *schema = extended;
    Ok(())
}

/// Facts A.2 [BENCH]. The text names custom attributes; that a standard one given twice gets it too is unverified.
fn duplicate(name: &str) -> ServiceError {
    ServiceError::invalid_parameter(format!(
        "Duplicate custom attribute names {name} are not allowed in a user pool schema."
    ))
}

/// A standard attribute may be made required or immutable and constrained, not retyped (facts A.2 [BENCH]).
fn overriding(
    name: &str,
    mut standard: Document,
    given: &Document,
) -> Result<Document, ServiceError> {
    let retyped = text_at(given, &["AttributeDataType"])
        .is_some_and(|given| Some(given) != text_at(&standard, &["AttributeDataType"]));
    if retyped || given.get("DeveloperOnlyAttribute") == Some(&Value::Bool(true)) {
        return Err(ServiceError::invalid_parameter(format!(
            "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute {name}"
        )));
    }
    constraints(name, given)?;
    for (member, value) in given {
        standard.insert(member.clone(), value.clone());
    }
    Ok(standard)
}

/// The document of a custom attribute under its full name: Cognito adds `custom:`, or `dev:custom:` for a
/// developer-only one, whatever the name already begins with (facts A.2 [CODE], 2 [BENCH]).
fn custom(given: &Document) -> Result<Document, ServiceError> {
    let bare = text_at(given, &["Name"]).unwrap_or_default();
    if bare.is_empty() {
        // The model does not require the name; without one there is no attribute (the text is unverified).
        return Err(ServiceError::invalid_parameter(
            "A schema attribute needs a name.",
        ));
    }
    let developer_only = given.get("DeveloperOnlyAttribute") == Some(&Value::Bool(true));
    let prefix = if developer_only {
        "dev:custom:"
    } else {
        "custom:"
    };
    let name = format!("{prefix}{bare}");
    if given.get("Required") == Some(&Value::Bool(true)) {
        return Err(ServiceError::invalid_parameter(
            "Required custom attributes are not supported currently.",
        ));
    }
    constraints(&name, given)?;
    let mut document = given.clone();
    document.insert("Name".to_owned(), json!(name));
    default_to(&mut document, "AttributeDataType", "String");
    default_to(&mut document, "DeveloperOnlyAttribute", false);
    // [MOTO]: mutable unless the caller says otherwise.
    default_to(&mut document, "Mutable", true);
    default_to(&mut document, "Required", false);
    match text_at(&document, &["AttributeDataType"]) {
        Some("String") => default_to(&mut document, "StringAttributeConstraints", json!({})),
        Some("Number") => default_to(&mut document, "NumberAttributeConstraints", json!({})),
        _ => {}
    }
    Ok(document)
}

/// The order of limits (facts A.2 [BENCH]), and that only texts and numbers have any (facts A.2 [GEN], unverified).
fn constraints(name: &str, given: &Document) -> Result<(), ServiceError> {
    let kind = text_at(given, &["AttributeDataType"]);
    for (block, min, max, complaint) in [
        (
            "NumberAttributeConstraints",
            "MinValue",
            "MaxValue",
            "cannot have a max value smaller than it's min value",
        ),
        (
            "StringAttributeConstraints",
            "MinLength",
            "MaxLength",
            "cannot have a max length shorter than it's min length",
        ),
    ] {
        let limit = |member| match text_at(given, &[block, member]) {
            None => Ok(None),
            // Constraints are numbers in strings (facts A.2 [MODEL]); the text is unverified.
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| {
                ServiceError::invalid_parameter(format!(
                    "Attribute {name} has a constraint that is not a number."
                ))
            }),
        };
        let (min, max) = (limit(min)?, limit(max)?);
        if (min.is_some() || max.is_some()) && matches!(kind, Some("Boolean" | "DateTime")) {
            return Err(ServiceError::invalid_parameter(format!(
                "Attribute {name} cannot have constraints for its data type."
            )));
        }
        if let (Some(min), Some(max)) = (min, max)
            && max < min
        {
            return Err(ServiceError::invalid_parameter(format!(
                "Attribute {name} {complaint}"
            )));
        }
    }
    Ok(())
}
