//! Users who must not come back: the lists that are named, and backups without them.

use std::collections::BTreeSet;
use std::path::Path;

use model::{BackupKey, Sub, UserPoolId};
use vault::Backup;

use crate::arguments::Location;
use crate::context::Context;
use crate::error::Error;

/// Reads the `sub`s in a file, one to a line; empty lines and those that begin with `#` are passed
/// over.
///
/// # Errors
/// That names the first line which is no `sub`, without what stands there.
pub(crate) async fn read(path: &Path) -> Result<BTreeSet<Sub>, Error> {
    let shown = path.display();
    let text = tokio::fs::read_to_string(path).await;
    let text =
        text.map_err(|error| Error::new(format!("cannot read {shown}")).because_of(&error))?;
    let mut subs = BTreeSet::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let sub = Sub::from_uuid(line)
            .map_err(|error| Error::new(format!("{shown}, line {number}")).because_of(&error))?;
        subs.insert(sub);
    }
    Ok(subs)
}

/// The users of a pool in the list that `--forgotten` names.
async fn named(
    context: &Context,
    list: &Location,
    pool: &UserPoolId,
) -> Result<BTreeSet<Sub>, Error> {
    match list {
        Location::Folder(path) if path.is_file() => read(path).await,
        Location::Folder(path) if !path.exists() => Err(Error::new(format!(
            "there is no file or folder {}",
            path.display()
        ))),
        vault => Ok(context.vault_at(vault).await?.forgotten(pool).await?),
    }
}

/// The folder that is the vault of a file, where the file lies in it as backups do.
fn vault_of_file(file: &str) -> Option<Location> {
    let at = file.rfind(model::backup_key::BACKUP_FOLDER)?;
    let _: BackupKey = file[at..].parse().ok()?;
    Some(Location::Folder(file[..at].into()))
}

/// The backup without the users of the list that `--forgotten` names, in addition to that of the
/// vault from which it was opened. Says how many they are, or that there was no list.
pub(crate) async fn left_out(context: &Context, backup: Backup) -> Result<Backup, Error> {
    let pool = &backup.head.user_pool_id;
    let mut lists = Vec::new();
    lists.extend(context.options.forgotten.clone());
    if backup.name.key().is_none() {
        lists.extend(vault_of_file(&backup.name.to_string()));
    }
    let mut subs = BTreeSet::new();
    for list in &lists {
        subs.extend(named(context, list, pool).await?);
    }
    let backup = match lists.is_empty() {
        true => backup,
        false => backup.without(subs).await?,
    };
    match backup.forgotten() {
        None => context
            .terminal
            .note("No list of forgotten users was asked for this file: --forgotten names one."),
        Some(left_out) if left_out.users > 0 => context.terminal.note(&format!(
            "{} users of this backup are forgotten: they are left out, with {} memberships.",
            left_out.users, left_out.memberships
        )),
        Some(_) => {}
    }
    Ok(backup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lies_as_backups_do_has_a_vault() {
        let key = "cognito-backup/2026/03/07/us-east-1_AbC-090502.json.zst";
        let vault = |file: &str| vault_of_file(file);
        assert_eq!(
            vault(&format!("/a/b/{key}")),
            Some(Location::Folder("/a/b/".into()))
        );
        assert_eq!(vault("/a/b/backup.json"), None);
        assert_eq!(vault("/a/cognito-backup/backup.json"), None);
    }
}
