//! What every step works with.

use std::sync::Arc;

use cognito::{Cognito, Stop};
use model::document::BackupHead;
use model::observe::Observer;
use model::restore::RestoreState;
use model::{BackupName, UserPoolId};
use vault::{Backup, Workspace};

use crate::error::RestoreError;
use crate::folder::Folder;
use crate::translate::Translations;
use crate::users::Passwords;

/// Where a restore runs and what it may use there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RestoreSettings {
    /// The target Region.
    pub region: String,
    /// The account that is restored into; empty when it is not known.
    pub account_id: String,
    /// The function that starts a restore, which the report's commands call; empty where they are
    /// those of `cognito-dr`.
    pub trigger_function: String,
    /// The function that backs pools up, in the Region of each; empty where somebody else takes the
    /// backups of an undo.
    pub backup_function: String,
    /// The custom attribute that keeps the old `sub`, without `custom:`.
    pub legacy_sub_attribute: Option<String>,
    /// The role by which import jobs write their log; none, no import jobs.
    pub import_role_arn: Option<String>,
    /// The pools that a restore may write into although none made them.
    pub existing_user_pools: ExistingPools,
    /// Which passwords the users get. The Lambda knows only the default: ones that nobody knows.
    pub passwords: Passwords,
}

/// Pools that a restore may write into although none made them, as the function's role has it.
#[derive(Debug, Clone, PartialEq)]
pub enum ExistingPools {
    /// These, which may be none.
    These(Vec<UserPoolId>),
    /// Every pool of the account and Region.
    Every,
}

impl Default for ExistingPools {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl ExistingPools {
    /// Reads ids between commas, or `*`; nothing is no pool.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn read(list: &str) -> Result<Self, String> {
        if list.trim() == "*" {
            return Ok(Self::Every);
        }
        let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
        let pools: Result<_, _> = ids.map(str::parse::<UserPoolId>).collect();
        pools.map(Self::These).map_err(|error| error.to_string())
    }

    /// Whether the pool is one of them.
    pub fn hold(&self, pool: &UserPoolId) -> bool {
        match self {
            Self::These(pools) => pools.contains(pool),
            Self::Every => true,
        }
    }
}

/// What a restore calls, made once.
pub struct Clients {
    /// Cognito in the target Region.
    pub cognito: Cognito,
    /// Web ACLs in the target Region.
    pub waf: aws_sdk_wafv2::Client,
    /// Functions in the target Region.
    pub lambda: aws_sdk_lambda::Client,
    /// Where restores keep what they remember and leave behind.
    pub workspace: Workspace,
    /// Who hears how far it is.
    pub observer: Arc<dyn Observer>,
}

/// What the steps do with a thing that the pool has already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays: an earlier invocation made it, or it is none of the restore's business.
    #[default]
    Stays,
    /// It is made what the backup says, every member said explicitly: an undo.
    IsChanged,
}

/// One invocation of one restore.
pub struct Restore<'a> {
    /// Cognito in the target Region.
    pub cognito: &'a Cognito,
    /// Web ACLs in the target Region.
    pub waf: &'a aws_sdk_wafv2::Client,
    /// Functions in the target Region, to find the counterparts of triggers.
    pub lambda: &'a aws_sdk_lambda::Client,
    /// Where the restore keeps what it remembers and leaves behind.
    pub workspace: &'a Workspace,
    /// What the restore keeps there.
    pub folder: &'a Folder<'a>,
    /// The backup that is restored.
    pub backup: &'a Backup,
    /// Where it runs and what it may use there.
    pub settings: &'a RestoreSettings,
    /// The operator's map; empty when there is none.
    pub translations: &'a Translations,
    /// What becomes of what is there already.
    pub existing: Existing,
    /// Who hears how far it is.
    pub observer: &'a dyn Observer,
    /// When work stops and what is done is saved.
    pub stop: Stop,
}

impl Restore<'_> {
    /// The settings of the lost pool.
    pub fn head(&self) -> &BackupHead {
        &self.backup.head
    }

    /// Which backup it is.
    pub fn backup_name(&self) -> &BackupName {
        &self.backup.name
    }

    /// The pool that is restored into.
    ///
    /// # Errors
    /// [`RestoreError::Internal`] before the step that makes it: the plan's order was broken.
    pub fn target<'s>(&self, state: &'s RestoreState) -> Result<&'s UserPoolId, RestoreError> {
        state
            .new_user_pool_id
            .as_ref()
            .ok_or_else(|| RestoreError::Internal("no user pool to restore into yet".into()))
    }

    /// Keeps the state for the next invocation.
    ///
    /// # Errors
    /// As for [`Folder::save`].
    pub async fn save(&self, state: &RestoreState) -> Result<(), RestoreError> {
        self.folder.save(state).await
    }
}
