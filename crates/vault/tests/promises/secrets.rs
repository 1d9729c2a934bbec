//! Secrets are encrypted within a backup: nobody reads them without their key, and all else is read
//! as ever.

use model::document::{BackupHead, DocumentEncoder, EncryptedSecret};
use model::inventory::Section;
use model::{BackupKey, Failure, KmsKeyArn};
use proptest::prelude::*;
use serde_json::{Value, json};
use vault::testing::{MemoryS3, content};
use vault::{Backup, SecretsKey, Vault, VaultError};

use crate::support::BUCKET;

const KEY: &str = "arn:aws:kms:us-west-2:444455556666:key/1a2b";
const FINGERPRINTS: &str = "arn:aws:kms:us-east-1:111122223333:key/3c4d";
const POOL: &str = "us-east-1_AbC";

struct World {
    s3: MemoryS3,
    vault: Vault,
    key: SecretsKey,
}

fn arn(text: &str) -> KmsKeyArn {
    text.parse().unwrap()
}

impl World {
    async fn new() -> Self {
        let s3 = MemoryS3::start(BUCKET);
        let config = s3.config().await;
        Self {
            vault: Vault::in_bucket(&config, BUCKET),
            key: SecretsKey::new(&config, &arn(KEY), Some(&arn(FINGERPRINTS))),
            s3,
        }
    }

    /// A backup with this head, whose secrets are encrypted.
    async fn written(&self, head: &BackupHead) -> Backup {
        let mut head = head.clone();
        self.key.encrypt(&mut head).await.unwrap();
        self.put(&head).await
    }

    async fn put(&self, head: &BackupHead) -> Backup {
        let key = BackupKey::new(&head.user_pool_id, head.timestamp);
        let mut out = Vec::new();
        let mut encoder = DocumentEncoder::begin(head, &mut out);
        encoder.user(&json!({"Username": "ann"}), &mut out);
        encoder.begin_memberships(&mut out);
        encoder.finish(head.timestamp, &mut out);
        self.s3.put(BUCKET, &key.to_string(), out);
        self.vault.open(&key, None).await.unwrap()
    }

    /// Every byte of the newest backup's document.
    fn stored(&self) -> String {
        let key = self.s3.keys(BUCKET).pop().unwrap();
        let stored = self.s3.get(BUCKET, &key).unwrap();
        String::from_utf8(content(&stored)).unwrap()
    }
}

fn head_of(pool: &str, clients: Value, providers: Value) -> BackupHead {
    let began = "2026-03-07T09:05:02Z".parse().unwrap();
    let mut head = BackupHead::new(pool.parse().unwrap(), began);
    head.set(Section::UserPoolConfig, json!({"Id": pool, "Name": "p"}));
    head.set(Section::AppClients, clients);
    head.set(Section::IdentityProviders, providers);
    head
}

fn head() -> BackupHead {
    head_of(
        POOL,
        json!([
            {"ClientId": "web", "ClientSecret": "secret-of-web"},
            {"ClientId": "public"},
            {"ClientId": "app", "ClientSecret": "secret-of-app"},
        ]),
        json!([{"ProviderName": "okta", "ProviderDetails": {"client_id": "i", "client_secret": "secret-of-okta"}}]),
    )
}

fn secret(head: &BackupHead, client: usize) -> EncryptedSecret {
    EncryptedSecret::of(&head.list(Section::AppClients)[client]["ClientSecret"]).unwrap()
}

#[tokio::test]
async fn a_pool_without_secrets_is_written_as_ever_and_asks_for_no_key() {
    let world = World::new().await;
    let without = head_of(POOL, json!([{"ClientId": "public"}]), json!([]));
    assert_eq!(world.written(&without).await.head, without);
    assert_eq!(world.s3.calls("TrentService.GenerateDataKey").len(), 0);
}

#[tokio::test]
async fn a_data_key_is_for_one_document_and_bound_to_its_pool() {
    let world = World::new().await;
    let first = world.written(&head()).await;
    let second = world.written(&head()).await;
    let data_key = |backup: &Backup| backup.head.secrets_encryption().unwrap().unwrap().data_key;
    assert_ne!(data_key(&first), data_key(&second));
    for asked in world.s3.calls("TrentService.GenerateDataKey") {
        assert_eq!(asked["EncryptionContext"], json!({"user_pool_id": POOL}));
        assert_eq!(asked["KeyId"], KEY);
    }
    // In the backup of another pool the same bytes are worth nothing.
    let mut members: Value = serde_json::from_str(&world.stored()).unwrap();
    members["user_pool_id"] = "us-east-1_Other".into();
    for member in ["users", "group_memberships", "trailer"] {
        members.as_object_mut().unwrap().shift_remove(member);
    }
    let Value::Object(members) = members else {
        unreachable!()
    };
    let mut planted = world.put(&BackupHead::from_members(members).unwrap()).await;
    let error = world.vault.decrypt_secrets(&mut planted).await.unwrap_err();
    assert_eq!(error.failure(), Failure::BackupDamaged, "{error}");
}

#[tokio::test]
async fn no_secret_can_be_put_in_the_place_of_another() {
    let world = World::new().await;
    let written = world.written(&head()).await;
    type Plant = fn(&mut Value);
    let plants: [Plant; 3] = [
        // The secrets of two clients, and the ids of two clients, which is the same.
        |clients| {
            let (web, app) = (
                clients[0]["ClientSecret"].take(),
                clients[2]["ClientSecret"].take(),
            );
            clients[0]["ClientSecret"] = app;
            clients[2]["ClientSecret"] = web;
        },
        |clients| {
            clients[0]["ClientId"] = "app".into();
            clients[2]["ClientId"] = "web".into();
        },
        |clients| {
            let encrypted = clients[0]["ClientSecret"]["encrypted"].as_str().unwrap();
            let changed = encrypted.replacen(|byte| byte != 'A', "A", 1);
            clients[0]["ClientSecret"]["encrypted"] = changed.into();
        },
    ];
    for (number, plant) in plants.iter().enumerate() {
        let mut clients = written.head.section(Section::AppClients).clone();
        plant(&mut clients);
        let mut planted = written.clone();
        planted.head.set(Section::AppClients, clients);
        let before = planted.head.clone();
        let error = world.vault.decrypt_secrets(&mut planted).await.unwrap_err();
        assert!(
            matches!(error, VaultError::Damaged { .. }),
            "{number}: {error}"
        );
        assert!(error.to_string().contains("app_clients/"), "{error}");
        assert_eq!(planted.head, before);
    }
}

#[tokio::test]
async fn without_the_key_the_error_names_it_and_says_what_to_do() {
    for (code, failure, what_to_do) in [
        ("AccessDeniedException", Failure::NotAuthorized, "policy"),
        (
            "DisabledException",
            Failure::MissingConfiguration,
            "enable it",
        ),
        (
            "KMSInvalidStateException",
            Failure::MissingConfiguration,
            "deletion",
        ),
        ("InvalidCiphertextException", Failure::BackupDamaged, ""),
        (
            "KMSInternalException",
            Failure::VaultUnavailable,
            "try again",
        ),
    ] {
        let world = World::new().await;
        let mut backup = world.written(&head()).await;
        let answer = json!({"__type": code, "message": "as told"});
        world.s3.answer("TrentService.Decrypt", 400, answer);
        let error = world.vault.decrypt_secrets(&mut backup).await.unwrap_err();
        assert_eq!(error.failure(), failure, "{error}");
        let text = error.to_string();
        assert!(text.contains(KEY) && text.contains(what_to_do), "{text}");
        backup.check_whole().await.unwrap();
        assert_eq!(backup.trailer.users, 1);
    }
}

#[tokio::test]
async fn a_backup_is_not_written_when_its_secrets_cannot_be_encrypted() {
    let world = World::new().await;
    for key in [KEY, FINGERPRINTS] {
        world.s3.disable_key(key);
        let mut head = head();
        let error = world.key.encrypt(&mut head).await.unwrap_err();
        assert_eq!(error.failure(), Failure::MissingConfiguration, "{error}");
        assert_eq!(head, self::head());
    }
}

#[tokio::test]
async fn who_may_not_decrypt_sees_that_a_secret_changed_and_nothing_else() {
    let world = World::new().await;
    let then = world.written(&head()).await.head;
    let mut changed = head();
    let mut clients = changed.section(Section::AppClients).clone();
    clients[2]["ClientSecret"] = "another".into();
    // Two clients with one secret look no more alike than others.
    clients[1]["ClientSecret"] = "secret-of-web".into();
    changed.set(Section::AppClients, clients);
    let now = world.written(&changed).await.head;
    let same = |client| secret(&then, client).is_same(&secret(&now, client));
    assert_eq!((same(0), same(2)), (Some(true), Some(false)));
    assert_eq!(secret(&now, 0).is_same(&secret(&now, 1)), Some(false));

    let elsewhere = head_of(
        "us-east-1_Other",
        json!(head().list(Section::AppClients)),
        json!([]),
    );
    let elsewhere = world.written(&elsewhere).await.head;
    assert_eq!(secret(&then, 0).is_same(&secret(&elsewhere, 0)), None);

    let config = world.s3.config().await;
    let mut without = head();
    let key = SecretsKey::new(&config, &arn(KEY), None);
    key.encrypt(&mut without).await.unwrap();
    assert_eq!(secret(&then, 0).is_same(&secret(&without, 0)), None);
}

#[tokio::test]
async fn what_one_invocation_leaves_to_the_next_is_encrypted_and_bound_to_its_place() {
    let world = World::new().await;
    let (pool, left) = (POOL.parse().unwrap(), b"secret-of-web".to_vec());
    let encrypted = world.key.encrypt_state(&pool, "one", left.clone()).await;
    let encrypted = encrypted.unwrap();
    assert!(!encrypted.windows(left.len()).any(|bytes| bytes == left));
    for (object, bytes, expected) in [
        ("one", encrypted.clone(), Some(left)),
        ("another", encrypted.clone(), None),
        ("one", encrypted[1..].to_vec(), None),
        ("one", vec![1, 2, 3], None),
        ("one", Vec::new(), Some(Vec::new())),
    ] {
        let decrypted = world.key.decrypt_state(&pool, object, bytes).await.unwrap();
        assert_eq!(decrypted, expected, "{object}");
    }
    let config = world.s3.config().await;
    let key = SecretsKey::new(&config, &arn(KEY), None);
    assert_eq!(
        key.encrypt_state(&pool, "one", vec![1]).await,
        Ok(Vec::new())
    );
}

/// Long enough to be found in no document by chance.
fn secrets() -> impl Strategy<Value = String> {
    "[ -~é€😀]{12,40}"
}

fn clients() -> impl Strategy<Value = Vec<Value>> {
    let client = ("[a-z0-9/~]{1,8}", proptest::option::of(secrets())).prop_map(|(id, secret)| {
        json!({"ClientId": id, "ClientName": "n", "ClientSecret": secret, "NewMember": [{"private_key": secret}]})
    });
    proptest::collection::vec(client, 0..6)
}

fn providers() -> impl Strategy<Value = Vec<Value>> {
    let provider = (secrets(), secrets()).prop_map(|(one, other)| {
        json!({"ProviderName": "p", "ProviderDetails": {"client_id": "i", "client_secret": one, "private_key": other}})
    });
    proptest::collection::vec(provider, 0..3)
}

/// The text of every member that holds a secret.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if model::secret::is_encrypted_member(name) => {
                        found.push(text.clone());
                    }
                    other => texts(other, found),
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_pool_is_read_back_with_the_key_and_shows_no_secret_without(
        clients in clients(),
        providers in providers(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let head = head_of(POOL, json!(clients), json!(providers));
            let mut backup = world.written(&head).await;
            let stored = world.stored();
            let mut found = Vec::new();
            texts(&json!([clients, providers]), &mut found);
            for secret in &found {
                let json = json!(secret).to_string();
                let escaped = json.trim_matches('"');
                prop_assert!(!stored.contains(secret.as_str()) && !stored.contains(escaped));
            }
            prop_assert_eq!(backup.head.has_encrypted_secrets(), !found.is_empty());
            world.vault.decrypt_secrets(&mut backup).await.unwrap();
            prop_assert_eq!(backup.head, head);
            Ok(())
        })?;
    }
}
