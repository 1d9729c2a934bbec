//! The checks before anything is created.

use cognito::{ErrorKind, Operation, Pages};
use model::UserPoolId;
use model::inventory::Section;
use model::request::{RestoreOptions, Selection};
use model::restore::{Finding, FindingKind, RestoreState};
use serde_json::{Value, json};

use super::described;
use super::pool_document::RESTORE_TAG;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::{News, StepProgress, StepResult};
use crate::users;

/// How many pools an account may have in a Region unless it was raised (facts E).
pub const POOLS: usize = 1_000;

/// Checks backup and target Region, and changes nothing.
///
/// The map was read and checked already, and the backup's head and end belong together. Here the
/// whole backup is read once and held against its checksum, as far as there is time for it in
/// this invocation: a restore that fails at the last user is the worst kind.
///
/// # Errors
/// [`RestoreError::Vault`] for a damaged backup, [`RestoreError::TargetMissing`] for a pool to
/// restore into or to compare that is not there, [`RestoreError::Preflight`] for what would make
/// the restore fail.
pub async fn preflight(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let mut news = News::default();
    has_all_that_is_restored(restore, &state.options)?;
    whole_backup(restore, &mut news).await?;
    if restore.stop.is_signalled() {
        return Ok(StepProgress::InProgress);
    }
    for section in restore.head().unknown_sections() {
        let reason = "a newer version wrote this section of the backup, and this one does not know it: deploy the newer version in this Region and restore again";
        news.finding(Finding::new(FindingKind::Degraded, section, reason));
    }
    if let Some(pool) = state.options.verify.clone() {
        must_exist(restore, &pool).await.map(drop)?;
    } else if let Some(pool) = state.options.target_user_pool_id.clone() {
        let there = may_be_written(restore, &pool).await?;
        users::must_fit(&restore.settings.passwords, &there)?;
        selected_group_exists(restore, &state.options)?;
        state.new_user_pool_id = Some(pool);
    } else {
        room_for_a_pool(restore, &mut news).await?;
        users::must_fit(&restore.settings.passwords, restore.head().user_pool())?;
    }
    Ok(StepResult::restored(0).telling(news).into())
}

/// A file of users of another tool has no settings to make or to compare a pool by.
fn has_all_that_is_restored(
    restore: &Restore<'_>,
    options: &RestoreOptions,
) -> Result<(), RestoreError> {
    if options.target_user_pool_id.is_some() || restore.head().user_pool().is_object() {
        return Ok(());
    }
    Err(RestoreError::Preflight(
        "name the pool to restore into (target_user_pool_id, or --into): the file holds users and no settings that a pool could be made of or compared by".to_owned(),
    ))
}

/// Reads all of the backup against its checksum. Half of a Lambda invocation is enough for some
/// gigabytes; a backup that takes longer is checked as it is read.
async fn whole_backup(restore: &Restore<'_>, news: &mut News) -> Result<(), RestoreError> {
    let check = restore.backup.check_whole();
    match restore.stop.halfway().unless_requested(check).await {
        Some(result) => Ok(result?),
        None => {
            let reason = "too large to be held against its checksum beforehand";
            news.finding(Finding::new(FindingKind::Skipped, "backup", reason));
            Ok(())
        }
    }
}

async fn must_exist(restore: &Restore<'_>, pool: &UserPoolId) -> Result<Value, RestoreError> {
    match described(restore, pool).await {
        Err(RestoreError::Cognito(error)) if error.is(ErrorKind::Missing) => {
            Err(RestoreError::TargetMissing(pool.clone()))
        }
        described => described,
    }
}

/// The role allows what the template's parameter names, and what a restore made (by its tag):
/// told here, before anything is changed, and not by the first refusal.
async fn may_be_written(restore: &Restore<'_>, pool: &UserPoolId) -> Result<Value, RestoreError> {
    let there = must_exist(restore, pool).await?;
    let is_ours = there["UserPoolTags"][RESTORE_TAG].is_string();
    if is_ours || restore.settings.existing_user_pools.hold(pool) {
        return Ok(there);
    }
    Err(RestoreError::Preflight(format!(
        "target_user_pool_id: no restore made {pool}, and the stack in this Region allows writing into no other pools than those of its parameter ExistingUserPoolIds: deploy it with ExistingUserPoolIds={pool}"
    )))
}

fn selected_group_exists(
    restore: &Restore<'_>,
    options: &RestoreOptions,
) -> Result<(), RestoreError> {
    let Some(Selection::Group(name)) = &options.select else {
        return Ok(());
    };
    let groups = restore.head().list(Section::Groups);
    if groups
        .iter()
        .any(|group| group["GroupName"] == name.as_str())
    {
        return Ok(());
    }
    Err(RestoreError::Preflight(format!(
        "select.group: the backup has no group {name}"
    )))
}

/// The quota is the account's own and may be higher, so a full Region is a warning.
async fn room_for_a_pool(restore: &Restore<'_>, news: &mut News) -> Result<(), RestoreError> {
    let pages = Pages::new(restore.cognito, Operation::ListUserPools, json!({}))?;
    let pools = pages.all().await?.len();
    if pools >= POOLS {
        let reason = format!(
            "the target Region has {pools} user pools: another needs a quota above {POOLS}"
        );
        news.finding(Finding::new(
            FindingKind::Skipped,
            "quota of user pools",
            reason,
        ));
    }
    Ok(())
}
