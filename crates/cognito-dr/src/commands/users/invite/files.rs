//! The two files: whom invitations are for, and who was sent one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use model::document::UserRecord;
use serde::Deserialize;
use vault::Workspace;

use crate::commands::users::stream::Hashes;
use crate::error::Error;

/// The users that a file names, by what they sign in by.
pub(super) struct Names(Hashes);

impl Names {
    pub(super) async fn read(from: &str, aws: &SdkConfig) -> Result<Self, Error> {
        let Some(object) = from.strip_prefix("s3://") else {
            let file = File::open(from).map_err(|error| cannot_read(from, &error))?;
            return Self::of(from, io::BufReader::new(file));
        };
        let (bucket, key) = object
            .split_once('/')
            .ok_or_else(|| Error::new(format!("{from} names no object: write s3://BUCKET/KEY")))?;
        let list = Workspace::in_bucket(aws, bucket).read(key).await?;
        let list = list.ok_or_else(|| Error::new(format!("there is no object {from}")))?;
        Self::of(from, &list[..])
    }

    fn of(from: &str, list: impl io::BufRead) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Invitation {
            #[serde(rename = "Username")]
            username: String,
        }
        let mut names = Hashes::default();
        for line in list.lines() {
            let line = line.map_err(|error| cannot_read(from, &error))?;
            let line = line.trim();
            match serde_json::from_str(line) {
                Ok(Invitation { username }) => names.insert(&username),
                Err(_) if line.is_empty() => {}
                Err(_) => names.insert(line),
            }
        }
        Ok(Self(names))
    }

    pub(super) fn have(&self, user: &UserRecord) -> bool {
        let by_attribute = |name: &&str| user.attribute(name).is_some_and(|text| self.0.has(text));
        self.0.has(user.username.as_str())
            || ["sub", "email", "phone_number"].iter().any(by_attribute)
    }
}

fn cannot_read(from: &str, error: &io::Error) -> Error {
    Error::new(format!("cannot read {from}")).because_of(error)
}

/// Those who were sent one: their subs, one to a line, written as soon as Cognito has said so.
pub(super) struct Sent {
    path: PathBuf,
    subs: Hashes,
    file: Option<File>,
}

impl Sent {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let mut subs = Hashes::default();
        match File::open(path) {
            Ok(file) => {
                for line in io::BufReader::new(file).lines() {
                    let line = line.map_err(|error| Self::cannot(path, &error))?;
                    subs.insert(line.trim());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Self::cannot(path, &error)),
        }
        Ok(Self {
            path: path.to_owned(),
            subs,
            file: None,
        })
    }

    fn cannot(path: &Path, error: &io::Error) -> Error {
        Error::new(format!("cannot use {}", path.display())).because_of(error)
    }

    pub(super) fn has(&self, user: &UserRecord) -> bool {
        user.attribute("sub").is_some_and(|sub| self.subs.has(sub))
    }

    pub(super) fn remember(&mut self, user: &UserRecord) -> Result<(), Error> {
        let Some(sub) = user.attribute("sub") else {
            return Ok(());
        };
        let line = format!("{sub}\n");
        let written = match &mut self.file {
            Some(file) => file.write_all(line.as_bytes()),
            empty => OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)
                .and_then(|file| empty.insert(file).write_all(line.as_bytes())),
        };
        written.map_err(|error| Self::cannot(&self.path, &error))
    }
}
