//! The custom attributes that one CreateUserPool call cannot take.

use std::collections::HashSet;

use cognito::{ErrorKind, Operation};
use model::restore::RestoreState;
use serde_json::{Value, json};

use super::{described, schema};
use crate::context::Restore;
use crate::document::text;
use crate::error::RestoreError;
use crate::step::{StepProgress, StepResult};

/// How often it is looked whether all are there.
const ATTEMPTS: u32 = 6;

/// Adds the attributes for which CreateUserPool had no room: it takes 50 with the changed
/// standard ones, AddCustomAttributes 25 a call (facts A.2).
///
/// Runs before clients and providers, which name attributes.
///
/// # Errors
/// [`RestoreError::Cognito`]: users cannot be restored without their attributes.
pub async fn custom_attributes(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let attributes = restore.head().user_pool()["SchemaAttributes"].as_array();
    let attributes = attributes.map_or(&[][..], Vec::as_slice);
    let legacy_sub = restore.settings.legacy_sub_attribute.as_deref();
    let schema = schema::of(attributes, legacy_sub);
    if schema.later.is_empty() {
        return Ok(StepResult::nothing_to_do().into());
    }
    let pool = restore.target(state)?;
    for attempt in 1..=ATTEMPTS {
        let there = custom_names(&described(restore, pool).await?);
        let missing: Vec<&Value> = schema
            .later
            .iter()
            .filter(|attribute| !text(attribute, "/Name").is_some_and(|name| there.contains(name)))
            .collect();
        if missing.is_empty() {
            return Ok(StepResult::restored(schema.later.len() as u64).into());
        }
        for batch in missing.chunks(schema::IN_ONE_CALL) {
            let request = json!({"UserPoolId": pool.as_str(), "CustomAttributes": batch});
            let added = restore
                .cognito
                .call(Operation::AddCustomAttributes, &request);
            match added.await {
                Ok(_) => {}
                // It may have been done: look again.
                Err(error) if error.is(ErrorKind::AnswerLost) && attempt < ATTEMPTS => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Err(RestoreError::Internal(format!(
        "custom attributes were added to {pool} and do not show in it"
    )))
}

/// The names of the pool's custom attributes, without prefixes.
fn custom_names(pool: &Value) -> HashSet<String> {
    pool["SchemaAttributes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|attribute| schema::bare_name(attribute["Name"].as_str()?))
        .map(|(bare, _)| bare.to_owned())
        .collect()
}
