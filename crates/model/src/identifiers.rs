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
    fn new(kind: &'static str, rule: &'static str, text: &str) -> Self {
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

/// The id of a restore: the name of the Step Functions execution that began it, also the folder
/// of its report. A restore that is resumed keeps it.
///
/// 1 to 80 of `A-Z a-z 0-9 - _`, which is what an execution name allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RestoreId(String);

impl RestoreId {
    /// The longest name that Step Functions takes.
    pub const MAX_LENGTH: usize = 80;

    /// The name for a restore of `pool` started at `unix_seconds`; `unique` tells apart two in
    /// the same second.
    ///
    /// The reference names executions `dr-restore-{pool}-{seconds}`; what is added keeps them
    /// unique, and a pool id too long for the limit is cut.
    pub fn for_restore(pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        Self::named(&Self::restores_of(pool), unix_seconds, unique)
    }

    /// The name for a run that changes nothing: a dry run or a comparison.
    pub fn for_check(pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        Self::named(&format!("dr-check-{pool}-"), unix_seconds, unique)
    }

    /// The name for bringing a standby pool to a backup.
    pub fn for_sync(pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        Self::named(&Self::syncs_of(pool), unix_seconds, unique)
    }

    /// How the names of rehearsals begin.
    pub const REHEARSAL: &str = "rehearsal-";

    /// The name for a rehearsal. Nothing else is named so: what a rehearsal leaves behind lies
    /// apart from what restores leave behind.
    pub fn for_rehearsal(pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        Self::named(&Self::rehearsals_of(pool), unix_seconds, unique)
    }

    /// Whether it is the name of a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.0.starts_with(Self::REHEARSAL)
    }

    /// How the names of all restores begin that are no rehearsals.
    pub const RESTORE: &str = "dr-restore-";

    /// How the names of undos begin.
    pub const UNDO: &str = "undo-";

    /// Whether it is the name of an undo, and not of the restore of its deleted users.
    pub fn is_undo(&self) -> bool {
        self.0.starts_with(Self::UNDO) && !self.0.ends_with(Self::OF_USERS)
    }

    /// How the names of all undos in a pool begin that change something.
    pub fn undos_of(pool: &UserPoolId) -> String {
        Self::undo_prefix("", pool)
    }

    /// The name for an undo that is only planned.
    pub fn for_undo_plan(pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        Self::named(&Self::undo_prefix("plan-", pool), unix_seconds, unique)
    }

    fn undo_prefix(kind: &str, pool: &UserPoolId) -> String {
        let mut prefix = format!("{}{kind}{pool}", Self::UNDO);
        prefix.truncate(Self::MAX_LENGTH - Self::LONGEST_TAIL - "--users".len());
        prefix.push('-');
        prefix
    }

    /// The restore that makes the deleted users of an undo again.
    pub fn of_users(&self) -> Self {
        Self(format!("{}{}", self.0, Self::OF_USERS))
    }

    const OF_USERS: &str = "-users";

    /// The name for an undo in `pool`. It leaves room for what is added for the restore of its
    /// deleted users.
    pub fn for_undo(pool: &UserPoolId, unix_seconds: i64, unique: u32) -> Self {
        Self::named(&Self::undos_of(pool), unix_seconds, unique)
    }

    fn short_prefix(kind: &str, pool: &UserPoolId) -> String {
        let mut prefix = format!("{kind}-{pool}");
        prefix.truncate(Self::MAX_LENGTH - Self::LONGEST_TAIL - "--users".len());
        prefix.push('-');
        prefix
    }

    /// How the names of all runs begin that bring the standby pool of `pool` to a backup.
    pub fn syncs_of(pool: &UserPoolId) -> String {
        Self::short_prefix(Self::SYNC, pool)
    }

    const SYNC: &str = "standby-sync";

    /// How the names of all restores of a pool begin.
    pub fn restores_of(pool: &UserPoolId) -> String {
        Self::prefix(Self::RESTORE, pool)
    }

    /// How the names of all rehearsals of a pool begin.
    pub fn rehearsals_of(pool: &UserPoolId) -> String {
        Self::prefix(Self::REHEARSAL, pool)
    }

    fn prefix(kind: &str, pool: &UserPoolId) -> String {
        let mut prefix = format!("{kind}{pool}");
        prefix.truncate(Self::MAX_LENGTH - Self::LONGEST_TAIL - 1);
        prefix.push('-');
        prefix
    }

    /// `-`, eleven digits of seconds (until the year 5138) and eight of chance.
    const LONGEST_TAIL: usize = 1 + 11 + 8;

    fn named(prefix: &str, unix_seconds: i64, unique: u32) -> Self {
        let room = Self::MAX_LENGTH - Self::LONGEST_TAIL;
        let prefix: String = prefix.chars().take(room).collect();
        Self(format!(
            "{prefix}{}-{unique:08x}",
            unix_seconds.clamp(0, 99_999_999_999)
        ))
    }

    /// The id as Step Functions knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where in the DR bucket the restore keeps what it leaves behind:
    /// `cognito-restore/{restore-id}/{name}`.
    pub fn object_key(&self, name: &str) -> String {
        format!("cognito-restore/{}/{name}", self.0)
    }
}

impl FromStr for RestoreId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "restore id",
                "1 to 80 letters, digits, hyphens and underscores",
                text,
            ))
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

text_conversions!(UserPoolId, RestoreId, AppClientId, Sub, KmsKeyArn);

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
    fn a_restore_id_fits_an_execution_name_even_for_the_longest_pool_id() {
        let pool: UserPoolId = format!("us-gov-east-1_{}", "a".repeat(41)).parse().unwrap();
        let id = RestoreId::for_restore(&pool, 99_999_999_999, u32::MAX);
        assert!(id.as_str().len() <= RestoreId::MAX_LENGTH, "{id}");
        assert!(
            id.as_str().starts_with(&RestoreId::restores_of(&pool)),
            "{id}"
        );
        let undo = RestoreId::for_undo(&pool, 99_999_999_999, u32::MAX);
        assert!(
            format!("{undo}-users").parse::<RestoreId>().is_ok(),
            "{undo}"
        );
        assert_eq!(id.as_str().parse::<RestoreId>(), Ok(id.clone()));
        assert_ne!(id, RestoreId::for_restore(&pool, 99_999_999_999, 1));
    }

    #[test]
    fn the_restores_of_a_pool_are_told_from_those_of_another_by_name() {
        let (short, long) = (
            "us-east-1_A".parse().unwrap(),
            "us-east-1_AB".parse().unwrap(),
        );
        let id = RestoreId::for_restore(&long, 1_790_000_000, 7);
        assert!(id.as_str().starts_with(&RestoreId::restores_of(&long)));
        assert!(!id.as_str().starts_with(&RestoreId::restores_of(&short)));
        let check = RestoreId::for_check(&long, 1_790_000_000, 7);
        assert!(!check.as_str().starts_with(&RestoreId::restores_of(&long)));
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
