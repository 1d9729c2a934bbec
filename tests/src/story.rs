//! The way from backup to report, step by step, as an operator goes it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use model::restore::{Finding, Report};
use serde_json::{Value, json};

use crate::clients::Clients;
use crate::stack::{Deployment, Stack, output};

/// How long a replica may take to appear.
const REPLICATION_LIMIT: Duration = Duration::from_secs(30);
/// How long an execution may take.
const EXECUTION_LIMIT: Duration = Duration::from_secs(300);

/// What a Lambda function answered.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Whether it ended with an error, as Lambda, Step Functions and alarms see it.
    pub failed: bool,
    /// The answer, or `{"errorType", "errorMessage"}`.
    pub payload: Value,
}

impl Invocation {
    /// The answer's `body`, which is JSON in a text.
    ///
    /// # Errors
    /// When the function failed or answered something else.
    pub fn body(&self) -> Result<Value> {
        if self.failed {
            bail!(
                "{}: {}",
                self.payload["errorType"],
                self.payload["errorMessage"]
            );
        }
        let body = self.payload["body"]
            .as_str()
            .ok_or_else(|| anyhow!("the answer has no body"))?;
        serde_json::from_str(body).context("the answer's body is not JSON")
    }
}

/// Calls a function and waits for its answer.
///
/// # Errors
/// When Lambda does not take the call.
pub async fn invoke(clients: &Clients, function: &str, payload: &Value) -> Result<Invocation> {
    let answer = clients
        .lambda
        .invoke()
        .function_name(function)
        .payload(Blob::new(payload.to_string()))
        .send()
        .await
        .with_context(|| format!("{function} cannot be invoked"))?;
    let payload = answer
        .payload()
        .map(|blob| blob.as_ref().to_vec())
        .unwrap_or_default();
    Ok(Invocation {
        failed: answer.function_error().is_some(),
        payload: serde_json::from_slice(&payload).unwrap_or(Value::Null),
    })
}

/// Backs up pools: all that are configured, or the one that the payload names. Returns their keys.
///
/// # Errors
/// When any pool's backup fails.
pub async fn back_up(
    stack: &Stack,
    deployment: &Deployment,
    payload: &Value,
) -> Result<Vec<String>> {
    let invocation = invoke(
        &stack.primary,
        output(&deployment.primary, "BackupLambdaArn")?,
        payload,
    )
    .await?;
    let body = invocation.body().context("the backup failed")?;
    let backups = body["backups"]
        .as_array()
        .ok_or_else(|| anyhow!("the answer lists no backups"))?;
    Ok(backups
        .iter()
        .filter_map(|backup| backup["s3_key"].as_str())
        .map(str::to_owned)
        .collect())
}

/// Waits until a backup is in the DR bucket.
///
/// # Errors
/// When it does not come.
pub async fn wait_for_replica(stack: &Stack, deployment: &Deployment, key: &str) -> Result<()> {
    let bucket = output(&deployment.dr, "DRBucketName")?;
    let began = Instant::now();
    while stack
        .dr
        .s3
        .head_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .is_err()
    {
        if began.elapsed() > REPLICATION_LIMIT {
            bail!(
                "{key} was not replicated to {bucket} in {} s",
                REPLICATION_LIMIT.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Backs up all configured pools and waits for their replicas. Returns their keys.
///
/// # Errors
/// When any pool's backup fails, or a replica does not come.
pub async fn back_up_and_replicate(stack: &Stack, deployment: &Deployment) -> Result<Vec<String>> {
    let keys = back_up(stack, deployment, &json!({})).await?;
    for key in &keys {
        wait_for_replica(stack, deployment, key).await?;
    }
    Ok(keys)
}

/// Triggers a restore and follows it to its end, however it ends. Returns its report, too.
///
/// # Errors
/// When the trigger refuses, or the restore left no report.
pub async fn restore(
    stack: &Stack,
    deployment: &Deployment,
    request: &Value,
) -> Result<(Execution, Report)> {
    let arn = trigger(stack, deployment, request).await?;
    let execution = follow(stack, &arn, |_| ()).await?;
    let report = report(stack, deployment, &execution.name).await?;
    Ok((execution, report))
}

/// Calls the manual trigger; returns the ARN of the execution that it started.
///
/// # Errors
/// When it answers with another status than 200.
pub async fn trigger(stack: &Stack, deployment: &Deployment, request: &Value) -> Result<String> {
    let invocation = invoke(
        &stack.dr,
        output(&deployment.dr, "ManualDRTriggerArn")?,
        request,
    )
    .await?;
    let body = invocation.body().context("the trigger failed")?;
    if invocation.payload["statusCode"] != 200 {
        bail!(
            "the trigger answered {}: {body}",
            invocation.payload["statusCode"]
        );
    }
    let arn = body["execution_arn"]
        .as_str()
        .ok_or_else(|| anyhow!("the trigger named no execution"))?;
    Ok(arn.to_owned())
}

/// How an execution of the state machine ended.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The name of the error that ended it.
    pub error: Option<String>,
    /// What Step Functions says about the error.
    pub cause: Option<String>,
    /// Its name, which is the restore's id.
    pub name: String,
    /// The state at the end.
    pub output: Value,
    /// All its events, oldest first.
    pub events: Vec<HistoryEvent>,
}

impl Execution {
    /// The names of the states that it entered, in order.
    pub fn states(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| event.state_entered_event_details())
            .map(|entered| entered.name())
            .collect()
    }
}

/// Follows an execution to its end; `entered` is told of each state as it is entered.
///
/// # Errors
/// When Step Functions does not answer, or the execution does not end in time.
pub async fn follow(stack: &Stack, arn: &str, mut entered: impl FnMut(&str)) -> Result<Execution> {
    let began = Instant::now();
    let mut told = 0;
    loop {
        let described = stack
            .dr
            .step_functions
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await?;
        let events = history(&stack.dr, arn).await?;
        let names: Vec<&str> = events
            .iter()
            .filter_map(|event| event.state_entered_event_details())
            .map(|details| details.name())
            .collect();
        names.iter().skip(told).for_each(|name| entered(name));
        told = names.len();
        if *described.status() != ExecutionStatus::Running {
            return Ok(Execution {
                succeeded: *described.status() == ExecutionStatus::Succeeded,
                error: described.error().map(str::to_owned),
                cause: described.cause().map(str::to_owned),
                name: described.name().unwrap_or_default().to_owned(),
                output: described
                    .output()
                    .and_then(|text| serde_json::from_str(text).ok())
                    .unwrap_or(Value::Null),
                events,
            });
        }
        if began.elapsed() > EXECUTION_LIMIT {
            bail!(
                "{arn} is still running after {} s, in {:?}",
                EXECUTION_LIMIT.as_secs(),
                names.last()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn history(clients: &Clients, arn: &str) -> Result<Vec<HistoryEvent>> {
    let mut events = Vec::new();
    let mut pages = clients
        .step_functions
        .get_execution_history()
        .execution_arn(arn)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        events.extend(page?.events);
    }
    Ok(events)
}

/// A JSON object in the DR bucket.
///
/// # Errors
/// When it is not there or not JSON.
pub async fn read_json(stack: &Stack, deployment: &Deployment, key: &str) -> Result<Value> {
    serde_json::from_slice(&read(stack, deployment, key).await?)
        .with_context(|| format!("{key} is not JSON"))
}

/// An object in the DR bucket.
///
/// # Errors
/// When it is not there.
pub async fn read(stack: &Stack, deployment: &Deployment, key: &str) -> Result<Vec<u8>> {
    let bucket = output(&deployment.dr, "DRBucketName")?;
    let object = stack
        .dr
        .s3
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await;
    let object = object.with_context(|| format!("{key} is not in {bucket}"))?;
    Ok(object.body.collect().await?.to_vec())
}

/// The keys below a prefix of the DR bucket.
///
/// # Errors
/// When S3 does not answer.
pub async fn list(stack: &Stack, deployment: &Deployment, prefix: &str) -> Result<Vec<String>> {
    let bucket = output(&deployment.dr, "DRBucketName")?;
    let mut keys = Vec::new();
    let mut pages = stack
        .dr
        .s3
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        keys.extend(
            page?
                .contents()
                .iter()
                .filter_map(|object| object.key())
                .map(str::to_owned),
        );
    }
    Ok(keys)
}

/// The report of a restore.
///
/// # Errors
/// When it is not there or not a report.
pub async fn report(stack: &Stack, deployment: &Deployment, restore_id: &str) -> Result<Report> {
    let key = format!("cognito-restore/{restore_id}/{}", Report::OBJECT);
    let bytes = read(stack, deployment, &key).await?;
    serde_json::from_slice(&bytes).with_context(|| format!("{key} is not a report"))
}

/// All findings of a restore about users, from the parts of their list.
///
/// # Errors
/// When a part cannot be read.
pub async fn findings_about_users(
    stack: &Stack,
    deployment: &Deployment,
    report: &Report,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let folder = format!("cognito-restore/{}/findings/", report.restore_id);
    for key in list(stack, deployment, &folder).await? {
        for line in String::from_utf8_lossy(&read(stack, deployment, &key).await?).lines() {
            findings.push(serde_json::from_str(line)?);
        }
    }
    Ok(findings)
}

/// Everything that a restore announced to be different: its steps' findings and all of its
/// findings about users.
///
/// # Errors
/// When a list of findings cannot be read.
pub async fn announcements(
    stack: &Stack,
    deployment: &Deployment,
    report: &Report,
) -> Result<Vec<String>> {
    let about_users = findings_about_users(stack, deployment, report).await?;
    let of_steps = report.steps.iter().flat_map(|step| &step.findings);
    Ok(of_steps
        .chain(&about_users)
        .flat_map(|finding| finding.announces.clone())
        .collect())
}

/// Everything that Step Functions keeps of an execution and all functions have logged, as text:
/// what must not hold anything secret or personal.
///
/// # Errors
/// When a log cannot be read.
pub async fn traces(stack: &Stack, executions: &[Execution]) -> Result<String> {
    let mut text = stack.ministack.log();
    for execution in executions {
        text.push_str(&format!(
            "{:?}{:?}{}",
            execution.events, execution.cause, execution.output
        ));
    }
    for clients in [&stack.primary, &stack.dr] {
        let groups = clients.logs.describe_log_groups().send().await?;
        for group in groups
            .log_groups()
            .iter()
            .filter_map(|group| group.log_group_name())
        {
            let mut pages = clients
                .logs
                .filter_log_events()
                .log_group_name(group)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                for event in page?.events() {
                    text.push_str(event.message().unwrap_or_default());
                    text.push('\n');
                }
            }
        }
    }
    Ok(text)
}

/// The request that an operator sends on the bad day.
pub fn lost(pool: &str) -> Value {
    json!({"user_pool_id": pool})
}
