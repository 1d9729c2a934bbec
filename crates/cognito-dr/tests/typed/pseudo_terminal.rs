//! A person at a real terminal: lists to choose from, bars, Ctrl-C.

use std::process::Command;

use rexpect::process::wait::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use simulator::{Config, Latency};

use crate::support::{Account, BINARY};
use crate::vault::{POOL, WithVault};

/// How long anything may take until it is printed, in milliseconds.
const PATIENCE: u64 = 60_000;

/// The command at a terminal, without these variables of the environment.
pub(crate) fn typed(account: &Account, arguments: &[&str], without: &[&str]) -> PtySession {
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
pub(crate) fn code(mut session: PtySession) -> i32 {
    session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
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
