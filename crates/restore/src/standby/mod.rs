//! A standby pool: made by a restore, closed and quiet, and kept like its source by every backup
//! that comes, so that the bad day is a switch to a pool whose ids are known.
//!
//! ```text
//! restore     makes the pool, but leaves out what would let strangers in or write to users (quiet)
//! sync        brings it to a newer backup, by the calls of an undo
//! status      which backup it equals, and what a sync would do
//! switch      puts on what was left out, and writes the hand-over page anew
//! ```
//!
//! Who is who says the map of the restore that made the pool. Users gone from the source are
//! disabled, and removed after a time where that is asked for. After a switch the pool has a life
//! of its own: nothing brings it to a backup any more.

mod gone;
mod quiet;
mod report;
mod switch;
mod sync;

use std::collections::BTreeMap;

use cognito::{ErrorKind, Operation};
use jiff::Timestamp;
use model::{BackupName, RestoreId, UserPoolId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use vault::{Backup, Workspace};

use crate::context::Clients;
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::steps::RESTORE_TAG;

pub(crate) use quiet::{keep_quiet, left_out};
pub use report::{Compared, Standing, SyncReport};
pub use switch::{Switched, switch};
pub use sync::{Follow, status, sync};

/// What a sync calls beyond what an undo calls.
pub const OWN: &[Operation] = &[Operation::AdminDeleteUser];

/// What is remembered of a standby pool: one object for each source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standby {
    /// The pool that is followed.
    pub source: UserPoolId,
    /// The standby pool.
    pub user_pool_id: UserPoolId,
    /// The restore that made it.
    pub restore_id: RestoreId,
    /// The backup that it equals.
    pub equals: Equals,
    /// The sync that was begun last and has not ended: it comes to its end before another begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
    /// Whether the next sync reads all users of the pool, not only what changed between backups.
    #[serde(default)]
    pub compare_all: bool,
    /// How many things the last sync could not bring about.
    #[serde(default)]
    pub left: u64,
    /// Users gone from the source, by their usernames in the standby pool.
    #[serde(default)]
    pub gone: BTreeMap<String, Gone>,
    /// When it was switched to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<Timestamp>,
}

/// The backup that a standby pool equals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Equals {
    /// The backup.
    pub backup: BackupName,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When its reading began: the source as it was then.
    pub as_of: Timestamp,
    /// When the standby pool was brought to it.
    pub since: Timestamp,
}

impl Equals {
    fn of(backup: &Backup) -> Self {
        Self {
            backup: backup.name.clone(),
            version_id: backup.version_id.clone(),
            as_of: backup.head.timestamp,
            since: Timestamp::now(),
        }
    }
}

/// A sync that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// Its name.
    pub id: RestoreId,
    /// The backup that the pool is brought to.
    pub backup: BackupName,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// A user who is gone from the source.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The `sub` in the standby pool.
    pub sub: String,
    /// When that was seen, and the user was disabled.
    pub since: Timestamp,
}

impl std::fmt::Debug for Gone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Gone({})", self.since)
    }
}

impl Standby {
    /// The key of the object.
    pub fn key(source: &UserPoolId) -> String {
        format!("cognito-restore/standby/{source}.json")
    }

    /// What is remembered of the standby pool of `source`; nothing when it has none.
    ///
    /// # Errors
    /// [`RestoreError`] when it cannot be read.
    pub async fn read(
        workspace: &Workspace,
        source: &UserPoolId,
    ) -> Result<Option<Self>, RestoreError> {
        let key = Self::key(source);
        let Some(bytes) = workspace.read(&key).await? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&bytes);
        read.map(Some).map_err(|error| RestoreError::StateDamaged {
            key,
            problem: format!("line {}, column {}", error.line(), error.column()),
        })
    }

    async fn write(&self, workspace: &Workspace) -> Result<(), RestoreError> {
        let key = Self::key(&self.source);
        let bytes = serde_json::to_vec(self)
            .map_err(|error| RestoreError::Internal(format!("{key} cannot be written: {error}")))?;
        Ok(workspace.write(&key, "application/json", bytes).await?)
    }

    /// What is remembered of `pool`, or what the restore that made it remembers.
    ///
    /// # Errors
    /// [`RestoreError::NotAStandby`] when no restore made it as the standby pool of `source`, or
    /// that restore has not ended.
    pub async fn of(
        clients: &Clients,
        source: &UserPoolId,
        pool: &UserPoolId,
    ) -> Result<Self, RestoreError> {
        let known = Self::read(&clients.workspace, source).await?;
        if let Some(known) = known.filter(|known| known.user_pool_id == *pool) {
            return Ok(known);
        }
        let is_none = || RestoreError::NotAStandby {
            pool: pool.clone(),
            of: source.clone(),
        };
        let made_by = made_by(clients, pool).await?.ok_or_else(is_none)?;
        let state = Folder::look(&clients.workspace, &made_by).await?;
        let state = state.ok_or_else(is_none)?;
        let is_made = state.user_pool_id == *source
            && state.new_user_pool_id.as_ref() == Some(pool)
            && state.options.standby.is_some();
        let ended = state.ended.filter(|_| is_made).ok_or_else(is_none)?;
        let is_whole = state
            .verification
            .as_ref()
            .is_some_and(|compared| compared.passed());
        let began = state.backup.as_ref().map(|backup| backup.began);
        Ok(Self {
            source: source.clone(),
            user_pool_id: pool.clone(),
            restore_id: made_by,
            equals: Equals {
                backup: state.s3_key,
                version_id: state.version_id,
                as_of: began.unwrap_or(ended),
                since: ended,
            },
            under_way: None,
            compare_all: !is_whole,
            left: 0,
            gone: BTreeMap::new(),
            switched: None,
        })
    }

    fn check_not_switched(&self) -> Result<(), RestoreError> {
        match self.switched {
            None => Ok(()),
            Some(_) => Err(RestoreError::StandbySwitched(self.user_pool_id.clone())),
        }
    }
}

/// The restore that made a pool, by its tag.
async fn made_by(clients: &Clients, pool: &UserPoolId) -> Result<Option<RestoreId>, RestoreError> {
    let request = json!({"UserPoolId": pool.as_str()});
    let described = clients.cognito.call(Operation::DescribeUserPool, &request);
    let described = described.await.map_err(|error| {
        if error.is(ErrorKind::Missing) {
            RestoreError::TargetMissing(pool.clone())
        } else {
            error.into()
        }
    })?;
    let tag = described["UserPool"]["UserPoolTags"][RESTORE_TAG].as_str();
    Ok(tag.and_then(|tag| tag.parse().ok()))
}
