//! A restore may die after any call of Cognito (carried out, its answer unheard) and at any
//! request to its bucket (before or after it is carried out). The state machine's retry goes on,
//! and what comes of it is what comes of a restore that nothing happened to.
//!
//! A death here is a real one: the invocation is dropped where it is. Every place is tried with
//! `RESTORE_EXHAUSTIVE_TESTS`, some of them without.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::request::{RestoreOptions, UsersEngine};
use support::compare::{Table, compare};
use support::{Lost, Restored, World, exhaustive, pools};
use vault::testing::Fault;

/// A restore without a death, and how many places there are to die at.
struct Calm {
    lost: Lost,
    restored: Restored,
    calls: u64,
    requests: u64,
}

fn options(users_engine: UsersEngine) -> RestoreOptions {
    RestoreOptions {
        users_engine,
        ..RestoreOptions::default()
    }
}

async fn calm(options: &RestoreOptions) -> Calm {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restored = world.restore(&lost, options).await;
    assert!(restored.state.verification.as_ref().unwrap().passed());
    Calm {
        lost,
        calls: world.calls(),
        requests: world.s3.requests(),
        restored,
    }
}

/// Restores with whatever danger `endanger` sets, and compares with the calm run.
async fn survives(
    calm: &Calm,
    table: &Table,
    options: &RestoreOptions,
    about: &str,
    endanger: impl Fn(&World),
) {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    endanger(&world);
    let restored = world.restore(&lost, options).await;
    assert!(!world.lives_in_danger(), "{about}: nobody died");
    let pools = world.new_pools().await;
    assert_eq!(pools.len(), 1, "{about}: {pools:?}");
    let evidence = world.simulator.evidence();
    assert_eq!(
        evidence.messages_sent, 0,
        "{about}: {:?}",
        evidence.messages
    );
    let verification = restored.state.verification.as_ref().unwrap();
    assert!(
        verification.passed(),
        "{about}: {:#?}",
        verification.differences
    );
    let found = compare(&calm.restored.document, &restored.document, &[], table);
    assert_eq!(found, [], "{about}");
    for member in [
        "Clients",
        "Groups",
        "IdentityProviders",
        "ResourceServers",
        "Domains",
        "UICustomizations",
        "ManagedLoginBrandings",
        "Terms",
        "RiskConfigurations",
        "Users",
    ] {
        let count = |document: &serde_json::Value| document[member].as_array().map(Vec::len);
        assert_eq!(
            count(&restored.document),
            count(&calm.restored.document),
            "{about}: {member}"
        );
    }
    assert_eq!(
        map_of(&restored, &lost),
        map_of(&calm.restored, &calm.lost),
        "{about}: the user map"
    );
    assert_eq!(restored.result, calm.restored.result, "{about}");
    let counts = |restored: &Restored| {
        let counts = &restored.state.users.counts;
        (counts.seen, counts.restored, counts.memberships)
    };
    assert_eq!(counts(&restored), counts(&calm.restored), "{about}");
}

/// The usernames in the user map, after a look that its subs are those of both pools.
fn map_of(restored: &Restored, lost: &Lost) -> Vec<String> {
    let subs = |document: &serde_json::Value| -> Vec<String> {
        let users = document["Users"].as_array().unwrap();
        users
            .iter()
            .map(|user| user["Sub"].as_str().unwrap().to_owned())
            .collect()
    };
    let (old, new) = (subs(&lost.document), subs(&restored.document));
    let mut names: Vec<String> = Vec::new();
    for entry in &restored.user_map {
        assert!(old.contains(&entry.old_sub));
        assert!(new.contains(&entry.new_sub));
        names.push(entry.old_username.as_str().to_owned());
    }
    names.sort_unstable();
    names
}

/// The places that are tried: all of them, or some `few` that lie evenly.
fn places(all: u64, few: u64) -> impl Iterator<Item = u64> {
    let step = if exhaustive() { 1 } else { all.div_ceil(few) };
    (1..=all).step_by(step.max(1) as usize)
}

#[tokio::test]
async fn a_restore_may_die_after_any_call_of_cognito() {
    let table = Table::read();
    for engine in [UsersEngine::Api, UsersEngine::Import] {
        let options = options(engine);
        let calm = calm(&options).await;
        println!("{engine:?}: {} calls of Cognito", calm.calls);
        for nth in places(calm.calls, 9) {
            let about = format!("{engine:?}, died at call {nth} of {}", calm.calls);
            survives(&calm, &table, &options, &about, |world| {
                world.die_at_call(nth)
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_restore_may_die_at_any_request_to_its_bucket() {
    let table = Table::read();
    let options = options(UsersEngine::Import);
    let calm = calm(&options).await;
    println!("{} requests", calm.requests);
    for fault in [Fault::Before, Fault::After] {
        for nth in places(calm.requests, 8) {
            let about = format!("died {fault:?} request {nth} of {}", calm.requests);
            survives(&calm, &table, &options, &about, |world| {
                world.die_at_request(nth, fault)
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_restore_that_is_stopped_by_a_signal_goes_on_as_one_whose_time_was_up() {
    let table = Table::read();
    let options = options(UsersEngine::Api);
    let calm = calm(&options).await;
    for nth in places(calm.calls, 9) {
        let about = format!("stopped at call {nth} of {}", calm.calls);
        survives(&calm, &table, &options, &about, |world| {
            world.stop_at_call(nth)
        })
        .await;
    }
}
