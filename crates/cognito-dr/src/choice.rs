//! What a person chooses from a list where an argument is missing: a live pool, a file.

use std::fmt;
use std::path::PathBuf;

use cognito::{Operation, Pages};
use model::UserPoolId;
use serde_json::json;

use crate::arguments::PaceOptions;
use crate::context::Context;
use crate::error::Error;

/// One entry of ListUserPools.
struct Listed {
    id: UserPoolId,
    name: String,
}

impl fmt::Display for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}  {}", self.id, self.name)
    }
}

/// The pool that was named, else the one of the Region that a person chooses. `argument` is how
/// it is named, such as `the argument POOL`.
///
/// # Errors
/// When it was not named and nobody can be asked, or the Region's pools cannot be listed.
pub(crate) async fn pool(
    context: &Context,
    named: Option<&UserPoolId>,
    argument: &str,
    pace: &PaceOptions,
) -> Result<UserPoolId, Error> {
    if let Some(pool) = named {
        return Ok(pool.clone());
    }
    if !context.terminal.can_ask() {
        return Err(Error::missing("the user pool", argument));
    }
    let cognito = context.cognito(&context.aws().await?, pace)?;
    let pages = Pages::new(&cognito, Operation::ListUserPools, json!({}))?;
    let listed = pages.all().await?;
    let mut pools: Vec<Listed> = listed
        .iter()
        .filter_map(|pool| {
            Some(Listed {
                id: pool["Id"].as_str()?.parse().ok()?,
                name: pool["Name"].as_str().unwrap_or_default().to_owned(),
            })
        })
        .collect();
    let chosen = context.terminal.choose("User pool", &pools).await?;
    Ok(pools.swap_remove(chosen).id)
}

/// The file that was named, else the one of this folder, with one of these extensions, that a
/// person chooses. `argument` is how it is named, such as `the argument FILE`.
///
/// # Errors
/// When it was not named and nobody can be asked, or there is none.
pub(crate) async fn file(
    context: &Context,
    named: Option<&PathBuf>,
    argument: &str,
    extensions: &[&str],
) -> Result<PathBuf, Error> {
    if let Some(file) = named {
        return Ok(file.clone());
    }
    if !context.terminal.can_ask() {
        return Err(Error::missing("the file", argument));
    }
    let mut files = files_here(extensions)
        .map_err(|error| Error::new("cannot list this folder").because_of(&error))?;
    let shown: Vec<_> = files.iter().map(|file| file.display()).collect();
    let chosen = context.terminal.choose("File", &shown).await?;
    Ok(files.swap_remove(chosen))
}

/// The files of this folder with one of these extensions, by name.
fn files_here(extensions: &[&str]) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(".")? {
        let file = PathBuf::from(entry?.file_name());
        let extension = file.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
