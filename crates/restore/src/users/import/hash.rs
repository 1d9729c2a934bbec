//! Password hashes for import jobs: of passwords that nobody knows.
//!
//! A row with a hash makes a `CONFIRMED` user at once, without AdminSetUserPassword and its 30
//! requests a second (facts C.5, E). What is written is a bcrypt text of random salt and random
//! sum: no password was ever chosen for it, none can be found, and each user has another. Hashing
//! a random password for each of a million users would add hours of computing and no secrecy.

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;

use super::super::password::random_bytes;
use crate::error::RestoreError;

/// The name of the algorithm in CreateUserImportJob.
pub(super) const ALGORITHM: &str = "BCRYPT";
/// The cost, of which Cognito takes 12 at most (facts C.5). It is what a sign-in attempt costs
/// Cognito; there is nothing to protect by it.
const PREFIX: &str = "$2b$10$";
const SALT_BYTES: usize = 16;
const SUM_BYTES: usize = 23;
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// A hash that no password is known for.
///
/// # Errors
/// [`RestoreError::Internal`] when the system gives no random bytes.
pub(super) fn of_no_known_password() -> Result<String, RestoreError> {
    let bytes = random_bytes(SALT_BYTES + SUM_BYTES)?;
    let (salt, sum) = bytes.split_at(SALT_BYTES);
    let (salt, sum) = (BCRYPT_BASE64.encode(salt), BCRYPT_BASE64.encode(sum));
    Ok(format!("{PREFIX}{salt}{sum}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_the_form_that_bcrypt_gives_it_and_never_repeats() {
        let hash = of_no_known_password().unwrap();
        assert_eq!(hash.len(), 60);
        let rest = hash.strip_prefix("$2b$10$").unwrap();
        assert!(
            rest.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"./".contains(&b)),
            "{hash}"
        );
        assert_ne!(hash, of_no_known_password().unwrap());
    }
}
