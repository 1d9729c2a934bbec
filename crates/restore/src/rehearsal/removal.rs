//! The removal of scratch pools.

use std::time::Duration;

use cognito::{Cognito, CognitoError, ErrorKind, Operation, Pages};
use model::{RestoreId, UserPoolId};
use serde_json::{Value, json};

use super::{NAME, REHEARSAL_TAG};
use crate::document::text;
use crate::error::RestoreError;
use crate::steps::RESTORE_TAG;
use crate::steps::pool_document;

/// How long an import job may take to stop: the pool is not deleted while one runs (facts B.1).
const STOPS: u32 = 30;
/// Between two looks whether it has.
const PAUSE: Duration = Duration::from_secs(2);

/// A scratch pool that is there.
#[derive(Debug, Clone)]
pub(super) struct ScratchPool {
    pub(super) id: UserPoolId,
    /// Whose it is.
    pub(super) restore_id: RestoreId,
    /// When it was made, in seconds since 1970.
    pub(super) created: Option<i64>,
    described: Value,
}

/// Removes all pools of a rehearsal: `known`, which lists may not show yet, and every other with
/// its tag. Gives their number. Removing again changes nothing.
///
/// # Errors
/// [`RestoreError`] when Cognito does not show or delete one.
pub async fn remove_pools_of(
    cognito: &Cognito,
    restore_id: &RestoreId,
    known: Option<&UserPoolId>,
) -> Result<u64, RestoreError> {
    let mut pools = all(cognito).await?;
    pools.retain(|pool| pool.restore_id == *restore_id);
    if let Some(known) = known.filter(|known| pools.iter().all(|pool| pool.id != **known)) {
        let described = look(cognito, known).await?;
        pools.extend(described.filter(|pool| pool.restore_id == *restore_id));
    }
    for pool in &pools {
        remove(cognito, pool).await?;
        tracing::info!(user_pool_id = %pool.id, %restore_id, "the scratch pool is removed");
    }
    Ok(pools.len() as u64)
}

/// All scratch pools of the Region. Those are looked at whose name says so; what counts is the
/// tag.
pub(super) async fn all(cognito: &Cognito) -> Result<Vec<ScratchPool>, RestoreError> {
    let mut found = Vec::new();
    let mut pages = Pages::new(cognito, Operation::ListUserPools, json!({}))?;
    while let Some(pools) = pages.next().await? {
        for listed in pools {
            let is_named_so = text(&listed, "/Name").is_some_and(|name| name.starts_with(NAME));
            let id = text(&listed, "/Id").and_then(|id| id.parse::<UserPoolId>().ok());
            if let Some(id) = id.filter(|_| is_named_so) {
                found.extend(look(cognito, &id).await?);
            }
        }
    }
    Ok(found)
}

/// The pool, if it is there and a scratch pool.
async fn look(cognito: &Cognito, id: &UserPoolId) -> Result<Option<ScratchPool>, RestoreError> {
    let operation = Operation::DescribeUserPool;
    let request = json!({"UserPoolId": id.as_str()});
    let mut answer = match cognito.call(operation, &request).await {
        Ok(answer) => answer,
        Err(error) if error.is(ErrorKind::Missing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let described = answer["UserPool"].take();
    let tags = &described["UserPoolTags"];
    let tag = tags[REHEARSAL_TAG].as_str();
    // Both tags come from one creation: whoever gave one of them by hand did not mean this.
    let restore_id = tag.filter(|tag| tags[RESTORE_TAG] == *tag);
    let restore_id = restore_id.and_then(|tag| tag.parse::<RestoreId>().ok());
    Ok(restore_id.map(|restore_id| ScratchPool {
        id: id.clone(),
        restore_id,
        created: described["CreationDate"]
            .as_f64()
            .map(|seconds| seconds as i64),
        described,
    }))
}

/// Takes off what keeps a pool from being deleted, and deletes it.
async fn remove(cognito: &Cognito, pool: &ScratchPool) -> Result<(), RestoreError> {
    stop_import_jobs(cognito, &pool.id).await?;
    if pool.described["DeletionProtection"] == "ACTIVE" {
        let mut request = pool_document::update(&pool.described);
        request.insert("DeletionProtection".into(), "INACTIVE".into());
        gone(
            cognito
                .call(Operation::UpdateUserPool, &Value::Object(request))
                .await,
        )?;
    }
    // A rehearsal makes no domain. One that somebody gave to the pool keeps it from being deleted
    // (facts A.10).
    for member in ["/Domain", "/CustomDomain"] {
        if let Some(domain) = text(&pool.described, member) {
            let request = json!({"UserPoolId": pool.id.as_str(), "Domain": domain});
            gone(
                cognito
                    .call(Operation::DeleteUserPoolDomain, &request)
                    .await,
            )?;
        }
    }
    let request = json!({"UserPoolId": pool.id.as_str()});
    gone(cognito.call(Operation::DeleteUserPool, &request).await)
}

/// Stops what still imports users, and waits until it has stopped: a job also keeps other jobs
/// of the account waiting (facts C.5).
async fn stop_import_jobs(cognito: &Cognito, pool: &UserPoolId) -> Result<(), RestoreError> {
    let request = json!({"UserPoolId": pool.as_str()});
    for _ in 0..STOPS {
        let pages = Pages::new(cognito, Operation::ListUserImportJobs, request.clone())?;
        let jobs = match pages.all().await {
            Ok(jobs) => jobs,
            Err(error) => return gone(Err(error)),
        };
        let mut is_active = false;
        for job in &jobs {
            let status = job["Status"].as_str().unwrap_or_default();
            is_active |= matches!(status, "Pending" | "InProgress" | "Stopping");
            if matches!(status, "Pending" | "InProgress") {
                let job = json!({"UserPoolId": pool.as_str(), "JobId": job["JobId"]});
                match cognito.call(Operation::StopUserImportJob, &job).await {
                    // It ended since it was listed.
                    Err(error) if error.is(ErrorKind::Refused) => {}
                    result => gone(result)?,
                }
            }
        }
        if !is_active {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    // What Cognito says to the deletion tells more.
    Ok(())
}

/// What is not there need not be removed.
fn gone(result: Result<Value, CognitoError>) -> Result<(), RestoreError> {
    match result {
        Err(error) if !error.is(ErrorKind::Missing) => Err(error.into()),
        _ => Ok(()),
    }
}
