//! Import jobs, and what becomes of users that they cannot make.

use model::request::UsersEngine;
use model::restore::FindingKind;
use serde_json::json;
use simulator::{Fault, Faults, When};

use super::harness::{NEW, Stage};
use super::{assorted, engine, expected, user};

#[tokio::test]
async fn without_a_role_for_jobs_users_come_back_by_calls_and_it_is_told() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.settings.import_role_arn = None;
    let (result, _) = stage.restore(engine(UsersEngine::Import)).await;
    let mut wanted = expected(stage.lost());
    wanted.get_mut("reset").unwrap().status = "CONFIRMED".into();
    stage.assert_restored(&wanted, "");
    assert!(
        result.findings[0].reason.contains("ImportRoleArn"),
        "{:?}",
        result.findings
    );
    let told = stage.findings().iter().any(|finding| {
        finding
            .announces
            .iter()
            .any(|path| path.ends_with("/UserStatus"))
    });
    assert!(told);
}

#[tokio::test]
async fn where_hashes_are_refused_passwords_are_set_by_calls() {
    let stage = Stage::new(assorted(json!({}))).await;
    let refused = Fault::Error {
        code: "InvalidParameterException".into(),
        message: "no hashes".into(),
        status: 400,
    };
    stage
        .simulator
        .set_faults(Faults::one("CreateUserImportJob", When::Nth(1), refused));
    let (result, state) = stage.restore(engine(UsersEngine::Import)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    assert_eq!(state.users.import.unwrap().imported, 4);
    assert!(
        result.findings[0].reason.contains("no password hashes"),
        "{:?}",
        result.findings
    );
}

#[tokio::test]
async fn where_no_job_can_be_made_all_users_come_back_by_calls() {
    let stage = Stage::new(assorted(json!({}))).await;
    let denied = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "PassRole".into(),
        status: 400,
    };
    stage
        .simulator
        .set_faults(Faults::one("CreateUserImportJob", When::Rate(1.0), denied));
    let (result, state) = stage.restore(engine(UsersEngine::Import)).await;
    let mut wanted = expected(stage.lost());
    wanted.get_mut("reset").unwrap().status = "CONFIRMED".into();
    stage.assert_restored(&wanted, "");
    assert_eq!(state.users.counts.restored, 9);
    assert!(result.findings[0].reason.contains("call by call"));
    assert_eq!(
        result.findings[0].kind,
        FindingKind::Skipped,
        "nobody is lost by it"
    );
}

#[tokio::test]
async fn one_job_after_the_other_takes_the_files_of_a_large_pool() {
    super::super::import::csv::ROWS_IN_TEST.set(7);
    let mut pool = assorted(json!({}));
    let many = (0..30).map(|number| {
        serde_json::from_value(user(
            &format!("user-{number}"),
            "CONFIRMED",
            json!({"Groups": ["admins"]}),
        ))
        .unwrap()
    });
    pool.users.extend(many);
    let stage = Stage::new(pool).await;
    let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
    stage.assert_restored(&expected(stage.lost()), "");
    let import = state.users.import.unwrap();
    assert_eq!(
        (import.file, import.imported, import.not_imported),
        (5, 34, 0)
    );
    assert_eq!(stage.simulator.evidence().import_log.len(), 5);
    assert_eq!(stage.map().len(), 39);
    stage.assert_silent_and_mapped();
}

#[tokio::test]
async fn rows_that_a_job_cannot_use_become_users_by_calls() {
    let stage = Stage::new(assorted(json!({}))).await;
    // Between the two halves somebody else takes the address of a user that a job is to make.
    let (_, _) = stage
        .invoke(&engine(UsersEngine::Import), false)
        .await
        .unwrap();
    let mut pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
    let lost = stage
        .simulator
        .pool("us-east-1", stage.lost.as_str())
        .unwrap();
    let mut foreign = lost
        .users
        .iter()
        .find(|user| user.username == "plain")
        .unwrap()
        .clone();
    foreign.username = "foreign".into();
    foreign.sub = None;
    pool.users.push(foreign);
    pool.user_pool
        .insert("AliasAttributes".into(), json!(["email"]));
    stage.simulator.plant(NEW, pool).unwrap();
    let (_, state) = stage.restore(engine(UsersEngine::Import)).await;
    let import = state.users.import.unwrap();
    assert_eq!((import.imported, import.not_imported), (3, 1));
    assert_eq!(
        (state.users.counts.restored, state.users.counts.failed),
        (8, 1)
    );
    let told = stage
        .findings()
        .into_iter()
        .find(|finding| finding.kind == FindingKind::Failed);
    assert!(told.unwrap().reason.contains("alias"));
}
