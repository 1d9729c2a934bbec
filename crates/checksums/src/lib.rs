//! The checksums that S3 knows, under the names by which the SDK calls `crc-fast`.
//!
//! `crc-fast` holds tables of all checksums that there are and chooses while it runs, so that no
//! linker can leave any out: 0.8 MB in each function that uses S3. This has three of them, by the
//! `crc` crate.

use std::fmt;
use std::sync::LazyLock;

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};

// Made when they are needed, which takes microseconds: in a package, tables do not compress.
static ISO_HDLC: LazyLock<Crc<u32, Table<16>>> =
    LazyLock::new(|| Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC));
static ISCSI: LazyLock<Crc<u32, Table<16>>> =
    LazyLock::new(|| Crc::<u32, Table<16>>::new(&CRC_32_ISCSI));
static NVME: LazyLock<Crc<u64, Table<16>>> =
    LazyLock::new(|| Crc::<u64, Table<16>>::new(&CRC_64_NVME));

/// A checksum that S3 takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC-32, as in zip.
    Crc32IsoHdlc,
    /// CRC-32C.
    Crc32Iscsi,
    /// CRC-64/NVME.
    Crc64Nvme,
}

/// The checksum of all of the bytes.
#[must_use]
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    match algorithm {
        CrcAlgorithm::Crc32IsoHdlc => ISO_HDLC.checksum(bytes).into(),
        CrcAlgorithm::Crc32Iscsi => ISCSI.checksum(bytes).into(),
        CrcAlgorithm::Crc64Nvme => NVME.checksum(bytes),
    }
}

/// The checksum of bytes that come in pieces.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Narrow(crc::Digest<'static, u32, Table<16>>),
    Wide(crc::Digest<'static, u64, Table<16>>),
}

impl Digest {
    /// Of no bytes yet.
    #[must_use]
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => State::Narrow(ISO_HDLC.digest()),
            CrcAlgorithm::Crc32Iscsi => State::Narrow(ISCSI.digest()),
            CrcAlgorithm::Crc64Nvme => State::Wide(NVME.digest()),
        })
    }

    /// Goes on from a state of the calculation: a sum before its last step, which in all three
    /// turns every bit.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the state of a 32-bit sum has 32 bits"
    )]
    pub fn new_with_init_state(algorithm: CrcAlgorithm, state: u64) -> Self {
        // The crate takes the state as the catalogue writes it: bits in the other order.
        let narrow = (state as u32).reverse_bits();
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => State::Narrow(ISO_HDLC.digest_with_initial(narrow)),
            CrcAlgorithm::Crc32Iscsi => State::Narrow(ISCSI.digest_with_initial(narrow)),
            CrcAlgorithm::Crc64Nvme => State::Wide(NVME.digest_with_initial(state.reverse_bits())),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Narrow(digest) => digest.update(bytes),
            State::Wide(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all bytes.
    #[must_use]
    pub fn finalize(self) -> u64 {
        match self.0 {
            State::Narrow(digest) => digest.finalize().into(),
            State::Wide(digest) => digest.finalize(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [(CrcAlgorithm, u64, u64); 3] = [
        (CrcAlgorithm::Crc32IsoHdlc, 0xcbf4_3926, 0xffff_ffff),
        (CrcAlgorithm::Crc32Iscsi, 0xe306_9283, 0xffff_ffff),
        (CrcAlgorithm::Crc64Nvme, 0xae8b_1486_0a79_9888, u64::MAX),
    ];

    /// The catalogue's check values: of the digits 1 to 9.
    #[test]
    fn each_checksum_is_the_one_of_the_catalogue() {
        for (algorithm, expected, _) in ALL {
            assert_eq!(checksum(algorithm, b"123456789"), expected, "{algorithm:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_have_the_sum_of_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..300,
        ) {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            for (algorithm, _, all_bits) in ALL {
                let mut digest = Digest::new(algorithm);
                digest.update(first);
                let so_far = digest.clone().finalize();
                digest.update(second);
                let whole = checksum(algorithm, &bytes);
                prop_assert_eq!(digest.finalize(), whole);
                let mut resumed = Digest::new_with_init_state(algorithm, so_far ^ all_bits);
                resumed.update(second);
                prop_assert_eq!(resumed.finalize(), whole);
            }
        }
    }
}
