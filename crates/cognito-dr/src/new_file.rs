//! Files that a command leaves behind: never over another one, and for nobody else to read, since
//! they may name users.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::error::Error;

/// Refuses a file that is there already, before any work is done for it.
pub(crate) fn refuse_existing(file: &Path) -> Result<(), Error> {
    match file.exists() {
        true => Err(failed(file, &io::Error::from(io::ErrorKind::AlreadyExists))),
        false => Ok(()),
    }
}

/// Options that open a file which is not there yet.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a whole file.
///
/// # Errors
/// Where there is such a file, or it cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let written = options()
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(path, &error))
}

/// What to say when it could not be written.
pub(crate) fn failed(path: &Path, error: &io::Error) -> Error {
    let failed = Error::new(format!("cannot write {}", path.display())).because_of(error);
    match error.kind() {
        io::ErrorKind::AlreadyExists => failed.hint("Nothing is overwritten: name another file."),
        _ => failed,
    }
}
