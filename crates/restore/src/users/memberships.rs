//! Which groups a user belongs to, for a million users in little memory.
//!
//! A backup lists the members of each group; the restore needs the groups of each user. The
//! index holds 16 bytes for a membership and nothing for a user without one.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use model::Username;
use model::rules::is_group_of_provider;
use vault::Backup;

use super::pool::TargetPool;
use crate::error::RestoreError;

/// The memberships of a backup, by user.
#[derive(Debug, Default)]
pub(super) struct MembershipTable {
    /// Keyed anew in each invocation, so that nobody can choose a username that counts as
    /// another one. By chance two of ten million do once in 400,000 restores.
    hasher: RandomState,
    groups: Vec<Arc<str>>,
    /// The hash of a username and a place in `groups`, sorted.
    pairs: Vec<(u64, u32)>,
    /// Groups that the pool lacks, with the memberships that cannot come back for it.
    lacking: BTreeMap<Arc<str>, u64>,
}

impl MembershipTable {
    /// Reads the memberships of groups that `pool` has.
    ///
    /// The groups that Cognito makes for the users of an identity provider are left out: their
    /// names hold the old pool's id, and the new pool makes its own (facts A.9).
    ///
    /// # Errors
    /// [`RestoreError::Vault`] when the backup cannot be read.
    pub(super) async fn read(backup: &Backup, pool: &TargetPool) -> Result<Self, RestoreError> {
        let mut index = Self::default();
        let expected = usize::try_from(backup.trailer.memberships).unwrap_or_default();
        index.pairs.reserve_exact(expected.min(100_000_000));
        let mut memberships = backup.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            if is_group_of_provider(&membership.group, &backup.head.user_pool_id) {
                continue;
            }
            index.add(&membership.group, &membership.username, pool);
        }
        index.pairs.sort_unstable();
        index.pairs.dedup();
        Ok(index)
    }

    fn add(&mut self, group: &Arc<str>, username: &Username, pool: &TargetPool) {
        if !pool.groups.contains(&**group) {
            *self.lacking.entry(group.clone()).or_default() += 1;
            return;
        }
        // The members of a group stand together.
        if self.groups.last() != Some(group) {
            self.groups.push(group.clone());
        }
        let place = u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX);
        let hash = self.hasher.hash_one(username.as_str());
        self.pairs.push((hash, place));
    }

    /// The groups of a user.
    pub(super) fn of(&self, username: &Username) -> impl Iterator<Item = &str> {
        let hash = self.hasher.hash_one(username.as_str());
        let from = self.pairs.partition_point(|(other, _)| *other < hash);
        self.pairs[from..]
            .iter()
            .take_while(move |(other, _)| *other == hash)
            .filter_map(|(_, place)| self.groups.get(usize::try_from(*place).ok()?))
            .map(|group| &**group)
    }

    /// The groups of the backup that the pool lacks, and how many memberships each has.
    pub(super) fn lacking(&self) -> impl Iterator<Item = (&str, u64)> {
        self.lacking.iter().map(|(group, count)| (&**group, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(groups: &[(&str, &[&str])], pool: &TargetPool) -> MembershipTable {
        let mut index = MembershipTable::default();
        for (group, members) in groups {
            let group: Arc<str> = (*group).into();
            for member in *members {
                index.add(&group, &Username::new(*member), pool);
            }
        }
        index.pairs.sort_unstable();
        index
    }

    #[test]
    fn every_user_has_exactly_the_groups_of_the_backup() {
        let pool = TargetPool {
            groups: ["admins", "editors"].map(str::to_owned).into(),
            ..TargetPool::default()
        };
        let index = index(
            &[
                ("admins", &["ann"]),
                ("editors", &["bob", "ann"]),
                ("gone", &["bob", "cy"]),
            ],
            &pool,
        );
        let of = |name: &str| index.of(&Username::new(name)).collect::<Vec<_>>();
        assert_eq!(of("ann"), ["admins", "editors"]);
        assert_eq!(of("bob"), ["editors"]);
        assert!(of("cy").is_empty() && of("Ann").is_empty());
        assert_eq!(index.lacking().collect::<Vec<_>>(), [("gone", 2)]);
    }

    #[test]
    fn a_membership_takes_sixteen_bytes() {
        assert_eq!(std::mem::size_of::<(u64, u32)>(), 16);
    }
}
