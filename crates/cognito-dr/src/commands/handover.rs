//! `cognito-dr handover`: the page that a restore of the deployed stack left, which says what to
//! do now.

use std::path::{Path, PathBuf};

use clap::Args;
use model::RestoreId;
use model::restore::Report;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use crate::context::Context;
use crate::deployed::{Bucket, StackOptions};
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::new_file;

/// What lies beside the page.
const OTHERS: [&str; 3] = [Report::OBJECT, Report::ID_MAP, "user-map.csv"];

/// Fetch the hand-over page of a restore
///
/// The page that a restore of the deployed stack left in its bucket: what came back, what did not,
/// and what is left to do. It is written to a file that only you can read, or shown in the browser.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The id of the restore, as `trigger`, the report and the mail say it
    restore: RestoreId,
    /// Show the page in the browser
    #[arg(long)]
    open: bool,
    /// Where to write the page: a file that is not there yet [default: RESTORE.html here, or a
    /// temporary file with --open]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Write the report, the map of ids and the map of users as well; --to then names a folder
    /// [default: RESTORE]
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    stack: StackOptions,
}

const JSON: &str = "\
With --json:
  restore_id            the restore
  page                  the file that holds the page
  files[]               all files that were written";

#[derive(Debug, Serialize)]
struct Answer {
    restore_id: RestoreId,
    page: PathBuf,
    files: Vec<PathBuf>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(fetch(context, &arguments)).await
}

async fn fetch(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let restore = &arguments.restore;
    let bucket = arguments.stack.bucket(context).await?;
    let folder = || {
        arguments
            .to
            .clone()
            .unwrap_or_else(|| restore.as_str().into())
    };
    let folder = arguments.all.then(folder);
    let page = match (&folder, &arguments.to) {
        (Some(folder), _) => folder.join(Report::HANDOVER),
        (None, Some(file)) => file.clone(),
        (None, None) if arguments.open => {
            std::env::temp_dir().join(format!("{restore}-{}.html", std::process::id()))
        }
        (None, None) => format!("{restore}.html").into(),
    };
    if let Some(folder) = &folder {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::new(format!("cannot make {}", folder.display())).because_of(&error)
        })?;
    }
    if !write(&bucket, restore, Report::HANDOVER, &page).await? {
        let place = bucket.place(restore, Report::HANDOVER);
        return Err(Error::new(format!("there is no {place}")).hint(format!(
            "A restore writes it when it ends: `cognito-dr watch {restore}` follows one that runs."
        )));
    }
    let mut files = vec![page.clone()];
    for name in OTHERS {
        // A restore that failed early has no map of users.
        if let Some(folder) = &folder
            && write(&bucket, restore, name, &folder.join(name)).await?
        {
            files.push(folder.join(name));
        }
    }
    if arguments.open {
        open::that_detached(&page).map_err(|error| {
            Error::new(format!("no browser opens {}", page.display())).because_of(&error)
        })?;
    }
    let answer = Answer {
        restore_id: restore.clone(),
        page,
        files,
    };
    context.terminal.answer(&answer, |out| {
        let mut files = answer.files.iter();
        files.try_for_each(|file| writeln!(out, "{}", file.display()))
    })?;
    Ok(Exit::Done)
}

/// Writes an object into a new file; false where there is no such object.
async fn write(
    bucket: &Bucket,
    restore: &RestoreId,
    name: &str,
    path: &Path,
) -> Result<bool, Error> {
    let Some(body) = bucket.object(restore, name).await? else {
        return Ok(false);
    };
    let failed = |error| new_file::failed(path, &error);
    let options = tokio::fs::OpenOptions::from(new_file::options());
    let mut file = options.open(path).await.map_err(failed)?;
    tokio::io::copy(&mut body.into_async_read(), &mut file)
        .await
        .map_err(failed)?;
    file.flush().await.map_err(failed)?;
    Ok(true)
}
