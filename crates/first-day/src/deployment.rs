//! Both templates as stacks of a run: uploaded, made, called.

use std::path::Path;
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, Parameter, Tag};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::account::Side;
use crate::journal::Kind;
use crate::scratch::{Scratch, TAG, Trouble};
use crate::services::{Bucket, accepted, answered};

/// How long a stack may take.
const STACK_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The longest template that CloudFormation takes without a bucket.
const LONGEST_BODY: usize = 51_200;

/// A stack that was deployed.
pub(crate) struct Stack {
    pub(crate) side: Side,
    outputs: Vec<(String, String)>,
}

impl Stack {
    /// An output.
    ///
    /// # Errors
    /// When the stack has none of that name.
    pub(crate) fn output(&self, name: &'static str) -> Result<&str, Trouble> {
        let mut outputs = self.outputs.iter();
        let found = outputs.find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| Trouble::Unexpected {
                operation: "DescribeStacks".to_owned(),
                lacks: name,
            })
    }
}

/// Uploads packages and template, and makes the stack; why it failed is an answer.
///
/// Buckets and tables that stay when the stack goes are written down before it is made.
pub(crate) async fn deploy(
    scratch: &Scratch,
    side: Side,
    template: &str,
    buckets: &[String],
    tables: &[String],
    parameters: &[(&str, String)],
) -> Result<Result<Stack, String>, Trouble> {
    let packages = scratch.packages()?;
    let uploads = scratch.bucket(side).await?;
    let document = read_file(&packages.join(template)).await?;
    let mut document: Value = serde_json::from_slice(&document).unwrap_or_default();
    let resources = document["Resources"].as_object_mut().into_iter().flatten();
    for (_, resource) in resources {
        let Some(place) = resource.pointer_mut("/Properties/CodeUri") else {
            continue;
        };
        if let Some(zip) = place.as_str().map(str::to_owned) {
            upload(
                scratch,
                &uploads,
                &zip,
                read_file(&packages.join(&zip)).await?,
            )
            .await?;
            *place = json!(format!("s3://{}/{zip}", uploads.name));
        }
    }
    let text = document.to_string();
    for bucket in buckets {
        scratch.expect(Kind::Bucket, side, bucket)?;
    }
    for table in tables {
        scratch.expect(Kind::Table, side, table)?;
    }
    let cloudformation = &scratch.on(side).cloudformation;
    let parameters: Vec<Parameter> = parameters
        .iter()
        .map(|(name, value)| {
            Parameter::builder()
                .parameter_key(*name)
                .parameter_value(value)
                .build()
        })
        .collect();
    let url = if text.len() > LONGEST_BODY {
        upload(scratch, &uploads, template, text.clone().into_bytes()).await?;
        Some(scratch.on(side).address_of(&uploads.name, template))
    } else {
        None
    };
    let made = scratch.make(Kind::Stack, side, async |thing| {
        let request = cloudformation
            .create_stack()
            .stack_name(&thing.name)
            .set_parameters(Some(parameters))
            .tags(Tag::builder().key(TAG).value(scratch.run()).build());
        let request = request
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityAutoExpand);
        let request = match url {
            Some(url) => request.template_url(url),
            None => request.template_body(text),
        };
        Ok(answered("CreateStack", request.send().await)?
            .map(|_| (thing.name.clone(), thing.name.clone())))
    });
    let name = match made.await? {
        Ok(name) => name,
        Err(refusal) => return Ok(Err(refusal.to_string())),
    };
    let began = Instant::now();
    loop {
        let described = accepted(
            "DescribeStacks",
            cloudformation
                .describe_stacks()
                .stack_name(&name)
                .send()
                .await,
        )?;
        let stack = described.stacks().first();
        let status = stack
            .and_then(|stack| stack.stack_status())
            .map_or("gone", |status| status.as_str());
        if status == "CREATE_COMPLETE" {
            let outputs = stack.into_iter().flat_map(|stack| stack.outputs());
            let outputs = outputs.filter_map(|output| {
                Some((
                    output.output_key()?.to_owned(),
                    output.output_value()?.to_owned(),
                ))
            });
            return Ok(Ok(Stack {
                side,
                outputs: outputs.collect(),
            }));
        }
        if !status.ends_with("IN_PROGRESS")
            || status.starts_with("ROLLBACK")
            || began.elapsed() > STACK_LIMIT
        {
            return Ok(Err(format!(
                "{status}: {}",
                why(scratch, side, &name).await?
            )));
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// The first resource that failed.
async fn why(scratch: &Scratch, side: Side, stack: &str) -> Result<String, Trouble> {
    let events = scratch
        .on(side)
        .cloudformation
        .describe_stack_events()
        .stack_name(stack)
        .send()
        .await;
    let events = accepted("DescribeStackEvents", events)?;
    let failed = events.stack_events().iter().rev().find(|event| {
        event
            .resource_status()
            .is_some_and(|status| status.as_str().ends_with("FAILED"))
    });
    let text = failed.map(|event| {
        format!(
            "{}: {}",
            event.logical_resource_id().unwrap_or_default(),
            event.resource_status_reason().unwrap_or_default()
        )
    });
    Ok(text.unwrap_or_default())
}

async fn read_file(path: &Path) -> Result<Vec<u8>, Trouble> {
    tokio::fs::read(path)
        .await
        .map_err(|error| Trouble::NoAnswer {
            operation: path.display().to_string(),
            cause: error.to_string(),
        })
}

async fn upload(
    scratch: &Scratch,
    bucket: &Bucket,
    key: &str,
    bytes: Vec<u8>,
) -> Result<(), Trouble> {
    let put = scratch
        .on(bucket.side)
        .s3
        .put_object()
        .bucket(&bucket.name)
        .key(key);
    accepted("PutObject", put.body(ByteStream::from(bytes)).send().await).map(|_| ())
}

/// An object of the DR bucket; nothing where there is none yet.
pub(crate) async fn read(
    scratch: &Scratch,
    bucket: &str,
    key: &str,
) -> Result<Option<String>, Trouble> {
    let got = scratch
        .on(Side::Dr)
        .s3
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await;
    let Ok(object) = answered("GetObject", got)? else {
        return Ok(None);
    };
    let bytes = object
        .body
        .collect()
        .await
        .map_err(|error| Trouble::NoAnswer {
            operation: "GetObject".to_owned(),
            cause: error.to_string(),
        })?;
    Ok(Some(
        String::from_utf8_lossy(&bytes.into_bytes()).into_owned(),
    ))
}

/// Calls a function of a stack; the body of its answer, or its error, which is an answer.
pub(crate) async fn invoke(
    scratch: &Scratch,
    stack: &Stack,
    output: &'static str,
    payload: &Value,
) -> Result<Result<Value, String>, Trouble> {
    let function = stack.output(output)?;
    let lambda = &scratch.on(stack.side).lambda;
    let invoked = lambda
        .invoke()
        .function_name(function)
        .payload(Blob::new(payload.to_string()))
        .send()
        .await;
    let invoked = match answered("Invoke", invoked)? {
        Ok(invoked) => invoked,
        Err(refusal) => return Ok(Err(refusal.to_string())),
    };
    let answer = invoked
        .payload()
        .map(|payload| payload.as_ref().to_vec())
        .unwrap_or_default();
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if invoked.function_error().is_some() || answer["statusCode"] != 200 {
        return Ok(Err(answer.to_string()));
    }
    let body = answer["body"]
        .as_str()
        .and_then(|body| serde_json::from_str(body).ok());
    Ok(Ok(body.unwrap_or_default()))
}
