//! Backups that hold only what differs from the first whole one of their UTC day, their base.
//!
//! A user who differs in anything, the row or a membership, is listed with all of both; of a user
//! who is gone the name is. So the backup is: all of the base but the users that the difference
//! names, and all that the difference lists. Never more than two documents are read.

mod changes;
mod write;

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use model::document::{Difference, RowSum, Trailer};
use model::{BackupKey, BackupName};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::error::VaultError;
use crate::lines::{Lines, Memberships, Users};
use crate::open::{Backup, Part, Role, open};
use crate::store::Store;

pub use changes::{Changes, MayDiffer};

/// What is open of a backup that is a difference.
#[derive(Debug)]
pub(crate) struct OnBase {
    pub(crate) difference: Difference,
    /// The users that the difference names, once they are read.
    named: OnceCell<Arc<Named>>,
}

/// The users that a difference names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    names: Names,
    hashes: HashSet<u128>,
}

impl Named {
    pub(crate) fn contains(&self, username: &str) -> bool {
        self.hashes.contains(&self.names.of(username))
    }
}

/// Usernames as numbers that nobody outside can foresee, so that none can be made for which
/// another user would be taken.
#[derive(Debug, Default)]
struct Names(RandomState, RandomState);

impl Names {
    fn of(&self, username: &str) -> u128 {
        u128::from(self.0.hash_one(username)) << 64 | u128::from(self.1.hash_one(username))
    }

    fn row(&self, json: &[u8]) -> u64 {
        self.0.hash_one(json)
    }
}

/// One line of the users of a difference, or of another document.
#[derive(Debug, Deserialize)]
pub(crate) struct NamedUser<'a> {
    #[serde(rename = "Username", borrow, default)]
    username: Option<std::borrow::Cow<'a, str>>,
    /// In a difference: a user of the base who is gone.
    #[serde(rename = "Gone", borrow, default)]
    gone: Option<std::borrow::Cow<'a, str>>,
}

impl NamedUser<'_> {
    pub(crate) fn of(json: &[u8]) -> Option<NamedUser<'_>> {
        serde_json::from_slice(json).ok()
    }

    pub(crate) fn name(&self) -> &str {
        let name = self.username.as_deref().or(self.gone.as_deref());
        name.unwrap_or_default()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.username.is_none() && self.gone.is_some()
    }
}

/// Puts a difference on its base, which lies beside it: it is one of the same day.
pub(crate) async fn on_its_base(
    store: &Store,
    object: &str,
    document: Backup,
    difference: Difference,
) -> Result<Backup, VaultError> {
    let key = &difference.base.s3_key;
    let without_base = |reason: String| VaultError::WithoutBase {
        name: document.name.clone(),
        base: Box::new(key.clone()),
        reason,
        instead: None,
    };
    let file = key.to_string();
    let file = file.rsplit('/').next().unwrap_or_default();
    let base_object = match object.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{file}"),
        None => file.to_owned(),
    };
    let name = match document.name {
        BackupName::Key(_) => BackupName::Key(key.clone()),
        BackupName::File(_) => BackupName::File(store.address(&base_object)),
    };
    let version = difference.base.version_id.as_deref();
    let version = version.filter(|_| matches!(store, Store::Bucket(_)));
    let mut opened = Box::pin(open(store, &name, &base_object, version)).await;
    // Where the base was copied, by hand or because its replication had failed, its version is
    // another. Who may not list versions is not told which there are.
    if let (
        Some(_),
        Err(VaultError::Missing(_) | VaultError::NotAuthorized { .. } | VaultError::Refused { .. }),
    ) = (version, &opened)
    {
        opened = Box::pin(open(store, &name, &base_object, None)).await;
    }
    let base = match opened {
        Ok(base) => base,
        Err(VaultError::Missing(_)) => {
            let reason = "it is not there: it has expired, was deleted, or has not arrived yet";
            return Err(without_base(reason.into()));
        }
        Err(VaultError::Damaged { reason, .. }) => return Err(without_base(reason)),
        Err(error) => return Err(error),
    };
    let is_it = base.trailer.crc64nvme == difference.base.crc64nvme
        && base.head.user_pool_id == document.head.user_pool_id
        && base.is_a_base();
    if !is_it {
        return Err(without_base("another backup lies there".into()));
    }
    let of_base = base.trailer.bytes;
    let parts = base
        .parts
        .into_iter()
        .map(|part| Part {
            role: Role::Base,
            ..part
        })
        .chain(document.parts.into_iter().map(|part| Part {
            begins: of_base,
            role: Role::Difference,
            ..part
        }));
    Ok(Backup {
        head: document.head.of_whole_backup(),
        trailer: Trailer {
            users: difference.users,
            groups: difference.groups,
            memberships: difference.memberships,
            bytes: of_base + document.trailer.bytes,
            ..document.trailer
        },
        parts: parts.collect(),
        on_base: Some(Arc::new(OnBase {
            difference,
            named: OnceCell::new(),
        })),
        ..document
    })
}

impl Backup {
    /// The whole backup on which this one is a difference, if it is one.
    pub fn base(&self) -> Option<&BackupKey> {
        let on_base = self.on_base.as_ref()?;
        Some(&on_base.difference.base.s3_key)
    }

    /// The users of the base that do not count, for the difference names them.
    pub(crate) async fn named(&self) -> Result<Arc<Named>, VaultError> {
        let Some(on_base) = &self.on_base else {
            return Ok(Arc::default());
        };
        let read = async {
            let mut named = Named::default();
            let mut users = self.users_of_difference();
            while let Some(user) = users.next_json().await? {
                let user = NamedUser::of(&user.json)
                    .ok_or_else(|| VaultError::damaged(&self.name, "a line is not a user"))?;
                named.hashes.insert(named.names.of(user.name()));
            }
            Ok(Arc::new(named))
        };
        on_base.named.get_or_try_init(|| read).await.cloned()
    }

    /// The users as a difference lists them, those who are gone among them; none of any other
    /// backup.
    pub(crate) fn users_of_difference(&self) -> Users {
        let lines = self.parts_of_difference().map(|part| {
            let trailer = &part.trailer;
            let (from, end) = (trailer.users_offset, trailer.memberships_offset);
            Lines::new(&part, &self.name, from, end)
        });
        Users::new(lines.collect(), Arc::default(), None)
    }

    /// The memberships of the users whom a difference lists; none of any other backup.
    pub(crate) fn memberships_of_difference(&self) -> Memberships {
        let lines = self.parts_of_difference().map(|part| {
            let trailer = &part.trailer;
            let (from, end) = (trailer.memberships_offset, trailer.bytes);
            Lines::new(&part, &self.name, from, end)
        });
        Memberships::new(lines.collect(), Arc::default(), None)
    }

    /// Read as it stands there.
    fn parts_of_difference(&self) -> impl Iterator<Item = Part> {
        let parts = self.parts.iter();
        let parts = parts.filter(|part| part.role == Role::Difference);
        parts.map(|part| Part {
            role: Role::Whole,
            ..part.clone()
        })
    }

    /// Counts and adds up all users and memberships.
    pub(crate) async fn rows(&self) -> Result<Rows, VaultError> {
        let mut rows = Rows::default();
        let mut users = self.users(None).await?;
        while let Some(user) = users.next_json().await? {
            rows.users += 1;
            rows.sum.add_user(&user.json);
        }
        let mut memberships = self.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            rows.memberships += 1;
            let username = membership.username.as_str();
            rows.sum.add_membership(&membership.group, username);
        }
        Ok(rows)
    }

    /// Whether base and difference together hold what was backed up.
    pub(crate) async fn check_rows(&self) -> Result<(), VaultError> {
        let Some(on_base) = &self.on_base else {
            return Ok(());
        };
        let difference = &on_base.difference;
        let expected = Rows {
            users: difference.users,
            memberships: difference.memberships,
            sum: difference.rows,
        };
        match self.as_stored().rows().await? == expected {
            true => Ok(()),
            false => {
                let reason = "it and its base do not hold what was backed up";
                Err(VaultError::damaged(&self.name, reason))
            }
        }
    }
}

/// What a backup holds, in whatever order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    users: u64,
    memberships: u64,
    sum: RowSum,
}
