//! Usernames in 24 bytes each, for pools that give new usernames: memberships are told by them.

use super::users::upper;
use super::{Row, Table, put_numbers, take_numbers};
use crate::hash::{half, hash};

/// Whose a username is: the hash of the name, the upper half of the user's key, the user's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRow {
    name: u64,
    user: u64,
    place: u64,
}

impl Row for NameRow {
    type Key = u64;

    const BYTES: usize = 24;

    fn key(&self) -> u64 {
        self.name
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_numbers(&[self.name, self.user, self.place], out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let [name, user, place] = take_numbers(bytes)?;
        Some(Self { name, user, place })
    }
}

impl NameRow {
    /// The username of the user with this key, who stands at `place`.
    pub fn new(username: &str, user: u128, place: u64) -> Self {
        Self {
            name: half(hash(&[username])),
            user: upper(user),
            place,
        }
    }
}

impl Table<NameRow> {
    /// The upper half of the key of the user with this username, and the user's place.
    pub fn find(&self, username: &str) -> Option<(u64, u64)> {
        let found = self.with_key(half(hash(&[username]))).next()?;
        let row = self.rows[found];
        Some((row.user, row.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_leads_to_its_user_after_being_kept_too() {
        let mut table = Table::default();
        for number in 0..100u64 {
            table.push(NameRow::new(
                &format!("user-{number}"),
                u128::from(number) << 64,
                number * 7,
            ));
        }
        let mut bytes = Vec::new();
        table.rows().iter().for_each(|row| row.put(&mut bytes));
        let kept: Option<Vec<NameRow>> = bytes.chunks(NameRow::BYTES).map(NameRow::take).collect();
        let table = Table::of(kept.unwrap());
        assert_eq!(table.find("user-42"), Some((42, 294)));
        assert_eq!(table.find("user-100"), None);
    }
}
