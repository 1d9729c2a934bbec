//! Any pool that is changed by any calls is what it was, after an undo, but for what
//! `docs/undo.md` lists; a second undo changes nothing, and an undo of the undo brings the changes
//! back.
//!
//! Half of the pools meet each reading of what an update does with members that it leaves out.
//! 25 pools a run; `PROPTEST_CASES` says otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

#[allow(dead_code, reason = "the round trip uses all of it")]
#[path = "../round_trip/drawn.rs"]
mod drawn;
mod machine;
mod mutations;
#[allow(dead_code, reason = "the round trip uses all of it")]
#[path = "../round_trip/planted.rs"]
mod planted;
mod scenes;
#[path = "../support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use cognito::{Cognito, Operation, Pace, Stop};
use drawn::{Pool, both_worlds, config, pool};
use model::{BackupKey, RestoreId, RunKind, UserPoolId};
use mutations::{Live, Mutation, mutations};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use restore::side::{LivePool, Side};
use restore::undo::{OPERATIONS, Plan, Scope, Undo, UndoReport, What};
use restore::{Clients, RestoreError, RestoreSettings};
use support::{LOST, World};

const CASES: u32 = 25;

/// A pool of the world that is undone.
struct Scene<'w> {
    world: &'w World,
    clients: Clients,
    settings: RestoreSettings,
    pool: UserPoolId,
    point: BackupKey,
    undos: AtomicU32,
}

impl<'w> Scene<'w> {
    async fn new(world: &'w World, document: simulator::PoolDocument) -> Self {
        Self::at_pace(world, document, Pace::unlimited()).await
    }

    async fn at_pace(world: &'w World, document: simulator::PoolDocument, pace: Pace) -> Self {
        let lost = world.lose(document).await;
        Self {
            world,
            clients: world.clients_where_pools_are_lost(OPERATIONS, pace),
            settings: RestoreSettings {
                region: LOST.to_owned(),
                ..RestoreSettings::default()
            },
            pool: lost.pool,
            point: lost.key,
            undos: AtomicU32::new(0),
        }
    }

    /// Cognito for whoever changes the pool.
    fn anybody(&self) -> Cognito {
        let all = Operation::ALL;
        let clients = self
            .world
            .clients_where_pools_are_lost(all, Pace::unlimited());
        clients.cognito
    }

    async fn mutate(&self, mutations: &[Mutation]) {
        let cognito = self.anybody();
        let live = Live {
            cognito: &cognito,
            pool: self.pool.as_str(),
        };
        for mutation in mutations {
            live.mutate(mutation).await;
        }
    }

    /// Cognito refuses this operation from now on, and says why.
    fn refuse(&self, operation: &str, why: &str) {
        let refusal = simulator::Fault::Error {
            code: "InvalidParameterException".into(),
            message: why.into(),
            status: 400,
        };
        let always = simulator::When::Rate(1.0);
        let faults = simulator::Faults::one(operation, always, refusal);
        self.world.simulator.set_faults(faults);
    }

    async fn plan(&self, point: &BackupKey, scope: &Scope) -> Plan {
        let point = self.world.open(point).await;
        let undo = self.undo(&point, scope);
        let clients = &self.clients;
        let live = LivePool::open(&clients.cognito, &clients.waf, &self.pool, true);
        undo.plan(Side::Live(&live.await.unwrap())).await.unwrap()
    }

    fn undo<'a>(&'a self, point: &'a vault::Backup, scope: &'a Scope) -> Undo<'a> {
        Undo {
            clients: &self.clients,
            settings: &self.settings,
            point,
            pool: &self.pool,
            scope,
            counterpart: None,
        }
    }

    fn next_id(&self) -> RestoreId {
        let number = self.undos.fetch_add(1, Ordering::Relaxed);
        RestoreId::new(RunKind::Undo, &self.pool, 1_700_000_000, number)
    }

    async fn carry_out(
        &self,
        id: &RestoreId,
        plan: &Plan,
        point: &BackupKey,
        present: &BackupKey,
        stop: &Stop,
    ) -> Result<Option<UndoReport>, RestoreError> {
        let point = self.world.open(point).await;
        let present_backup = self.world.open(present).await;
        let undo = self.undo(&point, &plan.scope);
        let before = present.to_string();
        Box::pin(undo.carry_out(id, plan, &present_backup, &before, stop)).await
    }

    /// Plans, takes a backup of the present, carries out. Gives that backup with the report.
    async fn undo_to(&self, point: &BackupKey, scope: &Scope) -> (Plan, BackupKey, UndoReport) {
        let plan = self.plan(point, scope).await;
        let present = self.world.back_up(&self.pool).await;
        let id = self.next_id();
        let stop = Stop::never();
        let done = self.carry_out(&id, &plan, point, &present, &stop).await;
        let report = done.unwrap_or_else(|error| {
            let refused = self.world.simulator.evidence().refused;
            panic!(
                "{error}\n{:#?}",
                refused.iter().rev().take(5).collect::<Vec<_>>()
            )
        });
        (plan, present, report.unwrap())
    }
}

/// Everything, and what was added goes.
fn whole() -> Scope {
    Scope {
        remove_added: true,
        disable_added_users: true,
        ..Scope::default()
    }
}

/// What may stay as it is although it was to be put back: where that is documented.
fn is_documented(left: &restore::undo::Left) -> bool {
    let documented = [
        // A user whom no call makes: federated, or nameless where an address is the name.
        "the user was not made again",
        // A code would be sent.
        "it was not verified, and the pool would send a code to it",
    ];
    documented.iter().any(|why| left.why.starts_with(why))
}

fn wrong_with(what: &str, report: &UndoReport) -> Vec<String> {
    let left = report
        .not_reverted
        .iter()
        .filter(|left| !is_documented(left));
    left.map(|left| format!("{what}: {left:?}")).collect()
}

/// What a plan would still do, but for what an earlier undo had to leave.
fn still_to_do(plan: &Plan, left: &UndoReport) -> Vec<String> {
    let settings = plan
        .actions
        .iter()
        .filter(|action| action.what.is_carried_out());
    let mut still: Vec<String> = settings.map(|action| format!("{action:?}")).collect();
    let users_left = left.not_reverted.iter();
    let of_users = users_left
        .filter(|left| left.item.starts_with("user "))
        .count() as u64;
    let users = &plan.users;
    let memberships = plan.memberships.make_again + plan.memberships.remove;
    let people = users.put_back + users.make_again + users.disable;
    if people + memberships > of_users {
        still.push(format!(
            "{users:?} {:?} {:?}",
            plan.members_of_users, plan.memberships
        ));
    }
    still
}

async fn round_trip(
    world: &World,
    pool: &Pool,
    mutations: &[Mutation],
    number: u32,
) -> Result<(), String> {
    let more = [pool.oidc, pool.server, pool.google];
    let document = mutations::with_more(pool.document(number), number, more);
    let scene = Scene::new(world, document).await;
    scene.mutate(mutations).await;
    world.simulator.reset_evidence();
    let (plan, mutated, report) = scene.undo_to(&scene.point, &whole()).await;
    let mut wrong = wrong_with("undo", &report);
    let again = scene.plan(&scene.point, &whole()).await;
    wrong.extend(
        still_to_do(&again, &report)
            .into_iter()
            .map(|what| format!("again: {what}")),
    );
    let (_, _, redone) = scene.undo_to(&mutated, &whole()).await;
    wrong.extend(wrong_with("undo of the undo", &redone));
    let again = scene.plan(&mutated, &whole()).await;
    wrong.extend(
        still_to_do(&again, &redone)
            .into_iter()
            .map(|what| format!("redone: {what}")),
    );
    let evidence = world.simulator.evidence();
    // An account has four of them.
    scene.mutate(&[Mutation::CustomDomain(false)]).await;
    if evidence.messages_sent > 0 {
        wrong.push(format!("messages were sent: {:?}", evidence.messages));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let refused: Vec<String> = evidence
        .refused
        .iter()
        .map(|call| format!("{} {} {}", call.operation, call.code, call.message))
        .collect();
    let planned: Vec<_> = plan
        .actions
        .iter()
        .filter(|one| one.what != What::LeftAlone)
        .collect();
    Err(format!(
        "{}\nplanned: {planned:#?}\nrefused: {refused:#?}",
        wrong.join("\n")
    ))
}

#[test]
fn any_pool_is_what_it_was_after_any_calls() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let worlds = both_worlds(&runtime);
    let number = AtomicU32::new(0);
    let began = std::time::Instant::now();
    let outcome =
        TestRunner::new(config(CASES, 100)).run(&(pool(), mutations()), |(pool, mutations)| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let world = &worlds[usize::from(pool.other_world)];
            runtime
                .block_on(round_trip(world, &pool, &mutations, number))
                .map_err(TestCaseError::fail)
        });
    println!("{} pools in {:?}", number.into_inner(), began.elapsed());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
