//! The last line of a document, from which a range read of the end tells that it is whole.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DocumentError;
use crate::change::{self, Change};

/// How many bytes from the end of an object are enough to hold any trailer.
pub const TRAILER_WINDOW: u64 = 16 * 1024;

pub(super) const TRAILER_START: &[u8] = b",\"trailer\":";

/// Counts and checksum of a whole document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// How many users the document holds.
    pub users: u64,
    /// How many groups have a list of members, empty lists included.
    pub groups: u64,
    /// How many memberships it holds, over all groups.
    pub memberships: u64,
    /// When reading the pool began.
    pub reading_began: Timestamp,
    /// When it ended. What changed in between may or may not be in the document.
    pub reading_ended: Timestamp,
    /// Where the first user's line begins, in bytes.
    pub users_offset: u64,
    /// Where the line after `"group_memberships":{` begins, in bytes.
    pub memberships_offset: u64,
    /// The length of all before the trailer's line, in bytes.
    pub bytes: u64,
    /// The CRC-64/NVME of those bytes, as 16 hexadecimal digits.
    pub crc64nvme: String,
    /// What changed since the backup before, where the backup says so. No sum covers it.
    #[serde(
        default,
        deserialize_with = "change::if_known",
        skip_serializing_if = "Option::is_none"
    )]
    pub change: Option<Change>,
}

impl Trailer {
    /// The last line of a document.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = TRAILER_START.to_vec();
        // A trailer always becomes JSON.
        line.extend(serde_json::to_vec(self).unwrap_or_default());
        line.extend_from_slice(b"}\n");
        line
    }

    /// Finds the trailer in the last bytes of an object ([`TRAILER_WINDOW`] of them are enough).
    ///
    /// # Errors
    /// [`DocumentError::NoTrailer`] when the object is cut off or is something else.
    pub fn find(end_of_object: &[u8]) -> Result<Self, DocumentError> {
        let line = end_of_object
            .strip_suffix(b"\n")
            .ok_or(DocumentError::NoTrailer)?;
        let line = line.rsplit(|byte| *byte == b'\n').next().unwrap_or(line);
        Self::from_line(line)
    }

    pub(super) fn from_line(line: &[u8]) -> Result<Self, DocumentError> {
        line.strip_prefix(TRAILER_START)
            .and_then(|rest| rest.strip_suffix(b"}"))
            .and_then(|json| serde_json::from_slice(json).ok())
            .ok_or(DocumentError::NoTrailer)
    }

    /// Whether `document`, a whole document, is the one that this trailer was written for.
    pub fn covers(&self, document: &[u8]) -> bool {
        let Some(covered) = usize::try_from(self.bytes)
            .ok()
            .and_then(|bytes| document.get(..bytes))
        else {
            return false;
        };
        self.matches(Checksum::of(covered).value())
    }

    /// Whether this is the checksum of the document's bytes before the trailer.
    pub fn matches(&self, crc64nvme: u64) -> bool {
        self.crc64nvme == format!("{crc64nvme:016x}")
    }
}

/// A CRC-64/NVME over pieces of a document.
///
/// Its state is one number: a backup that goes on in another invocation goes on with the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum(u64);

impl Checksum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes))
    }

    pub(super) fn empty() -> Self {
        Self::of(&[])
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        // The sum is the state of the calculation with every bit turned (its "xorout"). Going on
        // from there costs far less than combining two sums, and a user is a short piece.
        let algorithm = crc_fast::CrcAlgorithm::Crc64Nvme;
        let mut digest = crc_fast::Digest::new_with_init_state(algorithm, !self.0);
        digest.update(bytes);
        self.0 = digest.finalize();
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}
