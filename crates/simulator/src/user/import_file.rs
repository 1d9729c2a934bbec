//! The CSV file of a user import: its header, its rows, and the user that a row describes (facts C.5).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::{AliasKind, Pool, Sub, Time, User, UserStatus};
use crate::user::{attributes, password, username};

pub(crate) const USERNAME: &str = "cognito:username";
const MFA_ENABLED: &str = "cognito:mfa_enabled";
const PASSWORD_HASH: &str = "password_hash";

/// Limits of a file (facts C.5, E).
const MAX_FILE_BYTES: usize = 100 * 1024 * 1024;
const MAX_ROWS: usize = 500_000;
const MAX_ROW_CHARACTERS: usize = 16_000;

/// How the hashes in a file were made (facts C.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HashAlgorithm {
    Bcrypt,
    Scrypt,
    Argon2id,
    #[serde(rename = "PBKDF2_SHA256")]
    Pbkdf2Sha256,
}

/// The columns that GetCSVHeader names: the attributes of the schema but `sub` and `identities`, then the two of the
/// service's own (facts C.5; the order of the sample \[DOC\]).
pub(crate) fn header(pool: &Pool) -> Vec<String> {
    let names = pool
        .schema
        .documents()
        .iter()
        .filter_map(|document| document.get("Name").and_then(Value::as_str));
    let mut columns: Vec<String> = names
        .filter(|name| *name != "sub" && *name != "identities")
        .map(str::to_owned)
        .collect();
    columns.extend([MFA_ENABLED.to_owned(), USERNAME.to_owned()]);
    columns
}

/// A file that can be worked through row by row.
#[derive(Debug, Default)]
pub(crate) struct ImportFile {
    columns: Vec<String>,
    /// Lines after the header, each with its number from 1.
    rows: Vec<(usize, String)>,
}

impl ImportFile {
    /// Reads a file. `Err` is why the whole job fails; the texts are \[UNV\], the reasons facts C.5.
    pub(crate) fn read(
        bytes: &[u8],
        pool: &Pool,
        algorithm: Option<HashAlgorithm>,
    ) -> Result<Self, &'static str> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err("The CSV file is larger than 100 MB.");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "The CSV file is not UTF-8.")?;
        if text.starts_with('\u{feff}') {
            return Err("The CSV file starts with a byte order mark.");
        }
        let mut lines = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .enumerate();
        let header_line = lines.next().map(|(_, line)| line).unwrap_or_default();
        let columns: Vec<String> = header_line
            .split(',')
            .map(|column| column.trim().to_owned())
            .collect();
        let given: HashSet<&str> = columns.iter().map(String::as_str).collect();
        let mut expected: HashSet<String> = header(pool).into_iter().collect();
        if algorithm.is_some() && given.contains(PASSWORD_HASH) {
            expected.insert(PASSWORD_HASH.to_owned());
        }
        let complete = expected
            .iter()
            .all(|column| given.contains(column.as_str()));
        if !complete || given.len() != expected.len() || columns.len() != given.len() {
            return Err("The header of the CSV file does not match the user pool's attributes.");
        }
        let rows: Vec<(usize, String)> = lines
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| (index + 1, line.to_owned()))
            .collect();
        if rows.len() > MAX_ROWS {
            return Err("The CSV file has more than 500,000 users.");
        }
        Ok(Self { columns, rows })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a range, with their line numbers.
    pub(crate) fn rows(&self, range: std::ops::Range<usize>) -> &[(usize, String)] {
        &self.rows[range.start.min(self.rows.len())..range.end.min(self.rows.len())]
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }
}

/// What becomes of a row.
#[derive(Debug)]
pub(crate) enum RowResult {
    Imported(Box<User>),
    /// The user exists.
    Skipped,
    Failed(String),
}

/// The user that a row describes. Reasons are \[UNV\] texts but for the documented one about auto-verified attributes.
pub(crate) fn user_of_row(
    pool: &Pool,
    columns: &[String],
    algorithm: Option<HashAlgorithm>,
    row: &str,
    sub: Sub,
    now: Time,
) -> RowResult {
    match parse_user(pool, columns, algorithm, row, sub, now) {
        Ok(Some(user)) => RowResult::Imported(Box::new(user)),
        Ok(None) => RowResult::Skipped,
        Err(reason) => RowResult::Failed(reason),
    }
}

fn parse_user(
    pool: &Pool,
    columns: &[String],
    algorithm: Option<HashAlgorithm>,
    row: &str,
    sub: Sub,
    now: Time,
) -> Result<Option<User>, String> {
    if row.chars().count() > MAX_ROW_CHARACTERS {
        return Err("The row is longer than 16,000 characters.".to_owned());
    }
    let fields = split(row);
    if fields.len() != columns.len() {
        return Err("The number of columns does not match the header.".to_owned());
    }
    let mut name = "";
    let mut hash = "";
    let mut given: Vec<(&str, String)> = Vec::with_capacity(fields.len());
    for (column, field) in columns.iter().zip(&fields) {
        let value = field.trim();
        match column.as_str() {
            USERNAME => name = value,
            PASSWORD_HASH => hash = value,
            MFA_ENABLED => check_mfa_enabled(pool, value)?,
            _ if value.is_empty() => {}
            "birthdate" => given.push((column, birthdate(value)?)),
            "email_verified" | "phone_number_verified" => {
                given.push((column, value.to_lowercase()))
            }
            _ => given.push((column, value.to_owned())),
        }
    }
    if name.is_empty() || name.chars().count() > 128 || name.contains([' ', '\t']) {
        return Err("The username is not valid.".to_owned());
    }
    let sign_in_attribute = username::check(pool, name).map_err(|error| error.message)?;
    if let Some(kind) = sign_in_attribute {
        if pool.users.by_alias(kind, name).is_some() {
            return Ok(None);
        }
        if !given.iter().any(|(column, _)| *column == kind.attribute()) {
            given.push((kind.attribute(), name.to_owned()));
        }
    } else if pool.users.by_username(name).is_some() {
        return Ok(None);
    }
    // A row has to fill both flags, whatever contacts the user has (facts C.5 [ISSUE ...#27]); only true needs one
    // (facts C.1).
    let contacts: Vec<&str> = given.iter().map(|(column, _)| *column).collect();
    given.retain(|(column, value)| {
        value != "false"
            || column
                .strip_suffix("_verified")
                .is_none_or(|contact| contacts.contains(&contact))
    });
    let borrowed: Vec<(&str, &str)> = given
        .iter()
        .map(|(column, value)| (*column, value.as_str()))
        .collect();
    let attributes =
        attributes::for_new_user(pool, &borrowed, |_| false).map_err(|error| error.message)?;
    let status = status(pool, algorithm, hash)?;
    let user = User {
        username: if sign_in_attribute.is_some() {
            sub.to_string().into()
        } else {
            name.into()
        },
        sub,
        attributes,
        status,
        enabled: true,
        created: now,
        modified: now,
        password: (!hash.is_empty()).then(|| password::digest(sub, hash)),
        extra: None,
    };
    let auto_verified = pool.setting_names("AutoVerifiedAttributes");
    if !auto_verified
        .iter()
        .any(|attribute| user.is_verified(attribute))
    {
        return Err(
            "The User Record does not set any of the auto verified attributes to true. (Example: email_verified to \
             true)."
                .to_owned(),
        );
    }
    if pool
        .users
        .aliases_of(&user)
        .into_iter()
        .any(|(kind, value): (AliasKind, _)| pool.users.by_alias(kind, &value).is_some())
    {
        return Err("Another user holds the email or phone number.".to_owned());
    }
    Ok(Some(user))
}

/// RESET_REQUIRED; CONFIRMED with a hash, or where users can sign in without a password (facts C.5).
fn status(pool: &Pool, algorithm: Option<HashAlgorithm>, hash: &str) -> Result<UserStatus, String> {
    match algorithm {
        Some(algorithm) if !hash.is_empty() => {
            if is_hash(algorithm, hash) {
                Ok(UserStatus::Confirmed)
            } else {
                Err("The password hash is not valid.".to_owned())
            }
        }
        _ if password::is_passwordless(pool) => Ok(UserStatus::Confirmed),
        _ => Ok(UserStatus::ResetRequired),
    }
}

/// The column must suit the pool: true or blank when MFA is required, false or blank when it is off \[DOC\].
fn check_mfa_enabled(pool: &Pool, value: &str) -> Result<(), String> {
    let value = value.to_lowercase();
    let configuration = pool
        .settings
        .get("MfaConfiguration")
        .and_then(Value::as_str)
        .unwrap_or("OFF");
    let suits = match (configuration, value.as_str()) {
        (_, "") => true,
        ("ON", value) => value == "true",
        ("OFF", value) => value == "false",
        (_, value) => value == "true" || value == "false",
    };
    if suits {
        Ok(())
    } else {
        Err("cognito:mfa_enabled does not suit the user pool's MFA configuration.".to_owned())
    }
}

/// `mm/dd/yyyy` as the API has it, `yyyy-mm-dd` (facts C.5).
fn birthdate(value: &str) -> Result<String, String> {
    let digits = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    match value.split('/').collect::<Vec<_>>().as_slice() {
        [month, day, year] if digits(month, 2) && digits(day, 2) && digits(year, 4) => {
            Ok(format!("{year}-{month}-{day}"))
        }
        _ => Err("The birthdate is not in the format mm/dd/yyyy.".to_owned()),
    }
}

/// The fields of a row: commas part them, `\,` is a comma in a value, and there is no quoting (facts C.5).
fn split(row: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&',') => {
                characters.next();
                if let Some(field) = fields.last_mut() {
                    field.push(',');
                }
            }
            ',' => fields.push(String::new()),
            other => {
                if let Some(field) = fields.last_mut() {
                    field.push(other);
                }
            }
        }
    }
    fields
}

/// Whether a hash has the form and the cost that the service takes (facts C.5). The form of PBKDF2 is not in the facts:
/// `iterations$salt$hash` with an optional `pbkdf2_sha256$` before it \[UNV\].
pub(crate) fn is_hash(algorithm: HashAlgorithm, hash: &str) -> bool {
    let parts: Vec<&str> = hash.split('$').collect();
    let within =
        |text: &str, characters: fn(u8) -> bool| !text.is_empty() && text.bytes().all(characters);
    let hex = |byte: u8| byte.is_ascii_hexdigit();
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=._-".contains(&byte);
    match (algorithm, parts.as_slice()) {
        (HashAlgorithm::Bcrypt, ["", "2a" | "2b" | "2y", cost, rest]) => {
            cost.len() == 2
                && cost
                    .parse::<u32>()
                    .is_ok_and(|cost| (4..=12).contains(&cost))
                && rest.len() == 53
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
        }
        (HashAlgorithm::Scrypt, ["65536", "8", "1", salt, key]) => {
            within(salt, hex) && within(key, hex)
        }
        (HashAlgorithm::Argon2id, ["", "argon2id", "v=19", "m=19456,t=2,p=1", salt, key]) => {
            within(salt, base64) && within(key, base64)
        }
        (
            HashAlgorithm::Pbkdf2Sha256,
            ["pbkdf2_sha256", iterations, salt, key] | [iterations, salt, key],
        ) => {
            iterations
                .parse::<u32>()
                .is_ok_and(|iterations| (1..=600_000).contains(&iterations))
                && within(salt, base64)
                && within(key, base64)
        }
        _ => false,
    }
}

/// The line that a row leaves in the job's log: by line number, without user data \[DOC\].
pub(crate) fn log_line(result: &RowResult, line: usize) -> String {
    match result {
        RowResult::Imported(_) => format!("[SUCCEEDED] Line Number {line} - The import succeeded."),
        RowResult::Skipped => format!("[SKIPPED] Line Number {line} - The user already exists."),
        RowResult::Failed(reason) => format!("[FAILED] Line Number {line} - {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_comma_in_a_value_is_escaped_and_quotes_are_plain_characters() {
        assert_eq!(
            split("a,b\\,c,\"d\",,e\\f"),
            ["a", "b,c", "\"d\"", "", "e\\f"]
        );
    }

    #[test]
    fn a_hash_is_taken_in_its_form_and_up_to_its_cost_and_refused_beyond() {
        let bcrypt = |cost: &str| format!("$2b${cost}${}", "a".repeat(53));
        let rows = [
            (HashAlgorithm::Bcrypt, bcrypt("12"), true),
            (HashAlgorithm::Bcrypt, bcrypt("13"), false),
            (HashAlgorithm::Bcrypt, "$2b$12$short".to_owned(), false),
            (
                HashAlgorithm::Scrypt,
                "65536$8$1$00ff$abcdef".to_owned(),
                true,
            ),
            (
                HashAlgorithm::Scrypt,
                "16384$8$1$00ff$abcdef".to_owned(),
                false,
            ),
            (
                HashAlgorithm::Scrypt,
                "65536$8$1$zz$abcdef".to_owned(),
                false,
            ),
            (
                HashAlgorithm::Argon2id,
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(),
                true,
            ),
            (
                HashAlgorithm::Argon2id,
                "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA".to_owned(),
                false,
            ),
            (
                HashAlgorithm::Pbkdf2Sha256,
                "600000$c2FsdA==$aGFzaA==".to_owned(),
                true,
            ),
            (
                HashAlgorithm::Pbkdf2Sha256,
                "600001$c2FsdA==$aGFzaA==".to_owned(),
                false,
            ),
            (HashAlgorithm::Pbkdf2Sha256, bcrypt("12"), false),
        ];
        for (algorithm, hash, expected) in rows {
            assert_eq!(is_hash(algorithm, &hash), expected, "{hash}");
        }
    }

    #[test]
    fn birthdates_come_in_the_american_order() {
        assert_eq!(birthdate("02/01/1985").expect("a date"), "1985-02-01");
        assert!(birthdate("1985-02-01").is_err());
    }

    proptest! {
        #[test]
        fn values_survive_a_row_when_their_commas_are_escaped(values in prop::collection::vec("[^\\\\\r\n]*", 1..8)) {
            let row = values.iter().map(|value| value.replace(',', "\\,")).collect::<Vec<_>>().join(",");
            prop_assert_eq!(split(&row), values);
        }
    }
}
