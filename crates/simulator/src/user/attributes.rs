//! What attribute values must satisfy (facts A.2, C.1, C.3).

use std::sync::Arc;

use serde_json::Value;

use crate::error::ServiceError;
use crate::state::{AttributeRule, Attributes, DataType, Pool};

/// The limit of any attribute value (facts A.2, quotas), in bytes.
const MAX_VALUE_BYTES: usize = 2048;

/// A name and value as a caller gave them.
pub(crate) type Given<'a> = (&'a str, &'a str);

/// Reads a list of `{Name, Value}`; a value left out is empty. Of a name given twice the last value counts \[UNV\].
pub(crate) fn read(list: &[Value]) -> Vec<Given<'_>> {
    let mut given: Vec<Given<'_>> = Vec::with_capacity(list.len());
    for entry in list {
        let name = entry
            .get("Name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let value = entry
            .get("Value")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match given.iter_mut().find(|(other, _)| *other == name) {
            Some(place) => place.1 = value,
            None => given.push((name, value)),
        }
    }
    given
}

/// Finds the rule of an attribute that a caller wants to write.
///
/// # Errors
/// `sub`, `identities` and `cognito:*` are never writable (facts C.1 \[CODE\]); a name outside the schema is refused
/// \[GEN\].
pub(crate) fn writable<'p>(pool: &'p Pool, name: &str) -> Result<&'p AttributeRule, ServiceError> {
    if name == "sub" || name == "identities" || name.starts_with("cognito:") {
        return Err(ServiceError::invalid_parameter(format!(
            "Cannot modify the non-mutable attribute {name}"
        )));
    }
    pool.schema
        .rule(name)
        .ok_or_else(|| nonconforming(&format!("{name}: Attribute does not exist in the schema.")))
}

/// Checks one value against the attribute's type and constraints. Texts \[GEN\], except where noted.
pub(crate) fn check_value(rule: &AttributeRule, value: &str) -> Result<(), ServiceError> {
    let name = &*rule.name;
    if value.len() > MAX_VALUE_BYTES {
        return Err(nonconforming(&format!(
            "{name}: String must be no longer than 2048 characters"
        )));
    }
    match name {
        "email" if !is_email(value) => {
            return Err(ServiceError::invalid_parameter(
                "Invalid email address format.",
            ));
        }
        "phone_number" if !is_phone_number(value) => {
            return Err(ServiceError::invalid_parameter(
                "Invalid phone number format.",
            ));
        }
        "birthdate" if !is_birthdate(value) => {
            return Err(nonconforming(
                "birthdate: Invalid value for attribute, expected YYYY-MM-DD",
            ));
        }
        _ => {}
    }
    match rule.data_type {
        DataType::Boolean => {
            if value != "true" && value != "false" {
                return Err(nonconforming(&format!(
                    "{name}: Boolean must be true or false"
                )));
            }
        }
        DataType::Number => {
            let Ok(number) = value.parse::<i64>() else {
                return Err(nonconforming(&format!("{name}: Number is not valid")));
            };
            if rule.min.is_some_and(|min| number < min) || rule.max.is_some_and(|max| number > max)
            {
                return Err(nonconforming(&format!("{name}: Number is out of range")));
            }
        }
        DataType::String => {
            let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
            if let Some(min) = rule.min.filter(|min| length < *min) {
                return Err(nonconforming(&format!(
                    "{name}: String must be at least {min} characters"
                )));
            }
            if let Some(max) = rule.max.filter(|max| length > *max) {
                return Err(nonconforming(&format!(
                    "{name}: String must be no longer than {max} characters"
                )));
            }
        }
        // The accepted formats are not documented: anything that is not empty \[UNV\].
        DataType::DateTime => {}
    }
    Ok(())
}

/// `*_verified` needs its attribute (facts C.1; texts \[MOTO\]).
pub(crate) fn check_verified(
    verified: &str,
    has: impl Fn(&str) -> bool,
) -> Result<(), ServiceError> {
    match verified {
        "email_verified" if !has("email") => Err(ServiceError::invalid_parameter(
            "Email is required to verify/un-verify an email",
        )),
        "phone_number_verified" if !has("phone_number") => Err(ServiceError::invalid_parameter(
            "Phone Number is required to verify/un-verify a phone number",
        )),
        _ => Ok(()),
    }
}

/// All attributes of a new user, checked. Empty values are not stored \[UNV\].
pub(crate) fn for_new_user(
    pool: &Pool,
    given: &[Given<'_>],
    missing_allowed: impl Fn(&AttributeRule) -> bool,
) -> Result<Attributes, ServiceError> {
    let mut attributes = Vec::with_capacity(given.len());
    for (name, value) in given {
        let rule = writable(pool, name)?;
        if value.is_empty() {
            continue;
        }
        check_value(rule, value)?;
        attributes.push((Arc::clone(&rule.name), Box::from(*value)));
    }
    let has = |name: &str| attributes.iter().any(|(key, _)| &**key == name);
    for (name, _) in &attributes {
        check_verified(name, has)?;
    }
    for rule in pool.schema.rules() {
        if rule.required && &*rule.name != "sub" && !has(&rule.name) && !missing_allowed(rule) {
            return Err(nonconforming(&format!(
                "{0}: The attribute {0} is required",
                rule.name
            )));
        }
    }
    Ok(attributes)
}

fn nonconforming(what: &str) -> ServiceError {
    ServiceError::invalid_parameter(format!(
        "Attributes did not conform to the schema: {what}\n"
    ))
}

/// An address: something, `@`, something with no second `@` and no white space. What the service checks beyond is not
/// documented \[UNV\].
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
}

/// E.164: `+` and up to 15 digits (facts C.1).
pub(crate) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `YYYY-MM-DD` (facts C.1).
fn is_birthdate(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}
