//! Checking a request against its shape.

use base64::Engine;
use serde_json::Value;

use super::lower_first;
use super::model::{Model, Pattern, Shape};
use crate::call::Document;
use crate::error::ServiceError;

/// A request that fits, and the paths of members that the model does not know.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) unknown: Vec<String>,
}

/// Checks a request in place: nulls are removed (AWS treats them as absent), unknown members are reported and, unless
/// `keep_unknown`, removed.
///
/// # Errors
/// `SerializationException` for a member of the wrong JSON type; `InvalidParameterException` with Amazon's
/// "N validation error(s) detected" text for what breaks a constraint (facts B.1).
pub(crate) fn check(
    model: &Model,
    shape: &str,
    request: &mut Document,
    keep_unknown: bool,
) -> Result<Checked, ServiceError> {
    let mut checker = Checker {
        model,
        keep_unknown,
        problems: Vec::new(),
        unknown: Vec::new(),
    };
    let mut value = Value::Object(std::mem::take(request));
    let result = checker.value(shape, &mut value, "");
    if let Value::Object(document) = value {
        *request = document;
    }
    result?;
    match checker.problems.len() {
        0 => Ok(Checked {
            unknown: checker.unknown,
        }),
        1 => Err(ServiceError::invalid_parameter(format!(
            "1 validation error detected: {}",
            checker.problems[0]
        ))),
        count => Err(ServiceError::invalid_parameter(format!(
            "{count} validation errors detected: {}",
            checker.problems.join("; ")
        ))),
    }
}

struct Checker<'m> {
    model: &'m Model,
    keep_unknown: bool,
    problems: Vec<String>,
    unknown: Vec<String>,
}

impl Checker<'_> {
    fn value(
        &mut self,
        shape_name: &str,
        value: &mut Value,
        path: &str,
    ) -> Result<(), ServiceError> {
        let Some(shape) = self.model.shape(shape_name) else {
            return Ok(());
        };
        match (shape, value) {
            (Shape::Document, _) => {}
            (Shape::Structure { required, members }, Value::Object(object)) => {
                object.retain(|_, value| !value.is_null());
                for name in required {
                    if !object.contains_key(name) {
                        self.fail(
                            "null",
                            &join(path, &lower_first(name)),
                            "Member must not be null",
                        );
                    }
                }
                let mut unknown = Vec::new();
                for (name, value) in object.iter_mut() {
                    match members.get(name) {
                        Some(member) => {
                            self.value(member, value, &join(path, &lower_first(name)))?
                        }
                        None => unknown.push(name.clone()),
                    }
                }
                for name in unknown {
                    if !self.keep_unknown {
                        object.remove(&name);
                    }
                    self.unknown.push(join(path, &name));
                }
            }
            (
                Shape::Text {
                    min,
                    max,
                    pattern,
                    values,
                    sensitive,
                },
                Value::String(text),
            ) => {
                let shown = if *sensitive {
                    None
                } else {
                    Some(text.as_str())
                };
                self.text(text, shown, path, (*min, *max), pattern.as_ref(), values);
            }
            (Shape::Integer { min, max }, Value::Number(number)) => {
                let Some(number) = number.as_i64() else {
                    return Err(serialization(path, "a whole number"));
                };
                let shown = number.to_string();
                self.range(number, &quoted(Some(&shown)), path, (*min, *max), "value");
            }
            (Shape::List { member, min, max }, Value::Array(list)) => {
                self.range(
                    list.len() as i64,
                    &quoted(Some(&java(list))),
                    path,
                    (*min, *max),
                    "length",
                );
                for (index, value) in list.iter_mut().enumerate() {
                    if value.is_null() {
                        self.fail(
                            "null",
                            &format!("{path}.{}.member", index + 1),
                            "Member must not be null",
                        );
                    } else {
                        self.value(member, value, &format!("{path}.{}.member", index + 1))?;
                    }
                }
            }
            (
                Shape::Map {
                    key,
                    value,
                    min,
                    max,
                },
                Value::Object(map),
            ) => {
                map.retain(|_, value| !value.is_null());
                let entries = map
                    .iter()
                    .map(|(key, value)| format!("{key}={}", java_value(value)));
                let shown = format!("{{{}}}", entries.collect::<Vec<_>>().join(", "));
                self.range(
                    map.len() as i64,
                    &quoted(Some(&shown)),
                    path,
                    (*min, *max),
                    "length",
                );
                let (key_shape, value_shape) = (key, value);
                for (key, value) in map.iter_mut() {
                    self.value(key_shape, &mut Value::String(key.clone()), path)?;
                    self.value(value_shape, value, &format!("{path}.{key}.member"))?;
                }
            }
            (Shape::Boolean, Value::Bool(_))
            | (Shape::Timestamp, Value::Number(_) | Value::String(_)) => {}
            (Shape::Blob { min, max }, Value::String(text)) => {
                let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(text.as_bytes())
                else {
                    return Err(serialization(path, "base64"));
                };
                self.range(bytes.len() as i64, "Value", path, (*min, *max), "length");
            }
            (shape, _) => return Err(serialization(path, shape.expectation())),
        }
        Ok(())
    }

    fn text(
        &mut self,
        text: &str,
        shown: Option<&str>,
        path: &str,
        (min, max): (Option<i64>, Option<i64>),
        pattern: Option<&Pattern>,
        values: &[String],
    ) {
        let shown = quoted(shown);
        if !values.is_empty() && !values.iter().any(|value| value == text) {
            self.fail(
                &shown,
                path,
                &format!(
                    "Member must satisfy enum value set: [{}]",
                    values.join(", ")
                ),
            );
        }
        self.range(
            text.chars().count() as i64,
            &shown,
            path,
            (min, max),
            "length",
        );
        if let Some(pattern) = pattern
            && !pattern.matches(text)
        {
            self.fail(
                &shown,
                path,
                &format!(
                    "Member must satisfy regular expression pattern: {}",
                    pattern.source
                ),
            );
        }
    }

    fn range(
        &mut self,
        size: i64,
        shown: &str,
        path: &str,
        (min, max): (Option<i64>, Option<i64>),
        what: &str,
    ) {
        if let Some(min) = min
            && size < min
        {
            self.fail(
                shown,
                path,
                &format!("Member must have {what} greater than or equal to {min}"),
            );
        }
        if let Some(max) = max
            && size > max
        {
            self.fail(
                shown,
                path,
                &format!("Member must have {what} less than or equal to {max}"),
            );
        }
    }

    fn fail(&mut self, shown: &str, path: &str, constraint: &str) {
        let shown = if shown == "null" { "Value null" } else { shown };
        self.problems.push(format!(
            "{shown} at '{path}' failed to satisfy constraint: {constraint}"
        ));
    }
}

impl Shape {
    fn expectation(&self) -> &'static str {
        match self {
            Self::Structure { .. } | Self::Map { .. } | Self::Document => "an object",
            Self::Text { .. } => "a string",
            Self::Integer { .. } => "a whole number",
            Self::List { .. } => "a list",
            Self::Boolean => "a boolean",
            Self::Blob { .. } => "base64",
            Self::Timestamp => "a timestamp",
        }
    }
}

/// `Value '...'`, or only `Value` for what the model calls sensitive.
fn quoted(shown: Option<&str>) -> String {
    shown.map_or_else(|| "Value".to_owned(), |text| format!("Value '{text}'"))
}

fn serialization(path: &str, expected: &str) -> ServiceError {
    ServiceError::serialization(format!("Unexpected value at '{path}': expected {expected}"))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// A list as Java prints it, which is what Amazon's messages show.
fn java(list: &[Value]) -> String {
    format!(
        "[{}]",
        list.iter().map(java_value).collect::<Vec<_>>().join(", ")
    )
}

fn java_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => java(list),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(shape: &str, request: Value) -> Result<(Document, Vec<String>), ServiceError> {
        let mut request = request.as_object().expect("an object").clone();
        let checked = check(
            Model::embedded().expect("the model reads"),
            shape,
            &mut request,
            false,
        )?;
        Ok((request, checked.unknown))
    }

    #[test]
    fn a_request_that_breaks_a_constraint_gets_amazons_text_and_the_nearest_that_does_not_is_accepted()
     {
        let name = |length: usize| "a".repeat(length);
        let rows = [
            (
                json!({}),
                Some(
                    "1 validation error detected: Value null at 'poolName' failed to satisfy constraint: Member must not be null",
                ),
            ),
            (json!({"PoolName": "p"}), None),
            (
                json!({"PoolName": "p", "Schema": [{"Name": name(21)}]}),
                Some(
                    "1 validation error detected: Value 'aaaaaaaaaaaaaaaaaaaaa' at 'schema.1.member.name' failed to satisfy constraint: Member must have length less than or equal to 20",
                ),
            ),
            (
                json!({"PoolName": "p", "Schema": [{"Name": name(20)}]}),
                None,
            ),
            (
                json!({"PoolName": "p", "MfaConfiguration": "MAYBE"}),
                Some(
                    "1 validation error detected: Value 'MAYBE' at 'mfaConfiguration' failed to satisfy constraint: Member must satisfy enum value set: [OFF, ON, OPTIONAL]",
                ),
            ),
            (
                json!({"PoolName": "a!"}),
                Some(
                    "1 validation error detected: Value 'a!' at 'poolName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w\\s+=,.@-]+",
                ),
            ),
            (
                json!({"PoolName": "p", "Policies": {"PasswordPolicy": {"MinimumLength": 5}}}),
                Some(
                    "1 validation error detected: Value '5' at 'policies.passwordPolicy.minimumLength' failed to satisfy constraint: Member must have value greater than or equal to 6",
                ),
            ),
            (
                json!({"PoolName": "p", "Policies": {"PasswordPolicy": {"MinimumLength": 6}}}),
                None,
            ),
            (
                json!({"PoolName": "", "MfaConfiguration": "x"}),
                Some("3 validation errors detected: "),
            ),
        ];
        for (request, expected) in rows {
            let result = checked("CreateUserPoolRequest", request.clone());
            match expected {
                None => assert!(result.is_ok(), "{request}: {result:?}"),
                Some(text) => {
                    let error = result.expect_err("a refusal");
                    assert_eq!(error.code, "InvalidParameterException");
                    assert!(error.message.starts_with(text), "{}", error.message);
                }
            }
        }
    }

    #[test]
    fn sensitive_values_stay_out_of_messages() {
        let request = json!({"UserPoolId": "eu-west-1_a", "Username": "u", "TemporaryPassword": "with space"});
        let error = checked("AdminCreateUserRequest", request).expect_err("a refusal");
        assert!(
            error
                .message
                .contains("Value at 'temporaryPassword' failed"),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_wrong_json_type_is_a_serialization_error_and_null_is_absent() {
        let error =
            checked("CreateUserPoolRequest", json!({"PoolName": 5})).expect_err("a refusal");
        assert_eq!(error.code, "SerializationException");
        let (request, _) = checked(
            "CreateUserPoolRequest",
            json!({"PoolName": "p", "Schema": null}),
        )
        .expect("fits");
        assert_eq!(request.len(), 1);
    }

    #[test]
    fn unknown_members_are_accepted_and_reported_with_their_path() {
        let request =
            json!({"PoolName": "p", "Next": 1, "Policies": {"PasswordPolicy": {"Entropy": 2}}});
        let (request, unknown) = checked("CreateUserPoolRequest", request).expect("fits");
        assert_eq!(unknown, ["policies.passwordPolicy.Entropy", "Next"]);
        assert!(!request.contains_key("Next"));
    }
}
