//! A process that dies while it writes to a folder.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::VaultError;
use crate::store::Store;
use crate::store::folder::Folder;
use crate::{Vault, Workspace};

/// The changes of one process to a folder, of which all from a certain one on do not happen.
#[derive(Debug, Clone, Default)]
pub struct Steps(Arc<Mutex<Count>>);

#[derive(Debug, Default)]
struct Count {
    taken: u64,
    last: Option<u64>,
}

impl Steps {
    /// A process that takes `steps` steps, and is dead before the next.
    pub fn dying_after(steps: u64) -> Self {
        Self(Arc::new(Mutex::new(Count {
            taken: 0,
            last: Some(steps),
        })))
    }

    /// How many steps were begun.
    pub fn taken(&self) -> u64 {
        self.count().taken
    }

    pub(crate) fn next(&self) -> io::Result<()> {
        let mut count = self.count();
        count.taken += 1;
        match count.last {
            Some(last) if count.taken > last => Err(io::Error::other("the process died")),
            _ => Ok(()),
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A vault in the folder `path`, in a process that takes these steps.
///
/// # Errors
/// As for [`Vault::in_folder`].
pub fn vault_with_steps(path: &Path, steps: Steps) -> Result<Vault, VaultError> {
    let store = Store::Folder(Folder::new(path)?.with_steps(steps));
    Ok(Vault {
        config: None,
        workspace: Workspace { store },
        file: None,
    })
}
