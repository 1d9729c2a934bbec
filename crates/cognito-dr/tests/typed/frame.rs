//! What all commands have in common.

use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::support::{Account, BINARY, says};

#[test]
fn an_error_says_what_failed_why_and_what_to_do_next() {
    let account = Account::new();
    let mut command = account.command(&["pools"]);
    command.env_remove("AWS_ACCESS_KEY_ID");
    let said = says(command.assert().code(2).stdout(""));
    let mut lines = said.lines();
    assert_eq!(
        lines.next(),
        Some("Error: cannot list the user pools of us-east-1")
    );
    assert!(lines.next().unwrap().starts_with("Caused by: "), "{said}");
    assert!(lines.next_back().unwrap().starts_with("Hint: "), "{said}");
}

#[test]
fn the_causes_of_a_failed_call_are_words_and_no_structures() {
    let account = Account::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let said = account.fails(&["pools", "--endpoint-url", &endpoint]);
    assert!(said.contains("Connection refused"), "{said}");
    assert!(!said.contains("DispatchFailure"), "{said}");
    assert!(said.contains("Hint: Check the network"), "{said}");
}

#[test]
fn wrong_usage_is_an_error() {
    let account = Account::new();
    assert!(account.fails(&["poools"]).contains("pools"));
    assert!(
        account
            .fails(&["pools", "--quota-share", "2"])
            .contains("0.01 to 1")
    );
    let said = account.fails(&["pools", "--quota", "Users=5"]);
    assert!(said.contains("UserCreation"), "{said}");
}

#[test]
fn where_nobody_can_be_asked_an_error_names_what_is_missing() {
    let account = Account::new();
    let mut command = account.command(&["pools"]);
    command.env_remove("AWS_REGION");
    let said = says(command.assert().code(2));
    assert!(said.contains("--region"), "{said}");
}

#[test]
fn a_reader_who_has_read_enough_ends_the_command_quietly() {
    let account = Account::new();
    // More than a pipe holds.
    for n in 0..700 {
        account.pool(&format!("{n}-{}", "x".repeat(100)), 0);
    }
    let mut child = Command::new(BINARY)
        .env_clear()
        .envs(account.environment())
        .args([
            "pools",
            "--quiet",
            "--quota-share",
            "1",
            "--quota",
            "UserPoolRead=100000",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 10]).unwrap();
    drop(out);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (ended.status.code(), ended.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
