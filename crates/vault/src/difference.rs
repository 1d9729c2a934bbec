//! Backups that hold only what differs from the first whole one of their UTC day, their base.
//!
//! A user who differs in anything, the row or a membership, is listed with all of both; of a user
//! who is gone the name is. So the backup is: all of the base but the users that the difference
//! names, and all that the difference lists. Never more than two documents are read.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use model::change::Change;
use model::document::{Base, Difference, DocumentEncoder, RowSum, Trailer};
use model::{BackupKey, BackupName};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::Vault;
use crate::error::VaultError;
use crate::lines::{Lines, Memberships, Users};
use crate::open::{Backup, Part, Role, open};
use crate::source::PIECE;
use crate::store::{Finished, Kind, Store};
use crate::upload::Upload;

/// Whose base has more users is written whole: comparing takes 33 bytes for each.
const LARGEST_BASE: u64 = 4_000_000;
/// A difference that lists more than one in so many of its base's users is not written.
const WORTH_IT: u64 = 4;

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
    base: Base,
    names: Names,
    /// The users of the base, by name.
    entries: Vec<Entry>,
    /// Which of them the whole backup has.
    seen: Vec<bool>,
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
    async fn between(base: &Backup, whole: &Backup) -> Result<Option<Self>, VaultError> {
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

    fn find(&self, username: &str) -> Option<usize> {
        let name = self.names.of(username);
        self.entries
            .binary_search_by_key(&name, |entry| entry.name)
            .ok()
    }

    /// Whether a difference lists the user.
    fn lists(&self, username: &str) -> bool {
        self.find(username).is_none_or(|at| {
            let entry = &self.entries[at];
            entry.row != 0 || entry.groups != 0 || !self.seen[at]
        })
    }

    /// How many users a difference names.
    fn count(&self) -> u64 {
        let seen = self.seen.iter();
        let changed = self.entries.iter().zip(seen);
        let changed = changed
            .filter(|(entry, seen)| entry.row != 0 || entry.groups != 0 || !**seen)
            .count();
        changed as u64 + self.new
    }
}

impl Vault {
    /// The base of the backup `key`: the first whole backup of the same pool on the same UTC day;
    /// `None` where there is none that can be opened.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not answer.
    pub async fn base_for(&self, key: &BackupKey) -> Result<Option<Backup>, VaultError> {
        let before = Some(key.began());
        let listed = self.of_day(key.day(), Some(key.pool()), before).await?;
        for listed in listed.into_iter().rev() {
            let other = listed.key;
            if listed.unknown_form.is_some() || other.shard().is_some() || other == *key {
                continue;
            }
            let name = BackupName::Key(other.clone());
            let object = self.object(&other);
            match Box::pin(open(self.store(), &name, &object, None)).await {
                Ok(base) if base.is_a_base() => return Ok(Some(base)),
                Ok(_) | Err(VaultError::Damaged { .. } | VaultError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Opens a whole backup that was [staged](Vault::begin_staged) for `key`.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn open_staged(&self, key: &BackupKey, staged: &str) -> Result<Backup, VaultError> {
        let name = BackupName::Key(key.clone());
        Box::pin(open(self.store(), &name, staged, None)).await
    }

    /// What differs between `base` and `whole`; `None` where the base is none to write a difference
    /// against: it has more than four million users, or lines that are no users.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] when `base` or `whole` is.
    pub async fn changes(
        &self,
        base: &Backup,
        whole: &Backup,
    ) -> Result<Option<Changes>, VaultError> {
        Changes::between(base, whole).await
    }

    /// Writes the backup `key` as what differs between `base` and `whole`, and reads it back.
    /// `None`, and nothing is written, where that is more than a quarter of the base's users.
    /// `change` says what changed since the backup before, which may be another one than the base.
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when another backup came to lie there, [`VaultError::Damaged`]
    /// when `base` or `whole` is, or when what was written does not add up to `whole`.
    pub async fn write_difference(
        &self,
        key: &BackupKey,
        base: &Backup,
        whole: &Backup,
        changes: &Changes,
        change: Option<Change>,
    ) -> Result<Option<(Finished, Trailer)>, VaultError> {
        if changes.count() * WORTH_IT > base.trailer.users {
            return Ok(None);
        }
        let rows = whole.rows().await?;
        let difference = Difference {
            base: changes.base.clone(),
            users: whole.trailer.users,
            groups: whole.trailer.groups,
            memberships: whole.trailer.memberships,
            rows: rows.sum,
        };
        let mut upload = self.begin_as(key, Kind::Difference).await?;
        let written = write(&mut upload, difference, changes, change, base, whole).await;
        let trailer = match written {
            Ok(trailer) => trailer,
            Err(error) => {
                upload.abort().await;
                return Err(error);
            }
        };
        let finished = upload.finish().await?;
        let version = finished.version_id.as_deref();
        let again = Box::pin(self.open_as_stored(key, version)).await?;
        again.check_rows().await?;
        Ok(Some((finished, trailer)))
    }

    /// Makes a whole backup that was staged the backup `key`, byte by byte but for the trailer,
    /// which may say more than that of the staged one. `is_first`: no other one of its day is
    /// there to be a base.
    ///
    /// # Errors
    /// [`VaultError::KeyTaken`] when another backup came to lie there.
    pub async fn publish_staged(
        &self,
        key: &BackupKey,
        whole: &Backup,
        trailer: &Trailer,
        is_first: bool,
    ) -> Result<Finished, VaultError> {
        let mut upload = match is_first {
            true => self.begin_base(key).await?,
            false => self.begin_as(key, Kind::Base).await?,
        };
        let published = publish(&mut upload, whole, trailer).await;
        match published {
            Ok(()) => upload.finish().await,
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Removes a whole backup that was staged.
    ///
    /// # Errors
    /// As the store answers.
    pub async fn remove_staged(&self, staged: &str, whole: &Backup) -> Result<(), VaultError> {
        let version = whole.version_id.as_deref();
        self.store().remove(staged, version).await
    }
}

/// Copies a document, with another trailer.
async fn publish(upload: &mut Upload, whole: &Backup, trailer: &Trailer) -> Result<(), VaultError> {
    for part in &whole.parts {
        let (end, frames) = part.source.before_trailer(&part.trailer)?;
        let mut at = 0;
        while at < end {
            let to = end.min(at + PIECE);
            let bytes = part.source.stored(at, to).await?;
            upload.write_stored(&bytes).await?;
            at = to;
        }
        upload.go_on_after(frames);
    }
    upload.write(&trailer.to_line()).await
}

/// The document of a difference.
async fn write(
    upload: &mut Upload,
    difference: Difference,
    changes: &Changes,
    change: Option<Change>,
    base: &Backup,
    whole: &Backup,
) -> Result<Trailer, VaultError> {
    let mut head = whole.head.clone();
    head.set_difference(&difference);
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    upload.write(&out).await?;
    upload.end_section().await?;
    let mut users = whole.users(None).await?;
    while let Some(user) = users.next_json().await? {
        let named = NamedUser::of(&user.json);
        if named.is_none_or(|named| changes.lists(named.name())) {
            out.clear();
            encoder.user_as_written(&user.json, &mut out);
            upload.write(&out).await?;
        }
    }
    if changes.seen.contains(&false) {
        let mut users = base.users(None).await?;
        while let Some(user) = users.next_json().await? {
            let named = NamedUser::of(&user.json);
            let Some(named) = named else { continue };
            if changes
                .find(named.name())
                .is_some_and(|at| !changes.seen[at])
            {
                out.clear();
                let gone = serde_json::json!({"Gone": named.name()});
                encoder.user(&gone, &mut out);
                upload.write(&out).await?;
            }
        }
    }
    out.clear();
    encoder.begin_memberships(&mut out);
    upload.write(&out).await?;
    upload.end_section().await?;
    let mut memberships = whole.memberships().await?;
    let mut open_group: Option<Arc<str>> = None;
    while let Some(membership) = memberships.next().await? {
        if !changes.lists(membership.username.as_str()) {
            continue;
        }
        out.clear();
        if open_group.as_ref() != Some(&membership.group) {
            if open_group.is_some() {
                encoder.end_group(&mut out);
            }
            encoder.begin_group(&membership.group, &mut out);
            open_group = Some(membership.group.clone());
        }
        encoder.member(membership.username.as_str(), &mut out);
        upload.write(&out).await?;
    }
    out.clear();
    if open_group.is_some() {
        encoder.end_group(&mut out);
    }
    let trailer = encoder.finish_with(whole.trailer.reading_ended, change, &mut out);
    upload.write(&out).await?;
    Ok(trailer)
}
