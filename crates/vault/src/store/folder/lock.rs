//! One process at a time reads, compares and writes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Folder;

/// The file that is locked. The system unlocks it when its process ends, however it ends.
const FILE: &str = ".cognito-lock";
/// How long others are waited for, and how often is looked. They hold the lock while they write
/// one small file.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

impl Folder {
    /// The lock of the folder, until it is dropped.
    pub(super) fn lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.root.join(FILE))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let reason = "another process holds the lock of the folder";
                    return Err(io::Error::new(ErrorKind::TimedOut, reason));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}
