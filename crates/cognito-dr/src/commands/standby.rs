//! `cognito-dr standby`: a pool that `restore --standby` made, kept like its source, and switched
//! to.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use cognito::Operation;
use jiff::Timestamp;
use model::{BackupName, UserPoolId};
use restore::standby::{self, Follow, Standby, Standing, Switched, SyncReport};
use restore::{Clients, RestoreError, RestoreSettings, undo};
use vault::{Backup, Vault};

use crate::arguments::{Location, PaceOptions};
use crate::backup_reference::{BackupReference, OpenBackup};
use crate::commands::restore::{go_on_as_typed, read_map, region_of};
use crate::commands::undo::text::write_actions;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::terminal::printable;

/// What keeps a standby pool in step may call.
static ALLOWED: [&[Operation]; 2] = [undo::OPERATIONS, standby::OWN];

/// Keep a standby pool like its source, and switch to it
///
/// A standby pool is made by `cognito-dr restore --standby` in the other Region: closed to sign-up,
/// without triggers, sending nothing. Its ids are known before the bad day. See docs/standby.md.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(StatusArguments),
    Sync(SyncArguments),
    Switch(SwitchArguments),
}

/// What all of them take.
#[derive(Debug, Args)]
struct Common {
    /// The pool that is followed
    #[arg(value_name = "SOURCE_POOL")]
    source: UserPoolId,
    /// The standby pool; not needed once it was brought to a backup
    #[arg(long, value_name = "POOL")]
    pool: Option<UserPoolId>,
    /// The backup of the source: a file, an S3 key, `latest`, `latest~N` or a time
    #[arg(long, value_name = "BACKUP", default_value = "latest")]
    to: BackupReference,
    /// What stands in the target Region for Region-bound settings of the pool: a JSON file, see
    /// docs/translations.md; else cognito-restore/translations.json of the workspace
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The custom attribute that keeps the sub of the source, as it was given to the restore
    #[arg(long, value_name = "ATTRIBUTE")]
    legacy_sub_attribute: Option<String>,
    /// Where the restore that made the pool kept what it remembers; else the bucket or folder of
    /// the backup
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    workspace: Option<Location>,
    /// Read all users of the standby pool, instead of what changed between two backups
    #[arg(long)]
    compare_all: bool,
    #[command(flatten)]
    pace: PaceOptions,
}

/// Tell how far a standby pool is behind a backup of its source
///
/// Ends with 1 if there is something to bring about.
#[derive(Debug, Args)]
#[command(after_long_help = STATUS_JSON)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    common: Common,
}

const STATUS_JSON: &str = "\
With --json:
  source, user_pool_id, restore_id
  equals                the backup that the pool equals: backup, version_id, as_of (when its
                        reading began), since
  under_way             a sync that has not ended
  compare_all, left, switched
  gone                  users gone from the source, by username: sub, since
  plan                  what a sync would do, as of `undo`";

/// Bring a standby pool to the newest backup of its source
///
/// What differs in settings, clients and groups is put right; users who changed between the backup
/// that the pool equals and the new one are changed, made, or disabled where they are gone. Nobody
/// gets a message. One that was interrupted goes on by the same command.
///
/// Ends with 1 if something could not be brought about.
#[derive(Debug, Args)]
#[command(after_long_help = SYNC_JSON)]
pub(crate) struct SyncArguments {
    #[command(flatten)]
    common: Common,
    /// Remove users who have been gone from the source for so many days; without, they stay
    /// disabled
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 0,
        hide_default_value = true
    )]
    remove_after_days: u32,
}

const SYNC_JSON: &str = "\
With --json:
  sync_id, source, user_pool_id, backup, as_of
  compared              changes (between two backups) or all (users of the pool)
  settings, people, disabled, removed
  left[]                what could not be brought about: item, member, why; left_total";

/// Switch to a standby pool
///
/// Attaches its triggers, switches automatic verification on, opens sign-up and protects it from
/// deletion, as the source had them in the backup that the pool equals; then writes the hand-over
/// page, which says what is left to do by hand. From then on the pool is not brought to a backup
/// any more. Bring it to the newest backup before.
#[derive(Debug, Args)]
#[command(after_long_help = SWITCH_JSON)]
pub(crate) struct SwitchArguments {
    #[command(flatten)]
    common: Common,
}

const SWITCH_JSON: &str = "\
With --json:
  standby               as of `standby status`, without plan
  report                the report, see docs/report.md
  page                  where the hand-over page lies";

pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Status(arguments) => or_interrupted(status(context, &arguments.common)).await,
        Command::Sync(arguments) => sync(context, &arguments).await,
        Command::Switch(arguments) => switch(context, &arguments.common).await,
    }
}

/// What a command works with.
struct Work {
    opened: OpenBackup,
    /// Where other backups of the source lie, if that is known.
    vault: Option<Vault>,
    clients: Clients,
    settings: RestoreSettings,
    pool: UserPoolId,
    known: Standby,
    map: Option<Vec<u8>>,
}

impl Common {
    async fn work(&self, context: &Context) -> Result<Work, Error> {
        let mut opened = self.to.open(context, Some(&self.source)).await?;
        opened.decrypt_secrets(context).await?;
        let location = self.workspace.as_ref().unwrap_or(&opened.location);
        let workspace = context.vault_at(location).await?.workspace().clone();
        let vault = match opened.backup.name.key() {
            Some(_) => Some(&opened.location),
            None => context.options.vault.as_ref(),
        };
        let vault = match vault {
            Some(vault) => Some(context.vault_at(vault).await?),
            None => None,
        };
        let known = Standby::read(&workspace, &self.source).await?;
        let known_pool = known.as_ref().map(|known| &known.user_pool_id);
        let pool = self.pool.as_ref().or(known_pool).cloned();
        let pool = pool.ok_or_else(|| Error::missing("the standby pool", "--pool"))?;
        let aws = context.aws_of(&pool).await;
        let observer = Arc::new(context.terminal.observer(&self.pace));
        let cognito = context.cognito(&aws, &self.pace)?;
        let legacy = self.legacy_sub_attribute.as_deref();
        let clients = Clients {
            cognito: cognito
                .allowing(ALLOWED.concat().leak())
                .observed_by(observer.clone()),
            waf: aws_sdk_wafv2::Client::new(&aws),
            lambda: aws_sdk_lambda::Client::new(&aws),
            workspace,
            observer,
        };
        Ok(Work {
            known: Standby::of(&clients, &self.source, &pool).await?,
            settings: RestoreSettings {
                region: region_of(context, &pool),
                legacy_sub_attribute: legacy
                    .map(|name| name.trim_start_matches("custom:").to_owned()),
                ..RestoreSettings::default()
            },
            map: read_map(self.map.as_deref())?,
            clients,
            opened,
            vault,
            pool,
        })
    }

    fn follow<'w>(&'w self, work: &'w Work, remove_after_days: u32) -> Follow<'w> {
        Follow {
            clients: &work.clients,
            settings: &work.settings,
            source: &self.source,
            pool: &work.pool,
            map: work.map.as_deref(),
            remove_after_days,
            compare_all: self.compare_all,
        }
    }
}

impl Work {
    /// The backup that the pool equals.
    async fn equals(&self, context: &Context) -> Result<Option<Backup>, RestoreError> {
        let equals = &self.known.equals;
        let version = equals.version_id.as_deref();
        self.reopen(context, &equals.backup, version).await
    }

    /// Opens a backup again that is remembered by its name: where the one lies that was named, or in
    /// the vault. `None` when it is not there any more, or damaged.
    async fn reopen(
        &self,
        context: &Context,
        name: &BackupName,
        version: Option<&str>,
    ) -> Result<Option<Backup>, RestoreError> {
        let opened = match (name, &self.vault) {
            (BackupName::Key(key), Some(vault)) => vault.open(key, version).await,
            (BackupName::Key(_), None) => return Ok(None),
            (BackupName::File(path), _) => Backup::open_file(Path::new(path), version).await,
        };
        let mut backup = match opened {
            Ok(backup) => backup,
            Err(error) if error.is_gone() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if backup.head.has_encrypted_secrets() {
            // The Region is that of the key.
            let config = context.aws_of(&backup.head.user_pool_id).await;
            backup.decrypt_secrets(&config).await?;
        }
        Ok(Some(backup))
    }
}

async fn status(context: &Context, common: &Common) -> Result<Exit, Error> {
    let work = common.work(context).await?;
    let follow = common.follow(&work, 0);
    let previous = match common.compare_all || work.known.compare_all {
        true => None,
        false => work.equals(context).await?,
    };
    let asked = standby::status(&follow, &work.opened.backup, previous.as_ref());
    let standing = Box::pin(asked).await?;
    let newest = work.opened.backup.head.timestamp;
    context
        .terminal
        .answer(&standing, |out| write_standing(out, &standing, newest))?;
    Ok(match standing.plan.is_empty() {
        true => Exit::Done,
        false => Exit::Differences,
    })
}

async fn sync(context: &Context, arguments: &SyncArguments) -> Result<Exit, Error> {
    let common = &arguments.common;
    let work = common.work(context).await?;
    let follow = common.follow(&work, arguments.remove_after_days);
    let open =
        async |name: &BackupName, version: Option<&str>| work.reopen(context, name, version).await;
    let stop = context.stop();
    let bringing = standby::sync(&follow, &work.opened.backup, open, &stop);
    let report = ended(Box::pin(bringing).await)?;
    context
        .terminal
        .answer(&report, |out| write_report(out, &report))?;
    Ok(match report.left_total {
        0 => Exit::Done,
        _ => Exit::Differences,
    })
}

async fn switch(context: &Context, common: &Common) -> Result<Exit, Error> {
    let mut work = common.work(context).await?;
    let equals = &work.known.equals;
    if equals.backup != work.opened.backup.name {
        // What the pool equals is what is switched to.
        let as_of = equals.as_of;
        context.terminal.warn(&format!(
            "The pool equals the backup of {as_of}, not that of {}: `cognito-dr standby sync` brings it there.",
            work.opened.backup.head.timestamp
        ));
        let equals = or_interrupted(async { Ok(work.equals(context).await?) }).await?;
        work.opened.backup = equals.ok_or_else(|| {
            Error::new(format!(
                "the backup of {as_of} that the pool equals is gone"
            ))
            .hint("`cognito-dr standby sync` brings it to another one.")
        })?;
    }
    let question = format!(
        "{} gets its triggers, verifies addresses, and lets in who could get into {}. From then on it is not kept like it any more. Go on?",
        work.pool, common.source
    );
    context.terminal.confirm(&question).await?;
    let follow = common.follow(&work, 0);
    let stop = context.stop();
    let switching = standby::switch(&follow, &work.opened.backup, &stop);
    let switched = ended(Box::pin(switching).await)?;
    context
        .terminal
        .answer(&switched, |out| write_switched(out, &switched))?;
    Ok(switched.report.status.into())
}

/// The end, or how it goes on.
fn ended<T>(result: Result<Option<T>, RestoreError>) -> Result<T, Error> {
    let hint = format!("Go on by: {}", go_on_as_typed(std::env::args()));
    match result {
        Ok(Some(ended)) => Ok(ended),
        Ok(None) => Err(Error::interrupted().hint(hint)),
        Err(
            error @ (RestoreError::NotAStandby { .. }
            | RestoreError::StandbySwitched(_)
            | RestoreError::PointOfOtherPool { .. }),
        ) => Err(error.into()),
        Err(error) => Err(Error::new("it did not come to its end")
            .because_of(&error)
            .hint(hint)),
    }
}

fn write_standing(out: &mut dyn Write, standing: &Standing, newest: Timestamp) -> io::Result<()> {
    let (standby, plan) = (&standing.standby, &standing.plan);
    writeln!(out, "Source       {}", standby.source)?;
    writeln!(out, "Standby      {}", standby.user_pool_id)?;
    writeln!(
        out,
        "Equals       the backup of {}{}",
        standby.equals.as_of,
        match standby.left {
            0 => String::new(),
            left => format!(", but for {left} things"),
        }
    )?;
    writeln!(out, "Compared     with the backup of {newest}")?;
    if let Some(switched) = standby.switched {
        writeln!(out, "Switched     {switched}")?;
    }
    let users = &plan.users;
    writeln!(
        out,
        "Users        {} to change, {} to make, {} to disable, {} whose name somebody gone holds",
        users.put_back, users.make_again, users.disable, users.replaced
    )?;
    writeln!(
        out,
        "Memberships  {} to make, {} to remove",
        plan.memberships.make_again, plan.memberships.remove
    )?;
    writeln!(out, "Gone         {} disabled", standby.gone.len())?;
    write_actions(out, plan)
}

fn write_report(out: &mut dyn Write, report: &SyncReport) -> io::Result<()> {
    writeln!(out, "Standby      {}", report.user_pool_id)?;
    writeln!(out, "Equals       the backup of {}", report.as_of)?;
    writeln!(out, "RestoreSettings     {} brought about", report.settings)?;
    let people = &report.people;
    writeln!(
        out,
        "Users        {} dealt with, {} made, {} disabled, {} removed",
        people.users, people.made_again, report.disabled, report.removed
    )?;
    for left in &report.left {
        let (item, member) = (printable(&left.item), printable(&left.member));
        writeln!(out, "LEFT {item} {member}: {}", printable(&left.why))?;
    }
    let named = report.left.len() as u64;
    if report.left_total > named {
        writeln!(out, "LEFT ... and {} more", report.left_total - named)?;
    }
    Ok(())
}

fn write_switched(out: &mut dyn Write, switched: &Switched) -> io::Result<()> {
    writeln!(out, "User pool    {}", switched.standby.user_pool_id)?;
    writeln!(out, "Status       {}", switched.report.status.as_str())?;
    writeln!(out, "Left to do   {}", switched.report.manual_steps.len())?;
    for step in &switched.report.manual_steps {
        writeln!(out, "To do        {}", printable(&step.title))?;
    }
    writeln!(out, "Page         {}", switched.page)
}
