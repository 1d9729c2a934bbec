//! What differs between a base and a whole backup of the same day.

use std::sync::Arc;

use model::BackupName;
use model::document::Base;

use super::{Named, NamedUser, Names};
use crate::error::VaultError;
use crate::open::Backup;

/// Whose base has more users is written whole: comparing takes 33 bytes for each.
const LARGEST_BASE: u64 = 4_000_000;

/// A user of a base, in 32 bytes.
#[derive(Debug)]
struct Entry {
    name: u128,
    /// The hash of the row, from which that of the new row is taken: what is left differs.
    row: u64,
    /// The same of the memberships, whose hashes are added up.
    groups: u64,
}

/// What differs between a base and a whole backup. Takes 33 bytes of memory for each user of the base.
#[derive(Debug)]
pub struct Changes {
    pub(super) base: Base,
    names: Names,
    /// The users of the base, by name.
    entries: Vec<Entry>,
    /// Which of them the whole backup has.
    pub(super) seen: Vec<bool>,
    /// How many users the base does not have.
    new: u64,
}

/// The users in whom two backups may differ that were compared with one base: whom either names.
#[derive(Debug)]
pub struct MayDiffer {
    changes: Arc<Changes>,
    named: Arc<Named>,
}

impl MayDiffer {
    pub(crate) fn contains(&self, username: &str) -> bool {
        self.named.contains(username) || self.changes.lists(username)
    }
}

impl Backup {
    /// The users in whom this backup and the whole one in which `changes` were found may differ. All
    /// others are the same in both. `None` where this backup has another base.
    ///
    /// # Errors
    /// [`VaultError`] when it is a difference, and whom it names cannot be read.
    pub async fn may_differ(
        &self,
        changes: &Arc<Changes>,
    ) -> Result<Option<Arc<MayDiffer>>, VaultError> {
        let base = match &self.on_base {
            Some(on_base) => &on_base.difference.base.crc64nvme,
            None => &self.trailer.crc64nvme,
        };
        if *base != changes.base.crc64nvme {
            return Ok(None);
        }
        Ok(Some(Arc::new(MayDiffer {
            changes: changes.clone(),
            named: self.named().await?,
        })))
    }
}

impl Changes {
    /// Compares; `None` where the base is not one to compare with.
    pub(super) async fn between(base: &Backup, whole: &Backup) -> Result<Option<Self>, VaultError> {
        let BackupName::Key(base_key) = &base.name else {
            return Ok(None);
        };
        if base.trailer.users > LARGEST_BASE {
            return Ok(None);
        }
        let names = Names::default();
        // A user who was deleted and made again while the base was read stands there twice.
        let mut entries = Vec::with_capacity(base.trailer.users as usize);
        let mut users = base.users(None).await?;
        while let Some(user) = users.next_json().await? {
            let Some(named) = NamedUser::of(&user.json) else {
                return Ok(None);
            };
            entries.push(Entry {
                name: names.of(named.name()),
                row: names.row(&user.json),
                groups: 0,
            });
        }
        entries.sort_unstable_by_key(|entry| entry.name);
        entries.dedup_by(|other, kept| {
            let same = other.name == kept.name;
            if same {
                kept.row = kept.row.wrapping_add(other.row);
            }
            same
        });
        let mut changes = Self {
            base: Base {
                s3_key: base_key.clone(),
                version_id: base.version_id.clone(),
                crc64nvme: base.trailer.crc64nvme.clone(),
            },
            seen: vec![false; entries.len()],
            names,
            entries,
            new: 0,
        };
        let mut memberships = base.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            let group = changes.names.row(membership.group.as_bytes());
            let Some(at) = changes.find(membership.username.as_str()) else {
                return Ok(None);
            };
            let entry = &mut changes.entries[at];
            entry.groups = entry.groups.wrapping_add(group);
        }
        let mut users = whole.users(None).await?;
        while let Some(user) = users.next_json().await? {
            let Some(named) = NamedUser::of(&user.json) else {
                return Ok(None);
            };
            match changes.find(named.name()) {
                Some(at) => {
                    let row = changes.names.row(&user.json);
                    let entry = &mut changes.entries[at];
                    entry.row = entry.row.wrapping_sub(row);
                    changes.seen[at] = true;
                }
                None => changes.new += 1,
            }
        }
        let mut memberships = whole.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            let group = changes.names.row(membership.group.as_bytes());
            if let Some(at) = changes.find(membership.username.as_str()) {
                let entry = &mut changes.entries[at];
                entry.groups = entry.groups.wrapping_sub(group);
            }
        }
        Ok(Some(changes))
    }

    pub(super) fn find(&self, username: &str) -> Option<usize> {
        let name = self.names.of(username);
        self.entries
            .binary_search_by_key(&name, |entry| entry.name)
            .ok()
    }

    /// Whether a difference lists the user.
    pub(super) fn lists(&self, username: &str) -> bool {
        self.find(username).is_none_or(|at| {
            let entry = &self.entries[at];
            entry.row != 0 || entry.groups != 0 || !self.seen[at]
        })
    }

    /// How many users a difference names.
    pub(super) fn count(&self) -> u64 {
        let seen = self.seen.iter();
        let changed = self.entries.iter().zip(seen);
        let changed = changed
            .filter(|(entry, seen)| entry.row != 0 || entry.groups != 0 || !**seen)
            .count();
        changed as u64 + self.new
    }
}
