//! What many short invocations keep between them, and that it changes nothing.

use std::time::Duration;

use serde_json::Value;
use simulator::{GeneratorConfig, SignInStyle};
use vault::testing::Fault;

use super::plain;
use super::stage::{BUCKET, LOST, Stage};

#[tokio::test]
async fn however_short_the_invocations_the_result_is_the_same() {
    let config = GeneratorConfig {
        sign_in: SignInStyle::Email,
        groups: 4,
        ..plain(150)
    };
    let mut stage = Stage::new(&config, |pool| {
        pool.users.remove(0);
        pool.users[5].enabled = !pool.users[5].enabled;
        pool.users[7].groups.clear();
    })
    .await;
    let (at_once, _) = stage.verify(stage.state()).await;
    stage.time = Duration::ZERO;
    let mut state = stage.state();
    state.restore_id = "r-2".parse().unwrap();
    let (piecemeal, invocations) = stage.verify(state).await;
    assert_eq!(piecemeal, at_once);
    assert!(invocations > 10, "{invocations}");
    assert!(at_once.unannounced >= 2, "{at_once:#?}");
}

/// Every place where an invocation may die is tried with `RESTORE_EXHAUSTIVE_TESTS`, some of
/// them without.
#[tokio::test]
async fn an_invocation_that_dies_while_it_saves_changes_nothing() {
    let config = GeneratorConfig {
        sign_in: SignInStyle::Email,
        groups: 2,
        ..plain(90)
    };
    let mut stage = Stage::new(&config, |_| {}).await;
    stage.time = Duration::ZERO;
    stage.s3.revive();
    let (calm, _) = stage.verify(stage.state()).await;
    let requests = stage.s3.requests();
    let step = match std::env::var_os("RESTORE_EXHAUSTIVE_TESTS") {
        Some(_) => 1,
        None => 7,
    };
    for fault in [Fault::Before, Fault::After] {
        for nth in (1..=requests).step_by(step) {
            let mut state = stage.state();
            state.restore_id = format!("r-{fault:?}-{nth}").to_lowercase().parse().unwrap();
            let verification = stage.verify_dying(state, nth, fault).await;
            assert_eq!(verification, calm, "died {fault:?} request {nth}");
        }
    }
}

#[tokio::test]
async fn nothing_personal_is_kept_between_invocations() {
    let mut stage = Stage::new(
        &GeneratorConfig {
            sign_in: SignInStyle::Email,
            ..plain(70)
        },
        |pool| {
            pool.users[3]
                .attributes
                .insert("name".into(), "Somebody Else".into());
        },
    )
    .await;
    stage.time = Duration::ZERO;
    stage.verify(stage.state()).await;
    let kept: Vec<String> = stage
        .s3
        .keys(BUCKET)
        .into_iter()
        .filter(|key| key.contains("/verify/"))
        .collect();
    assert!(kept.len() >= 5, "{kept:?}");
    let pool: Value = stage.simulator.dump(LOST, stage.lost.as_str()).unwrap();
    for key in kept {
        let bytes = stage.s3.get(BUCKET, &key).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("Somebody Else"));
        for user in pool["Users"].as_array().unwrap() {
            let email = user["Attributes"]["email"].as_str().unwrap_or("no address");
            assert!(!text.contains(email), "{key}");
        }
    }
}

#[tokio::test]
async fn a_list_whose_page_token_has_expired_begins_again() {
    let mut stage = Stage::new(&plain(150), |pool| {
        pool.users.remove(0);
    })
    .await;
    let (at_once, _) = stage.verify(stage.state()).await;
    stage.time = Duration::ZERO;
    let mut state = stage.state();
    state.restore_id = "r-2".parse().unwrap();
    // Settings, the backup's users, the first page: the fourth invocation holds a token.
    let wait = |calls| {
        if calls == 4 {
            stage
                .simulator
                .advance_clock(Duration::from_secs(2 * 60 * 60));
        }
    };
    let refused = stage.simulator.evidence().refused_total;
    let (after_the_hour, _) = stage.verify_with(state, wait).await;
    assert!(
        stage.simulator.evidence().refused_total > refused,
        "no token was refused"
    );
    assert_eq!(after_the_hour, at_once);
}
