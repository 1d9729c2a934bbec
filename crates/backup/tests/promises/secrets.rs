//! A backup with a key for secrets: they stand nowhere in the bucket in clear, in whatever pieces it
//! is written.

use std::time::Duration;

use crate::support::{BUCKET, World, pool_of};
use backup::{Backups, RunOutcome};
use model::KmsKeyArn;
use model::inventory::Section;
use serde_json::{Value, json};
use simulator::Latency;
use vault::SecretsKey;
use vault::testing::content;

const TIME: Duration = Duration::from_secs(600);
const CLIENT_SECRET: &str = "client-secret-0123456789-abcdefghijklmnop";
const PROVIDER_SECRET: &str = "provider-secret-0123456789";

fn pool() -> Value {
    let mut pool = pool_of(130);
    pool["Clients"] = json!([
        {"UserPoolClient": {"ClientId": "client1", "ClientName": "web", "ClientSecret": CLIENT_SECRET},
         "Secrets": [{"ClientSecretId": "client1--1", "ClientSecretValue": CLIENT_SECRET, "ClientSecretCreateDate": 1.0}]},
        {"UserPoolClient": {"ClientId": "client2", "ClientName": "public"}},
    ]);
    pool["IdentityProviders"] = json!([{
        "ProviderName": "okta", "ProviderType": "OIDC",
        "ProviderDetails": {"client_id": "c", "client_secret": PROVIDER_SECRET, "authorize_scopes": "openid",
            "attributes_request_method": "GET", "oidc_issuer": "https://okta.example.com"},
    }]);
    pool
}

async fn key(world: &World) -> SecretsKey {
    let arn = |text: &str| text.parse::<KmsKeyArn>().unwrap();
    SecretsKey::new(
        &world.s3.config().await,
        &arn("arn:aws:kms:us-west-2:444455556666:key/1a2b"),
        Some(&arn("arn:aws:kms:us-east-1:111122223333:key/3c4d")),
    )
}

/// Every object that lies in the bucket now.
fn assert_no_secret(world: &World) {
    for key in world.s3.keys(BUCKET) {
        let bytes = content(&world.s3.get(BUCKET, &key).unwrap());
        let text = String::from_utf8_lossy(&bytes);
        for secret in [CLIENT_SECRET, PROVIDER_SECRET] {
            assert!(!text.contains(secret), "{key}");
        }
    }
}

async fn assert_read_back(world: &World) {
    let key = &world.keys()[0];
    let mut backup = world.vault.open(key, None).await.unwrap();
    backup.check_whole().await.unwrap();
    assert!(backup.head.has_encrypted_secrets());
    world.vault.decrypt_secrets(&mut backup).await.unwrap();
    let client = &backup.head.list(Section::AppClients)[0];
    assert_eq!(client["ClientSecret"], CLIENT_SECRET);
    let provider = &backup.head.list(Section::IdentityProviders)[0];
    let secret = &provider["ProviderDetails"]["client_secret"];
    assert_eq!(secret, PROVIDER_SECRET);
}

#[tokio::test]
async fn a_backup_holds_no_secret_in_clear_and_all_of_them_for_its_key() {
    let world = World::new().await;
    let pool = world.seed(pool());
    let key = key(&world).await;
    let backups = Backups {
        secrets_key: Some(&key),
        ..world.backups(TIME)
    };
    backups.run(vec![pool]).await.unwrap();
    assert_no_secret(&world);
    assert_read_back(&world).await;
}

/// Invocations that have no time end with the first answer.
#[tokio::test]
async fn what_is_left_to_the_next_invocation_holds_no_secret_in_clear() {
    let world = World::new().await;
    world.simulator.set_latency(Latency::Fixed(20));
    let pool = world.seed(pool());
    let key = key(&world).await;
    let backups = || Backups {
        secrets_key: Some(&key),
        continuation: Some(&world.continuation),
        ..world.backups(Duration::ZERO)
    };
    let mut progress = backups().run(vec![pool]).await.unwrap();
    let mut left_in_the_head = 0;
    while let RunOutcome::InProgress(_) = &progress {
        assert_no_secret(&world);
        let cursor = progress.to_continuation()["continue"].clone();
        left_in_the_head += u32::from(cursor["current"]["place"] == "head");
        assert!(left_in_the_head < 200, "no end in sight");
        progress = backups().go_on(cursor).await.unwrap();
    }
    assert!(left_in_the_head > 1, "{left_in_the_head}");
    assert_no_secret(&world);
    assert_read_back(&world).await;
}
