//! Which users of a backup go into an existing pool.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::BadRequest;
use crate::identifiers::Sub;

/// Where the objects lie that name users.
const FOLDER: &str = "cognito-restore/selections/";
/// How many subs a request names at most: the execution carries them twice, in the 262,144 bytes
/// that a state of Step Functions may have.
pub(super) const SUBS: usize = 1_000;
/// How long the key of an object may be.
const LONGEST_KEY: usize = 256;

/// What of a backup goes into an existing pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Selection {
    /// All users that the target lacks.
    MissingUsers,
    /// All groups and users that the target lacks.
    MissingGroupsAndUsers,
    /// One group with its memberships, and those of its members that the target lacks.
    Group(String),
    /// These users of the backup, by `sub`. Names and addresses would stay in the history of the
    /// execution for 90 days.
    Users(Vec<String>),
    /// The users that an object in the DR bucket names, by `sub` or username.
    UsersFrom(UsersFrom),
}

impl Selection {
    /// Whether the request may travel in an execution.
    pub(super) fn check(&self) -> Result<(), BadRequest> {
        let Selection::Users(users) = self else {
            return Ok(());
        };
        if users.is_empty() || users.len() > SUBS {
            return Err(BadRequest::member(
                "select.users",
                format!("takes 1 to {SUBS} subs; for more, name an object by users_from"),
            ));
        }
        // The text must not quote them: it is an answer that is kept in logs.
        let others = users.iter().filter(|user| !is_sub(user)).count();
        if others > 0 {
            return Err(BadRequest::member(
                "select.users",
                format!(
                    "{others} of {} are not subs. Usernames and addresses would stay in the execution's history: put them into an object of the DR bucket, one to a line, and select {{\"users_from\": \"{FOLDER}NAME\"}}",
                    users.len()
                ),
            ));
        }
        Ok(())
    }

    /// Whether it names users, and not this one.
    pub(super) fn leaves_out(&self, username: &str, sub: Option<&Sub>) -> bool {
        let is_named = |user: &str| user == username || sub.is_some_and(|sub| sub.as_str() == user);
        match self {
            Selection::Users(users) => !users.iter().any(|user| is_named(user)),
            Selection::UsersFrom(from) => {
                let sub = sub.map(Sub::as_str);
                !from.names.contains(username) && !sub.is_some_and(|sub| from.names.contains(sub))
            }
            _ => false,
        }
    }
}

/// A `sub` is a UUID.
pub(super) fn is_sub(text: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => dashes.contains(&at),
            byte => byte.is_ascii_hexdigit() && !dashes.contains(&at),
        })
}

/// An object `cognito-restore/selections/...` in the DR bucket that names users, one to a line or
/// as a JSON array. Only its key travels; the names are read where they are needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UsersFrom {
    key: String,
    names: Arc<HashSet<String>>,
}

impl UsersFrom {
    /// The object's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Takes the names out of the object's content.
    ///
    /// # Errors
    /// [`BadRequest`] when it names nobody, or is not text. It quotes nothing.
    pub fn read(&mut self, content: &[u8]) -> Result<(), BadRequest> {
        let problem = |problem: &str| {
            BadRequest::member("select.users_from", format!("{}: {problem}", self.key))
        };
        let text = std::str::from_utf8(content).map_err(|_| problem("it is not UTF-8 text"))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        let names: HashSet<String> = if text.starts_with('[') {
            serde_json::from_str(text).map_err(|_| problem("it is not a JSON array of texts"))?
        } else {
            let lines = text.lines().map(str::trim);
            lines
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect()
        };
        if names.is_empty() {
            return Err(problem("it names nobody"));
        }
        self.names = Arc::new(names);
        Ok(())
    }
}

impl TryFrom<String> for UsersFrom {
    type Error = BadRequest;

    fn try_from(key: String) -> Result<Self, BadRequest> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        let name = key.strip_prefix(FOLDER).unwrap_or_default();
        if name.is_empty() || key.len() > LONGEST_KEY || !name.bytes().all(is_plain) {
            return Err(BadRequest(format!(
                "expected {FOLDER} and a name of letters, digits and the characters - _ . /"
            )));
        }
        Ok(Self {
            key,
            names: Arc::default(),
        })
    }
}

impl From<UsersFrom> for String {
    fn from(from: UsersFrom) -> String {
        from.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SUB: &str = "c4e824c8-a001-701e-0000-000000000000";

    fn from(key: &str) -> Result<Selection, serde_json::Error> {
        serde_json::from_value(json!({ "users_from": key }))
    }

    #[test]
    fn only_subs_and_the_keys_of_objects_travel() {
        assert!(Selection::Users(vec![SUB.into()]).check().is_ok());
        for users in [
            vec![],
            vec!["ann@example.com".to_owned()],
            vec![SUB.into(), "ann".into()],
            vec![SUB.replace('-', "")],
            vec![SUB.to_owned(); SUBS + 1],
        ] {
            let error = Selection::Users(users.clone()).check().unwrap_err();
            let error = error.to_string();
            assert!(error.contains("users_from"), "{error}");
            assert!(!error.contains("ann"), "{error}");
        }
        for key in [
            "cognito-restore/selections/",
            "cognito-restore/selections/ann@example.com",
            "cognito-backup/2026/01/01/x.json",
            "",
        ] {
            assert!(from(key).is_err(), "{key}");
        }
        let key = "cognito-restore/selections/2026-11-20/lost.txt";
        let selection = from(key).unwrap();
        assert_eq!(
            serde_json::to_value(&selection).unwrap(),
            json!({ "users_from": key })
        );
    }

    #[test]
    fn an_object_names_users_by_line_or_as_json_and_its_names_do_not_travel() {
        for content in [
            "ann@example.com\n\n  s-1 \r\n",
            "\u{feff}ann@example.com\ns-1",
            r#"["ann@example.com", "s-1"]"#,
        ] {
            let mut from = UsersFrom::try_from(format!("{FOLDER}lost")).unwrap();
            from.read(content.as_bytes()).unwrap();
            let selection = Selection::UsersFrom(from);
            assert!(!selection.leaves_out("ann@example.com", None));
            assert!(!selection.leaves_out("bob", "s-1".parse().ok().as_ref()));
            assert!(selection.leaves_out("bob", "s-2".parse().ok().as_ref()));
            let travels = serde_json::to_string(&selection).unwrap();
            assert!(!travels.contains("ann"), "{travels}");
        }
    }

    #[test]
    fn an_object_that_names_nobody_is_an_error_that_quotes_nothing() {
        for content in [&b""[..], b"\n \n", b"[]", b"[\"ann\", 5]", b"ann\xff"] {
            let mut from = UsersFrom::try_from(format!("{FOLDER}lost")).unwrap();
            let error = from.read(content).unwrap_err().to_string();
            assert!(!error.contains("ann"), "{error}");
        }
    }
}
