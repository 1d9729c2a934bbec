//! Where backups go, and what their files are called.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use model::{Shard, UserPoolId};

use crate::arguments::Location;

/// Where backups go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// Below it, by day.
    Vault(Location),
    /// The one file.
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = String;

    /// A folder is one that exists, or whose name ends with a slash.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_folder = text.ends_with('/') || Path::new(text).is_dir();
        if is_folder || text.starts_with("s3://") {
            text.parse().map(Self::Vault)
        } else {
            Ok(Self::File(text.into()))
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Vault(location) => location.fmt(formatter),
            Destination::File(path) => path.display().fmt(formatter),
        }
    }
}

/// `us-east-1_AbC-20260307T090502Z.json.zst`, in the current folder.
pub(super) fn file_for(pool: &UserPoolId, at: Timestamp) -> PathBuf {
    format!("{pool}-{}.json.zst", at.strftime("%Y%m%dT%H%M%SZ")).into()
}

/// `backup.json` as `backup.shard-2-of-4.json`, and the same with `.json.zst`.
pub(super) fn of_shard(path: &Path, shard: Option<Shard>) -> PathBuf {
    let Some(shard) = shard else {
        return path.to_owned();
    };
    let (mut whole, mut ending) = (path.to_owned(), String::from(".json"));
    for extension in ["zst", "json"] {
        if whole.extension().is_some_and(|found| found == extension) {
            whole.set_extension("");
            ending = match extension {
                "zst" => ".json.zst".to_owned(),
                _ => ending,
            };
        }
    }
    format!("{}.{}{ending}", whole.display(), shard.in_name()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_file_unless_it_is_a_folder_or_a_bucket() {
        let here = |text: &str| Destination::Vault(Location::Folder(text.into()));
        for (text, expected) in [
            ("backup.json", Destination::File("backup.json".into())),
            ("backups/", here("backups/")),
            (".", here(".")),
            (
                "s3://b",
                Destination::Vault(Location::Bucket("b".to_owned())),
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert!("s3://".parse::<Destination>().is_err());
    }

    #[test]
    fn the_name_of_a_file_says_pool_and_time() {
        let at = "2026-03-07T09:05:02.5Z".parse().unwrap();
        let file = file_for(&"us-east-1_AbC".parse().unwrap(), at);
        assert_eq!(file, Path::new("us-east-1_AbC-20260307T090502Z.json.zst"));
    }
}
