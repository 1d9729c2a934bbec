//! Tables of millions of rows of fixed size, by which users and memberships are found without
//! keeping them in memory. Whoever keeps a table writes its rows and makes another one of them.

pub mod memberships;
pub mod names;
pub mod users;

pub use memberships::MembershipRow;
pub use names::NameRow;
pub use users::UserRow;

use std::ops::Range;

/// A row of a table, as bytes of one length. Rows are in the order of their keys first.
pub trait Row: Copy + Ord {
    /// What rows are found by.
    type Key: Ord;

    /// The length in bytes.
    const BYTES: usize;

    /// What the row is found by.
    fn key(&self) -> Self::Key;

    /// Appends the row.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads what [`put`](Self::put) appended; `None` when it is something else.
    fn take(bytes: &[u8]) -> Option<Self>;
}

/// How many bytes of a row of bytes are its key.
const KEY: usize = 8;

/// Found by its first eight bytes.
impl<const BYTES: usize> Row for [u8; BYTES] {
    type Key = [u8; KEY];

    const BYTES: usize = BYTES;

    fn key(&self) -> Self::Key {
        std::array::from_fn(|at| self.get(at).copied().unwrap_or_default())
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// Appends numbers, eight bytes each.
fn put_numbers(numbers: &[u64], out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Reads what [`put_numbers`] appended; `None` when it is another number of them.
fn take_numbers<const COUNT: usize>(bytes: &[u8]) -> Option<[u64; COUNT]> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let numbers: &[[u8; 8]; COUNT] = numbers.try_into().ok()?;
    rest.is_empty().then(|| numbers.map(u64::from_le_bytes))
}

/// Rows, to be sorted when all are there and before the first is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<R> {
    rows: Vec<R>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<R: Row> Table<R> {
    /// One of rows that [`rows`](Self::rows) gave, sorted again.
    pub fn of(rows: Vec<R>) -> Self {
        let mut table = Self { rows };
        table.sort();
        table
    }

    /// Makes room for exactly so many more: a table that grew by doubling would be half empty.
    pub fn reserve(&mut self, rows: usize) {
        self.rows.reserve_exact(rows);
    }

    /// Adds a row.
    pub fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// Sorts the rows.
    pub fn sort(&mut self) {
        self.rows.sort_unstable();
    }

    /// All rows.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The row at a place.
    pub fn get(&self, place: usize) -> Option<R> {
        self.rows.get(place).copied()
    }

    /// The places of the rows with a key.
    fn places(&self, is_before: impl Fn(&R) -> bool, is_it: impl Fn(&R) -> bool) -> Range<usize> {
        let start = self.rows.partition_point(is_before);
        let same = self.rows[start..].iter().take_while(|row| is_it(row));
        start..start + same.count()
    }

    /// The places of the rows with a key.
    pub fn with_key(&self, key: R::Key) -> Range<usize> {
        self.places(|row| row.key() < key, |row| row.key() == key)
    }
}
