//! What the columns of a CSV file mean.

use std::collections::BTreeMap;
use std::str::FromStr;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Username,
    Status,
    Enabled,
    Attribute(String),
    /// Nothing that a user can be given.
    Nothing,
}

impl Meaning {
    /// The meaning of a column by its own name. ListUsers writes `Username`, exports `username`.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "username" | "Username" => Self::Username,
            "status" | "UserStatus" => Self::Status,
            "enabled" | "Enabled" => Self::Enabled,
            ""
            | "created"
            | "modified"
            | "UserCreateDate"
            | "UserLastModifiedDate"
            | "MFAOptions" => Self::Nothing,
            name => Self::Attribute(name.to_owned()),
        }
    }
}

/// Which columns of a CSV file are read, and as what: `Login=username,E-Mail=email`.
///
/// What a column can be read as: `username`, `status`, `enabled`, or an attribute as Cognito
/// names it (`email`, `custom:plan`). Columns that are not named are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(BTreeMap<String, String>);

/// A mapping of columns that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: columns are named as COLUMN=ATTRIBUTE between commas, one of them as username, such as Login=username,E-Mail=email"
)]
pub struct InvalidColumns(String);

impl Columns {
    pub(super) fn meaning(&self, column: &str) -> Meaning {
        self.0
            .get(column)
            .map_or(Meaning::Nothing, |name| Meaning::of(name))
    }

    /// The columns that the file must have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromStr for Columns {
    type Err = InvalidColumns;

    fn from_str(text: &str) -> Result<Self, InvalidColumns> {
        let mut columns = BTreeMap::new();
        for pair in text.split(',') {
            let (column, meaning) = pair
                .split_once('=')
                .map(|(column, meaning)| (column.trim(), meaning.trim()))
                .filter(|(column, meaning)| !column.is_empty() && !meaning.is_empty())
                .ok_or_else(|| InvalidColumns(format!("{pair:?} names no column")))?;
            if columns.values().any(|other| other == meaning)
                || columns
                    .insert(column.to_owned(), meaning.to_owned())
                    .is_some()
            {
                return Err(InvalidColumns(format!("{pair:?} stands twice")));
            }
        }
        let is_username = |meaning: &String| Meaning::of(meaning) == Meaning::Username;
        if columns.values().any(is_username) {
            Ok(Self(columns))
        } else {
            Err(InvalidColumns("no column is the username".to_owned()))
        }
    }
}
