//! What was made, written down before it is made.
//!
//! A line is on disk before the request that it announces leaves, so whatever ends the program
//! leaves a list that names everything there can be.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// What a run can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A user pool, with all that belongs to it.
    UserPool,
    /// A role of IAM.
    Role,
    /// A user of IAM, with a key.
    IamUser,
    /// A bucket, with all that is in it.
    Bucket,
    /// A web ACL.
    WebAcl,
    /// A stack of CloudFormation, with all that goes with it.
    Stack,
    /// A table of DynamoDB, which its stack leaves.
    Table,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Kind::UserPool => "user pool",
            Kind::Role => "role",
            Kind::IamUser => "IAM user",
            Kind::Bucket => "bucket",
            Kind::WebAcl => "web ACL",
            Kind::Stack => "stack",
            Kind::Table => "table",
        })
    }
}

/// Something that was made, or may have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// Its number within the run.
    pub number: u32,
    /// What it is.
    pub kind: Kind,
    /// The Region it is in.
    pub region: String,
    /// Its name, which holds that of the run: nobody else's has it.
    pub name: String,
    /// Its id, once the service said it. Without one it may not have been made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Making(Thing),
    Made { number: u32, id: String },
    Gone { number: u32 },
}

/// The journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the journal {}: {source}", path.display())]
pub struct JournalError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    run: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    next: u32,
    things: Vec<Thing>,
}

impl Journal {
    /// Begins the journal of a run in `folder`, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be made, or there already is one.
    pub fn begin(folder: &Path, run: &str) -> Result<Self, JournalError> {
        let path = folder.join(format!("{run}.journal"));
        let begun = std::fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().append(true).create_new(true).open(&path));
        let file = begun.map_err(|source| error(&path, source))?;
        let inner = Inner {
            file,
            next: 1,
            things: Vec::new(),
        };
        Ok(Self {
            path,
            run: run.to_owned(),
            inner: Mutex::new(inner),
        })
    }

    /// Reads a journal that another process wrote, to go on with it. A last line that the end of
    /// that process cut off announces nothing: its request never left.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else than a journal.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let text = std::fs::read_to_string(path).map_err(|source| error(path, source))?;
        let mut things: Vec<Thing> = Vec::new();
        let mut next = 1;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            let line: Line =
                serde_json::from_str(line).map_err(|source| error(path, source.into()))?;
            match line {
                Line::Making(thing) => {
                    next = next.max(thing.number + 1);
                    things.push(thing);
                }
                Line::Made { number, id } => set_id(&mut things, number, &id),
                Line::Gone { number } => things.retain(|thing| thing.number != number),
            }
        }
        let mut file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|source| error(path, source))?;
        if whole < text.len() {
            let length = u64::try_from(whole).unwrap_or(u64::MAX);
            let cut = file.set_len(length).and_then(|()| file.flush());
            cut.map_err(|source| error(path, source))?;
        }
        let run = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            path: path.to_owned(),
            run: run.into_owned(),
            inner: Mutex::new(Inner { file, next, things }),
        })
    }

    /// The name of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down that something is about to be made, and names it.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be made.
    pub fn making(&self, kind: Kind, region: &str) -> Result<Thing, JournalError> {
        self.announce(kind, region, |run, number| format!("{run}-{number}"))
    }

    /// As [`Journal::making`], for what something else makes and names: a stack, or a restore.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be made.
    pub fn expecting(&self, kind: Kind, region: &str, name: &str) -> Result<Thing, JournalError> {
        self.announce(kind, region, |_, _| name.to_owned())
    }

    fn announce(
        &self,
        kind: Kind,
        region: &str,
        name: impl FnOnce(&str, u32) -> String,
    ) -> Result<Thing, JournalError> {
        let mut inner = self.lock();
        let number = inner.next;
        let thing = Thing {
            number,
            kind,
            region: region.to_owned(),
            name: name(&self.run, number),
            id: None,
        };
        self.write(&mut inner, &Line::Making(thing.clone()))?;
        inner.next += 1;
        inner.things.push(thing.clone());
        Ok(thing)
    }

    /// Writes down the id of what was made.
    ///
    /// # Errors
    /// When it cannot be written. It is known under its name all the same.
    pub fn made(&self, number: u32, id: &str) -> Result<(), JournalError> {
        let mut inner = self.lock();
        set_id(&mut inner.things, number, id);
        let id = id.to_owned();
        self.write(&mut inner, &Line::Made { number, id })
    }

    /// Writes down that something is no more, or was never made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn gone(&self, number: u32) -> Result<(), JournalError> {
        let mut inner = self.lock();
        inner.things.retain(|thing| thing.number != number);
        self.write(&mut inner, &Line::Gone { number })
    }

    /// What there still is, or may be, the newest first.
    pub fn things(&self) -> Vec<Thing> {
        self.lock().things.iter().rev().cloned().collect()
    }

    /// Removes the file of a run of which nothing is left.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(self) -> Result<(), JournalError> {
        std::fs::remove_file(&self.path).map_err(|source| error(&self.path, source))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, inner: &mut Inner, line: &Line) -> Result<(), JournalError> {
        let written = serde_json::to_string(line)
            .map_err(std::io::Error::from)
            .and_then(|text| inner.file.write_all(format!("{text}\n").as_bytes()))
            .and_then(|()| inner.file.sync_data());
        written.map_err(|source| error(&self.path, source))
    }
}

fn error(path: &Path, source: std::io::Error) -> JournalError {
    let path = path.to_owned();
    JournalError { path, source }
}

fn set_id(things: &mut [Thing], number: u32, id: &str) {
    if let Some(thing) = things.iter_mut().find(|thing| thing.number == number) {
        thing.id = Some(id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_reads_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::begin(folder.path(), "first-day-a").unwrap();
        let [one, two, three] =
            [(); 3].map(|()| journal.making(Kind::UserPool, "us-east-1").unwrap());
        journal.made(one.number, "us-east-1_A").unwrap();
        journal.made(two.number, "us-east-1_B").unwrap();
        journal.gone(one.number).unwrap();

        let read = Journal::open(journal.path()).unwrap();
        assert_eq!(read.run(), "first-day-a");
        let left = read.things();
        assert_eq!(left, journal.things());
        assert_eq!(left[0], three);
        assert_eq!(left[1].id.as_deref(), Some("us-east-1_B"));
        assert_eq!(left.len(), 2);
        let next = read.making(Kind::UserPool, "us-east-1").unwrap();
        assert_eq!(next.name, "first-day-a-4");
    }

    #[test]
    fn a_line_that_was_cut_off_announces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::begin(folder.path(), "first-day-a").unwrap();
        let whole = journal.making(Kind::UserPool, "us-east-1").unwrap();
        let path = journal.path().to_owned();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"making":{"number":2,"#).unwrap();

        let read = Journal::open(&path).unwrap();
        assert_eq!(read.things(), [whole]);
        read.gone(1).unwrap();
        assert!(Journal::open(&path).unwrap().things().is_empty());
    }
}
