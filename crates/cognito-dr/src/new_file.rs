//! Files that an answer is written into: nothing is overwritten.

use std::io::{self, Write as _};
use std::path::Path;

use crate::error::Error;

/// Refuses a file that is there already, before any work is done for it.
pub(crate) fn refuse_existing(file: &Path) -> Result<(), Error> {
    match file.exists() {
        true => Err(cannot(file, &io::Error::from(io::ErrorKind::AlreadyExists))),
        false => Ok(()),
    }
}

/// Writes a file that is not there yet.
pub(crate) fn write(file: &Path, text: &str) -> Result<(), Error> {
    let written =
        std::fs::File::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot(file, &error))
}

fn cannot(file: &Path, error: &io::Error) -> Error {
    let failed = Error::new(format!("cannot write {}", file.display())).because_of(error);
    match error.kind() {
        io::ErrorKind::AlreadyExists => failed.hint("Nothing is overwritten: name another file."),
        _ => failed,
    }
}
