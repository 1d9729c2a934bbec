//! Requests against Amazon's published API model: required members, lengths, patterns, ranges, enumerations.
//!
//! The model is botocore's, trimmed by `model/trim.py`. What it does not know in a request is counted, not refused, as
//! AWS accepts members that it does not know.

mod check;
mod model;

pub(crate) use check::check;
pub(crate) use model::{Model, OperationShape};

/// `UserPoolId` as validation messages spell it: `userPoolId`.
pub(crate) fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}
