//! Uploads: a temporary file that grows, and gets its name at the end.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use tempfile::TempPath;
use uuid::Uuid;

use super::{Folder, if_there, temporary};
use crate::error::VaultError;
use crate::store::{Existing, Finished, Kind, Part, PartPlace, Unfinished};

impl Folder {
    pub(in crate::store) async fn begin(
        &self,
        key: &str,
        _content_type: &str,
        existing: Existing,
        _kind: Kind,
    ) -> Result<Unfinished, VaultError> {
        self.request("begin to write", key, move |folder, path| {
            folder.make_room_for(path)?;
            if existing == Existing::Keep && fs::exists(path)? {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let upload_id = Uuid::new_v4().to_string();
            let file = folder.create(&temporary(path, &upload_id))?;
            Ok(Unfinished {
                mark: mark_of(&file.metadata()?),
                upload_id,
                parts: Vec::new(),
                bytes: 0,
            })
        })
        .await
    }

    /// A part that was sent before is written over.
    pub(in crate::store) async fn send_part(
        &self,
        key: &str,
        upload_id: &str,
        place: PartPlace,
        bytes: Bytes,
    ) -> Result<Part, VaultError> {
        let upload_id = upload_id.to_owned();
        let sent = self.request("write", key, move |folder, path| {
            let Some(mut file) = open(&temporary(path, &upload_id))? else {
                return Ok(false);
            };
            file.seek(SeekFrom::Start(place.offset))?;
            folder.write_all(&mut file, &bytes)?;
            folder.make_durable(&file)?;
            Ok(true)
        });
        match sent.await? {
            true => Ok(Part {
                etag: String::new(),
            }),
            false => Err(VaultError::UploadEnded(self.address(key))),
        }
    }

    pub(in crate::store) async fn complete(
        &self,
        key: &str,
        upload: &Unfinished,
        existing: Existing,
    ) -> Result<Finished, VaultError> {
        let unfinished = upload.clone();
        let completed = self.request("complete", key, move |folder, path| {
            let temporary = temporary(path, &unfinished.upload_id);
            let Some(file) = open(&temporary)? else {
                return is_marked(path, &unfinished.mark);
            };
            if file.metadata()?.len() < unfinished.bytes {
                let reason = "parts of it are missing";
                return Err(io::Error::new(ErrorKind::InvalidData, reason));
            }
            // One that went on from an older state may have written more.
            folder.step()?;
            file.set_len(unfinished.bytes)?;
            folder.make_durable(&file)?;
            match existing {
                Existing::Replace => folder.rename(&temporary, path)?,
                Existing::Keep => match folder.name_anew(&temporary, path) {
                    // Who died between the two names of one file finds both.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        let ours = is_marked(path, &unfinished.mark)?;
                        if ours == Some(true) {
                            folder.step()?;
                            fs::remove_file(&temporary)?;
                        }
                        return Ok(ours);
                    }
                    named => named?,
                },
            }
            Ok(Some(true))
        });
        match completed.await? {
            Some(true) => Ok(Finished {
                version_id: None,
                bytes: upload.bytes,
            }),
            Some(false) if existing == Existing::Keep => {
                Err(VaultError::KeyTaken(self.address(key)))
            }
            _ => Err(VaultError::UploadEnded(self.address(key))),
        }
    }

    pub(in crate::store) async fn abort(
        &self,
        key: &str,
        upload: &Unfinished,
    ) -> Result<(), VaultError> {
        let upload_id = upload.upload_id.clone();
        self.request("end the upload of", key, move |folder, path| {
            folder.step()?;
            if_there(fs::remove_file(temporary(path, &upload_id))).map(drop)
        })
        .await
    }

    /// Renames a file, never over another one.
    fn name_anew(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        let renamed = TempPath::try_from_path(from)?.persist_noclobber(to);
        renamed.map_err(|error| {
            // The file stays: the upload may be completed later.
            match error.path.keep() {
                Ok(_) => error.error,
                Err(kept) => kept.error,
            }
        })?;
        self.make_names_durable(to)
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    if_there(OpenOptions::new().write(true).open(path))
}

/// Whether the file at `path` is the one of this mark; `None` when there is no file.
fn is_marked(path: &Path, mark: &str) -> io::Result<Option<bool>> {
    let found = if_there(fs::metadata(path))?;
    Ok(found.map(|found| !mark.is_empty() && mark_of(&found) == mark))
}

/// What stays with a file when its name changes; nothing where the system does not tell.
fn mark_of(file: &Metadata) -> String {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::ino(file).to_string();
    #[cfg(not(unix))]
    return String::new();
}
