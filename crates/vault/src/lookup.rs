//! Looking at many backups of one pool without reading them all.

use model::document::{BackupHead, Trailer, UserRecord};
use model::{BackupKey, BackupName, Sub};

use crate::Vault;
use crate::difference::NamedUser;
use crate::error::VaultError;
use crate::open::{Backup, open};

/// What a backup says of itself, without its users, and without its base if it has one.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Everything but users and memberships.
    pub head: BackupHead,
    /// Counts of the whole backup, times, and what changed since the one before.
    pub trailer: Trailer,
    /// The size of its own object in bytes.
    pub bytes: u64,
    /// On which backup it is a difference, if it is one.
    pub base: Option<BackupKey>,
}

/// One user as a backup has it.
#[derive(Debug, Clone, PartialEq)]
pub struct UserInBackup {
    /// The user.
    pub record: UserRecord,
    /// The groups of which it is a member, in order.
    pub groups: Vec<String>,
}

impl Vault {
    /// Reads the head and the trailer of a backup.
    ///
    /// # Errors
    /// As [`Vault::open`], but for what may be wrong with its base.
    pub async fn overview(&self, key: &BackupKey) -> Result<Overview, VaultError> {
        let name = BackupName::Key(key.clone());
        let document = Box::pin(open(self.store(), &name, &self.object(key), None)).await?;
        let difference = document.head.difference();
        let difference = difference.map_err(|error| VaultError::unreadable(&name, &error))?;
        let mut overview = Overview {
            head: document.head.of_whole_backup(),
            trailer: document.trailer,
            bytes: document.bytes,
            base: None,
        };
        if let Some(difference) = difference {
            overview.trailer.users = difference.users;
            overview.trailer.groups = difference.groups;
            overview.trailer.memberships = difference.memberships;
            overview.base = Some(difference.base.s3_key);
        }
        Ok(overview)
    }
}

/// Looks one user up in backup after backup. A base is read once for all its differences, and of a
/// difference only what it lists.
#[derive(Debug)]
pub struct UserLookup {
    sub: Sub,
    /// Whether the user is forgotten, once that is known.
    is_forgotten: Option<bool>,
    /// The checksum of the last base, and what it has of the user.
    base: Option<(String, Option<UserInBackup>)>,
}

impl UserLookup {
    /// For the user with this `sub`.
    pub fn new(sub: Sub) -> Self {
        Self {
            sub,
            is_forgotten: None,
            base: None,
        }
    }

    /// The user in a backup; `None` where it has no such user, or the user is forgotten.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn find(
        &mut self,
        vault: &Vault,
        key: &BackupKey,
    ) -> Result<Option<UserInBackup>, VaultError> {
        if self.is_forgotten.is_none() {
            let forgotten = vault.forgotten(key.pool()).await?;
            self.is_forgotten = Some(forgotten.contains(&self.sub));
        }
        if self.is_forgotten == Some(true) {
            return Ok(None);
        }
        let backup = vault.open_as_stored(key, None).await?;
        let Some(base_key) = backup.base() else {
            return self.in_whole(&backup).await;
        };
        let base = vault.open_as_stored(base_key, None).await?;
        let before = self.in_whole(&base).await?;
        let mut users = backup.users_of_difference();
        while let Some(line) = users.next_json().await? {
            // Who is gone has no attributes.
            if NamedUser::of(&line.json).is_some_and(|user| user.is_gone()) {
                continue;
            }
            if let Some(record) = self.user(&backup, &line.json)? {
                let mut memberships = backup.memberships_of_difference();
                let mut groups = Vec::new();
                while let Some(membership) = memberships.next().await? {
                    if membership.username == record.username {
                        groups.push(membership.group.to_string());
                    }
                }
                groups.sort_unstable();
                return Ok(Some(UserInBackup { record, groups }));
            }
        }
        let named = backup.named().await?;
        Ok(before.filter(|user| !named.contains(user.record.username.as_str())))
    }

    async fn in_whole(&mut self, backup: &Backup) -> Result<Option<UserInBackup>, VaultError> {
        let checksum = &backup.trailer.crc64nvme;
        if let Some((known, user)) = &self.base
            && known == checksum
        {
            return Ok(user.clone());
        }
        let mut found = None;
        let mut users = backup.users(None).await?;
        while let Some(line) = users.next_json().await? {
            if let Some(record) = self.user(backup, &line.json)? {
                found = Some(UserInBackup {
                    record,
                    groups: Vec::new(),
                });
                break;
            }
        }
        if let Some(user) = &mut found {
            let mut memberships = backup.memberships().await?;
            while let Some(membership) = memberships.next().await? {
                if membership.username == user.record.username {
                    user.groups.push(membership.group.to_string());
                }
            }
            user.groups.sort_unstable();
        }
        self.base = Some((checksum.clone(), found.clone()));
        Ok(found)
    }

    /// The user of a line, if it is the one that is looked for.
    fn user(&self, backup: &Backup, json: &[u8]) -> Result<Option<UserRecord>, VaultError> {
        let sub = self.sub.as_str().as_bytes();
        if !json.windows(sub.len().max(1)).any(|part| part == sub) {
            return Ok(None);
        }
        let record: Result<UserRecord, _> = serde_json::from_slice(json);
        let record =
            record.map_err(|_| VaultError::damaged(&backup.name, "a line is not a user"))?;
        let is_it = record.attribute("sub") == Some(self.sub.as_str());
        Ok(is_it.then_some(record))
    }
}
