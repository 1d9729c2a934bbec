//! Ids as types, so that one cannot be passed for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not the id it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a valid {kind}: {rule}")]
pub struct InvalidId {
    kind: &'static str,
    rule: &'static str,
    shown: String,
}

impl InvalidId {
    /// The offending text is shown cut to 80 characters: it comes from outside.
    pub(crate) fn new(kind: &'static str, rule: &'static str, text: &str) -> Self {
        Self {
            kind,
            rule,
            shown: text.chars().take(80).collect(),
        }
    }
}

/// The id of a user pool, such as `us-east-1_AbCdEfGhi`.
///
/// Cognito's pattern is `[\w-]+_[0-9a-zA-Z]+` with at most 55 characters (API model,
/// `UserPoolIdType`). The part before the underscore is the pool's Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserPoolId(String);

impl UserPoolId {
    /// The Region that the id names, such as `us-east-1`.
    pub fn region(&self) -> &str {
        self.0.rsplit_once('_').map_or("", |(region, _)| region)
    }

    /// The id as Cognito writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserPoolId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const RULE: &str =
            "a Region, an underscore, letters and digits, such as us-east-1_AbCdEfGhi";
        let invalid = || InvalidId::new("user pool id", RULE, text);
        let (region, rest) = text.rsplit_once('_').ok_or_else(invalid)?;
        let region_fits = !region.is_empty()
            && region
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let rest_fits = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric());
        if text.len() <= 55 && region_fits && rest_fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(invalid())
        }
    }
}

/// The id of an app client. Cognito chooses it; a restored client has a new one (facts A.6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppClientId(String);

impl AppClientId {
    /// The id as Cognito writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppClientId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=128).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '+');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "app client id",
                "1 to 128 letters, digits, '_' and '+'",
                text,
            ))
        }
    }
}

/// A user's `sub`: unique in the pool, chosen by Cognito, never kept by a restore (facts C.3).
///
/// It is an id, not personal data: reports name users by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sub(String);

impl Sub {
    /// The id as Cognito writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A `sub` that a person typed: Cognito's are UUIDs in lower case (facts C.1), and what is no
    /// UUID is a username or another mistake.
    ///
    /// # Errors
    /// [`InvalidId`] for anything else. What was typed may be personal, and is not shown.
    pub fn from_uuid(text: &str) -> Result<Self, InvalidId> {
        let lengths = text.split('-').map(str::len);
        let digits = |c: char| c.is_ascii_hexdigit() || c == '-';
        match lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(digits) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(InvalidId::new(
                "sub",
                "a UUID such as 5a1b0a6e-0001-4000-8000-000000000001, and no username",
                "(not shown)",
            )),
        }
    }
}

impl FromStr for Sub {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=64).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "sub",
                "up to 64 letters, digits and hyphens",
                text,
            ))
        }
    }
}

/// A user's `Username`. Often an e-mail address, hence personal: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// Takes the name as Cognito gave it; Cognito's own rules apply on write, not here.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name itself, for requests and maps, never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Username(hidden)")
    }
}

/// The ARN of a key of AWS KMS: `arn:aws:kms:us-west-2:111122223333:key/ID`.
///
/// A backup names the key by which its secrets are encrypted, and whoever reads it calls the Region
/// that stands there: hence nothing but a Region may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KmsKeyArn(String);

impl KmsKeyArn {
    /// The ARN as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Region of the key.
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl FromStr for KmsKeyArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parts: Vec<&str> = text.split(':').collect();
        let is_name = |part: &str| {
            (1..=64).contains(&part.len())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let fits = match parts[..] {
            ["arn", partition, "kms", region, account, key] => {
                let id = key.strip_prefix("key/").unwrap_or_default();
                let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
                [partition, region, id].into_iter().all(is_name) && is_account
            }
            _ => false,
        };
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            const RULE: &str = "an ARN such as arn:aws:kms:us-west-2:111122223333:key/1a2b3c4d";
            Err(InvalidId::new("key of AWS KMS", RULE, text))
        }
    }
}

macro_rules! text_conversions {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $id {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> String {
                id.0
            }
        }
    )*};
}

pub(crate) use text_conversions;

text_conversions!(UserPoolId, AppClientId, Sub, KmsKeyArn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_pool_id_is_a_region_and_a_suffix() {
        let id: UserPoolId = "us-east-1_AbCdEfGhi".parse().unwrap();
        assert_eq!(id.region(), "us-east-1");
        for bad in [
            "",
            "us-east-1",
            "us-east-1_",
            "_abc",
            "us-east-1_a b",
            "us-east-1_a/b",
            "x_".repeat(40).as_str(),
        ] {
            let error = bad.parse::<UserPoolId>().unwrap_err();
            assert!(error.to_string().contains("user pool id"), "{error}");
        }
    }

    #[test]
    fn the_region_of_a_key_is_nothing_but_a_region() {
        let arn = "arn:aws:kms:us-west-2:111122223333:key/1a2b-3c4d";
        assert_eq!(arn.parse::<KmsKeyArn>().unwrap().region(), "us-west-2");
        for bad in [
            "",
            "1a2b-3c4d",
            "alias/backups",
            "arn:aws:kms:us-west-2:111122223333:alias/backups",
            "arn:aws:kms:evil.example.com/#:111122223333:key/1a2b",
            "arn:aws:kms::111122223333:key/1a2b",
            "arn:aws:kms:us-west-2:1:key/1a2b",
            "arn:aws:s3:us-west-2:111122223333:key/1a2b",
        ] {
            assert!(bad.parse::<KmsKeyArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_of_a_username_hides_it() {
        assert!(!format!("{:?}", Username::new("ann@example.com")).contains("ann"));
    }
}
