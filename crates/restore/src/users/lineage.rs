//! Who became who when the pool that is restored into was itself made by a restore.
//!
//! Days after a disaster, users may be missing from the new pool. The backup knows everybody by
//! the `sub` of the lost pool; the user map of the restore that made the new one, whose id the
//! pool carries as a tag, says whose `sub` each became. It is as good a proof as the same `sub`:
//! it was written down when Cognito answered the creation.

use model::RestoreId;
use model::restore::RestoreState;

use super::index::{number_of, text_of};
use super::ledger::map_part;
use crate::context::Restore;
use crate::error::RestoreError;

/// The `sub`s of a restored pool by those of the lost one.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// Old and new, sorted: 32 bytes for a user.
    subs: Vec<(u128, u128)>,
}

impl Lineage {
    /// What the restore `id` brought into the pool from the pool of this backup; nothing when it
    /// restored another pool or left no map.
    ///
    /// # Errors
    /// [`RestoreError`] when its folder cannot be read.
    pub(super) async fn read(restore: &Restore<'_>, id: &RestoreId) -> Result<Self, RestoreError> {
        let key = id.object_key(RestoreState::OBJECT);
        let Some(bytes) = restore.workspace.read(&key).await? else {
            return Ok(Self::default());
        };
        let state = RestoreState::from_json(&bytes)
            .map_err(|problem| RestoreError::StateDamaged { key, problem })?;
        let mut lineage = Self::default();
        if state.user_pool_id != restore.head().user_pool_id {
            return Ok(lineage);
        }
        for number in 1..=state.users.map_parts {
            for entry in map_part(restore, id, number).await? {
                let subs = number_of(&entry.old_sub).zip(number_of(&entry.new_sub));
                lineage.subs.extend(subs);
            }
        }
        lineage.subs.sort_unstable();
        Ok(lineage)
    }

    /// The `sub` that an old one became.
    pub(super) fn of(&self, old_sub: &str) -> Option<String> {
        let old_sub = number_of(old_sub)?;
        let place = self.subs.partition_point(|(old, _)| *old < old_sub);
        let (old, new) = self.subs.get(place)?;
        (*old == old_sub).then(|| text_of(*new))
    }
}
