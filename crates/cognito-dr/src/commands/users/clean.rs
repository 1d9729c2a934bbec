//! `cognito-dr users clean`: removes users from a live pool.

use std::fs::File;
use std::io::{self, BufRead as _, BufWriter, Seek as _, Write as _};

use clap::Args;
use cognito::{Cognito, ErrorKind, Operation, Stop};
use futures::stream::{FuturesUnordered, StreamExt as _};
use model::UserPoolId;
use model::document::{UserRecord, UserStatus};
use serde::Serialize;
use serde_json::{Value, json};

use super::stream::{Filter, Hashes, UserStream, describe, status};
use crate::arguments::PaceOptions;
use crate::commands::backup;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;

/// How many users are on their way at once; the pacer sees to the rate.
const AT_ONCE: usize = 16;
/// How many users who could not be removed are named.
const NAMED: usize = 20;

/// Remove users from a pool, after a backup
///
/// All users, or those of a status. Takes a whole backup of the pool first, which restores them
/// again (with new subs and passwords: Cognito gives neither back), then shows how many users will
/// be removed and asks for the pool's id. Only users who are in the backup are removed, none who
/// came later. Interrupted, it goes on by the same command.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: UserPoolId,
    /// Only users of this status, such as UNCONFIRMED; may be given several times
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Vec<UserStatus>,
    /// Only users who may sign in (true), or who are disabled (false)
    #[arg(long, value_name = "BOOL")]
    enabled: Option<bool>,
    /// Keep this user, by username or sub; may be given several times
    #[arg(long, value_name = "USER")]
    keep: Vec<String>,
    /// Keep the members of this group; may be given several times
    #[arg(long, value_name = "NAME")]
    keep_group: Vec<String>,
    /// Do not take a backup first, which goes into the vault (--vault) or, without one, into a file
    /// of the current folder. What is removed then is gone
    #[arg(long)]
    without_backup: bool,
    /// Remove users although the pool is protected from deletion. The protection is against
    /// deleting the pool, and Cognito lets users be removed all the same
    #[arg(long)]
    despite_protection: bool,
    /// The pool's id once more, where --yes answers the question
    #[arg(long, value_name = "POOL_ID")]
    confirm: Option<UserPoolId>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  backup         where the backup is (null with --without-backup)
  removed        how many users were removed
  already_gone   users whom somebody else removed meanwhile
  kept           users who stay
  failed[]       sub, reason; the first 20
  failed_total   how many there are
  left           users who are still to be removed: run the command again

Exit code 3 tells that some could not be removed.";

#[derive(Debug, Default, Serialize)]
struct Answer {
    backup: Option<String>,
    removed: u64,
    already_gone: u64,
    kept: u64,
    failed: Vec<Failed>,
    failed_total: u64,
    left: u64,
}

#[derive(Debug, Serialize)]
struct Failed {
    sub: String,
    reason: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let pool = &arguments.pool;
    let aws = context.aws_of(pool).await;
    let cognito = context.cognito(&aws, &arguments.pace)?;
    consent_is_whole(context, &arguments)?;
    let stop = context.stop();
    let settings = or_interrupted(async { Ok(describe(&cognito, pool).await?) }).await?;
    if settings["DeletionProtection"] == "ACTIVE" && !arguments.despite_protection {
        return Err(Error::new(format!("{pool} is protected from deletion"))
            .hint("Say --despite-protection to remove users all the same."));
    }
    let (place, backup) = if arguments.without_backup {
        (None, None)
    } else {
        let (place, backup) = backup::before(context, pool, &arguments.pace, &stop).await?;
        context.terminal.note(&format!("The backup is {place}"));
        (Some(place), Some(backup))
    };
    let choosing = choose(context, &cognito, &arguments, backup.as_ref());
    let chosen = stop.unless_requested(choosing).await;
    let doomed = chosen.ok_or_else(Error::interrupted)??;
    let mut answer = Answer {
        backup: place,
        kept: doomed.kept,
        ..Answer::default()
    };
    if doomed.count > 0 {
        ask(context, pool, &settings, &doomed).await?;
        remove(context, &cognito, pool, doomed, &stop, &mut answer).await?;
    }
    let terminal = &context.terminal;
    for Failed { sub, reason } in &answer.failed {
        terminal.warn(&format!("{sub} was not removed: {reason}"));
    }
    terminal.answer(&answer, |out| {
        writeln!(out, "{} users were removed from {pool}", answer.removed)
    })?;
    if answer.left > 0 {
        let left = answer.left;
        terminal.note(&format!(
            "{left} users are left. The same command goes on with them."
        ));
    }
    Ok(if stop.is_signalled() && answer.left > 0 {
        Exit::Interrupted
    } else if answer.failed_total > 0 {
        Exit::WithLosses
    } else {
        Exit::Done
    })
}

/// Whether everything is said that the question needs where it is answered beforehand: told
/// before a backup that may take hours.
fn consent_is_whole(context: &Context, arguments: &Arguments) -> Result<(), Error> {
    let pool = &arguments.pool;
    match &arguments.confirm {
        Some(confirmed) if confirmed != pool => Err(Error::new(format!(
            "nothing was done: --confirm says {confirmed}, and the pool is {pool}"
        ))),
        Some(_) if context.options.yes || context.terminal.can_ask() => Ok(()),
        None if context.terminal.can_ask() && !context.options.yes => Ok(()),
        _ => Err(Error::new(format!(
            "nobody is there to be asked whether users of {pool} are to be removed"
        ))
        .hint(format!(
            "Answer by --yes --confirm {pool}, once you have made sure that it is meant."
        ))),
    }
}

/// Who is to be removed: of the backup's users, or of those in the pool where there is none.
async fn choose(
    context: &Context,
    cognito: &Cognito,
    arguments: &Arguments,
    backup: Option<&vault::Backup>,
) -> Result<Doomed, Error> {
    let filter = Filter {
        status: arguments.status.clone(),
        enabled: arguments.enabled,
        group: None,
    };
    match backup {
        Some(backup) => {
            let kept = Kept::backed_up(backup, arguments).await?;
            let users = UserStream::of_backup(backup, &filter).await?;
            Doomed::choose(context, users, Some(backup.trailer.users), &kept).await
        }
        None => {
            let kept = Kept::live(cognito, arguments).await?;
            let users = UserStream::of_pool(cognito, &arguments.pool, &filter)?;
            Doomed::choose(context, users, None, &kept).await
        }
    }
}

async fn ask(
    context: &Context,
    pool: &UserPoolId,
    settings: &Value,
    doomed: &Doomed,
) -> Result<(), Error> {
    let question = format!(
        "{} users of {pool} ({}) will be removed, {} stay.",
        doomed.count,
        settings["Name"].as_str().unwrap_or_default(),
        doomed.kept
    );
    context.terminal.confirm_by_pool_id(&question, pool).await
}

/// Whom the operator keeps.
struct Kept<'a> {
    names: &'a [String],
    members: Vec<Hashes>,
}

impl<'a> Kept<'a> {
    async fn live(cognito: &Cognito, arguments: &'a Arguments) -> Result<Self, Error> {
        let mut members = Vec::new();
        for group in &arguments.keep_group {
            let filter = Filter {
                group: Some(group.clone()),
                ..Filter::default()
            };
            let mut users = UserStream::of_pool(cognito, &arguments.pool, &filter)?;
            let mut of_group = Hashes::default();
            while let Some(user) = users.next().await? {
                of_group.insert(user.username.as_str());
            }
            members.push(of_group);
        }
        Ok(Self {
            names: &arguments.keep,
            members,
        })
    }

    async fn backed_up(backup: &vault::Backup, arguments: &'a Arguments) -> Result<Self, Error> {
        let mut members = Vec::new();
        for group in &arguments.keep_group {
            members.push(Hashes::of_members(backup, group).await?);
        }
        Ok(Self {
            names: &arguments.keep,
            members,
        })
    }

    fn have(&self, user: &UserRecord) -> bool {
        let name = user.username.as_str();
        let sub = user.attribute("sub");
        self.names
            .iter()
            .any(|kept| kept == name || Some(kept.as_str()) == sub)
            || self.members.iter().any(|members| members.has(name))
    }
}

/// The users who are to be removed: a line of JSON for each in a file without a name, so that
/// memory does not grow with them and no list of a live pool is read while it shrinks.
struct Doomed {
    file: File,
    count: u64,
    kept: u64,
}

impl Doomed {
    async fn choose(
        context: &Context,
        mut users: UserStream<'_>,
        of: Option<u64>,
        kept: &Kept<'_>,
    ) -> Result<Self, Error> {
        let progress = context.terminal.progress();
        progress.begin("users to choose from", of);
        let mut file = BufWriter::new(tempfile::tempfile()?);
        let (mut count, mut stay) = (0, 0);
        while let Some(user) = users.next().await? {
            progress.one_done();
            if kept.have(&user) {
                stay += 1;
                continue;
            }
            let sub = user.attribute("sub").unwrap_or("(no sub)");
            writeln!(file, "{}", json!([user.username.as_str(), sub]))?;
            count += 1;
        }
        let mut file = file
            .into_inner()
            .map_err(|error| Error::from(error.into_error()))?;
        file.rewind()?;
        Ok(Self {
            file,
            count,
            kept: stay + users.passed_over(),
        })
    }
}

async fn remove(
    context: &Context,
    cognito: &Cognito,
    pool: &UserPoolId,
    doomed: Doomed,
    stop: &Stop,
    answer: &mut Answer,
) -> Result<(), Error> {
    let progress = context.terminal.progress();
    progress.begin("users removed", Some(doomed.count));
    let mut lines = io::BufReader::new(doomed.file).lines();
    let mut on_their_way = FuturesUnordered::new();
    let mut ended = None;
    loop {
        while ended.is_none() && on_their_way.len() < AT_ONCE && !stop.is_requested() {
            let Some(line) = lines.next() else { break };
            let (name, sub): (String, String) =
                serde_json::from_str(&line?).map_err(io::Error::from)?;
            on_their_way.push(async move {
                let request = json!({"UserPoolId": pool.as_str(), "Username": name});
                let removed = cognito.call(Operation::AdminDeleteUser, &request).await;
                (sub, removed)
            });
        }
        let Some((sub, removed)) = on_their_way.next().await else {
            break;
        };
        match removed {
            Ok(_) => answer.removed += 1,
            Err(error) if error.code == "UserNotFoundException" => answer.already_gone += 1,
            Err(error) if matches!(error.kind, ErrorKind::Refused | ErrorKind::Unknown) => {
                answer.failed_total += 1;
                if answer.failed.len() < NAMED {
                    let reason = error.to_string();
                    answer.failed.push(Failed { sub, reason });
                }
            }
            Err(error) => ended = Some(error),
        }
        progress.one_done();
    }
    let dealt_with = answer.removed + answer.already_gone + answer.failed_total;
    answer.left = doomed.count.saturating_sub(dealt_with);
    match ended {
        None => Ok(()),
        Some(error) => Err(Error::from(error)
            .during(format!(
                "{} users were removed, {} are left",
                answer.removed, answer.left
            ))
            .hint("The same command goes on with them.")),
    }
}
