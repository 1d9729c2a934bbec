//! `cognito-dr copy`: the settings, clients, groups and users of one pool into another one that
//! exists, in another environment or Region.

use std::path::PathBuf;

use clap::Args;
use model::{RestoreId, UserPoolId};
use restore::side::{LivePool, Side};
use restore::undo::{Counterpart, Part, Scope, Undo};
use restore::{RESTORE_TAG, RestoreSettings, Translations};

use crate::arguments::{Location, PaceOptions};
use crate::backup_reference::{BackupOrPool, BackupReference, OpenBackup};
use crate::commands::backup;
use crate::commands::restore::{read_map, region_of};
use crate::commands::undo::carry_out;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;

/// Copy settings, clients, groups and users of a pool into another one that exists
///
/// From one environment to another, or into another Region. The pool keeps its ids, name, tags,
/// domains, deletion protection, and its own secrets; its triggers too unless --map says what they
/// become. Clients are matched by secret and name. What the pool has beyond the source stays. Shows
/// what will be done, and asks; takes a backup of the pool first, to which `undo` leads back.
/// Nobody gets a message. See docs/standby.md.
///
/// Ends with 1 if something is not as planned; with --dry-run, if there is something to do.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// A backup (a file or an S3 key), or a live pool, of which a backup is made first
    #[arg(value_name = "BACKUP|POOL")]
    source: BackupOrPool,
    /// The pool that is written into
    #[arg(long, value_name = "POOL")]
    to_pool: UserPoolId,
    /// No users and no memberships
    #[arg(long)]
    without_users: bool,
    /// Only these parts: settings, clients, providers, resource-servers, groups, pages, users,
    /// memberships
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// What ARNs, URLs and the like of the source become: a JSON file, see docs/translations.md
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with a copy that was interrupted, by its id
    #[arg(long, value_name = "UNDO_ID", conflicts_with = "dry_run")]
    resume: Option<RestoreId>,
    /// Where the copy keeps what it remembers; else the bucket or folder of the backup
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    workspace: Option<Location>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json: plan and report, as of `undo`.";

/// Settings that stay a pool's own.
const STAYS: [&str; 5] = [
    "user_pool_config/Name",
    "user_pool_config/DeletionProtection",
    "tags",
    "user_pool_domain",
    "custom_domain",
];

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let pool = &arguments.to_pool;
    let opened = or_interrupted(arguments.open(context)).await?;
    let location = arguments.workspace.as_ref().unwrap_or(&opened.location);
    let clients = carry_out::clients(context, pool, &arguments.pace, location).await?;
    let settings = RestoreSettings {
        region: region_of(context, pool),
        ..RestoreSettings::default()
    };
    let begun = match &arguments.resume {
        Some(id) => Some(carry_out::begun(&clients.workspace, id, "copy").await?),
        None => None,
    };
    let scope = match &begun {
        Some(begun) => begun.plan.scope.clone(),
        None => arguments.scope(),
    };
    let live = or_interrupted(async {
        let (cognito, waf) = (&clients.cognito, &clients.waf);
        Ok(LivePool::open(cognito, waf, pool, true).await?)
    });
    let live = live.await?;
    let counterpart = arguments.counterpart(&settings, &live)?;
    let undo = Undo {
        clients: &clients,
        settings: &settings,
        point: &opened.backup,
        pool,
        scope: &scope,
        counterpart: Some(&counterpart),
    };
    if let (Some(begun), Some(id)) = (begun, &arguments.resume) {
        let point = &begun.plan.point;
        if *point != opened.backup.name {
            let why = format!("the copy {id} was begun from the backup {point}");
            return Err(Error::new(why).hint("Name that backup."));
        }
        return carry_out::resume(context, &undo, id, begun, None).await;
    }
    let plan = or_interrupted(async { Ok(Box::pin(undo.plan(Side::Live(&live))).await?) }).await?;
    if plan.is_empty() || arguments.dry_run {
        return carry_out::only_planned(context, plan);
    }
    carry_out::ask(context, pool, &plan).await?;
    carry_out::begin(context, &undo, plan, &arguments.pace, None).await
}

impl Arguments {
    async fn open(&self, context: &Context) -> Result<OpenBackup, Error> {
        let mut opened = match (&self.source, &self.resume) {
            (BackupOrPool::Backup(backup), _) => backup.open(context, None).await?,
            (BackupOrPool::Pool(pool), None) => {
                let stop = context.stop();
                let (address, _) = backup::before(context, pool, &self.pace, &stop).await?;
                let named: BackupReference = address.parse().map_err(Error::new)?;
                named.open(context, Some(pool)).await?
            }
            // The backup that was made then.
            (BackupOrPool::Pool(pool), Some(id)) => {
                let location = self.workspace.as_ref().or(context.options.vault.as_ref());
                let location =
                    location.ok_or_else(|| Error::missing("the workspace", "--workspace"))?;
                let vault = context.vault_at(location).await?;
                let begun = carry_out::begun(vault.workspace(), id, "copy").await?;
                let point = begun.plan.point.to_string();
                let named: BackupReference = point.parse().map_err(Error::new)?;
                named.open(context, Some(pool)).await?
            }
        };
        opened.decrypt_secrets(context).await?;
        Ok(opened)
    }

    fn scope(&self) -> Scope {
        let is_meant = |part: &Part| {
            let is_of_users = matches!(part, Part::Users | Part::Memberships);
            let named = self.only.is_empty() || self.only.contains(part);
            named && !(self.without_users && is_of_users)
        };
        Scope {
            only: Part::ALL.iter().copied().filter(is_meant).collect(),
            ..Scope::default()
        }
    }

    fn counterpart(
        &self,
        settings: &RestoreSettings,
        live: &LivePool,
    ) -> Result<Counterpart, Error> {
        let map = read_map(self.map.as_deref())?;
        let triggers = map.is_none().then_some("user_pool_config/LambdaConfig");
        let translations = match map {
            None => Translations::default(),
            Some(bytes) => Translations::parse(&bytes, &settings.region).map_err(|problems| {
                Error::new(format!("the map cannot be used: {}", problems.join("; ")))
            })?,
        };
        let tag = &live.head().user_pool()["UserPoolTags"][RESTORE_TAG];
        let stays = STAYS.iter().copied().chain(triggers);
        Ok(Counterpart {
            made_by: tag.as_str().and_then(|tag| tag.parse().ok()),
            translations,
            stays: stays.map(str::to_owned).collect(),
        })
    }
}
