//! Live pools on the simulator: read into a backup, and changed by calls.

use std::sync::Arc;

use cognito::collect::Collector;
use cognito::{Cognito, Operation, Pace, Stop};
use jiff::{SignedDuration, Timestamp};
use model::document::DocumentEncoder;
use model::inventory::Section;
use model::request::RestoreOptions;
use model::{BackupKey, UserPoolId};
use restore::drive::{self, Order};
use restore::{Clients, RestoreSettings};
use serde_json::{Value, json};
use vault::Vault;
use vault::testing::MemoryS3;

use crate::support::{Account, REGION};
use crate::vault::WithVault;

impl WithVault {
    /// Puts a backup of the live pool in, as if it had been made at this time; gives its key.
    pub(crate) fn backup_of(&self, pool: &str, began: &str) -> String {
        let pool: UserPoolId = pool.parse().unwrap();
        let began: Timestamp = began.parse().unwrap();
        let key = BackupKey::new(&pool, began).to_string();
        let document = block_on(self.read(&pool, began));
        self.s3.put(crate::vault::BUCKET, &key, document);
        key
    }

    /// Puts a backup of an unchanged pool in that is a difference from `base`; gives its key.
    pub(crate) fn difference(&self, base: &str, began: &str) -> String {
        let base: BackupKey = base.parse().unwrap();
        let key = BackupKey::new(base.pool(), began.parse().unwrap());
        block_on(async {
            let vault = Vault::in_bucket(&self.s3.config().await, crate::vault::BUCKET);
            let base = Box::pin(vault.open(&base, None)).await.unwrap();
            let changes = Box::pin(vault.changes(&base, &base))
                .await
                .unwrap()
                .unwrap();
            let written = vault.write_difference(&key, &base, &base, &changes, None);
            assert!(Box::pin(written).await.unwrap().is_some());
        });
        key.to_string()
    }

    async fn read(&self, pool: &UserPoolId, began: Timestamp) -> Vec<u8> {
        let cognito = self.cognito().await;
        let waf = aws_sdk_wafv2::Client::new(&self.s3.config().await);
        let collector = Collector::new(&cognito, &waf);
        let head = collector.head(pool, began).await.unwrap();
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
        encoder.finish(began + SignedDuration::from_mins(1), &mut out);
        out
    }

    /// Calls Cognito about a pool.
    pub(crate) fn call(&self, pool: &str, operation: Operation, members: Value) {
        call(&self.account, &self.s3, pool, operation, members);
    }

    /// Restores a backup, with the bucket as its workspace; gives the new pool and the restore.
    pub(crate) fn restore(&self, key: &str) -> (String, String) {
        block_on(async {
            let config = self.s3.config().await;
            let vault = Vault::in_bucket(&config, crate::vault::BUCKET);
            let backup = vault.open(&key.parse().unwrap(), None).await.unwrap();
            let clients = Clients {
                cognito: self.cognito().await,
                waf: aws_sdk_wafv2::Client::new(&config),
                lambda: aws_sdk_lambda::Client::new(&config),
                workspace: vault.workspace().clone(),
                observer: Arc::new(()),
            };
            let settings = RestoreSettings {
                region: REGION.to_owned(),
                ..RestoreSettings::default()
            };
            let id = "r-1".parse().unwrap();
            let order = Order {
                restore_id: &id,
                driver: None,
                options: &RestoreOptions::default(),
                passed_over: &[],
                map: None,
            };
            let stop = Stop::never();
            let report = drive::to_the_end(&clients, &settings, &order, &backup, &stop);
            let report = report.await.unwrap().unwrap();
            let pool = report.new_user_pool_id.unwrap().to_string();
            (pool, id.to_string())
        })
    }

    async fn cognito(&self) -> Cognito {
        cognito(&self.account, &self.s3).await
    }
}

async fn cognito(account: &Account, s3: &MemoryS3) -> Cognito {
    let config = s3.config().await.to_builder();
    let config = config
        .endpoint_url(account.simulator.endpoint())
        .region(aws_config::Region::new(REGION));
    Cognito::new(&config.build(), Pace::unlimited())
}

/// One call about a pool.
pub(crate) fn call(
    account: &Account,
    s3: &MemoryS3,
    pool: &str,
    operation: Operation,
    members: Value,
) {
    let mut request = json!({"UserPoolId": pool});
    let more = members.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(more);
    block_on(async {
        let cognito = cognito(account, s3).await;
        cognito.call(operation, &request).await.unwrap();
    });
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}
