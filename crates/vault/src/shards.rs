//! The shares of one backup, read as one.

use model::document::Trailer;
use model::{BackupKey, BackupName, Shard};

use crate::difference::on_its_base;
use crate::error::VaultError;
use crate::open::{Backup, Part, open};
use crate::store::Store;

/// Opens the object, with what belongs to it: a difference with its base, and a share with the
/// other shares beside it. Neither is a whole backup alone.
pub(crate) async fn open_whole(
    store: &Store,
    name: &BackupName,
    object: &str,
    expected: Option<&str>,
) -> Result<Backup, VaultError> {
    let is_shard = split(object).is_some();
    let first = open(store, name, object, expected.filter(|_| !is_shard)).await?;
    let difference = first.head.difference();
    let difference = difference.map_err(|error| VaultError::unreadable(name, &error))?;
    if let Some(difference) = difference {
        return on_its_base(store, object, first, difference).await;
    }
    let Some(shard) = first.head.shard() else {
        return Ok(first);
    };
    let damaged = |reason: String| VaultError::damaged(name, &reason);
    let Some((stem, named)) = split(object).filter(|(_, named)| *named == shard) else {
        let reason = format!("it holds the shard {shard}, and its name says another");
        return Err(damaged(reason));
    };
    // Shares that are read by several machines begin at different seconds.
    let beginning = stem.rfind('-').map_or(stem, |dash| &stem[..=dash]);
    let listed = store.list(beginning).await?.objects;
    let listed: Vec<_> = listed.iter().map(|(object, _)| object.as_str()).collect();
    let (mut shards, mut missing) = (Vec::new(), Vec::new());
    for other in named.all() {
        let is_it = |object: &&&str| split(object).is_some_and(|(_, shard)| shard == other);
        let mut of_same_name = listed
            .iter()
            .filter(is_it)
            .filter(|object| split(object).is_some_and(|(other, _)| other == stem));
        let mut found = listed.iter().filter(is_it);
        let found = match (of_same_name.next(), found.next(), found.next()) {
            (Some(same_name), _, _) => (*same_name).to_owned(),
            (None, Some(only), None) => (*only).to_owned(),
            (None, Some(_), Some(_)) => {
                let reason = format!(
                    "there are several shards {other}: write those of one backup to one name, or to a folder of their own"
                );
                return Err(damaged(reason));
            }
            (None, None, _) => {
                missing.push(other.to_string());
                continue;
            }
        };
        let name = match name {
            BackupName::Key(_) => found.parse::<BackupKey>().map(BackupName::Key),
            BackupName::File(_) => Ok(BackupName::File(store.address(&found))),
        };
        let name = name.map_err(|error| damaged(error.to_string()))?;
        shards.push(open(store, &name, &found, None).await?);
    }
    if !missing.is_empty() {
        let reason = format!(
            "it is the shard {shard}, and the shards {} are not beside it",
            missing.join(", ")
        );
        return Err(damaged(reason));
    }
    joined(name, shards, expected)
}

/// What stands before `.shard-2-of-4.json` or `.shard-2-of-4.json.zst`, and which share it is.
fn split(object: &str) -> Option<(&str, Shard)> {
    let plain = object.strip_suffix(".zst").unwrap_or(object);
    let (stem, shard) = plain.strip_suffix(".json")?.rsplit_once('.')?;
    Some((stem, Shard::from_name(shard)?))
}

/// All shares as one backup, in their order.
fn joined(
    name: &BackupName,
    shards: Vec<Backup>,
    expected: Option<&str>,
) -> Result<Backup, VaultError> {
    let damaged = |reason: &str| VaultError::damaged(name, reason);
    let mut parts: Vec<Part> = Vec::new();
    let mut head = None;
    let (mut bytes, mut begins, mut checksums) = (0, 0, Vec::new());
    let mut whole: Option<Trailer> = None;
    for (shard, index) in shards.into_iter().zip(1..) {
        let is_in_turn = shard
            .head
            .shard()
            .is_some_and(|shard| shard.index() == index);
        let pool = &shard.head.user_pool_id;
        let first = head.get_or_insert_with(|| shard.head.clone());
        if !is_in_turn || *pool != first.user_pool_id {
            return Err(damaged("a shard beside it is of another backup"));
        }
        checksums.push(shard.trailer.crc64nvme.clone());
        for part in shard.parts {
            let bytes_of_part = part.trailer.bytes;
            parts.push(Part { begins, ..part });
            begins += bytes_of_part;
        }
        bytes += shard.bytes;
        let trailer = shard.trailer;
        whole = Some(match whole {
            None => trailer,
            Some(whole) => Trailer {
                users: whole.users + trailer.users,
                groups: whole.groups.max(trailer.groups),
                memberships: whole.memberships + trailer.memberships,
                reading_began: whole.reading_began.min(trailer.reading_began),
                reading_ended: whole.reading_ended.max(trailer.reading_ended),
                ..whole
            },
        });
    }
    let (Some(head), Some(mut trailer)) = (head, whole) else {
        return Err(damaged("it has no shards"));
    };
    trailer.bytes = begins;
    trailer.crc64nvme = checksums.join("-");
    if expected.is_some_and(|expected| expected != trailer.crc64nvme) {
        return Err(damaged("other shards lie there by now"));
    }
    let mut head = head.of_all_shards();
    head.timestamp = head.timestamp.min(trailer.reading_began);
    Ok(Backup {
        name: name.clone(),
        version_id: Some(trailer.crc64nvme.clone()),
        bytes,
        head,
        trailer,
        parts,
        on_base: None,
        forgotten: None,
    })
}
