//! A lost pool on the strict simulator, its backup in a vault in memory, and a copy of the pool in
//! another Region.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use cognito::collect::Collector;
use cognito::{Cognito, Pace};
use model::document::DocumentEncoder;
use model::inventory::Section;
use model::request::RestoreOptions;
use model::restore::{RestoreState, Verification};
use model::{BackupKey, UserPoolId};
use serde_json::json;
use simulator::{Config, GeneratorConfig, PoolDocument, Simulator, SimulatorHandle, UserStatus};
use vault::testing::{Fault, MemoryS3};
use vault::{Backup, Vault};

use super::super::{OPERATIONS, VerifyOutcome, verify};
use crate::context::{Restore, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::translate::Translations;

pub(super) const LOST: &str = "us-east-1";
pub(super) const NEW: &str = "us-west-2";
pub(super) const BUCKET: &str = "dr";

pub(super) struct Stage {
    pub(super) simulator: SimulatorHandle,
    pub(super) s3: MemoryS3,
    pub(super) cognito: Cognito,
    pub(super) waf: aws_sdk_wafv2::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
    pub(super) vault: Vault,
    pub(super) backup: Backup,
    pub(super) settings: RestoreSettings,
    pub(super) lost: UserPoolId,
    pub(super) target: UserPoolId,
    pub(super) app_clients: BTreeMap<String, String>,
    pub(super) time: Duration,
}

impl Stage {
    /// A pool with its backup, and the copy that `change` makes another of.
    pub(super) async fn new(
        config: &GeneratorConfig,
        change: impl FnOnce(&mut PoolDocument),
    ) -> Self {
        let simulator = Simulator::start(Config {
            seed: Some(7),
            ..Config::default()
        })
        .unwrap();
        let lost: UserPoolId = simulator.generate(LOST, config).unwrap().parse().unwrap();
        let mut document = simulator.pool(LOST, lost.as_str()).unwrap();
        document
            .users
            .retain(|user| user.user_status != UserStatus::ExternalProvider);
        let app_clients = copy(&mut document, &lost);
        change(&mut document);
        let target = simulator.plant(NEW, document).unwrap().parse().unwrap();
        let s3 = MemoryS3::start(BUCKET);
        s3.answer("AWSWAF_20190729.GetWebACLForResource", 200, json!({}));
        let config = s3.config().await;
        let waf = aws_sdk_wafv2::Client::new(&config);
        let vault = Vault::in_bucket(&config, BUCKET);
        let key: BackupKey = format!("cognito-backup/2026/03/07/{lost}-090502.json")
            .parse()
            .unwrap();
        let document = backup(&cognito_at(&config, &simulator, LOST), &waf, &lost).await;
        s3.put(BUCKET, &key.to_string(), document);
        let backup = vault.open(&key, None).await.unwrap();
        Self {
            cognito: cognito_at(&config, &simulator, NEW).allowing(OPERATIONS),
            waf,
            lambda: aws_sdk_lambda::Client::new(&config),
            vault,
            backup,
            settings: RestoreSettings {
                region: NEW.into(),
                ..RestoreSettings::default()
            },
            simulator,
            s3,
            lost,
            target,
            app_clients,
            time: Duration::from_secs(120),
        }
    }

    pub(super) fn state(&self) -> RestoreState {
        let ids = self.app_clients.iter();
        let began = "2026-03-07T10:00:00Z".parse().unwrap();
        let (id, key) = ("r-1".parse().unwrap(), self.backup.name.clone());
        let options = RestoreOptions::default();
        RestoreState {
            new_user_pool_id: Some(self.target.clone()),
            app_clients: ids
                .map(|(old, new)| (old.parse().unwrap(), new.parse().unwrap()))
                .collect(),
            ..RestoreState::new(id, self.lost.clone(), key, options, began)
        }
    }

    /// The state machine: calls until the comparison is done. Counts the invocations.
    pub(super) async fn verify(&self, state: RestoreState) -> (Verification, u32) {
        self.verify_with(state, |_| {}).await
    }

    /// The same, with something that happens before each invocation.
    pub(super) async fn verify_with(
        &self,
        state: RestoreState,
        before: impl Fn(u32),
    ) -> (Verification, u32) {
        self.all_invocations(state, before, false).await
    }

    /// All invocations; the one that sends the `nth` request to the bucket comes no further.
    pub(super) async fn verify_dying(
        &self,
        state: RestoreState,
        nth: u64,
        fault: Fault,
    ) -> Verification {
        self.s3.die_at(nth, fault);
        self.all_invocations(state, |_| {}, true).await.0
    }

    async fn all_invocations(
        &self,
        mut state: RestoreState,
        before: impl Fn(u32),
        mut one_dies: bool,
    ) -> (Verification, u32) {
        for calls in 1.. {
            before(calls);
            match self.invoke(&mut state).await {
                Err(_) if one_dies => {
                    one_dies = false;
                    self.s3.revive();
                    // What it knew is gone with it.
                    state.verification = None;
                }
                Err(error) => panic!("{error}"),
                Ok(VerifyOutcome::Done) => {
                    let mut verification = state.verification.unwrap();
                    assert!(verification.ended.take().is_some(), "it has an end");
                    // Alike in every execution but for its name.
                    let announcing = verification.announcing_restore.take();
                    if state.options.verify.is_none() {
                        assert_eq!(announcing, Some(state.restore_id));
                    }
                    return (verification, calls);
                }
                Ok(VerifyOutcome::Waiting { seconds }) => {
                    self.simulator
                        .advance_clock(Duration::from_secs(seconds.into()));
                }
                Ok(VerifyOutcome::InProgress) => {
                    assert!(calls < 2000, "the comparison does not end");
                }
            }
        }
        unreachable!()
    }

    /// One invocation.
    async fn invoke(&self, state: &mut RestoreState) -> Result<VerifyOutcome, RestoreError> {
        let translations = Translations::default();
        let (folder, _) = Folder::open(self.vault.workspace(), &state.restore_id).await?;
        let restore = Restore {
            cognito: &self.cognito,
            waf: &self.waf,
            lambda: &self.lambda,
            workspace: self.vault.workspace(),
            folder: &folder,
            backup: &self.backup,
            settings: &self.settings,
            translations: &translations,
            existing: crate::context::Existing::Stays,
            observer: &(),
            stop: cognito::Stop::after(self.time),
        };
        verify(&restore, state).await
    }

    pub(super) async fn differences(&self) -> Vec<String> {
        described(&self.verify(self.state()).await.0)
    }

    /// The sub that a user had in the lost pool.
    pub(super) fn old_sub(&self, username: &str) -> String {
        let pool = self.simulator.pool(LOST, self.lost.as_str()).unwrap();
        let user = pool
            .users
            .into_iter()
            .find(|user| user.username == username);
        user.unwrap().sub.unwrap()
    }
}

pub(super) fn described(verification: &Verification) -> Vec<String> {
    let differences = verification.differences.iter();
    differences
        .map(|difference| format!("{} {}", difference.path, difference.change))
        .collect()
}

/// Makes a faithful copy of a document: new ids, everything else alike.
fn copy(document: &mut PoolDocument, lost: &UserPoolId) -> BTreeMap<String, String> {
    for member in ["Id", "Arn", "CreationDate", "LastModifiedDate"] {
        document.user_pool.remove(member);
    }
    document.groups.retain(|group| {
        !group["GroupName"]
            .as_str()
            .unwrap()
            .starts_with(lost.as_str())
    });
    let by_address = document.user_pool.contains_key("UsernameAttributes");
    for user in &mut document.users {
        user.sub = None;
        user.user_create_date = None;
        user.user_last_modified_date = None;
        user.groups
            .retain(|group| !group.starts_with(lost.as_str()));
        if by_address {
            user.username = String::new();
        }
    }
    let mut ids = BTreeMap::new();
    for (number, client) in document.clients.iter_mut().enumerate() {
        let new = format!("newclient{number}");
        let old = client
            .user_pool_client
            .insert("ClientId".into(), json!(new))
            .unwrap();
        client.user_pool_client.remove("UserPoolId");
        for secret in &mut client.secrets {
            secret.client_secret_id = format!("{new}--1");
        }
        ids.insert(old.as_str().unwrap().to_owned(), new);
    }
    for list in [
        &mut document.identity_providers,
        &mut document.resource_servers,
        &mut document.groups,
    ] {
        list.iter_mut().for_each(|element| {
            element.remove("UserPoolId");
        });
    }
    ids
}

pub(super) fn cognito_at(config: &SdkConfig, simulator: &SimulatorHandle, region: &str) -> Cognito {
    let config = config
        .to_builder()
        .endpoint_url(simulator.endpoint())
        .region(aws_config::Region::new(region.to_owned()))
        .build();
    Cognito::new(&config, Pace::unlimited())
}

async fn backup(cognito: &Cognito, waf: &aws_sdk_wafv2::Client, pool: &UserPoolId) -> Vec<u8> {
    let collector = Collector::new(cognito, waf);
    let head = collector
        .head(pool, "2026-03-07T09:05:02Z".parse().unwrap())
        .await
        .unwrap();
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for mut user in collector.users(pool).unwrap().all().await.unwrap() {
        let username = user["Username"].as_str().unwrap().to_owned();
        let preference = collector.mfa_preference(pool, &username).await.unwrap();
        user.as_object_mut().unwrap().extend(preference);
        encoder.user(&user, &mut out);
    }
    encoder.begin_memberships(&mut out);
    for group in head.list(Section::Groups) {
        let name = group["GroupName"].as_str().unwrap();
        encoder.begin_group(name, &mut out);
        for member in collector.members(pool, name).unwrap().all().await.unwrap() {
            encoder.member(member["Username"].as_str().unwrap(), &mut out);
        }
        encoder.end_group(&mut out);
    }
    encoder.finish("2026-03-07T09:06:00Z".parse().unwrap(), &mut out);
    out
}
