//! Somebody signs up as a lost user, before, during and after: they get nothing.

use std::time::Duration;

use model::request::{RestoreOptions, Selection, UsersEngine};
use model::restore::FindingKind;
use serde_json::json;
use simulator::{Fault, FaultRule, Faults, PoolDocument, UserDocument, When};

use super::harness::{NEW, Stage};
use super::{assorted, engine, user};

const IMPOSTOR: &str = "00000000-0000-4000-8000-0000000000ff";

/// A user of the backup to the last attribute, with a password of somebody else's choice, as a
/// function of the pool may confirm and verify whoever asks (facts A.4).
fn impostor(lost: &PoolDocument, name: &str, status: &str) -> UserDocument {
    let original = lost.users.iter().find(|user| user.username == name);
    UserDocument {
        sub: Some(IMPOSTOR.into()),
        user_status: serde_json::from_value(json!(status)).unwrap(),
        groups: Vec::new(),
        identities: Vec::new(),
        user_mfa_setting_list: Vec::new(),
        preferred_mfa_setting: None,
        enabled: true,
        ..original.unwrap().clone()
    }
}

/// A pool in which whoever becomes somebody gains by it.
fn pool() -> PoolDocument {
    let mut pool = assorted(json!({"AutoVerifiedAttributes": []}));
    for user in &mut pool.users {
        if user.username == "signed-up" || user.username == "reset" {
            user.groups = vec!["admins".into()];
            user.enabled = false;
        }
    }
    pool
}

fn with_jobs() -> PoolDocument {
    let mut pool = pool();
    pool.user_pool
        .insert("AutoVerifiedAttributes".into(), json!(["email"]));
    pool
}

impl Stage {
    fn lost_document(&self) -> PoolDocument {
        let lost = self.simulator.pool("us-east-1", self.lost.as_str());
        lost.unwrap()
    }

    fn somebody_signs_up_as(&self, name: &str, status: &str) {
        let impostor = impostor(&self.lost_document(), name, status);
        self.change(|pool| pool.users.push(impostor));
    }

    fn assert_the_impostor_got_nothing(&self, about: &str) {
        let pool = self.simulator.pool(NEW, self.target.as_str()).unwrap();
        let user = pool
            .users
            .iter()
            .find(|user| user.sub.as_deref() == Some(IMPOSTOR))
            .unwrap();
        assert_eq!(user.groups, [""; 0], "{about}");
        assert!(user.identities.is_empty(), "{about}");
        assert!(user.user_mfa_setting_list.is_empty(), "{about}");
        assert!(user.enabled, "{about}");
        let mapped = self.map().iter().any(|entry| entry.new_sub == IMPOSTOR);
        assert!(!mapped, "{about}");
        let told: Vec<_> = self
            .findings()
            .into_iter()
            .filter(|finding| finding.kind == FindingKind::Failed)
            .collect();
        assert_eq!(told.len(), 1, "{about}: {told:?}");
        assert!(told[0].reason.contains("by hand"), "{about}: {told:?}");
    }
}

#[tokio::test]
async fn who_signed_up_as_a_lost_user_before_a_restore_into_a_live_pool_gets_nothing() {
    for (name, status) in [
        ("confirmed", "CONFIRMED"),
        ("confirmed", "FORCE_CHANGE_PASSWORD"),
        ("forced", "FORCE_CHANGE_PASSWORD"),
        ("signed-up", "UNCONFIRMED"),
        ("reset", "RESET_REQUIRED"),
    ] {
        for select in [
            None,
            Some(Selection::MissingUsers),
            Some(Selection::Users(vec![name.into()])),
            Some(Selection::Group("admins".into())),
            Some(Selection::Group("editors".into())),
        ] {
            let stage = Stage::new(pool()).await;
            let lost = stage.lost_document();
            stage.revive(|pool| {
                pool.users.retain(|user| user.username != name);
                pool.users.push(impostor(&lost, name, status));
            });
            let in_group = |group: &str| {
                let user = lost.users.iter().find(|user| user.username == name);
                user.unwrap().groups.iter().any(|of_user| of_user == group)
            };
            if matches!(&select, Some(Selection::Group(group)) if !in_group(group)) {
                continue;
            }
            let about = format!("{name} {status} {select:?}");
            let options = stage.for_live_pool(select);
            let (_, state) = stage.restore(options).await;
            assert_eq!(state.users.counts.failed, 1, "{about}");
            stage.assert_the_impostor_got_nothing(&about);
        }
    }
}

/// The list of who was there is made, then the invocation dies.
async fn listed(stage: &Stage, options: &RestoreOptions) {
    let denied = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "gone".into(),
        status: 400,
    };
    let rules = ["AdminCreateUser", "SignUp"].map(|operation| FaultRule {
        operation: Some(operation.into()),
        when: When::Rate(1.0),
        fault: denied.clone(),
    });
    stage.simulator.set_faults(Faults {
        seed: 0,
        rules: rules.into(),
    });
    stage.invoke(options, false).await.unwrap_err();
    stage.simulator.set_faults(Faults::default());
}

#[tokio::test]
async fn who_signs_up_as_a_lost_user_during_a_restore_into_a_live_pool_gets_nothing() {
    for name in ["confirmed", "forced", "reset"] {
        for status in ["CONFIRMED", "UNCONFIRMED", "RESET_REQUIRED"] {
            let stage = Stage::new(pool()).await;
            stage.revive(|pool| {
                pool.users
                    .retain(|user| user.username != name && user.username != "signed-up");
            });
            let options = stage.for_live_pool(None);
            listed(&stage, &options).await;
            stage.somebody_signs_up_as(name, status);
            let (_, state) = stage.restore(options).await;
            let about = format!("{name} {status}");
            assert_eq!(state.users.counts.failed, 1, "{about}");
            stage.assert_the_impostor_got_nothing(&about);
        }
    }
}

#[tokio::test]
async fn a_user_that_nobody_used_yet_is_taken_over_with_another_password() {
    for (name, status) in [
        ("signed-up", "UNCONFIRMED"),
        ("forced", "FORCE_CHANGE_PASSWORD"),
    ] {
        let stage = Stage::new(pool()).await;
        stage.revive(|pool| {
            pool.users
                .retain(|user| user.username != name && user.username != "signed-up");
        });
        let options = stage.for_live_pool(None);
        listed(&stage, &options).await;
        stage.somebody_signs_up_as(name, status);
        let passwords = || {
            let calls = stage.simulator.evidence().calls;
            calls.get("AdminSetUserPassword").copied()
        };
        assert_eq!(passwords(), None);
        let (_, state) = stage.restore(options).await;
        assert_eq!(passwords(), Some(1), "{name}");
        assert_eq!(state.users.counts.failed, 0, "{name}");
        let pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
        let user = pool.users.iter().find(|user| user.username == name);
        let user = user.unwrap();
        assert_eq!(user.user_status.as_str(), "FORCE_CHANGE_PASSWORD");
        assert!(!user.groups.is_empty());
    }
}

#[tokio::test]
async fn who_is_in_a_new_pool_as_a_lost_user_gets_nothing() {
    for users_engine in [UsersEngine::Api, UsersEngine::Import] {
        for name in ["confirmed", "reset", "odd"] {
            let stage = Stage::new(with_jobs()).await;
            stage.somebody_signs_up_as(name, "CONFIRMED");
            // Jobs are made later than in the same moment.
            stage.simulator.advance_clock(Duration::from_secs(1));
            let (_, state) = stage.restore(engine(users_engine)).await;
            let about = format!("{name} {users_engine:?}");
            assert_eq!(state.users.counts.failed, 1, "{about}");
            stage.assert_the_impostor_got_nothing(&about);
        }
    }
}

#[tokio::test]
async fn who_signs_up_as_a_lost_user_before_the_import_job_gets_nothing() {
    for name in ["confirmed", "reset"] {
        for status in ["CONFIRMED", "UNCONFIRMED", "RESET_REQUIRED"] {
            let stage = Stage::new(with_jobs()).await;
            let options = engine(UsersEngine::Import);
            stage.invoke(&options, false).await.unwrap();
            stage.somebody_signs_up_as(name, status);
            stage.simulator.advance_clock(Duration::from_secs(1));
            let (_, state) = stage.restore(options).await;
            assert_eq!(state.users.import.as_ref().unwrap().not_imported, 1);
            stage.assert_the_impostor_got_nothing(&format!("{name} {status}"));
        }
    }
}

#[tokio::test]
async fn no_job_runs_while_people_can_sign_up() {
    let stage = Stage::new(with_jobs()).await;
    let options = engine(UsersEngine::Import);
    stage.invoke(&options, false).await.unwrap();
    stage.change(|pool| {
        pool.user_pool
            .insert("AutoVerifiedAttributes".into(), json!(["email"]));
        pool.user_pool.insert(
            "AdminCreateUserConfig".into(),
            json!({"AllowAdminCreateUserOnly": false}),
        );
    });
    stage.invoke(&options, true).await.unwrap();
    let calls = stage.simulator.evidence().calls;
    assert_eq!(calls.get("CreateUserImportJob"), None);
}

#[tokio::test]
async fn what_an_invocation_that_died_had_made_is_known_whatever_became_of_it() {
    let mut lost = pool();
    let many = (0..40).map(|number| {
        let groups = json!({"Groups": ["admins"]});
        serde_json::from_value(user(&format!("user-{number}"), "CONFIRMED", groups)).unwrap()
    });
    lost.users.extend(many);
    let stage = Stage::new(lost).await;
    let options = engine(UsersEngine::Api);
    // Users are made and have their passwords, and no group takes any.
    let denied = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "gone".into(),
        status: 400,
    };
    let faults = Faults::one("AdminAddUserToGroup", When::Rate(1.0), denied);
    stage.simulator.set_faults(faults);
    stage.invoke(&options, false).await.unwrap_err();
    let confirmed = |people: std::collections::BTreeMap<String, super::Person>| {
        let is = |person: &&super::Person| person.status == "CONFIRMED";
        people.values().filter(is).count()
    };
    assert!(confirmed(stage.restored()) > 1);
    stage.simulator.set_faults(Faults::default());
    let (_, state) = stage.restore(options).await;
    assert_eq!(state.users.counts.failed, 0, "{:?}", stage.findings());
    assert_eq!(state.users.counts.restored, 49);
}
