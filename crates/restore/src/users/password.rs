//! Passwords that nobody ever learns.
//!
//! Cognito gives no password back (facts A, row 27), yet some states of a user need one. A random
//! one is set and forgotten at once; the user takes the way of "forgot password".

use model::Secret;

use crate::error::RestoreError;

/// 64 characters, so that six bits choose one without bias. Both symbols are in the set that
/// Cognito's policies count as symbols.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 192 bits.
const SHORTEST: usize = 32;
/// The longest that a policy can ask for (facts A.1: MinimumLength 6-99).
const LONGEST_MINIMUM: usize = 99;

/// A random password that satisfies every password policy with this minimum length: it has
/// upper case, lower case, digit and symbol whether they are asked for or not.
///
/// # Errors
/// [`RestoreError::Internal`] when the system gives no random bytes.
pub(crate) fn random(minimum_length: usize) -> Result<Secret, RestoreError> {
    let length = minimum_length.clamp(SHORTEST, LONGEST_MINIMUM);
    let characters: String = random_bytes(length)?
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 63)]))
        .collect();
    // One of each class in front: what follows them stays fully random.
    Ok(Secret::new(format!("Aa0-{characters}")))
}

/// `length` bytes from the system's random source.
///
/// # Errors
/// [`RestoreError::Internal`] when there are none to be had.
pub(super) fn random_bytes(length: usize) -> Result<Vec<u8>, RestoreError> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|error| {
        RestoreError::Internal(format!("the system gives no random bytes: {error}"))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_satisfies_the_strictest_policy() {
        for minimum in [0, 6, 8, 32, 99, 5000] {
            let password = random(minimum).unwrap();
            let text = password.expose();
            assert!(
                text.len() >= minimum.min(99) && text.len() <= 256,
                "{minimum}"
            );
            for class in [
                char::is_ascii_uppercase as fn(&char) -> bool,
                char::is_ascii_lowercase,
                char::is_ascii_digit,
                char::is_ascii_punctuation,
            ] {
                assert!(text.chars().any(|character| class(&character)), "{minimum}");
            }
        }
    }

    #[test]
    fn no_two_passwords_are_the_same() {
        assert_ne!(random(8).unwrap(), random(8).unwrap());
    }
}
