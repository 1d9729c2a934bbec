//! A document that holds only what differs from another one, its base.

use crc_fast::{CrcAlgorithm, checksum};
use serde::{Deserialize, Serialize};

use crate::backup_key::BackupKey;

/// What the head of a difference says, as its member `difference`: against what it was written,
/// and what both together hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Against what it was written.
    pub base: Base,
    /// How many users the backup has.
    pub users: u64,
    /// How many groups have a list of members in it.
    pub groups: u64,
    /// How many memberships it has.
    pub memberships: u64,
    /// The sum of all its users and memberships.
    pub rows: RowSum,
}

/// The whole document that a difference was written against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Where it lies.
    pub s3_key: BackupKey,
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// The checksum in its trailer.
    pub crc64nvme: String,
}

/// A sum of users and memberships in whatever order: the CRC-64/NVME of each, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RowSum(u64);

impl RowSum {
    /// Adds a user, by the JSON text of the object.
    pub fn add_user(&mut self, json: &[u8]) {
        self.add(json);
    }

    /// Adds a membership.
    pub fn add_membership(&mut self, group: &str, username: &str) {
        // Neither may hold a line break.
        self.add(format!("{group}\n{username}").as_bytes());
    }

    fn add(&mut self, row: &[u8]) {
        self.0 = self.0.wrapping_add(checksum(CrcAlgorithm::Crc64Nvme, row));
    }
}

impl From<RowSum> for String {
    fn from(sum: RowSum) -> String {
        format!("{:016x}", sum.0)
    }
}

impl TryFrom<String> for RowSum {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}
