//! Lambda triggers and the key of custom senders (facts A.4).
//!
//! Existence, ownership and invoke permission of a function are not checked, as Cognito does not check them.

use serde_json::{Value, json};

use super::access::text_at;
use super::arn;
use crate::call::Document;
use crate::error::ServiceError;
use crate::state::Region;

/// Checks `LambdaConfig` for a pool in a Region.
///
/// # Errors
/// `InvalidParameterException` for each rule of facts A.4.
pub(super) fn check(config: &Document, region: &Region) -> Result<(), ServiceError> {
    // Facts A.4 [BENCH lambda-config-region].
    if functions(config).any(|function| arn::region(function) != region.as_str()) {
        return Err(ServiceError::invalid_parameter(
            "Cross-region lambda functions are not supported",
        ));
    }
    // Facts A.4 [BENCH].
    let legacy = text_at(config, &["PreTokenGeneration"]);
    let versioned = text_at(config, &["PreTokenGenerationConfig", "LambdaArn"]);
    if let (Some(legacy), Some(versioned)) = (legacy, versioned)
        && legacy != versioned
    {
        return Err(ServiceError::invalid_parameter(
            "Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's",
        ));
    }
    // Facts A.4 [BENCH].
    let has_sender = ["CustomSMSSender", "CustomEmailSender"]
        .iter()
        .any(|sender| config.contains_key(*sender));
    let key = text_at(config, &["KMSKeyID"]);
    if has_sender && key.is_none() {
        return Err(ServiceError::invalid_parameter(
            "KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used.",
        ));
    }
    match key {
        Some(key) => check_key(key, region),
        None => Ok(()),
    }
}

/// A key must be in the pool's Region (facts A.4 [BENCH]; that the Region in the text is the key's is unverified).
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_key(key: &str, region: &Region) -> Result<(), ServiceError> {
    let key_region = arn::region(key);
    if key_region != region.as_str() {
        return Err(ServiceError::invalid_parameter(format!(
            "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn {key_region}"
        )));
    }
    Ok(())
}

/// Keeps the two spellings of the token trigger in step, as Describe shows them (facts A.4 [BENCH]).
pub(super) fn synchronise(config: &mut Document) {
    let legacy = text_at(config, &["PreTokenGeneration"]).map(str::to_owned);
    let versioned = text_at(config, &["PreTokenGenerationConfig", "LambdaArn"]).map(str::to_owned);
    match (legacy, versioned) {
        (Some(function), None) => {
            config.insert(
                "PreTokenGenerationConfig".to_owned(),
                json!({"LambdaVersion": "V1_0", "LambdaArn": function}),
            );
        }
        (None, Some(function)) => {
            config.insert("PreTokenGeneration".to_owned(), json!(function));
        }
        _ => {}
    }
}

/// The ARNs of all functions in a `LambdaConfig`, also those under members that the model does not know yet.
fn functions(config: &Document) -> impl Iterator<Item = &str> {
    config
        .iter()
        .filter(|(member, _)| *member != "KMSKeyID")
        .filter_map(|(_, value)| match value {
            Value::String(function) => Some(function.as_str()),
            other => other.get("LambdaArn").and_then(Value::as_str),
        })
        .filter(|function| function.starts_with("arn:"))
}
