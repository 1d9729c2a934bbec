//! Short hashes, by which users are told apart without keeping them in memory.

use sha2::{Digest, Sha256};

/// 128 bits of the SHA-256 of the parts, each with its length before it.
///
/// Among a hundred million users the chance that any two fall together is below 10^-22.
pub fn hash(parts: &[&str]) -> u128 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(bytes)
}

/// The first half of a hash: enough to see that two contents of one user differ.
pub fn half(hash: u128) -> u64 {
    // The upper half is cut on purpose.
    #[allow(clippy::cast_possible_truncation)]
    let half = hash as u64;
    half
}
