//! Tags of a pool (facts A.17).

use serde_json::{Value, json};

use super::arn;
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Pool, State, pool_not_found};

/// Tags of a pool (facts A.17).
const TAGS: usize = 50;

pub(crate) fn tag(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = tagged(call, state)?;
    let mut tags = tags_of(pool);
    let given = call.document("Tags").cloned().unwrap_or_default();
    let new = given.keys().filter(|key| !tags.contains_key(*key)).count();
    check(given.keys().map(String::as_str), tags.len() + new)
        .map_err(ServiceError::invalid_parameter)?;
    tags.extend(given);
    pool.settings
        .insert("UserPoolTags".to_owned(), Value::Object(tags));
    Ok(Reply::empty())
}

pub(crate) fn untag(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = tagged(call, state)?;
    let keys: Vec<&str> = call
        .list("TagKeys")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    check(keys.iter().copied(), 0).map_err(ServiceError::invalid_parameter)?;
    let mut tags = tags_of(pool);
    tags.retain(|key, _| !keys.contains(&key.as_str()));
    pool.settings
        .insert("UserPoolTags".to_owned(), Value::Object(tags));
    Ok(Reply::empty())
}

pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = tagged(call, state)?;
    Ok(json!({"Tags": tags_of(pool)}).into())
}

/// Keys that begin with `aws:` are the service's own, and there is a limit (facts A.17 [DOC]; that keys are refused
/// on create is facts Appendix 2, unverified, as are the texts). Describe shows such tags where a seed has them.
///
/// # Errors
/// What is wrong, for the operation's own error.
pub(super) fn check<'k>(
    mut keys: impl Iterator<Item = &'k str>,
    count: usize,
) -> Result<(), String> {
    if keys.any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err("aws: prefixed tag key names are not allowed for external use.".to_owned());
    }
    if count > TAGS {
        return Err(format!("A user pool cannot have more than {TAGS} tags."));
    }
    Ok(())
}

fn tags_of(pool: &Pool) -> Document {
    match pool.settings.get("UserPoolTags") {
        Some(Value::Object(tags)) => tags.clone(),
        _ => Document::new(),
    }
}

/// The pool of a `ResourceArn`, which must be of the caller's account and Region [GEN].
fn tagged<'s>(call: &Call<'_>, state: &'s mut State) -> Result<&'s mut Pool, ServiceError> {
    let given = call.required("ResourceArn")?;
    let id = arn::resource(given)
        .strip_prefix("userpool/")
        .ok_or_else(|| ServiceError::invalid_parameter("Invalid resource ARN."))?;
    let is_here =
        arn::region(given) == call.region.as_str() && arn::account(given) == call.account.as_str();
    state
        .region(call.account, call.region)
        .pools
        .get_mut(id)
        .filter(|_| is_here)
        .ok_or_else(|| pool_not_found(id))
}
