//! The bytes of one backup, read piece by piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::error::VaultError;
use crate::store::bucket::ObjectVersion;

/// How many bytes one request asks for. Short requests instead of one long stream: a restore
/// reads far slower than S3 sends, and S3 closes connections that stall.
pub(crate) const PIECE: u64 = 4 * 1024 * 1024;

/// The bytes of one backup: in S3, or in a temporary file for a converted one.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Object(Box<ObjectVersion>),
    File(Arc<Mutex<File>>),
}

impl Source {
    /// The bytes from `from` to before `to`.
    pub(crate) async fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        match self {
            Source::Object(object) => object.read(from, to).await,
            Source::File(file) => {
                let file = file.clone();
                tokio::task::spawn_blocking(move || read_file(&file, from, to))
                    .await
                    .map_err(VaultError::temporary_storage)?
                    .map_err(VaultError::temporary_storage)
            }
        }
    }
}

fn read_file(file: &Mutex<File>, from: u64, to: u64) -> std::io::Result<Bytes> {
    // The position belongs to the file, which several readers share.
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(from))?;
    let mut piece = Vec::new();
    (&mut *file).take(to - from).read_to_end(&mut piece)?;
    Ok(piece.into())
}
