//! The file of an import job: who fits into it, and its rows.

use std::fs;
use std::io::{self, BufWriter, Write as _};

use model::import_file::{
    LONGEST_ROW, MFA_ENABLED, PASSWORD_HASH, USERNAME, birthdate_to_file, can_carry_username,
    escaped,
};

use super::super::attributes::Attributes;
use super::super::pool::{Contact, TargetPool};

/// Users in a file (facts C.5).
pub(super) const MOST_ROWS: u64 = 500_000;
/// Bytes in a file. Cognito takes 100 MB (facts C.5), and the fewer jobs the better: an account runs
/// one at a time. A file lies on the local disk while it is made, not in memory.
pub(super) const LARGEST_FILE: usize = 96_000_000;

/// Whether a file can carry the user without changing anything.
pub(in super::super) fn can_carry(sign_in: &str, attributes: &Attributes) -> bool {
    let fits = |(name, value): (&str, &str)| {
        model::import_file::can_carry(value)
            && (name != "birthdate" || birthdate_to_file(value).is_some())
    };
    can_carry_username(sign_in) && attributes.iter().all(fits)
}

/// The columns that GetCSVHeader names for the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Header {
    columns: Vec<String>,
}

impl Header {
    pub(in super::super) fn new(columns: Vec<String>) -> Self {
        Self { columns }
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column == name)
    }

    /// Whether the file carries an attribute; the others need a call of their own.
    pub(in super::super) fn carries(&self, attribute: &str) -> bool {
        self.has(attribute)
    }

    /// Whether a job can make the user at all. It needs every required attribute, and one that
    /// has no column and never changes afterwards can only be set by AdminCreateUser (facts C.1).
    pub(super) fn takes(&self, attributes: &Attributes, pool: &TargetPool) -> bool {
        let lost =
            |name: &str| !self.has(name) && pool.schema.get(name).is_some_and(|rule| !rule.mutable);
        let complete = pool
            .schema
            .iter()
            .all(|(name, rule)| !rule.required || attributes.get(name).is_some());
        complete && !attributes.iter().any(|(name, _)| lost(name))
    }

    /// The row of a user; `None` when it is too long for a job.
    pub(super) fn row(
        &self,
        sign_in: &str,
        attributes: &Attributes,
        hash: &str,
        hashed: bool,
    ) -> Option<String> {
        let value = |column: &String| -> String {
            match column.as_str() {
                USERNAME => escaped(sign_in).into_owned(),
                // Blank suits every MFA configuration; the preference is set by a call.
                MFA_ENABLED => String::new(),
                PASSWORD_HASH => hash.to_owned(),
                // A flag that is missing breaks rows without a word (facts C.5).
                name if Contact::ALL
                    .iter()
                    .any(|contact| contact.verified() == name) =>
                {
                    attributes.get(name).unwrap_or("false").to_owned()
                }
                "birthdate" => attributes
                    .get("birthdate")
                    .and_then(birthdate_to_file)
                    .unwrap_or_default(),
                name => escaped(attributes.get(name).unwrap_or_default()).into_owned(),
            }
        };
        let mut values: Vec<String> = self.columns.iter().map(value).collect();
        if hashed && !self.has(PASSWORD_HASH) {
            values.push(hash.to_owned());
        }
        let row = values.join(",");
        (row.chars().count() <= LONGEST_ROW).then_some(row)
    }

    pub(super) fn line(&self, hashed: bool) -> String {
        let mut line = self.columns.join(",");
        if hashed && !self.has(PASSWORD_HASH) {
            line.push(',');
            line.push_str(PASSWORD_HASH);
        }
        line
    }
}

/// A file that fills up.
#[derive(Debug)]
pub(super) struct File<'h> {
    header: &'h Header,
    hashed: bool,
    file: BufWriter<fs::File>,
    bytes: usize,
    rows: u64,
    most_rows: u64,
    most_bytes: usize,
}

/// What became of a user that was put into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Added,
    /// The user has no place in any file.
    TooLong,
    /// The file is full; the user belongs into the next one.
    Full,
}

impl<'h> File<'h> {
    /// An empty file, with a column for password hashes or without.
    pub(super) fn new(header: &'h Header, hashed: bool) -> io::Result<Self> {
        Self::with_limits(header, hashed, most_rows(), LARGEST_FILE)
    }

    fn with_limits(
        header: &'h Header,
        hashed: bool,
        most_rows: u64,
        most_bytes: usize,
    ) -> io::Result<Self> {
        let mut file = Self {
            header,
            hashed,
            // Without a name, so that nothing stays behind.
            file: BufWriter::new(tempfile::tempfile()?),
            bytes: 0,
            rows: 0,
            most_rows,
            most_bytes,
        };
        file.write(&header.line(hashed))?;
        Ok(file)
    }

    /// Adds a user; `hash` is empty for one that must reset the password.
    pub(super) fn put(
        &mut self,
        sign_in: &str,
        attributes: &Attributes,
        hash: &str,
    ) -> io::Result<Put> {
        let Some(row) = self.header.row(sign_in, attributes, hash, self.hashed) else {
            return Ok(Put::TooLong);
        };
        if self.rows >= self.most_rows || self.bytes + row.len() + 1 > self.most_bytes {
            return Ok(Put::Full);
        }
        self.write(&row)?;
        self.rows += 1;
        Ok(Put::Added)
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.bytes += line.len() + 1;
        self.file.write_all(line.as_bytes())?;
        self.file.write_all(b"\n")
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn finish(self) -> io::Result<fs::File> {
        Ok(self.file.into_inner()?)
    }
}

#[cfg(not(test))]
fn most_rows() -> u64 {
    MOST_ROWS
}

#[cfg(test)]
thread_local! {
    /// Lets a test of a few users fill several files.
    pub(in super::super) static ROWS_IN_TEST: std::cell::Cell<u64> = const { std::cell::Cell::new(MOST_ROWS) };
}

#[cfg(test)]
fn most_rows() -> u64 {
    ROWS_IN_TEST.get()
}

#[cfg(test)]
mod tests;
