//! The memberships of one side in 16 bytes each, to look up what the other side lists.

use super::{Row, Table, put_numbers, take_numbers};
use crate::hash::{half, hash};

/// Of a row's mark: whether the pool has the membership, the group, the user's place.
const SEEN: u64 = 1 << 63;
/// Enough for a million groups: a pool has 10,000 at most (facts E).
const GROUP_BITS: u32 = 20;
/// Enough for a backup of eight terabytes.
const PLACE_BITS: u32 = 63 - GROUP_BITS;
const PLACE: u64 = (1 << PLACE_BITS) - 1;

/// One membership: the hash of group and user, and the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MembershipRow {
    key: u64,
    mark: u64,
}

impl MembershipRow {
    fn group(self) -> u64 {
        (self.mark & !SEEN) >> PLACE_BITS
    }

    fn is_seen(self) -> bool {
        self.mark & SEEN != 0
    }
}

impl Row for MembershipRow {
    type Key = u64;

    const BYTES: usize = 16;

    fn key(&self) -> u64 {
        self.key
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_numbers(&[self.key, self.mark], out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let [key, mark] = take_numbers(bytes)?;
        Some(Self { key, mark })
    }
}

impl MembershipRow {
    /// The membership of the user with this key, who stands at `place`, in a group that the
    /// caller numbers.
    pub fn new(group: u64, user: u128, place: u64) -> Self {
        Self {
            key: key(group, user),
            mark: (group << PLACE_BITS) & !SEEN | place & PLACE,
        }
    }
}

impl Table<MembershipRow> {
    /// Marks a membership as one that the other side has; false when there is none such that is
    /// not marked yet.
    pub fn see(&mut self, group: u64, user: u128) -> bool {
        let rows = self.with_key(key(group, user));
        let row = self.rows[rows]
            .iter_mut()
            .find(|row| !row.is_seen() && row.group() == group);
        row.map(|row| row.mark |= SEEN).is_some()
    }

    /// Whether there is such a membership, marked or not.
    pub fn has(&self, group: u64, user: u128) -> bool {
        let rows = &self.rows[self.with_key(key(group, user))];
        rows.iter().any(|row| row.group() == group)
    }

    /// Marks all of a group's; how many they are.
    pub fn see_group(&mut self, group: u64) -> u64 {
        let rows = self.rows.iter_mut().filter(|row| row.group() == group);
        rows.map(|row| row.mark |= SEEN).count() as u64
    }

    /// Group and user's place of those that are not marked.
    pub fn unseen(&self) -> impl Iterator<Item = (u64, u64)> {
        let unseen = self.rows.iter().filter(|row| !row.is_seen());
        unseen.map(|row| (row.group(), row.mark & PLACE))
    }
}

fn key(group: u64, user: u128) -> u64 {
    half(hash(&[&group.to_string(), &format!("{user:032x}")]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_membership_takes_16_bytes() {
        assert_eq!(size_of::<MembershipRow>(), 16);
    }

    #[test]
    fn a_group_that_is_missing_is_marked_as_a_whole() {
        let mut table = Table::default();
        for user in 0..3 {
            table.push(MembershipRow::new(1, user, 10));
            table.push(MembershipRow::new(2, user, 10));
        }
        table.sort();
        assert_eq!(table.see_group(2), 3);
        assert!(table.unseen().all(|(group, _)| group == 1));
        assert_eq!(table.unseen().count(), 3);
    }

    proptest! {
        #[test]
        fn what_the_pool_has_is_marked_once_and_the_rest_is_left(
            backup in proptest::collection::btree_set((0u64..1 << GROUP_BITS, 0u128..20), 0..40),
            pool in proptest::collection::btree_set((0u64..1 << GROUP_BITS, 0u128..20), 0..10),
        ) {
            let mut table = Table::default();
            for (group, user) in &backup {
                table.push(MembershipRow::new(*group, *user, PLACE - 7));
            }
            table.sort();
            let mut left = backup.clone();
            for (group, user) in pool.iter().chain(backup.iter().take(5)) {
                prop_assert_eq!(table.see(*group, *user), left.remove(&(*group, *user)));
            }
            let kept: Option<Vec<MembershipRow>> = table
                .rows()
                .iter()
                .map(|row| {
                    let mut bytes = Vec::new();
                    row.put(&mut bytes);
                    MembershipRow::take(&bytes)
                })
                .collect();
            let table = Table::of(kept.unwrap());
            let unseen: BTreeSet<u64> = table.unseen().map(|(group, _)| group).collect();
            prop_assert_eq!(unseen, left.iter().map(|(group, _)| *group).collect());
            prop_assert!(table.unseen().all(|(_, place)| place == PLACE - 7));
        }
    }
}
