//! Reading an object piece by piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::byte_stream::error::Error as ByteStreamError;
use bytes::{Buf, Bytes, BytesMut};
use jiff::Timestamp;
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
    pub(crate) last_modified: Option<Timestamp>,
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

/// Which bytes of an object are wanted.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// From the first to before the second.
    Between(u64, u64),
    /// So many at the end, or all of a shorter object.
    Last(u64),
}

impl Wanted {
    fn header(self) -> String {
        match self {
            Wanted::Between(from, to) => format!("bytes={from}-{}", to.saturating_sub(1)),
            Wanted::Last(length) => format!("bytes=-{length}"),
        }
    }

    /// Where in a whole object of `bytes` bytes the wanted ones lie.
    fn within(self, bytes: u64) -> (u64, u64) {
        match self {
            Wanted::Between(from, to) => (from.min(bytes), to.min(bytes)),
            Wanted::Last(length) => (bytes.saturating_sub(length), bytes),
        }
    }
}

impl ObjectVersion {
    async fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        let wanted = Wanted::Between(from, to);
        let (version_id, etag) = (self.version_id.as_deref(), self.etag.as_deref());
        let (bytes, _) = self
            .vault
            .range(&self.key, version_id, etag, wanted)
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
            .range(key, version_id, None, Wanted::Last(length))
            .await?;
        Ok(Window {
            object_bytes: seen.object_bytes,
            last_modified: seen.last_modified,
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

    /// The first `length` bytes of an object, or all of a shorter one.
    pub(crate) async fn start_of(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
        length: u64,
    ) -> Result<Bytes, VaultError> {
        let wanted = Wanted::Between(0, length);
        Ok(self.range(key, version_id, None, wanted).await?.0)
    }

    async fn range(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
        etag: Option<&str>,
        wanted: Wanted,
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
                .range(wanted.header())
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
            let ranged = answer
                .content_range()
                .and_then(|range| range.rsplit_once('/'))
                .and_then(|(_, whole)| whole.parse().ok());
            let sent = u64::try_from(answer.content_length().unwrap_or(0)).unwrap_or(0);
            let seen = Seen {
                object_bytes: ranged.unwrap_or(sent),
                version_id: answer.version_id.clone(),
                etag: answer.e_tag.clone(),
                last_modified: answer
                    .last_modified()
                    .and_then(|time| Timestamp::from_second(time.secs()).ok()),
            };
            // HTTP lets a server send the whole instead of a range; some that stand in for S3 do.
            let (skip, end) = match ranged {
                Some(_) => (0, sent),
                None => wanted.within(sent),
            };
            match part_of(answer.body, skip, end).await {
                Ok(bytes) => return Ok((bytes, seen)),
                Err(error) if attempt == ATTEMPTS => return Err(broke_off(request, &error)),
                Err(_) => attempt += 1,
            }
        }
    }
}

/// The bytes of `body` from `skip` to before `end`.
async fn part_of(mut body: ByteStream, skip: u64, end: u64) -> Result<Bytes, ByteStreamError> {
    let mut part = BytesMut::new();
    let mut at = 0;
    while at < end {
        let Some(mut piece) = body.try_next().await? else {
            break;
        };
        let begins = at;
        at += piece.len() as u64;
        // The parts of the piece that lie before and behind what is wanted.
        let before = usize::try_from(skip.saturating_sub(begins)).unwrap_or(usize::MAX);
        let behind = usize::try_from(at.saturating_sub(end)).unwrap_or(usize::MAX);
        piece.truncate(piece.len().saturating_sub(behind));
        piece.advance(before.min(piece.len()));
        part.extend_from_slice(&piece);
    }
    Ok(part.freeze())
}

#[derive(Debug)]
struct Seen {
    object_bytes: u64,
    version_id: Option<String>,
    etag: Option<String>,
    last_modified: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_wanted_is_cut_out_of_a_whole_object() {
        for (wanted, expected) in [
            (Wanted::Between(0, 3), "012"),
            (Wanted::Between(4, 9), "45678"),
            (Wanted::Between(8, 30), "89"),
            (Wanted::Last(2), "89"),
            (Wanted::Last(99), "0123456789"),
        ] {
            let (skip, end) = wanted.within(10);
            let body = ByteStream::from_static(b"0123456789");
            assert_eq!(part_of(body, skip, end).await.unwrap(), expected);
        }
    }
}
