//! The custom attributes that one CreateUserPool call cannot take.

use std::collections::HashSet;

use cognito::Operation;
use model::restore::RestoreState;
use serde_json::{Value, json};

use super::{described, schema};
use crate::context::{Existing, Restore};
use crate::document::text;
use crate::error::RestoreError;
use crate::once::{self, Second};
use crate::step::{StepProgress, StepResult};

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
    let wanted = match restore.existing {
        Existing::Stays => schema::of(attributes, legacy_sub).later,
        // It may have been made before any of them was there.
        Existing::IsChanged => schema::custom(attributes),
    };
    if wanted.is_empty() {
        return Ok(StepResult::nothing_to_do().into());
    }
    let pool = restore.target(state)?;
    let there = custom_names(&described(restore, pool).await?);
    let is_in = |there: &HashSet<String>, attribute: &Value| {
        text(attribute, "/Name").is_some_and(|name| there.contains(name))
    };
    let mut missing = wanted.clone();
    missing.retain(|attribute| !is_in(&there, attribute));
    for batch in missing.chunks(schema::IN_ONE_CALL) {
        let request = json!({"UserPoolId": pool.as_str(), "CustomAttributes": batch});
        let look = async || {
            let pool = described(restore, pool).await?;
            let there = custom_names(&pool);
            let all = batch.iter().all(|attribute| is_in(&there, attribute));
            Ok::<_, RestoreError>(all.then_some(pool))
        };
        let operation = Operation::AddCustomAttributes;
        once::create(restore, operation, &request, Second::Refuses, look).await?;
    }
    Ok(StepResult::restored(wanted.len() as u64).into())
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
