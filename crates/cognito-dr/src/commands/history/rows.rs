//! A row for each backup.

use backup::{MetadataTable, RecordedBackup};
use compare::change::{Snapshot, summary};
use compare::diff::{Options, diff};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use model::change::{Change, NotCompared, ShrinkLimits};
use model::{BackupKey, UserPoolId};
use restore::side::Side as Stored;
use serde::Serialize;
use vault::{Backup, Vault};

use super::who::{Trail, Who, Window};
use super::{Arguments, page, text};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// How many backups are looked at side by side.
const AT_ONCE: usize = 8;

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) pool_id: UserPoolId,
    pub(super) backups: Vec<Entry>,
}

/// One backup.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) key: BackupKey,
    pub(super) began: Timestamp,
    pub(super) users: Option<u64>,
    bytes: u64,
    pub(super) change: Option<Change>,
    pub(super) problem: Option<String>,
    pub(super) who: Option<Who>,
}

pub(super) async fn show(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let mut backups = match &arguments.table {
        Some(table) => of_table(context, arguments, table).await?,
        None => of_vault(context, arguments).await?,
    };
    if arguments.who {
        ask(context, arguments, &mut backups).await;
    }
    let answer = Answer {
        pool_id: arguments.pool.clone(),
        backups,
    };
    if let Some(file) = &arguments.page {
        page::of_rows(&answer).write(file)?;
    }
    let terminal = &context.terminal;
    terminal.answer(&answer, |out| text::write_rows(out, &answer))?;
    if answer.backups.is_empty() {
        terminal.note("There are no such backups.");
    }
    let is_unknown = |entry: &Entry| match &entry.change {
        None => entry.problem.is_none(),
        Some(Change::NotCompared(why)) => *why != NotCompared::FirstBackup,
        Some(Change::Since(_)) => false,
    };
    if !arguments.compare && answer.backups.iter().any(is_unknown) {
        terminal.note("Of some it is not recorded what changed: --compare finds out.");
    }
    Ok(Exit::Done)
}

async fn of_table(
    context: &Context,
    arguments: &Arguments,
    table: &str,
) -> Result<Vec<Entry>, Error> {
    let aws = context.aws_of(&arguments.pool).await;
    let since = arguments.since.unwrap_or(Timestamp::UNIX_EPOCH);
    let until = arguments.until.unwrap_or_else(Timestamp::now);
    let table = MetadataTable::new(&aws, table);
    let rows = table.rows(&arguments.pool, since, until, arguments.limit());
    let rows = rows
        .await
        .map_err(|error| Error::new(error.to_string()).with_hint_for(error.failure()))?;
    let entry = |row: RecordedBackup| Entry {
        began: row.key.began(),
        key: row.key,
        users: Some(row.users),
        bytes: row.bytes,
        change: row.change,
        problem: None,
        who: None,
    };
    Ok(rows.into_iter().map(entry).collect())
}

async fn of_vault(context: &Context, arguments: &Arguments) -> Result<Vec<Entry>, Error> {
    let vault = context.vault().await?;
    let progress = context.terminal.progress();
    let limit = arguments.limit();
    // One more, to compare the oldest with.
    let more = usize::from(arguments.compare);
    let listed = vault.list(Some(&arguments.pool), arguments.until, limit + more);
    let listed = listed.await?;
    let in_time = |listed: &&vault::ListedBackup| arguments.wants(listed.key.began());
    let shown = listed.iter().take(limit).take_while(in_time).count();
    progress.begin("looking at backups", Some(shown as u64));
    let entries = listed[..shown].iter().map(|listed| async {
        let entry = entry(&vault, listed.key.clone(), listed.bytes).await;
        progress.one_done();
        entry
    });
    let mut entries: Vec<Entry> = stream::iter(entries).buffered(AT_ONCE).collect().await;
    if arguments.compare {
        progress.begin("comparing backups", Some(shown as u64));
        for (entry, earlier) in entries.iter_mut().zip(1..) {
            progress.one_done();
            let earlier = listed.get(earlier..).unwrap_or_default();
            compare(&vault, entry, earlier).await?;
        }
    }
    progress.end();
    Ok(entries)
}

async fn entry(vault: &Vault, key: BackupKey, bytes: u64) -> Entry {
    let (users, change, problem) = match vault.overview(&key).await {
        Ok(overview) => (Some(overview.trailer.users), overview.trailer.change, None),
        Err(error) => (None, None, Some(error.to_string())),
    };
    Entry {
        began: key.began(),
        key,
        users,
        bytes,
        change,
        problem,
        who: None,
    }
}

/// Compares a backup that does not say what changed with the newest before it that can be read.
async fn compare(
    vault: &Vault,
    entry: &mut Entry,
    earlier: &[vault::ListedBackup],
) -> Result<(), Error> {
    if entry.problem.is_some() || matches!(entry.change, Some(Change::Since(_))) {
        return Ok(());
    }
    let after = match vault.open(&entry.key, None).await {
        Ok(after) => after,
        Err(error) => {
            entry.problem = Some(error.to_string());
            return Ok(());
        }
    };
    let mut unreadable = false;
    for listed in earlier {
        let Ok(before) = vault.open(&listed.key, None).await else {
            unreadable = true;
            continue;
        };
        let (first, second) = (Stored::Stored(&before), Stored::Stored(&after));
        let differences = Box::pin(diff(&first, &second, Options::default())).await?;
        let (previous, limits) = (listed.key.clone(), ShrinkLimits::default());
        let (before, after) = (snapshot_of(&before), snapshot_of(&after));
        let summary = summary(previous, before, after, &differences, limits);
        entry.change = Some(Change::Since(Box::new(summary)));
        return Ok(());
    }
    let why = match unreadable {
        true => NotCompared::Unreadable,
        false => NotCompared::FirstBackup,
    };
    entry.change = Some(Change::NotCompared(why));
    Ok(())
}

fn snapshot_of(backup: &Backup) -> Snapshot<'_> {
    Snapshot {
        head: &backup.head,
        users: backup.trailer.users,
    }
}

/// Asks who made the changes.
async fn ask(context: &Context, arguments: &Arguments, entries: &mut [Entry]) {
    let aws = context.aws_of(&arguments.pool).await;
    let mut trail = Trail::new(&aws, &arguments.pool);
    let progress = context.terminal.progress();
    progress.begin("asking CloudTrail", Some(entries.len() as u64));
    for entry in entries {
        if let Some(Change::Since(summary)) = &entry.change
            && !summary.is_empty()
        {
            let window = Window {
                from: summary.previous.began(),
                until: entry.began,
            };
            entry.who = Some(
                trail
                    .who(window, &super::who::events_of(summary), None)
                    .await,
            );
        }
        progress.one_done();
    }
    progress.end();
}
