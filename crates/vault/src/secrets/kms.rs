//! The three requests to AWS KMS.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, MacAlgorithmSpec};
use model::failure::with_causes;
use model::{Failure, KmsKeyArn, UserPoolId};

use crate::error::{VaultError, lacks_credentials};

/// The encryption context of a data key: its pool, which the key's policy asks for and CloudTrail
/// shows.
const CONTEXT: &str = "user_pool_id";

const ATTEMPT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 4;

/// One key of KMS, in its Region.
#[derive(Debug, Clone)]
pub(super) struct Kms {
    client: Client,
    key: KmsKeyArn,
}

impl Kms {
    pub(super) fn new(config: &SdkConfig, key: &KmsKeyArn) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config = aws_sdk_kms::config::Builder::from(config)
            .region(Region::new(key.region().to_owned()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            key: key.clone(),
        }
    }

    pub(super) fn key(&self) -> &KmsKeyArn {
        &self.key
    }

    /// A new data key, in clear and encrypted.
    pub(super) async fn generate_data_key(
        &self,
        pool: &UserPoolId,
    ) -> Result<(Vec<u8>, Vec<u8>), VaultError> {
        let request = self
            .client
            .generate_data_key()
            .key_id(self.key.as_str())
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(CONTEXT, pool.as_str());
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.error("make a data key", &error))?;
        match (answer.plaintext, answer.ciphertext_blob) {
            (Some(plain), Some(encrypted)) => Ok((plain.into_inner(), encrypted.into_inner())),
            _ => Err(self.useless()),
        }
    }

    /// A data key in clear.
    pub(super) async fn decrypt(
        &self,
        pool: &UserPoolId,
        encrypted: Vec<u8>,
    ) -> Result<Vec<u8>, VaultError> {
        let request = self
            .client
            .decrypt()
            .key_id(self.key.as_str())
            .ciphertext_blob(Blob::new(encrypted))
            .encryption_context(CONTEXT, pool.as_str());
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| self.error("decrypt the secrets of a backup", &error))?;
        let plain = answer.plaintext.ok_or_else(|| self.useless())?;
        Ok(plain.into_inner())
    }

    /// The MAC of a message, 32 bytes, always the same and known to nobody else: a key.
    pub(super) async fn generate_mac(&self, message: &str) -> Result<Vec<u8>, VaultError> {
        let request = self
            .client
            .generate_mac()
            .key_id(self.key.as_str())
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message));
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.error("make a MAC", &error))?;
        let mac = answer.mac.ok_or_else(|| self.useless())?;
        Ok(mac.into_inner())
    }

    /// KMS answered, and nothing can be done with it.
    pub(super) fn useless(&self) -> VaultError {
        VaultError::SecretsKey {
            action: "encrypt or decrypt secrets",
            key: self.key.clone(),
            reason: "what KMS gave is no key of 256 bits".into(),
            failure: Failure::Internal,
        }
    }

    fn error<E, R>(&self, action: &'static str, error: &SdkError<E, R>) -> VaultError
    where
        E: ProvideErrorMetadata,
        SdkError<E, R>: std::error::Error + 'static,
    {
        let code = error.code();
        let reason = match (code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => with_causes(error),
        };
        let cause = std::error::Error::source(error);
        let failure = match code {
            Some(
                "AccessDeniedException"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException",
            ) => Failure::NotAuthorized,
            Some("IncorrectKeyException" | "InvalidCiphertextException") => Failure::BackupDamaged,
            // It was deleted or disabled, or is one of another kind.
            Some(
                "DisabledException"
                | "InvalidKeyUsageException"
                | "KMSInvalidStateException"
                | "NotFoundException",
            ) => Failure::MissingConfiguration,
            None if cause.is_some_and(lacks_credentials) => Failure::NotAuthorized,
            _ => Failure::VaultUnavailable,
        };
        VaultError::SecretsKey {
            action,
            key: self.key.clone(),
            reason: reason.chars().take(300).collect(),
            failure,
        }
    }
}
