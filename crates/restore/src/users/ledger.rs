//! What became of the users, written to the restore's folder as it goes.
//!
//! Users are entered in the order of the backup. A save writes what was entered since the last
//! one as a part of the user map and of the findings, then the state with the place that it
//! reaches. An invocation that dies in between leaves parts that the state does not count: the
//! next one begins at the place of the last save and writes them again, so no row is lost or
//! doubled.

use std::time::Duration;

use model::RestoreId;
use model::restore::{Finding, RestoreState, UserCounts, UserEntry, UsersProgress};
use tokio::time::Instant;
use vault::Workspace;

use super::register::Register;
use crate::context::Restore;
use crate::error::RestoreError;

/// A save is due after so many rows, a few megabytes of memory. Tests have few users, and save as
/// often.
const ROWS: usize = if cfg!(test) { 3 } else { 8_000 };
/// Or after so much time: what an invocation that dies has to do again.
const INTERVAL: Duration = Duration::from_secs(60);

/// What became of one user.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Made {
    /// The row of the user map, for users that are in the pool.
    pub(super) entry: Option<UserEntry>,
    pub(super) counts: UserCounts,
    pub(super) findings: Vec<Finding>,
    /// The request that invites the user again, for one with a temporary password.
    pub(super) invitation: Option<String>,
    /// Whether a sign-up is to make the user.
    pub(super) left_to_sign_up: bool,
    /// Whether an import job is to make the user.
    pub(super) left_to_import: bool,
}

/// What was entered since the last save.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: Vec<UserEntry>,
    findings: Vec<Finding>,
    invitations: Vec<String>,
    counts: UserCounts,
    left_to_sign_up: u64,
    left_to_import: u64,
    saved: Instant,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            findings: Vec::new(),
            invitations: Vec::new(),
            counts: UserCounts::default(),
            left_to_sign_up: 0,
            left_to_import: 0,
            saved: Instant::now(),
        }
    }

    /// Enters what became of a user.
    pub(super) fn enter(&mut self, made: Made) {
        self.entries.extend(made.entry);
        self.findings.extend(made.findings);
        self.invitations.extend(made.invitation);
        self.counts.add(&made.counts);
        self.left_to_sign_up += u64::from(made.left_to_sign_up);
        self.left_to_import += u64::from(made.left_to_import);
    }

    /// How many users were dealt with since the last save.
    pub(super) fn seen(&self) -> u64 {
        self.counts.seen
    }

    /// Whether it is time to save.
    pub(super) fn is_due(&self) -> bool {
        self.entries.len() + self.findings.len() >= ROWS || self.saved.elapsed() >= INTERVAL
    }

    /// Writes everything, and the place that it reaches. Users that were made beyond it stay on
    /// record.
    ///
    /// # Errors
    /// [`RestoreError::Vault`] when the bucket does not take it, [`RestoreError::TakenOver`] when
    /// another invocation goes on; the state in the bucket is then as before.
    pub(super) async fn save(
        &mut self,
        restore: &Restore<'_>,
        state: &mut RestoreState,
        offset: Option<u64>,
        register: &Register<'_>,
    ) -> Result<(), RestoreError> {
        let mut progress = state.users.clone();
        if !self.entries.is_empty() {
            progress.map_parts += 1;
            let key = UsersProgress::map_part_key(&state.restore_id, progress.map_parts);
            let rows = rows(&self.entries)?;
            restore.folder.write(&key, "text/csv", rows).await?;
        }
        if !self.findings.is_empty() {
            progress.finding_parts += 1;
            let key = UsersProgress::finding_part_key(&state.restore_id, progress.finding_parts);
            let lines = lines(&self.findings)?;
            let kind = "application/jsonl";
            restore.folder.write(&key, kind, lines).await?;
            progress.tell(&self.findings);
        }
        if !self.invitations.is_empty() {
            progress.invitation_parts += 1;
            let number = progress.invitation_parts;
            let key = UsersProgress::invitation_part_key(&state.restore_id, number);
            let lines = self.invitations.join("\n") + "\n";
            let kind = "application/jsonl";
            let folder = restore.folder;
            folder.write(&key, kind, lines.into_bytes()).await?;
        }
        progress.counts.add(&self.counts);
        progress.left_to_sign_up += self.left_to_sign_up;
        progress.left_to_import += self.left_to_import;
        progress.offset = offset;
        for entry in &self.entries {
            register.leave(&entry.old_sub);
        }
        let generation = register.begin_anew().await?;
        progress.register = generation.number;
        state.users = progress;
        *self = Self::new();
        restore.save(state).await
    }
}

/// Rows of the user map, without its header.
pub(super) fn rows(entries: &[UserEntry]) -> Result<Vec<u8>, RestoreError> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let failed = |error: &dyn std::fmt::Display| {
        RestoreError::Internal(format!("the user map cannot be written: {error}"))
    };
    for entry in entries {
        writer.serialize(entry).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}

/// The rows of a part of the user map.
///
/// # Errors
/// [`RestoreError::StateDamaged`] when it is something else; [`RestoreError::Vault`] when the
/// bucket does not give it.
pub(crate) async fn map_part(
    workspace: &Workspace,
    id: &RestoreId,
    number: u32,
) -> Result<Vec<UserEntry>, RestoreError> {
    let key = UsersProgress::map_part_key(id, number);
    let part = workspace.read(&key).await?.unwrap_or_default();
    let mut rows = csv::ReaderBuilder::new();
    let rows = rows.has_headers(false).from_reader(part.as_slice());
    let rows: Result<_, csv::Error> = rows.into_deserialize().collect();
    rows.map_err(|_| RestoreError::StateDamaged {
        key,
        problem: "it is not a part of a user map".to_owned(),
    })
}

/// The header of the user map.
pub(super) const MAP_HEADER: &[u8] = b"old_sub,old_username,new_sub,new_username\n";

/// A whole user map.
pub(crate) fn map_of(entries: &[UserEntry]) -> Result<Vec<u8>, RestoreError> {
    Ok([MAP_HEADER, &rows(entries)?].concat())
}

/// One finding to a line.
pub(super) fn lines(findings: &[Finding]) -> Result<Vec<u8>, RestoreError> {
    let mut lines = Vec::new();
    for finding in findings {
        serde_json::to_writer(&mut lines, finding).map_err(|error| {
            RestoreError::Internal(format!("a finding cannot be written: {error}"))
        })?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Username;

    #[test]
    fn the_map_reads_back_whatever_the_usernames_hold() {
        let entry = |name: &str| UserEntry {
            old_sub: "1".into(),
            old_username: Username::new(name),
            new_sub: "2".into(),
            new_username: Username::new(name),
        };
        let entries = [
            "plain",
            "a,b",
            "\"q\"",
            "two\nlines",
            "Zoë",
            "",
            "'quoted",
            "''",
            "=1+1",
            "\tx",
        ]
        .map(entry);
        let mut file = MAP_HEADER.to_vec();
        file.extend(rows(&entries).unwrap());
        let read: Result<Vec<UserEntry>, _> = csv::Reader::from_reader(&file[..])
            .into_deserialize()
            .collect();
        assert_eq!(read.unwrap(), entries);
    }

    #[test]
    fn no_cell_of_the_map_begins_a_formula() {
        for begin in [
            "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'=",
        ] {
            let name = format!("{begin}cmd|' /C calc'!A0");
            let entry = UserEntry {
                old_sub: "1".into(),
                old_username: Username::new(name.as_str()),
                new_sub: "2".into(),
                new_username: Username::new(name.as_str()),
            };
            let file = rows(std::slice::from_ref(&entry)).unwrap();
            let mut cells = csv::ReaderBuilder::new();
            let mut cells = cells.has_headers(false).from_reader(&file[..]);
            for cell in &cells.records().next().unwrap().unwrap() {
                assert!(cell.starts_with(['1', '2', '\'']), "{cell:?}");
            }
        }
    }

    #[test]
    fn findings_are_one_json_object_to_a_line() {
        let finding = Finding::new(model::restore::FindingKind::Skipped, "1-2", "two\nlines");
        let lines = lines(&[finding.clone(), finding]).unwrap();
        assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 2);
    }
}
