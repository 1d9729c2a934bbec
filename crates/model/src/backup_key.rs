//! Where a backup lies in its bucket: `cognito-backup/YYYY/MM/DD/{pool-id}-HHMMSS.json.zst`, in UTC.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::identifiers::UserPoolId;
use crate::shard::Shard;

/// The folder of all backups in either bucket.
pub const BACKUP_FOLDER: &str = "cognito-backup/";
/// How the name of a compressed document ends.
const COMPRESSED: &str = ".json.zst";
/// How the name of a document in plain JSON ends.
const PLAIN: &str = ".json";

/// A text that is not the key of a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the key of a backup: expected cognito-backup/YYYY/MM/DD/{{pool-id}}-HHMMSS.json.zst, or .json"
)]
pub struct InvalidBackupKey(String);

/// The key of one backup: which pool, and when its backup began, to the second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupKey {
    began: DateTime,
    pool: UserPoolId,
    shard: Option<Shard>,
    /// Whether the document is compressed, as all are since version 3 of the format.
    compressed: bool,
}

impl BackupKey {
    /// The key for a compressed backup of `pool` that begins at `began`. Fractions of a second are
    /// cut.
    pub fn new(pool: &UserPoolId, began: Timestamp) -> Self {
        let civil = began.to_zoned(TimeZone::UTC).datetime();
        let whole = civil.with().subsec_nanosecond(0).build().unwrap_or(civil);
        Self {
            began: whole,
            pool: pool.clone(),
            shard: None,
            compressed: true,
        }
    }

    /// The key for a document in plain JSON, as versions 1 and 2 of the format are.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        Self {
            compressed: false,
            ..self
        }
    }

    /// The key for one share of the same.
    #[must_use]
    pub fn of_shard(self, shard: Option<Shard>) -> Self {
        Self { shard, ..self }
    }

    /// Which share of the users it has, unless it has all.
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// The backup that an object is by its name, where the name has another ending than the ones
    /// that this version writes: a newer one may have written it.
    pub fn with_another_ending(object: &str) -> Option<Self> {
        let folder = object.rfind('/')? + 1;
        let ending = folder + object[folder..].find('.')?;
        let key: Self = format!("{}.json", &object[..ending]).parse().ok()?;
        (key.to_string() != object).then_some(key)
    }

    /// The pool that was backed up.
    pub fn pool(&self) -> &UserPoolId {
        &self.pool
    }

    /// When the backup began, to the second.
    pub fn began(&self) -> Timestamp {
        // A civil date and time in UTC always names an instant; the fallback is never taken.
        self.began
            .to_zoned(TimeZone::UTC)
            .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
    }

    /// The prefix of the day that the key lies in.
    pub fn day(&self) -> DayPrefix {
        DayPrefix(self.began.date())
    }
}

impl fmt::Display for BackupKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, time) = (self.day(), self.began.time());
        write!(
            formatter,
            "{day}{}-{:02}{:02}{:02}{}{}",
            self.pool,
            time.hour(),
            time.minute(),
            time.second(),
            self.shard
                .map_or(String::new(), |shard| format!(".{}", shard.in_name())),
            if self.compressed { COMPRESSED } else { PLAIN },
        )
    }
}

impl FromStr for BackupKey {
    type Err = InvalidBackupKey;

    fn from_str(key: &str) -> Result<Self, InvalidBackupKey> {
        let parse = || -> Option<Self> {
            let (year, rest) = key.strip_prefix(BACKUP_FOLDER)?.split_once('/')?;
            let (month, rest) = rest.split_once('/')?;
            let (day, name) = rest.split_once('/')?;
            let (name, compressed) = match name.strip_suffix(COMPRESSED) {
                Some(name) => (name, true),
                None => (name.strip_suffix(PLAIN)?, false),
            };
            let (name, shard) = match name.split_once('.') {
                Some((name, shard)) => (name, Some(Shard::from_name(shard)?)),
                None => (name, None),
            };
            let (pool, time) = name.rsplit_once('-')?;
            if year.len() != 4
                || month.len() != 2
                || day.len() != 2
                || time.len() != 6
                || !time.is_ascii()
            {
                return None;
            }
            let number = |text: &str| text.parse::<i16>().ok();
            let small = |text: &str| text.parse::<i8>().ok();
            let date = Date::new(number(year)?, small(month)?, small(day)?).ok()?;
            let time = Time::new(
                small(&time[..2])?,
                small(&time[2..4])?,
                small(&time[4..])?,
                0,
            )
            .ok()?;
            let parsed = Self {
                began: date.to_datetime(time),
                pool: pool.parse().ok()?,
                shard,
                compressed,
            };
            // Signs and the like parse as numbers but are not how a key is written.
            (parsed.to_string() == key).then_some(parsed)
        };
        parse().ok_or_else(|| InvalidBackupKey(key.chars().take(200).collect()))
    }
}

impl TryFrom<String> for BackupKey {
    type Error = InvalidBackupKey;

    fn try_from(key: String) -> Result<Self, InvalidBackupKey> {
        key.parse()
    }
}

impl From<BackupKey> for String {
    fn from(key: BackupKey) -> String {
        key.to_string()
    }
}

/// The folder of one day's backups: `cognito-backup/YYYY/MM/DD/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayPrefix(Date);

impl DayPrefix {
    /// The folder of the day of `at`, in UTC.
    pub fn of(at: Timestamp) -> Self {
        Self(at.to_zoned(TimeZone::UTC).date())
    }

    /// The day before; the first day that a calendar knows has none.
    pub fn before(self) -> Option<Self> {
        self.0.yesterday().ok().map(Self)
    }

    /// Reads `cognito-backup/YYYY/MM/DD/`.
    pub fn parse(prefix: &str) -> Option<Self> {
        let mut parts = prefix
            .strip_prefix(BACKUP_FOLDER)?
            .strip_suffix('/')?
            .split('/');
        let year = parts.next()?.parse().ok()?;
        let month = parts.next()?.parse().ok()?;
        let day = parts.next()?.parse().ok()?;
        if parts.next().is_some() {
            return None;
        }
        Date::new(year, month, day)
            .ok()
            .map(Self)
            .filter(|parsed| parsed.to_string() == prefix)
    }

    /// What all keys of `pool` on this day begin with. Keys of a pool whose id continues this
    /// one's are not among them: the time follows the hyphen, and [`BackupKey`] checks the rest.
    pub fn of_pool(self, pool: &UserPoolId) -> String {
        format!("{self}{pool}-")
    }
}

impl fmt::Display for DayPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.0;
        write!(
            formatter,
            "{BACKUP_FOLDER}{:04}/{:02}/{:02}/",
            date.year(),
            date.month(),
            date.day()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_names_pool_and_second_and_an_uncompressed_one_is_that_of_the_reference() {
        let pool = "us-east-1_AbC".parse().unwrap();
        let key = BackupKey::new(&pool, "2026-03-07T09:05:02.9Z".parse().unwrap());
        assert_eq!(
            key.to_string(),
            "cognito-backup/2026/03/07/us-east-1_AbC-090502.json.zst"
        );
        assert_eq!(
            key.clone().uncompressed().to_string(),
            "cognito-backup/2026/03/07/us-east-1_AbC-090502.json"
        );
        assert_eq!(key.began(), "2026-03-07T09:05:02Z".parse().unwrap());
    }

    #[test]
    fn a_key_says_which_share_of_the_users_it_has() {
        for ending in ["json", "json.zst"] {
            let text =
                format!("cognito-backup/2026/03/07/us-east-1_AbC-090502.shard-2-of-4.{ending}");
            let key: BackupKey = text.parse().unwrap();
            assert_eq!(key.shard(), "2/4".parse().ok());
            assert_eq!(key.to_string(), text);
            let other = text.replace("shard-2-of-4", "shard-5-of-4");
            assert!(other.parse::<BackupKey>().is_err());
        }
    }

    #[test]
    fn other_objects_are_not_backups() {
        for key in [
            "",
            "cognito-backup/",
            "cognito-backup/2026/03/07/",
            "cognito-backup/2026/3/7/us-east-1_AbC-090502.json",
            "cognito-backup/2026/03/32/us-east-1_AbC-090502.json",
            "cognito-backup/2026/03/07/us-east-1_AbC-250502.json",
            "cognito-backup/2026/03/07/us-east-1_AbC-+90502.json",
            "cognito-backup/2026/03/07/us-east-1_AbC-0905.json",
            "cognito-backup/2026/03/07/us-east-1_AbC-090502.json.gz",
            "cognito-backup/2026/03/07/us-east-1_AbC-090502.zst",
            "other/2026/03/07/us-east-1_AbC-090502.json",
        ] {
            assert!(key.parse::<BackupKey>().is_err(), "{key}");
        }
    }

    #[test]
    fn keys_sort_by_the_time_that_they_name() {
        let pool = "us-east-1_AbC".parse().unwrap();
        let early = BackupKey::new(&pool, "2026-03-07T09:05:02Z".parse().unwrap());
        let late = BackupKey::new(&pool, "2026-03-07T10:00:00Z".parse().unwrap());
        assert!(early < late);
        assert_eq!(DayPrefix::parse(&late.day().to_string()), Some(late.day()));
    }

    proptest! {
        #[test]
        fn every_key_reads_back(seconds in 0i64..4_000_000_000, suffix in "[0-9a-zA-Z]{1,20}") {
            let pool = format!("eu-west-1_{suffix}").parse().unwrap();
            let key = BackupKey::new(&pool, Timestamp::from_second(seconds).unwrap());
            prop_assert_eq!(key.to_string().parse::<BackupKey>().unwrap(), key.clone());
            prop_assert_eq!(key.began().as_second(), seconds);
            prop_assert!(key.to_string().starts_with(&key.day().of_pool(&pool)));
        }

        #[test]
        fn reading_a_key_never_panics(text in ".{0,80}") {
            let _ = text.parse::<BackupKey>();
            let _ = DayPrefix::parse(&text);
        }
    }
}
