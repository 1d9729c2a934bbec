//! Backups in S3: written as a stream, found, opened and checked.
//!
//! ```text
//! Vault::begin ── Upload::write ... ── Upload::finish      one object, visible at the end or never
//! Vault::find                                              the newest whole backup of a pool
//! Vault::open ── Backup::users, Backup::memberships        read line by line, from anywhere
//! ```
//!
//! Everything needs constant memory, whatever the size of the pool.

mod error;
mod find;
mod foreign;
mod joined;
mod lines;
mod listing;
mod object;
mod open;
mod reference;
mod resumed;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod upload;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;

pub use error::VaultError;
pub use foreign::{Columns, ForeignError, InvalidColumns};
pub use lines::{Membership, Memberships, UserLine, Users};
pub use listing::ListedBackup;
pub use object::{ETag, StoredObject};
pub use open::Backup;
pub use upload::{Finished, Upload, UploadState};

/// How long one attempt may take: the largest is the upload of a part of 8 MiB.
const ATTEMPT: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a request is tried in all.
const ATTEMPTS: u32 = 5;

/// The bucket that holds the backups of one Region.
#[derive(Debug, Clone)]
pub struct Vault {
    client: Client,
    bucket: String,
}

impl Vault {
    /// The backups in `bucket`, reached with the account and Region of `config`.
    ///
    /// Requests that fail for a passing reason are tried five times. An endpoint that is an IP
    /// address is addressed by path, by the SDK's own rule.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config = aws_sdk_s3::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            bucket: bucket.into(),
        }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}
