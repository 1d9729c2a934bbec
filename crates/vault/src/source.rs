//! Reading an object piece by piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use model::BackupKey;

use crate::Vault;
use crate::error::{Meaning, VaultError, failed, meaning_of};
use crate::object::broke_off;

/// How many bytes one request asks for. Short requests instead of one long stream: a restore
/// reads far slower than S3 sends, and S3 closes connections that stall.
pub(crate) const PIECE: u64 = 4 * 1024 * 1024;
/// How often a piece is asked for when its body breaks off.
const ATTEMPTS: u32 = 4;

/// The bytes of one backup: in S3, or in a temporary file for a converted one.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Object(Box<ObjectVersion>),
    File(Arc<Mutex<File>>),
}

/// One version of one object; reading notices when it is replaced meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct ObjectVersion {
    pub(crate) vault: Vault,
    pub(crate) key: BackupKey,
    pub(crate) version_id: Option<String>,
    pub(crate) etag: Option<String>,
}

/// What a first request to an object tells.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) bytes: Bytes,
    pub(crate) object_bytes: u64,
    pub(crate) version: ObjectVersion,
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
    let mut file = file
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(SeekFrom::Start(from))?;
    let mut piece = Vec::new();
    (&mut *file).take(to - from).read_to_end(&mut piece)?;
    Ok(piece.into())
}

impl ObjectVersion {
    async fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        let range = format!("bytes={from}-{}", to.saturating_sub(1));
        let (bytes, _) = self
            .vault
            .range(
                &self.key,
                self.version_id.as_deref(),
                self.etag.as_deref(),
                range,
            )
            .await?;
        if bytes.len() as u64 == to - from {
            Ok(bytes)
        } else {
            Err(VaultError::Damaged {
                key: self.key.clone(),
                reason: "it is shorter than its trailer says".into(),
            })
        }
    }
}

impl Vault {
    /// The last `length` bytes of an object, or all of a shorter one.
    pub(crate) async fn end_of(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
        length: u64,
    ) -> Result<Window, VaultError> {
        let (bytes, seen) = self
            .range(key, version_id, None, format!("bytes=-{length}"))
            .await?;
        Ok(Window {
            object_bytes: seen.object_bytes.unwrap_or(bytes.len() as u64),
            version: ObjectVersion {
                vault: self.clone(),
                key: key.clone(),
                version_id: version_id
                    .map(str::to_owned)
                    .or(seen.version_id)
                    .filter(|version| version != "null"),
                etag: seen.etag,
            },
            bytes,
        })
    }

    async fn range(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
        etag: Option<&str>,
        range: String,
    ) -> Result<(Bytes, Seen), VaultError> {
        let object = key.to_string();
        let request = self.request("read", &object);
        let damaged = |reason: &str| VaultError::Damaged {
            key: key.clone(),
            reason: reason.into(),
        };
        let mut attempt = 1;
        loop {
            let answer = self
                .client
                .get_object()
                .bucket(&self.bucket)
                .key(&object)
                .set_version_id(version_id.map(str::to_owned))
                .set_if_match(etag.map(str::to_owned))
                .range(&range)
                .send()
                .await
                .map_err(|error| match meaning_of(&error) {
                    Meaning::Range => {
                        damaged("the object is empty or shorter than its trailer says")
                    }
                    Meaning::Condition => damaged("the object was replaced while it was read"),
                    Meaning::Archived => {
                        damaged("it lies in an archive: restore the object in S3 first")
                    }
                    _ => failed(request, &error),
                })?;
            let seen = Seen {
                object_bytes: answer
                    .content_range()
                    .and_then(|range| range.rsplit_once('/'))
                    .and_then(|(_, whole)| whole.parse().ok()),
                version_id: answer.version_id.clone(),
                etag: answer.e_tag.clone(),
            };
            match answer.body.collect().await {
                Ok(body) => return Ok((body.into_bytes(), seen)),
                Err(error) if attempt == ATTEMPTS => return Err(broke_off(request, &error)),
                Err(_) => attempt += 1,
            }
        }
    }
}

#[derive(Debug)]
struct Seen {
    object_bytes: Option<u64>,
    version_id: Option<String>,
    etag: Option<String>,
}
