//! A storm over a whole restore ends as the calm run does: 5% of all calls of Cognito fail before
//! anything is done, 2% are done and their answers lost, and throttles come in bursts. Of the
//! bucket's requests every 14th fails, in turn in one way and the other.
//!
//! 20,000 users with `RESTORE_EXHAUSTIVE_TESTS`, 600 without.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::request::{RestoreOptions, UsersEngine};
use serde_json::json;
use simulator::{Fault, FaultRule, Faults, PoolDocument, When};
use support::compare::{Table, compare};
use support::{Restored, World, exhaustive, pools};

/// Of this many requests to the bucket, one fails.
const REQUESTS: u64 = 14;

const STATUSES: [&str; 5] = [
    "CONFIRMED",
    "FORCE_CHANGE_PASSWORD",
    "UNCONFIRMED",
    "RESET_REQUIRED",
    "CONFIRMED",
];

fn pool(users: usize) -> PoolDocument {
    let mut pool = pools::everything();
    pool.users.extend((0..users).map(|number| {
        let more = json!({
            "Groups": if number % 3 == 0 { json!(["editors"]) } else { json!([]) },
            "Enabled": number % 7 != 0,
        });
        let name = format!("user-{number:05}");
        serde_json::from_value(pools::user(&name, STATUSES[number % 5], more)).unwrap()
    }));
    pool
}

fn storm(seed: u64, calls: u64) -> Faults {
    let rule = |when, fault| FaultRule {
        operation: None,
        when,
        fault,
    };
    let error = Fault::Error {
        code: "InternalErrorException".into(),
        message: "later".into(),
        status: 500,
    };
    // A burst of 30 throttles in each tenth of the run.
    let bursts = (0..10).map(|part| {
        let from = 40 + part * (calls / 10);
        rule(When::Burst { from, count: 30 }, Fault::Throttle)
    });
    Faults {
        seed,
        rules: bursts
            .chain([
                rule(When::Rate(0.05), error),
                rule(When::Rate(0.02), Fault::AnswerLost),
            ])
            .collect(),
    }
}

async fn restored(
    pool: PoolDocument,
    options: &RestoreOptions,
    faults: Option<Faults>,
) -> (World, Restored) {
    let world = World::new().await;
    let lost = world.lose(pool).await;
    if let Some(faults) = faults {
        world.simulator.set_faults(faults);
        world.s3.fail_often(REQUESTS);
    }
    let restored = world.restore(&lost, options).await;
    (world, restored)
}

async fn weathers(users_engine: UsersEngine, seed: u64) {
    let users = if exhaustive() { 20_000 } else { 600 };
    let options = RestoreOptions {
        users_engine,
        ..RestoreOptions::default()
    };
    let (world, calm) = restored(pool(users), &options, None).await;
    let faults = storm(seed, world.calls());
    let (stormy_world, stormy) = restored(pool(users), &options, Some(faults)).await;

    let evidence = stormy_world.simulator.evidence();
    println!(
        "{users_engine:?}: {} calls in calm, {} in the storm, of which {} refused; {} requests to the bucket",
        world.calls(),
        stormy_world.calls(),
        evidence.refused_total,
        stormy_world.s3.requests()
    );
    assert!(
        evidence.throttles.values().sum::<u64>() >= 30,
        "the storm came"
    );
    assert_eq!(evidence.messages_sent, 0, "{:?}", evidence.messages);
    assert_eq!(stormy_world.new_pools().await.len(), 1);
    let found = compare(&calm.document, &stormy.document, &[], &Table::read());
    assert!(
        found.is_empty(),
        "{} differences, such as {:#?}",
        found.len(),
        &found[..found.len().min(10)]
    );
    let verification = stormy.state.verification.as_ref().unwrap();
    assert!(verification.passed(), "{:#?}", verification.differences);
    assert_eq!(stormy.result, calm.result);
    assert_eq!(stormy.user_map.len(), calm.user_map.len());
    assert_eq!(
        stormy.state.users.counts.restored,
        calm.state.users.counts.restored
    );
}

#[tokio::test]
async fn a_storm_over_users_made_by_calls_ends_as_the_calm_run_does() {
    weathers(UsersEngine::Api, 11).await;
}

#[tokio::test]
async fn a_storm_over_users_made_by_import_jobs_ends_as_the_calm_run_does() {
    weathers(UsersEngine::Import, 12).await;
}
