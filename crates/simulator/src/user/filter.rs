//! The filter of ListUsers: `attribute = "value"` or `attribute ^= "value"` (facts D).

use crate::error::ServiceError;
use crate::state::User;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) attribute: Attribute,
    pub(crate) prefix: bool,
    pub(crate) value: String,
}

/// What can be searched for (facts D).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    Username,
    Sub,
    /// Compared without regard to case.
    UserStatus,
    /// `Enabled` or `Disabled`, compared with regard to case.
    Status,
    /// One of email, phone_number, name, given_name, family_name, preferred_username.
    Standard(&'static str),
}

const STANDARD: [&str; 6] = [
    "email",
    "phone_number",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
];

impl Filter {
    /// Parses a filter; an empty one is none.
    ///
    /// # Errors
    /// `InvalidParameterException`; the text for what does not parse is \[GEN\], the other \[UNV\].
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, ServiceError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let broken = || ServiceError::invalid_parameter("Error while parsing filter");
        let equals = text.find('=').ok_or_else(broken)?;
        let (left, right) = (&text[..equals], text[equals + 1..].trim());
        let (name, prefix) = match left.strip_suffix('^') {
            Some(name) => (name.trim(), true),
            None => (left.trim(), false),
        };
        let name = name.trim_matches('"');
        let attribute = match name {
            "username" => Attribute::Username,
            "sub" => Attribute::Sub,
            "cognito:user_status" => Attribute::UserStatus,
            "status" => Attribute::Status,
            other => match STANDARD.iter().find(|standard| **standard == other) {
                Some(standard) => Attribute::Standard(standard),
                None => {
                    return Err(ServiceError::invalid_parameter(format!(
                        "Invalid search attribute: {other}"
                    )));
                }
            },
        };
        let quoted = right
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .ok_or_else(broken)?;
        let value = unescape(quoted).ok_or_else(broken)?;
        Ok(Some(Self {
            attribute,
            prefix,
            value,
        }))
    }

    /// Whether it asks for a prefix of `sub`.
    pub(crate) fn is_sub_prefix(&self) -> bool {
        self.prefix && self.attribute == Attribute::Sub
    }

    /// Whether a user matches.
    pub(crate) fn matches(&self, user: &User) -> bool {
        match self.attribute {
            Attribute::Username => self.compare(&user.username),
            Attribute::Sub => self.compare(&user.sub.to_string()),
            Attribute::UserStatus => {
                let wanted = Self {
                    value: self.value.to_uppercase(),
                    ..self.clone()
                };
                wanted.compare(user.status.as_str())
            }
            Attribute::Status => self.compare(if user.enabled { "Enabled" } else { "Disabled" }),
            Attribute::Standard(name) => user
                .attribute(name)
                .is_some_and(|value| self.compare(value)),
        }
    }

    fn compare(&self, value: &str) -> bool {
        if self.prefix {
            value.starts_with(&self.value)
        } else {
            value == self.value
        }
    }
}

/// Quotes and backslashes inside the value are escaped by a backslash; a bare quote ends it early.
fn unescape(quoted: &str) -> Option<String> {
    let mut value = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?),
            '"' => return None,
            other => value.push(other),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_documentation_allows_parses() {
        let rows = [
            (
                "email = \"a@example.com\"",
                Attribute::Standard("email"),
                false,
                "a@example.com",
            ),
            (
                "given_name ^= \"Jo\"",
                Attribute::Standard("given_name"),
                true,
                "Jo",
            ),
            ("sub=\"x\"", Attribute::Sub, false, "x"),
            (
                "cognito:user_status = \"confirmed\"",
                Attribute::UserStatus,
                false,
                "confirmed",
            ),
            (
                "name = \"a \\\"b\\\" \\\\ c\"",
                Attribute::Standard("name"),
                false,
                "a \"b\" \\ c",
            ),
            ("username = \"a=b\"", Attribute::Username, false, "a=b"),
        ];
        for (text, attribute, prefix, value) in rows {
            let filter = Filter::parse(text).expect(text).expect(text);
            assert_eq!(
                (filter.attribute, filter.prefix, filter.value.as_str()),
                (attribute, prefix, value),
                "{text}"
            );
        }
        assert_eq!(Filter::parse("").expect("empty"), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "email",
            "email = x",
            "email = \"x",
            "custom:x = \"y\"",
            "email = \"a\" and name = \"b\"",
            "= \"x\"",
            "email = \"\\\"",
        ] {
            let error = Filter::parse(text).expect_err(text);
            assert_eq!(error.code, "InvalidParameterException", "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_found_when_its_quotes_and_backslashes_are_escaped(value in any::<String>()) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("name = \"{escaped}\"")).expect("a filter").expect("not empty");
            prop_assert_eq!(filter.value, value);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _parsed = Filter::parse(&text);
        }
    }
}
