//! Self sign-up: closed from the first step on, and as it was when everything is there.

use cognito::{Cognito, CognitoError, ErrorKind, Operation};
use model::UserPoolId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use serde_json::{Value, json};

use super::{described, pool_document, triggers};
use crate::commands;
use crate::context::Restore;
use crate::document::{Document, text};
use crate::error::RestoreError;
use crate::relocation::Relocation;
use crate::step::{News, StepProgress, StepResult};

const ADMIN_ONLY: &str = "AllowAdminCreateUserOnly";

/// Opens self sign-up where the lost pool had it open, and protects the pool from deletion.
///
/// Runs last: until now nobody could sign up, whatever ended the restore, and a pool that is not
/// finished is easy to remove (facts B.1). Where a PreSignUp function decided who may sign up
/// and is not there, sign-up stays closed, and the operator is told.
///
/// # Errors
/// [`RestoreError::Cognito`]: without it the pool is not what it was.
pub async fn self_sign_up(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let pool = restore.target(state)?.clone();
    let relocation = Relocation::of(restore, Some(&pool));
    let head = restore.head();
    let there = described(restore, &pool).await?;
    let mut news = News::default();
    let open = may_open(head, &there["LambdaConfig"], &relocation, &mut news);
    let protected = head.user_pool()["DeletionProtection"] == "ACTIVE";
    update(restore.cognito, &pool, |request| {
        set_admin_only(request, !open);
        if protected {
            request.insert("DeletionProtection".into(), "ACTIVE".into());
        }
    })
    .await?;
    Ok(StepResult::restored(1).telling(news).into())
}

/// Whether strangers may sign up in a pool that has these triggers.
pub(super) fn may_open(
    head: &BackupHead,
    attached: &Value,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> bool {
    if pool_document::admin_only(head) {
        return false;
    }
    let old = triggers::of_pool(head.user_pool());
    let guarded = old.get("PreSignUp").is_some_and(Value::is_string);
    if !guarded || text(attached, "/PreSignUp").is_some() {
        return true;
    }
    let path = format!("AdminCreateUserConfig/{ADMIN_ONLY}");
    let reason = "self sign-up stays closed: the PreSignUp function that decided who may sign up is not attached";
    news.finding(
        Finding::new(FindingKind::Degraded, path.as_str(), reason)
            .announcing(Section::UserPoolConfig, &path),
    );
    let open = format!(".AdminCreateUserConfig.{ADMIN_ONLY} = false");
    news.manual(
        ManualStep::new(
            "Open self sign-up, once its PreSignUp function is attached",
            "Without that function anybody could sign up. People who sign in by an identity provider do not pass this door: the function is missing for them too.",
        )
        .with_command(commands::change_pool(
            relocation.region,
            relocation.pool,
            &open,
        )),
    );
    false
}

/// Lets anybody sign up, or nobody but administrators make users.
///
/// # Errors
/// [`CognitoError`] when the pool cannot be read or updated.
pub(crate) async fn set(
    cognito: &Cognito,
    pool: &UserPoolId,
    open: bool,
) -> Result<(), CognitoError> {
    update(cognito, pool, |request| set_admin_only(request, !open)).await
}

fn set_admin_only(request: &mut Document, admin_only: bool) {
    let config = request
        .entry("AdminCreateUserConfig")
        .or_insert_with(|| json!({}));
    config[ADMIN_ONLY] = admin_only.into();
}

/// Updates the pool, from what it has: an update says every member (facts 0.1).
async fn update(
    cognito: &Cognito,
    pool: &UserPoolId,
    change: impl FnOnce(&mut Document),
) -> Result<(), CognitoError> {
    let request = json!({"UserPoolId": pool.as_str()});
    let answer = cognito.call(Operation::DescribeUserPool, &request).await?;
    let there = pool_document::update(&answer["UserPool"]);
    let mut request = there.clone();
    change(&mut request);
    if request == there {
        return Ok(());
    }
    let operation = Operation::UpdateUserPool;
    let body = Value::Object(request.clone());
    match cognito.call(operation, &body).await {
        // An update may not take MFA without SMS; one that does not name it keeps it (facts 0.1).
        Err(error) if error.is(ErrorKind::Refused) && error.message.contains("MFA") => {
            request.shift_remove("MfaConfiguration");
            cognito.call(operation, &Value::Object(request)).await?;
        }
        result => {
            result?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;

    #[test]
    fn sign_up_opens_only_where_it_was_open_and_with_the_guard_that_it_had() {
        let guard = json!({"PreSignUp": "arn:aws:lambda:us-east-1:1:function:guard"});
        let other = json!({"PostConfirmation": "arn:aws:lambda:us-east-1:1:function:other"});
        for (admin_only, had, has, open, told) in [
            (false, json!({}), json!({}), true, 0),
            (false, other.clone(), json!({}), true, 0),
            (false, guard.clone(), guard.clone(), true, 0),
            (false, guard.clone(), other, false, 1),
            (false, guard.clone(), Value::Null, false, 1),
            (true, guard.clone(), json!({}), false, 0),
            (true, json!({}), json!({}), false, 0),
        ] {
            let mut head = BackupHead::new(
                "us-east-1_Old".parse().unwrap(),
                "2026-01-01T00:00:00Z".parse().unwrap(),
            );
            head.set(
                Section::UserPoolConfig,
                json!({"AdminCreateUserConfig": {ADMIN_ONLY: admin_only}, "LambdaConfig": had}),
            );
            let mut news = News::default();
            let moved = Move::plain();
            let opened = may_open(&head, &has, &moved.relocation(), &mut news);
            assert_eq!(opened, open, "{head:?} {has}");
            assert_eq!(news.findings.len(), told);
            assert_eq!(news.manual_steps.len(), told);
        }
    }
}
