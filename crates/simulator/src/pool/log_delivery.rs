//! Log delivery (facts A.15).

use serde_json::{Value, json};

use super::access::{self, objects, text_at};
use super::arn;
use super::tiers::{self, Tier};
use crate::call::{Answer, Call, Document};
use crate::error::ServiceError;
use crate::state::{Pool, State};

/// The destinations and the members with their ARNs.
const DESTINATIONS: &[(&str, &str)] = &[
    ("CloudWatchLogsConfiguration", "LogGroupArn"),
    ("S3Configuration", "BucketArn"),
    ("FirehoseConfiguration", "StreamArn"),
];

/// Absent when it was never set (facts A.15, unverified: absent or empty).
pub(crate) fn get(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    Ok(match &pool.log_delivery {
        Some(configurations) => described(pool, configurations),
        None => json!({}),
    }
    .into())
}

/// A full replacement [INF].
pub(crate) fn set(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let mut sources = Vec::new();
    for configuration in objects(call.request, "LogConfigurations") {
        let source = text_at(configuration, &["EventSource"]).unwrap_or_default();
        // Facts A.15 [BENCH].
        if sources.contains(&source) {
            return Err(ServiceError::invalid_parameter(
                "Following event sources appear more then once in a request",
            ));
        }
        sources.push(source);
        check(call, pool, configuration, source)?;
    }
    let configurations = call.list("LogConfigurations").to_vec();
    let answer = described(pool, &configurations);
    pool.log_delivery = Some(configurations);
    Ok(answer.into())
}

fn described(pool: &Pool, configurations: &[Value]) -> Value {
    json!({"LogDeliveryConfiguration": {
        "UserPoolId": pool.id,
        "LogConfigurations": configurations,
    }})
}

fn check(
    call: &Call<'_>,
    pool: &Pool,
    configuration: &Document,
    source: &str,
) -> Result<(), ServiceError> {
    // Facts A.15 [BENCH].
    if source == "userAuthEvents" {
        tiers::require(pool, Tier::Plus, "Log Streaming")?;
    }
    // Facts A.15 [MODEL]: which level goes with which source; the text is unverified.
    let level = if source == "userAuthEvents" {
        "INFO"
    } else {
        "ERROR"
    };
    if text_at(configuration, &["LogLevel"]) != Some(level) {
        return Err(ServiceError::invalid_parameter(format!(
            "The log level of the event source {source} must be {level}."
        )));
    }
    let given: Vec<_> = DESTINATIONS
        .iter()
        .filter(|(destination, _)| configuration.contains_key(*destination))
        .collect();
    // One destination, and notifications to CloudWatch only (facts A.15 [MODEL]); the texts are unverified.
    let [(destination, member)] = given.as_slice() else {
        return Err(ServiceError::invalid_parameter(format!(
            "The event source {source} needs one destination."
        )));
    };
    if source == "userNotification" && *destination != "CloudWatchLogsConfiguration" {
        return Err(ServiceError::invalid_parameter(
            "The event source userNotification can be delivered to CloudWatch Logs only.",
        ));
    }
    let target = text_at(configuration, &[destination, member]).unwrap_or_default();
    // Facts A.15 [BENCH] of log groups; S3 has neither account nor Region in its ARNs.
    if *destination == "S3Configuration" {
        return Ok(());
    }
    let mut complaints = String::new();
    if arn::account(target) != call.account.as_str() {
        complaints.push_str(" ARN does not belong to invoking account.");
    }
    if arn::region(target) != call.region.as_str() {
        complaints.push_str(" ARN does not belong to current region.");
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(ServiceError::invalid_parameter(format!(
        "Invalid {member}.{complaints}"
    )))
}
