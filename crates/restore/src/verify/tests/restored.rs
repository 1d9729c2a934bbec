//! Users that the restore itself made: whatever differs, it announced.

use std::time::Duration;

use cognito::Cognito;
use model::request::UsersEngine;
use model::restore::RestoreState;
use serde_json::{Value, json};
use simulator::GeneratorConfig;

use super::stage::{LOST, NEW, Stage, cognito_at};
use super::{SignInStyle, plain};
use crate::context::Restore;
use crate::folder::Folder;
use crate::step::StepProgress;
use crate::translate::Translations;
use crate::users;

const ROLE: &str = "arn:aws:iam::000000000000:role/import";
/// RestoreSettings that the final step gives the pool, after its users.
const FINAL: [&str; 3] = [
    "AutoVerifiedAttributes",
    "LambdaConfig",
    "AdminCreateUserConfig",
];

/// Brings the users of the stage's backup into its pool, which has none.
async fn restore_users(stage: &Stage, cognito: &Cognito, state: &mut RestoreState) {
    let translations = Translations::default();
    let mut imports = false;
    for calls in 0.. {
        assert!(calls < 200, "the restore of users does not end");
        let folder = Folder::open(stage.vault.workspace(), &state.restore_id).await;
        let (folder, _) = folder.unwrap();
        let restore = Restore {
            cognito,
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
        let progress = if imports {
            users::run_imports(&restore, state).await
        } else {
            users::run(&restore, state).await
        };
        match progress.unwrap() {
            StepProgress::Done(_) if imports => return finish_settings(stage, false),
            StepProgress::Done(_) => {
                imports = true;
                finish_settings(stage, true);
            }
            StepProgress::Waiting { seconds } => {
                stage
                    .simulator
                    .advance_clock(Duration::from_secs(seconds.into()));
            }
            StepProgress::InProgress => {}
        }
    }
}

/// The final settings come in by the back door: the step that sets them is not what is tested.
/// While jobs run, nobody can sign up.
fn finish_settings(stage: &Stage, closed: bool) {
    let lost = stage.simulator.pool(LOST, stage.lost.as_str()).unwrap();
    let mut document = stage.simulator.pool(NEW, stage.target.as_str()).unwrap();
    for member in FINAL {
        let value = lost.user_pool.get(member).cloned().unwrap_or(Value::Null);
        document.user_pool.insert(member.into(), value);
    }
    if closed {
        let closed = json!({"AllowAdminCreateUserOnly": true});
        document
            .user_pool
            .insert("AdminCreateUserConfig".into(), closed);
    }
    document.user_pool.retain(|_, value| !value.is_null());
    stage.simulator.plant(NEW, document).unwrap();
}

/// A pool whose users come back call by call, or by import jobs, and are compared then.
async fn restored_and_compared(config: &GeneratorConfig, by_import: bool) {
    let mut stage = Stage::new(config, |pool| {
        pool.users.clear();
        for member in FINAL {
            pool.user_pool.remove(member);
        }
    })
    .await;
    let mut state = stage.state();
    if by_import {
        stage.settings.import_role_arn = Some(ROLE.to_owned());
        state.options.users_engine = UsersEngine::Import;
    }
    let cognito = cognito_at(&stage.s3.config().await, &stage.simulator, NEW);
    restore_users(&stage, &cognito.allowing(users::OPERATIONS), &mut state).await;
    let restored = state.users.counts.restored;
    let (verification, _) = stage.verify(state).await;
    assert!(verification.passed(), "{config:?}: {verification:#?}");
    assert!(
        verification.users_compared >= restored && restored > 0,
        "{verification:#?}"
    );
}

#[tokio::test]
async fn users_made_call_by_call_differ_only_in_what_was_announced() {
    for config in [
        GeneratorConfig {
            sign_in: SignInStyle::Email,
            ..plain(40)
        },
        GeneratorConfig {
            sign_in: SignInStyle::Alias,
            ..plain(20)
        },
        GeneratorConfig::nasty(130),
    ] {
        restored_and_compared(&config, false).await;
    }
}

#[tokio::test]
async fn users_made_by_import_differ_only_in_what_was_announced() {
    for config in [
        plain(40),
        GeneratorConfig {
            sign_in: SignInStyle::Email,
            ..GeneratorConfig::nasty(130)
        },
    ] {
        restored_and_compared(&config, true).await;
    }
}
