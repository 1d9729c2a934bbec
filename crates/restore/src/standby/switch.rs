//! The switch to a standby pool: what waited is put on, and the hand-over page of the restore that
//! made the pool is written anew, with what is left to do by hand.

use cognito::Stop;
use jiff::Timestamp;
use model::request::RestoreOptions;
use model::restore::{Report, RestoreState, Step, UserEntry};
use serde::Serialize;
use vault::Backup;

use super::Standby;
use super::sync::Follow;
use crate::context::{Existing, Restore};
use crate::drive;
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::report;
use crate::step::StepProgress;
use crate::steps;
use crate::undo::made_again::MadeAgain;
use crate::users;

/// What a switch came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Switched {
    /// What is remembered.
    pub standby: Standby,
    /// The report of the restore that made the pool, as it is now.
    pub report: Report,
    /// Where the hand-over page lies.
    pub page: String,
}

/// Gives a standby pool its triggers, automatic verification, sign-up and deletion protection, as
/// `backup` has them, and writes report, page and map of users. `backup` is the one that the pool
/// equals. `None` when the stop came first. Again, it tries again what did not succeed.
///
/// # Errors
/// [`RestoreError`] when the pool cannot be updated, or is no standby pool of the source.
pub async fn switch(
    follow: &Follow<'_>,
    backup: &Backup,
    stop: &Stop,
) -> Result<Option<Switched>, RestoreError> {
    let clients = follow.clients;
    let workspace = &clients.workspace;
    let mut standby = Standby::of(clients, follow.source, follow.pool).await?;
    let translations = drive::translations(clients, follow.settings, follow.map).await?;
    let (folder, remembered) = Folder::open(workspace, &standby.restore_id).await?;
    let mut state = remembered.ok_or_else(|| RestoreError::NotAStandby {
        pool: follow.pool.clone(),
        of: follow.source.clone(),
    })?;
    folder.claim(&mut state).await?;
    // First of all: from here on nothing brings the pool to a backup any more.
    standby.switched.get_or_insert_with(Timestamp::now);
    standby.write(workspace).await?;

    let made_again = MadeAgain::read(workspace, follow.pool).await?;
    for (then, now) in &made_again.clients {
        if let (Ok(then), Ok(now)) = (then.parse(), now.parse()) {
            state.app_clients.insert(then, now);
        }
    }
    state.options = RestoreOptions {
        standby: None,
        ..state.options
    };
    state.s3_key = backup.name.clone();
    state.version_id = backup.version_id.clone();
    state.backup = Some(drive::chosen(backup, &[]));
    state.verification = None;
    let restore = Restore {
        cognito: &clients.cognito,
        waf: &clients.waf,
        lambda: &clients.lambda,
        workspace,
        folder: &folder,
        backup,
        settings: follow.settings,
        translations: &translations,
        existing: Existing::Stays,
        observer: &*clients.observer,
        stop: stop.clone(),
    };
    for step in [Step::FinalSettings, Step::SelfSignUp] {
        let began = Timestamp::now();
        let done = match step {
            Step::FinalSettings => {
                Box::pin(steps::final_settings::final_settings(&restore, &mut state)).await?
            }
            _ => steps::self_sign_up::self_sign_up(&restore, &mut state).await?,
        };
        let StepProgress::Done(result) = done else {
            return Ok(None);
        };
        state.keep(result.record(step, began));
    }
    write_map(&restore, &state, &made_again).await?;
    state.reported = Some(Timestamp::now());
    let report = report::report(&restore, &state, None).await?;
    folder.save(&state).await?;
    let page = workspace.address(&folder.key(Report::HANDOVER));
    Ok(Some(Switched {
        standby,
        report,
        page,
    }))
}

/// The map of users with those whom syncs made.
async fn write_map(
    restore: &Restore<'_>,
    state: &RestoreState,
    made_again: &MadeAgain,
) -> Result<(), RestoreError> {
    let mut entries = Vec::new();
    for part in 1..=state.users.map_parts {
        let made = users::map_part(restore.workspace, &state.restore_id, part).await?;
        entries.extend(made.into_iter().filter(|one| !made_again.has(&one.old_sub)));
    }
    entries.extend(made_again.entries());
    let key = restore.folder.key(UserEntry::OBJECT);
    let rows = users::map_of(&entries)?;
    restore.folder.write(&key, "text/csv", rows).await
}
