//! A backup as a person names it, for all commands: a file, a key, `latest`, `latest~2`, a time;
//! and a live pool where a command takes both.

mod typed;

use std::path::Path;

use clap::Args;
use indicatif::HumanBytes;
use jiff::Timestamp;
use model::request::FindRequest;
use model::{BackupKey, UserPoolId};
use vault::{Backup, Vault, VaultError};

use crate::arguments::Location;
use crate::choice;
use crate::context::Context;
use crate::error::Error;
use crate::forgotten;

pub(crate) use typed::{BackupOrPool, BackupReference};

/// How many backups a person can choose from.
const CHOICE: usize = 200;
/// In how many of the newest backups pools are looked for that a person can choose from.
const POOLS_OF: usize = 5000;
/// How many backups that cannot be used are passed over by `latest~N`, as by `latest`.
const DAMAGED_LIMIT: usize = 48;

/// The backup that a command works with.
#[derive(Debug, Clone, Args)]
pub(crate) struct BackupArguments {
    /// A file, an S3 key, `latest`, `latest~N` (the N-th before it), or a time, which means the
    /// newest backup whose reading had ended then
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: Option<BackupReference>,
    /// The pool whose backups `latest` and times are about, and that the users of another tool's
    /// file are from
    #[arg(long, value_name = "POOL_ID")]
    pub(crate) pool: Option<UserPoolId>,
}

impl BackupArguments {
    /// The backup as it was named.
    pub(crate) fn shown(&self) -> String {
        self.backup
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Opens the backup that is meant, or the one that a person chooses.
    ///
    /// # Errors
    /// When there is none, when it cannot be used, or when it is not named and nobody can be
    /// asked.
    pub(crate) async fn open(&self, context: &Context) -> Result<OpenBackup, Error> {
        match &self.backup {
            Some(backup) => backup.open(context, self.pool.as_ref()).await,
            None => {
                choose(context, self.pool.as_ref())
                    .await?
                    .without_forgotten(context)
                    .await
            }
        }
    }
}

/// A backup that is open, and where it lies.
#[derive(Debug)]
pub(crate) struct OpenBackup {
    pub(crate) backup: Backup,
    /// Where it lies, and where a restore of it keeps its workspace unless told otherwise: its
    /// bucket or folder.
    pub(crate) location: Location,
}

impl OpenBackup {
    async fn without_forgotten(self, context: &Context) -> Result<Self, Error> {
        let backup = forgotten::left_out(context, self.backup).await?;
        Ok(Self { backup, ..self })
    }

    /// Decrypts its secrets, if they are encrypted.
    ///
    /// # Errors
    /// When the credentials may not use their key.
    pub(crate) async fn decrypt_secrets(&mut self, context: &Context) -> Result<(), Error> {
        if self.backup.head.has_encrypted_secrets() {
            // The Region is that of the key.
            let config = context.aws_of(&self.backup.head.user_pool_id).await;
            self.backup.decrypt_secrets(&config).await?;
        }
        Ok(())
    }

    /// The whole address of it.
    pub(crate) fn address(&self) -> String {
        match self.backup.name.key() {
            Some(key) => format!("{}/{key}", self.location),
            None => self.backup.name.to_string(),
        }
    }
}

impl BackupReference {
    /// Opens it without the users who are forgotten; `pool` says whose `latest` or time is meant.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub(crate) async fn open(
        &self,
        context: &Context,
        pool: Option<&UserPoolId>,
    ) -> Result<OpenBackup, Error> {
        let found = self.find(context, pool).await?;
        found.without_forgotten(context).await
    }

    async fn find(
        &self,
        context: &Context,
        pool: Option<&UserPoolId>,
    ) -> Result<OpenBackup, Error> {
        match self {
            BackupReference::File(path) => open_file(path, pool).await,
            BackupReference::Key(key) => open_key(context, vault_named(context)?, key).await,
            BackupReference::KeyIn(bucket, key) => {
                open_key(context, Location::Bucket(bucket.clone()), key).await
            }
            BackupReference::Latest(_) | BackupReference::At(_) => {
                let location = vault_named(context)?;
                let vault = context.vault_at(&location).await?;
                let pool = match pool {
                    Some(pool) => pool.clone(),
                    None => choose_pool(context, &vault).await?,
                };
                let backup = match self {
                    BackupReference::Latest(before @ 1..) => {
                        before_latest(context, &vault, &pool, *before).await?
                    }
                    BackupReference::At(at) => newest(context, &vault, &pool, Some(*at)).await?,
                    _ => newest(context, &vault, &pool, None).await?,
                };
                Ok(OpenBackup { backup, location })
            }
        }
    }
}

fn vault_named(context: &Context) -> Result<Location, Error> {
    let location = context.options.vault.clone();
    location.ok_or_else(|| Error::missing("the vault", "--vault or COGNITO_DR_VAULT"))
}

/// A backup in a file, or a file of users that another tool wrote; `pool` is then the one that
/// they are from, unless the file's name says it.
async fn open_file(path: &Path, pool: Option<&UserPoolId>) -> Result<OpenBackup, Error> {
    if !path.exists() {
        return Err(Error::new(format!("there is no file {}", path.display())).hint(
            "A backup is named by a file, an S3 key (cognito-backup/...), latest, latest~N or a time such as 2026-03-07T09:00:00Z.",
        ));
    }
    let backup = if vault::is_users_file(path).unwrap_or(false) {
        let named = path
            .file_stem()
            .and_then(|name| name.to_str()?.parse().ok());
        let pool = pool.cloned().or(named).ok_or_else(|| {
            Error::new(format!(
                "{} holds users and does not say of which pool",
                path.display()
            ))
            .hint(
                "Name the pool by --pool. `cognito-dr users import` takes such a file into a pool.",
            )
        })?;
        Backup::open_users_file(path, None, pool).await?
    } else {
        Backup::open_file(path, None).await?
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let location = Location::Folder(Path::new(".").join(folder));
    Ok(OpenBackup { backup, location })
}

async fn open_key(
    context: &Context,
    location: Location,
    key: &BackupKey,
) -> Result<OpenBackup, Error> {
    let vault = context.vault_at(&location).await?;
    let backup = vault.open(key, None).await?;
    Ok(OpenBackup { backup, location })
}

/// The newest whole backup of a pool, whose reading had ended at a time where one is given.
async fn newest(
    context: &Context,
    vault: &Vault,
    pool: &UserPoolId,
    at: Option<Timestamp>,
) -> Result<Backup, Error> {
    let request = FindRequest {
        user_pool_id: pool.clone(),
        at,
        s3_key: None,
        resume: None,
        options: Default::default(),
    };
    let found = vault.find(&request, Timestamp::now()).await?;
    for passed in &found.passed_over {
        let (key, reason) = (&passed.s3_key, &passed.reason);
        context
            .terminal
            .warn(&format!("{key} is passed over: {reason}"));
    }
    Ok(vault
        .open(&found.s3_key, found.version_id.as_deref())
        .await?)
}

/// The whole backup that is so many before the newest whole one.
async fn before_latest(
    context: &Context,
    vault: &Vault,
    pool: &UserPoolId,
    before: usize,
) -> Result<Backup, Error> {
    let newest = newest(context, vault, pool, None).await?;
    let newest = newest
        .name
        .key()
        .ok_or_else(|| Error::new("a vault's backup has no key"))?;
    let began = newest.began();
    let limit = before + DAMAGED_LIMIT;
    let listed = vault.list(Some(pool), Some(began), limit).await?;
    let older = listed.into_iter().filter(|listed| listed.key < *newest);
    let mut left = before;
    for listed in older {
        match vault.open(&listed.key, None).await {
            Ok(backup) if left == 1 => return Ok(backup),
            Ok(_) => left -= 1,
            Err(VaultError::Damaged { reason, .. }) => {
                let key = &listed.key;
                context
                    .terminal
                    .warn(&format!("{key} is passed over: {reason}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let found = before - left;
    Err(Error::new(format!(
        "there is no latest~{before} of {pool}: the vault holds {found} whole backups before the newest"
    ))
    .hint("`cognito-dr backups` lists what the vault holds."))
}

/// Lets a person choose one of the pools that the vault has backups of.
async fn choose_pool(context: &Context, vault: &Vault) -> Result<UserPoolId, Error> {
    if !context.terminal.can_ask() {
        return Err(Error::missing("the pool", "--pool"));
    }
    let listed = vault.list(None, None, POOLS_OF).await?;
    let mut pools: Vec<&UserPoolId> = listed.iter().map(|listed| listed.key.pool()).collect();
    pools.sort();
    pools.dedup();
    let chosen = context.terminal.choose("Pool", &pools).await?;
    Ok(pools[chosen].clone())
}

/// Lets a person choose a backup of the vault; without one, a file of this folder.
async fn choose(context: &Context, pool: Option<&UserPoolId>) -> Result<OpenBackup, Error> {
    if !context.terminal.can_ask() {
        return Err(Error::missing("the backup", "the argument BACKUP"));
    }
    let Some(location) = context.options.vault.clone() else {
        let argument = "the argument BACKUP";
        let file = choice::file(context, None, argument, &["json", "csv"]).await?;
        return open_file(&file, pool).await;
    };
    let vault = context.vault_at(&location).await?;
    let listed = vault.list(pool, None, CHOICE).await?;
    let shown = listed.iter().map(|listed| {
        let (key, bytes) = (&listed.key, HumanBytes(listed.bytes));
        format!("{}  {}  {bytes}", key.began(), key.pool())
    });
    let shown: Vec<String> = shown.collect();
    let chosen = context.terminal.choose("Backup", &shown).await?;
    open_key(context, location, &listed[chosen].key).await
}
