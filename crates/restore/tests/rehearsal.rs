//! A rehearsal leaves no pool behind, whatever died, and touches no other.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use std::num::NonZeroU64;
use std::time::Duration;

use model::RestoreId;
use model::request::UsersEngine;
use model::request::{Rehearsal, RestoreAction, RestoreOptions, RestoreRequest, RestoreStatus};
use model::restore::{RehearsalRecord, Report, ReportStatus};
use restore::REHEARSAL_TAG;
use restore::run::Answer;
use serde_json::{Value, json};
use simulator::PoolDocument;
use support::{BUCKET, Lost, NEW, World, exhaustive, pools};
use vault::testing::Fault;

const AT_ONCE: Duration = Duration::ZERO;
/// When an execution that gives no sign of life is dead.
const LATER: Duration = Duration::from_secs(5 * 3600);

fn options(sample: Option<u64>) -> RestoreOptions {
    RestoreOptions {
        users_engine: UsersEngine::Import,
        rehearsal: Some(Rehearsal::new(sample.and_then(NonZeroU64::new))),
        ..RestoreOptions::default()
    }
}

fn request(world: &World, lost: &Lost, id: &str, options: &RestoreOptions) -> RestoreRequest {
    RestoreRequest {
        restore_id: id.parse().unwrap(),
        ..world.request(lost, options)
    }
}

/// Drives a rehearsal to its end, as an execution does.
async fn rehearse(world: &World, request: &RestoreRequest) -> Answer {
    loop {
        let answer = world.answer(request).await.unwrap();
        match answer.response.status {
            RestoreStatus::InProgress => {}
            RestoreStatus::Waiting => {
                let seconds = u64::from(answer.response.wait_seconds);
                world.simulator.advance_clock(Duration::from_secs(seconds));
            }
            _ => return answer,
        }
    }
}

/// A pool of the Region that is rehearsed in, which nobody may touch: of the same name, and with
/// the tag of a restore.
fn neighbour(world: &World) -> (String, Value) {
    let mut document = json!({"UserPool": {
        "Name": "cognito-dr-rehearsal-shop",
        "UserPoolTags": {"cognito-dr-restore-id": "rehearsal-1"},
    }, "Users": []});
    document["Users"] = json!([{"Username": "ann"}]);
    let document: PoolDocument = serde_json::from_value(document).unwrap();
    let id = world.simulator.plant(NEW, document).unwrap();
    let dump = world.simulator.dump(NEW, &id).unwrap();
    (id, dump)
}

async fn assert_only(world: &World, (id, before): &(String, Value), about: &str) {
    assert_eq!(world.new_pools().await, std::slice::from_ref(id), "{about}");
    assert_eq!(world.simulator.dump(NEW, id).unwrap(), *before, "{about}");
    assert_eq!(world.simulator.evidence().messages_sent, 0, "{about}");
}

fn newest(world: &World, lost: &Lost) -> Option<RehearsalRecord> {
    let bytes = world.s3.get(BUCKET, &RehearsalRecord::key(&lost.pool))?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn report(world: &World, id: &RestoreId) -> Report {
    let bytes = world.s3.get(BUCKET, &id.object_key(Report::OBJECT));
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn it_restores_compares_reports_records_and_removes() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let neighbour = neighbour(&world);
    let request = request(&world, &lost, "rehearsal-1", &options(None));
    let answer = rehearse(&world, &request).await;
    let report = report(&world, &request.restore_id);
    assert_ne!(report.status, ReportStatus::Failed, "{report:#?}");
    let verification = report.verification.as_ref().unwrap();
    assert!(verification.passed(), "{:#?}", verification.differences);
    assert!(report.removed.is_some());
    assert_eq!(report.manual_steps, []);
    let left_out: Vec<&str> = report
        .steps
        .iter()
        .flat_map(|record| &record.findings)
        .filter(|finding| finding.reason.starts_with("not rehearsed"))
        .map(|finding| finding.item.as_str())
        .collect();
    for item in [
        "Domains",
        "Web ACL",
        "Log delivery",
        "Self sign-up and deletion protection",
    ] {
        assert!(left_out.contains(&item), "{item}: {left_out:?}");
    }
    let record = newest(&world, &lost).unwrap();
    assert_eq!(answer.rehearsals, std::slice::from_ref(&record));
    assert_eq!(record.restore_id, request.restore_id);
    assert_eq!(record.result, report.status);
    assert_eq!(record.users, report.users.restored);
    assert_eq!(record.findings, report.findings);
    assert_eq!(
        answer.messages,
        [],
        "the first one, and a good one, is no news"
    );
    let calls = world.simulator.evidence().calls;
    for never in ["CreateUserPoolDomain", "SetLogDeliveryConfiguration"] {
        assert!(!calls.contains_key(never), "{never}");
    }
    assert_only(&world, &neighbour, "").await;
    // The answer was lost: the same again.
    let again = world.answer(&request).await.unwrap();
    assert_eq!(again, answer);
}

#[tokio::test]
async fn of_a_sample_only_its_users_are_made_and_compared() {
    let world = World::new().await;
    let users: Vec<Value> = (0..60)
        .map(|n| {
            pools::user(
                &format!("user-{n}"),
                "CONFIRMED",
                json!({"Groups": ["editors"]}),
            )
        })
        .collect();
    let mut document = pools::everything();
    document.users = pools::users(json!(users));
    let lost = world.lose(document).await;
    let request = request(&world, &lost, "rehearsal-1", &options(Some(15)));
    rehearse(&world, &request).await;
    let report = report(&world, &request.restore_id);
    let verification = report.verification.as_ref().unwrap();
    assert!(verification.passed(), "{:#?}", verification.differences);
    assert_eq!(verification.users_compared, report.users.restored);
    assert!(
        (4..30).contains(&report.users.restored),
        "{:?}",
        report.users
    );
    assert_eq!(report.users.skipped + report.users.failed, 0);
    let record = newest(&world, &lost).unwrap();
    assert_eq!(record.sample, NonZeroU64::new(15));
    assert_eq!(world.new_pools().await, [] as [String; 0]);
}

/// The state machine's own report of a failure, and what there is to say of it.
#[tokio::test]
async fn one_that_fails_removes_its_pool_and_tells_and_so_does_the_next_that_does_not() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let neighbour = neighbour(&world);
    let first = request(&world, &lost, "rehearsal-1", &options(None));
    // An invocation has made the pool when the execution meets its time limit.
    let standing = world.stall_after(20, &first).await;
    assert_eq!(world.new_pools().await.len(), 2);
    let failure = RestoreRequest {
        action: RestoreAction::ReportFailure,
        error: Some("States.Timeout".into()),
        cause: Some("too long".into()),
        ..first.clone()
    };
    let answer = world.answer(&failure).await.unwrap();
    assert_eq!(answer.messages[0].subject, "Cognito DR Rehearsal Failed");
    assert_eq!(newest(&world, &lost).unwrap().result, ReportStatus::Failed);
    assert_only(&world, &neighbour, "reported").await;
    // What still lives of it finds out, and nobody begins it again.
    assert!(standing.await.is_err());
    assert!(world.answer(&first).await.is_err());
    world.sweep(None, AT_ONCE).await.unwrap();
    assert_only(&world, &neighbour, "what lived on").await;
    let second = request(&world, &lost, "rehearsal-2", &options(None));
    let answer = rehearse(&world, &second).await;
    assert_eq!(answer.messages[0].subject, "Cognito DR Rehearsal Completed");
    let third = request(&world, &lost, "rehearsal-3", &options(None));
    assert_eq!(rehearse(&world, &third).await.messages, []);
    let history = world.s3.keys(BUCKET);
    let prefix = format!("cognito-restore/rehearsals/{}/", lost.pool);
    assert!(history.iter().any(|key| key.starts_with(&prefix)));
    assert_only(&world, &neighbour, "").await;
}

#[tokio::test]
async fn one_that_may_be_alive_keeps_its_pool() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let request = request(&world, &lost, "rehearsal-1", &options(None));
    let standing = world.stall_after(20, &request).await;
    let swept = world.sweep(None, AT_ONCE).await.unwrap();
    assert_eq!((swept.removed, swept.kept), (0, 1));
    drop(standing);
    let swept = world.sweep(None, LATER).await.unwrap();
    assert_eq!((swept.removed, swept.kept), (1, 0));
    assert_eq!(swept.messages.len(), 1);
    assert_eq!(world.new_pools().await, [] as [String; 0]);
}

#[tokio::test]
async fn what_is_protected_has_a_domain_or_imports_users_is_removed_all_the_same() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let id: RestoreId = "rehearsal-1".parse().unwrap();
    let mut document = pools::everything();
    let tags = json!({REHEARSAL_TAG: id.as_str(), restore::RESTORE_TAG: id.as_str()});
    document.user_pool.remove("LambdaConfig");
    for (member, value) in [
        ("Name", json!("cognito-dr-rehearsal-shop")),
        ("DeletionProtection", json!("ACTIVE")),
        ("UserPoolTags", tags),
    ] {
        document.user_pool.insert(member.into(), value);
    }
    world.simulator.plant(NEW, document).unwrap();
    let request = request(&world, &lost, id.as_str(), &options(None));
    let failure = RestoreRequest {
        action: RestoreAction::ReportFailure,
        error: Some("Internal".into()),
        ..request
    };
    world.answer(&failure).await.unwrap();
    let refused = world.simulator.evidence().refused;
    assert_eq!(world.new_pools().await, [] as [String; 0], "{refused:#?}");
}

/// The places that are tried: all of them, or some `few` that lie evenly.
fn places(all: u64, few: u64) -> impl Iterator<Item = u64> {
    let step = if exhaustive() { 1 } else { all.div_ceil(few) };
    (1..=all).step_by(step.max(1) as usize)
}

/// Drives a rehearsal until it dies; nobody calls again.
async fn until_death(world: &World, request: &RestoreRequest) {
    loop {
        match world.or_death(world.answer(request)).await {
            None | Some(Err(_)) => return,
            Some(Ok(answer)) => match answer.response.status {
                RestoreStatus::InProgress => {}
                RestoreStatus::Waiting => {
                    let seconds = u64::from(answer.response.wait_seconds);
                    world.simulator.advance_clock(Duration::from_secs(seconds));
                }
                _ => return,
            },
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_or_request_the_sweep_or_the_next_rehearsal_leaves_no_pool() {
    let calm = World::new().await;
    let lost = calm.lose(pools::everything()).await;
    rehearse(&calm, &request(&calm, &lost, "rehearsal-1", &options(None))).await;
    let (calls, requests) = (calm.calls(), calm.s3.requests());
    println!("{calls} calls of Cognito, {requests} requests");
    let deaths: Vec<(&str, u64)> = places(calls, 12)
        .map(|nth| ("call", nth))
        .chain(places(requests, 6).map(|nth| ("before request", nth)))
        .chain(places(requests, 6).map(|nth| ("after request", nth)))
        .collect();
    for (index, (what, nth)) in deaths.into_iter().enumerate() {
        let about = format!("killed at {what} {nth}");
        let world = World::new().await;
        let lost = world.lose(pools::everything()).await;
        let neighbour = neighbour(&world);
        match what {
            "call" => world.die_at_call(nth),
            "before request" => world.die_at_request(nth, Fault::Before),
            _ => world.die_at_request(nth, Fault::After),
        }
        let first = request(&world, &lost, "rehearsal-1", &options(None));
        until_death(&world, &first).await;
        world.calm_down();
        match index % 3 {
            // The rule that hears of the execution's end.
            0 => drop(world.sweep(Some(&first.restore_id), AT_ONCE).await.unwrap()),
            // The schedule.
            1 => drop(world.sweep(None, LATER).await.unwrap()),
            // The next rehearsal, once the first is known to be dead.
            _ => {
                let mut state = world
                    .s3
                    .get(BUCKET, &first.restore_id.object_key("state.json"));
                if let Some(bytes) = state.take() {
                    let mut state: Value = serde_json::from_slice(&bytes).unwrap();
                    state["claimed"] = json!("2026-01-01T00:00:00Z");
                    let key = first.restore_id.object_key("state.json");
                    world.s3.put(BUCKET, &key, state.to_string());
                }
                let next = request(&world, &lost, "rehearsal-2", &options(None));
                rehearse(&world, &next).await;
            }
        }
        assert_only(&world, &neighbour, &about).await;
    }
}

#[tokio::test]
async fn a_sweep_may_die_too() {
    let dead = async || {
        let world = World::new().await;
        let lost = world.lose(pools::everything()).await;
        let neighbour = neighbour(&world);
        let first = request(&world, &lost, "rehearsal-1", &options(None));
        drop(world.stall_after(30, &first).await);
        world.calm_down();
        (world, neighbour)
    };
    let (world, _) = dead().await;
    world.sweep(None, LATER).await.unwrap();
    let (calls, requests) = (world.calls(), world.s3.requests());
    for nth in places(calls, 4) {
        let (world, neighbour) = dead().await;
        world.die_at_call(nth);
        world.or_death(world.sweep(None, LATER)).await;
        world.calm_down();
        world.sweep(None, LATER).await.unwrap();
        assert_only(&world, &neighbour, &format!("call {nth}")).await;
    }
    for nth in places(requests, 4) {
        let (world, neighbour) = dead().await;
        world.die_at_request(nth, Fault::After);
        world.or_death(world.sweep(None, LATER)).await;
        world.calm_down();
        world.sweep(None, LATER).await.unwrap();
        assert_only(&world, &neighbour, &format!("request {nth}")).await;
    }
}

#[tokio::test]
async fn a_hundred_in_a_row_leave_nothing() {
    let world = World::new().await;
    let mut document = pools::everything();
    document.users = pools::users(json!([pools::user("ann", "CONFIRMED", json!({}))]));
    let lost = world.lose(document).await;
    let neighbour = neighbour(&world);
    for nth in 0..100 {
        let request = request(&world, &lost, &format!("rehearsal-{nth}"), &options(None));
        rehearse(&world, &request).await;
    }
    assert_only(&world, &neighbour, "").await;
}
