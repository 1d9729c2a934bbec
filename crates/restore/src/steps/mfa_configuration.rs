//! MFA and passkeys.

use cognito::{ErrorKind, Operation};
use model::UserPoolId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use serde_json::{Value, json};

use super::create::is_about_a_role;
use super::{about, described, domains};
use crate::commands;
use crate::context::Restore;
use crate::document::{Document, change, member, object, text};
use crate::error::RestoreError;
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};

const SECTION: Section = Section::MfaConfiguration;

/// Sets MFA and passkeys, as a whole.
///
/// Runs before the users, whose MFA preferences need it (facts C.4). CreateUserPool knows SMS MFA
/// only, hence a step of its own. Users can be made while MFA is on: it acts at sign-in (facts
/// B.3). A relying party that is a domain is left to [`passkeys`].
///
/// # Errors
/// Errors of Cognito itself.
pub async fn mfa_configuration(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    bring(restore, state, |finding| !is_about_passkeys(finding)).await
}

/// Sets the relying party of passkeys, with everything that is set in the same call.
///
/// Runs after the domains: the relying party is the domain, and creating a custom one changes
/// the default (facts A.3).
///
/// # Errors
/// Errors of Cognito itself.
pub async fn passkeys(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    if restore.head().section(SECTION)["WebAuthnConfiguration"].is_null() {
        return Ok(StepResult::nothing_to_do().into());
    }
    bring(restore, state, is_about_passkeys).await
}

/// Both steps send the same whole; each tells its own part of it.
fn is_about_passkeys(finding: &Finding) -> bool {
    let path = format!("{}/WebAuthnConfiguration", SECTION.member());
    finding
        .announces
        .iter()
        .any(|announced| announced.starts_with(&path))
}

async fn bring(
    restore: &Restore<'_>,
    state: &RestoreState,
    is_told_here: fn(&Finding) -> bool,
) -> Result<StepProgress, RestoreError> {
    let pool = restore.target(state)?.clone();
    let relocation = Relocation::of(restore, Some(&pool));
    let there = described(restore, &pool).await?;
    let mut news = News::default();
    let Some(mut request) = plan(restore.head(), &there, &relocation, &mut news) else {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    };
    let result = match set(restore, &pool, &request).await {
        Err(error) if is_about_relying_party(&error, &request) => {
            without_relying_party(&mut request, &mut news);
            set(restore, &pool, &request).await
        }
        // IAM denies to hand on the role that sends SMS: it costs SMS.
        Err(error) if error.cognito().is_some_and(is_about_a_role) => {
            let why = "IAM did not allow to hand on its role";
            drop_factor(&mut request, "SmsMfaConfiguration", why, &mut news);
            keep_a_factor(&mut request, &relocation, &mut news);
            set(restore, &pool, &request).await
        }
        result => result,
    };
    news.findings.retain(is_told_here);
    match result {
        Ok(()) => Ok(StepResult::restored(1).telling(news).into()),
        Err(RestoreError::Cognito(error))
            if error.is(ErrorKind::Refused) || error.is(ErrorKind::FeatureUnavailable) =>
        {
            let body = Value::Object(request);
            let finding = Finding::new(FindingKind::Failed, "MFA", error.to_string());
            let finding = finding.announcing(SECTION, "");
            news.finding(finding.announcing(Section::UserPoolConfig, "MfaConfiguration"));
            let command = commands::aws(
                "cognito-idp set-user-pool-mfa-config",
                relocation.region,
                &[(
                    "cli-input-json",
                    &commands::json(&about(&pool, object(&body))),
                )],
            );
            news.manual(
                ManualStep::new("Set MFA", format!("Cognito refused: {}.", error.message))
                    .with_command(command),
            );
            Ok(StepResult::failed(error).telling(news).into())
        }
        Err(error) => Err(error),
    }
}

async fn set(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    request: &Document,
) -> Result<(), RestoreError> {
    let request = about(pool, request.clone());
    let operation = Operation::SetUserPoolMfaConfig;
    restore.cognito.call(operation, &request).await?;
    Ok(())
}

/// The whole configuration as the API takes it, for the pool as it is `there`; `None` when the
/// backup holds none.
pub(super) fn plan(
    head: &BackupHead,
    there: &Value,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> Option<Document> {
    let missing = tell_if_missing(head, SECTION, news);
    let mut request = object(head.section(SECTION));
    if request.is_empty() || missing {
        request = from_pool(head, news)?;
    }
    request.shift_remove("UserPoolId");
    let mode = member(&request, "MfaConfiguration")
        .unwrap_or("OFF")
        .to_owned();
    request.insert("MfaConfiguration".into(), mode.as_str().into());
    if mode == "OFF" {
        // The pool's SMS settings may be shown here nevertheless (facts Appendix 2).
        sms(&mut request, there, news);
        // "can't turn off MFA and configure an MFA together" (facts A.3).
        for factor in [
            "SmsMfaConfiguration",
            "SoftwareTokenMfaConfiguration",
            "EmailMfaConfiguration",
        ] {
            request.shift_remove(factor);
        }
    } else {
        sms(&mut request, there, news);
        email(&mut request, there, news);
        keep_a_factor(&mut request, relocation, news);
    }
    relying_party(&mut request, head, there, relocation, news);
    Some(request)
}

/// MFA cannot be on without a factor.
fn keep_a_factor(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    let has_factor = ["SmsMfaConfiguration", "EmailMfaConfiguration"]
        .iter()
        .any(|factor| request.contains_key(*factor))
        || request
            .get("SoftwareTokenMfaConfiguration")
            .is_some_and(|token| token["Enabled"] == true);
    let mode = member(request, "MfaConfiguration")
        .unwrap_or("OFF")
        .to_owned();
    if !has_factor && mode != "OFF" {
        no_factor_left(request, &mode, relocation, news);
    }
}

/// Documents of the reference implementation have no such section: the pool's own members tell
/// a part of it.
fn from_pool(head: &BackupHead, news: &mut News) -> Option<Document> {
    let pool = object(head.user_pool());
    let mode = member(&pool, "MfaConfiguration").filter(|mode| *mode != "OFF")?;
    let mut request = Document::new();
    request.insert("MfaConfiguration".into(), mode.into());
    if let Some(sms) = pool.get("SmsConfiguration") {
        let mut configuration = Document::new();
        configuration.insert("SmsConfiguration".into(), sms.clone());
        if let Some(message) = pool.get("SmsAuthenticationMessage") {
            configuration.insert("SmsAuthenticationMessage".into(), message.clone());
        }
        request.insert("SmsMfaConfiguration".into(), configuration.into());
    } else {
        // MFA without SMS: an authenticator, most likely.
        request.insert(
            "SoftwareTokenMfaConfiguration".into(),
            json!({"Enabled": true}),
        );
    }
    let reason =
        "the backup does not hold it; the factors were taken from the pool's settings: check them";
    news.finding(Finding::new(FindingKind::Degraded, "MFA", reason).announcing(SECTION, ""));
    Some(request)
}

/// The role is the pool's, translated already (facts A.3).
fn sms(request: &mut Document, there: &Value, news: &mut News) {
    if !request.contains_key("SmsMfaConfiguration") {
        return;
    }
    match there.get("SmsConfiguration").filter(|sms| sms.is_object()) {
        Some(sms) => {
            let differs = change(request, "SmsMfaConfiguration", |mfa| {
                let old = mfa.insert("SmsConfiguration".into(), sms.clone());
                old.is_some_and(|old| old != *sms)
            });
            if differs == Some(true) {
                let path = "SmsMfaConfiguration/SmsConfiguration";
                let reason = "the same role and Region as the pool's own SMS settings";
                news.finding(
                    Finding::new(FindingKind::Expected, path, reason).announcing(SECTION, path),
                );
            }
        }
        None => drop_factor(
            request,
            "SmsMfaConfiguration",
            "the new pool cannot send SMS",
            news,
        ),
    }
}

/// E-mail MFA needs the operator's own sender (facts A.3).
fn email(request: &mut Document, there: &Value, news: &mut News) {
    let own_sender = text(there, "/EmailConfiguration/EmailSendingAccount") == Some("DEVELOPER");
    if request.contains_key("EmailMfaConfiguration") && !own_sender {
        let why = "it needs an SES identity, and the new pool has none";
        drop_factor(request, "EmailMfaConfiguration", why, news);
    }
}

fn drop_factor(request: &mut Document, factor: &str, why: &str, news: &mut News) {
    request.shift_remove(factor);
    news.finding(
        Finding::new(FindingKind::Degraded, factor, format!("left out: {why}"))
            .announcing(SECTION, factor),
    );
}

/// MFA cannot be on without a factor. The operator must know: sign-in has become easier.
fn no_factor_left(
    request: &mut Document,
    mode: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    request.insert("MfaConfiguration".into(), "OFF".into());
    request.shift_remove("SoftwareTokenMfaConfiguration");
    let reason = format!("MFA was {mode} and is OFF: none of its factors came back");
    news.finding(
        Finding::new(FindingKind::Degraded, "MFA", reason)
            .announcing(SECTION, "MfaConfiguration")
            .announcing(SECTION, "SoftwareTokenMfaConfiguration")
            .announcing(Section::UserPoolConfig, "MfaConfiguration"),
    );
    let mode_argument = [
        ("mfa-configuration", mode),
        ("software-token-mfa-configuration", "Enabled=true"),
    ];
    let command = commands::cognito(
        relocation.region,
        relocation.pool,
        "set-user-pool-mfa-config",
        &mode_argument,
    );
    news.manual(
        ManualStep::new(
            format!("Set MFA to {mode} again"),
            "None of its factors came back. Give the pool its senders first, or let users use an authenticator.",
        )
        .with_command(command),
    );
}

/// The relying party is a host of the lost pool: it becomes the new pool's.
fn relying_party(
    request: &mut Document,
    head: &BackupHead,
    there: &Value,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let old_pool = head.user_pool();
    let old_prefix = text(head.section(Section::UserPoolDomain), "/Domain")
        .or_else(|| text(old_pool, "/Domain"))
        .map(|prefix| domains::prefix_host(prefix, relocation.from.region()));
    let old_custom = text(head.section(Section::CustomDomain), "/Domain")
        .or_else(|| text(old_pool, "/CustomDomain"));
    change(request, "WebAuthnConfiguration", |passkeys| {
        let Some(old) = member(passkeys, "RelyingPartyId").map(str::to_owned) else {
            return;
        };
        let was_domain = old_prefix.as_deref() == Some(&*old) || old_custom == Some(old.as_str());
        if !was_domain {
            return;
        }
        let path = "WebAuthnConfiguration/RelyingPartyId";
        let host = domains::host(there, relocation.region);
        if host.as_deref() == Some(&*old) {
            return;
        }
        match host {
            Some(host) => passkeys.insert("RelyingPartyId".into(), host.into()),
            None => passkeys.shift_remove("RelyingPartyId"),
        };
        let reason = "the relying party of passkeys is the new pool's domain";
        news.finding(Finding::new(FindingKind::Expected, path, reason).announcing(SECTION, path));
    });
}

fn is_about_relying_party(error: &RestoreError, request: &Document) -> bool {
    let named = request
        .get("WebAuthnConfiguration")
        .is_some_and(|passkeys| text(passkeys, "/RelyingPartyId").is_some());
    named
        && error.cognito().is_some_and(|error| {
            let message = error.message.to_lowercase();
            error.is(ErrorKind::Refused)
                && (message.contains("relying") || message.contains("webauthn"))
        })
}

fn without_relying_party(request: &mut Document, news: &mut News) {
    change(request, "WebAuthnConfiguration", |passkeys| {
        passkeys.shift_remove("RelyingPartyId")
    });
    let path = "WebAuthnConfiguration/RelyingPartyId";
    let reason = "Cognito refused the relying party; it is the pool's default now";
    news.finding(Finding::new(FindingKind::Degraded, path, reason).announcing(SECTION, path));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;

    fn planned(mfa: Value, pool: Value, there: Value) -> (Option<Value>, News) {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(Section::UserPoolConfig, pool);
        head.set(SECTION, mfa);
        let mut news = News::default();
        let request = plan(&head, &there, &Move::plain().relocation(), &mut news);
        (request.map(Value::Object), news)
    }

    #[test]
    fn mfa_that_is_off_is_sent_without_factors() {
        let (request, news) = planned(
            json!({"MfaConfiguration": "OFF", "SmsMfaConfiguration": {"SmsConfiguration": {"SnsCallerArn": "a"}}, "WebAuthnConfiguration": {"RelyingPartyId": "example.com"}}),
            json!({"Id": "x"}),
            json!({"SmsConfiguration": {"SnsCallerArn": "b"}}),
        );
        assert_eq!(
            request.unwrap(),
            json!({"MfaConfiguration": "OFF", "WebAuthnConfiguration": {"RelyingPartyId": "example.com"}})
        );
        // Shown of the new pool with another role.
        assert_eq!(
            news.findings[0].announces,
            ["mfa_configuration/SmsMfaConfiguration/SmsConfiguration"]
        );
    }

    #[test]
    fn factors_whose_senders_did_not_come_back_are_left_out() {
        let mfa = json!({
            "MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": {"SnsCallerArn": "a"}},
            "EmailMfaConfiguration": {"Message": "m {####}"}, "SoftwareTokenMfaConfiguration": {"Enabled": true}, "NewFactor": {"a": 1},
        });
        let (request, news) = planned(mfa.clone(), json!({"Id": "x"}), json!({}));
        assert_eq!(
            request.unwrap(),
            json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}, "NewFactor": {"a": 1}})
        );
        assert_eq!(news.findings.len(), 2);
        let there = json!({"SmsConfiguration": {"SnsCallerArn": "b"}, "EmailConfiguration": {"EmailSendingAccount": "DEVELOPER"}});
        let (request, news) = planned(mfa, json!({"Id": "x"}), there);
        let request = request.unwrap();
        assert_eq!(
            request["SmsMfaConfiguration"]["SmsConfiguration"],
            json!({"SnsCallerArn": "b"})
        );
        assert!(request["EmailMfaConfiguration"].is_object());
        assert_eq!(
            news.findings[0].announces,
            ["mfa_configuration/SmsMfaConfiguration/SmsConfiguration"]
        );
    }

    #[test]
    fn mfa_without_a_factor_is_switched_off_loudly() {
        let mfa =
            json!({"MfaConfiguration": "ON", "SmsMfaConfiguration": {"SmsConfiguration": {}}});
        let (request, news) = planned(mfa, json!({"Id": "x"}), json!({}));
        assert_eq!(request.unwrap(), json!({"MfaConfiguration": "OFF"}));
        assert!(
            news.manual_steps[0]
                .command
                .as_deref()
                .unwrap()
                .contains("--mfa-configuration ON")
        );
        assert!(news.findings.iter().any(|finding| {
            finding
                .announces
                .contains(&"user_pool_config/MfaConfiguration".into())
        }));
    }

    #[test]
    fn the_relying_party_follows_the_domain() {
        let mfa = json!({"MfaConfiguration": "OFF", "WebAuthnConfiguration": {"RelyingPartyId": "app.auth.us-east-1.amazoncognito.com", "UserVerification": "preferred"}});
        let (request, news) = planned(
            mfa.clone(),
            json!({"Domain": "app"}),
            json!({"Domain": "app-dr"}),
        );
        assert_eq!(
            request.unwrap()["WebAuthnConfiguration"],
            json!({"RelyingPartyId": "app-dr.auth.us-west-2.amazoncognito.com", "UserVerification": "preferred"})
        );
        assert_eq!(
            news.findings[0].announces,
            ["mfa_configuration/WebAuthnConfiguration/RelyingPartyId"]
        );
        let (request, _) = planned(mfa, json!({"Domain": "app"}), json!({}));
        assert_eq!(
            request.unwrap()["WebAuthnConfiguration"],
            json!({"UserVerification": "preferred"})
        );
    }

    #[test]
    fn a_backup_of_the_reference_implementation_tells_from_the_pool() {
        let pool = json!({"MfaConfiguration": "OPTIONAL", "SmsConfiguration": {"SnsCallerArn": "a"}, "SmsAuthenticationMessage": "m {####}"});
        let there = json!({"SmsConfiguration": {"SnsCallerArn": "a"}});
        let (request, _) = planned(Value::Null, pool, there);
        assert_eq!(
            request.unwrap(),
            json!({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": {"SmsConfiguration": {"SnsCallerArn": "a"}, "SmsAuthenticationMessage": "m {####}"}})
        );
        let (request, _) = planned(Value::Null, json!({"MfaConfiguration": "OFF"}), json!({}));
        assert_eq!(request, None);
    }
}
