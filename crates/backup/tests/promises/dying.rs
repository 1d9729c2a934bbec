//! An invocation may end at any request. No half object is ever visible, nothing is recorded
//! that is not there, and what is there is recorded in the end.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{START_EXECUTION, World, pool_of, refusal};
use backup::{BackupError, Backups, RunOutcome, UsersByPrefix};
use cognito::StopSignal;
use model::UserPoolId;
use model::users_listing::UsersListing;
use serde_json::{Value, json};
use simulator::{Faults, Latency, When};
use vault::testing::Fault;

async fn assert_consistent(world: &World, at: &str) {
    let mut visible = BTreeSet::new();
    for key in world.keys() {
        assert_eq!(world.content(&key).await.users.len(), 65, "{at}");
        visible.insert(key.to_string());
    }
    let recorded = world.recorded();
    assert!(
        recorded.is_subset(&visible),
        "{at}: a row without an object"
    );
}

#[tokio::test]
async fn a_backup_that_dies_at_any_request_to_storage_leaves_nothing_half() {
    for users_by_prefix in [UsersByPrefix::Never, UsersByPrefix::From(1)] {
        dies_at_any_request(users_by_prefix).await;
    }
}

async fn dies_at_any_request(users_by_prefix: UsersByPrefix) {
    let mut calm = World::new().await;
    calm.users_by_prefix = users_by_prefix;
    let pool = calm.seed(pool_of(65));
    calm.s3.revive();
    calm.run(&[&pool]).await.unwrap();
    let requests = calm.s3.requests();
    assert!(requests > 5, "{requests}");
    for nth in 1..=requests {
        for fault in [Fault::Before, Fault::After] {
            let at = format!("{users_by_prefix:?}, request {nth} {fault:?}");
            let mut world = World::new().await;
            world.users_by_prefix = users_by_prefix;
            let pool = world.seed(pool_of(65));
            world.s3.die_at(nth, fault);
            let died = world.run(&[&pool]).await;
            world.s3.revive();
            // What is only looked at for the sake of an earlier backup, or of WAF, fails nothing.
            if died.is_ok() {
                assert_eq!(world.keys().len(), 1, "{at}");
            }
            assert_consistent(&world, &at).await;
            // The next backup sees to the rest.
            world.run(&[&pool]).await.unwrap();
            assert_consistent(&world, &at).await;
            let visible: BTreeSet<String> = world.keys().iter().map(ToString::to_string).collect();
            assert_eq!(world.recorded(), visible, "{at}");
        }
    }
}

#[tokio::test]
async fn a_backup_that_fails_at_any_call_of_cognito_leaves_nothing() {
    for users_by_prefix in [UsersByPrefix::Never, UsersByPrefix::Always] {
        fails_at_any_call(users_by_prefix).await;
    }
}

async fn fails_at_any_call(users_by_prefix: UsersByPrefix) {
    let mut calm = World::new().await;
    calm.users_by_prefix = users_by_prefix;
    let pool = calm.seed(pool_of(65));
    calm.run(&[&pool]).await.unwrap();
    let calls: u64 = calm.simulator.evidence().calls.values().sum();
    let mut world = World::new().await;
    world.users_by_prefix = users_by_prefix;
    let pool = world.seed(pool_of(65));
    for nth in 1..=calls {
        let faults = Faults {
            seed: 0,
            rules: vec![simulator::FaultRule {
                operation: None,
                when: When::Nth(nth),
                fault: refusal("AccessDeniedException"),
            }],
        };
        world.simulator.set_faults(faults);
        let before = world.keys().len();
        let result = world.run(&[&pool]).await;
        let made = world.keys().len() - before;
        assert_eq!(made, usize::from(result.is_ok()), "call {nth}");
        assert_eq!(world.s3.open_uploads(), 0, "call {nth}");
    }
    assert_consistent(&world, "all calls").await;
}

/// Runs invocations that have no time, hence read one page each, as the continuation state
/// machine does, until all is done.
async fn in_steps(world: &World, pools: Vec<UserPoolId>) -> (RunOutcome, u32) {
    let time = Duration::ZERO;
    let mut backups = world.backups(time);
    backups.continuation = Some(&world.continuation);
    let mut progress = backups.run(pools).await.unwrap();
    let mut invocations = 1;
    if let RunOutcome::InProgress(cursor) = &progress {
        let started = world.s3.calls(START_EXECUTION);
        let input = started.last().unwrap()["input"].as_str().unwrap();
        let input: Value = serde_json::from_str(input).unwrap();
        assert_eq!(input, json!({"continue": cursor}));
    }
    while let RunOutcome::InProgress(_) = &progress {
        let answer = progress.to_continuation();
        assert_eq!(answer["status"], "IN_PROGRESS");
        assert!(answer.to_string().len() < 20_000);
        assert!(!answer.to_string().contains("example.com"));
        let cursor = answer["continue"].clone();
        progress = world.backups(time).go_on(cursor).await.unwrap();
        invocations += 1;
        assert!(invocations < 200, "no end in sight");
    }
    (progress, invocations)
}

#[tokio::test]
async fn a_backup_in_many_invocations_is_the_same_as_in_one() {
    for users_by_prefix in [UsersByPrefix::Never, UsersByPrefix::From(1)] {
        is_the_same_in_many_invocations(users_by_prefix).await;
    }
}

async fn is_the_same_in_many_invocations(users_by_prefix: UsersByPrefix) {
    let mut world = World::new().await;
    let pool = world.seed(pool_of(1_200));
    let RunOutcome::Done(calm) = world.run(&[&pool]).await.unwrap() else {
        panic!("time was up")
    };
    world.users_by_prefix = users_by_prefix;
    let calm = world.content(&calm[0].s3_key).await;
    let (progress, invocations) = in_steps(&world, vec![pool.clone()]).await;
    // 20 pages of users, which follow one from the other, and what comes before them.
    assert!(invocations > 20, "{invocations}");
    let RunOutcome::Done(backups) = progress else {
        panic!("not done")
    };
    let content = world.content(&backups[0].s3_key).await;
    assert_eq!(content.memberships, calm.memberships);
    let listing = backups[0].users_listing.unwrap();
    let is_by_prefix = matches!(listing, UsersListing::ByPrefix { .. });
    assert_eq!(is_by_prefix, users_by_prefix != UsersByPrefix::Never);
    let names = |content: &crate::support::Content| -> BTreeSet<String> {
        let users = content.users.iter();
        users
            .map(|user| user.username.as_str().to_owned())
            .collect()
    };
    assert_eq!(content.users.len(), 1_200);
    assert_eq!(names(&content), names(&calm));
    assert!(world.recorded().contains(&backups[0].s3_key.to_string()));
}

#[tokio::test]
async fn pools_that_were_not_reached_are_backed_up_by_later_invocations() {
    let world = World::new().await;
    let pools: Vec<UserPoolId> = (0..4).map(|_| world.seed(pool_of(100))).collect();
    let (progress, invocations) = in_steps(&world, pools).await;
    assert!(invocations > 4, "{invocations}");
    assert_eq!(progress.backups().len(), 4);
    assert_eq!(world.keys().len(), 4);
}

/// A cursor in the middle of the users of a pool.
pub(crate) async fn suspended(world: &World) -> Value {
    let pool = world.seed(pool_of(1_200));
    let mut backups = world.backups(Duration::ZERO);
    backups.continuation = Some(&world.continuation);
    let progress = backups.run(vec![pool]).await.unwrap();
    in_the_users(world, progress).await
}

/// Invocations without time, until the next one goes on in the middle of the users.
pub(crate) async fn in_the_users(world: &World, mut progress: RunOutcome) -> Value {
    loop {
        let cursor = progress.to_continuation()["continue"].clone();
        let current = &cursor["current"];
        let users = current["encoder"]["users"].as_u64();
        if current["place"] == "users" && users > Some(0) {
            return cursor;
        }
        let backups = world.backups(Duration::ZERO);
        progress = backups.go_on(cursor).await.unwrap();
    }
}

/// A pool of 120 app clients, hence of 600 calls before the first user is written.
fn pool_of_clients() -> Value {
    let mut pool = pool_of(130);
    pool["Clients"] = (0..120)
        .map(|n| json!({"UserPoolClient": {"ClientId": format!("client{n:04}"), "ClientName": "web"}}))
        .collect();
    pool
}

#[tokio::test]
async fn a_head_that_takes_several_invocations_is_gone_on_with_and_keeps_no_pool_waiting() {
    let world = World::new().await;
    // The head must outlast an invocation however fast the machine is.
    world.simulator.set_latency(Latency::Fixed(40));
    let (large, small) = (world.seed(pool_of_clients()), world.seed(pool_of(70)));
    let time = Duration::from_millis(300);
    let mut backups = world.backups(time);
    backups.continuation = Some(&world.continuation);
    let mut progress = backups
        .run(vec![large.clone(), small.clone()])
        .await
        .unwrap();
    let (mut invocations, mut in_the_head) = (1, 0);
    while let RunOutcome::InProgress(_) = &progress {
        let answer = progress.to_continuation();
        assert!(answer.to_string().len() < 10_000, "the cursor stays small");
        let cursor = answer["continue"].clone();
        in_the_head += u32::from(cursor["current"]["place"] == "head");
        let began = std::time::Instant::now();
        progress = world.backups(time).go_on(cursor).await.unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "no work beyond the deadline"
        );
        invocations += 1;
        assert!(invocations < 200, "no end in sight");
    }
    assert!(in_the_head > 1, "{in_the_head}");
    assert_eq!(progress.backups().len(), 2);
    assert_eq!(world.keys().len(), 2);
    assert_eq!(world.s3.open_uploads(), 0);
    let calls = world.simulator.evidence().calls;
    let described = calls["DescribeUserPoolClient"];
    // What was on its way at a deadline is asked for again.
    assert!(
        described <= 121 + 5 * invocations,
        "{described} in {invocations}"
    );
    for key in world.keys() {
        let content = world.content(&key).await;
        let clients = content.head.list(model::inventory::Section::AppClients);
        let (users, expected) = match key.pool() == &large {
            true => (130, 120),
            false => (70, 1),
        };
        assert_eq!((content.users.len(), clients.len()), (users, expected));
    }
}

#[tokio::test]
async fn an_invocation_that_is_repeated_changes_nothing() {
    let world = World::new().await;
    let cursor = suspended(&world).await;
    let long = Duration::from_secs(60);
    let first = world.backups(long).go_on(cursor.clone()).await.unwrap();
    // The state machine never heard of it and asks again.
    let again = world.backups(long).go_on(cursor).await.unwrap();
    assert_eq!(first.backups(), again.backups());
    assert_eq!(world.only_content().await.users.len(), 1_200);
}

#[tokio::test]
async fn an_invocation_that_died_is_repeated_from_its_cursor() {
    let world = World::new().await;
    let cursor = suspended(&world).await;
    let unavailable = simulator::Fault::Error {
        code: "InternalErrorException".into(),
        message: String::new(),
        status: 500,
    };
    // Too often to be waited out.
    let forever = When::Burst {
        from: 5,
        count: 1_000,
    };
    world
        .simulator
        .set_faults(Faults::one("ListUsers", forever, unavailable));
    let error = world
        .backups(Duration::from_secs(600))
        .go_on(cursor.clone())
        .await
        .unwrap_err();
    assert!(error.failure().is_worth_retrying(), "{error}");
    assert!(world.keys().is_empty());
    world.simulator.set_faults(Faults::default());
    let progress = world.backups(Duration::from_secs(600)).go_on(cursor).await;
    assert_eq!(progress.unwrap().backups()[0].user_count, 1_200);
    assert_eq!(world.only_content().await.users.len(), 1_200);
    assert_eq!(world.s3.open_uploads(), 0);
}

#[tokio::test]
async fn a_pool_that_changes_while_it_is_read_gives_a_document_without_contradictions() {
    let world = World::new().await;
    let cursor = suspended(&world).await;
    let pool = cursor["current"]["key"].as_str().unwrap();
    let pool: model::BackupKey = pool.parse().unwrap();
    let mut document = world
        .simulator
        .dump(crate::support::REGION, pool.pool().as_str())
        .unwrap();
    let users = document["Users"].as_array_mut().unwrap();
    users.drain(0..200);
    for n in 0..200 {
        users.push(json!({"Username": format!("new-{n}"), "Groups": ["thirds"]}));
    }
    // Members of a group that is gone before its turn.
    document["Groups"]
        .as_array_mut()
        .unwrap()
        .retain(|group| group["GroupName"] != "nobody");
    world.seed(document);

    let long = Duration::from_secs(60);
    world.backups(long).go_on(cursor).await.unwrap();
    let content = world.only_content().await;
    let names: Vec<&str> = content
        .users
        .iter()
        .map(|user| user.username.as_str())
        .collect();
    let once: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(once.len(), names.len(), "each user once");
    assert!(names.len() >= 1_000, "who stayed is there: {}", names.len());
    for member in content.memberships.values().flatten() {
        assert!(once.contains(member.as_str()), "a member who is no user");
    }
}

#[tokio::test]
async fn what_is_no_cursor_is_refused() {
    let world = World::new().await;
    for cursor in [
        json!("x"),
        json!({"current": 1}),
        json!({"current": "nonsense"}),
    ] {
        let error = world
            .backups(Duration::from_secs(1))
            .go_on(cursor)
            .await
            .unwrap_err();
        assert_eq!(error.failure(), model::Failure::BadRequest, "{error}");
    }
}

#[tokio::test]
async fn a_backup_without_continuation_that_is_stopped_by_a_signal_leaves_nothing_half() {
    let calm = World::new().await;
    let pools = [calm.seed(pool_of(65)), calm.seed(pool_of(65))];
    calm.run(&[&pools[0], &pools[1]]).await.unwrap();
    let calls: u64 = calm.simulator.evidence().calls.values().sum();
    let mut interrupted = 0;
    for nth in 1..=calls {
        let world = World::new().await;
        let pools = vec![world.seed(pool_of(65)), world.seed(pool_of(65))];
        let signal = StopSignal::default();
        let backups = Backups {
            stop: signal.stop(),
            ..world.backups(Duration::ZERO)
        };
        let asks = async {
            while world.simulator.evidence().calls.values().sum::<u64>() < nth {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            signal.request();
        };
        let (result, ()) = tokio::join!(backups.run(pools.clone()), asks);
        let done = world.keys().len();
        match result {
            Ok(RunOutcome::Done(backups)) => assert_eq!((backups.len(), done), (2, 2)),
            Err(BackupError::Interrupted { backed_up, left }) => {
                interrupted += 1;
                assert_eq!((backed_up.len(), left.len()), (done, 2 - done), "{nth}");
            }
            other => panic!("{nth}: {other:?}"),
        }
        assert_eq!(world.s3.open_uploads(), 0, "{nth}");
        assert!(world.lease()["holder"].is_null(), "{nth}");
        assert_eq!(world.lease()["due"], json!([]), "{nth}");
        assert_consistent(&world, &nth.to_string()).await;
    }
    assert!(interrupted > 0);
}
