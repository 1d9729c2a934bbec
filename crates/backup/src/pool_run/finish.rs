//! The end of a document: closed, made visible, checked and settled.

use jiff::Timestamp;
use model::backup_row::BackupRow;
use model::change::{Change, NotCompared};
use model::checklist::{self, ChecklistAnswer};
use model::document::{BackupHead, Trailer};
use vault::VaultError;

use super::PoolRun;
use crate::error::BackupError;
use crate::listing::Listing;
use crate::settle::Settled;

/// A share of so many users by Cognito's estimate, and of none by its listing, is none that was
/// read: by chance it happens once in 10^27 times.
const NEVER_NOBODY: u64 = 64;

impl PoolRun<'_> {
    /// Closes the document and makes it visible.
    pub(crate) async fn finish(mut self) -> Result<BackupRow, BackupError> {
        let Some(document) = self.document.take() else {
            return Err(BackupError::Unresumable {
                pool: self.pool().clone(),
                problem: "its head was not read".into(),
            });
        };
        let (backups, key) = (self.backups, self.upload.key().clone());
        let head = document.head;
        if let Some(shard) = backups.shard {
            let estimate = head.user_pool()["EstimatedNumberOfUsers"].as_u64();
            let expected = estimate.unwrap_or(0) / u64::from(shard.of());
            if document.encoder.state().users == 0 && expected >= NEVER_NOBODY {
                self.upload.abort().await;
                return Err(BackupError::NoShards {
                    pool: key.pool().clone(),
                    reason: "Cognito found none of its users".into(),
                });
            }
        }
        let staged = self.upload.staged().map(str::to_owned);
        let is_first = staged.is_none() && backups.is_compared();
        let change = is_first.then_some(Change::NotCompared(NotCompared::FirstBackup));
        let encoder = document.encoder;
        let trailer = encoder.finish_with(Timestamp::now(), change, &mut self.out);
        if let Err(error) = self.upload.write(&self.out).await {
            if !error.failure().is_worth_retrying() {
                self.upload.abort().await;
            }
            return Err(error.into());
        }
        let users_listing = self.listing.as_ref().and_then(Listing::outcome);
        let row = |version, trailer, bytes, ended| {
            tell_checklist(&head, &trailer);
            let row = BackupRow::new(key.clone(), version, &head, trailer, bytes, ended);
            BackupRow {
                users_listing,
                ..row
            }
        };
        // Comparing takes as much memory for each user.
        drop(self.seen);
        drop(self.ahead);
        let settled = match (self.upload.finish().await, staged) {
            (Ok(_), Some(staged)) => backups.settle(&key, &staged, trailer).await,
            (Ok(finished), None) => {
                let version = finished.version_id.as_deref();
                match backups.check(&key, version, &trailer).await {
                    Ok(()) => {
                        backups.keep_as_last(&key, &finished).await;
                        Ok(Settled { finished, trailer })
                    }
                    Err(error) => Err(error),
                }
            }
            (Err(error), _) => Err(error.into()),
        };
        match settled {
            Ok(settled) => {
                let (version, bytes) = (settled.finished.version_id, settled.finished.bytes);
                Ok(row(version, settled.trailer, bytes, Timestamp::now()))
            }
            // An invocation may have died between completing the object and recording it.
            Err(BackupError::Vault(
                ended @ (VaultError::UploadEnded(_) | VaultError::KeyTaken(_)),
            )) if self.invocation > 0 => match backups.vault.open_as_stored(&key, None).await {
                Ok(backup) if backup.head == head => {
                    let (trailer, ended) = (&backup.trailer, backup.trailer.reading_ended);
                    let version = backup.version_id.clone();
                    Ok(row(version, trailer.clone(), backup.bytes, ended))
                }
                _ => Err(ended.into()),
            },
            Err(error) => Err(error),
        }
    }
}

/// Logs the checklist of a backup that is complete, as one line.
fn tell_checklist(head: &BackupHead, trailer: &Trailer) {
    let rows = checklist::of_backup(head, trailer);
    let answers: Vec<String> = rows
        .iter()
        .map(|row| format!("{}: {} ({})", row.check, row.answer.in_words(), row.detail))
        .collect();
    let no = rows.iter().filter(|row| row.answer == ChecklistAnswer::No);
    tracing::info!(
        user_pool_id = %head.user_pool_id,
        no = no.count(),
        checklist = answers.join("; "),
        "the backup is checked"
    );
}
