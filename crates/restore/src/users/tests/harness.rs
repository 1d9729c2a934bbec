//! A lost pool and a new one on the strict simulator, a vault in memory, and the restore of users
//! between them, invocation by invocation.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use cognito::{Cognito, Operation, Pace};
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::request::{RestoreOptions, Selection};
use model::restore::{RestoreState, UserEntry};
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};
use simulator::{Config, PoolDocument, Simulator, SimulatorHandle, UserDocument};
use vault::testing::MemoryS3;
use vault::{Backup, Vault};

use super::super::{OPERATIONS, run, run_imports};
use crate::context::{Restore, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::step::{StepProgress, StepResult};
use crate::translate::Translations;

pub(super) const LOST: &str = "us-east-1";
pub(super) const NEW: &str = "us-west-2";
const BUCKET: &str = "dr";
const ROLE: &str = "arn:aws:iam::000000000000:role/import";

pub(super) struct Stage {
    pub(super) simulator: SimulatorHandle,
    pub(super) s3: MemoryS3,
    pub(super) cognito: Cognito,
    waf: aws_sdk_wafv2::Client,
    lambda: aws_sdk_lambda::Client,
    vault: Vault,
    backup: Backup,
    pub(super) settings: RestoreSettings,
    pub(super) lost: UserPoolId,
    pub(super) target: UserPoolId,
    auto_verified: Value,
    time: Duration,
    id: &'static str,
}

/// A user as two pools can be compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) status: String,
    pub(super) enabled: bool,
    pub(super) groups: Vec<String>,
    pub(super) links: Vec<(String, String)>,
    pub(super) mfa: Vec<String>,
}

impl Stage {
    /// A pool that was backed up, and a new one with the same schema, groups and providers, as it
    /// is before its final settings.
    pub(super) async fn new(lost: PoolDocument) -> Self {
        let simulator = Simulator::start(Config {
            seed: Some(7),
            ..Config::default()
        })
        .unwrap();
        let mut new = lost.clone();
        let lost_id: UserPoolId = simulator.plant(LOST, lost).unwrap().parse().unwrap();
        new.users.clear();
        new.clients.clear();
        new.user_pool.remove("Id");
        new.user_pool.remove("LambdaConfig");
        new.groups
            .retain(|group| !group["GroupName"].as_str().unwrap().starts_with("us-"));
        let auto_verified = new
            .user_pool
            .remove("AutoVerifiedAttributes")
            .unwrap_or(json!([]));
        let target = simulator.plant(NEW, new).unwrap().parse().unwrap();
        let s3 = MemoryS3::start(BUCKET);
        let config = s3.config().await;
        let vault = Vault::in_bucket(&config, BUCKET);
        let key: BackupKey = format!("cognito-backup/2026/03/07/{lost_id}-090502.json")
            .parse()
            .unwrap();
        let document = backup(&cognito_at(&config, &simulator, LOST), &lost_id).await;
        s3.put(BUCKET, &key.to_string(), document);
        let backup = vault.open(&key, None).await.unwrap();
        simulator.reset_evidence();
        Self {
            cognito: cognito_at(&config, &simulator, NEW).allowing(OPERATIONS),
            waf: aws_sdk_wafv2::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            simulator,
            s3,
            vault,
            backup,
            settings: RestoreSettings {
                import_role_arn: Some(ROLE.into()),
                ..RestoreSettings::default()
            },
            lost: lost_id,
            target,
            auto_verified,
            time: Duration::from_secs(120),
            id: "r-1",
        }
    }

    /// The pool to restore into is the one that was backed up, alive, with its users as `change`
    /// leaves them.
    pub(super) fn revive(&self, change: impl FnOnce(&mut PoolDocument)) {
        let mut pool = self.simulator.pool(LOST, self.lost.as_str()).unwrap();
        pool.user_pool
            .insert("Id".into(), json!(self.target.as_str()));
        pool.clients.clear();
        change(&mut pool);
        self.simulator.plant(NEW, pool).unwrap();
        self.simulator.reset_evidence();
    }

    /// Changes the pool that is restored into.
    pub(super) fn change(&self, change: impl FnOnce(&mut PoolDocument)) {
        let mut pool = self.simulator.pool(NEW, self.target.as_str()).unwrap();
        change(&mut pool);
        self.simulator.plant(NEW, pool).unwrap();
    }

    /// The options of a restore into the live pool.
    pub(super) fn for_live_pool(&self, select: Option<Selection>) -> RestoreOptions {
        RestoreOptions {
            target_user_pool_id: Some(self.target.clone()),
            select,
            ..RestoreOptions::default()
        }
    }

    pub(super) fn state(&self, options: RestoreOptions) -> RestoreState {
        let began = "2026-03-07T10:00:00Z".parse().unwrap();
        let (id, key) = (self.id.parse().unwrap(), self.backup.name.clone());
        RestoreState {
            new_user_pool_id: Some(self.target.clone()),
            ..RestoreState::new(id, self.lost.clone(), key, options, began)
        }
    }

    /// The next restore is another one.
    pub(super) fn begin_another(&mut self) {
        self.id = match self.id {
            "r-1" => "r-2",
            _ => "r-3",
        };
    }

    /// How long each invocation has from now on.
    pub(super) fn give(&mut self, time: Duration) {
        self.time = time;
    }

    /// Keeps to quotas from now on.
    pub(super) async fn pace(&mut self, pace: Pace) {
        let config = self.s3.config().await;
        self.cognito = cognito_paced(&config, &self.simulator, NEW, pace).allowing(OPERATIONS);
    }

    /// One invocation of the first half or of the second, from what the vault knows.
    pub(super) async fn invoke(
        &self,
        options: &RestoreOptions,
        imports: bool,
    ) -> Result<(StepProgress, RestoreState), RestoreError> {
        self.with_restore(options, async |restore, mut state| {
            let progress = match imports {
                true => run_imports(restore, &mut state).await?,
                false => run(restore, &mut state).await?,
            };
            Ok((progress, state))
        })
        .await
    }

    /// Does something in an invocation, from what the vault knows.
    pub(super) async fn with_restore<T>(
        &self,
        options: &RestoreOptions,
        work: impl AsyncFnOnce(&Restore<'_>, RestoreState) -> Result<T, RestoreError>,
    ) -> Result<T, RestoreError> {
        let id = self.id.parse().unwrap();
        let (folder, remembered) = Folder::open(self.vault.workspace(), &id).await?;
        let state = remembered.unwrap_or_else(|| self.state(options.clone()));
        let restore = Restore {
            cognito: &self.cognito,
            waf: &self.waf,
            lambda: &self.lambda,
            workspace: self.vault.workspace(),
            folder: &folder,
            backup: &self.backup,
            settings: &self.settings,
            translations: &Translations::default(),
            existing: crate::context::Existing::Stays,
            observer: &(),
            stop: cognito::Stop::after(self.time),
        };
        work(&restore, state).await
    }

    /// The state machine: calls until it is done, and again after errors. Waiting is a moment.
    pub(super) async fn restore(&self, options: RestoreOptions) -> (StepResult, RestoreState) {
        let mut imports = false;
        let mut calls = 0;
        loop {
            calls += 1;
            assert!(calls < 500, "the restore does not come to an end");
            match self.invoke(&options, imports).await {
                Ok((StepProgress::Done(_), _)) if !imports => {
                    imports = true;
                    self.set_auto_verified();
                }
                Ok((StepProgress::Done(result), state)) => return (result, state),
                Ok((StepProgress::Waiting { seconds }, _)) => {
                    self.simulator
                        .advance_clock(Duration::from_secs(seconds.into()));
                }
                Ok((StepProgress::InProgress, _)) => {}
                Err(error) => {
                    assert!(calls < 400, "{error}");
                    self.simulator.set_faults(simulator::Faults::default());
                    self.s3.revive();
                }
            }
        }
    }

    /// The final settings of the pool, as far as import jobs need them. They come in by the back
    /// door, because the step that sets them is not what is tested here.
    fn set_auto_verified(&self) {
        let mut document = self.simulator.pool(NEW, self.target.as_str()).unwrap();
        document
            .user_pool
            .insert("AutoVerifiedAttributes".into(), self.auto_verified.clone());
        let closed = json!({"AllowAdminCreateUserOnly": true});
        document
            .user_pool
            .insert("AdminCreateUserConfig".into(), closed);
        self.simulator.plant(NEW, document).unwrap();
    }

    /// The users of the new pool, by old username (by address where usernames are new).
    pub(super) fn restored(&self) -> BTreeMap<String, Person> {
        people(&self.simulator.pool(NEW, self.target.as_str()).unwrap())
    }

    /// The users of the lost pool.
    pub(super) fn lost(&self) -> BTreeMap<String, Person> {
        people(&self.simulator.pool(LOST, self.lost.as_str()).unwrap())
    }

    /// The user map.
    pub(super) fn map(&self) -> Vec<UserEntry> {
        let bytes = self
            .s3
            .get(BUCKET, &format!("cognito-restore/{}/user-map.csv", self.id))
            .unwrap();
        let rows: Result<_, _> = csv::Reader::from_reader(&bytes[..])
            .into_deserialize()
            .collect();
        rows.unwrap()
    }

    /// A file of the restore's folder.
    pub(super) fn text(&self, name: &str) -> String {
        let key = format!("cognito-restore/{}/{name}", self.id);
        String::from_utf8(self.s3.get(BUCKET, &key).unwrap().to_vec()).unwrap()
    }

    /// All findings, from their parts.
    pub(super) fn findings(&self) -> Vec<model::restore::Finding> {
        let keys = self.s3.keys(BUCKET);
        let folder = format!("cognito-restore/{}/findings/part-", self.id);
        let parts = keys.iter().filter(|key| key.starts_with(&folder));
        let lines = parts.flat_map(|key| {
            let bytes = self.s3.get(BUCKET, key).unwrap();
            String::from_utf8(bytes.to_vec())
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        lines
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }

    /// The new pool has exactly these users. Tells of the others, and of what was refused.
    pub(super) fn assert_restored(&self, wanted: &BTreeMap<String, Person>, about: &str) {
        let restored = self.restored();
        let names: std::collections::BTreeSet<&String> =
            restored.keys().chain(wanted.keys()).collect();
        let pairs = names
            .into_iter()
            .map(|name| (name, restored.get(name), wanted.get(name)));
        let different: Vec<_> = pairs.filter(|(_, is, should)| is != should).collect();
        let evidence = self.simulator.evidence();
        let last: Vec<_> = evidence.refused.iter().rev().take(5).collect();
        assert!(
            different.is_empty(),
            "{about}: {different:#?}\n{last:#?}\n{:#?}",
            evidence.import_log
        );
    }

    /// Nobody was reached, and every row of the map is a user of both pools.
    pub(super) fn assert_silent_and_mapped(&self) {
        assert_eq!(self.simulator.evidence().messages_sent, 0);
        let new = self.simulator.pool(NEW, self.target.as_str()).unwrap();
        let subs: BTreeMap<&str, &str> = new
            .users
            .iter()
            .map(|user| (user.sub.as_deref().unwrap(), user.username.as_str()))
            .collect();
        let map = self.map();
        for entry in &map {
            assert_eq!(
                subs.get(entry.new_sub.as_str()),
                Some(&entry.new_username.as_str())
            );
        }
        let mut old: Vec<&str> = map.iter().map(|entry| entry.old_sub.as_str()).collect();
        old.sort_unstable();
        old.dedup();
        assert_eq!(old.len(), map.len(), "no user is in the map twice");
    }
}

pub(super) fn people(pool: &PoolDocument) -> BTreeMap<String, Person> {
    let by_address = pool.user_pool.contains_key("UsernameAttributes");
    let person = |user: &UserDocument| {
        let email = user
            .attributes
            .get("email")
            .or(user.attributes.get("phone_number"));
        let name = match email {
            Some(address) if by_address => address.clone(),
            _ => user.username.clone(),
        };
        let mut attributes = user.attributes.clone();
        attributes.retain(|name, value| !(name.ends_with("_verified") && value == "false"));
        let links = user.identities.iter().filter(|link| !link.primary);
        let factors = user
            .user_mfa_setting_list
            .iter()
            .map(|factor| factor.as_str().to_owned());
        let person = Person {
            attributes,
            status: user.user_status.as_str().to_owned(),
            enabled: user.enabled,
            groups: user
                .groups
                .iter()
                .filter(|group| !group.starts_with("us-"))
                .cloned()
                .collect(),
            links: links
                .map(|link| (link.provider_name.clone(), link.user_id.clone()))
                .collect(),
            mfa: factors.collect(),
        };
        (name, person)
    };
    pool.users.iter().map(person).collect()
}

fn cognito_at(config: &SdkConfig, simulator: &SimulatorHandle, region: &str) -> Cognito {
    cognito_paced(config, simulator, region, Pace::unlimited())
}

fn cognito_paced(
    config: &SdkConfig,
    simulator: &SimulatorHandle,
    region: &str,
    pace: Pace,
) -> Cognito {
    let config = config
        .to_builder()
        .endpoint_url(simulator.endpoint())
        .region(aws_config::Region::new(region.to_owned()))
        .build();
    Cognito::new(&config, pace)
}

/// A backup document, as far as users need it.
async fn backup(cognito: &Cognito, pool: &UserPoolId) -> Vec<u8> {
    let request = json!({"UserPoolId": pool.as_str()});
    let mut head = BackupHead::new(pool.clone(), "2026-03-07T09:05:02Z".parse().unwrap());
    let settings = cognito
        .call(Operation::DescribeUserPool, &request)
        .await
        .unwrap();
    head.set(Section::UserPoolConfig, settings["UserPool"].clone());
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for mut user in cognito.list(Operation::ListUsers, pool).await.unwrap() {
        let request = json!({"UserPoolId": pool.as_str(), "Username": user["Username"]});
        let factors = cognito
            .call(Operation::AdminGetUser, &request)
            .await
            .unwrap();
        for member in ["UserMFASettingList", "PreferredMfaSetting"] {
            user[member] = factors.get(member).cloned().unwrap_or(match member {
                "UserMFASettingList" => json!([]),
                _ => Value::Null,
            });
        }
        encoder.user(&user, &mut out);
    }
    encoder.begin_memberships(&mut out);
    for group in cognito.list(Operation::ListGroups, pool).await.unwrap() {
        let name = group["GroupName"].as_str().unwrap();
        encoder.begin_group(name, &mut out);
        let request = json!({"UserPoolId": pool.as_str(), "GroupName": name});
        let pages = cognito::Pages::new(cognito, Operation::ListUsersInGroup, request).unwrap();
        for member in pages.all().await.unwrap() {
            encoder.member(member["Username"].as_str().unwrap(), &mut out);
        }
        encoder.end_group(&mut out);
    }
    encoder.finish("2026-03-07T09:06:00Z".parse().unwrap(), &mut out);
    out
}
