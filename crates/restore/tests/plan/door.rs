//! Who gets in while a pool is restored: nobody under a lost user's name, and nobody at all
//! before everything is there.

use std::time::Duration;

use cognito::{CognitoError, Operation};
use model::request::{RestoreAction, RestoreOptions};
use model::restore::{FindingKind, Step};
use serde_json::{Value, json};
use simulator::{Fault, Faults, PoolDocument, UserStatus, When};

use crate::every;
use crate::lost::{map, small};
use crate::stage::Stage;

/// A pool where anybody may sign up whom its PreSignUp function lets in.
fn guarded() -> Value {
    let mut pool = small();
    pool["UserPool"]["AdminCreateUserConfig"] = json!({"AllowAdminCreateUserOnly": false});
    pool
}

fn is_closed(pool: &PoolDocument) -> bool {
    pool.user_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] == true
        && !pool.clients.iter().any(|client| {
            let name = client.user_pool_client["ClientName"].as_str();
            name.is_some_and(|name| name.starts_with("sign-ups of"))
        })
}

/// Somebody tries every client of every pool that there is.
async fn sign_up(stage: &Stage, username: &str, email: &str) -> Vec<Result<Value, CognitoError>> {
    let mut answers = Vec::new();
    for pool in stage.new_pools().await {
        for client in &pool.clients {
            let request = json!({
                "ClientId": client.user_pool_client["ClientId"],
                "Username": username,
                "Password": "Str4nger-Str4nger!",
                "UserAttributes": [{"Name": "email", "Value": email}],
            });
            answers.push(stage.anybody().call(Operation::SignUp, &request).await);
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_up_under_a_lost_administrators_name_gets_nothing() {
    let calm = Stage::new(guarded()).await;
    calm.put_map(&map());
    calm.restore(RestoreOptions::default()).await.unwrap();
    let calls: u64 = calm.simulator.evidence().calls.values().sum();
    let mut let_in = 0;
    for nth in (1..=calls).step_by(every()) {
        let stage = Stage::new(guarded()).await;
        stage.put_map(&map());
        stage.die_at(nth).await;
        for pool in stage.new_pools().await {
            if !pool.domains.is_empty() {
                assert_eq!(pool.users.len(), 2, "call {nth}: a page before the users");
                let associated = stage.s3.calls("AWSWAF_20190729.AssociateWebACL");
                assert_eq!(associated.len(), 1, "call {nth}: a page before the web ACL");
                assert!(pool.user_pool["LambdaConfig"]["PreSignUp"].is_string());
            }
        }
        for answer in sign_up(&stage, "ann", "ann@example.com").await {
            answer.expect_err("an administrator's name was free");
        }
        let strangers = sign_up(&stage, "mallory", "ann@example.com").await;
        let_in += strangers.iter().filter(|answer| answer.is_ok()).count();

        let state = stage.restore(RestoreOptions::default()).await.unwrap();
        let pool = stage.new_pool(&state);
        let user = |name: &str| pool.users.iter().find(|user| user.username == name);
        let ann = user("ann").unwrap();
        assert_eq!(ann.user_status, UserStatus::Confirmed, "call {nth}");
        assert_eq!(ann.groups, ["admins", "staff"], "call {nth}");
        if let Some(stranger) = user("mallory") {
            assert!(stranger.groups.is_empty() && stranger.identities.is_empty());
            assert_ne!(
                stranger
                    .attributes
                    .get("email_verified")
                    .map(String::as_str),
                Some("true")
            );
        }
    }
    assert!(
        let_in > 0,
        "no stranger met an open door: the test shows nothing"
    );
}

/// A restore that died while sign-up was open.
async fn dead_in_the_window() -> Stage {
    for nth in 30.. {
        let stage = Stage::new(guarded()).await;
        stage.put_map(&map());
        stage.die_at(nth).await;
        let open = |pool: &PoolDocument| {
            pool.user_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] == false
        };
        if stage.new_pools().await.iter().any(open) {
            return stage;
        }
        assert!(nth < 200, "sign-up was never open");
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_that_dies_while_sign_up_is_open_is_made_up_for_by_the_next() {
    let stage = dead_in_the_window().await;
    // It closes before anything else, even if it can do nothing more.
    let fault = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "no".into(),
        status: 400,
    };
    let listed = Faults::one("ListGroups", When::Rate(1.0), fault);
    stage.simulator.set_faults(listed);
    stage.restore(RestoreOptions::default()).await.unwrap_err();
    assert!(is_closed(&stage.new_pools().await[0]));

    stage.simulator.set_faults(Faults::default());
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let pool = stage.new_pool(&state);
    let bob = pool.users.iter().find(|user| user.username == "bob");
    assert_eq!(bob.unwrap().user_status, UserStatus::Unconfirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_a_failure_closes_what_is_open() {
    let stage = dead_in_the_window().await;
    let mut request = stage.request(RestoreOptions::default());
    request.action = RestoreAction::ReportFailure;
    // Nobody takes the notification here.
    let _told = stage.call(&request).await;
    assert!(is_closed(&stage.new_pools().await[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_fails_while_sign_up_is_open_leaves_it_closed() {
    let stage = Stage::new(guarded()).await;
    let fault = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "no".into(),
        status: 400,
    };
    let denied = Faults::one("SignUp", When::Rate(1.0), fault);
    stage.simulator.set_faults(denied);
    stage.restore(RestoreOptions::default()).await.unwrap_err();
    assert!(is_closed(&stage.new_pools().await[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_up_opens_in_the_end_with_its_guard_and_stays_closed_without() {
    let stage = Stage::new(guarded()).await;
    stage.put_map(&map());
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let pool = stage.new_pool(&state);
    assert_eq!(
        pool.user_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        false
    );
    assert_eq!(pool.user_pool["DeletionProtection"], "ACTIVE");

    let stage = Stage::new(guarded()).await;
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    assert!(is_closed(&stage.new_pool(&state)));
    let record = state.record(Step::SelfSignUp).unwrap();
    assert_eq!(record.findings[0].kind, FindingKind::Degraded);
    let command = record.manual_steps[0].command.as_deref().unwrap();
    assert!(
        command.contains("AllowAdminCreateUserOnly = false"),
        "{command}"
    );
    stage.protect_new_pool();
    assert!(stage.verify(&state).await.passed());
}

fn web_acl_refuses(when: When) -> Faults {
    let fault = Fault::Error {
        code: "ForbiddenException".into(),
        message: "Request not allowed due to WAF block.".into(),
        status: 403,
    };
    Faults::one("SignUp", when, fault)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ups_that_a_web_acl_does_not_let_in_are_waited_for() {
    let stage = Stage::new(guarded()).await;
    stage
        .simulator
        .set_faults(web_acl_refuses(When::Burst { from: 1, count: 2 }));
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let pool = stage.new_pool(&state);
    let bob = pool.users.iter().find(|user| user.username == "bob");
    assert_eq!(bob.unwrap().user_status, UserStatus::Unconfirmed);
    assert_eq!(state.users.counts.failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_sign_up_is_never_let_in_comes_back_all_the_same() {
    let stage = Stage::new(guarded()).await;
    stage.simulator.set_faults(web_acl_refuses(When::Rate(1.0)));
    stage.invocations_of(Duration::from_secs(10));
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let pool = stage.new_pool(&state);
    let bob = pool.users.iter().find(|user| user.username == "bob");
    assert_eq!(bob.unwrap().user_status, UserStatus::ForceChangePassword);
    let told = |finding: &&model::restore::Finding| {
        finding.kind == FindingKind::Degraded && finding.reason.contains("not let in")
    };
    assert_eq!(state.users.findings.iter().filter(told).count(), 1);
    assert!(is_closed(&pool));
}
