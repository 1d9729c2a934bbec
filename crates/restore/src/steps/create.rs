//! Creating things that have a name of their own in the pool, each once.

use std::collections::HashMap;

use cognito::{CognitoError, ErrorKind, Operation};
use model::UserPoolId;
use serde_json::{Value, json};

use super::about;
use crate::context::{Existing, Restore};
use crate::document::{Document, remove};
use crate::error::{RestoreError, is_passing};
use crate::once::{self, Second};
use crate::step::News;

/// How things of one kind are listed and created.
pub(super) struct Kind {
    /// Lists what is there.
    pub(super) list: Operation,
    /// The member that names a thing, in the list and in the request.
    pub(super) name: &'static str,
    /// Creates one.
    pub(super) create: Operation,
    /// Describes one, and the answer's member that holds it, where the list does not show all.
    pub(super) describe: Option<(Operation, &'static str)>,
    /// Updates one, where it may have been made with less than it is to have.
    pub(super) update: Option<Operation>,
    /// Changes one that is there, and the members that only a creation takes.
    pub(super) change: (Operation, &'static [&'static str]),
}

/// One thing to create.
pub(super) struct ToCreate {
    /// Its name.
    pub(super) name: String,
    /// The request as it should be, without `UserPoolId`.
    pub(super) request: Document,
    /// A request to try where Cognito refuses that one, and what to tell when it is taken.
    pub(super) otherwise: Option<(Document, News)>,
}

/// What became of the things.
pub(super) struct Created {
    /// How many are there now.
    pub(super) there: u64,
    /// Whether the stop came first.
    pub(super) interrupted: bool,
    /// What Cognito refused: name and error.
    pub(super) refused: Vec<(String, CognitoError)>,
}

/// Creates what is not there yet, and [changes](Existing::IsChanged) what is, where that is asked
/// for.
///
/// # Errors
/// Errors that stand for the whole step: Cognito is not there, a quota is used up, or IAM does
/// not allow the call.
pub(super) async fn missing(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    kind: &Kind,
    wanted: Vec<ToCreate>,
    news: &mut News,
) -> Result<Created, RestoreError> {
    let mut created = Created {
        there: 0,
        interrupted: false,
        refused: Vec::new(),
    };
    if wanted.is_empty() {
        return Ok(created);
    }
    let existing = existing_by_name(restore, pool, kind).await?;
    for thing in wanted {
        if restore.stop.is_requested() {
            created.interrupted = true;
            break;
        }
        if let Some(listed) = existing.get(&thing.name)
            && restore.existing == Existing::IsChanged
        {
            let there = details(restore, pool, kind, &thing.name, listed).await?;
            let mut result = change(restore, pool, kind, &there, thing.request).await;
            if let (Err(error), Some((request, told))) = (&result, thing.otherwise)
                && (error.is(ErrorKind::Refused) || is_about_a_role(error))
            {
                result = change(restore, pool, kind, &there, request).await;
                if result.is_ok() {
                    news.replace(told);
                }
            }
            match result {
                Ok(()) => created.there += 1,
                Err(error) if concerns_every_item(&error) => return Err(error.into()),
                Err(error) => created.refused.push((thing.name, error)),
            }
            continue;
        }
        if let Some(listed) = existing.get(&thing.name) {
            // An earlier invocation had made it, one way or the other.
            if let Some((_, told)) = thing.otherwise {
                let there = details(restore, pool, kind, &thing.name, listed).await?;
                let request = about(pool, thing.request);
                if !holds(&there, &request) && !updated(restore, kind, &request).await? {
                    news.replace(told);
                }
            }
            created.there += 1;
            continue;
        }
        let first = about(pool, thing.request);
        let mut result = one(restore, pool, kind, &thing.name, &first).await;
        if let (Err(error), Some((request, told))) = (&result, thing.otherwise)
            && (error.is(ErrorKind::Refused) || is_about_a_role(error))
        {
            tracing::info!(operation = %kind.create, code = error.code, "refused; trying otherwise");
            let second = about(pool, request);
            result = one(restore, pool, kind, &thing.name, &second).await;
            if result.is_ok() {
                news.replace(told);
            }
        }
        match result {
            Ok(()) => created.there += 1,
            Err(error) if concerns_every_item(&error) => return Err(error.into()),
            Err(error) => created.refused.push((thing.name, error)),
        }
    }
    Ok(created)
}

/// Makes a thing that is there what it is to be: what it has beyond that is cleared explicitly, for
/// an update may keep what it leaves out (facts 0.1).
async fn change(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    kind: &Kind,
    there: &Value,
    mut request: Document,
) -> Result<(), CognitoError> {
    let (operation, only_on_creation) = kind.change;
    clear_what_is_left_out(&mut request, there);
    remove(&mut request, only_on_creation);
    let request = about(pool, request);
    restore.cognito.call(operation, &request).await.map(drop)
}

/// Says of lists and objects that `there` has and the request leaves out that they are empty.
pub(super) fn clear_what_is_left_out(request: &mut Document, there: &Value) {
    for (name, value) in there.as_object().into_iter().flatten() {
        let empty = match value {
            Value::Array(_) => json!([]),
            Value::Object(_) => json!({}),
            _ => continue,
        };
        request.entry(name.as_str()).or_insert(empty);
    }
}

/// Whether the next thing would meet the same error.
pub(super) fn concerns_every_item(error: &CognitoError) -> bool {
    is_passing(error)
        || matches!(
            error.kind,
            ErrorKind::NotAuthorized | ErrorKind::Quota | ErrorKind::Missing
        )
}

/// Whether IAM denies to hand on a role, and not the call itself: it costs that role.
pub(super) fn is_about_a_role(error: &CognitoError) -> bool {
    error.message.contains("iam:PassRole")
}

/// Creates one.
async fn one(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    kind: &Kind,
    name: &str,
    request: &Value,
) -> Result<(), CognitoError> {
    let look = async || {
        let mut existing = existing_by_name(restore, pool, kind).await?;
        Ok::<_, CognitoError>(existing.remove(name))
    };
    match once::create(restore, kind.create, request, Second::Refuses, look).await {
        Err(error) if error.is(ErrorKind::AlreadyExists) => Ok(()),
        result => result.map(drop),
    }
}

/// Whether Cognito takes what it refused when the thing was made.
async fn updated(
    restore: &Restore<'_>,
    kind: &Kind,
    request: &Value,
) -> Result<bool, CognitoError> {
    let Some(update) = kind.update else {
        return Ok(false);
    };
    match restore.cognito.call(update, request).await {
        Ok(_) => Ok(true),
        Err(error) if concerns_every_item(&error) && !is_about_a_role(&error) => Err(error),
        Err(error) => {
            tracing::info!(operation = %update, code = error.code, "still refused");
            Ok(false)
        }
    }
}

/// What is there, by name.
pub(super) async fn existing_by_name(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    kind: &Kind,
) -> Result<HashMap<String, Value>, CognitoError> {
    let listed = restore.cognito.list(kind.list, pool).await?;
    Ok(listed
        .into_iter()
        .filter_map(|thing| Some((thing.get(kind.name)?.as_str()?.to_owned(), thing)))
        .collect())
}

/// All that Cognito shows of a thing.
async fn details(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    kind: &Kind,
    name: &str,
    listed: &Value,
) -> Result<Value, CognitoError> {
    let Some((describe, member)) = kind.describe else {
        return Ok(listed.clone());
    };
    let request = json!({"UserPoolId": pool.as_str(), kind.name: name});
    let mut answer = restore.cognito.call(describe, &request).await?;
    Ok(answer.get_mut(member).map(Value::take).unwrap_or_default())
}

/// Whether `there` has all that `wanted` has; it may have more.
pub(super) fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| there.get(name).is_some_and(|there| holds(there, wanted))),
        _ => there == wanted,
    }
}
