//! The backup's usernames in 24 bytes each, for pools that give new usernames: memberships are
//! told by the old ones.

use crate::hash::{half, hash};
use crate::index::upper;
use crate::table::{Row, put_numbers, take_numbers};

/// Whose a username is: the hash of the name, the upper half of the user's key, the user's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    name: u64,
    user: u64,
    place: u64,
}

impl Row for Name {
    const BYTES: usize = 24;

    fn put(&self, out: &mut Vec<u8>) {
        put_numbers(&[self.name, self.user, self.place], out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let [name, user, place] = take_numbers(bytes)?;
        Some(Self { name, user, place })
    }
}

/// Usernames, to be sorted before the first is looked up.
#[derive(Debug, Default)]
pub struct NameTable {
    rows: Vec<Name>,
}

impl NameTable {
    /// One of rows that [`rows`](Self::rows) gave.
    pub fn of(rows: Vec<Name>) -> Self {
        Self { rows }
    }

    /// The rows, to be kept.
    pub fn rows(&self) -> &[Name] {
        &self.rows
    }

    /// Makes room for so many.
    pub fn reserve(&mut self, rows: usize) {
        self.rows.reserve_exact(rows);
    }

    /// Adds a username: that of the user with this key, who stands at `place` in the backup.
    pub fn push(&mut self, username: &str, user: u128, place: u64) {
        self.rows.push(Name {
            name: half(hash(&[username])),
            user: upper(user),
            place,
        });
    }

    /// Sorts the rows: when all are there.
    pub fn sort(&mut self) {
        self.rows.sort_unstable();
    }

    /// The upper half of the key of the user with this username, and the user's place.
    pub fn find(&self, username: &str) -> Option<(u64, u64)> {
        let name = half(hash(&[username]));
        let at = self.rows.partition_point(|row| row.name < name);
        let found = self.rows.get(at).filter(|row| row.name == name)?;
        Some((found.user, found.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_leads_to_its_user_after_being_kept_too() {
        let mut table = NameTable::default();
        for number in 0..100u64 {
            table.push(
                &format!("user-{number}"),
                u128::from(number) << 64,
                number * 7,
            );
        }
        let mut bytes = Vec::new();
        table.rows().iter().for_each(|row| row.put(&mut bytes));
        let kept: Option<Vec<Name>> = bytes.chunks(Name::BYTES).map(Name::take).collect();
        let mut table = NameTable::of(kept.unwrap());
        table.sort();
        assert_eq!(table.find("user-42"), Some((42, 294)));
        assert_eq!(table.find("user-100"), None);
    }
}
