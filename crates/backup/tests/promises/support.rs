//! A Cognito and the rest of AWS on loopback, and a backup Lambda's view of them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use backup::{
    BackupError, Backups, Continuation, MetadataTable, MfaPreferences, RunOutcome, UsersByPrefix,
};
use cognito::collect::OPERATIONS;
use cognito::{Cognito, Pace, Stop};
use model::change::ShrinkLimits;
use model::document::{BackupHead, UserRecord};
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};
use simulator::{Config, Fault, Simulator, SimulatorHandle};
use vault::Vault;
use vault::testing::MemoryS3;

pub(crate) const BUCKET: &str = "cognito-backup-test";
pub(crate) const LEASE: &str = "cognito-backup-state/lease.json";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const PUT_ITEM: &str = "DynamoDB_20120810.PutItem";
pub(crate) const START_EXECUTION: &str = "AWSStepFunctions.StartExecution";
pub(crate) const GET_WEB_ACL: &str = "AWSWAF_20190729.GetWebACLForResource";

pub(crate) struct World {
    pub(crate) simulator: SimulatorHandle,
    pub(crate) s3: MemoryS3,
    pub(crate) cognito: Cognito,
    /// Somebody who changes pools.
    pub(crate) operator: Cognito,
    pub(crate) waf: aws_sdk_wafv2::Client,
    pub(crate) vault: Vault,
    pub(crate) table: MetadataTable,
    pub(crate) continuation: Continuation,
    pub(crate) users_by_prefix: UsersByPrefix,
}

/// What a backup holds, read back.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) head: BackupHead,
    pub(crate) users: Vec<UserRecord>,
    pub(crate) memberships: BTreeMap<String, Vec<String>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let simulator = Simulator::start(config).unwrap();
        let s3 = MemoryS3::start(BUCKET);
        let aws = s3.config().await;
        let cognito = aws_config::defaults(BehaviorVersion::latest())
            .http_client(aws.http_client().unwrap())
            .region(Region::new(REGION))
            .credentials_provider(aws.credentials_provider().unwrap())
            .endpoint_url(simulator.endpoint())
            .load()
            .await;
        s3.answer(
            START_EXECUTION,
            200,
            json!({"executionArn": "arn:aws:states:x", "startDate": 1.0}),
        );
        Self {
            operator: Cognito::new(&cognito, Pace::unlimited()),
            cognito: Cognito::new(&cognito, Pace::unlimited()).allowing(OPERATIONS),
            waf: aws_sdk_wafv2::Client::new(&aws),
            vault: Vault::in_bucket(&aws, BUCKET),
            table: MetadataTable::new(&aws, "table"),
            continuation: Continuation::new(&aws, "arn:aws:states:machine"),
            users_by_prefix: UsersByPrefix::Never,
            simulator,
            s3,
        }
    }

    pub(crate) fn seed(&self, document: Value) -> UserPoolId {
        self.simulator
            .seed(REGION, &document)
            .unwrap()
            .parse()
            .unwrap()
    }

    /// The library's view of an invocation that has `time` left.
    pub(crate) fn backups(&self, time: Duration) -> Backups<'_> {
        Backups {
            cognito: &self.cognito,
            waf: &self.waf,
            vault: &self.vault,
            table: Some(&self.table),
            continuation: None,
            shard: None,
            users_by_prefix: self.users_by_prefix,
            differences: false,
            shrink_limits: ShrinkLimits::default(),
            mfa_preferences: MfaPreferences::None,
            secrets_key: None,
            request_id: "request",
            observer: &(),
            stop: Stop::after(time),
        }
    }

    /// The same for another request than [`backups`](Self::backups)' own.
    pub(crate) fn asked_by<'a>(&'a self, request_id: &'a str, time: Duration) -> Backups<'a> {
        Backups {
            request_id,
            continuation: Some(&self.continuation),
            ..self.backups(time)
        }
    }

    /// The lease, as the bucket holds it.
    pub(crate) fn lease(&self) -> Value {
        let bytes = self.s3.get(BUCKET, LEASE).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Lets the lease of whoever holds it expire.
    pub(crate) fn expire_lease(&self) {
        let mut lease = self.lease();
        lease["holder"]["until"] = json!("2020-01-01T00:00:00Z");
        self.s3.put(BUCKET, LEASE, lease.to_string());
    }

    /// One invocation with all the time that it needs.
    pub(crate) async fn run(&self, pools: &[&UserPoolId]) -> Result<RunOutcome, BackupError> {
        let pools = pools.iter().map(|pool| (*pool).clone()).collect();
        self.backups(Duration::from_secs(600)).run(pools).await
    }

    /// The backups that can be seen.
    pub(crate) fn keys(&self) -> Vec<BackupKey> {
        let keys = self.s3.keys(BUCKET).into_iter();
        keys.filter_map(|key| key.parse().ok()).collect()
    }

    /// The keys that the table records.
    pub(crate) fn recorded(&self) -> BTreeSet<String> {
        let rows = self.s3.calls(PUT_ITEM);
        rows.iter()
            .map(|row| row["Item"]["s3_key"]["S"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Reads a backup, all of it.
    pub(crate) async fn content(&self, key: &BackupKey) -> Content {
        let backup = self.vault.open(key, None).await.unwrap();
        backup.check_whole().await.unwrap();
        let mut users = Vec::new();
        let mut lines = backup.users(None).await.unwrap();
        while let Some(line) = lines.next().await.unwrap() {
            users.push(line.record);
        }
        let mut memberships: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut lines = backup.memberships().await.unwrap();
        while let Some(line) = lines.next().await.unwrap() {
            let members = memberships.entry(line.group.to_string()).or_default();
            members.push(line.username.as_str().to_owned());
        }
        assert_eq!(backup.trailer.users, users.len() as u64);
        Content {
            head: backup.head,
            users,
            memberships,
        }
    }

    /// The one backup that there is.
    pub(crate) async fn only_content(&self) -> Content {
        let keys = self.keys();
        assert_eq!(keys.len(), 1, "{keys:?}");
        self.content(&keys[0]).await
    }
}

pub(crate) fn refusal(code: &str) -> Fault {
    Fault::Error {
        code: code.into(),
        message: "as told".into(),
        status: 400,
    }
}

/// A pool of `users` users, every third of whom is in the group `thirds`.
pub(crate) fn pool_of(users: usize) -> Value {
    let users: Vec<Value> = (0..users)
        .map(|n| {
            json!({
                "Username": format!("user-{n:05}"),
                "Attributes": {"email": format!("user-{n}@example.com")},
                "Groups": if n % 3 == 0 { json!(["thirds"]) } else { json!([]) },
            })
        })
        .collect();
    json!({
        "UserPool": {"Name": "pool"},
        "Clients": [{"UserPoolClient": {"ClientId": "client1", "ClientName": "web"}}],
        "Groups": [{"GroupName": "thirds"}, {"GroupName": "nobody"}],
        "Users": users,
    })
}
