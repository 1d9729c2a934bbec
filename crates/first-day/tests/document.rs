//! `docs/first-day-on-aws.md` and the questions say the same.

use std::collections::BTreeSet;
use std::path::Path;

use first_day::cost::dollars;
use first_day::questions;

/// The rows of all tables: the first cell and the last.
fn rows() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/first-day-on-aws.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let cell = |cell: Option<&&str>| cell.map(ToString::to_string).unwrap_or_default();
        (cell(cells.first()), cell(cells.last()))
    });
    let heads = ["question", "fact (see"];
    rows.filter(|(first, _)| !first.starts_with("---"))
        .filter(|(first, _)| !heads.iter().any(|head| first.starts_with(head)))
        .collect()
}

/// What stands in backticks and looks like a question's id.
fn ids(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let is_id = |text: &&str| text.contains('.') && !text.contains([' ', '/']);
    quoted.filter(is_id).map(str::to_owned).collect()
}

#[test]
fn each_row_is_answered_by_a_question_or_left_to_a_person() {
    let questions = questions::all();
    let mut named = BTreeSet::new();
    for (row, asked_by) in rows() {
        let by_hand = asked_by.contains("by hand");
        let ids = if asked_by.starts_with("by hand") {
            Vec::new()
        } else {
            ids(&asked_by)
        };
        assert!(
            by_hand || !ids.is_empty(),
            "the row {row:?} of docs/first-day-on-aws.md says not who answers it. Write a question \
             into crates/first-day/src/questions and its id into the row's last column, as \
             `group.name`; or, where no program can ask, \"by hand: \" and how."
        );
        for id in ids {
            let found: Vec<&str> = questions
                .iter()
                .filter(|question| question.is_named_by(&id))
                .map(|question| question.id.as_str())
                .collect();
            assert!(
                !found.is_empty(),
                "the row {row:?} names {id}, which is no question: see `cargo xtask first-day --list`"
            );
            named.extend(found.into_iter().map(str::to_owned));
        }
    }
    for question in &questions {
        assert!(
            named.contains(&question.id),
            "no row of docs/first-day-on-aws.md names the question {}: add its id to the last column of the row that it answers",
            question.id
        );
    }
}

#[test]
fn each_question_has_a_name_of_its_own() {
    let mut ids = BTreeSet::new();
    for question in questions::all() {
        assert!(question.id.contains('.'), "{}", question.id);
        assert!(question.asks.ends_with('?'), "{}", question.id);
        assert!(
            ids.insert(question.id.clone()),
            "{} is there twice",
            question.id
        );
    }
}

#[test]
fn all_questions_cost_less_than_a_dollar() {
    let questions = questions::all();
    let cost = dollars(questions.iter().flat_map(|question| &question.costs));
    assert!(cost > 0.0 && cost < 1.0, "{cost}");
}
