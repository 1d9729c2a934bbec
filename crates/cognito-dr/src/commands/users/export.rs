//! `cognito-dr users export`: users as CSV or as lines of JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cognito::Operation;
use jiff::Timestamp;
use model::UserPoolId;
use model::document::UserRecord;
use model::restore::spreadsheet::guarded;
use restore::users::{ImportRow, ImportRows};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::stream::{Filter, UserStream, describe};
use crate::arguments::PaceOptions;
use crate::backup_reference::BackupOrPool;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;

/// How many users that are left out are named.
const NAMED: usize = 20;

/// Write users to a file, as CSV or JSON
///
/// Without --columns, the CSV has Cognito's own header, so that an import job of the same or of a
/// like pool takes it, and `cognito-dr users import` as well. What such a file cannot carry is
/// told. With --columns it is for people: a cell that a spreadsheet would take for a formula
/// begins with an apostrophe.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pool, by its id, or a backup: a file, an S3 key, `latest`, `latest~N` or a time
    #[arg(value_name = "POOL|BACKUP")]
    from: BackupOrPool,
    /// The pool whose backups `latest` and times are about
    #[arg(long, value_name = "POOL_ID")]
    pool: Option<UserPoolId>,
    /// Write CSV to this file; - is the standard output
    #[arg(long, value_name = "FILE", required_unless_present = "json_lines")]
    csv: Option<PathBuf>,
    /// Write each user as one line of JSON, as ListUsers gives it, to this file; - is the
    /// standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csv", "columns"])]
    json_lines: Option<PathBuf>,
    /// The columns of the CSV between commas: username, status, enabled, created, modified, and
    /// attributes as Cognito names them (sub, email, custom:plan)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = column)]
    columns: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json (where the users go to a file):
  file                  where the users are
  users                 how many were written
  left_out[]            sub, reason: users that the file cannot carry; the first 20
  left_out_total        how many there are
  disabled, unverified  users in Cognito's own form whom an import job enables, or refuses

Exit code 3 tells that users were left out.";

#[derive(Debug, Default, Serialize)]
struct Answer {
    file: String,
    users: u64,
    left_out: Vec<LeftOut>,
    left_out_total: u64,
    disabled: u64,
    unverified: u64,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    sub: String,
    reason: &'static str,
}

fn column(name: &str) -> Result<String, String> {
    match name.trim() {
        "" => Err("a column has a name".to_owned()),
        name => Ok(name.to_owned()),
    }
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(export(context, &arguments)).await
}

async fn export(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let to = arguments.csv.as_deref().or(arguments.json_lines.as_deref());
    let to = to.unwrap_or(Path::new("-"));
    let mut out = Out::to(to)?;
    let in_cognitos_form = arguments.csv.is_some() && arguments.columns.is_empty();
    let answer = match &arguments.from {
        BackupOrPool::Pool(pool) => {
            let aws = context.aws_of(pool).await;
            let cognito = context.cognito(&aws, &arguments.pace)?;
            let settings = describe(&cognito, pool).await?;
            let form = if in_cognitos_form {
                let request = json!({"UserPoolId": pool.as_str()});
                let header = cognito.call(Operation::GetCSVHeader, &request).await?;
                let header = serde_json::from_value(header["CSVHeader"].clone());
                let header = header.map_err(|error| {
                    Error::new("GetCSVHeader gave no header").because_of(&error)
                })?;
                Form::Cognitos(Box::new(ImportRows::new(&settings, Some(header))))
            } else {
                Form::of(arguments)
            };
            let estimate = settings["EstimatedNumberOfUsers"].as_u64();
            let users = UserStream::found_in_pool(&cognito, pool, &arguments.filter)?;
            write(context, users, estimate, &form, &mut out).await?
        }
        BackupOrPool::Backup(backup) => {
            let opened = backup.open(context, arguments.pool.as_ref()).await?;
            let backup = &opened.backup;
            let form = if in_cognitos_form {
                let settings = backup.head.user_pool();
                if !settings.is_object() {
                    return Err(Error::new(
                        "the file holds users only, so the header of their pool is not known",
                    )
                    .hint("Say which columns to write by --columns."));
                }
                Form::Cognitos(Box::new(ImportRows::new(settings, None)))
            } else {
                Form::of(arguments)
            };
            let users = UserStream::of_backup(backup, &arguments.filter).await?;
            write(context, users, Some(backup.trailer.users), &form, &mut out).await?
        }
    };
    let is_to_file = matches!(out, Out::File { .. });
    out.finish()?;
    let answer = Answer {
        file: to.display().to_string(),
        ..answer
    };
    tell(context, &answer, in_cognitos_form);
    if is_to_file {
        context.terminal.answer(&answer, |out| {
            writeln!(out, "{} users are in {}", answer.users, answer.file)
        })?;
    }
    Ok(if answer.left_out_total > 0 {
        Exit::WithLosses
    } else {
        Exit::Done
    })
}

fn tell(context: &Context, answer: &Answer, in_cognitos_form: bool) {
    let terminal = &context.terminal;
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for left_out in &answer.left_out {
        let subs = by_reason.entry(left_out.reason).or_default();
        subs.push(&left_out.sub);
    }
    for (reason, subs) in by_reason {
        terminal.warn(&format!("left out, {reason}: {}", subs.join(", ")));
    }
    let others = answer.left_out_total - answer.left_out.len() as u64;
    if others > 0 {
        terminal.warn(&format!("{others} more users are left out"));
    }
    if !in_cognitos_form {
        return;
    }
    if answer.unverified > 0 {
        terminal.warn(&format!(
            "{} users have no verified address of the kind that the pool verifies: an import job of Cognito refuses them",
            answer.unverified
        ));
    }
    if answer.disabled > 0 {
        terminal.warn(&format!(
            "{} users are disabled: the file does not say so, and an import lets them in",
            answer.disabled
        ));
    }
    terminal.note("Cognito's own form carries no status, no groups, no MFA preference and no sub.");
}

/// What is written of a user.
enum Form {
    Cognitos(Box<ImportRows>),
    Columns(Vec<String>),
    JsonLines,
}

impl Form {
    fn of(arguments: &Arguments) -> Self {
        if arguments.json_lines.is_some() {
            Self::JsonLines
        } else {
            Self::Columns(arguments.columns.clone())
        }
    }
}

async fn write(
    context: &Context,
    mut users: UserStream<'_>,
    of: Option<u64>,
    form: &Form,
    out: &mut Out,
) -> Result<Answer, Error> {
    let progress = context.terminal.progress();
    progress.begin("users", of);
    let mut answer = Answer::default();
    match form {
        Form::Cognitos(rows) => writeln!(out, "{}", rows.header())?,
        Form::Columns(columns) => csv_row(out, columns.iter().map(String::as_str))?,
        Form::JsonLines => {}
    }
    while let Some(user) = users.next().await? {
        progress.one_done();
        match form {
            Form::Cognitos(rows) => match rows.row(&user) {
                ImportRow::Row { row, is_verified } => {
                    answer.disabled += u64::from(!user.enabled);
                    answer.unverified += u64::from(!is_verified);
                    writeln!(out, "{row}")?;
                }
                ImportRow::LeftOut(reason) => {
                    answer.left_out_total += 1;
                    if answer.left_out.len() < NAMED {
                        let sub = user.attribute("sub").unwrap_or("(no sub)").to_owned();
                        answer.left_out.push(LeftOut { sub, reason });
                    }
                    continue;
                }
            },
            Form::Columns(columns) => {
                let cells = columns.iter().map(|column| cell(&user, column));
                let cells: Vec<String> = cells.collect();
                csv_row(out, cells.iter().map(|cell| guarded(cell)))?;
            }
            Form::JsonLines => {
                serde_json::to_writer(&mut *out, &user).map_err(io::Error::from)?;
                writeln!(out)?;
            }
        }
        answer.users += 1;
    }
    Ok(answer)
}

fn cell(user: &UserRecord, column: &str) -> String {
    let date = |member: &str| match user.rest.get(member) {
        Some(Value::String(text)) => text.clone(),
        Some(number) => {
            let millis = number
                .as_f64()
                .map(|seconds| (seconds * 1000.0).round() as i64);
            let time = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
            time.map(|time| time.to_string()).unwrap_or_default()
        }
        None => String::new(),
    };
    match column {
        "username" => user.username.as_str().to_owned(),
        "status" => user.status.as_str().to_owned(),
        "enabled" => user.enabled.to_string(),
        "created" => date("UserCreateDate"),
        "modified" => date("UserLastModifiedDate"),
        name => user.attribute(name).unwrap_or_default().to_owned(),
    }
}

fn csv_row(out: &mut Out, cells: impl Iterator<Item = impl AsRef<str>>) -> Result<(), Error> {
    let mut row = csv::WriterBuilder::new().from_writer(Vec::new());
    let cells: Vec<_> = cells.collect();
    let written = row.write_record(cells.iter().map(AsRef::as_ref));
    written.map_err(|error| Error::new("cannot write a row").because_of(&error))?;
    let row = row
        .into_inner()
        .map_err(|error| Error::from(io::Error::other(error.to_string())))?;
    Ok(out.write_all(&row)?)
}

/// Where the users go: a file, which is there when it is whole, or the standard output.
enum Out {
    Standard(io::BufWriter<io::Stdout>),
    File {
        writer: io::BufWriter<NamedTempFile>,
        to: PathBuf,
    },
}

impl Out {
    fn to(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self::Standard(io::BufWriter::new(io::stdout())));
        }
        let cannot = |error: io::Error| {
            Error::new(format!("cannot write {}", path.display())).because_of(&error)
        };
        if path.exists() {
            return Err(
                Error::new(format!("there already is a file {}", path.display()))
                    .hint("Name another, or remove it."),
            );
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(cannot)?;
        Ok(Self::File {
            writer: io::BufWriter::new(file),
            to: path.to_owned(),
        })
    }

    fn finish(self) -> Result<(), Error> {
        match self {
            Self::Standard(mut out) => Ok(out.flush()?),
            Self::File { writer, to } => {
                let cannot = |error: io::Error| {
                    Error::new(format!("cannot write {}", to.display())).because_of(&error)
                };
                let file = writer
                    .into_inner()
                    .map_err(|error| cannot(error.into_error()))?;
                file.as_file().sync_all().map_err(cannot)?;
                file.persist_noclobber(&to)
                    .map_err(|error| cannot(error.error))?;
                Ok(())
            }
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::File { writer, .. } => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::File { writer, .. } => writer.flush(),
        }
    }
}
