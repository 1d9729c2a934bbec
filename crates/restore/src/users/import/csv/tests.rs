use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::super::pool::AttributeRule;
use super::*;

fn attributes(given: &[(&str, &str)]) -> Attributes {
    let mut attributes = Attributes::default();
    for (name, value) in given {
        attributes.insert(name, value);
    }
    attributes
}

fn header() -> Header {
    let columns = [
        "name",
        "birthdate",
        "email",
        "email_verified",
        MFA_ENABLED,
        USERNAME,
    ];
    Header::new(columns.map(str::to_owned).to_vec())
}

/// Reads a row by the rules of facts C.5, and by nothing of the code above.
fn read(row: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&',') => {
                values.last_mut().unwrap().push(characters.next().unwrap());
            }
            ',' => values.push(String::new()),
            _ => values.last_mut().unwrap().push(character),
        }
    }
    values.iter().map(|value| value.trim().to_owned()).collect()
}

#[test]
fn a_row_has_every_column_in_the_order_of_the_header() {
    let user = attributes(&[
        ("email", "ann@example.com"),
        ("email_verified", "true"),
        ("name", "Ann, the first"),
        ("birthdate", "1990-02-28"),
    ]);
    let row = header().row("ann", &user, "$2b$", true).unwrap();
    assert_eq!(
        row,
        "Ann\\, the first,02/28/1990,ann@example.com,true,,ann,$2b$"
    );
    assert!(
        header()
            .line(true)
            .ends_with(",cognito:username,password_hash")
    );
    assert!(header().line(false).ends_with(",cognito:username"));
}

#[test]
fn a_verified_flag_is_never_left_out() {
    let row = header().row("ann", &attributes(&[]), "", false).unwrap();
    assert_eq!(row, ",,,false,,ann");
}

#[test]
fn what_a_file_would_change_is_left_to_calls() {
    for (sign_in, name, value) in [
        ("an n", "name", "x"),
        ("an\tn", "name", "x"),
        ("", "name", "x"),
        ("ann", "name", "two\nlines"),
        ("ann", "name", " in front"),
        ("ann", "name", "behind "),
        ("ann", "name", "back\\slash"),
        ("ann", "name", "\"quoted\""),
        ("ann", "name", "nul\0"),
        ("ann", "birthdate", "28.2.1990"),
    ] {
        assert!(
            !can_carry(sign_in, &attributes(&[(name, value)])),
            "{sign_in:?} {value:?}"
        );
    }
    assert!(can_carry(
        "ann",
        &attributes(&[("name", "Zoë, 李 ✓"), ("birthdate", "1990-02-28")])
    ));
}

#[test]
fn a_job_cannot_set_what_has_no_column_and_never_changes_nor_do_without_what_is_required() {
    let rule = |mutable, required| AttributeRule { mutable, required };
    let pool = TargetPool {
        schema: BTreeMap::from([
            ("email".to_owned(), rule(true, true)),
            ("dev:custom:a".to_owned(), rule(true, false)),
            ("dev:custom:b".to_owned(), rule(false, false)),
        ]),
        ..TargetPool::default()
    };
    assert!(header().takes(&attributes(&[("email", "e"), ("dev:custom:a", "1")]), &pool));
    assert!(!header().takes(&attributes(&[("email", "e"), ("dev:custom:b", "1")]), &pool));
    assert!(!header().takes(&attributes(&[("dev:custom:a", "1")]), &pool));
    assert!(!header().carries("dev:custom:a"));
}

#[test]
fn a_file_is_full_at_its_limits_and_a_row_at_its_own() {
    let header = header();
    let mut file = File::with_limits(&header, false, 2, 10_000).unwrap();
    let one = attributes(&[]);
    assert_eq!(file.put("a", &one, "").unwrap(), Put::Added);
    assert_eq!(file.put("b", &one, "").unwrap(), Put::Added);
    assert_eq!(file.put("c", &one, "").unwrap(), Put::Full);
    assert_eq!(file.rows(), 2);

    let room = header.line(false).len() + 1 + ",,,false,,a\n".len();
    let mut file = File::with_limits(&header, false, 100, room).unwrap();
    assert_eq!(file.put("a", &one, "").unwrap(), Put::Added);
    assert_eq!(file.put("b", &one, "").unwrap(), Put::Full);
    let written = file.finish().unwrap().metadata().unwrap();
    assert_eq!(written.len(), room as u64);

    let mut file = File::new(&header, false).unwrap();
    let long = attributes(&[("name", &"x".repeat(LONGEST_ROW))]);
    assert_eq!(file.put("a", &long, "").unwrap(), Put::TooLong);
}

#[test]
fn files_keep_to_the_limits_of_cognito() {
    const { assert!(MOST_ROWS <= 500_000 && LARGEST_FILE <= 100_000_000) };
}

proptest! {
    #[test]
    fn whatever_a_file_can_carry_is_read_back_as_it_was(sign_in in "\\PC{1,20}", name in any::<String>(), email in "[^\\\\]{0,30}") {
        let user = attributes(&[("name", name.as_str()), ("email", email.as_str()), ("birthdate", "2000-01-31")]);
        if can_carry(&sign_in, &user) {
            let row = header().row(&sign_in, &user, "", false).unwrap();
            prop_assert!(!row.contains(['\n', '\r']));
            prop_assert_eq!(read(&row), vec![name, "01/31/2000".to_owned(), email, "false".to_owned(), String::new(), sign_in]);
        }
    }
}
