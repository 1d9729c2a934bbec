//! What an undo remembers from one invocation to the next, below its folder of the workspace.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::restore::{Finding, ManualStep};
use model::{BackupKey, RestoreId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vault::Workspace;

use super::plan::Plan;
use super::report::Left;
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::step::News;

/// What an undo began with: to go on with it needs both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The plan.
    pub plan: Plan,
    /// Where the backup of the pool lies as it was before.
    pub before: String,
}

impl Begun {
    /// The name of the object below the undo's folder.
    pub const OBJECT: &'static str = "undo.json";

    /// What the undo `id` began with; nothing when there is none in the workspace.
    ///
    /// # Errors
    /// [`RestoreError`] when it cannot be read.
    pub async fn read(workspace: &Workspace, id: &RestoreId) -> Result<Option<Self>, RestoreError> {
        let key = id.object_key(Self::OBJECT);
        parsed(workspace.read(&key).await?, key)
    }

    pub(super) async fn write(
        folder: &Folder<'_>,
        plan: &Plan,
        before: &str,
    ) -> Result<(), RestoreError> {
        let begun = Self {
            plan: plan.clone(),
            before: before.to_owned(),
        };
        write_json(folder, Self::OBJECT, &begun).await
    }
}

/// A backup that was asked for, of the pool as it is at that moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) at: Timestamp,
    /// Its key, when it is there.
    pub(crate) key: Option<BackupKey>,
}

/// How far an undo is. What is not written here is found out by comparing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UndoProgress {
    /// The backup of the pool as it was before, where the undo asks for it.
    pub(crate) before: Option<Asked>,
    /// The settings are gone through.
    pub(crate) settings: bool,
    /// What there was to tell of settings that are not as they were.
    pub(crate) findings: Vec<Finding>,
    /// What is left to do by hand.
    pub(crate) manual_steps: Vec<ManualStep>,
    /// The ids that clients had, and those of the clients that were made in their place.
    pub(crate) app_clients: BTreeMap<String, String>,
    /// Where the map of the users lies who were made again: they are there then.
    pub(crate) user_map: Option<String>,
    /// How many users were made again.
    pub(crate) made_again: u64,
    /// How many of the users who are there are dealt with, in the order of their names.
    pub(crate) users: usize,
    /// What was left of users.
    pub(crate) left: Vec<Left>,
    /// All calls are made.
    pub(crate) changed: bool,
    /// The backup of the pool as it is after, where the undo asks for it.
    pub(crate) after: Option<Asked>,
    /// Something was not as planned, and the pool was asked for a second time.
    pub(crate) looked_again: bool,
}

impl UndoProgress {
    const OBJECT: &str = "undo-progress.json";

    pub(crate) async fn read(folder: &Folder<'_>) -> Result<Self, RestoreError> {
        Ok(read_json(folder, Self::OBJECT).await?.unwrap_or_default())
    }

    pub(crate) async fn write(&self, folder: &Folder<'_>) -> Result<(), RestoreError> {
        write_json(folder, Self::OBJECT, self).await
    }

    /// What a round through the settings told: its findings stand for those of the round before.
    pub(super) fn hear(&mut self, news: News) {
        self.findings = news.findings;
        for step in news.manual_steps {
            if !self.manual_steps.contains(&step) {
                self.manual_steps.push(step);
            }
        }
    }
}

pub(super) async fn read_json<T: DeserializeOwned>(
    folder: &Folder<'_>,
    name: &str,
) -> Result<Option<T>, RestoreError> {
    let key = folder.key(name);
    parsed(folder.read(&key).await?, key)
}

fn parsed<T: DeserializeOwned>(
    bytes: Option<Vec<u8>>,
    key: String,
) -> Result<Option<T>, RestoreError> {
    let Some(bytes) = bytes else { return Ok(None) };
    let document = serde_json::from_slice(&bytes);
    document
        .map(Some)
        .map_err(|error| RestoreError::StateDamaged {
            key,
            problem: format!("line {}, column {}", error.line(), error.column()),
        })
}

pub(super) async fn write_json(
    folder: &Folder<'_>,
    name: &str,
    document: &impl Serialize,
) -> Result<(), RestoreError> {
    let bytes = serde_json::to_vec_pretty(document)
        .map_err(|error| RestoreError::Internal(format!("{name} cannot be written: {error}")))?;
    let key = folder.key(name);
    folder.write(&key, "application/json", bytes).await
}
