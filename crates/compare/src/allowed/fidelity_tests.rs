//! `docs/fidelity.md` says what the inventory and the table say, row by row.

use std::path::Path;

use model::inventory::{ComesBack, ITEMS};

use super::*;

fn document() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fidelity.md"))
        .unwrap()
}

/// The rows of the table below a heading, each as its cells.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let document = document();
    let section = document
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let line = line.trim_start_matches('|').trim_end_matches('|');
        line.split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_document_has_every_part_of_the_inventory() {
    let expected: Vec<Vec<String>> = ITEMS
        .iter()
        .map(|item| {
            let (level, lost) = match item.comes_back {
                ComesBack::Fully => ("fully", ""),
                ComesBack::Partly(lost) => ("partly", lost),
                ComesBack::Never(why) => ("not", why),
            };
            let place = match item.restored_by.split_once(' ') {
                Some((path, note)) => format!("`{path}` {note}"),
                None if item.restored_by.is_empty() => String::new(),
                None => format!("`{}`", item.restored_by),
            };
            vec![
                item.number.to_string(),
                item.title.to_owned(),
                level.to_owned(),
                lost.to_owned(),
                place,
            ]
        })
        .collect();
    let written = rows("The parts of a user pool");
    for (written, expected) in written.iter().zip(&expected) {
        assert_eq!(written, expected);
    }
    assert_eq!(written.len(), expected.len());
}

#[test]
fn the_code_stands_where_the_document_says() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../restore/src");
    for item in ITEMS.iter().filter(|item| !item.restored_by.is_empty()) {
        let path = item.restored_by.split(' ').next().unwrap();
        let found = source.join(path).exists() || source.join(format!("{path}.rs")).exists();
        assert!(found, "{path}, for {}", item.title);
    }
}

#[test]
fn the_document_has_every_difference_that_is_allowed() {
    let written = rows("Differences that every restore has");
    let expected: Vec<Vec<String>> = ALLOWED
        .iter()
        .map(|row| {
            vec![
                format!("`{}`", row.path),
                row.rule.in_words(),
                row.reason.to_owned(),
            ]
        })
        .collect();
    for (written, expected) in written.iter().zip(&expected) {
        assert_eq!(written, expected);
    }
    assert_eq!(written.len(), expected.len());
}
