//! A store for a test: an S3 in memory, or a folder. What holds of one holds of the other.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use model::BackupKey;
use tempfile::TempDir;
use vault::Vault;
use vault::testing::{MemoryS3, compressed};

pub(crate) const BUCKET: &str = "backups";

pub(crate) enum TestStore {
    Bucket(MemoryS3),
    Folder(TempDir),
}

impl TestStore {
    /// One of each.
    pub(crate) fn both() -> [Self; 2] {
        let bucket = Self::Bucket(MemoryS3::start(BUCKET));
        [bucket, Self::Folder(TempDir::new().unwrap())]
    }

    pub(crate) async fn vault(&self) -> Vault {
        match self {
            Self::Bucket(s3) => Vault::in_bucket(&s3.config().await, BUCKET),
            Self::Folder(folder) => Vault::in_folder(folder.path()).unwrap(),
        }
    }

    pub(crate) fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        match self {
            Self::Bucket(s3) => s3.put(BUCKET, key, bytes.into()),
            Self::Folder(folder) => {
                let path = folder.path().join(key);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                // Replaced, as a new version is: what was opened stays.
                let new = path.with_extension("new");
                fs::write(&new, bytes.into()).unwrap();
                fs::rename(new, path).unwrap();
            }
        }
    }

    /// A document as its name says that it is stored.
    pub(crate) fn put_backup(&self, key: &BackupKey, document: Vec<u8>) {
        let key = key.to_string();
        match key.ends_with(".zst") {
            true => self.put(&key, compressed(&document)),
            false => self.put(&key, document),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::Bucket(s3) => s3.get(BUCKET, key).map(|bytes| bytes.to_vec()),
            Self::Folder(folder) => fs::read(folder.path().join(key)).ok(),
        }
    }

    /// What can be seen: no part of an upload.
    pub(crate) fn keys(&self) -> Vec<String> {
        match self {
            Self::Bucket(s3) => s3.keys(BUCKET),
            Self::Folder(folder) => {
                let files = files(folder.path(), "");
                files.into_iter().filter(|key| !is_hidden(key)).collect()
            }
        }
    }

    pub(crate) fn open_uploads(&self) -> usize {
        match self {
            Self::Bucket(s3) => s3.open_uploads(),
            Self::Folder(folder) => {
                let files = files(folder.path(), "").into_iter();
                files.filter(|key| key.ends_with(".partial")).count()
            }
        }
    }

    pub(crate) fn set_last_modified(&self, key: &str, time: &str) {
        let time: Timestamp = time.parse().unwrap();
        match self {
            Self::Bucket(s3) => {
                let header = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                s3.set_last_modified(BUCKET, key, &header);
            }
            Self::Folder(folder) => {
                let path = folder.path().join(key);
                let file = fs::File::options().write(true).open(path);
                let file = file.unwrap();
                file.set_modified(SystemTime::from(time)).unwrap();
            }
        }
    }

    /// How an error names an object.
    pub(crate) fn address(&self, key: &str) -> String {
        match self {
            Self::Bucket(_) => format!("s3://{BUCKET}/{key}"),
            Self::Folder(folder) => folder.path().join(key).display().to_string(),
        }
    }
}

fn is_hidden(key: &str) -> bool {
    key.rsplit('/').next().unwrap().starts_with('.')
}

fn files(folder: &Path, above: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let key = format!("{above}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), &format!("{key}/")));
        } else {
            found.push(key);
        }
    }
    found.sort();
    found
}
