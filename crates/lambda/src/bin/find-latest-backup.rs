//! The Lambda `cognito-find-latest-backup-{environment}`: the newest whole backup of one pool.

use aws_config::timeout::TimeoutConfig;
use lambda::{Environment, Failed, Function};
use lambda_runtime::Context;
use model::request::{FindRequest, FindResponse};
use serde_json::Value;
use vault::Vault;

struct FindLatestBackup {
    vault: Vault,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve::<FindLatestBackup>().await
}

impl Function for FindLatestBackup {
    type Answer = FindResponse;

    fn from_environment() -> Result<Self, Failed> {
        let bucket = Environment::of_process().required("SOURCE_BUCKET")?;
        let config = lambda::sdk_config(TimeoutConfig::disabled());
        let vault = Vault::in_bucket(&config, bucket);
        Ok(Self { vault })
    }

    async fn handle(&self, event: Value, _: &Context) -> Result<FindResponse, Failed> {
        let request = FindRequest::from_event(&event)?;
        let found = self.vault.find(&request, jiff::Timestamp::now()).await?;
        for newer in &found.passed_over {
            tracing::warn!(s3_key = %newer.s3_key, reason = newer.reason, "a newer backup was not taken");
        }
        tracing::info!(s3_key = %found.s3_key, users = found.users, bytes = found.bytes, began = %found.backup_timestamp, ended = %found.backup_ended, "found");
        Ok(found)
    }
}
