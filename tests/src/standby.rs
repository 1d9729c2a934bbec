//! A standby pool of the deployed stack, which follows its source as backups arrive.
//!
//! The local stack tells EventBridge of objects that are written, and not of replicas: a replica is
//! written again. That AWS tells of replicas stands in `docs/first-day-on-aws.md`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aws_sdk_s3::types::MetadataDirective;
use cognito::{Cognito, Operation, Pace};
use model::UserPoolId;
use restore::standby::Standby;
use serde_json::{Value, json};

use crate::stack::{Deployment, Stack, output};
use crate::story::{self, Execution};

/// How long a rule and what it starts may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Makes a standby pool of a pool that is backed up, and lets the stack keep it in step. `parameters`:
/// the other ones of the DR stack.
///
/// # Errors
/// When the restore fails, or the stack.
pub async fn make(
    stack: &Stack,
    deployment: &mut Deployment,
    binaries: &Path,
    source: &str,
    parameters: &[(&str, String)],
) -> Result<(UserPoolId, Execution)> {
    let request = json!({"user_pool_id": source, "standby": {}});
    let (made, report) = story::restore(stack, deployment, &request).await?;
    if !made.succeeded {
        bail!("{}: {:?} {:?}", made.name, made.error, made.cause);
    }
    let standby = report.new_user_pool_id.context("no pool was made")?;
    let follows = ("StandbyPools", format!("{source}={standby}"));
    let parameters = [parameters, &[follows]].concat();
    deployment.dr = stack.deploy_dr(binaries, &parameters).await?;
    Ok((standby, made))
}

/// A pool with a standby pool.
pub struct Followed<'a> {
    /// Where both stacks are.
    pub stack: &'a Stack,
    /// What they put out.
    pub deployment: &'a Deployment,
    /// The pool that is followed.
    pub source: UserPoolId,
}

impl Followed<'_> {
    /// Somebody's call in the pool that is followed.
    ///
    /// # Errors
    /// When Cognito refuses it.
    pub async fn call(&self, operation: Operation, mut request: Value) -> Result<Value> {
        let config = self.stack.primary.config.to_builder();
        let config = config.endpoint_url(self.stack.simulator.endpoint());
        let cognito = Cognito::new(&config.build(), Pace::unlimited());
        request["UserPoolId"] = json!(self.source);
        Ok(cognito.call(operation, &request).await?)
    }

    /// Backs the pool up, and waits until the standby pool equals the backup. Gives its key, and what
    /// is known of the standby pool.
    ///
    /// # Errors
    /// When the backup fails, or nothing follows in three minutes.
    pub async fn back_up_and_wait(&self) -> Result<(String, Standby)> {
        let (stack, deployment) = (self.stack, self.deployment);
        let of_source = json!({"user_pool_id": self.source});
        let mut keys = story::back_up(stack, deployment, &of_source).await?;
        let key = keys.pop().context("nothing was backed up")?;
        story::wait_for_replica(stack, deployment, &key).await?;
        let bucket = output(&deployment.dr, "DRBucketName")?;
        let arrives = stack.dr.s3.copy_object().bucket(bucket).key(&key);
        let arrives = arrives
            .copy_source(format!("{bucket}/{key}"))
            .metadata_directive(MetadataDirective::Replace);
        arrives.send().await?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let known = story::read_json(stack, deployment, &Standby::key(&self.source)).await;
            // Before the first backup that arrives, nothing is written of it.
            if let Ok(known) = known {
                let known: Standby = serde_json::from_value(known)?;
                if known.equals.backup.to_string() == key {
                    return Ok((key, known));
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the standby pool does not follow to {key}")
    }
}
