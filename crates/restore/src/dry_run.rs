//! A dry run: what each step would do, told from backup, map and target Region. Changes nothing.

use cognito::Stop;
use jiff::Timestamp;
use model::request::RestoreOptions;
use model::restore::{Outcome, RestoreState, Step, UsersForeseen};
use model::{RestoreId, RunKind};
use vault::Backup;

use crate::context::{Clients, Restore, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::step::StepProgress;
use crate::translate::Translations;
use crate::{steps, users};

/// How many users a restore of the whole backup into a new pool would bring back, and how long
/// that takes: each is decided as in a restore. Reads the backup, and writes nothing.
///
/// [`UsersForeseen::seen`] is less than the backup holds when there was no time for all.
///
/// # Errors
/// [`RestoreError`] when the backup cannot be read.
pub async fn foresee_users(
    clients: &Clients,
    settings: &RestoreSettings,
    backup: &Backup,
    stop: Stop,
) -> Result<UsersForeseen, RestoreError> {
    let pool = &backup.head.user_pool_id;
    let now = Timestamp::now();
    let id = RestoreId::new(RunKind::Check, pool, now.as_second(), 0);
    let restore = Restore {
        cognito: &clients.cognito,
        waf: &clients.waf,
        lambda: &clients.lambda,
        workspace: &clients.workspace,
        folder: &Folder::unread(&clients.workspace, &id),
        backup,
        settings,
        // Nothing of a user is translated.
        translations: &Translations::default(),
        existing: crate::context::Existing::Stays,
        observer: &*clients.observer,
        stop,
    };
    let (name, options) = (backup.name.clone(), RestoreOptions::default());
    let mut state = RestoreState::new(id, pool.clone(), name, options, now);
    users::foresee(&restore, &mut state).await?;
    let foreseen = state.users.foreseen;
    foreseen.ok_or_else(|| RestoreError::Internal("no users were foreseen".to_owned()))
}

/// What the step would do: its findings and manual steps as far as they can be told beforehand.
///
/// # Errors
/// [`RestoreError`] when backup or target Region cannot be read.
pub(crate) async fn preview(
    step: Step,
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let mut result = match step {
        Step::Users => users::foresee(restore, state).await?,
        _ => steps::preview::settings(step, restore, state).await?,
    };
    if restore.stop.is_signalled() {
        return Ok(StepProgress::InProgress);
    }
    // Nothing came back: a report must not count it.
    if let Outcome::Restored { count } = result.outcome {
        let reason = format!("dry run: {count} would come back");
        result.outcome = Outcome::Skipped { reason };
    }
    Ok(result.into())
}
