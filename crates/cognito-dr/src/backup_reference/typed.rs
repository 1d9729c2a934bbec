//! How a backup is typed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use model::{BackupKey, UserPoolId};

/// One backup, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BackupReference {
    /// A file of this machine.
    File(PathBuf),
    /// A key in the vault.
    Key(BackupKey),
    /// A key in the bucket that is named with it: `s3://BUCKET/KEY`.
    KeyIn(String, BackupKey),
    /// The newest whole backup of a pool, or the N-th before it.
    Latest(usize),
    /// The newest whole backup of a pool whose reading had ended at this time.
    At(Timestamp),
}

impl FromStr for BackupReference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest(0));
        }
        if let Some(before) = text.strip_prefix("latest~") {
            let before = before.parse();
            return before
                .map(Self::Latest)
                .map_err(|_| "write latest~N with a number, such as latest~2".to_owned());
        }
        if let Some(object) = text.strip_prefix("s3://") {
            let parsed = object
                .split_once('/')
                .and_then(|(bucket, key)| Some(Self::KeyIn(bucket.to_owned(), key.parse().ok()?)));
            return parsed.ok_or_else(|| {
                "write s3://BUCKET/KEY with the key of a backup, cognito-backup/YYYY/MM/DD/{pool-id}-HHMMSS.json".to_owned()
            });
        }
        if let Ok(key) = text.parse() {
            return Ok(Self::Key(key));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        Ok(Self::File(text.into()))
    }
}

impl fmt::Display for BackupReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupReference::File(path) => write!(formatter, "{}", path.display()),
            BackupReference::Key(key) => write!(formatter, "{key}"),
            BackupReference::KeyIn(bucket, key) => write!(formatter, "s3://{bucket}/{key}"),
            BackupReference::Latest(0) => formatter.write_str("latest"),
            BackupReference::Latest(before) => write!(formatter, "latest~{before}"),
            BackupReference::At(at) => write!(formatter, "{at}"),
        }
    }
}

/// A backup or a live pool, where a command takes both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BackupOrPool {
    Backup(BackupReference),
    /// A pool of Cognito, by its id. A file of such a name is meant by `./NAME`.
    Pool(UserPoolId),
}

impl FromStr for BackupOrPool {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(pool) if !Path::new(text).exists() => Ok(Self::Pool(pool)),
            _ => text.parse().map(Self::Backup),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_named_in_several_ways() {
        let key = "cognito-backup/2026/03/07/us-east-1_AbC-090502.json";
        let parsed: BackupKey = key.parse().unwrap();
        for (text, expected) in [
            ("latest", BackupReference::Latest(0)),
            ("latest~2", BackupReference::Latest(2)),
            (key, BackupReference::Key(parsed.clone())),
            (
                "s3://b/cognito-backup/2026/03/07/us-east-1_AbC-090502.json",
                BackupReference::KeyIn("b".into(), parsed),
            ),
            (
                "2026-03-07T09:05:02+01:00",
                BackupReference::At("2026-03-07T08:05:02Z".parse().unwrap()),
            ),
            ("backup.json", BackupReference::File("backup.json".into())),
            (
                "us-east-1_AbC",
                BackupReference::File("us-east-1_AbC".into()),
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["latest~", "latest~x", "s3://b", "s3://b/other.json"] {
            assert!(text.parse::<BackupReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pool_id_is_a_live_pool_unless_there_is_such_a_file() {
        let pool = |text: &str| matches!(text.parse(), Ok(BackupOrPool::Pool(_)));
        assert!(pool("us-east-1_AbC"));
        assert!(!pool("./us-east-1_AbC"));
        assert!(!pool("latest"));
    }
}
