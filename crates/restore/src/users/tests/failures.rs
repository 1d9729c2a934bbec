//! Deadlines, storms, deaths.

use std::time::Duration;

use model::request::UsersEngine;
use serde_json::json;
use simulator::{Fault, FaultRule, Faults, When};

use super::harness::{NEW, Stage};
use super::{assorted, engine, expected, user};

/// Tests that try every place try every third without this environment variable.
fn step() -> usize {
    if std::env::var_os("RESTORE_EXHAUSTIVE_TESTS").is_some() {
        1
    } else {
        3
    }
}

#[tokio::test]
async fn a_short_deadline_only_makes_more_invocations_of_it() {
    let mut pool = assorted(json!({}));
    let many = (0..600).map(|number| {
        serde_json::from_value(user(
            &format!("user-{number}"),
            "CONFIRMED",
            json!({"Groups": ["admins"]}),
        ))
        .unwrap()
    });
    pool.users.extend(many);
    let mut stage = Stage::new(pool).await;
    // Slow enough for several invocations on any machine, and long enough for each to get on with
    // it on a busy one.
    stage.simulator.set_latency(simulator::Latency::Fixed(40));
    stage.give(Duration::from_millis(4000));
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    assert_eq!(state.users.counts.restored, 609);
    assert!(state.users.map_parts > 2, "{}", state.users.map_parts);
    assert_eq!(stage.map().len(), 609);
    stage.assert_silent_and_mapped();
}

#[tokio::test]
async fn a_storm_of_errors_lost_answers_and_throttles_ends_as_the_calm_run_does() {
    for (seed, users_engine) in [(1, UsersEngine::Api), (2, UsersEngine::Import)] {
        let mut pool = assorted(json!({}));
        let statuses = [
            "CONFIRMED",
            "FORCE_CHANGE_PASSWORD",
            "UNCONFIRMED",
            "RESET_REQUIRED",
        ];
        let many = (0..400).map(|number| {
            let groups = json!({"Groups": ["admins"], "Enabled": number % 7 != 0});
            serde_json::from_value(user(
                &format!("user-{number}"),
                statuses[number % 4],
                groups,
            ))
            .unwrap()
        });
        pool.users.extend(many);
        let stage = Stage::new(pool).await;
        let rule = |rate, fault| FaultRule {
            operation: None,
            when: When::Rate(rate),
            fault,
        };
        let error = Fault::Error {
            code: "InternalErrorException".into(),
            message: "later".into(),
            status: 500,
        };
        stage.simulator.set_faults(Faults {
            seed,
            rules: vec![
                rule(0.05, error),
                rule(0.02, Fault::AnswerLost),
                rule(0.01, Fault::Throttle),
            ],
        });
        let (_, state) = stage.restore(engine(users_engine)).await;
        stage.assert_restored(&expected(stage.lost()), &format!("{users_engine:?}"));
        assert_eq!(state.users.counts.restored, 409);
        assert_eq!(state.users.counts.memberships, 404);
        assert_eq!(stage.map().len(), 409);
        stage.assert_silent_and_mapped();
    }
}

#[tokio::test]
async fn an_invocation_may_die_at_any_call_of_cognito() {
    for users_engine in [UsersEngine::Api, UsersEngine::Import] {
        let calm = Stage::new(assorted(json!({}))).await;
        calm.restore(engine(users_engine)).await;
        let calls: u64 = calm.simulator.evidence().calls.values().sum();
        assert!(calls > 30, "{calls}");
        for nth in (1..=calls).step_by(step()) {
            let stage = Stage::new(assorted(json!({}))).await;
            let gone = Fault::Error {
                code: "AccessDeniedException".into(),
                message: "gone".into(),
                status: 400,
            };
            let rule = |when, fault| FaultRule {
                operation: None,
                when,
                fault,
            };
            stage.simulator.set_faults(Faults {
                seed: 0,
                rules: vec![
                    rule(When::Nth(nth), Fault::AnswerLost),
                    rule(
                        When::Burst {
                            from: nth + 1,
                            count: u64::MAX / 2,
                        },
                        gone,
                    ),
                ],
            });
            stage.restore(engine(users_engine)).await;
            stage.assert_restored(
                &expected(stage.lost()),
                &format!("{users_engine:?} died at call {nth}"),
            );
            assert_eq!(stage.map().len(), 9);
            stage.assert_silent_and_mapped();
            let pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
            assert!(pool.clients.is_empty(), "died at call {nth}");
        }
    }
}

#[tokio::test]
async fn an_invocation_may_die_at_any_request_to_the_vault() {
    for fault in [vault::testing::Fault::Before, vault::testing::Fault::After] {
        let calm = Stage::new(assorted(json!({}))).await;
        calm.s3.revive();
        calm.restore(engine(UsersEngine::Import)).await;
        for nth in (1..=calm.s3.requests()).step_by(step()) {
            let stage = Stage::new(assorted(json!({}))).await;
            stage.s3.die_at(nth, fault);
            let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
            stage.assert_restored(
                &expected(stage.lost()),
                &format!("{fault:?} died at request {nth}"),
            );
            assert_eq!(
                (stage.map().len(), state.users.counts.restored),
                (9, 9),
                "{fault:?} {nth}"
            );
            stage.assert_silent_and_mapped();
        }
    }
}
