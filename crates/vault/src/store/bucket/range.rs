//! Reading an object piece by piece.

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::byte_stream::error::Error as ByteStreamError;
use bytes::{Buf, Bytes, BytesMut};
use jiff::Timestamp;
use model::BackupName;

use super::Bucket;
use crate::error::{Meaning, VaultError, broke_off, failed, meaning_of};
use crate::source::Stored;
use crate::store::Opened;

/// How often a piece is asked for when its body breaks off.
const ATTEMPTS: u32 = 4;

/// One version of one object; reading notices when it is replaced meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct ObjectVersion {
    bucket: Bucket,
    name: BackupName,
    key: String,
    version_id: Option<String>,
    etag: Option<String>,
}

/// What an answer tells beside the bytes.
#[derive(Debug)]
struct ObjectFacts {
    object_bytes: u64,
    version_id: Option<String>,
    etag: Option<String>,
    last_modified: Option<Timestamp>,
}

/// Which bytes of an object are wanted.
#[derive(Debug, Clone, Copy)]
enum ByteRange {
    /// From the first to before the second.
    Between(u64, u64),
    /// So many at the end, or all of a shorter object.
    Last(u64),
}

impl ByteRange {
    fn header(self) -> String {
        match self {
            ByteRange::Between(from, to) => format!("bytes={from}-{}", to.saturating_sub(1)),
            ByteRange::Last(length) => format!("bytes=-{length}"),
        }
    }

    /// Where in a whole object of `bytes` bytes the wanted ones lie.
    fn within(self, bytes: u64) -> (u64, u64) {
        match self {
            ByteRange::Between(from, to) => (from.min(bytes), to.min(bytes)),
            ByteRange::Last(length) => (bytes.saturating_sub(length), bytes),
        }
    }
}

impl Bucket {
    pub(in crate::store) async fn open(
        &self,
        name: &BackupName,
        key: &str,
        version_id: Option<&str>,
        length: u64,
    ) -> Result<Opened, VaultError> {
        let mut version = ObjectVersion {
            bucket: self.clone(),
            name: name.clone(),
            key: key.to_owned(),
            version_id: version_id.map(str::to_owned),
            etag: None,
        };
        let (end, seen) = version.range(ByteRange::Last(length)).await?;
        let version_id = version.version_id.take().or(seen.version_id);
        version.version_id = version_id.filter(|version| version != "null");
        version.etag = seen.etag;
        Ok(Opened {
            end,
            object_bytes: seen.object_bytes,
            last_modified: seen.last_modified,
            version_id: version.version_id.clone(),
            stored: Stored::Object(Box::new(version)),
        })
    }
}

impl ObjectVersion {
    pub(crate) async fn read(&self, from: u64, to: u64) -> Result<Bytes, VaultError> {
        let (bytes, _) = self.range(ByteRange::Between(from, to)).await?;
        if bytes.len() as u64 == to - from {
            Ok(bytes)
        } else {
            Err(self.damaged("it is shorter than its trailer says"))
        }
    }

    fn damaged(&self, reason: &str) -> VaultError {
        VaultError::damaged(&self.name, reason)
    }

    async fn range(&self, wanted: ByteRange) -> Result<(Bytes, ObjectFacts), VaultError> {
        let request = || self.bucket.request("read", &self.key);
        let mut attempt = 1;
        loop {
            let answer = self
                .bucket
                .client
                .get_object()
                .bucket(&self.bucket.name)
                .key(&self.key)
                .set_version_id(self.version_id.clone())
                .set_if_match(self.etag.clone())
                .range(wanted.header())
                .send()
                .await
                .map_err(|error| match meaning_of(&error) {
                    Meaning::Range => {
                        self.damaged("the object is empty or shorter than its trailer says")
                    }
                    Meaning::Condition => self.damaged("the object was replaced while it was read"),
                    Meaning::Archived => {
                        self.damaged("it lies in an archive: restore the object in S3 first")
                    }
                    _ => failed(request(), &error),
                })?;
            let ranged = answer
                .content_range()
                .and_then(|range| range.rsplit_once('/'))
                .and_then(|(_, whole)| whole.parse().ok());
            let sent = u64::try_from(answer.content_length().unwrap_or(0)).unwrap_or(0);
            let seen = ObjectFacts {
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
                Err(error) if attempt == ATTEMPTS => return Err(broke_off(request(), &error)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_wanted_is_cut_out_of_a_whole_object() {
        for (wanted, expected) in [
            (ByteRange::Between(0, 3), "012"),
            (ByteRange::Between(4, 9), "45678"),
            (ByteRange::Between(8, 30), "89"),
            (ByteRange::Last(2), "89"),
            (ByteRange::Last(99), "0123456789"),
        ] {
            let (skip, end) = wanted.within(10);
            let body = ByteStream::from_static(b"0123456789");
            assert_eq!(part_of(body, skip, end).await.unwrap(), expected);
        }
    }
}
