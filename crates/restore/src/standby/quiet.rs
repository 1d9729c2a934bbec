//! What a restore leaves out of a standby pool until the switch: strangers must not get in, nobody
//! must get a message, and no function must run while users are kept in step.

use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState, Step};
use serde_json::{Value, json};

use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::{News, StepResult};
use crate::steps::{described, pool_document};

/// Where the pool differs until the switch.
pub(super) const WAITS: [&str; 5] = [
    "AutoVerifiedAttributes",
    "UserAttributeUpdateSettings",
    "LambdaConfig",
    "DeletionProtection",
    "AdminCreateUserConfig/AllowAdminCreateUserOnly",
];

const REASON: &str = "waits for the switch: a standby pool runs no functions, sends no codes and lets nobody sign up";

/// Takes back what import jobs needed, in place of the final settings.
///
/// # Errors
/// [`RestoreError::Cognito`] when the pool cannot be read or updated.
pub(crate) async fn keep_quiet(
    restore: &Restore<'_>,
    state: &RestoreState,
) -> Result<StepResult, RestoreError> {
    let there = described(restore, restore.target(state)?).await?;
    let before = pool_document::update(&there);
    let mut request = before.clone();
    request.insert("AutoVerifiedAttributes".into(), json!([]));
    let none = json!({"AttributesRequireVerificationBeforeUpdate": []});
    request.insert("UserAttributeUpdateSettings".into(), none);
    if request != before {
        pool_document::send_update(restore, &mut request).await?;
    }
    Ok(waiting())
}

fn waiting() -> StepResult {
    let finding = Finding::new(FindingKind::Expected, "final settings", REASON);
    let finding = WAITS.iter().fold(finding, |finding, path| {
        finding.announcing(Section::UserPoolConfig, path)
    });
    let mut news = News::default();
    news.finding(finding);
    StepResult::skipped(REASON).telling(news)
}

/// The result of a step that a standby pool waits with; none where it is carried out.
pub(crate) fn left_out(step: Step, state: &RestoreState, head: &BackupHead) -> Option<StepResult> {
    state.options.standby.as_ref()?;
    let is_there = head.user_pool() != &Value::Null;
    (step == Step::SelfSignUp && is_there).then(waiting)
}
