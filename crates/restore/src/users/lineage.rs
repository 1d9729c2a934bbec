//! Who became who when the pool that is written to was itself made by a restore.
//!
//! Days after a disaster, users may be missing from the new pool. The backup knows everybody by
//! the `sub` of the lost pool; the user map of the restore that made the new one, whose id the
//! pool carries as a tag, says whose `sub` each became. It is as good a proof as the same `sub`:
//! it was written down when Cognito answered the creation.

use std::collections::BTreeMap;

use model::restore::UserEntry;
use model::{AppClientId, RestoreId, UserPoolId, Username};
use vault::Workspace;

use super::index::{number_of, text_of};
use super::ledger::map_part;
use crate::error::RestoreError;
use crate::folder::Folder;

/// The users of a restored pool and of the lost one: 64 bytes for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// Old and new `sub`s, sorted.
    subs: Vec<(u128, u128)>,
    /// New and old `sub`s, sorted.
    back: Vec<(u128, u128)>,
    /// Old usernames and new ones, where the new one is neither the same nor stands in for the
    /// `sub` as the old one did.
    names: BTreeMap<String, String>,
    /// The same by new usernames.
    names_back: BTreeMap<String, String>,
    /// Old to new client ids.
    pub(crate) clients: BTreeMap<AppClientId, AppClientId>,
}

impl Lineage {
    /// What the restore `id` brought into the pool from the pool `from`; nothing when it restored
    /// another pool or left no map.
    ///
    /// # Errors
    /// [`RestoreError`] when its folder cannot be read.
    pub(crate) async fn read(
        workspace: &Workspace,
        from: &UserPoolId,
        id: &RestoreId,
    ) -> Result<Self, RestoreError> {
        let mut lineage = Self::default();
        let Some(state) = Folder::look(workspace, id).await? else {
            return Ok(lineage);
        };
        if state.user_pool_id != *from {
            return Ok(lineage);
        }
        for number in 1..=state.users.map_parts {
            for entry in map_part(workspace, id, number).await? {
                lineage.enter(&entry);
            }
        }
        lineage.clients = state.app_clients;
        lineage.subs.sort_unstable();
        lineage.back.sort_unstable();
        Ok(lineage)
    }

    fn enter(&mut self, entry: &UserEntry) {
        if let Some((old, new)) = number_of(&entry.old_sub).zip(number_of(&entry.new_sub)) {
            self.subs.push((old, new));
            self.back.push((new, old));
        }
        let (old, new) = (entry.old_username.as_str(), entry.new_username.as_str());
        let stands_for_sub = old == entry.old_sub && new == entry.new_sub;
        if old != new && !stands_for_sub {
            self.names.insert(old.to_owned(), new.to_owned());
            self.names_back.insert(new.to_owned(), old.to_owned());
        }
    }

    /// The `sub` that an old one became.
    pub(crate) fn of(&self, old_sub: &str) -> Option<String> {
        found(&self.subs, old_sub)
    }

    /// The `sub` that became this one.
    pub(crate) fn before(&self, new_sub: &str) -> Option<String> {
        found(&self.back, new_sub)
    }

    /// The username that an old one became.
    pub(crate) fn username_of(&self, old: &str) -> Option<String> {
        let named = self.names.get(old).cloned();
        named.or_else(|| self.of(old))
    }

    /// The username that became this one.
    pub(crate) fn username_before(&self, new: &Username) -> Option<Username> {
        let named = self.names_back.get(new.as_str()).cloned();
        let old = named.or_else(|| self.before(new.as_str()))?;
        Some(Username::new(old))
    }
}

fn found(pairs: &[(u128, u128)], sub: &str) -> Option<String> {
    let sub = number_of(sub)?;
    let place = pairs.partition_point(|(known, _)| *known < sub);
    let (known, other) = pairs.get(place)?;
    (*known == sub).then(|| text_of(*other))
}
