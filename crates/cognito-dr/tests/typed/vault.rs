//! A vault in S3 with backups made for a test.

use jiff::Timestamp;
use model::BackupKey;
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use serde_json::{Value, json};
use vault::testing::MemoryS3;

use crate::support::Account;

pub(crate) const BUCKET: &str = "backups";
pub(crate) const POOL: &str = "us-east-1_AbC";
pub(crate) const SECRET: &str = "t0p-secret-of-the-web-client";

/// An account with a bucket of backups.
pub(crate) struct WithVault {
    pub(crate) account: Account,
    pub(crate) s3: MemoryS3,
}

impl WithVault {
    pub(crate) fn new() -> Self {
        let s3 = MemoryS3::start(BUCKET);
        let mut account = Account::new();
        account.set("AWS_ENDPOINT_URL_S3", &s3.endpoint());
        account.set("COGNITO_DR_VAULT", &format!("s3://{BUCKET}"));
        Self { account, s3 }
    }

    /// One where web ACLs can be asked for.
    pub(crate) fn with_web_acls() -> Self {
        let mut vault = Self::new();
        let answer = "AWSWAF_20190729.GetWebACLForResource";
        vault.s3.answer(answer, 200, json!({}));
        let endpoint = vault.s3.endpoint();
        vault.account.set("AWS_ENDPOINT_URL_WAFV2", &endpoint);
        vault
    }

    /// Puts a backup in that began at this time and took a minute; gives its key.
    pub(crate) fn backup(&self, pool: &str, began: &str) -> String {
        let (key, document) = backup(pool, began);
        self.s3.put(BUCKET, &key, document);
        key
    }

    /// Cuts a backup off in the middle.
    pub(crate) fn cut_off(&self, key: &str) {
        let whole = self.s3.get(BUCKET, key).unwrap();
        self.s3.put(BUCKET, key, whole.slice(..whole.len() / 2));
    }

    /// Changes one byte of a user.
    pub(crate) fn flip_a_byte(&self, key: &str) {
        let whole = self.s3.get(BUCKET, key).unwrap().to_vec();
        let text = String::from_utf8(whole).unwrap();
        self.s3
            .put(BUCKET, key, text.replacen("user-1@", "user-9@", 1));
    }
}

/// A backup of three users in two groups, and its key.
pub(crate) fn backup(pool: &str, began: &str) -> (String, Vec<u8>) {
    let began: Timestamp = began.parse().unwrap();
    let key = BackupKey::new(&pool.parse().unwrap(), began);
    let mut head = BackupHead::new(pool.parse().unwrap(), began);
    head.set(Section::UserPoolConfig, json!({"Id": pool, "Name": "shop"}));
    head.set(
        Section::AppClients,
        json!([{"ClientId": "client1", "ClientName": "web", "ClientSecret": SECRET}]),
    );
    head.set(
        Section::Groups,
        json!([{"GroupName": "admins"}, {"GroupName": "staff"}]),
    );
    head.set_failed(Section::Terms, "ListTerms failed".into());
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for (n, status) in ["CONFIRMED", "CONFIRMED", "UNCONFIRMED"].iter().enumerate() {
        encoder.user(&user(n, status), &mut out);
    }
    encoder.begin_memberships(&mut out);
    encoder.begin_group("admins", &mut out);
    encoder.member("user-0", &mut out);
    encoder.end_group(&mut out);
    encoder.finish(began + jiff::SignedDuration::from_mins(1), &mut out);
    (key.to_string(), out)
}

/// The `sub` of a user.
pub(crate) fn sub(n: usize) -> String {
    format!("5a1b0a6e-0000-4000-8000-{n:012}")
}

fn user(n: usize, status: &str) -> Value {
    json!({
        "Username": format!("user-{n}"),
        "Attributes": [
            {"Name": "sub", "Value": sub(n)},
            {"Name": "email", "Value": format!("user-{n}@example.com")},
        ],
        "UserStatus": status,
        "Enabled": n != 0,
    })
}
