//! One run at a time: whoever comes second says so, and nothing that was asked for is lost.
//!
//! Hours are told by the order of things: an invocation here has no time, so it reads a page,
//! where one of Lambda reads for minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{LEASE, START_EXECUTION, World, pool_of};
use backup::{BackupError, RunOutcome};
use model::{Failure, UserPoolId};
use serde_json::Value;
use vault::testing::Fault;

const LONG: Duration = Duration::from_secs(600);

/// The continuation state machine: as many invocations as are asked for.
struct Execution<'w> {
    world: &'w World,
    progress: RunOutcome,
    /// The cursor that the next invocation gets; none at the end.
    cursor: Option<Value>,
    /// How many executions were started.
    started: usize,
}

impl<'w> Execution<'w> {
    /// A run that begins with an invocation in which time is up at once.
    async fn begin(world: &'w World, pool: &UserPoolId) -> Self {
        let first = world.asked_by("first", Duration::ZERO);
        let progress = first.run_scheduled(vec![pool.clone()]).await.unwrap();
        assert!(
            matches!(progress, RunOutcome::InProgress(_)),
            "{progress:?}"
        );
        let cursor = progress.to_continuation()["continue"].clone();
        Self {
            world,
            progress,
            cursor: Some(cursor),
            started: 1,
        }
    }

    fn is_done(&self) -> bool {
        self.cursor.is_none()
    }

    async fn invoke(&mut self, time: Duration) -> Result<(), BackupError> {
        let backups = self.world.asked_by("any", time);
        self.progress = backups.go_on(self.cursor.take().unwrap()).await?;
        let answer = self.progress.to_continuation();
        self.cursor = answer.get("continue").cloned();
        // A run that takes many invocations goes on in another execution.
        let started = self.world.s3.calls(START_EXECUTION);
        if started.len() > self.started {
            let input = started.last().unwrap()["input"].as_str().unwrap();
            let input: Value = serde_json::from_str(input).unwrap();
            self.cursor = Some(input["continue"].clone());
            self.started = started.len();
        }
        Ok(())
    }
}

/// How many backups each pool has.
fn backups(world: &World) -> BTreeMap<UserPoolId, usize> {
    let mut count = BTreeMap::new();
    for key in world.keys() {
        *count.entry(key.pool().clone()).or_default() += 1;
    }
    count
}

#[tokio::test]
async fn a_pool_that_takes_hours_is_begun_once_and_the_others_are_backed_up_each_hour() {
    let world = World::new().await;
    let large = world.seed(pool_of(4_800));
    let others = [world.seed(pool_of(5)), world.seed(pool_of(9))];
    let mut execution = Execution::begin(&world, &large).await;
    let all: Vec<UserPoolId> = [&large].into_iter().chain(&others).cloned().collect();
    let mut hours = 0;
    while !execution.is_done() {
        // The schedule comes while the large pool is read: it is told so, and ends well.
        hours += 1;
        let request = format!("hour-{hours}");
        let schedule = world.asked_by(&request, LONG);
        let told = schedule.run_scheduled(all.clone()).await.unwrap();
        assert!(matches!(told, RunOutcome::LeftTo { .. }), "{told:?}");
        assert!(told.nothing().unwrap().contains(large.as_str()));
        let count = || -> Vec<usize> {
            let made = backups(&world);
            let count = |other| made.get(other).copied().unwrap_or(0);
            others.iter().map(count).collect()
        };
        let before = count();
        let have_theirs = || {
            count()
                .iter()
                .zip(&before)
                .all(|(now, before)| now > before)
        };
        // The others have their turns beside the large one, and do not wait for its end.
        for _ in 0..150 {
            if !execution.is_done() && !have_theirs() {
                execution.invoke(Duration::ZERO).await.unwrap();
            }
        }
        assert!(execution.is_done() || have_theirs(), "{request}");
        assert!(hours < 60, "no end in sight");
    }
    assert!(hours >= 3, "{hours}");
    assert_eq!(backups(&world)[&large], 1);
    assert_eq!(world.s3.open_uploads(), 0, "every reading came to its end");
    let key = world.keys().into_iter().find(|key| *key.pool() == large);
    assert_eq!(world.content(&key.unwrap()).await.users.len(), 4_800);
    assert!(world.lease()["holder"].is_null());
}

#[tokio::test]
async fn a_user_that_is_made_while_its_pool_is_read_is_in_a_backup_that_begins_after() {
    let world = World::new().await;
    let pool = world.seed(pool_of(200));
    let mut execution = Execution::begin(&world, &pool).await;
    // The schedule is content with the backup under way; the queue's message is not.
    let by_schedule = world.asked_by("schedule", LONG);
    by_schedule.run_scheduled(vec![pool.clone()]).await.unwrap();
    let by_queue = world.asked_by("message", LONG);
    let told = by_queue.run(vec![pool.clone()]).await.unwrap();
    assert!(matches!(told, RunOutcome::LeftTo { .. }), "{told:?}");
    while !execution.is_done() {
        execution.invoke(LONG).await.unwrap();
    }
    assert_eq!(backups(&world)[&pool], 2);
    assert_eq!(world.lease()["due"], serde_json::json!([]));
}

#[tokio::test]
async fn a_schedule_alone_begins_nothing_again() {
    let world = World::new().await;
    let pool = world.seed(pool_of(200));
    let mut execution = Execution::begin(&world, &pool).await;
    for hour in ["1", "2", "3"] {
        let schedule = world.asked_by(hour, LONG);
        schedule.run_scheduled(vec![pool.clone()]).await.unwrap();
        execution.invoke(Duration::ZERO).await.unwrap();
    }
    while !execution.is_done() {
        execution.invoke(LONG).await.unwrap();
    }
    assert_eq!(backups(&world)[&pool], 1);
}

#[tokio::test]
async fn a_run_that_died_is_taken_over_when_its_lease_has_expired_with_all_that_was_due() {
    let world = World::new().await;
    let asked = world.seed(pool_of(3));
    let meanwhile = world.seed(pool_of(4));
    // It dies with its first request after it claimed the lease: reading it, writing it.
    world.s3.die_at(3, Fault::Before);
    let dying = world.asked_by("dying", LONG);
    dying.run(vec![asked.clone()]).await.unwrap_err();
    world.s3.revive();
    assert_eq!(world.lease()["holder"]["run"], "dying");
    let second = world.asked_by("second", LONG);
    let told = second.run(vec![meanwhile.clone()]).await.unwrap();
    assert!(matches!(told, RunOutcome::LeftTo { .. }), "{told:?}");
    assert!(world.keys().is_empty());
    world.expire_lease();
    let third = world.asked_by("third", LONG);
    let done = third.run_scheduled(Vec::new()).await.unwrap();
    assert_eq!(done.backups().len(), 2, "{done:?}");
    assert_eq!(backups(&world).len(), 2);
}

#[tokio::test]
async fn an_event_that_lambda_repeats_is_the_same_run() {
    let world = World::new().await;
    let pool = world.seed(pool_of(3));
    world.s3.die_at(3, Fault::Before);
    let event = world.asked_by("event", LONG);
    event.run_scheduled(vec![pool.clone()]).await.unwrap_err();
    world.s3.revive();
    let again = world.asked_by("event", LONG);
    let done = again.run_scheduled(vec![pool]).await.unwrap();
    assert_eq!(done.backups().len(), 1, "{done:?}");
}

#[tokio::test]
async fn a_run_that_slept_past_its_lease_completes_nothing_and_says_who_goes_on() {
    let world = World::new().await;
    let pool = world.seed(pool_of(200));
    let mut sleeper = Execution::begin(&world, &pool).await;
    world.expire_lease();
    let other = world.asked_by("other", Duration::ZERO);
    let taken = other.run_scheduled(Vec::new()).await.unwrap();
    assert!(matches!(taken, RunOutcome::InProgress(_)), "{taken:?}");
    // Its next invocation finds the lease taken: it ends well, and what it read is thrown away.
    sleeper.invoke(LONG).await.unwrap();
    let RunOutcome::LeftTo { pools, .. } = &sleeper.progress else {
        panic!("{:?}", sleeper.progress)
    };
    assert_eq!(pools, &[pool]);
    assert_eq!(sleeper.progress.to_continuation()["status"], "DONE");
    assert!(world.keys().is_empty());
}

#[tokio::test]
async fn an_invocation_whose_lease_is_taken_while_it_works_completes_nothing() {
    let world = World::new().await;
    let pool = world.seed(pool_of(200));
    let early = world.asked_by("early", LONG);
    let mut reading = Box::pin(early.run(vec![pool.clone()]));
    tokio::select! {
        ended = &mut reading => panic!("it ended before: {ended:?}"),
        () = async {
            while world.simulator.evidence().calls.values().sum::<u64>() < 5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } => {}
    }
    world.expire_lease();
    let late = world.asked_by("late", LONG);
    let done = late.run_scheduled(Vec::new()).await.unwrap();
    assert_eq!(done.backups().len(), 1);
    let error = reading.await.unwrap_err();
    assert_eq!(error.failure(), Failure::AlreadyRunning, "{error}");
    assert_eq!(backups(&world)[&pool], 1);
    assert_eq!(world.s3.open_uploads(), 0);
}

#[tokio::test]
async fn of_two_that_ask_at_once_one_works_and_takes_what_the_other_asked_for() {
    let world = World::new().await;
    let pools = [world.seed(pool_of(70)), world.seed(pool_of(70))];
    let one = world.asked_by("one", LONG);
    let two = world.asked_by("two", LONG);
    let (one, two) = tokio::join!(
        one.run(vec![pools[0].clone()]),
        two.run(vec![pools[1].clone()])
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    let left = [&one, &two].map(|progress| matches!(progress, RunOutcome::LeftTo { .. }));
    assert_ne!(left[0], left[1], "{one:?} {two:?}");
    assert_eq!(backups(&world).len(), 2);
    assert_eq!(world.lease()["due"], serde_json::json!([]));
}

#[tokio::test]
async fn a_failure_is_told_while_another_execution_goes_on() {
    let world = World::new().await;
    let large = world.seed(pool_of(300));
    let unknown: UserPoolId = "us-east-1_Unknown1".parse().unwrap();
    let mut execution = Execution::begin(&world, &large).await;
    let second = world.asked_by("second", LONG);
    second.run(vec![unknown.clone()]).await.unwrap();
    let told = execution.invoke(Duration::ZERO).await;
    let told = match told {
        Err(error) => error,
        Ok(()) => execution.invoke(Duration::ZERO).await.unwrap_err(),
    };
    assert_eq!(told.failure(), Failure::BackupFailed, "{told}");
    assert!(told.to_string().contains(unknown.as_str()), "{told}");
    let started = world.s3.calls(START_EXECUTION);
    assert_eq!(started.len(), 2);
    let input: Value = serde_json::from_str(started[1]["input"].as_str().unwrap()).unwrap();
    let goes_on = world.asked_by("any", LONG);
    let done = goes_on.go_on(input["continue"].clone()).await.unwrap();
    assert_eq!(done.backups().len(), 1, "{done:?}");
    assert!(world.lease()["holder"].is_null());
}

/// Whatever the run's death leaves, the next one brings every pool's backup about.
#[tokio::test]
async fn a_holder_that_dies_at_any_request_is_followed_by_one_that_finishes() {
    let calm = World::new().await;
    let pool = calm.seed(pool_of(65));
    calm.s3.revive();
    let first = calm.asked_by("first", LONG);
    first.run(vec![pool]).await.unwrap();
    let requests = calm.s3.requests();
    for nth in 1..=requests {
        for fault in [Fault::Before, Fault::After] {
            let at = format!("request {nth} {fault:?}");
            let world = World::new().await;
            let pool = world.seed(pool_of(65));
            world.s3.die_at(nth, fault);
            let dying = world.asked_by("dying", LONG);
            let died = dying.run(vec![pool.clone()]).await;
            world.s3.revive();
            if world.s3.get(crate::support::BUCKET, LEASE).is_some()
                && !world.lease()["holder"].is_null()
            {
                world.expire_lease();
            }
            let next = world.asked_by("next", LONG);
            let followed = next.run_scheduled(vec![pool.clone()]).await;
            assert!(followed.is_ok(), "{at}: {died:?} {followed:?}");
            assert!(backups(&world)[&pool] >= 1, "{at}");
            assert!(world.lease()["holder"].is_null(), "{at}");
            assert_eq!(world.lease()["due"], serde_json::json!([]), "{at}");
        }
    }
}
