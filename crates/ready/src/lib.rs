//! Whether the bad day could come today: one check after the other over both Regions.
//!
//! Everything is read and nothing is changed. Each check looks first and judges then; what could
//! not be looked at [cannot be told](Outcome::CannotBeTold), and is never a yes.
//!
//! ```text
//! known_pools    the pools that have replicas, so that the primary Region is not needed for it
//! check          what the pools have in common, then each pool
//!   stacks         operator's map, alarms, subscriptions, quota of user pools
//!   replicas       newest backup and newest replica: age, whole, on its way
//!   counterparts   what a restore would take for what the backup names, as `restore` says;
//!                  of these: senders, roles
//!   rehearsals     the last one, and how long a restore takes
//! page           the answer as one page
//! ```

mod ask;
mod counterparts;
mod outcome;
mod page;
mod rehearsals;
mod replicas;
mod roles;
mod senders;
mod settings;
mod stacks;
#[cfg(feature = "testing")]
pub mod testing;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use cognito::{Category, Cognito, Operation, Stop};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use model::UserPoolId;
use model::document::BackupHead;
use restore::needs::Need;
use restore::translate::Translations;
use restore::{Clients, aws_command, quote};
use serde_json::json;
use vault::{Vault, VaultError};

use ask::{CannotTell, Observed};
use replicas::{Newest, NewestFound};
use stacks::Map;

pub use outcome::{Check, Measured, Outcome, PoolReadiness, Readiness, Subject, TimeFrom};
pub use page::page;
pub use settings::{Settings, SettingsError};

/// The actions that a check in the DR Region takes, each of which reads: what its role allows.
pub const ACTIONS: &[&str] = &[
    "acm:DescribeCertificate",
    "cloudwatch:DescribeAlarms",
    "cognito-idp:DescribeUserPoolDomain",
    "cognito-idp:GetProvisionedLimit",
    "cognito-idp:ListUserPools",
    "iam:GetRole",
    "kms:DescribeKey",
    "lambda:GetAlias",
    "lambda:GetFunctionConcurrency",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "ses:GetAccount",
    "ses:GetEmailIdentity",
    "sns:GetSMSAttributes",
    "sns:GetSMSSandboxAccountStatus",
    "sns:ListSubscriptionsByTopic",
    "wafv2:ListWebACLs",
];
/// Those of them that are Cognito's, but for the one that reads limits.
const OPERATIONS: &[Operation] = &[Operation::DescribeUserPoolDomain, Operation::ListUserPools];

/// How long a service may take that repeats by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many pools are checked at once.
const POOLS_AT_ONCE: usize = 4;

/// The stack in the Region that pools would be restored into.
#[derive(Debug)]
pub struct Target {
    settings: Settings,
    region: String,
    aws: SdkConfig,
    vault: Vault,
    cognito: Cognito,
    /// Whether the operator's map is there, once that was looked at.
    has_map: OnceLock<bool>,
}

impl Target {
    /// The stack that `settings` tell of, reached with the account and Region of `aws`.
    pub fn new(settings: Settings, aws: &SdkConfig) -> Self {
        let aws = ask::patient(aws);
        Self {
            region: aws.region().map(ToString::to_string).unwrap_or_default(),
            vault: Vault::in_bucket(&aws, settings.bucket.clone()),
            cognito: Cognito::new(&aws, settings.pace.clone()).allowing(OPERATIONS),
            has_map: OnceLock::new(),
            settings,
            aws,
        }
    }

    /// The pools that have replicas, but for those that were retired.
    ///
    /// # Errors
    /// [`VaultError`] when the bucket does not list them.
    pub async fn known_pools(&self) -> Result<Vec<UserPoolId>, VaultError> {
        let mut pools = self.vault.pools().await?;
        pools.retain(|pool| !self.settings.retired.contains(pool));
        Ok(pools)
    }

    fn map_address(&self) -> String {
        self.vault.workspace().address(Translations::KEY)
    }

    /// The command that changes the operator's map by a jq filter. A map that is there is never
    /// begun anew because it could not be fetched.
    fn change_map(&self, filter: &str) -> String {
        let (address, filter) = (quote(&self.map_address()), quote(filter));
        let there = match self.has_map.get() {
            Some(false) => "echo '{}' > map.json".to_owned(),
            Some(true) | None => format!("aws s3 cp {address} map.json"),
        };
        format!(
            "{there} && jq {filter} map.json > new-map.json && aws s3 cp new-map.json {address}"
        )
    }

    /// The command that gives the operator's map an entry for what a restore needs.
    fn map_entry(&self, need: &Need) -> String {
        let member = need.resource.member();
        let value = match member {
            "sms_roles" => json!({"role_arn": "NEW_ARN"}),
            "custom_domains" => json!({"domain": "NEW_DOMAIN", "certificate_arn": "NEW_ARN"}),
            "domain_prefixes" => json!("NEW_PREFIX"),
            "apple_private_keys" => json!("PRIVATE_KEY"),
            _ => json!("NEW_ARN"),
        };
        self.change_map(&format!(".{member}[{}] = {value}", json!(need.old)))
    }

    /// What a restore works with, for foreseeing one.
    fn clients(&self) -> Clients {
        Clients {
            cognito: self.cognito.clone(),
            waf: aws_sdk_wafv2::Client::new(&self.aws),
            lambda: aws_sdk_lambda::Client::new(&self.aws),
            workspace: self.vault.workspace().clone(),
            observer: Arc::new(()),
        }
    }
}

/// The stack in a Region whose pools are backed up.
#[derive(Debug)]
pub struct Primary {
    aws: SdkConfig,
    vault: Vault,
}

impl Primary {
    /// The stack whose backups lie in `bucket`, reached with the account and Region of `aws`.
    pub fn new(bucket: impl Into<String>, aws: &SdkConfig) -> Self {
        let aws = ask::patient(aws);
        Self {
            vault: Vault::in_bucket(&aws, bucket),
            aws,
        }
    }
}

/// Which pools to look at, and from where.
#[derive(Debug)]
pub struct Question<'a> {
    /// The pools.
    pub pools: &'a [UserPoolId],
    /// Whether these are all that the stacks back up: only then an entry of the operator's map
    /// can be of no use.
    pub are_all: bool,
    /// The primary stacks by Region, or why one cannot be reached. A Region that is not named is
    /// not asked about: the check in the DR Region depends on no other.
    pub primaries: &'a BTreeMap<String, Result<Primary, String>>,
}

/// Checks everything.
///
/// Ends when `stop` comes: what could not be looked at until then cannot be told.
pub async fn check(
    target: &Target,
    question: &Question<'_>,
    now: Timestamp,
    stop: &Stop,
) -> Readiness {
    let map = stacks::read_map(target).await;
    if let Ok(map) = &map {
        // A later look finds the same, or says nothing new.
        target.has_map.get_or_init(|| !matches!(map, Map::None));
    }
    let translations = match &map {
        Ok(Map::Good(map)) => Translations::clone(map),
        Ok(Map::None | Map::Wrong(_)) | Err(_) => Translations::default(),
    };
    // At one a second at most; foreseeing goes by it.
    let limits = target
        .cognito
        .adopt_provisioned_limits(&[Category::UserCreation]);
    let _ = tokio::time::timeout(PATIENCE, limits).await;
    let checking = question.pools.iter().map(|pool| {
        let look = Look {
            target,
            primary: question.primaries.get(pool.region()),
            translations: &translations,
            map_is_known: matches!(map, Ok(Map::None | Map::Good(_))),
            now,
            stop,
        };
        async move { look.pool(pool).await }
    });
    let looked: Vec<_> = stream::iter(checking)
        .buffered(POOLS_AT_ONCE)
        .collect()
        .await;
    let heads: Vec<&BackupHead> = looked
        .iter()
        .filter_map(|(_, head)| head.as_ref())
        .collect();
    let mut stacks = vec![stacks::map_is_good(&map, target)];
    stacks.extend(stacks::no_replicas(target, question.pools));
    if let Ok(Map::Good(map)) = &map
        && question.are_all
    {
        stacks.push(if heads.len() == question.pools.len() {
            stacks::map_entries(map, &heads, target)
        } else {
            let why = "not every pool has a replica that could be read";
            let outcome = Outcome::cannot_be_told(why);
            Check::new(Subject::MapEntries, target.map_address(), outcome)
        });
    }
    stacks.push(stacks::room_for_a_pool(target).await);
    stacks.push(stacks::import_role(target).await);
    let settings = &target.settings;
    let (environment, topic) = (&settings.environment, Some(settings.topic_arn.as_str()));
    let heard = stacks::alarms_and_topics(&target.aws, &target.region, environment, topic);
    stacks.extend(heard.await);
    for (region, primary) in question.primaries {
        match primary {
            Ok(primary) => {
                let heard = stacks::alarms_and_topics(&primary.aws, region, environment, None);
                stacks.extend(heard.await);
            }
            Err(why) => {
                let outcome = Outcome::cannot_be_told(why);
                stacks.push(Check::new(Subject::Alarms, region.as_str(), outcome));
            }
        }
    }
    let pools: Vec<PoolReadiness> = looked.into_iter().map(|(pool, _)| pool).collect();
    Readiness {
        at: now,
        region: target.region.clone(),
        ready: stacks.iter().all(|check| check.outcome.is_yes())
            && pools.iter().all(|pool| pool.ready),
        stacks,
        pools,
    }
}

/// One look at one pool.
struct Look<'a> {
    target: &'a Target,
    primary: Option<&'a Result<Primary, String>>,
    translations: &'a Translations,
    map_is_known: bool,
    now: Timestamp,
    stop: &'a Stop,
}

impl Look<'_> {
    async fn pool(&self, pool: &UserPoolId) -> (PoolReadiness, Option<BackupHead>) {
        let (target, now) = (self.target, self.now);
        let replica = if self.stop.is_requested() {
            Err(CannotTell("there was no time left to look".to_owned()))
        } else {
            replicas::newest_whole(&target.vault, pool, now, self.stop).await
        };
        let mut checks = self.backup_and_replication(pool, &replica).await;
        let maximum = target.settings.maximum_replica_age;
        let (subject, back_up) = (Subject::NewestReplica, self.back_up(pool));
        checks.push(replicas::age(subject, &replica, maximum, now, &back_up));
        checks.extend(replicas::whole(&replica, &target.vault));
        let mut measured = Measured::default();
        let mut replica_age_seconds = None;
        let mut name = String::new();
        let mut head = None;
        if let Ok(NewestFound::Newest(newest)) = &replica {
            let found = &newest.backup.head;
            name = found.user_pool()["Name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            replica_age_seconds = Some(replicas::seconds(newest.age(now)));
            let (rehearsal, time) = rehearsals::check(target, newest, now, self.stop).await;
            checks.extend([time.check, rehearsal]);
            measured = self.recovery_point(pool, newest).await;
            (measured.recovery_time_seconds, measured.recovery_time_from) = time.measured.unzip();
            checks.extend(self.counterparts(found).await);
            checks.extend(counterparts::secrets_key(target, found).await);
            head = Some(found.clone());
        }
        let readiness = PoolReadiness {
            user_pool_id: pool.clone(),
            name,
            ready: checks.iter().all(|check| check.outcome.is_yes()),
            replica_age_seconds,
            measured,
            checks,
        };
        (readiness, head)
    }

    /// What a restore needs. Without the map nobody knows what that is.
    async fn counterparts(&self, head: &BackupHead) -> Vec<Check> {
        if !self.map_is_known {
            return Vec::new();
        }
        counterparts::check(self.target, head, self.translations).await
    }

    async fn backup_and_replication(
        &self,
        pool: &UserPoolId,
        replica: &Observed<NewestFound>,
    ) -> Vec<Check> {
        let (primary, now) = match self.primary {
            None => return Vec::new(),
            Some(primary) => (primary, self.now),
        };
        let backup = match primary {
            Ok(primary) => replicas::newest(&primary.vault, pool, now).await,
            Err(why) => Err(CannotTell(why.clone())),
        };
        let maximum = self.target.settings.maximum_replica_age;
        let command = match primary {
            Ok(primary) => {
                let bucket = primary.vault.workspace().address("");
                let bucket = bucket.trim_start_matches("s3://").trim_end_matches('/');
                let arguments = [("bucket", bucket)];
                aws_command("s3api get-bucket-replication", pool.region(), &arguments)
            }
            Err(_) => String::new(),
        };
        let (subject, back_up) = (Subject::NewestBackup, self.back_up(pool));
        vec![
            replicas::age(subject, &backup, maximum, now, &back_up),
            replicas::replication(&backup, replica, now, &command),
        ]
    }

    async fn recovery_point(&self, pool: &UserPoolId, newest: &Newest) -> Measured {
        let between = replicas::longest_between(&self.target.vault, pool, self.now).await;
        // The age is measured whatever the list says.
        let (longest, replicas) = between.unwrap_or_default();
        let longest = longest.unwrap_or_default().max(newest.age(self.now));
        Measured {
            recovery_point_seconds: Some(replicas::seconds(longest)),
            replicas,
            ..Measured::default()
        }
    }

    /// The command that backs the pool up now.
    fn back_up(&self, pool: &UserPoolId) -> String {
        let function = format!("cognito-backup-{}", self.target.settings.environment);
        let payload = json!({"user_pool_id": pool.as_str()}).to_string();
        invoke(pool.region(), &function, &payload)
    }
}

/// The command that calls a function.
fn invoke(region: &str, function: &str, payload: &str) -> String {
    let arguments = [
        ("function-name", function),
        ("cli-binary-format", "raw-in-base64-out"),
        ("payload", payload),
    ];
    let command = aws_command("lambda invoke", region, &arguments);
    format!("{command} response.json")
}
