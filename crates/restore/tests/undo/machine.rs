//! Undos by the state machine: a backup is asked for, invocations follow one another and may die.

use futures::future::LocalBoxFuture;
use model::request::{Part, RestoreOptions, UndoRequest};
use model::restore::ReportStatus;
use model::{BackupKey, RestoreId};
use restore::undo::{Ended, Next, Order, next};
use restore::{ExistingPools, RestoreError, RestoreSettings};
use simulator::Unmeasured;
use vault::testing::Fault;

use crate::Scene;
use crate::mutations::Mutation;
use crate::scenes::{accident, seen};
use crate::support::{World, exhaustive, pools};

impl Scene<'_> {
    fn settings_of_stack(&self) -> RestoreSettings {
        RestoreSettings {
            backup_function: "cognito-backup-test".to_owned(),
            existing_user_pools: ExistingPools::These(vec![self.pool.clone()]),
            ..self.settings.clone()
        }
    }

    /// The loop of an execution; where it waits, the backup arrives that was asked for. An
    /// invocation that dies is called again.
    fn execute<'a>(
        &'a self,
        execution: &'a str,
        id: &'a RestoreId,
        point: &'a BackupKey,
        request: UndoRequest,
        settings: &'a RestoreSettings,
    ) -> LocalBoxFuture<'a, Result<Ended, RestoreError>> {
        Box::pin(self.invocations(execution, id, point, request, settings))
    }

    async fn invocations(
        &self,
        execution: &str,
        id: &RestoreId,
        point: &BackupKey,
        request: UndoRequest,
        settings: &RestoreSettings,
    ) -> Result<Ended, RestoreError> {
        let options = RestoreOptions {
            undo: Some(request),
            ..RestoreOptions::default()
        };
        let order = Order {
            undo_id: id,
            driver: Some(execution),
            options: &options,
        };
        for _ in 0..200 {
            let invocation = async |stop| {
                let vault = self.world.vault();
                let point = vault.open(point, None).await?;
                Box::pin(next(&self.clients, vault, settings, &order, &point, stop)).await
            };
            match self.world.or_danger(invocation).await {
                None => {}
                Some(Err(error)) if error.failure().is_worth_retrying() => {}
                Some(invocation) => match invocation?.next {
                    Next::GoOn => {}
                    Next::Wait(_) => {
                        // One that fails is asked for by nobody again: here it comes later.
                        let arrives = self.world.try_to_back_up(&self.pool);
                        let _may_fail = self.world.or_death(arrives).await;
                    }
                    Next::Done(ended) => return Ok(*ended),
                },
            }
        }
        panic!("no end in sight");
    }
}

fn plans() -> UndoRequest {
    UndoRequest::default()
}

fn carries_out() -> UndoRequest {
    UndoRequest {
        dry_run: Some(false),
        ..UndoRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_shown_and_carried_out_by_its_fingerprint_unless_the_pool_has_changed() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let (point, settings) = (scene.point.clone(), scene.settings_of_stack());
    let before = seen(&world, &scene.pool);
    scene.mutate(&accident()).await;
    let mistaken = seen(&world, &scene.pool);
    let [planned, refused, done] = [1, 2, 3].map(|_| scene.next_id());
    // It needs no permission.
    let nowhere = RestoreSettings {
        existing_user_pools: ExistingPools::default(),
        ..settings.clone()
    };
    let ended = scene.execute("a", &planned, &point, plans(), &nowhere);
    let ended = ended.await.unwrap();
    assert_eq!(ended.report, None);
    assert_eq!(ended.status(), ReportStatus::Success);
    assert_eq!(seen(&world, &scene.pool), mistaken);
    let page = world.object_of(&planned, "undo.html").unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains(&ended.plan.fingerprint), "{page}");

    let request = UndoRequest {
        plan: Some(ended.plan.fingerprint.clone()),
        ..UndoRequest::default()
    };
    let not_allowed = scene.execute("b", &refused, &point, request.clone(), &nowhere);
    let error = not_allowed.await.unwrap_err().to_string();
    assert!(error.contains("ExistingUserPoolIds"), "{error}");
    scene.mutate(&[Mutation::Protection]).await;
    let outdated = scene.execute("c", &refused, &point, request.clone(), &settings);
    let error = outdated.await.unwrap_err();
    assert!(matches!(error, RestoreError::PlanOutdated(_)), "{error}");
    scene.mutate(&[Mutation::Protection]).await;

    let ended = scene.execute("d", &done, &point, request.clone(), &settings);
    let ended = ended.await.unwrap();
    let report = ended.report.clone().unwrap();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(ended.status(), ReportStatus::SuccessWithLosses);
    assert_eq!(seen(&world, &scene.pool), before);
    let message = ended.message("s3://bucket/").unwrap();
    assert_eq!(message.subject, "Cognito Undo Completed");
    assert!(message.text.contains("/undo.html"), "{}", message.text);
    // A repeated invocation of the same execution changes nothing and says the same.
    world.simulator.reset_evidence();
    let again = scene.execute("d", &done, &point, request.clone(), &settings);
    assert_eq!(again.await.unwrap(), ended);
    assert!(world.simulator.evidence().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_that_comes_later_goes_on_with_what_still_differs() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let (point, settings) = (scene.point.clone(), scene.settings_of_stack());
    let before = seen(&world, &scene.pool);
    scene.mutate(&accident()).await;
    scene.refuse("UpdateGroup", "not today");
    let id = scene.next_id();
    let ended = scene.execute("a", &id, &point, carries_out(), &settings);
    let ended = ended.await.unwrap();
    assert_eq!(ended.status(), ReportStatus::Failed);
    let message = ended.message("").unwrap();
    assert_eq!(message.subject, "Cognito Undo Failed");
    let page = String::from_utf8(world.object_of(&id, "undo.html").unwrap()).unwrap();
    let (named, planned) = (page.find("not today"), page.find("id=\"put-back\""));
    assert!(
        named.unwrap() < planned.unwrap(),
        "not reverted comes first"
    );
    world.simulator.set_faults(simulator::Faults::default());
    let resumed = scene.execute("b", &id, &point, carries_out(), &settings);
    let report = resumed.await.unwrap().report.unwrap();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(seen(&world, &scene.pool), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_asked_for_is_put_back() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let (point, settings) = (scene.point.clone(), scene.settings_of_stack());
    scene.mutate(&accident()).await;
    let request = UndoRequest {
        only: vec![Part::Clients],
        ..carries_out()
    };
    world.simulator.reset_evidence();
    let id = scene.next_id();
    let ended = scene.execute("a", &id, &point, request, &settings);
    assert!(ended.await.unwrap().report.unwrap().is_whole());
    let calls = world.simulator.evidence().calls;
    assert!(calls.contains_key("CreateUserPoolClient"), "{calls:?}");
    for other in [
        "UpdateUserPool",
        "UpdateGroup",
        "CreateGroup",
        "AdminCreateUser",
    ] {
        assert!(!calls.contains_key(other), "{calls:?}");
    }
}

/// The places that are tried: all of them, or some `few` that lie evenly.
fn places(all: u64, few: u64) -> impl Iterator<Item = u64> {
    let step = if exhaustive() { 1 } else { all.div_ceil(few) };
    (1..=all).step_by(step.max(1) as usize)
}

async fn survives(unmeasured: Unmeasured, about: &str, endanger: impl Fn(&World)) -> (u64, u64) {
    let world = World::with(unmeasured).await;
    let scene = Scene::new(&world, pools::everything()).await;
    let before = seen(&world, &scene.pool);
    scene.mutate(&accident()).await;
    world.calm_down();
    endanger(&world);
    let (id, settings) = (scene.next_id(), scene.settings_of_stack());
    let ended = scene.execute("a", &id, &scene.point, carries_out(), &settings);
    let report = ended.await.unwrap().report.unwrap();
    assert!(report.is_whole(), "{about}: {report:#?}");
    assert_eq!(seen(&world, &scene.pool), before, "{about}");
    assert!(!world.lives_in_danger(), "{about}: nobody died");
    let evidence = world.simulator.evidence();
    assert_eq!(evidence.messages_sent, 0, "{about}");
    (world.calls(), world.s3.requests())
}

/// Both readings of what an update does with members that it leaves out.
fn both() -> [Unmeasured; 2] {
    [false, true].map(|omitted_members_are_kept| Unmeasured {
        omitted_members_are_kept,
        ..Unmeasured::default()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_may_die_after_any_call_of_cognito() {
    for unmeasured in both() {
        let (calls, _) = survives(unmeasured, "calm", |_| ()).await;
        println!("{calls} calls of Cognito");
        for nth in places(calls, 7) {
            let about = format!("{unmeasured:?}, died at call {nth} of {calls}");
            survives(unmeasured, &about, |world| world.die_at_call(nth)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_may_die_at_any_request_to_its_bucket() {
    let unmeasured = Unmeasured::default();
    let (_, requests) = survives(unmeasured, "calm", |_| ()).await;
    println!("{requests} requests");
    for fault in [Fault::Before, Fault::After] {
        // Who asks first what lies in the bucket is not the same in every run: a few requests more
        // or less.
        for nth in places(requests - 8, 6) {
            let about = format!("died {fault:?} request {nth} of {requests}");
            survives(unmeasured, &about, |world| world.die_at_request(nth, fault)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_is_stopped_at_any_call_goes_on() {
    for unmeasured in both() {
        let (calls, _) = survives(unmeasured, "calm", |_| ()).await;
        for nth in places(calls, 5) {
            let about = format!("{unmeasured:?}, stopped at call {nth} of {calls}");
            survives(unmeasured, &about, |world| world.stop_at_call(nth)).await;
        }
    }
}

/// 5% of all calls fail, 2% are done and their answers lost, throttles come in a burst, and every
/// 14th request to the bucket fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_by_the_state_machine_lives_through_storms() {
    let storms = if exhaustive() { 20 } else { 2 };
    for seed in 0..storms {
        let unmeasured = both()[seed as usize % 2];
        survives(unmeasured, &format!("storm {seed}"), |world| {
            let rule = |when, fault| simulator::FaultRule {
                operation: None,
                when,
                fault,
            };
            let error = simulator::Fault::Error {
                code: "InternalErrorException".into(),
                message: "later".into(),
                status: 500,
            };
            let burst = simulator::When::Burst {
                from: 40,
                count: 30,
            };
            world.simulator.set_faults(simulator::Faults {
                seed,
                rules: vec![
                    rule(burst, simulator::Fault::Throttle),
                    rule(simulator::When::Rate(0.05), error),
                    rule(simulator::When::Rate(0.02), simulator::Fault::AnswerLost),
                ],
            });
            world.s3.fail_often(14);
        })
        .await;
    }
}
