//! `cognito-dr backup`: whole backups of user pools.

mod destination;

use backup::{BackupError, Backups, MfaPreferences, RunOutcome, UsersByPrefix};
use clap::{Args, ValueEnum};
use cognito::{Operation, Pages, Stop};
use jiff::Timestamp;
use model::change::ShrinkLimits;
use model::inventory::Section;
use model::observe::Observer;
use model::request::BackedUpPool;
use model::users_listing::UsersListing;
use model::{Shard, UserPoolId};
use serde::Serialize;
use serde_json::json;
use vault::{Backup, SecretsKey, Vault};

use crate::arguments::PaceOptions;
use crate::backup_reference::BackupReference;
use crate::choice;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::terminal::Table;
use destination::{Destination, file_for, of_shard};

/// Back up user pools: settings, users, groups and memberships
///
/// Each backup appears when it is whole, and never in place of another file. Ctrl-C removes what
/// was written of the backup under way; the same command begins it again.
///
/// Ends with 3 if a section of a pool could not be read: the backup says which, and holds the
/// others.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The ids of the pools
    #[arg(value_name = "POOL")]
    pools: Vec<UserPoolId>,
    /// Back up all pools of the Region
    #[arg(long, conflicts_with = "pools")]
    all: bool,
    /// Where to: a file (for one pool), a folder or a bucket, in which backups lie by day. Without,
    /// a file in the current folder for each pool, whose name says pool and time
    #[arg(long, value_name = "FILE|FOLDER|s3://BUCKET")]
    to: Option<Destination>,
    /// Read and write one share of the users only, such as 2/4. All shares of the same pool, in one
    /// place, are one backup: name any of them
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Do not ask for the users' MFA preferences: one call for each that may have one
    #[arg(long)]
    no_mfa_preferences: bool,
    /// Whether to list users by the first digits of their sub, in many chains of pages side by side:
    /// in a large pool with a bucket to remember that it left nobody out, always, or never
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        conflicts_with = "shard"
    )]
    users_by_prefix: ByPrefix,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  backups[]   user_pool_id, backup (a file or an S3 address), users, users_listing (how they were
              listed), failed_sections[]
  failed[]    user_pool_id, reason
  left[]      pools whose backup did not begin, or was removed after Ctrl-C";

/// When users are listed by prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ByPrefix {
    /// In pools of 50,000 users or more that are backed up to a bucket: once a day all users are
    /// listed in one chain, too, to check that nobody is left out
    #[default]
    Auto,
    /// In every pool, and with no other check than Cognito's own estimate of how many users there
    /// are; for who knows that Cognito takes the filter
    Always,
    /// In one chain of pages
    Never,
}

impl From<ByPrefix> for UsersByPrefix {
    fn from(when: ByPrefix) -> Self {
        match when {
            ByPrefix::Auto => UsersByPrefix::default(),
            ByPrefix::Always => UsersByPrefix::Always,
            ByPrefix::Never => UsersByPrefix::Never,
        }
    }
}

#[derive(Debug, Default, Serialize)]
struct Answer {
    backups: Vec<Written>,
    failed: Vec<Failed>,
    left: Vec<UserPoolId>,
}

#[derive(Debug, Serialize)]
struct Written {
    user_pool_id: UserPoolId,
    backup: String,
    users: u64,
    users_listing: Option<UsersListing>,
    failed_sections: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Failed {
    user_pool_id: UserPoolId,
    reason: String,
}

/// What became of one pool.
enum BackupOutcome {
    Written(Written),
    /// Ctrl-C came first.
    Interrupted,
    /// Another run is at work on the bucket, and takes the pool.
    LeftTo(String),
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let pools = pools(context, &arguments).await?;
    if pools.len() > 1 && matches!(arguments.to, Some(Destination::File(_))) {
        return Err(Error::new("several pools do not go into one file")
            .hint("Name a folder by --to (with a slash at its end), or leave --to out."));
    }
    let stop = context.stop();
    let observer = context.terminal.observer(&arguments.pace);
    let mut answer = Answer::default();
    let mut last = None;
    let mut interrupted = false;
    for pool in pools {
        if interrupted || stop.is_requested() {
            interrupted = true;
            answer.left.push(pool);
            continue;
        }
        let written = one(context, &arguments, &pool, &observer, &stop).await;
        match written {
            Ok(BackupOutcome::Written(written)) => {
                for section in &written.failed_sections {
                    let text = format!("{pool}: {section} could not be read");
                    context.terminal.warn(&text);
                }
                if let Some(listing @ UsersListing::FellBack { .. }) = &written.users_listing {
                    context
                        .terminal
                        .note(&format!("{pool}: users were listed {listing}"));
                }
                answer.backups.push(written);
            }
            Ok(BackupOutcome::Interrupted) => {
                interrupted = true;
                answer.left.push(pool);
            }
            Ok(BackupOutcome::LeftTo(run)) => {
                let text = format!("the run {run} is at work on this bucket, and takes {pool}");
                context.terminal.warn(&text);
                answer.left.push(pool);
            }
            Err(error) => {
                context
                    .terminal
                    .warn(&format!("{pool} is not backed up: {}", error.what()));
                answer.failed.push(Failed {
                    user_pool_id: pool,
                    reason: error.what().to_owned(),
                });
                last = Some(error);
            }
        }
    }
    drop(observer);
    context
        .terminal
        .answer(&answer, |out| write!(out, "{}", table(&answer)))?;
    if interrupted {
        let left: Vec<&str> = answer.left.iter().map(UserPoolId::as_str).collect();
        let to = arguments.to.as_ref();
        let to = to.map_or(String::new(), |to| format!(" --to {to}"));
        let shard = arguments.shard;
        let shard = shard.map_or(String::new(), |shard| format!(" --shard {shard}"));
        context.terminal.note(&format!(
            "Nothing is left of what was not whole. To go on: cognito-dr backup {}{to}{shard}",
            left.join(" ")
        ));
        return Err(Error::interrupted());
    }
    let tried = answer.backups.len() + answer.failed.len() + answer.left.len();
    match last {
        Some(error) if tried > 1 => {
            let failed = answer.failed.len();
            Err(error.during(format!("{failed} of {tried} pools are not backed up")))
        }
        Some(error) => Err(error),
        None if answer.backups.iter().any(Written::has_losses) => Ok(Exit::WithLosses),
        None => Ok(Exit::Done),
    }
}

/// The pools that are meant, each once.
async fn pools(context: &Context, arguments: &Arguments) -> Result<Vec<UserPoolId>, Error> {
    if !arguments.all {
        let mut pools = arguments.pools.clone();
        if pools.is_empty() {
            let argument = "the argument POOL, or --all";
            pools.push(choice::pool(context, None, argument, &arguments.pace).await?);
        }
        let mut seen = std::collections::BTreeSet::new();
        pools.retain(|pool| seen.insert(pool.clone()));
        return Ok(pools);
    }
    let cognito = context.cognito(&context.aws().await?, &arguments.pace)?;
    let listed = Pages::new(&cognito, Operation::ListUserPools, json!({}))?;
    let listed = listed.all().await?;
    let ids = listed.iter().map(|pool| {
        let id = pool["Id"].as_str().unwrap_or_default();
        id.parse()
            .map_err(|error| Error::new("ListUserPools gave no id").because_of(&error))
    });
    ids.collect()
}

/// A backup of a pool before something that cannot be taken back, in the vault that was
/// named, else in a file of the current folder. Gives its address with it.
///
/// # Errors
/// When it cannot be made, or something about users is missing in it.
pub(super) async fn before(
    context: &Context,
    pool: &UserPoolId,
    pace: &PaceOptions,
    stop: &Stop,
) -> Result<(String, Backup), Error> {
    let arguments = Arguments {
        pools: Vec::new(),
        all: false,
        to: context.options.vault.clone().map(Destination::Vault),
        shard: None,
        no_mfa_preferences: false,
        users_by_prefix: ByPrefix::default(),
        pace: pace.clone(),
    };
    let observer = context.terminal.observer(pace);
    let not_made = |reason: &str| Error::new(format!("no backup of {pool} was made: {reason}"));
    match one(context, &arguments, pool, &observer, stop).await? {
        BackupOutcome::Written(written) => {
            for section in &written.failed_sections {
                let text = format!("{section} could not be read, and is not in the backup");
                if [Section::Groups, Section::GroupMemberships]
                    .map(Section::member)
                    .contains(&&**section)
                {
                    return Err(not_made(&text));
                }
                context.terminal.warn(&text);
            }
            let named: BackupReference = written.backup.parse().map_err(Error::new)?;
            let mut opened = named.open(context, Some(pool)).await?;
            opened.decrypt_secrets(context).await?;
            // Of the pool as it is: whoever is forgotten and still in it is in it.
            Ok((written.backup, opened.backup.as_stored()))
        }
        BackupOutcome::Interrupted => Err(Error::interrupted()),
        BackupOutcome::LeftTo(run) => Err(not_made(&format!(
            "the run {run} is at work on this bucket"
        ))),
    }
}

async fn one(
    context: &Context,
    arguments: &Arguments,
    pool: &UserPoolId,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<BackupOutcome, Error> {
    let vault = match &arguments.to {
        Some(Destination::Vault(location)) => context.vault_at(location).await?,
        Some(Destination::File(path)) => Vault::in_file(&of_shard(path, arguments.shard))?,
        None => {
            let path = file_for(pool, Timestamp::now());
            Vault::in_file(&of_shard(&path, arguments.shard))?
        }
    };
    let aws = context.aws_of(pool).await;
    let secrets_key = context.options.secrets_key.as_ref();
    let secrets_key = secrets_key.map(|key| SecretsKey::new(&aws, key, None));
    let run = format!("cognito-dr-{}", std::process::id());
    let backups = Backups {
        cognito: &context.cognito(&aws, &arguments.pace)?,
        waf: &aws_sdk_wafv2::Client::new(&aws),
        vault: &vault,
        table: None,
        continuation: None,
        shard: arguments.shard,
        users_by_prefix: arguments.users_by_prefix.into(),
        differences: false,
        shrink_limits: ShrinkLimits::default(),
        mfa_preferences: match arguments.no_mfa_preferences {
            true => MfaPreferences::None,
            false => MfaPreferences::Auto,
        },
        secrets_key: secrets_key.as_ref(),
        request_id: &run,
        observer,
        stop: stop.clone(),
    };
    let done = Box::pin(backups.run(vec![pool.clone()])).await;
    match done {
        Ok(RunOutcome::Done(mut backed_up)) => {
            // A run on a shared bucket may have taken pools that others asked for meanwhile.
            backed_up.retain(|backed_up| backed_up.user_pool_id == *pool);
            let backed_up = backed_up.pop();
            let written = backed_up.map(|backed_up| written(&vault, backed_up));
            written
                .map(BackupOutcome::Written)
                .ok_or_else(|| Error::new(format!("nothing was written for {pool}")))
        }
        Ok(RunOutcome::LeftTo { run, .. }) => Ok(BackupOutcome::LeftTo(run)),
        Ok(RunOutcome::InProgress(_)) | Err(BackupError::Interrupted { .. }) => {
            Ok(BackupOutcome::Interrupted)
        }
        Err(BackupError::Pools { failed, .. }) if failed.len() == 1 => {
            let failed = &failed[0];
            Err(Error::new(failed.cause.clone()).with_hint_for(failed.failure))
        }
        Err(error) => Err(Error::new(error.to_string()).with_hint_for(error.failure())),
    }
}

fn written(vault: &Vault, backed_up: BackedUpPool) -> Written {
    Written {
        backup: vault.address(&backed_up.s3_key),
        user_pool_id: backed_up.user_pool_id,
        users: backed_up.user_count,
        users_listing: backed_up.users_listing,
        failed_sections: backed_up.failed_sections,
    }
}

impl Written {
    fn has_losses(&self) -> bool {
        !self.failed_sections.is_empty()
    }
}

fn table(answer: &Answer) -> String {
    let mut table = Table::new(["POOL", "USERS", "BACKUP"]);
    for written in &answer.backups {
        table.row([
            written.user_pool_id.to_string(),
            written.users.to_string(),
            written.backup.clone(),
        ]);
    }
    table.to_string()
}
