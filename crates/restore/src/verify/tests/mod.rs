//! The whole comparison, invocation by invocation: what is found, and what is not.

mod invocations;
mod restored;
mod stage;

use std::time::Duration;

use cognito::Operation;
use model::Username;
use model::inventory::Section;
use model::request::Selection;
use model::restore::{Finding, FindingKind, Outcome, RestoreState, Step, StepRecord, UserEntry};
use serde_json::json;
use simulator::{GeneratorConfig, PoolDocument, SignInStyle, UserStatus};

use super::verify;
use crate::context::Restore;
use crate::folder::Folder;
use crate::translate::Translations;
use stage::{BUCKET, LOST, NEW, Stage, cognito_at, described};

fn plain(users: usize) -> GeneratorConfig {
    GeneratorConfig {
        clients: 2,
        ..GeneratorConfig::plain(users)
    }
}

#[tokio::test]
async fn an_untouched_copy_has_no_difference_that_nobody_announced() {
    for config in [
        plain(75),
        GeneratorConfig {
            sign_in: SignInStyle::Email,
            ..plain(75)
        },
        GeneratorConfig {
            sign_in: SignInStyle::Alias,
            ..plain(20)
        },
        GeneratorConfig::nasty(140),
    ] {
        let stage = Stage::new(&config, |_| {}).await;
        let (verification, _) = stage.verify(stage.state()).await;
        assert!(verification.passed(), "{config:?}: {verification:#?}");
        assert_eq!(verification.announced, 0);
        assert!(verification.settings_compared > 20);
        // Those of both checklists, and those that only people answer.
        assert_eq!(verification.rows.len(), 16 + 9);
    }
}

#[tokio::test]
async fn planted_differences_are_found_each_in_its_place() {
    type Plant = fn(&mut PoolDocument);
    let plants: [(&str, Plant); 8] = [
        ("groups/{group}", |pool| {
            let group = pool.groups.remove(0);
            let name = group["GroupName"].as_str().unwrap();
            pool.users
                .iter_mut()
                .for_each(|user| user.groups.retain(|group| group != name));
        }),
        ("users/{sub}/email changed", |pool| {
            pool.users[0]
                .attributes
                .insert("email".into(), "changed@example.com".into());
        }),
        ("users/{sub} missing", |pool| {
            pool.users.remove(0);
        }),
        ("users/{sub}/Enabled changed", |pool| {
            let user = &mut pool.users[0];
            user.enabled = !user.enabled;
        }),
        ("users/{sub}/UserStatus changed", |pool| {
            pool.users[0].user_status = UserStatus::Unconfirmed;
        }),
        ("CallbackURLs", |pool| {
            let client = &mut pool.clients[0].user_pool_client;
            client.insert("CallbackURLs".into(), json!(["https://evil.example.com/"]));
        }),
        (
            "user_pool_config/Policies/PasswordPolicy/MinimumLength",
            |pool| {
                pool.user_pool.insert(
                    "Policies".into(),
                    json!({"PasswordPolicy": {"MinimumLength": 6}}),
                );
            },
        ),
        (" added", |pool| {
            let mut user = pool.users[0].clone();
            user.username = "intruder".into();
            user.attributes
                .insert("email".into(), "intruder@example.com".into());
            user.groups.clear();
            user.identities.clear();
            pool.users.push(user);
        }),
    ];
    for (expected, plant) in plants {
        let mut first = (String::new(), String::new());
        let stage = Stage::new(&plain(8), |pool| {
            first = (
                pool.users[0].username.clone(),
                pool.groups[0]["GroupName"].as_str().unwrap().to_owned(),
            );
            plant(pool);
        })
        .await;
        let sub = stage.old_sub(&first.0);
        let expected = expected.replace("{sub}", &sub).replace("{group}", &first.1);
        let differences = stage.differences().await;
        assert!(
            differences.iter().any(|found| found.contains(&expected)),
            "{expected}: {differences:?}"
        );
        let wanted = |found: &String| {
            found.contains(&expected)
                || found.starts_with("group_memberships/")
                || found.contains("PasswordPolicy")
        };
        assert!(
            differences.iter().all(wanted),
            "{expected}: {differences:?}"
        );
    }
}

#[tokio::test]
async fn a_membership_that_is_missing_or_too_many_is_found() {
    let stage = Stage::new(&plain(12), |pool| {
        let member = pool
            .users
            .iter_mut()
            .find(|user| !user.groups.is_empty())
            .unwrap();
        member.groups.remove(0);
    })
    .await;
    let differences = stage.differences().await;
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(
        differences[0].starts_with("group_memberships/") && differences[0].ends_with("missing")
    );

    let stage = Stage::new(&plain(12), |pool| {
        let group = pool.groups[0]["GroupName"].as_str().unwrap().to_owned();
        let outsider = pool
            .users
            .iter_mut()
            .find(|user| !user.groups.contains(&group))
            .unwrap();
        outsider.groups.push(group);
    })
    .await;
    let differences = stage.differences().await;
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("group_memberships/") && differences[0].ends_with("added"));
}

#[tokio::test]
async fn what_the_restore_announced_does_not_fail_it() {
    let mut gone = String::new();
    let stage = Stage::new(&plain(8), |pool| {
        gone = pool.users.remove(0).username;
        pool.user_pool.insert("Name".into(), json!("another"));
    })
    .await;
    let mut state = stage.state();
    let (unannounced, _) = stage.verify(state.clone()).await;
    assert!(!unannounced.passed());
    assert_eq!(unannounced.unannounced, 2);

    state.restore_id = "r-2".parse().unwrap();
    let missing = Finding::new(FindingKind::Failed, "a user", "it was refused")
        .announcing(Section::Users, &stage.old_sub(&gone));
    let renamed = Finding::new(
        FindingKind::Degraded,
        "Name",
        "the operator's map renames it",
    )
    .announcing(Section::UserPoolConfig, "Name");
    state.users.findings.push(missing);
    state.steps.push(StepRecord {
        step: Step::UserPool,
        outcome: Outcome::Restored { count: 1 },
        findings: vec![renamed],
        manual_steps: Vec::new(),
        began: state.began,
        ended: state.began,
    });
    let (announced, _) = stage.verify(state).await;
    assert!(announced.passed(), "{announced:#?}");
    assert_eq!(announced.announced, 2);
}

/// A pool in which far more users than are named differ, each in what was announced of it, and
/// `others` users in something else.
async fn many_announced_changes(others: usize) -> (Stage, RestoreState) {
    let stage = Stage::new(&plain(120), |pool| {
        for user in &mut pool.users {
            user.enabled = !user.enabled;
        }
        let last = pool.users.iter_mut().rev().take(others);
        for (number, user) in last.enumerate() {
            let moved = format!("moved{number}@example.com");
            user.attributes.insert("email".into(), moved);
        }
    })
    .await;
    let lost = stage.simulator.pool(LOST, stage.lost.as_str()).unwrap();
    let subs = lost.users.iter().filter_map(|user| user.sub.clone());
    let findings: Vec<Finding> = subs
        .map(|sub| {
            Finding::new(FindingKind::Degraded, sub.as_str(), "why")
                .announcing(Section::Users, &format!("{sub}/Enabled"))
        })
        .collect();
    let mut state = stage.state();
    state.users.finding_parts = 1;
    state.users.tell(&findings);
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| serde_json::to_string(finding).unwrap())
        .collect();
    let key = model::restore::UsersProgress::finding_part_key(&state.restore_id, 1);
    stage.s3.put(BUCKET, &key, lines.join("\n").into_bytes());
    (stage, state)
}

#[tokio::test]
async fn announced_changes_of_any_number_of_users_hold() {
    let (mut stage, mut state) = many_announced_changes(0).await;
    let (verification, _) = stage.verify(state.clone()).await;
    assert!(verification.passed(), "{verification:#?}");
    assert_eq!((verification.announced, verification.unannounced), (120, 0));
    stage.time = Duration::ZERO;
    state.restore_id = "r-2".parse().unwrap();
    let part = model::restore::UsersProgress::finding_part_key(&"r-1".parse().unwrap(), 1);
    let lines = stage.s3.get(BUCKET, &part).unwrap().to_vec();
    let key = model::restore::UsersProgress::finding_part_key(&state.restore_id, 1);
    stage.s3.put(BUCKET, &key, lines);
    let (piecemeal, _) = stage.verify(state).await;
    assert!(piecemeal.passed(), "{piecemeal:#?}");
    assert_eq!(piecemeal.announced, 120);
}

#[tokio::test]
async fn a_change_that_nobody_announced_is_found_and_named_among_any_number_of_announced_ones() {
    let (stage, state) = many_announced_changes(1).await;
    let (verification, _) = stage.verify(state).await;
    assert!(!verification.passed());
    assert_eq!(verification.unannounced, 1);
    let first = &verification.differences[0];
    assert!(
        first.announced_by.is_none() && first.path.ends_with("/email"),
        "{first:?}"
    );
}

#[tokio::test]
async fn users_beyond_those_that_are_named_are_told_apart_too() {
    let (stage, state) = many_announced_changes(60).await;
    let (verification, _) = stage.verify(state).await;
    assert_eq!(verification.unannounced, 60);
}

#[tokio::test]
async fn mfa_preferences_are_compared_where_the_backup_has_them() {
    let stage = Stage::new(&GeneratorConfig::nasty(140), |pool| {
        let user = pool.users.iter_mut().find(|user| {
            user.user_mfa_setting_list
                .iter()
                .any(|factor| factor.as_str() == "SMS_MFA")
        });
        let user = user.expect("nasty pools have users with SMS");
        user.user_mfa_setting_list.clear();
        user.preferred_mfa_setting = None;
    })
    .await;
    let differences = stage.differences().await;
    assert!(!differences.is_empty());
    let about_mfa = |found: &String| {
        found.contains("UserMFASettingList") || found.contains("PreferredMfaSetting")
    };
    assert!(differences.iter().all(about_mfa), "{differences:?}");
}

#[tokio::test]
async fn the_comparison_on_its_own_ties_clients_without_a_map() {
    let stage = Stage::new(&plain(5), |pool| {
        pool.clients[1]
            .user_pool_client
            .insert("RefreshTokenValidity".into(), json!(77));
    })
    .await;
    let mut state = stage.state();
    state.options.verify = state.new_user_pool_id.take();
    state.app_clients.clear();
    let (verification, _) = stage.verify(state).await;
    let differences = described(&verification);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(
        differences[0].ends_with("RefreshTokenValidity changed")
            || differences[0].ends_with("RefreshTokenValidity added")
    );
}

#[tokio::test]
async fn into_an_existing_pool_only_what_was_chosen_is_compared() {
    let mut made = String::new();
    let stage = Stage::new(&plain(6), |pool| {
        pool.user_pool.insert("Name".into(), json!("living pool"));
        pool.users[1]
            .attributes
            .insert("email".into(), "moved@example.com".into());
        made = pool.users[0].username.clone();
        pool.users[0].enabled = !pool.users[0].enabled;
        let mut newcomer = pool.users[2].clone();
        newcomer.username = "newcomer".into();
        newcomer
            .attributes
            .insert("email".into(), "newcomer@example.com".into());
        newcomer.identities.clear();
        pool.users.push(newcomer);
    })
    .await;
    let mut state = stage.state();
    state.options.target_user_pool_id = state.new_user_pool_id.clone();
    state.options.select = Some(Selection::MissingUsers);
    state.users.map_parts = 1;
    let pool = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
    let user = pool
        .users
        .iter()
        .find(|user| user.username == made)
        .unwrap();
    let entry = UserEntry {
        old_sub: stage.old_sub(&made),
        old_username: Username::new(made.as_str()),
        new_sub: user.sub.clone().unwrap(),
        new_username: Username::new(made.as_str()),
    };
    let mut rows = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    rows.serialize(&entry).unwrap();
    let key = model::restore::UsersProgress::map_part_key(&state.restore_id, 1);
    stage.s3.put(BUCKET, &key, rows.into_inner().unwrap());
    let (verification, _) = stage.verify(state).await;
    assert_eq!(
        described(&verification),
        [format!("users/{}/Enabled changed", stage.old_sub(&made))]
    );
}

#[tokio::test]
async fn a_pool_that_is_not_there_is_named() {
    let stage = Stage::new(&plain(1), |_| {}).await;
    let request = json!({"UserPoolId": stage.target.as_str()});
    let gone = cognito_at(&stage.s3.config().await, &stage.simulator, NEW);
    gone.call(Operation::DeleteUserPool, &request)
        .await
        .unwrap();
    let translations = Translations::default();
    let mut state = stage.state();
    let folder = Folder::open(stage.vault.workspace(), &state.restore_id).await;
    let (folder, _) = folder.unwrap();
    let restore = Restore {
        cognito: &stage.cognito,
        waf: &stage.waf,
        lambda: &stage.lambda,
        workspace: stage.vault.workspace(),
        folder: &folder,
        backup: &stage.backup,
        settings: &stage.settings,
        translations: &translations,
        existing: crate::context::Existing::Stays,
        observer: &(),
        stop: cognito::Stop::after(stage.time),
    };
    let error = verify(&restore, &mut state).await.unwrap_err();
    assert!(error.to_string().contains(stage.target.as_str()), "{error}");
}

#[tokio::test]
async fn a_backup_that_does_not_hold_what_its_trailer_says_fails_the_row_about_its_copy() {
    let mut stage = Stage::new(&plain(3), |_| {}).await;
    stage.backup.trailer.users += 1;
    let (verification, _) = stage.verify(stage.state()).await;
    let failing: Vec<&str> = verification
        .rows
        .iter()
        .filter(|row| !row.holds)
        .map(|row| row.check.as_str())
        .collect();
    assert_eq!(failing, ["Backup: Cross-region replication active"]);
    assert!(!verification.passed());
}
