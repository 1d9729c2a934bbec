//! Whom this restore made, on record before anything is given to them.
//!
//! An invocation may die after a creation. The next one finds a user of that name, and must know
//! whether it was this restore that made it. So each answer to a creation is written down before
//! the user gets a password or a group: which `sub` stands for which old one. Users on their way
//! are written together, so that the record costs some requests a second, not one for each user.
//!
//! The ledger's saves tell which users are done for good. With each, the record begins anew as
//! the next generation, with those who are on their way: it stays as small as the pipeline's
//! window, whatever the size of the pool.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::RestoreId;
use model::restore::{RestoreState, UsersProgress};

use crate::context::Restore;
use crate::error::RestoreError;

/// How long a write waits for others to join it: a handful of requests a second, and a delay that
/// users on their way side by side do not notice.
const GATHER: Duration = Duration::from_millis(100);
/// It is looked this often whether enough have joined already.
const LOOKS: u32 = 10;
/// So many are enough.
const ENOUGH: usize = 48;

/// The record of the users that are made and not done.
pub(super) struct Register<'a> {
    restore: &'a Restore<'a>,
    id: RestoreId,
    rows: Mutex<Rows>,
    /// How many rows are written; held by whoever writes, or begins anew.
    written: tokio::sync::Mutex<u64>,
}

/// A part of the record that is to be begun. Whoever entered the next one before the state with its
/// number is saved would not be found by an invocation that goes by the old number.
pub(super) struct Generation<'r> {
    pub(super) number: u32,
    _nobody_enters: tokio::sync::MutexGuard<'r, u64>,
}

/// New `sub`s by old ones.
type Subs = BTreeMap<String, String>;

#[derive(Debug, Default)]
struct Rows {
    generation: u32,
    /// How many parts of the generation are written or being written.
    parts: u32,
    /// Users that were made and are not done.
    open: Subs,
    /// Of these, the ones that are not written yet.
    pending: Subs,
    entered: u64,
}

impl<'a> Register<'a> {
    /// The record as an earlier invocation left it.
    ///
    /// # Errors
    /// [`RestoreError`] when it cannot be read.
    pub(super) async fn read(
        restore: &'a Restore<'a>,
        state: &RestoreState,
    ) -> Result<Self, RestoreError> {
        let id = state.restore_id.clone();
        let mut rows = Rows {
            generation: state.users.register,
            ..Rows::default()
        };
        loop {
            let key = UsersProgress::register_part_key(&id, rows.generation, rows.parts + 1);
            let Some(part) = restore.workspace.read(&key).await? else {
                break;
            };
            let part: Subs =
                serde_json::from_slice(&part).map_err(|_| RestoreError::StateDamaged {
                    key,
                    problem: "it is no part of the record of users".to_owned(),
                })?;
            rows.open.extend(part);
            rows.parts += 1;
        }
        Ok(Self {
            restore,
            id,
            rows: Mutex::new(rows),
            written: tokio::sync::Mutex::new(0),
        })
    }

    /// The `sub` of the user that this restore made for an old one, unless that user is done.
    pub(super) fn made(&self, old_sub: &str) -> Option<String> {
        self.rows().open.get(old_sub).cloned()
    }

    /// Puts a user on record. Nothing may be given to the user before this returns.
    ///
    /// # Errors
    /// [`RestoreError::Vault`] when the bucket does not take it.
    pub(super) async fn enter(&self, old_sub: &str, new_sub: &str) -> Result<(), RestoreError> {
        let number = {
            let mut rows = self.rows();
            if rows.open.get(old_sub).is_some_and(|sub| sub == new_sub)
                && !rows.pending.contains_key(old_sub)
            {
                return Ok(());
            }
            rows.open.insert(old_sub.to_owned(), new_sub.to_owned());
            rows.pending.insert(old_sub.to_owned(), new_sub.to_owned());
            rows.entered += 1;
            rows.entered
        };
        let mut written = self.written.lock().await;
        if *written >= number {
            return Ok(());
        }
        for _ in 0..LOOKS {
            if self.rows().pending.len() >= ENOUGH {
                break;
            }
            tokio::time::sleep(GATHER / LOOKS).await;
        }
        let (key, part, entered) = {
            let mut rows = self.rows();
            rows.parts += 1;
            let part = std::mem::take(&mut rows.pending);
            (self.key(&rows), part, rows.entered)
        };
        if let Err(error) = self.write(&key, &part).await {
            // Those who wait behind this one try again, under the same number.
            let mut rows = self.rows();
            if self.key(&rows) == key {
                rows.parts -= 1;
            }
            rows.pending.extend(part);
            return Err(error);
        }
        *written = entered;
        Ok(())
    }

    /// The user is done and entered in the ledger.
    pub(super) fn leave(&self, old_sub: &str) {
        self.rows().open.remove(old_sub);
    }

    /// Begins the next generation, with the users that are not done. It counts from the moment at
    /// which the state that holds its number is saved; until then nobody enters.
    ///
    /// # Errors
    /// [`RestoreError::Vault`] when the bucket does not take it.
    pub(super) async fn begin_anew(&self) -> Result<Generation<'_>, RestoreError> {
        let nobody_enters = self.written.lock().await;
        let generation = |number| Generation {
            number,
            _nobody_enters: nobody_enters,
        };
        let (key, open, number) = {
            let mut rows = self.rows();
            if rows.parts == 0 {
                return Ok(generation(rows.generation));
            }
            rows.generation += 1;
            rows.parts = u32::from(!rows.open.is_empty());
            (self.key(&rows), rows.open.clone(), rows.generation)
        };
        if !open.is_empty() {
            self.write(&key, &open).await?;
        }
        Ok(generation(number))
    }

    fn key(&self, rows: &Rows) -> String {
        UsersProgress::register_part_key(&self.id, rows.generation, rows.parts)
    }

    async fn write(&self, key: &str, part: &Subs) -> Result<(), RestoreError> {
        let bytes = serde_json::to_vec(part)
            .map_err(|error| RestoreError::Internal(format!("{key} cannot be written: {error}")))?;
        let folder = self.restore.folder;
        folder.write(key, "application/json", bytes).await
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing that holds the lock can fail half-way.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
