//! `cognito-dr history`: what changed in a pool from backup to backup.

mod life;
mod page;
mod rows;
mod text;
mod who;

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use model::UserPoolId;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::new_file;
use life::Object;

/// How many backups are looked at where nothing says.
const LAST: usize = 24;
/// How many are looked at where a time says: 90 days of hourly ones, and more.
const SINCE: usize = 10_000;

/// Show what changed in a pool from backup to backup
///
/// A row for each backup, the newest first: users made, gone, changed, disabled and enabled,
/// memberships, settings; and below, what changed by its path, and with an exclamation mark what somebody should look at.
/// Each backup in a bucket says so itself, since it was compared with the one before when it was
/// made: of each only head and end are read, and with --table not even those. Of backups that were not compared, such as those in a
/// folder, --compare finds out.
///
/// With --of it follows one object through the backups: a user by its `sub`, a client, a group, a
/// provider or a setting.
///
/// --who asks CloudTrail who called what in the pool's Region between two backups, within the last
/// 90 days, at two requests a second. Names calls that fit the change; which of them made it,
/// CloudTrail does not say.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: UserPoolId,
    /// Only backups whose reading began at this time or later, such as 2026-03-07T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only backups whose reading began at this time or earlier
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// How many backups to look at, the newest [default: 24, or all since --since]
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Read the rows of this DynamoDB table in the pool's Region (or --region) in place of the vault. It
    /// knows backups that have expired, too
    #[arg(long, value_name = "NAME", conflicts_with_all = ["compare", "of"])]
    table: Option<String>,
    /// Compare backups that do not say what changed with the one before. Reads both
    #[arg(long, conflicts_with = "of")]
    compare: bool,
    /// Follow one object: a `sub`, client:ID, group:NAME, provider:NAME or setting:PATH
    #[arg(long, value_name = "OBJECT")]
    of: Option<Object>,
    /// Print what a user's attributes were before and after. This prints personal data
    #[arg(long, requires = "of")]
    values: bool,
    /// Ask CloudTrail who made the calls that fit
    #[arg(long)]
    who: bool,
    /// Write the same as a page, too: a file that is not there yet
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

const JSON: &str = "\
With --json:
  pool_id
  backups[]            key, began, users, bytes, change, problem, who; the newest first
  backups[].change     null where it was not recorded; not_compared (first_backup, no_time or
                       unreadable); or since: previous (key), users, memberships, settings,
                       critical, shrunk, slow_loss, last_shrunk, kept
  ...since.users       before, after, made, gone, recreated, changed, disabled, enabled
  ...since.memberships made, gone
  ...since.settings    count; added[], removed[], changed[]: paths, as many as there is room for;
                       not_compared[]: sections
  ...since.critical    count; named[]: kind (client_gone, group_gone, provider_gone, trigger_gone,
                       group_role_changed or protection_off), name, id (of a client)
  ...since.slow_loss   since (key), users: what was lost little by little within a week, where
                       that is why the pool counts as shrunk
  ...since.last_shrunk the last backup before that said that the pool shrank (key)
  ...since.kept        the object that keeps the last whole base from before the pool shrank
  backups[].problem    why the backup cannot be read
  who                  null unless --who: events[] (event, principal, count, first, last), more
                       (there are others that were not read), problem (why nothing is known)
With --of:
  pool_id, object
  moments[]            key, began, what (there, not_there, appeared, gone, changed), members[],
                       who; the oldest first
  moments[].members[]  member, before, after (null for secrets, and of users without --values)";

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(Box::pin(look(context, &arguments))).await
}

async fn look(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    if let Some(file) = &arguments.page {
        new_file::refuse_existing(file)?;
    }
    match &arguments.of {
        Some(object) => life::follow(context, arguments, object).await,
        None => rows::show(context, arguments).await,
    }
}

impl Arguments {
    fn limit(&self) -> usize {
        let limit = self.last;
        limit.unwrap_or(if self.since.is_some() { SINCE } else { LAST })
    }

    fn wants(&self, began: Timestamp) -> bool {
        self.since.is_none_or(|since| began >= since)
    }
}
