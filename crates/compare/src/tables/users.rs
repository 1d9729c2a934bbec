//! The users of one side in 32 bytes each, to look up what the other side lists.

use super::{Row, Table, put_numbers, take_numbers};

/// How many bits of a mark are the place: enough for a backup of 256 terabytes.
const PLACE_BITS: u32 = 48;
const PLACE: u64 = (1 << PLACE_BITS) - 1;
/// Then comes a number of 12 bits, then the flags.
const NUMBER: u64 = 0xFFF << PLACE_BITS;
/// The part of a content that is about members that may differ, where there are any.
const EXCUSED_CONTENT: u64 = 0xFFFF;
const SEEN: u64 = 1 << 63;
const DIFFERENT: u64 = 1 << 62;
const HAS_MFA: u64 = 1 << 61;
const MADE: u64 = 1 << 60;

/// One user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserRow {
    /// The hash of what tells it apart.
    pub key: u128,
    /// The hash of what is to be alike.
    pub content: u64,
    place: u64,
}

impl UserRow {
    /// An entry for what stands in the backup at `place`, below 2^48.
    pub fn new(key: u128, content: u64, place: u64) -> Self {
        Self {
            key,
            content,
            place: place & PLACE,
        }
    }

    /// One with a number below 2^12, for something of which there are few: whoever compares says
    /// what. A verification numbers the sets of members that may differ.
    pub fn numbered(mut self, number: u16) -> Self {
        self.place |= u64::from(number) << PLACE_BITS & NUMBER;
        self
    }

    /// The number.
    pub fn number(self) -> u16 {
        // 12 bits fit.
        #[allow(clippy::cast_possible_truncation)]
        let number = ((self.place & NUMBER) >> PLACE_BITS) as u16;
        number
    }

    /// Whether the pool's side, which differs, does so only in members that may.
    pub fn differs_as_announced(self, content: u64) -> bool {
        self.number() != 0 && (self.content ^ content) & !EXCUSED_CONTENT == 0
    }

    /// One whose content holds an MFA preference, which has to be asked for.
    pub fn with_mfa(mut self) -> Self {
        self.place |= HAS_MFA;
        self
    }

    /// Whether this restore made its counterpart in the pool.
    pub fn is_made(self) -> bool {
        self.place & MADE != 0
    }

    /// Where it stands in the backup.
    pub fn place(self) -> u64 {
        self.place & PLACE
    }

    /// Whether the pool has it.
    pub fn is_seen(self) -> bool {
        self.place & SEEN != 0
    }

    /// Whether the pool has it otherwise.
    pub fn is_different(self) -> bool {
        self.place & DIFFERENT != 0
    }

    /// Whether its content holds an MFA preference.
    pub fn has_mfa(self) -> bool {
        self.place & HAS_MFA != 0
    }
}

impl Row for UserRow {
    type Key = u128;

    const BYTES: usize = 32;

    fn key(&self) -> u128 {
        self.key
    }

    fn put(&self, out: &mut Vec<u8>) {
        let lower = self.key as u64;
        put_numbers(&[lower, upper(self.key), self.content, self.place], out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let [lower, upper, content, place] = take_numbers(bytes)?;
        Some(Self {
            key: u128::from(upper) << 64 | u128::from(lower),
            content,
            place,
        })
    }
}

/// A content out of the hash of what has to be alike, and of what may differ.
pub fn content_with_excused(alike: u64, excused: u64) -> u64 {
    alike & !EXCUSED_CONTENT | excused & EXCUSED_CONTENT
}

/// The upper half of a key: by it and the place a user is found again.
pub fn upper(key: u128) -> u64 {
    (key >> 64) as u64
}

impl Table<UserRow> {
    /// The row to hold against a user of the other side with this key, of those that are not
    /// taken yet: where two have one key, rather the one that is alike.
    pub fn find(&self, key: u128, is_alike: impl Fn(UserRow) -> bool) -> Option<usize> {
        let left = || self.with_key(key).filter(|at| !self.rows[*at].is_seen());
        let alike = left().find(|at| is_alike(self.rows[*at]));
        alike.or_else(|| left().next())
    }

    /// Any row with this key, rather one that was seen.
    pub fn any(&self, key: u128) -> Option<UserRow> {
        let rows = &self.rows[self.with_key(key)];
        rows.iter().copied().max_by_key(|row| row.is_seen())
    }

    /// Where the row is of the user at `place`, given the upper half of its key.
    pub fn find_at(&self, upper_half: u64, place: u64) -> Option<usize> {
        self.places(
            |row| upper(row.key) < upper_half,
            |row| upper(row.key) == upper_half,
        )
        .find(|at| self.rows[*at].place() == place)
    }

    /// Marks a user that the other side has.
    pub fn see(&mut self, at: usize) {
        self.mark(at, SEEN);
    }

    /// Marks a user whom the other side has otherwise.
    pub fn differs(&mut self, at: usize) {
        self.mark(at, DIFFERENT);
    }

    /// Marks a user whose counterpart this restore made.
    pub fn made(&mut self, at: usize) {
        self.mark(at, MADE);
    }

    fn mark(&mut self, at: usize, mark: u64) {
        if let Some(row) = self.rows.get_mut(at) {
            row.place |= mark;
        }
    }

    /// Forgets what was seen, for another look.
    pub fn forget(&mut self) {
        let marks = SEEN | DIFFERENT | MADE;
        self.rows.iter_mut().for_each(|row| row.place &= !marks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_user_takes_32_bytes() {
        assert_eq!(size_of::<UserRow>(), 32);
    }

    #[test]
    fn of_two_with_one_key_the_alike_is_taken_first_and_each_once() {
        let mut index = Table::default();
        index.push(UserRow::new(5, 1, 10));
        index.push(UserRow::new(5, 2, 20));
        index.sort();
        let with_two = |row: UserRow| row.content == 2;
        let found = index.find(5, with_two).unwrap();
        assert_eq!(index.get(found).unwrap().place(), 20);
        index.see(found);
        let found = index.find(5, with_two).unwrap();
        assert_eq!(index.get(found).unwrap().place(), 10);
        index.see(found);
        assert_eq!(index.find(5, with_two), None);
        index.forget();
        assert!(index.find(5, |_| true).is_some());
        assert_eq!(index.find(6, |_| true), None);
    }

    #[test]
    fn what_differs_beyond_the_announced_members_is_told_apart() {
        let content = content_with_excused(0xAAAA_0000_0000, 7);
        let entry = UserRow::new(5, content, 10).with_mfa().numbered(4095);
        assert_eq!((entry.number(), entry.place()), (4095, 10));
        assert!(entry.has_mfa() && !entry.is_seen());
        for (pool, announced) in [
            (content_with_excused(0xAAAA_0000_0000, 8), true),
            (content_with_excused(0xAAAB_0000_0000, 7), false),
        ] {
            assert_eq!(entry.differs_as_announced(pool), announced);
        }
        assert!(!UserRow::new(5, 1, 10).differs_as_announced(2));
    }

    proptest! {
        #[test]
        fn a_table_reads_back_with_its_marks(rows in proptest::collection::vec((any::<u128>(), any::<u64>(), 0u64..1 << 48, any::<bool>()), 0..40)) {
            let mut index = Table::default();
            for (key, content, place, mfa) in &rows {
                let entry = UserRow::new(*key, *content, *place);
                index.push(if *mfa { entry.with_mfa() } else { entry });
            }
            index.sort();
            index.see(0);
            let mut bytes = Vec::new();
            index.rows().iter().for_each(|row| row.put(&mut bytes));
            let rows: Option<Vec<UserRow>> = bytes.chunks(UserRow::BYTES).map(UserRow::take).collect();
            let back = Table::of(rows.unwrap());
            prop_assert_eq!(back, index);
        }

        #[test]
        fn every_entry_is_found(keys in proptest::collection::vec(0u128..50, 1..60)) {
            let mut index = Table::default();
            for (place, key) in keys.iter().enumerate() {
                index.push(UserRow::new(*key, 0, place as u64));
            }
            index.sort();
            for (place, key) in keys.iter().enumerate() {
                let found = index.find(*key, |_| true).unwrap();
                index.see(found);
                let found = index.find_at(upper(*key), place as u64).unwrap();
                prop_assert_eq!(index.get(found).unwrap().place(), place as u64);
            }
            prop_assert!(index.rows().iter().all(|entry| entry.is_seen()));
        }
    }
}
