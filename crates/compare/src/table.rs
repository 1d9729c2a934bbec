//! Rows of fixed size, by which millions of things are told apart in little memory.

/// A row of a table, as bytes of one length.
pub trait Row: Sized {
    /// The length.
    const BYTES: usize;

    /// Appends the row.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads what [`put`](Self::put) appended; `None` when it is something else.
    fn take(bytes: &[u8]) -> Option<Self>;
}

impl<const BYTES: usize> Row for [u8; BYTES] {
    const BYTES: usize = BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// Appends numbers, eight bytes each.
pub fn put_numbers(numbers: &[u64], out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Reads what [`put_numbers`] appended; `None` when it is another number of them.
pub fn take_numbers<const COUNT: usize>(bytes: &[u8]) -> Option<[u64; COUNT]> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let numbers: &[[u8; 8]; COUNT] = numbers.try_into().ok()?;
    rest.is_empty().then(|| numbers.map(u64::from_le_bytes))
}
