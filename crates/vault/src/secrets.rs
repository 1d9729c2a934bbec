//! Secrets of a pool, encrypted within its backups under a key of their own: whoever may read
//! backups shows, checks and compares them without that key, and only who may use it reads the
//! secrets.
//!
//! A key of AWS KMS encrypts one data key for each document, and the data key each secret of its
//! head, with a nonce of its own. What is encrypted is bound to its pool and its place: no secret
//! can be put in the place of another. The KMS key is one of the recovery Region, where it is
//! needed when the other Region is gone; a backup asks for a data key there.

mod kms;

use aws_config::SdkConfig;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::document::{BackupHead, EncryptedSecret, Scheme, SecretsEncryption};
use model::{BackupName, KmsKeyArn, UserPoolId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;

use crate::Vault;
use crate::error::VaultError;
use crate::open::Backup;
use kms::Kms;

/// How many bytes of a MAC stand in a document: enough that no two secrets share them by chance.
const FINGERPRINT: usize = 16;
/// How many bytes tell the key of a fingerprint from others.
const KEY_ID: usize = 4;

/// Encrypts the secrets of backups.
#[derive(Debug, Clone)]
pub struct SecretsKey {
    kms: Kms,
    /// Whose MACs tell whether two backups have the same secret.
    fingerprints: Option<Kms>,
}

impl SecretsKey {
    /// Encrypts by `key`, a symmetric key of any Region and account. `fingerprints` is an HMAC key;
    /// without one, whether a secret has changed can be told only by who decrypts it.
    pub fn new(config: &SdkConfig, key: &KmsKeyArn, fingerprints: Option<&KmsKeyArn>) -> Self {
        Self {
            kms: Kms::new(config, key),
            fingerprints: fingerprints.map(|key| Kms::new(config, key)),
        }
    }

    /// Encrypts the secrets of a head, if it has any, by a data key of its own.
    ///
    /// # Errors
    /// [`VaultError::SecretsKey`] when KMS does not give a key. The head is then as it was.
    pub async fn encrypt(&self, head: &mut BackupHead) -> Result<(), VaultError> {
        let mut secrets = 0;
        let Ok(()) = head.change_secrets(|_, _| {
            secrets += 1;
            Ok::<(), std::convert::Infallible>(())
        });
        if secrets == 0 || head.has_encrypted_secrets() {
            return Ok(());
        }
        let pool = head.user_pool_id.clone();
        let (data_key, encrypted_key) = self.kms.generate_data_key(&pool).await?;
        let fingerprints = match &self.fingerprints {
            Some(kms) => Some(Fingerprints::of(kms, &pool).await?),
            None => None,
        };
        let cipher = Cipher::new(&data_key).map_err(|_| self.kms.useless())?;
        let encrypted = head.change_secrets(|path, value| {
            let json = value.to_string();
            let fingerprint = fingerprints.as_ref().map(|key| key.of_secret(path, &json));
            let encrypted = cipher.encrypt(&place(&pool, path), json.into_bytes())?;
            let secret = EncryptedSecret {
                encrypted: BASE64_STANDARD.encode(encrypted),
                fingerprint,
            };
            *value = serde_json::to_value(secret).map_err(|_| Unspecified)?;
            Ok::<(), Unspecified>(())
        });
        encrypted.map_err(|_| self.kms.useless())?;
        head.set_secrets_encryption(Some(&SecretsEncryption {
            scheme: Scheme::Aes256Gcm,
            kms_key: self.kms.key().clone(),
            data_key: BASE64_STANDARD.encode(encrypted_key),
        }));
        Ok(())
    }

    /// Encrypts what an invocation leaves to the next one, as the object `object`. Without a key
    /// for fingerprints it leaves nothing.
    ///
    /// # Errors
    /// [`VaultError::SecretsKey`] when KMS does not give the key of the pool.
    pub async fn encrypt_state(
        &self,
        pool: &UserPoolId,
        object: &str,
        state: Vec<u8>,
    ) -> Result<Vec<u8>, VaultError> {
        let Some(kms) = &self.fingerprints else {
            return Ok(Vec::new());
        };
        let cipher = state_cipher(kms, pool).await?;
        cipher.encrypt(object, state).map_err(|_| kms.useless())
    }

    /// What [`encrypt_state`](Self::encrypt_state) encrypted; `None` when it is something else.
    ///
    /// # Errors
    /// As [`encrypt_state`](Self::encrypt_state).
    pub async fn decrypt_state(
        &self,
        pool: &UserPoolId,
        object: &str,
        encrypted: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        match &self.fingerprints {
            Some(kms) if !encrypted.is_empty() => {
                Ok(state_cipher(kms, pool).await?.decrypt(object, encrypted))
            }
            _ => Ok(encrypted.is_empty().then(Vec::new)),
        }
    }
}

impl Backup {
    /// Decrypts the secrets of the head, if they are encrypted; `config` may use their key.
    ///
    /// # Errors
    /// [`VaultError::SecretsKey`] when KMS does not decrypt the key of the document,
    /// [`VaultError::Damaged`] when a secret is not the one that was encrypted there. The head is
    /// then as it was.
    pub async fn decrypt_secrets(&mut self, config: &SdkConfig) -> Result<(), VaultError> {
        let head = decrypted(&self.name, &self.head, config).await?;
        if let Some(head) = head {
            self.head = head;
        }
        Ok(())
    }
}

impl Vault {
    /// Decrypts the secrets of a backup with the credentials of its bucket. In a folder nothing is
    /// done: there are none.
    ///
    /// # Errors
    /// As [`Backup::decrypt_secrets`].
    pub async fn decrypt_secrets(&self, backup: &mut Backup) -> Result<(), VaultError> {
        match &self.config {
            Some(config) => backup.decrypt_secrets(config).await,
            None => Ok(()),
        }
    }
}

async fn decrypted(
    name: &BackupName,
    head: &BackupHead,
    config: &SdkConfig,
) -> Result<Option<BackupHead>, VaultError> {
    let encryption = head.secrets_encryption();
    let Some(encryption) = encryption.map_err(|error| VaultError::unreadable(name, &error))? else {
        return Ok(None);
    };
    let damaged = |what: &str| VaultError::damaged(name, what);
    let pool = &head.user_pool_id;
    let kms = Kms::new(config, &encryption.kms_key);
    let data_key = BASE64_STANDARD.decode(&encryption.data_key);
    let data_key = data_key.map_err(|_| damaged("the key of its secrets is not base64"))?;
    let data_key = kms.decrypt(pool, data_key).await?;
    let cipher = Cipher::new(&data_key).map_err(|_| kms.useless())?;
    let mut head = head.clone();
    head.change_secrets(|path, value| {
        let Some(secret) = EncryptedSecret::of(value) else {
            return Ok(());
        };
        let decrypted = BASE64_STANDARD.decode(&secret.encrypted).ok();
        let decrypted = decrypted.and_then(|bytes| cipher.decrypt(&place(pool, path), bytes));
        let decrypted = decrypted.and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        *value = decrypted.ok_or_else(|| {
            damaged(&format!(
                "{path} is not the secret that was encrypted there"
            ))
        })?;
        Ok::<(), VaultError>(())
    })?;
    head.set_secrets_encryption(None);
    Ok(Some(head))
}

/// What a secret is bound to.
fn place(pool: &UserPoolId, path: &str) -> String {
    format!("{pool}\n{path}")
}

/// The cipher of what an invocation leaves to the next one.
async fn state_cipher(kms: &Kms, pool: &UserPoolId) -> Result<Cipher, VaultError> {
    let message = format!("cognito-backup state of {pool}");
    let key = kms.generate_mac(&message).await?;
    Cipher::new(&key).map_err(|_| kms.useless())
}

/// AES-256-GCM with a random nonce, which goes before what is encrypted. A key is for one document,
/// or for what the invocations of one pool leave: far below the 2^32 messages of one key.
struct Cipher(LessSafeKey);

impl Cipher {
    fn new(key: &[u8]) -> Result<Self, Unspecified> {
        UnboundKey::new(&AES_256_GCM, key).map(|key| Self(LessSafeKey::new(key)))
    }

    fn encrypt(&self, place: &str, plain: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce)?;
        let mut bytes = plain;
        let key = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(key, Aad::from(place), &mut bytes)?;
        Ok([nonce.as_slice(), &bytes].concat())
    }

    fn decrypt(&self, place: &str, encrypted: Vec<u8>) -> Option<Vec<u8>> {
        let (nonce, bytes) = encrypted.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(place), &mut bytes);
        plain.ok().map(|plain| plain.to_vec())
    }
}

/// What tells, without the secrets, whether two are the same: MACs by a key of the pool, which only
/// the HMAC key in KMS can make.
struct Fingerprints {
    key: hmac::Key,
    id: String,
}

impl Fingerprints {
    async fn of(kms: &Kms, pool: &UserPoolId) -> Result<Self, VaultError> {
        let message = format!("cognito-backup fingerprints of {pool}");
        let key = kms.generate_mac(&message).await?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let id = hexadecimal(&hmac::sign(&key, b"id").as_ref()[..KEY_ID]);
        Ok(Self { key, id })
    }

    fn of_secret(&self, path: &str, json: &str) -> String {
        let mac = hmac::sign(&self.key, format!("{path}\n{json}").as_bytes());
        let mac = hexadecimal(&mac.as_ref()[..FINGERPRINT]);
        format!("{}-{mac}", self.id)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
