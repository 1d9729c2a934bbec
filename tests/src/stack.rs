//! The whole local stack: an embedded AWS in two Regions, the Cognito simulator in its place, and
//! the two templates on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_wafv2::types::{AllowAction, DefaultAction, Scope, VisibilityConfig};
use serde_json::Value;
use simulator::{Config, Simulator, SimulatorHandle};

use crate::clients::{Clients, DR_REGION, PRIMARY_REGION};
use crate::ministack::{self, Ministack};
use crate::pools::WEB_ACL;
use crate::{deploy, template};
use xtask::python::Python;

/// The account that everything is in, but for a DR stack in another one.
pub const ACCOUNT: &str = "111122223333";
/// The name of the DR stack.
const DR_STACK: &str = "cognito-backup-dr";
/// The name of the stack in the primary Region.
const PRIMARY_STACK: &str = "cognito-backup-primary";

/// How long it may take until the end of an execution is told.
const SAFETY_NET_LIMIT: Duration = Duration::from_secs(20);

/// How a local stack is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port of the embedded AWS; 0 takes a free one.
    pub port: u16,
    /// The port of the Cognito simulator; 0 takes a free one.
    pub cognito_port: u16,
    /// Whether IAM policies are enforced.
    pub enforce_iam: bool,
    /// The account of the DR stack, if it is another than [`ACCOUNT`].
    pub dr_account: Option<&'static str>,
}

/// A running local stack; dropping it stops everything.
#[derive(Debug)]
pub struct Stack {
    /// The embedded AWS.
    pub ministack: Ministack,
    /// Cognito, in both Regions.
    pub simulator: SimulatorHandle,
    /// Clients of the primary Region.
    pub primary: Clients,
    /// Clients of the DR Region.
    pub dr: Clients,
}

/// What was deployed.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The outputs of the primary stack.
    pub primary: BTreeMap<String, String>,
    /// The outputs of the DR stack.
    pub dr: BTreeMap<String, String>,
    /// The queue that gets what is published to the DR topic.
    pub notifications: String,
}

impl Stack {
    /// Starts simulator and embedded AWS.
    ///
    /// # Errors
    /// In one line: a port is taken, or something does not start.
    pub async fn start(python: &Python, options: &Options) -> Result<Self> {
        let simulator = Simulator::start(Config {
            port: options.cognito_port,
            account_id: ACCOUNT.to_owned(),
            seed: Some(1),
            ..Config::default()
        })?;
        let ministack = Ministack::start(
            python,
            &ministack::Options {
                port: options.port,
                enforce_iam: options.enforce_iam,
                cognito_endpoint: simulator.endpoint(),
            },
        )
        .await?;
        let primary = Clients::new(&ministack.endpoint(), ACCOUNT, PRIMARY_REGION);
        let dr_account = options.dr_account.unwrap_or(ACCOUNT);
        let dr = Clients::new(&ministack.endpoint(), dr_account, DR_REGION);
        Ok(Self {
            ministack,
            simulator,
            primary,
            dr,
        })
    }

    /// Deploys both templates for these pools, the DR stack first, and puts the replication in
    /// place.
    ///
    /// # Errors
    /// When a stack fails.
    pub async fn deploy(&self, binaries: &Path, pools: &[String]) -> Result<Deployment> {
        self.deploy_with(binaries, pools, &[]).await
    }

    /// As [`Stack::deploy`], with further parameters of the DR stack.
    ///
    /// # Errors
    /// When a stack fails.
    pub async fn deploy_with(
        &self,
        binaries: &Path,
        pools: &[String],
        dr_parameters: &[(&str, String)],
    ) -> Result<Deployment> {
        let dr = self.deploy_dr(binaries, dr_parameters).await?;
        let primary = self.deploy_primary(binaries, pools, &dr, &[]).await?;
        let notifications = self.subscribe(output(&dr, "NotificationTopicArn")?).await?;
        Ok(Deployment {
            primary,
            dr,
            notifications,
        })
    }

    /// Creates the DR stack, or updates it where it is there; returns its outputs.
    ///
    /// # Errors
    /// When the stack fails.
    pub async fn deploy_dr(
        &self,
        binaries: &Path,
        parameters: &[(&str, String)],
    ) -> Result<BTreeMap<String, String>> {
        let template = template::read(template::DR)?;
        let dr = deploy::deploy(&self.dr, DR_STACK, &template, parameters, binaries).await?;
        self.accept_plain_http(&self.dr, output(&dr, "DRBucketName")?)
            .await?;
        Ok(dr)
    }

    /// Creates the stack of the primary Region, with its replication into the bucket of the DR
    /// stack that has these outputs; returns its outputs.
    ///
    /// # Errors
    /// When the stack fails.
    pub async fn deploy_primary(
        &self,
        binaries: &Path,
        pools: &[String],
        dr: &BTreeMap<String, String>,
        parameters: &[(&str, String)],
    ) -> Result<BTreeMap<String, String>> {
        let dr_bucket = output(dr, "DRBucketArn")?;
        let template = template::read(template::PRIMARY)?;
        let mut all = vec![
            ("UserPoolIds", pools.join(",")),
            ("DRBucketArn", dr_bucket.to_owned()),
            ("BackupMfaPreferences", "true".to_owned()),
        ];
        all.extend_from_slice(parameters);
        let primary =
            deploy::deploy(&self.primary, PRIMARY_STACK, &template, &all, binaries).await?;
        let bucket = output(&primary, "BackupBucketName")?;
        let role = output(&primary, "ReplicationRoleArn")?;
        deploy::set_replication(&self.primary, &template, &all, bucket, role).await?;
        self.accept_plain_http(&self.primary, bucket).await?;
        Ok(primary)
    }

    /// Takes the statement `OnlyOverTLS` out of a bucket's policy: the local stack speaks plain HTTP,
    /// and judges the policy of a bucket also where no IAM policy is enforced, when another account
    /// replicates into it.
    async fn accept_plain_http(&self, clients: &Clients, bucket: &str) -> Result<()> {
        let policy = match clients.s3.get_bucket_policy().bucket(bucket).send().await {
            // When a stack is updated: it was taken out before.
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => return Ok(()),
            policy => policy?,
        };
        let mut policy: Value = serde_json::from_str(policy.policy().unwrap_or_default())?;
        let statements = policy["Statement"].as_array_mut();
        let statements = statements.ok_or_else(|| anyhow!("{bucket} has no policy"))?;
        statements.retain(|statement| statement["Sid"] != "OnlyOverTLS");
        if statements.is_empty() {
            let delete = clients.s3.delete_bucket_policy().bucket(bucket);
            delete.send().await?;
            return Ok(());
        }
        let put = clients.s3.put_bucket_policy().bucket(bucket);
        put.policy(policy.to_string()).send().await?;
        Ok(())
    }

    /// Makes a queue that gets everything that is published to a topic.
    pub async fn subscribe(&self, topic: &str) -> Result<String> {
        let queue = self
            .dr
            .sqs
            .create_queue()
            .queue_name("notifications-seen")
            .send()
            .await?;
        let url = queue
            .queue_url
            .ok_or_else(|| anyhow!("a queue has no address"))?;
        let attributes = self
            .dr
            .sqs
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        let arn = attributes
            .attributes()
            .and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn))
            .ok_or_else(|| anyhow!("a queue has no ARN"))?;
        self.dr
            .sns
            .subscribe()
            .topic_arn(topic)
            .protocol("sqs")
            .endpoint(arn)
            .send()
            .await?;
        Ok(url)
    }

    /// The messages published to the DR topic since the last call.
    ///
    /// # Errors
    /// When SQS does not answer, or a message is not JSON.
    pub async fn notifications(&self, deployment: &Deployment) -> Result<Vec<Value>> {
        let mut messages = Vec::new();
        loop {
            let received = self
                .dr
                .sqs
                .receive_message()
                .queue_url(&deployment.notifications)
                .max_number_of_messages(10)
                .send()
                .await?;
            if received.messages().is_empty() {
                return Ok(messages);
            }
            for message in received.messages() {
                let envelope: Value = serde_json::from_str(message.body().unwrap_or_default())?;
                let text = envelope["Message"].as_str().unwrap_or_default();
                messages.push(serde_json::from_str(text).context("a notification is not JSON")?);
                let handle = message.receipt_handle().unwrap_or_default();
                self.dr
                    .sqs
                    .delete_message()
                    .queue_url(&deployment.notifications)
                    .receipt_handle(handle)
                    .send()
                    .await?;
            }
        }
    }

    /// What the rule on executions that end without success publishes next; what the restore
    /// publishes by itself meanwhile is dropped.
    ///
    /// # Errors
    /// When none comes, or SQS does not answer.
    pub async fn safety_net(&self, deployment: &Deployment) -> Result<Value> {
        let began = Instant::now();
        while began.elapsed() < SAFETY_NET_LIMIT {
            let messages = self.notifications(deployment).await?;
            if let Some(told) = messages.into_iter().find(is_safety_net) {
                return Ok(told);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("no execution that ended was told")
    }

    /// Makes the web ACL of the same name in both Regions, and puts that of the primary Region
    /// before a pool.
    ///
    /// # Errors
    /// When WAF refuses.
    pub async fn protect(&self, pool: &str) -> Result<()> {
        let acl = create_web_acl(&self.primary).await?;
        create_web_acl(&self.dr).await?;
        let pool = format!("arn:aws:cognito-idp:{PRIMARY_REGION}:{ACCOUNT}:userpool/{pool}");
        self.primary
            .waf
            .associate_web_acl()
            .web_acl_arn(acl)
            .resource_arn(pool)
            .send()
            .await?;
        Ok(())
    }
}

/// Whether a notification is that of the rule on executions that end without success.
pub fn is_safety_net(notification: &Value) -> bool {
    notification["message"]
        .as_str()
        .is_some_and(|text| text.starts_with("Safety net"))
}

/// An output of a stack.
///
/// # Errors
/// When the stack does not have it.
pub fn output<'a>(outputs: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str> {
    outputs
        .get(name)
        .map(String::as_str)
        .ok_or_else(|| anyhow!("the stack has no output {name}"))
}

async fn create_web_acl(clients: &Clients) -> Result<String> {
    let visibility = VisibilityConfig::builder()
        .sampled_requests_enabled(false)
        .cloud_watch_metrics_enabled(false)
        .metric_name(WEB_ACL)
        .build()?;
    let created = clients
        .waf
        .create_web_acl()
        .name(WEB_ACL)
        .scope(Scope::Regional)
        .default_action(
            DefaultAction::builder()
                .allow(AllowAction::builder().build())
                .build(),
        )
        .visibility_config(visibility)
        .send()
        .await?;
    created
        .summary
        .and_then(|summary| summary.arn)
        .ok_or_else(|| anyhow!("a web ACL has no ARN"))
}
