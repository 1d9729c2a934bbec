//! What DynamoDB keeps about each backup: one row, written when the object is complete.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::backup_key::BackupKey;
use crate::document::{BackupHead, SectionStatus, Trailer};
use crate::inventory::Section;
use crate::users_listing::UsersListing;

/// One row of the table `cognito-backup-metadata-{environment}`, keyed by `user_pool_id` and
/// `backup_date`.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupRow {
    /// Where the object lies; its pool and time are the row's keys.
    pub key: BackupKey,
    /// The object's version in the versioned bucket, when S3 gave one.
    pub version_id: Option<String>,
    /// Users, groups with members, memberships, times and checksum.
    pub trailer: Trailer,
    /// The object's size in bytes.
    pub bytes: u64,
    /// From the first read to the complete object, in milliseconds.
    pub duration_milliseconds: u64,
    /// How many elements each list section has.
    pub counts: BTreeMap<Section, u64>,
    /// How the reading of each section went.
    pub sections: BTreeMap<Section, SectionStatus>,
    /// How the users were listed; none for a shard, and where only the object is known.
    pub users_listing: Option<UsersListing>,
}

impl BackupRow {
    /// The row for a document that was just completed.
    pub fn new(
        key: BackupKey,
        version_id: Option<String>,
        head: &BackupHead,
        trailer: Trailer,
        bytes: u64,
        completed: Timestamp,
    ) -> Self {
        let counts = Section::at_the_head()
            .filter(|section| section.is_list())
            .map(|section| (section, head.list(section).len() as u64))
            .collect();
        let duration = completed.as_millisecond() - trailer.reading_began.as_millisecond();
        Self {
            key,
            version_id,
            bytes,
            duration_milliseconds: u64::try_from(duration).unwrap_or(0),
            counts,
            sections: head.statuses().clone(),
            users_listing: None,
            trailer,
        }
    }

    /// How many elements a list section has.
    pub fn count(&self, section: Section) -> u64 {
        self.counts.get(&section).copied().unwrap_or(0)
    }

    /// The sections that could not be read.
    pub fn failed_sections(&self) -> impl Iterator<Item = (Section, &str)> {
        self.sections
            .iter()
            .filter_map(|(section, status)| match status {
                SectionStatus::Failed { error } => Some((*section, error.as_str())),
                _ => None,
            })
    }
}
