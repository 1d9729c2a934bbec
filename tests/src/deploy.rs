//! Packages and stacks: what `sam deploy` does, on the local stack.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_cloudformation::types::{Capability, Parameter};
use aws_sdk_s3::config::ProvideCredentials as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    AccessControlTranslation, BucketLocationConstraint, CreateBucketConfiguration,
    DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, OwnerOverride,
    ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus,
    StorageClass,
};
use serde_json::Value;
use xtask::architecture::Architecture;
use xtask::package::{Purpose, package};

use crate::clients::{Clients, PRIMARY_REGION};
use crate::evaluate::{self, Place};
use crate::template;

/// How long a stack may take.
const STACK_LIMIT: Duration = Duration::from_secs(60);
/// The bucket that packages are uploaded to.
const PACKAGES: &str = "packages";

/// Uploads the packages of a template's functions and creates the stack, or updates it where it is
/// there; returns its outputs.
///
/// # Errors
/// When a binary is missing, or the stack fails: with the resource and the reason.
pub async fn deploy(
    clients: &Clients,
    stack: &str,
    template: &Value,
    parameters: &[(&str, String)],
    binaries: &Path,
) -> Result<BTreeMap<String, String>> {
    let bucket = create_packages_bucket(clients).await?;
    for (_, function) in template::resources(template, "AWS::Serverless::Function") {
        if let Some(binary) = template::binary(function) {
            let zip = package(&binaries.join(binary), Purpose::LocalStack)?;
            upload(clients, &bucket, &format!("{binary}.zip"), zip).await?;
        }
    }
    let packaged = template::packaged(
        template.clone(),
        Architecture::of_this_machine(),
        |binary| format!("s3://{bucket}/{binary}.zip"),
    )?;
    // As `sam deploy` does: a call itself takes no more than 51,200 bytes of a template.
    let key = format!("{stack}.json");
    upload(clients, &bucket, &key, packaged.to_string().into_bytes()).await?;
    let endpoint = clients.config.endpoint_url().unwrap_or_default();
    let parameters = parameters
        .iter()
        .map(|(name, value)| {
            Parameter::builder()
                .parameter_key(*name)
                .parameter_value(value)
                .build()
        })
        .collect();
    let template_url = format!("{endpoint}/{bucket}/{key}");
    let parameters = Some(parameters);
    let capabilities = [Capability::CapabilityIam, Capability::CapabilityAutoExpand];
    let described = clients.cloudformation.describe_stacks();
    if described.stack_name(stack).send().await.is_ok() {
        let update = clients.cloudformation.update_stack().stack_name(stack);
        let update = update.template_url(template_url);
        let update = update.set_parameters(parameters);
        let update = update.set_capabilities(Some(capabilities.to_vec()));
        let updated = update.send().await;
        updated.with_context(|| format!("the stack {stack} cannot be updated"))?;
    } else {
        let create = clients.cloudformation.create_stack().stack_name(stack);
        let create = create.template_url(template_url);
        let create = create.set_parameters(parameters);
        let create = create.set_capabilities(Some(capabilities.to_vec()));
        let created = create.send().await;
        created.with_context(|| format!("the stack {stack} cannot be created"))?;
    }
    wait_for_stack(clients, stack).await
}

async fn upload(clients: &Clients, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<()> {
    let put = clients.s3.put_object().bucket(bucket).key(key);
    put.body(ByteStream::from(bytes)).send().await?;
    Ok(())
}

async fn create_packages_bucket(clients: &Clients) -> Result<String> {
    let region = clients
        .config
        .region()
        .map(ToString::to_string)
        .unwrap_or_default();
    let credentials = clients.config.credentials_provider();
    let credentials = credentials.ok_or_else(|| anyhow!("the clients have no credentials"))?;
    let account = credentials.provide_credentials().await?;
    // A name is one bucket for all accounts.
    let bucket = format!("{PACKAGES}-{region}-{}", account.access_key_id());
    let head = clients.s3.head_bucket().bucket(&bucket);
    if head.send().await.is_ok() {
        return Ok(bucket);
    }
    let mut request = clients.s3.create_bucket().bucket(&bucket);
    if region != "us-east-1" {
        let location = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region.as_str()))
            .build();
        request = request.create_bucket_configuration(location);
    }
    request
        .send()
        .await
        .context("the bucket for packages cannot be created")?;
    Ok(bucket)
}

async fn wait_for_stack(clients: &Clients, name: &str) -> Result<BTreeMap<String, String>> {
    let began = Instant::now();
    loop {
        let answer = clients
            .cloudformation
            .describe_stacks()
            .stack_name(name)
            .send()
            .await?;
        let stack = answer
            .stacks()
            .first()
            .ok_or_else(|| anyhow!("the stack {name} is gone"))?;
        match stack
            .stack_status()
            .map(aws_sdk_cloudformation::types::StackStatus::as_str)
        {
            Some("CREATE_COMPLETE" | "UPDATE_COMPLETE") => {
                let output = |output: &aws_sdk_cloudformation::types::Output| {
                    Some((
                        output.output_key()?.to_owned(),
                        output.output_value()?.to_owned(),
                    ))
                };
                return Ok(stack.outputs().iter().filter_map(output).collect());
            }
            Some(status) if status.ends_with("IN_PROGRESS") && began.elapsed() < STACK_LIMIT => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            status => bail!(
                "the stack {name} is {}: {}",
                status.unwrap_or("in no state"),
                why_it_failed(clients, name)
                    .await
                    .unwrap_or_else(|error| error.to_string())
            ),
        }
    }
}

async fn why_it_failed(clients: &Clients, stack: &str) -> Result<String> {
    let events = clients
        .cloudformation
        .describe_stack_events()
        .stack_name(stack)
        .send()
        .await?;
    let failed = events
        .stack_events()
        .iter()
        .filter(|event| {
            event
                .resource_status()
                .is_some_and(|status| status.as_str().ends_with("FAILED"))
        })
        .map(|event| {
            let resource = event.logical_resource_id().unwrap_or_default();
            format!(
                "{resource}: {}",
                event.resource_status_reason().unwrap_or_default()
            )
        });
    Ok(failed.collect::<Vec<_>>().join("; "))
}

/// Puts the replication of a template that was deployed with these parameters onto its bucket: the
/// local stack's CloudFormation leaves it out without a word.
///
/// # Errors
/// When the template has none, or S3 refuses it.
pub async fn set_replication(
    clients: &Clients,
    template: &Value,
    parameters: &[(&str, String)],
    bucket: &str,
    role_arn: &str,
) -> Result<()> {
    let place = Place {
        partition: "aws",
        region: PRIMARY_REGION,
        parameters: parameters.iter().cloned().collect(),
    };
    let resources = evaluate::resources(template, &place);
    let rules = resources
        .pointer("/CognitoBackupBucket/Properties/ReplicationConfiguration/Rules")
        .and_then(Value::as_array)
        .ok_or_else(|| anyhow!("the template of the primary Region has no replication"))?;
    let mut configuration = ReplicationConfiguration::builder().role(role_arn);
    for rule in rules {
        let text = |path: &str| {
            rule.pointer(path)
                .and_then(Value::as_str)
                .ok_or_else(|| anyhow!("the replication rule has no {path}"))
        };
        let owner = text("/Destination/AccessControlTranslation/Owner").ok();
        let translation = owner
            .map(|owner| {
                let owner = OwnerOverride::from(owner);
                AccessControlTranslation::builder().owner(owner).build()
            })
            .transpose()?;
        let destination = Destination::builder()
            .bucket(text("/Destination/Bucket")?)
            .set_account(text("/Destination/Account").ok().map(str::to_owned))
            .set_access_control_translation(translation)
            .storage_class(StorageClass::from(text("/Destination/StorageClass")?))
            .build()?;
        let delete_markers = DeleteMarkerReplication::builder()
            .status(DeleteMarkerReplicationStatus::from(text(
                "/DeleteMarkerReplication/Status",
            )?))
            .build();
        configuration = configuration.rules(
            ReplicationRule::builder()
                .id(text("/Id")?)
                .priority(1)
                .status(ReplicationRuleStatus::from(text("/Status")?))
                .filter(
                    ReplicationRuleFilter::builder()
                        .prefix(text("/Filter/Prefix")?)
                        .build(),
                )
                .delete_marker_replication(delete_markers)
                .destination(destination)
                .build()?,
        );
    }
    clients
        .s3
        .put_bucket_replication()
        .bucket(bucket)
        .replication_configuration(configuration.build()?)
        .send()
        .await
        .context("replication cannot be set")?;
    Ok(())
}
