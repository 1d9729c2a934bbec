//! Progress without a terminal.

use serde_json::Value;
use simulator::{Config, Latency};

use crate::support::{Account, says};

/// An account whose Cognito takes longer than a moment for every answer.
fn slow() -> Account {
    let account = Account::with(Config {
        latency: Latency::Fixed(300),
        ..Config::default()
    });
    account.pool("shop", 0);
    account
}

#[test]
fn without_a_terminal_progress_is_lines() {
    let said = says(slow().command(&["pools"]).assert().code(0));
    assert!(said.contains("user pools: 0 of 1\n"), "{said}");
}

#[test]
fn what_takes_but_a_moment_shows_no_progress_and_neither_does_a_quiet_command() {
    let account = Account::new();
    account
        .command(&["completions", "bash"])
        .assert()
        .stderr("");
    slow().command(&["pools", "--quiet"]).assert().stderr("");
    slow()
        .command(&["pools", "--progress", "none"])
        .assert()
        .stderr("");
}

#[test]
fn programs_get_events_and_errors_as_json() {
    let mut account = slow();
    let said = says(account.command(&["pools", "--progress", "json"]).assert());
    let events: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen = |event: &str, what: &str| {
        let mut events = events.iter();
        events.any(|seen| seen["event"] == event && seen["activity"]["what"] == what)
    };
    assert!(
        seen("began", "user pools") && seen("ended", "user pools"),
        "{said}"
    );
    let all =
        serde_json::json!({"event": "progress", "of_what": "user pools", "done": 1, "total": 1});
    assert!(events.contains(&all), "{said}");

    account.set("AWS_ACCESS_KEY_ID", "");
    let said = says(account.command(&["pools", "--progress", "json"]).assert());
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "error");
    assert_eq!(last["text"], "cannot list the user pools of us-east-1");
    assert!(!last["hints"].as_array().unwrap().is_empty());
}
