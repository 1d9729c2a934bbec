//! Any pool comes back as it was, but for what `docs/fidelity.md` lists and what the report
//! announces: backup, then restore into another Region of the strict simulator, then two
//! comparisons, the restore's own and an independent one of the simulator's dumps. Some of the users
//! are forgotten in between: then the pool comes back as if it had never had them.
//!
//! Half of the pools meet each reading of what an update does with members that it leaves out.
//! 100 pools a run with each engine; `PROPTEST_CASES` says otherwise. A pool that does not come back is shrunk.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod drawn;
mod planted;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use drawn::{Pool, both_worlds, config, pool};
use model::request::{RestoreOptions, UsersEngine};
use model::restore::Report;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use support::compare::{Table, compare};
use support::{Lost, World};

const CASES: u32 = 100;
/// How a client is refused whose flows do not refresh tokens: it is asked for with them then.
const NO_REFRESH: &str = "REFRESH_TOKEN_AUTH should always be allowed.";
/// Calls that may be refused, because the answer is what the restore wants to know.
const FORESEEN: &[(&str, &str)] = &[
    (
        "DescribeManagedLoginBrandingByClient",
        "ResourceNotFoundException",
    ),
    // A role whose trust policy names the lost pool.
    ("CreateUserPool", "InvalidSmsRoleTrustRelationshipException"),
    // What a pool's plan does not have.
    (
        "GetUserPoolSessionConfiguration",
        "FeatureUnavailableInTierException",
    ),
    (
        "DescribeRiskConfiguration",
        "UserPoolAddOnNotEnabledException",
    ),
];

/// Forgets some of the users of a pool; gives how many.
async fn forget(world: &World, lost: &mut Lost, forgotten: &[bool]) -> u64 {
    let users = lost.document["Users"].as_array_mut().unwrap();
    let mut subs = BTreeSet::new();
    let mut drawn = forgotten.iter();
    users.retain(|user| {
        let is_forgotten = drawn.next() == Some(&true);
        if is_forgotten {
            subs.insert(user["Sub"].as_str().unwrap().parse().unwrap());
        }
        !is_forgotten
    });
    world.vault.forget(&lost.pool, &subs).await.unwrap();
    world.calm_down();
    subs.len() as u64
}

/// How many users cannot come back into a pool that anybody signs in to by an address.
fn nameless(pool: &Pool, lost: &Lost) -> u64 {
    let users = lost.document["Users"].as_array().unwrap().iter();
    let nameless = users.filter(|user| {
        let has = |name: &str| user["Attributes"].get(name).is_some();
        let there = match pool.sign_in {
            4 => has("email"),
            5 => has("phone_number"),
            6 => has("email") || has("phone_number"),
            _ => true,
        };
        !there && user["UserStatus"] != "EXTERNAL_PROVIDER"
    });
    nameless.count() as u64
}

/// Backs a pool up, restores it and compares; tells what is wrong.
async fn round_trip(
    world: &World,
    pool: &Pool,
    forgotten: &[bool],
    users_engine: UsersEngine,
    number: u32,
    table: &Table,
) -> Result<Vec<(String, String)>, String> {
    let options = RestoreOptions {
        users_engine,
        ..RestoreOptions::default()
    };
    let mut lost = world.lose(pool.document(number)).await;
    let forgotten = forget(world, &mut lost, forgotten).await;
    let restored = world.restore(&lost, &options).await;
    let found = compare(
        &lost.document,
        &restored.document,
        &restored.announcements,
        table,
    );
    let evidence = world.simulator.evidence();
    let refused: Vec<(String, String)> = evidence
        .refused
        .iter()
        .filter(|call| call.message != NO_REFRESH)
        .map(|call| {
            (
                format!("{} {}", call.operation, call.code),
                call.message.clone(),
            )
        })
        .collect();
    let verification = restored.state.verification.as_ref().unwrap();
    let mut wrong = Vec::new();
    if !found.is_empty() {
        wrong.push(format!("not announced: {found:#?}"));
    }
    if !verification.passed() {
        let differences = verification.differences.iter();
        let unannounced: Vec<_> = differences
            .filter(|difference| difference.announced_by.is_none())
            .collect();
        let rows: Vec<_> = verification.rows.iter().filter(|row| !row.holds).collect();
        wrong.push(format!(
            "the verification failed: {unannounced:#?} {rows:#?}"
        ));
    }
    if evidence.messages_sent > 0 {
        wrong.push(format!("messages were sent: {:?}", evidence.messages));
    }
    let settings = &restored.document["UserPool"]["SettingOfNextYear"];
    if *settings != json!({"Mode": "FAST", "Levels": [1.5, 2]}) {
        wrong.push(format!("an unknown member is lost: {settings}"));
    }
    let counts = &restored.state.users.counts;
    let failed = (counts.failed > 0).then(|| format!("{} users failed", counts.failed));
    wrong.extend(failed);
    if counts.skipped != nameless(pool, &lost) {
        wrong.push(format!("{} users were left out", counts.skipped));
    }
    let report = world.object(&lost, Report::OBJECT).unwrap();
    let report: Report = serde_json::from_slice(&report).unwrap();
    if report.users_forgotten != forgotten {
        wrong.push(format!("{} users are forgotten", report.users_forgotten));
    }
    if wrong.is_empty() {
        return Ok(refused);
    }
    Err(format!("{}\nrefused: {refused:#?}", wrong.join("\n")))
}

#[test]
fn any_pool_comes_back_by_calls_but_for_what_is_documented() {
    come_back(UsersEngine::Api);
}

#[test]
fn any_pool_comes_back_by_import_jobs_but_for_what_is_documented() {
    come_back(UsersEngine::Import);
}

fn come_back(users_engine: UsersEngine) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let worlds = both_worlds(&runtime);
    let table = Table::read();
    let number = AtomicU32::new(0);
    let refused: Mutex<BTreeMap<String, (u32, String)>> = Mutex::default();
    let began = std::time::Instant::now();
    let forgotten = prop::collection::vec(prop::bool::weighted(0.1), 12);
    let drawn = (pool(), forgotten);
    let outcome = TestRunner::new(config(CASES, 200)).run(&drawn, |(pool, forgotten)| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let calls = runtime
            .block_on(round_trip(
                &worlds[usize::from(pool.other_world)],
                &pool,
                &forgotten,
                users_engine,
                number,
                &table,
            ))
            .map_err(TestCaseError::fail)?;
        let mut refused = refused.lock().unwrap();
        for (call, message) in calls {
            refused.entry(call).or_insert((0, message)).0 += 1;
        }
        Ok(())
    });
    println!(
        "{users_engine:?}: {} pools in {:?}",
        number.into_inner(),
        began.elapsed()
    );
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let mut unforeseen = refused.into_inner().unwrap();
    println!("refused calls: {unforeseen:#?}");
    unforeseen.retain(|call, _| {
        !FORESEEN
            .iter()
            .any(|(operation, code)| match call.split_once(' ') {
                Some(is) => is == (*operation, *code),
                None => false,
            })
    });
    assert!(unforeseen.is_empty(), "{unforeseen:#?}");
}
