//! Step Functions holds a restore of ten million users: the events of its history are counted
//! from the state machine itself, the invocations from the quotas.

#![allow(clippy::unwrap_used)]

use cognito::Category;
use end_to_end::template;
use model::request::{RestoreResponse, RestoreStatus};
use restore::users::seconds_until_look;
use serde_json::Value;

/// Beyond, an execution fails (facts G.2).
const MOST_EVENTS: u64 = 25_000;
/// Half of it is kept free for retries, of which each makes three events.
const FAR_BELOW: u64 = MOST_EVENTS / 2;
/// Bytes of a state's input (facts G.2).
const LARGEST_STATE: usize = 256 * 1024;

const USERS: u64 = 10_000_000;
/// The share of the quotas that a restore takes.
const SHARE: f64 = 0.95;
/// What of an invocation makes no users: the minute that it keeps, the last part in which none
/// is begun, and reading the memberships of ten million users again.
const LOST_SECONDS: f64 = 60.0 + 12.0 + 60.0;
const PAGE: u64 = 60;

/// How long an execution may take, in seconds.
fn longest() -> f64 {
    let template = template::read(template::DR).unwrap();
    let machine = &template["Resources"]["CognitoDRStateMachine"]["Properties"]["Definition"];
    machine["TimeoutSeconds"].as_f64().unwrap()
}

struct Machine(Value);

impl Machine {
    fn of_restore() -> (Self, f64) {
        let template = template::read(template::DR).unwrap();
        let resources = &template["Resources"];
        let timeout = &resources["CognitoRestoreLambda"]["Properties"]["Timeout"];
        let states = &resources["CognitoDRStateMachine"]["Properties"]["Definition"]["States"];
        (Self(states.clone()), timeout.as_f64().unwrap())
    }

    /// The events of the way from a state to the first of `ends`, which is not counted;
    /// `answers` leads through the choices: what an answer's status is.
    fn events(&self, from: &str, status: &str, ends: &[&str]) -> u64 {
        let (mut at, mut events) = (from.to_owned(), 0);
        loop {
            let state = &self.0[&at];
            events += match state["Type"].as_str().unwrap() {
                // Entered, scheduled, started, succeeded, exited: a function as the resource.
                "Task" => 5,
                "Choice" | "Wait" | "Pass" | "Succeed" | "Fail" => 2,
                other => panic!("{at} is a {other}, whose events nobody counted"),
            };
            let next = if state["Type"] == "Choice" {
                let choices = state["Choices"].as_array().unwrap();
                let chosen = choices.iter().find(|choice| {
                    choice["StringEquals"] == status || choice.get("StringEquals").is_none()
                });
                chosen.map_or(&state["Default"], |choice| &choice["Next"])
            } else {
                &state["Next"]
            };
            let Some(next) = next.as_str() else {
                return events;
            };
            if ends.contains(&next) {
                return events;
            }
            at = next.to_owned();
        }
    }
}

/// How many invocations it takes to send that many requests of a category.
fn invocations(requests: u64, category: Category, timeout: f64) -> u64 {
    let seconds = requests as f64 / (category.default_quota() * SHARE);
    (seconds / (timeout - LOST_SECONDS)).ceil() as u64
}

/// The pages of a listing follow one another: at some 50 ms each, however high the quota.
fn listings(pages: u64, timeout: f64) -> u64 {
    (pages as f64 / 20.0 / (timeout - LOST_SECONDS)).ceil() as u64
}

#[test]
fn ten_million_users_made_by_calls_fit_into_one_execution() {
    let (machine, timeout) = Machine::of_restore();
    let again = machine.events("Restore", "IN_PROGRESS", &["Restore"]);
    assert_eq!(again, 7);
    // The invocations that end the plan and the comparison, beside the one that reports.
    let once = 1 + machine.events("CheckInput", "SUCCESS", &[]) + 2 * again;
    for (memberships_of_a_user, fits) in [
        (0, FAR_BELOW),
        (1, FAR_BELOW),
        (3, FAR_BELOW),
        (6, MOST_EVENTS),
    ] {
        // Categories run at the same time: the slowest sets the number of invocations.
        let making = [
            invocations(USERS, Category::UserCreation, timeout),
            invocations(USERS, Category::UserAccountRecovery, timeout),
            invocations(USERS * memberships_of_a_user, Category::UserUpdate, timeout),
            invocations(USERS, Category::UserResourceUpdate, timeout),
        ];
        let making = making.into_iter().max().unwrap();
        let pages = USERS.div_ceil(PAGE) * (1 + memberships_of_a_user);
        let verifying = listings(pages, timeout);
        let events = once + making * again + verifying * again;
        println!(
            "{memberships_of_a_user} memberships a user: {making} + {verifying} invocations, {events} events"
        );
        assert!(events < fits, "{memberships_of_a_user}: {events}");
        assert!((making + verifying) as f64 * timeout < longest());
    }
}

#[test]
fn ten_million_users_made_by_import_jobs_fit_into_one_execution() {
    let (machine, timeout) = Machine::of_restore();
    let again = machine.events("Restore", "IN_PROGRESS", &["Restore"]);
    let look = machine.events("Restore", "WAITING", &["Restore"]);
    assert_eq!(look, 9);
    // Files end at 96 MB: 400 bytes a user.
    let rows = 240_000;
    let files = USERS.div_ceil(rows);
    for (hours_of_a_job, fits) in [(0.1, FAR_BELOW), (1.0, 16_000), (10.0, MOST_EVENTS)] {
        let (mut waited, mut looks) = (0.0, 0);
        while waited < hours_of_a_job * 3600.0 {
            waited += f64::from(seconds_until_look(looks, rows));
            looks += 1;
        }
        let listing = listings(USERS.div_ceil(PAGE), timeout);
        let memberships = invocations(USERS, Category::UserUpdate, timeout);
        let events = files * u64::from(looks) * look + (listing + memberships) * again;
        println!("jobs of {hours_of_a_job} h: {looks} looks each, {events} events");
        assert!(events < fits, "{hours_of_a_job} h: {events}");
        let late = waited / (hours_of_a_job * 3600.0);
        assert!(late < 1.5, "{hours_of_a_job} h: seen {late} times as late");
        assert!(files as f64 * waited < longest());
    }
}

#[test]
fn what_the_state_machine_carries_does_not_grow_with_the_pool() {
    let answer = |users| RestoreResponse {
        status: RestoreStatus::InProgress,
        wait_seconds: 3600,
        step: "managed_login_branding".into(),
        new_user_pool_id: Some("us-west-2_Abcdefghi".parse().unwrap()),
        users_done: users,
        users_total: Some(users),
    };
    let bytes = |users| serde_json::to_string(&answer(users)).unwrap().len();
    // Two numbers, each with some digits more.
    assert!(bytes(USERS) - bytes(10) <= 12);
    // One answer takes the place of the other, beside the input.
    assert!(bytes(u64::MAX) < LARGEST_STATE / 100);
}

/// Bytes by which each user adds to a function's peak, as `docs/performance.md` has measured
/// them; for the verification with the 24 of a pool that gives new usernames.
const BYTES_OF_A_BACKUP: f64 = 21.0;
const BYTES_OF_A_VERIFICATION: f64 = 51.0 + 24.0;
/// What a function takes whatever the pool's size, the same way.
const BYTES_BESIDE: f64 = 80e6;

#[test]
fn the_tables_of_ten_million_users_fit_into_the_functions() {
    let backup = template::read(template::PRIMARY).unwrap();
    let backup = &backup["Resources"]["CognitoBackupLambda"]["Properties"]["MemorySize"];
    let restore = template::read(template::DR).unwrap();
    let memory = &restore["Resources"]["CognitoRestoreLambda"]["Properties"]["MemorySize"];
    assert_eq!(memory["Ref"], "RestoreMemory");
    let restore = &restore["Parameters"]["RestoreMemory"]["Default"];
    for (megabytes, bytes_of_a_user) in [
        (backup, BYTES_OF_A_BACKUP),
        (restore, BYTES_OF_A_VERIFICATION),
    ] {
        let needed = BYTES_BESIDE + bytes_of_a_user * USERS as f64;
        let given = megabytes.as_f64().unwrap() * 1024.0 * 1024.0;
        assert!(needed < 0.9 * given, "{needed} of {given}");
    }
}
