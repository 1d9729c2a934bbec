//! What explains the differences of a pool: what the restore that made it announced, or what any
//! restore of the backup would have to change.

use std::collections::BTreeMap;

use cognito::ErrorKind;
use compare::announced::Announcements;
use model::document::UserRecord;
use model::request::RestoreOptions;
use model::restore::{Finding, RestoreState, Step, UsersProgress};
use model::{AppClientId, RestoreId, UserPoolId};
use serde_json::Value;

use super::session::damaged;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::steps::{self, RESTORE_TAG};
use crate::users::Foresight;

/// What a comparison knows before it begins.
pub(super) struct Explained {
    /// Everything that was announced, but what is foreseen for single users.
    pub(super) announcements: Announcements,
    /// Old to new client ids, where they are known.
    pub(super) app_clients: BTreeMap<AppClientId, AppClientId>,
    /// The restore whose announcements these are; none when they are foreseen.
    pub(super) restore_id: Option<RestoreId>,
    /// What a restore would have to change in single users, where no restore announced it.
    foresight: Option<Foresight>,
}

impl Explained {
    /// For the pool of a restore, what that restore announced. For a pool that is only compared:
    /// its tag names the restore that made it; where that was of this backup, what it announced,
    /// else what any restore of the backup into the Region would have to change.
    ///
    /// # Errors
    /// [`RestoreError`] when the pool, the backup or the bucket cannot be read.
    pub(super) async fn of(
        restore: &Restore<'_>,
        state: &RestoreState,
        pool: &UserPoolId,
    ) -> Result<Self, RestoreError> {
        if state.options.verify.is_none() {
            return Self::announced(restore, state).await;
        }
        match maker(restore, pool).await? {
            Some(maker) => Self::announced(restore, &maker).await,
            // All steps are in it: on the heap, so that the futures around it stay small.
            None => Box::pin(Self::foreseen_of_any(restore, state)).await,
        }
    }

    async fn announced(restore: &Restore<'_>, state: &RestoreState) -> Result<Self, RestoreError> {
        let of_steps = state.steps.iter().flat_map(|record| &record.findings);
        let mut announcements = Announcements::of(of_steps.chain(&state.users.findings));
        for part in 1..=state.users.finding_parts {
            let key = UsersProgress::finding_part_key(&state.restore_id, part);
            let lines = restore.workspace.read(&key).await?.unwrap_or_default();
            let lines = lines.split(|byte| *byte == b'\n');
            let findings: Result<Vec<Finding>, _> = lines
                .filter(|line| !line.is_empty())
                .map(serde_json::from_slice)
                .collect();
            announcements.extend(&findings.map_err(|_| damaged(&key))?);
        }
        Ok(Self {
            announcements,
            app_clients: state.app_clients.clone(),
            restore_id: Some(state.restore_id.clone()),
            foresight: None,
        })
    }

    async fn foreseen_of_any(
        restore: &Restore<'_>,
        state: &RestoreState,
    ) -> Result<Self, RestoreError> {
        let mut announcements = Announcements::default();
        for step in Step::ALL.iter().copied() {
            let result = steps::preview::settings(step, restore, state).await?;
            announcements.extend(&result.findings);
        }
        Ok(Self {
            announcements,
            app_clients: BTreeMap::new(),
            restore_id: None,
            foresight: Some(Foresight::of(restore, &RestoreOptions::default()).await?),
        })
    }

    /// What a restore would have to change in a user of the backup, where no restore announced it.
    pub(super) fn foreseen(&self, user: &UserRecord) -> Option<Announcements> {
        let findings = self.foresight.as_ref()?.findings(user);
        Some(Announcements::of(&findings))
    }
}

/// What the restore remembers that made the pool, by the pool's tag, if it was of this backup.
async fn maker(
    restore: &Restore<'_>,
    pool: &UserPoolId,
) -> Result<Option<RestoreState>, RestoreError> {
    let described = steps::described(restore, pool).await;
    let described = described.map_err(|error| match error {
        RestoreError::Cognito(cause) if cause.is(ErrorKind::Missing) => {
            RestoreError::TargetMissing(pool.clone())
        }
        error => error,
    })?;
    let tag = described
        .pointer("/UserPoolTags")
        .and_then(|tags| tags.get(RESTORE_TAG))
        .and_then(Value::as_str);
    let Some(id) = tag.and_then(|tag| tag.parse::<RestoreId>().ok()) else {
        return Ok(None);
    };
    let maker = Folder::look(restore.workspace, &id).await?;
    Ok(maker.filter(|state| {
        state.new_user_pool_id.as_ref() == Some(pool) && state.s3_key == *restore.backup_name()
    }))
}
