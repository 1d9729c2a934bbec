//! Two Regions in which everything is ready: a pool with one of everything, its backups and
//! replicas, and what a restore would need. A test takes one thing away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::document::{BackupHead, DocumentEncoder, Scheme, SecretsEncryption};
use model::inventory::Section;
use model::restore::{FindingCounts, RehearsalRecord, ReportStatus};
use model::{BackupKey, UserPoolId};
use ready::testing::{Account, Alarm, Services};
use serde_json::{Value, json};
use simulator::{Config, Simulator, SimulatorHandle};
use vault::testing::MemoryS3;

pub(crate) const LOST: &str = "us-east-1";
pub(crate) const HERE: &str = "us-west-2";
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const POOL: &str = "us-east-1_AbCdEfGhi";
pub(crate) const BACKUPS: &str = "cognito-backup-prod-111122223333";
pub(crate) const REPLICAS: &str = "cognito-backup-dr-prod-111122223333";
pub(crate) const USERS: usize = 100;
pub(crate) const MAP: &str = "cognito-restore/translations.json";

/// Two Regions, ready unless a test changes something.
pub(crate) struct World {
    pub(crate) s3: MemoryS3,
    pub(crate) simulator: SimulatorHandle,
    pub(crate) services: Services,
}

impl World {
    /// One in which everything is ready at `now`: backups an hour and two hours ago.
    pub(crate) fn ready_at(now: Timestamp) -> Self {
        let world = Self {
            s3: MemoryS3::start(REPLICAS),
            simulator: Simulator::start(Config::default()).unwrap(),
            services: Services::start(account()),
        };
        for hours in [1, 2] {
            let began = hours_before(now, hours);
            for bucket in [BACKUPS, REPLICAS] {
                world.put_backup(bucket, began);
            }
        }
        world.put_map(&map());
        world.put_rehearsal(hours_before(now, 24), ReportStatus::Success);
        world
    }

    pub(crate) fn put_backup(&self, bucket: &str, began: Timestamp) {
        self.put(bucket, began, document(began));
    }

    pub(crate) fn put(&self, bucket: &str, began: Timestamp, document: Vec<u8>) {
        self.s3.put(bucket, &key(began), document);
    }

    pub(crate) fn put_map(&self, map: &Value) {
        self.s3.put(REPLICAS, MAP, map.to_string());
    }

    pub(crate) fn put_rehearsal(&self, at: Timestamp, result: ReportStatus) {
        let record = RehearsalRecord {
            at,
            result,
            seconds: 60,
            users: USERS as u64,
            sample: None,
            restore_id: "rehearsal-1".parse().unwrap(),
            backup: None,
            findings: FindingCounts::default(),
            previous: None,
            last_success: None,
        };
        let key = RehearsalRecord::key(&POOL.parse().unwrap());
        let record = serde_json::to_vec(&record).unwrap();
        self.s3.put(REPLICAS, &key, record);
    }

    /// The map with one member changed.
    pub(crate) fn change_map(&self, member: &str, value: Value) {
        let mut map = map();
        map[member] = value;
        self.put_map(&map);
    }

    /// The map without an entry.
    pub(crate) fn forget(&self, member: &str) {
        let mut map = map();
        map.as_object_mut().unwrap().shift_remove(member);
        self.put_map(&map);
    }
}

pub(crate) fn hours_before(now: Timestamp, hours: i64) -> Timestamp {
    now - jiff::SignedDuration::from_hours(hours)
}

pub(crate) fn key(began: Timestamp) -> String {
    let pool: UserPoolId = POOL.parse().unwrap();
    BackupKey::new(&pool, began).to_string()
}

fn arn(service: &str, region: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}")
}

pub(crate) fn topic(region: &str) -> String {
    arn("sns", region, "cognito-notifications-prod")
}

pub(crate) fn role(name: &str) -> String {
    arn("iam", "", &format!("role/{name}"))
}

/// A document of a backup with one of everything that a Region is bound to.
pub(crate) fn document(began: Timestamp) -> Vec<u8> {
    let mut head = BackupHead::new(POOL.parse().unwrap(), began);
    head.set(
        Section::UserPoolConfig,
        json!({
            "Id": POOL, "Name": "customers", "Domain": "app", "CustomDomain": "auth.example.com",
            "LambdaConfig": {"PreSignUp": arn("lambda", LOST, "function:pre-sign-up")},
            "KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": arn("kms", LOST, "key/1")},
            "EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": arn("ses", LOST, "identity/example.com")},
            "SmsConfiguration": {"SnsCallerArn": role("sms"), "ExternalId": "external", "SnsRegion": LOST},
        }),
    );
    head.set(
        Section::Groups,
        json!([{"GroupName": "editors", "RoleArn": role("editors")}]),
    );
    let acl = arn("wafv2", LOST, "regional/webacl/pool/1");
    head.set(
        Section::WafConfiguration,
        json!({"WebACLArn": acl, "WebACLName": "pool"}),
    );
    head.set(
        Section::CustomDomain,
        json!({"Domain": "auth.example.com", "CustomDomainConfig": {"CertificateArn": arn("acm", LOST, "certificate/1")}}),
    );
    head.set(
        Section::LogDeliveryConfiguration,
        json!({"LogConfigurations": [{"EventSource": "userNotification", "CloudWatchLogsConfiguration": {"LogGroupArn": arn("logs", LOST, "log-group:pool")}}]}),
    );
    head.set(
        Section::IdentityProviders,
        json!([{"ProviderName": "SignInWithApple", "ProviderType": "SignInWithApple", "ProviderDetails": {"key_id": "KEY1"}}]),
    );
    head.set_secrets_encryption(Some(&SecretsEncryption {
        scheme: Scheme::Aes256Gcm,
        kms_key: secrets_key().parse().unwrap(),
        data_key: "AA==".into(),
    }));
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for n in 0..USERS {
        let user = json!({
            "Username": format!("user-{n}"), "UserStatus": "CONFIRMED", "Enabled": true,
            "Attributes": [{"Name": "sub", "Value": format!("00000000-0000-4000-8000-{n:012}")}],
        });
        encoder.user(&user, &mut out);
    }
    encoder.begin_memberships(&mut out);
    encoder.finish(began, &mut out);
    out
}

pub(crate) fn map() -> Value {
    json!({
        "comment": "us-east-1 into us-west-2",
        "ses_identities": {arn("ses", LOST, "identity/example.com"): arn("ses", HERE, "identity/example.com")},
        "kms_keys": {arn("kms", LOST, "key/1"): arn("kms", HERE, "key/9")},
        "log_destinations": {arn("logs", LOST, "log-group:pool"): arn("logs", HERE, "log-group:pool")},
        "custom_domains": {"auth.example.com": {"domain": "auth-dr.example.com", "certificate_arn": arn("acm", LOST, "certificate/2")}},
        "apple_private_keys": {"KEY1": "the private key"},
    })
}

pub(crate) fn trust(external_id: Option<&str>) -> Value {
    let mut statement = json!({
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "cognito-idp.amazonaws.com"},
    });
    if let Some(id) = external_id {
        statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

fn function() -> String {
    arn("lambda", HERE, "function:pre-sign-up")
}

pub(crate) fn kms_key() -> String {
    arn("kms", HERE, "key/9")
}

pub(crate) fn secrets_key() -> String {
    arn("kms", HERE, "key/5")
}

pub(crate) fn certificate() -> String {
    arn("acm", LOST, "certificate/2")
}

/// The variables of the functions of both stacks, as the templates set them.
fn variables() -> BTreeMap<String, BTreeMap<String, String>> {
    let of = |pairs: &[(&str, String)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    };
    BTreeMap::from([
        (
            format!("{LOST}/cognito-backup-prod"),
            of(&[
                ("BACKUP_BUCKET", BACKUPS.to_owned()),
                ("USER_POOL_IDS", POOL.to_owned()),
            ]),
        ),
        (
            format!("{HERE}/cognito-dr-ready-prod"),
            of(&[
                ("ENVIRONMENT", "prod".to_owned()),
                ("SOURCE_BUCKET", REPLICAS.to_owned()),
                ("SNS_TOPIC_ARN", topic(HERE)),
                ("IMPORT_ROLE_ARN", role("import")),
                ("MAXIMUM_REPLICA_AGE_HOURS", "3".to_owned()),
                ("LONGEST_RESTORE_HOURS", "12".to_owned()),
                ("QUOTA_SHARE", "0.95".to_owned()),
            ]),
        ),
    ])
}

fn account() -> Account {
    let alarm = |region: &str, name: &str| Alarm {
        name: name.to_owned(),
        is_on: true,
        actions: vec![topic(region)],
    };
    let confirmed = |region: &str| (topic(region), vec![format!("{}:1", topic(region))]);
    Account {
        functions: BTreeSet::from([function()]),
        variables: variables(),
        roles: BTreeMap::from([
            ("sms".to_owned(), trust(Some("external"))),
            ("import".to_owned(), trust(None)),
            ("editors".to_owned(), json!({"Statement": []})),
        ]),
        ses_identities: BTreeMap::from([(format!("{HERE}/example.com"), true)]),
        kms_keys: BTreeMap::from([kms_key(), secrets_key()].map(|key| (key, "Enabled".to_owned()))),
        certificates: BTreeMap::from([(certificate(), "ISSUED".to_owned())]),
        web_acls: BTreeMap::from([(
            "pool".to_owned(),
            arn("wafv2", HERE, "regional/webacl/pool/2"),
        )]),
        sms_spend: "100".to_owned(),
        alarms: BTreeMap::from([
            (
                LOST.to_owned(),
                vec![alarm(LOST, "cognito-backup-errors-prod")],
            ),
            (
                HERE.to_owned(),
                vec![alarm(HERE, "cognito-dr-replica-age-prod")],
            ),
        ]),
        subscriptions: BTreeMap::from([confirmed(LOST), confirmed(HERE)]),
        ..Account::default()
    }
}
