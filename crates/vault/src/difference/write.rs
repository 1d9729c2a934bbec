//! Writing a backup as a difference, or a whole one that was staged for the comparison.

use std::sync::Arc;

use model::change::Change;
use model::document::{Difference, DocumentEncoder, Trailer};
use model::{BackupKey, BackupName};

use super::{Changes, NamedUser};
use crate::Vault;
use crate::error::VaultError;
use crate::open::{Backup, open};
use crate::source::PIECE;
use crate::store::{Finished, Kind};
use crate::upload::Upload;

/// A difference that lists more than one in so many of its base's users is not written.
const WORTH_IT: u64 = 4;

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
