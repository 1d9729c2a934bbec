//! Which backup: by its key in a vault, or by its path where it is a file that lies anywhere.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::backup_key::{BackupKey, InvalidBackupKey};

/// Which backup a restore is of. As text it is the key, or the file's absolute path: no key is
/// one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BackupName {
    /// A backup of a vault, whose key names its pool and its time.
    Key(BackupKey),
    /// A file, by its absolute path. Its name says nothing: pool and time are in its head.
    File(String),
}

impl BackupName {
    /// The key, unless it is a file.
    pub fn key(&self) -> Option<&BackupKey> {
        match self {
            BackupName::Key(key) => Some(key),
            BackupName::File(_) => None,
        }
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupName::Key(key) => key.fmt(formatter),
            BackupName::File(path) => path.fmt(formatter),
        }
    }
}

impl FromStr for BackupName {
    type Err = InvalidBackupKey;

    fn from_str(name: &str) -> Result<Self, InvalidBackupKey> {
        if Path::new(name).is_absolute() {
            Ok(BackupName::File(name.to_owned()))
        } else {
            name.parse().map(BackupName::Key)
        }
    }
}

impl TryFrom<String> for BackupName {
    type Error = InvalidBackupKey;

    fn try_from(name: String) -> Result<Self, InvalidBackupKey> {
        name.parse()
    }
}

impl From<BackupName> for String {
    fn from(name: BackupName) -> String {
        name.to_string()
    }
}

impl From<BackupKey> for BackupName {
    fn from(key: BackupKey) -> BackupName {
        BackupName::Key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_key_or_an_absolute_path() {
        for name in [
            "cognito-backup/2026/03/07/us-east-1_AbC-090502.json",
            "/home/ann/backup.json",
            "/cognito-backup/2026/03/07/us-east-1_AbC-090502.json",
        ] {
            let read: BackupName = name.parse().unwrap();
            assert_eq!(read.to_string(), name);
            let is_file = matches!(read, BackupName::File(_));
            assert_eq!(is_file, name.starts_with('/'));
        }
        assert!("backup.json".parse::<BackupName>().is_err());
    }
}
