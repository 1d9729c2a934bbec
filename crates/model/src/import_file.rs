//! The CSV file of a user import job, in Cognito's own form (facts C.5): commas part the values,
//! `\,` is a comma in a value, there is no quoting, values are trimmed, a line is a user.
//!
//! The one place that knows the form: import jobs and exports write it, imports read it.

use std::borrow::Cow;

/// The column of the name that a user signs in by.
pub const USERNAME: &str = "cognito:username";
/// The column that says whether text messages are the user's second factor.
pub const MFA_ENABLED: &str = "cognito:mfa_enabled";
/// The column of password hashes, where a job takes them.
pub const PASSWORD_HASH: &str = "password_hash";
/// Characters in a row.
pub const LONGEST_ROW: usize = 16_000;

/// The columns that GetCSVHeader names for a pool with these `SchemaAttributes` (DescribeUserPool):
/// the attributes but those that Cognito alone sets, then the two of Cognito's own.
pub fn header<'a>(attributes: impl Iterator<Item = &'a str>) -> Vec<String> {
    attributes
        .filter(|name| !matches!(*name, "sub" | "identities"))
        .chain([MFA_ENABLED, USERNAME])
        .map(str::to_owned)
        .collect()
}

/// Whether a file can carry a value without changing it.
///
/// How Cognito reads a backslash before a comma that parts two values, or a quote, is not
/// documented, so values with them count as those that it cannot carry.
pub fn can_carry(value: &str) -> bool {
    value.trim() == value
        && !value
            .chars()
            .any(|character| character.is_control() || matches!(character, '\\' | '"'))
}

/// Whether a file can carry a username without changing it.
pub fn can_carry_username(name: &str) -> bool {
    can_carry(name)
        && !name.is_empty()
        && !name.chars().any(char::is_whitespace)
        && !name.starts_with('\u{feff}')
}

/// A value as it stands in a row.
pub fn escaped(value: &str) -> Cow<'_, str> {
    if value.contains(',') {
        value.replace(',', "\\,").into()
    } else {
        value.into()
    }
}

/// The values of a row.
pub fn values(row: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut rest = row;
    while let Some(at) = rest.find(',') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let last = values.len() - 1;
        match before.strip_suffix('\\') {
            Some(before) => values[last].extend([before, ","]),
            None => {
                values[last].push_str(before);
                values.push(String::new());
            }
        }
        rest = after;
    }
    let last = values.len() - 1;
    values[last].push_str(rest);
    for value in &mut values {
        if value.trim().len() != value.len() {
            *value = value.trim().to_owned();
        }
    }
    values
}

/// `YYYY-MM-DD` of the API as `mm/dd/yyyy`; `None` when it is something else.
pub fn birthdate_to_file(value: &str) -> Option<String> {
    let [year, month, day] = numbers(value, '-', [4, 2, 2])?;
    Some(format!("{month}/{day}/{year}"))
}

/// `mm/dd/yyyy` as the API has it; `None` when it is something else.
pub fn birthdate_from_file(value: &str) -> Option<String> {
    let [month, day, year] = numbers(value, '/', [2, 2, 4])?;
    Some(format!("{year}-{month}-{day}"))
}

/// Three numbers of so many digits.
fn numbers(value: &str, separator: char, digits: [usize; 3]) -> Option<[&str; 3]> {
    let parts: Vec<&str> = value.split(separator).collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    let fits = |(part, digits): (&&str, usize)| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    parts.iter().zip(digits).all(fits).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn birthdates_change_their_form_and_nothing_else_passes_for_one() {
        assert_eq!(birthdate_to_file("1990-02-28").unwrap(), "02/28/1990");
        assert_eq!(birthdate_from_file("02/28/1990").unwrap(), "1990-02-28");
        for other in [
            "",
            "1990-2-28",
            "90-02-28",
            "1990-02-28-1",
            "199a-02-28",
            "02/28/1990",
        ] {
            assert_eq!(birthdate_to_file(other), None, "{other}");
        }
    }

    #[test]
    fn the_header_has_what_an_import_can_set() {
        let header = header(["sub", "email", "custom:plan", "identities"].into_iter());
        assert_eq!(header, ["email", "custom:plan", MFA_ENABLED, USERNAME]);
    }

    proptest! {
        #[test]
        fn what_a_file_can_carry_comes_out_as_it_went_in(
            drawn in prop::collection::vec("[ -~,äß漢]{0,12}", 1..6)
        ) {
            let row: Vec<_> = drawn.iter().map(|value| escaped(value)).collect();
            let read = values(&row.join(","));
            if drawn.iter().all(|value| can_carry(value)) {
                prop_assert_eq!(read, drawn);
            }
        }
    }
}
