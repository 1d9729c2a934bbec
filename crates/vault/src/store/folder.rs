//! Files below a folder.
//!
//! A file is written under a temporary name beside its place, made durable, and renamed. A process
//! that dies leaves the temporary file (`.NAME.ID.partial`), and nothing else that anybody reads.

mod lock;
mod upload;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use crc_fast::{CrcAlgorithm, checksum};
use jiff::Timestamp;
use model::BackupName;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{ETag, Listing, Opened, StoredObject};
use crate::error::VaultError;
use crate::source::{OpenFile, Stored};

/// Makes a folder that only its owner may look into: backups and what restores leave behind name
/// users.
///
/// # Errors
/// As the system answers; none where it is there already.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A folder, and what is below it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    #[cfg(feature = "testing")]
    steps: crate::testing::Steps,
}

impl Folder {
    /// The folder `root`, which is made when something is written.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when the current folder, to which a relative path is added, is gone.
    pub(crate) fn new(root: &Path) -> Result<Self, VaultError> {
        let absolute = std::path::absolute(root);
        let root = absolute.map_err(|error| failed("find", root.display().to_string(), &error))?;
        Ok(Self {
            root,
            #[cfg(feature = "testing")]
            steps: Default::default(),
        })
    }

    /// The same folder, in which a test lets a process die.
    #[cfg(feature = "testing")]
    pub(crate) fn with_steps(self, steps: crate::testing::Steps) -> Self {
        Self { steps, ..self }
    }

    pub(super) fn address(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }

    /// Does the work of a request away from the threads that must not block.
    async fn request<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce(&Self, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (folder, key) = (self.clone(), key.to_owned());
        let address = self.address(&key);
        let done = spawn_blocking(move || {
            let path = folder.path(&key)?;
            work(&folder, &path)
        });
        let done = done.await.map_err(io::Error::other).flatten();
        done.map_err(|error| failed(action, address, &error))
    }

    /// Where an object lies; never outside of the folder.
    fn path(&self, key: &str) -> io::Result<PathBuf> {
        let inside = |part| matches!(part, Component::Normal(_));
        match Path::new(key).components().all(inside) {
            true => Ok(self.root.join(key)),
            false => Err(io::Error::new(ErrorKind::InvalidInput, "not a key")),
        }
    }

    pub(super) async fn look_up(&self, key: &str) -> Result<Option<StoredObject>, VaultError> {
        self.request("read", key, |_, path| {
            let found = if_there(fs::read(path))?;
            Ok(found.map(|bytes| StoredObject {
                etag: etag_of(&bytes),
                bytes,
            }))
        })
        .await
    }

    pub(super) async fn remove(
        &self,
        key: &str,
        _version_id: Option<&str>,
    ) -> Result<(), VaultError> {
        self.request("remove", key, |folder, path| {
            folder.step()?;
            if_there(fs::remove_file(path)).map(drop)
        })
        .await
    }

    pub(super) async fn etag_of(&self, key: &str) -> Result<Option<ETag>, VaultError> {
        Ok(self.look_up(key).await?.map(|object| object.etag))
    }

    pub(super) async fn write(
        &self,
        key: &str,
        _content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), VaultError> {
        self.request("write", key, move |folder, path| {
            folder.make_room_for(path)?;
            let _lock = folder.lock()?;
            folder.replace(path, &bytes)
        })
        .await
    }

    /// No other process of this system writes between the look and the rename: it waits for the
    /// lock.
    pub(super) async fn write_if(
        &self,
        key: &str,
        _content_type: &str,
        bytes: Vec<u8>,
        expected: Option<&ETag>,
    ) -> Result<ETag, VaultError> {
        let expected = expected.cloned();
        let written = self.request("write", key, move |folder, path| {
            folder.make_room_for(path)?;
            let _lock = folder.lock()?;
            let found = if_there(fs::read(path))?;
            let (etag, found) = (etag_of(&bytes), found.as_deref().map(etag_of));
            if found == Some(etag.clone()) {
                return Ok(Some(etag));
            }
            if found != expected {
                return Ok(None);
            }
            folder.replace(path, &bytes).map(|()| Some(etag))
        });
        written
            .await?
            .ok_or_else(|| VaultError::Changed(self.address(key)))
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Listing, VaultError> {
        let (folder, beginning) = match prefix.rfind('/') {
            Some(slash) => prefix.split_at(slash + 1),
            None => ("", prefix),
        };
        let (above, beginning) = (folder.to_owned(), beginning.to_owned());
        self.request("list", folder, move |_, path| {
            let mut listing = Listing::default();
            let Some(entries) = if_there(fs::read_dir(path))? else {
                return Ok(listing);
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().into_string();
                let Some(name) = name.ok().filter(|name| name.starts_with(&beginning)) else {
                    continue;
                };
                // What links lead to; one that was removed meanwhile is not there.
                match if_there(fs::metadata(entry.path()))? {
                    Some(found) if found.is_dir() => {
                        listing.folders.push(format!("{above}{name}/"))
                    }
                    Some(found) => listing
                        .objects
                        .push((format!("{above}{name}"), found.len())),
                    None => {}
                }
            }
            Ok(listing)
        })
        .await
    }

    pub(super) async fn open(
        &self,
        name: &BackupName,
        key: &str,
        _version_id: Option<&str>,
        length: u64,
    ) -> Result<Opened, VaultError> {
        let opened = self.request("read", key, |_, path| {
            let file = File::open(path)?;
            let seen = file.metadata()?;
            if seen.is_dir() {
                return Err(ErrorKind::IsADirectory.into());
            }
            Ok((file, seen))
        });
        let (file, seen) = opened.await?;
        let (object_bytes, modified) = (seen.len(), seen.modified().ok());
        let stored = Stored::File(OpenFile {
            file: Arc::new(Mutex::new(file)),
            unchanged: Some((name.clone(), object_bytes, modified)),
        });
        let from = object_bytes.saturating_sub(length);
        Ok(Opened {
            end: stored.read(from, object_bytes).await?,
            object_bytes,
            last_modified: modified.and_then(|time| Timestamp::try_from(time).ok()),
            version_id: None,
            stored,
        })
    }

    /// Makes the folders that a file is to lie in. What this system makes is the owner's alone.
    fn make_room_for(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        if folder.is_dir() {
            return Ok(());
        }
        self.step()?;
        make_private_folder(folder)
    }

    /// Writes the whole of a file, in place of one that is there.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = temporary(path, &Uuid::new_v4().to_string());
        let written = self
            .write_temporary(&temporary, bytes)
            .and_then(|()| self.rename(&temporary, path));
        if written.is_err() && self.step().is_ok() {
            // Only the name of a file that nobody reads.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn write_temporary(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.create(path)?;
        self.write_all(&mut file, bytes)?;
        self.make_durable(&file)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }

    fn write_all(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let died = self.step();
        // Who dies while writing has written a part.
        let written = if died.is_ok() {
            bytes.len()
        } else {
            bytes.len() / 2
        };
        file.write_all(&bytes[..written])?;
        died
    }

    fn make_durable(&self, file: &File) -> io::Result<()> {
        self.step()?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(from, to)?;
        self.make_names_durable(to)
    }

    /// A name is durable when its folder is.
    fn make_names_durable(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        #[cfg(unix)]
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Before each change: in a test the process may be dead.
    fn step(&self) -> io::Result<()> {
        #[cfg(feature = "testing")]
        self.steps.next()?;
        Ok(())
    }
}

/// The name under which a file is written.
fn temporary(path: &Path, id: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{id}.partial"))
}

fn etag_of(bytes: &[u8]) -> ETag {
    let sum = checksum(CrcAlgorithm::Crc64Nvme, bytes);
    ETag(format!("{sum:016x}-{}", bytes.len()))
}

/// As in a bucket, the beginning of other objects' keys is no object.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

/// What an error of the file system means.
fn failed(action: &'static str, object: String, error: &io::Error) -> VaultError {
    let reason = error.to_string();
    match error.kind() {
        ErrorKind::NotFound => VaultError::Missing(object),
        ErrorKind::AlreadyExists => VaultError::KeyTaken(object),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => VaultError::NotAuthorized {
            action,
            object,
            reason,
        },
        ErrorKind::TimedOut
        | ErrorKind::Interrupted
        | ErrorKind::ResourceBusy
        | ErrorKind::StaleNetworkFileHandle => VaultError::Unavailable {
            action,
            object,
            reason,
        },
        _ => VaultError::Refused {
            action,
            object,
            reason,
        },
    }
}
