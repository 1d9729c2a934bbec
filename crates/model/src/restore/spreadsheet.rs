//! Texts in CSV files that people open in a spreadsheet.
//!
//! A spreadsheet takes a value that begins with one of some characters for a formula, and whoever
//! chose the text for a program that runs on the operator's machine. Such a value gets an
//! apostrophe in front (OWASP, CSV Injection), and so does one that begins with an apostrophe: who
//! takes one leading apostrophe off has every value as it was.

use serde::{Deserialize, Deserializer, Serializer};

use crate::identifiers::Username;

const MARK: char = '\'';

fn needs_mark(text: &str) -> bool {
    // The full-width forms begin formulas in some languages.
    text.starts_with([
        MARK, '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠',
    ])
}

/// A username as a cell that no spreadsheet computes.
pub(super) fn serialize<S: Serializer>(name: &Username, to: S) -> Result<S::Ok, S::Error> {
    let text = name.as_str();
    if needs_mark(text) {
        to.collect_str(&format_args!("{MARK}{text}"))
    } else {
        to.serialize_str(text)
    }
}

/// The username that [`serialize`] wrote.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Username, D::Error> {
    let text = String::deserialize(from)?;
    Ok(Username::new(text.strip_prefix(MARK).unwrap_or(&text)))
}
