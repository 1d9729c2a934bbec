//! Where a restore is kept, and which one a command goes on with.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use model::request::RestoreOptions;
use model::restore::RestoreState;
use model::{BackupName, RestoreId};
use vault::Workspace;

use super::Arguments;
use crate::arguments::Location;
use crate::backup_reference::OpenBackup;
use crate::commands::new_id;
use crate::context::Context;
use crate::error::Error;

/// One restore, and where it is kept.
pub(super) struct Kept {
    pub(super) id: RestoreId,
    /// The folder of this machine, unless it is a bucket.
    pub(super) folder: Option<PathBuf>,
    pub(super) workspace: Workspace,
    /// Whether it had begun before.
    pub(super) goes_on: bool,
}

impl Arguments {
    /// The restore that is gone on with, or a new one.
    pub(super) async fn kept(
        &self,
        context: &Context,
        opened: &OpenBackup,
        options: &RestoreOptions,
    ) -> Result<Kept, Error> {
        let backup = &opened.backup;
        if let Some(id) = &self.resume {
            let kept = self.at(context, opened, id.clone()).await?;
            let there = kept.state().await?.is_some();
            let missing = || {
                Error::new(format!("there is no restore {id} of this backup here"))
                    .hint("Name its workspace by --workspace.")
            };
            return there
                .then_some(Kept {
                    goes_on: true,
                    ..kept
                })
                .ok_or_else(missing);
        }
        for id in self.begun(opened) {
            let kept = self.at(context, opened, id).await?;
            let Some(state) = kept.state().await? else {
                continue;
            };
            if state.reported.is_none() && state.s3_key == backup.name && state.options == *options
            {
                let id = &kept.id;
                let began = state.began;
                context.terminal.note(&format!(
                    "Going on with the restore {id} of {began}, which did not come to its end."
                ));
                return Ok(Kept {
                    goes_on: true,
                    ..kept
                });
            }
        }
        let pool = &backup.head.user_pool_id;
        let id = new_id(options.kind(), pool);
        self.at(context, opened, id).await
    }

    /// The restores that are kept in a folder of this machine where this one would be.
    fn begun(&self, opened: &OpenBackup) -> Vec<RestoreId> {
        let (folder, prefix) = match (&self.workspace, &opened.backup.name) {
            (Some(Location::Bucket(_)), _) => return Vec::new(),
            (Some(Location::Folder(folder)), _) => (folder.join("cognito-restore"), String::new()),
            (None, BackupName::File(file)) => {
                let file = Path::new(file);
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let folder = file.parent().unwrap_or(Path::new("."));
                (folder.to_owned(), format!("{name}.restore-"))
            }
            (None, BackupName::Key(_)) => match &opened.location {
                Location::Folder(folder) => (folder.join("cognito-restore"), String::new()),
                Location::Bucket(_) => return Vec::new(),
            },
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut begun: Vec<RestoreId> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                name.to_str()?.strip_prefix(&prefix)?.parse().ok()
            })
            .collect();
        begun.sort();
        begun
    }

    /// The restore of this id, where it is kept.
    async fn at(
        &self,
        context: &Context,
        opened: &OpenBackup,
        id: RestoreId,
    ) -> Result<Kept, Error> {
        let location = match (&self.workspace, &opened.backup.name) {
            (Some(location), _) => location.clone(),
            (None, BackupName::File(file)) => {
                Location::Folder(format!("{file}.restore-{id}").into())
            }
            (None, BackupName::Key(_)) => opened.location.clone(),
        };
        let (folder, workspace) = match location {
            Location::Folder(folder) => {
                let workspace = Workspace::in_folder(&folder)?;
                (Some(folder), workspace)
            }
            Location::Bucket(bucket) => {
                let aws = context.aws_of_vault().await?;
                (None, Workspace::in_bucket(&aws, bucket))
            }
        };
        Ok(Kept {
            id,
            folder,
            workspace,
            goes_on: false,
        })
    }
}

impl Kept {
    async fn state(&self) -> Result<Option<RestoreState>, Error> {
        let key = self.id.object_key(RestoreState::OBJECT);
        let Some(bytes) = self.workspace.read(&key).await? else {
            return Ok(None);
        };
        let state = RestoreState::from_json(&bytes).map_err(|problem| {
            Error::new(format!(
                "{} cannot be read: {problem}",
                self.workspace.address(&key)
            ))
        });
        state.map(Some)
    }

    /// Keeps two processes apart that go on with the same restore in a folder. The system gives
    /// the lock free when its process ends, however it ends. In a bucket the later one takes the
    /// restore over, and the earlier one ends.
    pub(super) fn lock(&self) -> Result<Option<File>, Error> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let path = folder.join(format!(".{}.lock", self.id));
        let cannot = |error: io::Error| {
            Error::new(format!("cannot lock {}", path.display())).because_of(&error)
        };
        vault::make_private_folder(folder).map_err(cannot)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(Error::new(format!(
                "another process is at work on the restore {}",
                self.id
            ))
            .hint("Wait for it, or end it and give the same command again.")),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }
}
