//! Files of users that other tools wrote: JSON as ListUsers gives it, and CSV.
//!
//! They are brought into today's form in a temporary file, user by user, and then read like any
//! backup. They hold users and nothing else: all other sections are told as not read. What is
//! wrong with a file is told by the numbers of its lines, never by what stands there.

mod columns;
mod csv;
mod json;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use model::document::{BackupHead, DocumentEncoder, Trailer, UserRecord};
use model::inventory::Section;
use model::{BackupName, UserPoolId};
use serde_json::Value;

pub use self::columns::{Columns, InvalidColumns};
use crate::error::VaultError;
use crate::open::{Backup, Part, Role};
use crate::source::{OpenFile, Source, Stored};

/// So many faulty lines are named; of the others it is said how many they are.
const NAMED: usize = 10;
/// How much of a file tells what it is, in bytes.
const START: u64 = 64 * 1024;
/// What the other sections say.
const USERS_ONLY: &str = "a file of users holds nothing else";

/// Why a file of users cannot be used. Nothing of its content is in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// It is neither of the known forms.
    #[error(
        "it is no file of users: neither a JSON array of users as ListUsers gives them, nor CSV with a column of usernames"
    )]
    UnknownForm,
    /// The file as a whole.
    #[error("{0}")]
    Unusable(String),
    /// Some of its lines are faulty.
    #[error("{}", faults(.named, *.others))]
    Faulty {
        /// The first ten: what is wrong where.
        named: Vec<String>,
        /// How many more there are.
        others: u64,
    },
    /// The disk.
    #[error("{0}")]
    Storage(String),
}

impl From<std::io::Error> for ForeignError {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

fn faults(named: &[String], others: u64) -> String {
    let rest = match others {
        0 => String::new(),
        others => format!("; and {others} more"),
    };
    format!("{}{rest}", named.join("; "))
}

impl Backup {
    /// Opens a file of users that another tool wrote: a JSON array of users as ListUsers gives
    /// them, an answer of `aws cognito-idp list-users`, CSV in Cognito's own form or CSV with
    /// `columns`. The whole file is read and brought into today's form in temporary storage.
    ///
    /// Such a file does not say which pool its users are from: `pool` is taken for it. The time
    /// of the file stands for the time of the reading.
    ///
    /// # Errors
    /// [`VaultError::ForeignFile`], with the numbers of the lines that are wrong.
    pub async fn open_users_file(
        path: &Path,
        columns: Option<Columns>,
        pool: UserPoolId,
    ) -> Result<Self, VaultError> {
        let name = path.display().to_string();
        let problem = |problem: ForeignError| VaultError::ForeignFile {
            file: name.clone(),
            problem,
        };
        let storage = |error: std::io::Error| problem(error.into());
        let absolute = std::path::absolute(path).map_err(storage)?;
        let file = File::open(path).map_err(storage)?;
        let about = file.metadata().map_err(storage)?;
        let written = about
            .modified()
            .ok()
            .and_then(|time| Timestamp::try_from(time).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        let converting = move || convert(file, columns.as_ref(), pool, written);
        let converted = tokio::task::spawn_blocking(converting)
            .await
            .map_err(VaultError::temporary_storage)?
            .map_err(problem)?;
        Ok(Self {
            name: BackupName::File(absolute.display().to_string()),
            version_id: Some(converted.trailer.crc64nvme.clone()),
            bytes: about.len(),
            head: converted.head,
            trailer: converted.trailer.clone(),
            on_base: None,
            forgotten: None,
            parts: vec![Part {
                role: Role::Whole,
                source: Source::plain(Stored::File(OpenFile {
                    file: Arc::new(Mutex::new(converted.file)),
                    unchanged: None,
                })),
                trailer: converted.trailer,
                begins: 0,
            }],
        })
    }
}

/// Whether a file is one of users by how it begins, and no backup: a list of JSON, an answer of
/// ListUsers, or text in lines.
///
/// # Errors
/// When it cannot be read.
pub fn is_users_file(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(START).read_to_end(&mut start)?;
    let start = without_mark(&start).trim_ascii_start();
    Ok(match start.strip_prefix(b"{") {
        Some(members) => members.trim_ascii_start().starts_with(b"\"Users\""),
        None => {
            let line = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
            let line = line.to_ascii_lowercase();
            start.starts_with(b"[") || line.windows(8).any(|part| part == b"username")
        }
    })
}

/// A file of users in today's form.
#[derive(Debug)]
struct Converted {
    head: BackupHead,
    trailer: Trailer,
    file: File,
}

/// Brings a file into today's form. `pool` is the pool that its users are taken to be from,
/// `written` the time that stands for its reading.
///
/// # Errors
/// [`ForeignError`]; then nothing was made of it.
fn convert(
    original: File,
    columns: Option<&Columns>,
    pool: UserPoolId,
    written: Timestamp,
) -> Result<Converted, ForeignError> {
    let mut original = BufReader::new(original);
    original.rewind()?;
    let mut head = BackupHead::new(pool, written);
    for section in Section::ALL {
        if *section != Section::Users {
            head.set_not_read(*section, USERS_ONLY.to_owned());
        }
    }
    // The time is that of the file, as it is for documents of the reference implementation.
    head.format_version = 1;
    let mut buffer = Vec::new();
    let encoder = DocumentEncoder::begin(&head, &mut buffer);
    let mut users = Users {
        file: BufWriter::new(tempfile::tempfile()?),
        buffer,
        encoder,
        faults: Vec::new(),
        others: 0,
    };
    let start = original.fill_buf()?;
    let marked = start.len() - without_mark(start).len();
    let first = without_mark(start).trim_ascii_start().first().copied();
    original.consume(marked);
    match first {
        Some(b'[' | b'{') if columns.is_none() => json::read(original, &mut users)?,
        Some(_) => csv::read(original, columns, &mut users)?,
        None => return Err(ForeignError::Unusable("it is empty".to_owned())),
    }
    let (trailer, file) = users.finish(written)?;
    Ok(Converted {
        head,
        trailer,
        file,
    })
}

/// Spreadsheets put a mark of the byte order in front of UTF-8.
fn without_mark(start: &[u8]) -> &[u8] {
    start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start)
}

/// Where the users go.
struct Users {
    file: BufWriter<File>,
    buffer: Vec<u8>,
    encoder: DocumentEncoder,
    faults: Vec<String>,
    others: u64,
}

impl Users {
    /// Takes one user, as ListUsers gives it, who stands at `place` (`line 7`).
    fn take(&mut self, user: &Value, place: &str) -> Result<(), ForeignError> {
        let record: Result<UserRecord, _> = serde_json::from_value(user.clone());
        match record {
            Ok(record) if record.username.as_str().is_empty() => {
                self.fault(format!("{place} has no username"));
            }
            Ok(record) if record.attribute("sub").is_none() => {
                // Reports name users by their sub. Without one, the place in the file stands
                // for it: it is the same whenever the file is read.
                let mut user = user.clone();
                let sub = serde_json::json!({"Name": "sub", "Value": place.replace(' ', "-")});
                match user.get_mut("Attributes").and_then(Value::as_array_mut) {
                    Some(attributes) => attributes.push(sub),
                    None => user["Attributes"] = Value::Array(vec![sub]),
                }
                self.write(&user)?;
            }
            Ok(_) => self.write(user)?,
            Err(_) => self.fault(format!("{place} is not a user as ListUsers gives it")),
        }
        Ok(())
    }

    fn write(&mut self, user: &Value) -> Result<(), ForeignError> {
        self.encoder.user(user, &mut self.buffer);
        self.flush()
    }

    /// Notes what is wrong, and goes on: a person mends all lines at once.
    fn fault(&mut self, fault: String) {
        if self.faults.len() < NAMED {
            self.faults.push(fault);
        } else {
            self.others += 1;
        }
    }

    fn flush(&mut self) -> Result<(), ForeignError> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, written: Timestamp) -> Result<(Trailer, File), ForeignError> {
        if !self.faults.is_empty() {
            return Err(ForeignError::Faulty {
                named: self.faults,
                others: self.others,
            });
        }
        self.flush()?;
        self.encoder.begin_memberships(&mut self.buffer);
        let trailer = self.encoder.finish(written, &mut self.buffer);
        self.file.write_all(&self.buffer)?;
        let file = self.file.into_inner().map_err(std::io::Error::from)?;
        Ok((trailer, file))
    }
}

#[cfg(test)]
mod tests;
