//! `cognito-dr pools`: the user pools of a Region, or of all of them.

use clap::Args;
use cognito::{Cognito, Operation, Pages};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use model::UserPoolId;
use serde::Serialize;
use serde_json::{Value, json};
use vault::Vault;

use crate::arguments::PaceOptions;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::regions;
use crate::terminal::{Progress, Table};

/// How many Regions are read at once.
const REGIONS_AT_ONCE: usize = 8;
/// How many pools of a Region are read at once; the pacer sees to the rate.
const POOLS_AT_ONCE: usize = 8;

/// List the user pools of a Region, or of all Regions
///
/// With a vault (--vault), shows the newest backup of each pool as well.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// Look in all Regions that have Cognito. Those that refuse are named, and the others shown
    #[arg(long, conflicts_with = "region")]
    all_regions: bool,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  pools[]                 id, region, name, plan (LITE, ESSENTIALS or PLUS), deletion_protection,
                          users (Cognito's estimate), newest_backup (null without one)
  pools[].newest_backup   key, began
  refused[]               region, reason: Regions that could not be read";

#[derive(Debug, Serialize)]
struct Answer {
    pools: Vec<Pool>,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Pool {
    id: UserPoolId,
    region: String,
    name: String,
    users: Option<u64>,
    plan: Option<String>,
    deletion_protection: bool,
    newest_backup: Option<NewestBackup>,
}

#[derive(Debug, Serialize)]
struct NewestBackup {
    key: String,
    began: Timestamp,
}

#[derive(Debug, Serialize)]
struct Refused {
    region: String,
    reason: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(list(context, &arguments)).await
}

async fn list(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let vault = context.vault_if_named().await?;
    let mut answer = Answer {
        pools: Vec::new(),
        refused: Vec::new(),
    };
    if arguments.all_regions {
        let here = crate::aws::named_region(&context.options).await;
        let regions = regions::of_the_partition_of(here.as_deref());
        let progress = context.terminal.progress();
        progress.begin("Regions", Some(regions.len() as u64));
        let mut read = stream::iter(regions)
            .map(async |region| {
                let pools = pools_of(context, arguments, region, vault.as_ref(), None).await;
                (*region, pools)
            })
            .buffered(REGIONS_AT_ONCE);
        let mut last = None;
        while let Some((region, pools)) = read.next().await {
            progress.one_done();
            match pools {
                Ok(pools) => answer.pools.extend(pools),
                Err(error) => {
                    context
                        .terminal
                        .warn(&format!("{region}: {}", error.what()));
                    answer.refused.push(Refused {
                        region: region.to_owned(),
                        reason: error.what().to_owned(),
                    });
                    last = Some(error);
                }
            }
        }
        if answer.refused.len() == regions.len()
            && let Some(error) = last
        {
            return Err(error.during("no Region could be read"));
        }
    } else {
        let region = context.region().await?;
        let progress = context.terminal.progress();
        progress.begin("list of user pools", None);
        answer.pools = pools_of(context, arguments, region, vault.as_ref(), Some(&progress))
            .await
            .map_err(|error| error.during(format!("cannot list the user pools of {region}")))?;
    }
    context.terminal.answer(&answer, |out| {
        write!(out, "{}", table(&answer.pools, vault.is_some()))
    })?;
    if answer.pools.is_empty() {
        context.terminal.note("There are no user pools.");
    }
    Ok(Exit::Done)
}

async fn pools_of(
    context: &Context,
    arguments: &Arguments,
    region: &str,
    vault: Option<&Vault>,
    progress: Option<&Progress>,
) -> Result<Vec<Pool>, Error> {
    let aws = context.aws_in(region).await;
    let cognito = context.cognito(&aws, &arguments.pace)?;
    let listed = Pages::new(&cognito, Operation::ListUserPools, json!({}))?;
    let listed = listed.all().await?;
    if let Some(progress) = progress {
        progress.begin("user pools", Some(listed.len() as u64));
    }
    stream::iter(&listed)
        .map(|listed| pool(context, &cognito, listed, vault))
        .buffered(POOLS_AT_ONCE)
        .inspect_ok(|_| {
            if let Some(progress) = progress {
                progress.one_done();
            }
        })
        .try_collect()
        .await
}

/// One pool, by its entry in the list.
async fn pool(
    context: &Context,
    cognito: &Cognito,
    listed: &Value,
    vault: Option<&Vault>,
) -> Result<Pool, Error> {
    let text = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let id: UserPoolId = text(listed, "Id")
        .parse()
        .map_err(|error| Error::new("ListUserPools gave no id").because_of(&error))?;
    let request = json!({"UserPoolId": id.as_str()});
    let answer = cognito.call(Operation::DescribeUserPool, &request).await?;
    let described = &answer["UserPool"];
    let newest_backup = match vault {
        None => None,
        Some(vault) => match vault.list(Some(&id), None, 1).await {
            Ok(newest) => newest.into_iter().next().map(|backup| NewestBackup {
                key: backup.object(),
                began: backup.key.began(),
            }),
            Err(error) => {
                context.terminal.warn(&error.to_string());
                None
            }
        },
    };
    Ok(Pool {
        region: cognito.region().to_owned(),
        name: text(described, "Name"),
        users: described["EstimatedNumberOfUsers"].as_u64(),
        plan: described["UserPoolTier"].as_str().map(str::to_owned),
        deletion_protection: described["DeletionProtection"] == "ACTIVE",
        newest_backup,
        id,
    })
}

fn table(pools: &[Pool], with_backups: bool) -> String {
    let unknown = || "-".to_owned();
    let mut table = Table::new(["ID", "NAME", "USERS", "PLAN", "PROTECTED", "NEWEST BACKUP"]);
    for pool in pools {
        let users = pool.users.map_or_else(unknown, |users| users.to_string());
        let newest = pool
            .newest_backup
            .as_ref()
            .map(|backup| backup.began.to_string());
        let newest = match with_backups {
            true => newest.unwrap_or_else(|| "none".to_owned()),
            false => unknown(),
        };
        table.row([
            pool.id.to_string(),
            pool.name.clone(),
            users,
            pool.plan.clone().unwrap_or_else(unknown),
            if pool.deletion_protection {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            newest,
        ]);
    }
    table.to_string()
}
