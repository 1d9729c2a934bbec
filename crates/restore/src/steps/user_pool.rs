//! The pool itself.

use std::time::Duration;

use cognito::{CognitoError, ErrorKind, Operation, Pages};
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use model::{RestoreId, UserPoolId};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::described;
use super::pool_document::{self, NewPool, RESTORE_TAG};
use crate::commands;
use crate::context::Restore;
use crate::document::{Document, text, token};
use crate::error::RestoreError;
use crate::once::{self, Second};
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};

mod concession;

use concession::Concession;

/// How long IAM may take to know the new pool's tag.
const TAG_PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait before asking again, at first.
const TAG_PAUSE: Duration = Duration::from_millis(250);

/// Creates the pool, quiet: no MFA, no triggers, no auto-verification, no deletion protection.
///
/// Everything else belongs to the pool, so it comes first. CreateUserPool is not idempotent and
/// names are not unique: the pool carries a tag with the restore's id, and a repeated step looks
/// for it before it creates (facts B.1). What only Cognito can judge (an SES identity, a role, a
/// key) is asked for first and left out when it is refused, which the report says.
///
/// # Errors
/// [`RestoreError::Cognito`]: without a pool there is no restore.
pub async fn user_pool(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let legacy_sub = restore.settings.legacy_sub_attribute.as_deref();
    let head = restore.head();
    let restore_id = state.restore_id.clone();
    let asked = |relocation: &Relocation<'_>| {
        pool_document::creation(head, relocation, &restore_id, legacy_sub)
    };
    let relocation = Relocation::of(restore, None);
    let wanted = asked(&relocation);
    let made_before = state.new_user_pool_id.is_some();
    if !made_before {
        let pool = find_or_create(restore, wanted.request, &relocation, &restore_id).await?;
        tracing::info!(user_pool_id = %pool, "the new pool is there");
        state.new_user_pool_id = Some(pool);
        restore.save(state).await?;
    }
    let pool = restore.target(state)?.clone();
    // Told from what came of it, so that a repeated step tells the same.
    let relocation = Relocation::of(restore, Some(&pool));
    let NewPool {
        mut request,
        mut news,
    } = asked(&relocation);
    let mut there = described(restore, &pool).await?;
    until_the_tag_is_known(
        restore,
        text(&there, "/Arn").unwrap_or_default(),
        &restore_id,
    )
    .await?;
    if made_before {
        there = complete(restore, &pool, &request, there).await?;
    }
    for concession in Concession::ALL {
        if concession.was_made(&request, &there) {
            concession.make(&mut request, &relocation, &mut news);
        }
    }
    tell_if_missing(head, Section::Tags, &mut news);
    tell_replicas(restore, &relocation, &mut news);
    Ok(StepResult::restored(1).telling(news).into())
}

/// Tags the pool once more, until that is allowed: the function's role may write only into pools
/// that carry the restore's tag, and how soon IAM knows a new pool's tag is not documented.
async fn until_the_tag_is_known(
    restore: &Restore<'_>,
    pool_arn: &str,
    restore_id: &RestoreId,
) -> Result<(), RestoreError> {
    let request = json!({"ResourceArn": pool_arn, "Tags": {RESTORE_TAG: restore_id.as_str()}});
    let began = Instant::now();
    let mut pause = TAG_PAUSE;
    loop {
        let Err(error) = restore.cognito.call(Operation::TagResource, &request).await else {
            return Ok(());
        };
        let is_early =
            error.is(ErrorKind::NotAuthorized) && began.elapsed() + pause <= TAG_PATIENCE;
        tracing::info!(is_early, "the new pool's tag does not count yet");
        if !is_early || !restore.stop.sleep(pause).await {
            return Err(error.into());
        }
        pause *= 2;
    }
}

/// Gives a pool that was made before what it lacks and may get by now: a sender or a key that
/// the operator mended or mapped. What they changed by hand stays.
async fn complete(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    wanted: &Document,
    mut there: Value,
) -> Result<Value, RestoreError> {
    for concession in Concession::ALL {
        let (member, arns) = concession.member();
        let arn = |document: Option<&Value>| {
            let document = document.unwrap_or(&Value::Null);
            let found = arns.iter().find_map(|path| text(document, path));
            found.map(str::to_owned)
        };
        let (new, now) = (arn(wanted.get(member)), arn(there.get(member)));
        let translated = new != arn(restore.head().user_pool().get(member));
        if new.is_none() || new == now || (now.is_some() && !translated) {
            continue;
        }
        let mut request = pool_document::update(&there);
        request.insert(member.into(), wanted[member].clone());
        if concession == Concession::Sms && pool_document::allows_codes_by_sms(wanted) {
            request.insert("Policies".into(), wanted["Policies"].clone());
        }
        let operation = Operation::UpdateUserPool;
        let result = restore
            .cognito
            .call(operation, &Value::Object(request))
            .await;
        match result {
            Ok(_) => there = described(restore, pool).await?,
            Err(error) if concession.answers(&error) => {
                tracing::info!(?concession, code = error.code, "still refused");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(there)
}

/// The pool with the restore's tag; a new one when there is none.
async fn find_or_create(
    restore: &Restore<'_>,
    mut request: Document,
    relocation: &Relocation<'_>,
    restore_id: &RestoreId,
) -> Result<UserPoolId, RestoreError> {
    let name = request
        .get("PoolName")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let operation = Operation::CreateUserPool;
    if let Some(pool) = find(restore, &name, restore_id).await? {
        return id_of(&pool, operation);
    }
    loop {
        let body = Value::Object(request.clone());
        let look = async || {
            let found = find(restore, &name, restore_id).await?;
            Ok::<_, RestoreError>(found.map(|pool| json!({"UserPool": pool})))
        };
        let error = match once::create(restore, operation, &body, Second::Makes, look).await {
            Ok(answer) => return id_of(&answer["UserPool"], operation),
            Err(error) => error.into_cognito()?,
        };
        let concession = Concession::ALL
            .into_iter()
            .find(|concession| concession.answers(&error) && concession.is_possible(&request));
        let Some(concession) = concession else {
            return Err(error.into());
        };
        tracing::warn!(?concession, code = error.code, "refused; asking for less");
        concession.make(&mut request, relocation, &mut News::default());
    }
}

/// The pool of that name with the restore's tag.
async fn find(
    restore: &Restore<'_>,
    name: &str,
    restore_id: &RestoreId,
) -> Result<Option<Value>, RestoreError> {
    let mut pages = Pages::new(restore.cognito, Operation::ListUserPools, json!({}))?;
    while let Some(pools) = pages.next().await? {
        for listed in pools.iter().filter(|pool| pool["Name"] == name) {
            let pool = id_of(listed, Operation::ListUserPools)?;
            let found = match described(restore, &pool).await {
                Ok(found) => found,
                // Deleted since it was listed.
                Err(RestoreError::Cognito(error)) if error.is(ErrorKind::Missing) => continue,
                Err(error) => return Err(error),
            };
            if found["UserPoolTags"][RESTORE_TAG] == restore_id.as_str() {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn id_of(pool: &Value, operation: Operation) -> Result<UserPoolId, RestoreError> {
    pool["Id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| CognitoError::unexpected_answer(operation, "pool id").into())
}

/// Replication is the operator's to set up again: it costs money and names Regions that the
/// restore may be running away from.
fn tell_replicas(restore: &Restore<'_>, relocation: &Relocation<'_>, news: &mut News) {
    let head = restore.head();
    tell_if_missing(head, Section::Replicas, news);
    for replica in head.list(Section::Replicas) {
        let region = text(replica, "/RegionName")
            .or_else(|| text(replica, "/Region"))
            .unwrap_or("another Region");
        news.finding(
            Finding::new(
                FindingKind::Skipped,
                format!("replica in {region}"),
                "replication is set up again by the operator",
            )
            .announcing(Section::Replicas, &token(region)),
        );
        let arguments = [("region-name", region)];
        let command = commands::cognito(
            relocation.region,
            relocation.pool,
            "create-user-pool-replica",
            &arguments,
        );
        news.manual(
            ManualStep::new(
                format!("Decide about a replica in {region}"),
                "The lost pool had one; a restore makes none.",
            )
            .with_command(command),
        );
    }
}
