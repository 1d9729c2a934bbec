//! Documents as a vault holds them, of this version and of the reference implementation.

use jiff::Timestamp;
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::request::{FindRequest, FindResponse};
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};
use vault::testing::MemoryS3;
use vault::{Vault, VaultError};

use crate::support::BUCKET;

pub(crate) const POOL: &str = "us-east-1_AbC";

pub(crate) async fn vault() -> (MemoryS3, Vault) {
    let s3 = MemoryS3::start(BUCKET);
    let vault = Vault::in_bucket(&s3.config().await, BUCKET);
    (s3, vault)
}

pub(crate) fn pool() -> UserPoolId {
    POOL.parse().unwrap()
}

pub(crate) fn key(pool: &str, began: &str) -> BackupKey {
    let began: Timestamp = began.parse().unwrap();
    BackupKey::new(&pool.parse().unwrap(), began).uncompressed()
}

/// A document of this version, with `users` users of whom one is in a group.
pub(crate) fn document(key: &BackupKey, users: usize) -> Vec<u8> {
    document_of(&head(key), users, key.began())
}

pub(crate) fn head(key: &BackupKey) -> BackupHead {
    let mut head = BackupHead::new(key.pool().clone(), key.began());
    head.set(
        Section::UserPoolConfig,
        json!({"Id": key.pool().as_str(), "Name": "p"}),
    );
    head
}

pub(crate) fn document_of(head: &BackupHead, users: usize, reading_ended: Timestamp) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(head, &mut out);
    for n in 0..users {
        encoder.user(&user(n), &mut out);
    }
    encoder.begin_memberships(&mut out);
    encoder.begin_group("admins", &mut out);
    encoder.member("user-0", &mut out);
    encoder.end_group(&mut out);
    encoder.finish(reading_ended, &mut out);
    out
}

pub(crate) fn user(n: usize) -> Value {
    json!({
        "Username": format!("user-{n}"),
        "Attributes": [{"Name": "sub", "Value": format!("sub-{n}")}],
        "UserStatus": "CONFIRMED",
        "Enabled": true,
        "MemberOfNextYear": [n],
    })
}

/// The published form of the reference implementation: `json.dumps` of one dict, dates as
/// `str()` prints them, users before groups.
pub(crate) fn reference_document(key: &BackupKey, users: usize) -> Vec<u8> {
    let users: Vec<Value> = (0..users).map(user).collect();
    let document = json!({
        "timestamp": "2025-01-02T03:04:05.678901",
        "user_pool_id": key.pool().as_str(),
        "user_pool_config": {"Id": key.pool().as_str(), "CreationDate": "2024-01-01 00:00:00+00:00"},
        "app_clients": [{"ClientId": "a", "ClientName": "web"}],
        "users": users,
        "groups": [{"GroupName": "admins"}, {"GroupName": "empty"}],
        "group_memberships": {"admins": ["user-0"], "empty": []},
        "identity_providers": [],
        "resource_servers": [],
        "user_pool_domain": null,
        "ui_customization": null,
    });
    serde_json::to_vec_pretty(&document).unwrap()
}

pub(crate) fn put(s3: &MemoryS3, key: &BackupKey, bytes: Vec<u8>) {
    s3.put(BUCKET, &key.to_string(), bytes);
}

pub(crate) fn request() -> FindRequest {
    serde_json::from_value(json!({"user_pool_id": POOL})).unwrap()
}

pub(crate) async fn find(vault: &Vault, request: &FindRequest) -> Result<FindResponse, VaultError> {
    vault
        .find(request, "2026-06-01T00:00:00Z".parse().unwrap())
        .await
}
