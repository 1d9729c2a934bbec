//! Opening a backup: its head, its trailer, and whether it is what it should be.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use crc_fast::{CrcAlgorithm, Digest};
use model::document::{BackupHead, FORMAT_VERSION, TRAILER_WINDOW, Trailer};
use model::request::EndedBy;
use model::{BackupKey, BackupName};

use crate::Vault;
use crate::difference::{Named, OnBase};
use crate::error::VaultError;
use crate::forgotten::Forgotten;
use crate::frames::Frames;
use crate::lines::{Lines, Memberships, Users};
use crate::reference;
use crate::shards::open_whole;
use crate::source::Source;
use crate::store::{Opened, Store};
use bytes::Bytes;
use jiff::Timestamp;

/// The largest head that is read: settings, branding and terms of the largest pool stay far
/// below (a thousand clients, twenty styles of at most 2 MB, facts A.12).
const LARGEST_HEAD: u64 = 128 * 1024 * 1024;

/// The beginning of a document up to the version of its format, in bytes.
const LONGEST_VERSION: u64 = 64;

/// A backup that is open for reading.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Which backup it is.
    pub name: BackupName,
    /// The version that is read, in a versioned bucket; the checksum of a file.
    pub version_id: Option<String>,
    /// The size of the object in bytes.
    pub bytes: u64,
    /// Everything but users and memberships.
    pub head: BackupHead,
    /// Counts, without forgotten users, and checksum; computed for a document of the reference implementation, of which
    /// the time of the object stands for the end of reading.
    pub trailer: Trailer,
    /// One, or those of its shards.
    pub(crate) parts: Vec<Part>,
    /// What is known of a difference and its base.
    pub(crate) on_base: Option<Arc<OnBase>>,
    /// Whom it is read without.
    pub(crate) forgotten: Option<Arc<Forgotten>>,
}

/// What a document is in its backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it counts.
    Whole,
    /// The users whom the difference names do not.
    Base,
    /// Some of its users are only named, for they are gone.
    Difference,
}

/// One document of a backup.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) role: Role,
    pub(crate) source: Source,
    pub(crate) trailer: Trailer,
    /// Where it begins in the whole backup, in bytes.
    pub(crate) begins: u64,
}

/// What is in an object that was opened, whether it is compressed or not.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) source: Source,
    /// How long it is.
    pub(crate) bytes: u64,
    /// Its last kilobytes, the last line among them.
    end: Bytes,
    /// The store's time of the object.
    pub(crate) last_modified: Option<Timestamp>,
}

impl Content {
    async fn of(name: &BackupName, opened: Opened) -> Result<Self, VaultError> {
        let Some(frames) = Frames::find(name, &opened).await? else {
            return Ok(Self {
                source: Source::plain(opened.stored),
                bytes: opened.object_bytes,
                end: opened.end,
                last_modified: opened.last_modified,
            });
        };
        Ok(Self {
            bytes: frames.content_bytes(),
            end: frames.last(&opened).await?,
            source: Source::compressed(opened.stored, frames),
            last_modified: opened.last_modified,
        })
    }
}

impl Vault {
    /// Opens a backup without the users who are [forgotten](Vault::forget): they and their
    /// memberships are not read, and not counted. Unless the pool's list is empty, the users are
    /// read through once.
    ///
    /// # Errors
    /// As [`Vault::open_as_stored`], and when the list cannot be read.
    pub async fn open(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
    ) -> Result<Backup, VaultError> {
        let stored = Box::pin(self.open_as_stored(key, version_id)).await?;
        let forgotten = self.forgotten(key.pool()).await?;
        Box::pin(stored.without(forgotten)).await
    }

    /// Opens a backup with all users that stand in it: reads its head and its end, and checks that
    /// they belong together. A shard opens with all others of its backup, which lie beside it.
    ///
    /// A document of the reference implementation is copied to temporary storage, read through
    /// and brought into today's form there: only that way it is known to be whole.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when there is no such object, [`VaultError::Damaged`] when it is
    /// cut off, foreign, or of another pool than its key says, [`VaultError::WithoutBase`] when it
    /// is a difference whose base cannot be used, [`VaultError::TooNew`] when a newer version of
    /// this system wrote it.
    pub async fn open_as_stored(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
    ) -> Result<Backup, VaultError> {
        match self.open_exactly(key, version_id).await {
            Err(VaultError::WithoutBase {
                name, base, reason, ..
            }) => Err(VaultError::WithoutBase {
                name,
                base,
                reason,
                instead: self.newest_but(key).await.map(Box::new),
            }),
            opened => opened,
        }
    }

    /// The same, without looking for another backup where this one cannot be used.
    pub(crate) async fn open_exactly(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
    ) -> Result<Backup, VaultError> {
        let name = BackupName::Key(key.clone());
        let object = self.object(key);
        let opened = Box::pin(open_whole(self.store(), &name, &object, version_id));
        let backup = match opened.await {
            Err(VaultError::Missing(address)) => {
                let copy = match Box::pin(self.open_last_of(key)).await {
                    None => Box::pin(self.open_kept(key)).await,
                    last => last,
                };
                copy.ok_or(VaultError::Missing(address))?
            }
            opened => opened?,
        };
        if backup.head.user_pool_id == *key.pool() {
            Ok(backup)
        } else {
            let reason = "it holds another pool than its key says";
            Err(VaultError::damaged(&name, reason))
        }
    }
}

impl Vault {
    /// Reads a document back that was just written, all of it: whether `trailer` is its end and
    /// its checksum fits. Of a shard only its own document is read.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] when it is not what was written; others as for [`Vault::open`].
    pub async fn check_written(
        &self,
        key: &BackupKey,
        version_id: Option<&str>,
        trailer: &Trailer,
    ) -> Result<(), VaultError> {
        let name = BackupName::Key(key.clone());
        let object = self.object(key);
        let opened = Box::pin(open(self.store(), &name, &object, version_id));
        let written = opened.await?;
        match written.trailer == *trailer {
            true => written.check_whole().await,
            false => Err(VaultError::damaged(&name, "it is not what was written")),
        }
    }
}

impl Backup {
    /// Opens a backup in a file, whatever its name, with all users that stand in it. Pool and time
    /// are in its head.
    ///
    /// `version_id` is [that](Backup::version_id) of the backup that is expected, if one is.
    ///
    /// # Errors
    /// As for [`Vault::open`]; [`VaultError::Damaged`] when another backup than the expected one
    /// lies there.
    pub async fn open_file(path: &Path, version_id: Option<&str>) -> Result<Self, VaultError> {
        let vault = Vault::in_file(path)?;
        let object = vault.file.as_deref().unwrap_or_default();
        let name = BackupName::File(vault.store().address(object));
        Box::pin(open_whole(vault.store(), &name, object, version_id)).await
    }
}

pub(crate) async fn open(
    store: &Store,
    name: &BackupName,
    object: &str,
    expected: Option<&str>,
) -> Result<Backup, VaultError> {
    let opened = store.open(name, object, expected, TRAILER_WINDOW).await?;
    let (version_id, bytes) = (opened.version_id.clone(), opened.object_bytes);
    if bytes == 0 {
        return Err(VaultError::damaged(name, "the object is empty"));
    }
    let content = Content::of(name, opened).await?;
    let read = match Trailer::find(&content.end) {
        Ok(trailer) => with_trailer(name, &content, trailer).await,
        Err(_) => reference::convert(name, &content).await,
    };
    let (head, trailer, source) = match read {
        // What a newer version wrote may look like damage to this one.
        Err(VaultError::Damaged { name, reason }) => {
            return Err(match newer_format(&content).await? {
                Some(format_version) => VaultError::TooNew {
                    name,
                    format_version,
                },
                None => VaultError::Damaged { name, reason },
            });
        }
        read => read?,
    };
    // A file has no versions: its checksum tells one backup from another.
    let is_file = content.source.is_file();
    let checksum = is_file.then(|| trailer.crc64nvme.clone());
    if checksum.is_some() && expected.is_some_and(|expected| Some(expected) != checksum.as_deref())
    {
        let reason = "another backup lies there by now";
        return Err(VaultError::damaged(name, reason));
    }
    Ok(Backup {
        name: name.clone(),
        version_id: checksum.or(version_id),
        bytes,
        head,
        on_base: None,
        forgotten: None,
        parts: vec![Part {
            role: Role::Whole,
            source,
            trailer: trailer.clone(),
            begins: 0,
        }],
        trailer,
    })
}

/// The version of a document's format, when it is one that this version does not know.
async fn newer_format(content: &Content) -> Result<Option<u64>, VaultError> {
    let start = content.bytes.min(LONGEST_VERSION);
    let start = content.source.read(0, start).await?;
    let number = start.strip_prefix(reference::TODAYS_FORM).unwrap_or(b"");
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
    let digits: String = digits.map(|byte| char::from(*byte)).collect();
    let version = digits.parse().ok();
    Ok(version.filter(|version| *version > FORMAT_VERSION))
}

async fn with_trailer(
    name: &BackupName,
    content: &Content,
    trailer: Trailer,
) -> Result<(BackupHead, Trailer, Source), VaultError> {
    let end = &content.end;
    let last_line = end.strip_suffix(b"\n").unwrap_or(end);
    let last_line = last_line
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let in_order = trailer.users_offset <= trailer.memberships_offset
        && trailer.memberships_offset <= trailer.bytes;
    if !in_order || trailer.bytes + last_line.len() as u64 + 1 != content.bytes {
        let reason = "its trailer does not fit the object: bytes are missing";
        return Err(VaultError::damaged(name, reason));
    }
    if trailer.users_offset > LARGEST_HEAD {
        let reason = "its head is larger than any pool's";
        return Err(VaultError::damaged(name, reason));
    }
    let start = content.source.read(0, trailer.users_offset).await?;
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let head = BackupHead::from_line(line).map_err(|error| VaultError::unreadable(name, &error))?;
    Ok((head, trailer, content.source.clone()))
}

impl Backup {
    /// What tells when the reading of this backup ended.
    pub fn ended_by(&self) -> EndedBy {
        match self.head.format_version {
            1 => EndedBy::Object,
            _ => EndedBy::Trailer,
        }
    }

    /// The users, from the line that begins at byte `from_offset` ([`UserLine::next_offset`]);
    /// from the first with `None`.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] when the offset is not one within the users.
    ///
    /// [`UserLine::next_offset`]: crate::UserLine::next_offset
    pub async fn users(&self, from_offset: Option<u64>) -> Result<Users, VaultError> {
        let Some(from) = from_offset else {
            let named = self.named().await?;
            let lines = self.lines_of_users(&self.parts, None);
            return Ok(Users::new(lines, named, self.forgotten.clone()));
        };
        // The last part that begins there or before.
        let begun = self.parts.partition_point(|part| part.begins <= from);
        let parts = &self.parts[begun.saturating_sub(1)..];
        let users = |part: &Part| {
            let first = part.begins + part.trailer.users_offset;
            (first..=part.begins + part.trailer.memberships_offset).contains(&from)
        };
        if !parts.first().is_some_and(users) {
            let reason = format!("there are no users at byte {from}");
            return Err(VaultError::damaged(&self.name, &reason));
        }
        let named: Arc<Named> = self.named().await?;
        let lines = self.lines_of_users(parts, Some(from));
        Ok(Users::new(lines, named, self.forgotten.clone()))
    }

    /// The lines of users of some parts, of the first from a byte of the whole backup.
    fn lines_of_users(&self, parts: &[Part], mut from: Option<u64>) -> VecDeque<Lines> {
        let lines = parts.iter().map(|part| {
            let first = from.take().map(|from| from - part.begins);
            let first = first.unwrap_or(part.trailer.users_offset);
            Lines::new(part, &self.name, first, part.trailer.memberships_offset)
        });
        lines.collect()
    }

    /// The memberships, from the first; of shards those of each in turn.
    ///
    /// # Errors
    /// [`VaultError`] when it is a difference, and whom it names cannot be read.
    pub async fn memberships(&self) -> Result<Memberships, VaultError> {
        let lines = self.parts.iter().map(|part| {
            let trailer = &part.trailer;
            Lines::new(part, &self.name, trailer.memberships_offset, trailer.bytes)
        });
        let (named, forgotten) = (self.named().await?, self.forgotten.clone());
        Ok(Memberships::new(lines.collect(), named, forgotten))
    }

    /// Reads all of it and compares the checksum.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] when a byte differs from what was written.
    pub async fn check_whole(&self) -> Result<(), VaultError> {
        for part in &self.parts {
            let mut sum = Digest::new(CrcAlgorithm::Crc64Nvme);
            let mut at = 0;
            while at < part.trailer.bytes {
                let piece = part.source.piece(at, part.trailer.bytes).await?;
                sum.update(&piece);
                at += piece.len() as u64;
            }
            if !part.trailer.matches(sum.finalize()) {
                return Err(VaultError::damaged(&self.name, "its checksum is wrong"));
            }
        }
        self.check_rows().await
    }

    /// Whether it is a document against which others are written.
    pub(crate) fn is_a_base(&self) -> bool {
        self.head.format_version >= 3
            && self.on_base.is_none()
            && self.head.shard().is_none()
            && matches!(self.head.difference(), Ok(None))
    }
}
