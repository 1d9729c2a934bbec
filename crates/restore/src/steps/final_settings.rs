//! What had to wait for the users: auto-verified attributes and triggers.

use cognito::{ErrorKind, Operation};
use model::UserPoolId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState};
use serde_json::{Value, json};

use super::mfa_configuration::mfa_configuration;
use super::triggers::{self, Counterparts};
use super::{described, pool_document};
use crate::context::Restore;
use crate::document::{Document, text};
use crate::error::RestoreError;
use crate::rehearsal;
use crate::relocation::Relocation;
use crate::standby;
use crate::step::{News, StepProgress, StepResult};

const SECTION: Section = Section::UserPoolConfig;

/// Attaches triggers, and sets what would have sent messages while users were made.
///
/// Runs after the users: triggers fire when users are made (facts A.4). And before everything
/// that lets strangers in: triggers decide about them. Each update says every member (facts 0.1),
/// so each begins with what the pool has.
///
/// # Errors
/// [`RestoreError::Cognito`]: without these settings users cannot recover their passwords.
pub async fn final_settings(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    if state.options.standby.is_some() {
        return Ok(standby::keep_quiet(restore, state).await?.into());
    }
    let pool = restore.target(state)?.clone();
    let relocation = Relocation::of(restore, Some(&pool));
    let head = restore.head();
    let there = described(restore, &pool).await?;
    let mut news = News::default();
    let mut config = triggers::of_pool(head.user_pool());
    if state.options.rehearsal.is_some() {
        rehearsal::tell_triggers(&config, &mut news);
        config.clear();
    }
    let counterparts = triggers::counterparts(restore, &config, &relocation).await;
    let mut request = plan(head, &config, &there, &counterparts, &relocation, &mut news);
    let triggers = request.get("LambdaConfig").cloned().unwrap_or_default();
    let mut attached = crate::document::object(&triggers);
    loop {
        let Err(error) = pool_document::send_update(restore, &mut request).await else {
            break;
        };
        if !error.is(ErrorKind::Refused) {
            return Err(error.into());
        }
        if !attached.is_empty() {
            refused_triggers(&attached, &error.message, &relocation, &mut news);
            attached.clear();
            let before = crate::document::object(&there["LambdaConfig"]);
            request.insert("LambdaConfig".into(), Value::Object(before));
        } else {
            return Err(error.into());
        }
    }
    // It was left out.
    if !request.contains_key("MfaConfiguration") {
        mfa_configuration(restore, state).await?;
    }
    let arn = text(&there, "/Arn").unwrap_or_default();
    triggers::permit(restore, &attached, arn, &relocation, &mut news).await;
    Ok(StepResult::restored(1).telling(news).into())
}

/// Gives the pool its auto-verified attributes, which import jobs need (facts C.5), and closes it
/// to sign-ups: whoever appears while jobs run must be known to be made by them.
///
/// From here on a sign-up would send a message: those that restore UNCONFIRMED users come before.
/// Calling it again changes nothing.
///
/// # Errors
/// [`RestoreError::Cognito`] when the pool cannot be read or updated.
pub async fn verify_attributes_automatically(
    restore: &Restore<'_>,
    pool: &UserPoolId,
) -> Result<(), RestoreError> {
    let there = described(restore, pool).await?;
    let mut request = pool_document::update(&there);
    automatic(&mut request, restore.head(), &there, &mut News::default());
    let config = request
        .entry("AdminCreateUserConfig")
        .or_insert_with(|| json!({}));
    config["AllowAdminCreateUserOnly"] = true.into();
    restore
        .cognito
        .call(Operation::UpdateUserPool, &Value::Object(request))
        .await?;
    Ok(())
}

/// The update that gives the pool its final settings.
pub(super) fn plan(
    head: &BackupHead,
    old_triggers: &Document,
    there: &Value,
    counterparts: &Counterparts,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> Document {
    let mut request = pool_document::update(there);
    automatic(&mut request, head, there, news);
    let placed = triggers::placed(old_triggers, counterparts, relocation, news);
    // Of a restore that is resumed: what the operator attached by hand meanwhile stays.
    let mut triggers = crate::document::object(&there["LambdaConfig"]);
    triggers.extend(placed);
    request.insert("LambdaConfig".into(), Value::Object(triggers));
    request
}

/// The attributes that the pool verifies by itself; phone numbers need SMS (facts A.1).
fn automatic(request: &mut Document, head: &BackupHead, there: &Value, news: &mut News) {
    let mut settings = pool_document::final_members(head);
    let sends_sms = there
        .get("SmsConfiguration")
        .is_some_and(|sms| sms.as_object().is_some_and(|sms| !sms.is_empty()));
    if !sends_sms {
        let mut lost = without_phone(settings.get_mut("AutoVerifiedAttributes"));
        let before_update = settings
            .get_mut("UserAttributeUpdateSettings")
            .and_then(|update| update.get_mut("AttributesRequireVerificationBeforeUpdate"));
        lost |= without_phone(before_update);
        if lost {
            let reason = "phone numbers are not verified: the pool cannot send SMS";
            news.finding(
                Finding::new(FindingKind::Degraded, "AutoVerifiedAttributes", reason)
                    .announcing(SECTION, "AutoVerifiedAttributes")
                    .announcing(SECTION, "UserAttributeUpdateSettings"),
            );
        }
    }
    request.extend(settings);
}

fn without_phone(list: Option<&mut Value>) -> bool {
    let Some(Value::Array(names)) = list else {
        return false;
    };
    let before = names.len();
    names.retain(|name| name != "phone_number");
    names.len() < before
}

fn refused_triggers(
    triggers: &Document,
    message: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let reason = format!("the triggers are not attached: Cognito refused: {message}");
    news.finding(
        Finding::new(FindingKind::Failed, "triggers", reason).announcing(SECTION, "LambdaConfig"),
    );
    news.manual(triggers::attach(triggers, relocation));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;

    fn planned(pool: Value, there: Value) -> (Value, News) {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(SECTION, pool);
        let mut news = News::default();
        let moved = Move::plain();
        let counterparts = Counterparts::new();
        let triggers = triggers::of_pool(head.user_pool());
        let relocation = moved.relocation();
        let request = plan(
            &head,
            &triggers,
            &there,
            &counterparts,
            &relocation,
            &mut news,
        );
        (Value::Object(request), news)
    }

    #[test]
    fn the_final_update_keeps_what_the_pool_has_and_adds_what_waited() {
        let (request, news) = planned(
            json!({"AutoVerifiedAttributes": ["email"], "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]}, "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false}}),
            json!({"Id": "us-west-2_New", "Name": "p", "UserPoolTier": "PLUS", "MfaConfiguration": "ON", "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true, "InviteMessageTemplate": {"EmailSubject": "s"}}, "NewMember": 1}),
        );
        assert_eq!(
            request,
            json!({
                "UserPoolTier": "PLUS", "MfaConfiguration": "ON", "NewMember": 1,
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true, "InviteMessageTemplate": {"EmailSubject": "s"}},
                "PoolName": "p", "UserPoolId": "us-west-2_New",
                "DeletionProtection": "INACTIVE", "UserPoolTags": {},
                "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}},
                "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
                "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
                "AutoVerifiedAttributes": ["email"], "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
                "LambdaConfig": {},
            })
        );
        assert_eq!(news, News::default());
    }

    #[test]
    fn phone_numbers_are_verified_only_by_a_pool_that_sends_sms() {
        let pool = json!({"AutoVerifiedAttributes": ["email", "phone_number"], "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}});
        let (request, news) = planned(pool.clone(), json!({"Id": "us-west-2_New"}));
        assert_eq!(request["AutoVerifiedAttributes"], json!(["email"]));
        assert_eq!(
            request["UserAttributeUpdateSettings"]["AttributesRequireVerificationBeforeUpdate"],
            json!([])
        );
        assert_eq!(news.findings.len(), 1);
        let (request, news) = planned(
            pool,
            json!({"Id": "us-west-2_New", "SmsConfiguration": {"SnsCallerArn": "a"}}),
        );
        assert_eq!(
            request["AutoVerifiedAttributes"],
            json!(["email", "phone_number"])
        );
        assert!(news.findings.is_empty());
    }
}
