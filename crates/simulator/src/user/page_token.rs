//! Pagination tokens: opaque, bound to what they page through, good for one hour (facts D).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::ServiceError;
use crate::state::Time;

/// "Amazon Cognito expires the pagination token after one hour" (facts D \[DOC-2023\]); counted from each token's issue
/// \[UNV\].
const LIFETIME_MILLIS: u64 = 60 * 60 * 1000;

/// What the tokens of one list are bound to: the simulator's key, and the list (operation, pool, filter...).
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    pub(crate) key: &'a [u8; 16],
    pub(crate) list: &'a [&'a str],
}

impl Tokens<'_> {
    /// A token that goes on after `position`.
    pub(crate) fn issue(&self, position: &[u8], now: Time) -> String {
        let mut bytes = now.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(position);
        let mac = self.mac(&bytes);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a token.
    ///
    /// # Errors
    /// `InvalidParameterException` for a token of another list, a made-up one, or one older than an hour; texts
    /// \[UNV\].
    pub(crate) fn redeem(&self, token: &str, now: Time) -> Result<Vec<u8>, ServiceError> {
        let invalid = || ServiceError::invalid_parameter("Invalid pagination token.");
        let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let length = bytes
            .len()
            .checked_sub(8)
            .filter(|length| *length >= 8)
            .ok_or_else(invalid)?;
        let mac = bytes.split_off(length);
        if mac != self.mac(&bytes) {
            return Err(invalid());
        }
        let position = bytes.split_off(8);
        let issued = bytes
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        if now.0.saturating_sub(issued) > LIFETIME_MILLIS {
            return Err(ServiceError::invalid_parameter(
                "The pagination token has expired.",
            ));
        }
        Ok(position)
    }

    fn mac(&self, bytes: &[u8]) -> [u8; 8] {
        let mut hash = Sha256::new().chain_update(self.key).chain_update(bytes);
        for part in self.list {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut mac = [0; 8];
        mac.copy_from_slice(&hash.finalize()[..8]);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [7; 16];

    #[test]
    fn a_token_works_for_its_list_and_for_an_hour() {
        let tokens = Tokens {
            key: &KEY,
            list: &["ListUsers", "pool", ""],
        };
        let token = tokens.issue(b"position", Time(1_000));
        assert_eq!(
            tokens
                .redeem(&token, Time(1_000 + LIFETIME_MILLIS))
                .expect("still good"),
            b"position"
        );
        let late = tokens
            .redeem(&token, Time(1_001 + LIFETIME_MILLIS))
            .expect_err("expired");
        assert_eq!(late.code, "InvalidParameterException");
        let other = Tokens {
            key: &KEY,
            list: &["ListUsers", "pool", "sub = \"x\""],
        };
        assert!(other.redeem(&token, Time(1_000)).is_err());
        let foreign = Tokens {
            key: &[8; 16],
            list: &["ListUsers", "pool", ""],
        };
        assert!(foreign.redeem(&token, Time(1_000)).is_err());
    }

    #[test]
    fn what_is_no_token_is_refused_without_a_panic() {
        let tokens = Tokens {
            key: &KEY,
            list: &[],
        };
        for garbage in [
            "",
            "x",
            "####",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "\u{1f600}",
        ] {
            assert!(tokens.redeem(garbage, Time(0)).is_err(), "{garbage}");
        }
    }
}
