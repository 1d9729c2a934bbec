//! A person at a real terminal: lists to choose from, bars, Ctrl-C.

use std::process::Command;

use rexpect::process::wait::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use simulator::{Config, Fault, Faults, Latency, When};

use crate::support::{Account, BINARY};
use crate::vault::{POOL, WithVault};

/// How long anything may take until it is printed, in milliseconds.
const PATIENCE: u64 = 60_000;

/// The command at a terminal, without these variables of the environment.
fn typed(account: &Account, arguments: &[&str], without: &[&str]) -> PtySession {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .envs(account.environment())
        .envs([("TERM", "xterm"), ("NO_COLOR", "1")])
        .current_dir(account.folder())
        .args(arguments);
    for variable in without {
        command.env_remove(variable);
    }
    spawn_command(command, Some(PATIENCE)).unwrap()
}

fn type_in(session: &mut PtySession, keys: &str) {
    session.send(keys).unwrap();
    session.flush().unwrap();
}

/// The exit code, once everything is printed.
fn code(session: PtySession) -> i32 {
    rest_and_code(session).1
}

/// What is still printed, and the exit code.
fn rest_and_code(mut session: PtySession) -> (String, i32) {
    let rest = session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (rest, code),
        ended => panic!("{ended:?}"),
    }
}

#[test]
fn a_backup_is_chosen_from_a_list_by_typing_some_of_it() {
    let vault = WithVault::new();
    for day in ["07", "08", "09"] {
        vault.backup(POOL, &format!("2026-03-{day}T09:00:00Z"));
    }
    let mut session = typed(&vault.account, &["show"], &[]);
    session.exp_string("2026-03-07").unwrap();
    type_in(&mut session, "03-08\r");
    session
        .exp_string("Read      2026-03-08T09:00:00Z")
        .unwrap();
    assert_eq!(code(session), 0);
}

#[test]
fn a_region_is_chosen_where_none_is_named() {
    let account = Account::new();
    let pool = serde_json::json!({"UserPool": {"Name": "far-away"}});
    account.simulator.seed("sa-east-1", &pool).unwrap();
    let mut session = typed(&account, &["pools"], &["AWS_REGION"]);
    session.exp_string("Region").unwrap();
    type_in(&mut session, "sa-ea\r");
    session.exp_string("far-away").unwrap();
    assert_eq!(code(session), 0);
}

#[test]
fn nobody_is_asked_who_does_not_want_to_be() {
    let account = Account::new();
    let mut session = typed(&account, &["pools", "--no-input"], &["AWS_REGION"]);
    session.exp_string("the Region is missing").unwrap();
    session.exp_string("--region").unwrap();
    assert_eq!(code(session), 2);
}

#[test]
fn ctrl_c_at_a_question_ends_the_command_and_gives_the_cursor_back() {
    let account = Account::new();
    let mut session = typed(&account, &["pools"], &["AWS_REGION"]);
    session.exp_string("us-east-1").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("\u{1b}[?25h").unwrap();
    assert_eq!(code(session), 130);
}

#[test]
fn a_bar_shows_how_far_it_is_and_ctrl_c_ends_the_work() {
    let account = Account::with(Config {
        latency: Latency::Fixed(300),
        ..Config::default()
    });
    for n in 0..1000 {
        account.pool(&format!("pool-{n}"), 0);
    }
    let mut session = typed(&account, &["pools"], &[]);
    session.exp_string("user pools").unwrap();
    session.exp_string("of 1,000").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("interrupted").unwrap();
    assert_eq!(code(session), 130);
}

/// An account whose pool of 200 users is being emptied: work that stops between two users. The
/// removals from the fifth on are answered in an hour where they `hang`.
fn emptying(hang: bool) -> (Account, PtySession) {
    let account = Account::with(Config {
        latency: Latency::Fixed(300),
        ..Config::default()
    });
    let pool = account.pool("shop", 200);
    if hang {
        let from_the_fifth = When::Burst {
            from: 5,
            count: 1_000_000,
        };
        let hour = Fault::AnswerSlow(3_600_000);
        let faults = Faults::one("AdminDeleteUser", from_the_fifth, hour);
        account.simulator.set_faults(faults);
    }
    let confirmed = ["--without-backup", "--yes", "--confirm", &pool];
    let arguments = [&["users", "clean", &pool], &confirmed[..]].concat();
    let mut session = typed(&account, &arguments, &[]);
    session.exp_string("users removed").unwrap();
    session.send_control('c').unwrap();
    session
        .exp_string("Stopping where it can go on later")
        .unwrap();
    (account, session)
}

#[test]
fn the_first_ctrl_c_stops_work_where_it_can_go_on() {
    let (_account, session) = emptying(false);
    let (rest, code) = rest_and_code(session);
    assert_eq!(code, 130);
    assert!(
        rest.contains("The same command goes on with them"),
        "{rest}"
    );
}

#[test]
fn the_second_ctrl_c_ends_work_at_once() {
    let (_account, mut session) = emptying(true);
    session.send_control('c').unwrap();
    session.exp_string("Error: interrupted").unwrap();
    assert_eq!(code(session), 130);
}
