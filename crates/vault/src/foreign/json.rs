//! Users as ListUsers gives them: an array of them, or whole answers as the AWS CLI prints them.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{ForeignError, Users};

/// Reads the file to its end.
pub(super) fn read(file: impl BufRead, users: &mut Users) -> Result<(), ForeignError> {
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_reader(file);
    let list = List {
        users,
        failed: &mut failed,
    };
    let read = list.deserialize(&mut json).and_then(|()| json.end());
    if let Some(error) = failed {
        return Err(error);
    }
    read.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_io() {
            ForeignError::Storage("it cannot be read".to_owned())
        } else if error.is_eof() {
            ForeignError::Unusable(format!("it is cut off after line {line}, column {column}"))
        } else if error.is_data() && line <= 1 && column <= 1 {
            ForeignError::UnknownForm
        } else {
            ForeignError::Unusable(format!(
                "it is no list of users: line {line}, column {column}"
            ))
        }
    })
}

/// An array of users, or an object that has one.
struct List<'u> {
    users: &'u mut Users,
    failed: &'u mut Option<ForeignError>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut number: u64 = 0;
        while let Some(user) = elements.next_element::<Value>()? {
            number += 1;
            if let Err(error) = self.users.take(&user, &format!("user {number}")) {
                *self.failed = Some(error);
                return Err(serde::de::Error::custom("not stored"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<String>()? {
            if name == "Users" && !found {
                found = true;
                members.next_value_seed(List {
                    users: &mut *self.users,
                    failed: &mut *self.failed,
                })?;
            } else if name == "PaginationToken" {
                let more: Value = members.next_value()?;
                if more.is_string() {
                    let problem = "it is one page of ListUsers of several: leave --no-paginate, --max-items and --page-size out";
                    *self.failed = Some(ForeignError::Unusable(problem.to_owned()));
                    return Err(serde::de::Error::custom("one page"));
                }
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        if found {
            Ok(())
        } else {
            *self.failed = Some(ForeignError::UnknownForm);
            Err(serde::de::Error::custom("no users"))
        }
    }
}
