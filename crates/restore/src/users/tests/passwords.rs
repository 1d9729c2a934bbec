//! Passwords that the operator chooses: each mode lets the users in, and only as it says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use model::Secret;
use model::restore::{FindingKind, PasswordKind};
use simulator::{Fault, Faults, SignIn, When};

use super::super::{BoxFuture, PasswordSource, Passwords, UserToCome};
use super::*;
use crate::step::StepProgress;

const FOR_ALL: &str = "Welcome-2026";

/// `Own-{name}-1` for each; counts how often it is asked, has none for `plain` and one that the
/// policy refuses for `odd`.
#[derive(Debug, Default)]
struct Source {
    asked: AtomicU32,
}

impl PasswordSource for Source {
    fn password<'a>(
        &'a self,
        user: UserToCome<'a>,
    ) -> BoxFuture<'a, Result<Option<Secret>, std::io::Error>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(user.sub.is_some() && user.sign_in == user.username);
        Box::pin(async move {
            Ok(match user.username {
                "plain" => None,
                "odd" => Some(Secret::new("short")),
                name => Some(Secret::new(format!("Own-{name}-1"))),
            })
        })
    }
}

fn sign_in(stage: &Stage, name: &str, password: &str) -> SignIn {
    let target = stage.target.as_str();
    stage
        .simulator
        .sign_in(NEW, target, name, password)
        .unwrap()
}

/// Makes the users that calls make. What follows plants the pool anew, and a planted pool has no
/// passwords.
async fn make(stage: &Stage) {
    let options = engine(UsersEngine::Api);
    while let Ok((StepProgress::InProgress, _)) = stage.invoke(&options, false).await {}
}

/// All as expected, but with temporary passwords.
fn with_temporary_passwords(stage: &Stage) -> BTreeMap<String, Person> {
    let mut wanted = expected(stage.lost());
    for person in wanted.values_mut() {
        if person.status != "UNCONFIRMED" {
            person.status = "FORCE_CHANGE_PASSWORD".into();
        }
    }
    wanted
}

#[tokio::test]
async fn one_temporary_password_lets_all_in_who_may_sign_in_and_sends_nothing() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.settings.passwords = Passwords::OneForAll(Secret::new(FOR_ALL));
    make(&stage).await;
    for (name, expected) in [
        ("confirmed", SignIn::NewPasswordRequired),
        ("forced", SignIn::NewPasswordRequired),
        ("disabled", SignIn::Refused),
        ("signed-up", SignIn::Refused),
    ] {
        assert_eq!(sign_in(&stage, name, FOR_ALL), expected, "{name}");
    }
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    stage.assert_restored(&with_temporary_passwords(&stage), "");
    stage.assert_silent_and_mapped();
    assert_eq!(state.users.passwords, Some(PasswordKind::OneForAll));
    // Nobody has to be invited, and the comparison is told of the statuses of all.
    assert_eq!(state.users.counts.temporary_password, 0);
    assert_eq!(state.users.invitation_parts, 0);
    let announced = state.users.notes.iter().flat_map(|note| &note.announces);
    assert!(
        announced
            .into_iter()
            .any(|path| path == "users/*/UserStatus")
    );
    let written = stage.s3.keys("dr").into_iter().filter_map(|key| {
        let bytes = stage.s3.get("dr", &key)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    });
    assert!(!written.into_iter().any(|text| text.contains(FOR_ALL)));
}

#[tokio::test]
async fn each_user_gets_the_password_of_the_source_and_who_has_none_is_named_by_sub() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    let source = Arc::new(Source::default());
    stage.settings.passwords = Passwords::ForEach(source.clone());
    make(&stage).await;
    let mut wanted = with_temporary_passwords(&stage);
    wanted.retain(|name, _| !["odd", "plain"].contains(&name.as_str()));
    stage.assert_restored(&wanted, "");
    assert_eq!(
        sign_in(&stage, "confirmed", "Own-confirmed-1"),
        SignIn::NewPasswordRequired
    );
    assert_eq!(
        sign_in(&stage, "confirmed", "Own-forced-1"),
        SignIn::Refused
    );
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    assert_eq!(state.users.counts.failed, 2);
    let failed = state.users.findings.iter();
    let failed: Vec<&str> = failed
        .filter(|finding| finding.kind == FindingKind::Failed)
        .map(|finding| finding.reason.as_str())
        .collect();
    assert!(
        failed
            .iter()
            .any(|reason| reason.contains("has none for this user"))
    );
    assert!(
        failed
            .iter()
            .any(|reason| reason.contains("InvalidPasswordException"))
    );
    assert_eq!(stage.simulator.evidence().messages_sent, 0);
}

#[tokio::test]
async fn a_source_that_gives_another_password_each_time_and_lost_answers_leave_the_last_one() {
    #[derive(Debug, Default)]
    struct Counting(AtomicU32);
    impl PasswordSource for Counting {
        fn password<'a>(
            &'a self,
            _: UserToCome<'a>,
        ) -> BoxFuture<'a, Result<Option<Secret>, std::io::Error>> {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move { Ok(Some(Secret::new(format!("Number-{number}")))) })
        }
    }
    let mut pool = assorted(json!({}));
    pool.users.retain(|user| user.username == "confirmed");
    let mut stage = Stage::new(pool).await;
    let source = Arc::new(Counting::default());
    stage.settings.passwords = Passwords::ForEach(source.clone());
    stage.simulator.set_faults(Faults::one(
        "AdminCreateUser",
        When::Nth(1),
        Fault::AnswerLost,
    ));
    make(&stage).await;
    let last = source.0.load(Ordering::Relaxed);
    let last = format!("Number-{last}");
    assert_eq!(
        sign_in(&stage, "confirmed", &last),
        SignIn::NewPasswordRequired
    );
}

#[tokio::test]
async fn invitations_go_to_those_who_may_sign_in_and_to_nobody_else() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.settings.passwords = Passwords::Invitation;
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    stage.assert_restored(&with_temporary_passwords(&stage), "");
    // All but: disabled, reset (disabled), archived, signed-up, and the federated profile.
    assert_eq!(stage.simulator.evidence().messages_sent, 5);
    assert_eq!(
        stage.simulator.evidence().messages.get("invitation EMAIL"),
        Some(&5)
    );
    // Those whom no invitation was sent have a password that nobody knows.
    assert_eq!(state.users.counts.temporary_password, 3);
    assert_eq!(state.users.invitation_parts, 0);
}

#[tokio::test]
async fn who_could_not_be_told_the_password_is_kept_for_another_invitation() {
    let mut pool = assorted(json!({}));
    pool.users.retain(|user| user.username == "confirmed");
    let mut stage = Stage::new(pool).await;
    stage.settings.passwords = Passwords::Invitation;
    stage.simulator.set_faults(Faults::one(
        "AdminCreateUser",
        When::Nth(1),
        Fault::AnswerLost,
    ));
    let (_, state) = stage.restore(engine(UsersEngine::Api)).await;
    // The password of the message that was sent was replaced: it may have been somebody else's.
    assert_eq!(state.users.counts.temporary_password, 1);
    assert!(stage.text("invitations.jsonl").contains("RESEND"));
}

#[tokio::test]
async fn a_restore_goes_on_with_the_kind_of_passwords_that_it_began_with() {
    let mut stage = Stage::new(assorted(json!({}))).await;
    stage.settings.passwords = Passwords::OneForAll(Secret::new(FOR_ALL));
    stage.give(Duration::ZERO);
    let began = stage.invoke(&engine(UsersEngine::Api), false).await;
    assert!(matches!(began, Ok((StepProgress::InProgress, _))));
    stage.settings.passwords = Passwords::Unknown;
    let error = stage.invoke(&engine(UsersEngine::Api), false).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("one temporary password for all"), "{error}");
    assert!(!error.contains(FOR_ALL));
}

#[test]
fn a_password_for_all_that_the_policy_refuses_is_told_before_anything_is_made() {
    let policy = json!({"Policies": {"PasswordPolicy": {"MinimumLength": 10, "RequireSymbols": true, "RequireNumbers": true}}});
    for (password, problem) in [
        ("Welcome-2026", None),
        ("Short-1", Some("at least 10 characters")),
        ("Welcome20266", Some("symbol")),
        ("Welcome-welcome", Some("number")),
    ] {
        let passwords = Passwords::OneForAll(Secret::new(password));
        let fits = super::super::must_fit(&passwords, &policy);
        match problem {
            None => fits.unwrap(),
            Some(problem) => {
                let error = fits.unwrap_err().to_string();
                assert!(error.contains(problem), "{error}");
                assert!(!error.contains(password), "{error}");
            }
        }
    }
    assert!(super::super::must_fit(&Passwords::Invitation, &policy).is_ok());
}
