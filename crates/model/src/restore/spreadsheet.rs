//! Texts in CSV files that people open in a spreadsheet.
//!
//! A spreadsheet takes a value that begins with one of some characters for a formula, and whoever
//! chose the text for a program that runs on the operator's machine. Such a value gets an
//! apostrophe in front (OWASP, CSV Injection), and so does one that begins with an apostrophe: who
//! takes one leading apostrophe off has every value as it was.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serializer};

use crate::identifiers::Username;

const MARK: char = '\'';

fn needs_mark(text: &str) -> bool {
    // The full-width forms begin formulas in some languages.
    text.starts_with([
        MARK, '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠',
    ])
}

/// A text as a cell that no spreadsheet computes.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if needs_mark(text) {
        format!("{MARK}{text}").into()
    } else {
        text.into()
    }
}

/// The text that [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix(MARK) {
        Some(text) if needs_mark(text) => text,
        _ => cell,
    }
}

pub(super) fn serialize<S: Serializer>(name: &Username, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&guarded(name.as_str()))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Username, D::Error> {
    let cell = String::deserialize(from)?;
    Ok(Username::new(unguarded(&cell)))
}
