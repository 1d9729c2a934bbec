//! A standby pool follows its source: whatever is done there by calls, a sync brings the standby
//! to the next backup but for what `docs/standby.md` lists, a second one changes nothing, and one
//! that dies anywhere goes on. Nobody gets a message, and until the switch nobody gets in.
//!
//! Half of the pools meet each reading of what an update does with members that it leaves out.
//! 12 pools a run, always the same; `PROPTEST_CASES` draws so many others.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

#[allow(dead_code, reason = "the round trip uses all of it")]
#[path = "../round_trip/drawn.rs"]
mod drawn;
#[allow(dead_code, reason = "the undo uses all of it")]
#[path = "../undo/mutations.rs"]
mod mutations;
#[allow(dead_code, reason = "the round trip uses all of it")]
#[path = "../round_trip/planted.rs"]
mod planted;
mod scenes;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use cognito::{Operation, Pace, Stop};
use compare::announced::Announcements;
use drawn::{Pool, both_worlds, config, pool};
use model::inventory::Section;
use model::request::{RestoreOptions, StandbyOptions};
use model::{BackupKey, BackupName, UserPoolId};
use mutations::{Live, Mutation, mutations};
use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};
use restore::standby::{self, Follow, Gone, Standing, SyncReport};
use restore::{Clients, RestoreError};
use support::{Lost, World};

const CASES: u32 = 12;

/// A pool and its standby.
struct Scene<'w> {
    world: &'w World,
    clients: Clients,
    lost: Lost,
    standby: UserPoolId,
    /// What the restore that made it said would differ.
    announced: Announcements,
    checks: AtomicU32,
}

impl<'w> Scene<'w> {
    async fn new(world: &'w World, document: simulator::PoolDocument) -> Self {
        let lost = world.lose(document).await;
        let options = RestoreOptions {
            standby: Some(StandbyOptions::default()),
            ..RestoreOptions::default()
        };
        let restored = Box::pin(world.restore(&lost, &options)).await;
        let verification = restored.state.verification.as_ref().unwrap();
        assert!(verification.passed(), "{:#?}", verification.differences);
        let steps = restored.state.steps.iter();
        Self {
            world,
            announced: Announcements::of(steps.flat_map(|step| &step.findings)),
            clients: world.clients_where_pools_are_new(&[restore::undo::OPERATIONS, standby::OWN]),
            lost,
            standby: restored.state.new_user_pool_id.unwrap(),
            checks: AtomicU32::new(0),
        }
    }

    fn follow(&self, compare_all: bool) -> Follow<'_> {
        Follow {
            clients: &self.clients,
            settings: &self.world.settings,
            source: &self.lost.pool,
            pool: &self.standby,
            map: None,
            remove_after_days: 0,
            compare_all,
        }
    }

    /// What anybody does in the source; then it is backed up.
    async fn mutate(&self, mutations: &[Mutation]) -> BackupKey {
        let all = Operation::ALL;
        let clients = self
            .world
            .clients_where_pools_are_lost(all, Pace::unlimited());
        let live = Live {
            cognito: &clients.cognito,
            pool: self.lost.pool.as_str(),
        };
        for mutation in mutations {
            live.mutate(mutation).await;
        }
        self.world.back_up(&self.lost.pool).await
    }

    async fn sync(
        &self,
        backup: &BackupKey,
        compare_all: bool,
    ) -> Result<Option<SyncReport>, RestoreError> {
        let backup = self.world.open(backup).await;
        let open = async |name: &BackupName, _: Option<&str>| {
            Ok(Some(self.world.open(name.key().unwrap()).await))
        };
        let follow = self.follow(compare_all);
        let stop = Stop::never();
        Box::pin(standby::sync(&follow, &backup, open, &stop)).await
    }

    async fn synced(&self, backup: &BackupKey, compare_all: bool) -> SyncReport {
        let done = self.sync(backup, compare_all).await;
        let report = done.unwrap_or_else(|error| {
            let refused = self.world.simulator.evidence().refused;
            panic!(
                "{error}\n{:#?}",
                refused.iter().rev().take(5).collect::<Vec<_>>()
            )
        });
        report.unwrap()
    }

    async fn status(&self, backup: &BackupKey) -> Standing {
        let backup = self.world.open(backup).await;
        let follow = self.follow(true);
        let standing = Box::pin(standby::status(&follow, &backup, None)).await;
        standing.unwrap()
    }

    /// What a comparison of the pool with the backup finds that nothing announces.
    async fn unannounced(&self, backup: &BackupKey) -> Vec<String> {
        let lost = Lost {
            key: backup.clone(),
            ..self.lost.clone()
        };
        let number = self.checks.fetch_add(1, Ordering::Relaxed);
        let id = format!("check-{}-{number}", self.standby);
        let compared = Box::pin(self.world.compare(&lost, &self.standby, &id));
        let (_, verification) = compared.await;
        let differences = verification.differences.into_iter();
        differences
            .filter(|difference| difference.announced_by.is_none())
            .filter(|difference| self.announced.covering(&difference.path).is_none())
            .map(|difference| format!("{} {}", difference.path, difference.change))
            .collect()
    }
}

/// What `docs/standby.md` says of what a standby pool keeps otherwise.
fn is_documented(unannounced: &str) -> bool {
    let until_the_switch = [
        "user_pool_config/AutoVerifiedAttributes",
        "user_pool_config/UserAttributeUpdateSettings",
        "user_pool_config/LambdaConfig",
        "user_pool_config/DeletionProtection",
        "user_pool_config/AdminCreateUserConfig/AllowAdminCreateUserOnly",
    ];
    let is_of_users = unannounced.starts_with("users/");
    until_the_switch
        .iter()
        .any(|path| unannounced.starts_with(path))
        // What an undo leaves alone, too.
        || ["user_pool_domain", "custom_domain", "risk_configuration", "client_risk_configurations",
            "log_delivery_configuration", "waf_configuration", "ui_customization",
            "client_ui_customizations", "ui_images", "client_secrets"]
            .iter()
            .any(|section| unannounced.starts_with(section) && unannounced.ends_with(" added"))
        // Users gone from the source are there, disabled.
        || is_of_users && unannounced.ends_with(" added")
        // UNCONFIRMED users need the sign-up that is closed.
        || is_of_users && unannounced.contains("/UserStatus ")
}

/// Whoever is gone stays in the groups, disabled.
fn is_membership_of_gone(unannounced: &str, gone: &BTreeMap<String, Gone>) -> bool {
    let member = unannounced.strip_prefix("group_memberships/");
    let member = member.and_then(|member| member.strip_suffix(" added")?.rsplit('/').next());
    member.is_some_and(|member| {
        let mut gone = gone.iter();
        gone.any(|(username, gone)| username == member || gone.sub == member)
    })
}

fn still_to_do(standing: &Standing, left: &SyncReport) -> Vec<String> {
    let plan = &standing.plan;
    let settings = plan
        .actions
        .iter()
        .filter(|action| action.what.is_carried_out());
    let mut still: Vec<String> = settings.map(|action| format!("{action:?}")).collect();
    let users = &plan.users;
    if left.left_total == 0 && users.put_back + users.make_again > 0 {
        still.push(format!("{users:?} {:?}", plan.members_of_users));
    }
    let memberships = &plan.memberships;
    if left.left_total == 0 && memberships.make_again + memberships.remove > 0 {
        still.push(format!("{memberships:?}"));
    }
    still
}

async fn follows(
    world: &World,
    pool: &Pool,
    steps: &[Vec<Mutation>],
    number: u32,
) -> Result<(), String> {
    let scene = Box::pin(Scene::new(world, pool.document(number))).await;
    world.simulator.reset_evidence();
    let mut wrong = Vec::new();
    for (step, mutations) in steps.iter().enumerate() {
        let backup = scene.mutate(mutations).await;
        world.simulator.reset_evidence();
        let report = Box::pin(scene.synced(&backup, false)).await;
        for left in &report.left {
            if !is_known_to_stay(left) {
                wrong.push(format!("{step}: left {left:?}"));
            }
        }
        let standing = scene.status(&backup).await;
        let still = still_to_do(&standing, &report);
        wrong.extend(still.into_iter().map(|what| format!("{step}: {what}")));
        if report.left_total == 0 {
            let found = scene.unannounced(&backup).await;
            let gone = &standing.standby.gone;
            let opened = world.open(&backup).await;
            let mfa = opened.head.section(Section::MfaConfiguration);
            let is_off = mfa["MfaConfiguration"] == "OFF";
            // A client whose first secret is deleted has its second one for its own.
            let secrets_are_others = steps[..=step]
                .iter()
                .flatten()
                .any(|mutation| matches!(mutation, Mutation::DeleteSecret(_)));
            let found = found.into_iter().filter(|found| {
                // While MFA is off, Cognito takes no factors.
                let is_factor = is_off && found.starts_with("mfa_configuration/");
                let is_secret = secrets_are_others && found.ends_with("/ClientSecret changed");
                !is_factor
                    && !is_secret
                    && !is_documented(found)
                    && !is_membership_of_gone(found, gone)
            });
            wrong.extend(found.map(|found| format!("{step}: differs: {found}")));
        }
        let sent = world.simulator.evidence();
        if sent.messages_sent > 0 {
            wrong.push(format!("messages were sent: {:?}", sent.messages));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let refused: Vec<String> = world
        .simulator
        .evidence()
        .refused
        .iter()
        .map(|call| format!("{} {} {}", call.operation, call.code, call.message))
        .collect();
    Err(format!("{}\nrefused: {refused:#?}", wrong.join("\n")))
}

/// Users whom no call makes in a pool whose name or address somebody gone still holds, or who have
/// no name to be made by.
fn is_known_to_stay(left: &restore::undo::Left) -> bool {
    left.why.starts_with("they were not made") || left.why.starts_with("the user is not there")
}

#[test]
fn any_standby_follows_its_source() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let worlds = both_worlds(&runtime);
    let number = AtomicU32::new(0);
    let began = std::time::Instant::now();
    let drawn = (pool(), prop::collection::vec(mutations(), 1..3));
    let config = config(CASES, 100);
    // The same pools each time, unless others are asked for.
    let mut runner = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRng::deterministic_rng(config.rng_algorithm);
            TestRunner::new_with_rng(config, rng)
        }
    };
    let outcome = runner.run(&drawn, |(pool, steps)| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let world = &worlds[usize::from(pool.other_world)];
        runtime
            .block_on(Box::pin(follows(world, &pool, &steps, number)))
            .map_err(TestCaseError::fail)
    });
    println!("{} pools in {:?}", number.into_inner(), began.elapsed());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
