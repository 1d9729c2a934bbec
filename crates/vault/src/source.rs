//! The content of one backup, read piece by piece.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use model::BackupName;
use model::document::Trailer;
use tokio::task::spawn_blocking;

use crate::error::VaultError;
use crate::frames::{FrameSize, Frames};
use crate::store::bucket::ObjectVersion;

/// How many bytes one request asks for. Short requests instead of one long stream: a restore
/// reads far slower than S3 sends, and S3 closes connections that stall.
pub(crate) const PIECE: u64 = 4 * 1024 * 1024;

/// The content of one document. Positions are those of the content: whether and how the bytes are
/// compressed does not show.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    stored: Stored,
    /// The frames of a compressed document.
    frames: Option<Arc<Frames>>,
}

/// The bytes as they are stored: in S3, or in a file, which is a temporary one for a converted
/// backup.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    Object(Box<ObjectVersion>),
    File(OpenFile),
}

/// An open file, which several readers share.
#[derive(Debug, Clone)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<Mutex<File>>,
    /// The backup that it is, with its size and time; none for a temporary file. A file that is
    /// replaced stays readable as it was; one that is written to does not.
    pub(crate) unchanged: Option<(BackupName, u64, Option<SystemTime>)>,
}

impl Source {
    /// Content that is stored as it is.
    pub(crate) fn plain(stored: Stored) -> Self {
        Self {
            stored,
            frames: None,
        }
    }

    /// Content that is stored in frames.
    pub(crate) fn compressed(stored: Stored, frames: Frames) -> Self {
        Self {
            stored,
            frames: Some(Arc::new(frames)),
        }
    }

    /// Whether it is a file.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.stored, Stored::File(_))
    }

    /// The content from `from` to `end`, or to a place before it that suits reading on: some
    /// [`PIECE`] at most, and some byte at least unless `from` is `end`.
    pub(crate) async fn piece(&self, from: u64, end: u64) -> Result<Bytes, VaultError> {
        match &self.frames {
            None => self.stored.read(from, end.min(from + PIECE)).await,
            Some(frames) => frames.piece(&self.stored, from, end).await,
        }
    }

    /// The bytes as they are stored, from `from` to before `to`.
    pub(crate) async fn stored(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        self.stored.read(from, to).await
    }

    /// Where the line of the trailer is stored, and the frames before it.
    pub(crate) fn before_trailer(
        &self,
        trailer: &Trailer,
    ) -> Result<(u64, Vec<FrameSize>), VaultError> {
        match &self.frames {
            None => Ok((trailer.bytes, Vec::new())),
            Some(frames) => frames.before(trailer.bytes),
        }
    }

    /// The content from `from` to before `to`.
    pub(crate) async fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        if self.frames.is_none() {
            return self.stored.read(from, to).await;
        }
        let mut content = self.piece(from, to).await?;
        let mut reached = from + content.len() as u64;
        while reached < to {
            let more = self.piece(reached, to).await?;
            reached += more.len() as u64;
            content = [content, more].concat().into();
        }
        Ok(content)
    }
}

impl Stored {
    /// The bytes from `from` to before `to`.
    pub(crate) async fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        match self {
            Stored::Object(object) => object.read(from, to).await,
            Stored::File(file) => {
                let file = file.clone();
                spawn_blocking(move || file.read(from, to))
                    .await
                    .map_err(VaultError::temporary_storage)?
            }
        }
    }
}

impl OpenFile {
    fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        let piece = self.read_piece(from, to);
        let Some((name, bytes, modified)) = &self.unchanged else {
            return piece
                .map(|(piece, _)| piece)
                .map_err(VaultError::temporary_storage);
        };
        let (piece, seen) = piece.map_err(|error| VaultError::Unavailable {
            action: "read",
            object: name.to_string(),
            reason: error.to_string(),
        })?;
        if (seen.len(), &seen.modified().ok()) != (*bytes, modified) {
            let reason = "the file was changed while it was read";
            return Err(VaultError::damaged(name, reason));
        }
        Ok(piece)
    }

    fn read_piece(&self, from: u64, to: u64) -> std::io::Result<(Bytes, Metadata)> {
        // The position belongs to the file.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(from))?;
        let mut piece = Vec::new();
        (&mut *file).take(to - from).read_to_end(&mut piece)?;
        Ok((piece.into(), file.metadata()?))
    }
}
