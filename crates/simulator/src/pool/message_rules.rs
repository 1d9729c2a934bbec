//! E-mail, SMS and message templates of a pool (facts A.1, A.5).

use std::collections::BTreeSet;

use serde_json::Value;

use super::access::{at, text_at};
use super::arn;
use crate::call::Document;
use crate::error::ServiceError;
use crate::state::{AccountId, Region};

/// Checks `EmailConfiguration`.
///
/// The simulator knows no policies. An SES identity whose name contains `not-authorized` stands for one that Cognito
/// may not send by.
///
/// # Errors
/// `InvalidParameterException` for each rule of facts A.5.
pub(super) fn check_email(
    email: &Document,
    account: &AccountId,
    region: &Region,
) -> Result<(), ServiceError> {
    let invalid = |text: &str| ServiceError::invalid_parameter(text);
    let source = text_at(email, &["SourceArn"]);
    let is_developer = text_at(email, &["EmailSendingAccount"]) == Some("DEVELOPER");
    if is_developer && source.is_none() {
        return Err(invalid(
            "Source ARN is required to use DEVELOPER email sending owner",
        ));
    }
    if let Some(source) = source {
        check_ses_region("EmailConfiguration.SourceArn", source, region)?;
        check_ses_account(source, account)?;
        // Facts A.5 [BENCH]: COGNITO_DEFAULT may have one [MODEL], with a sending authorization policy.
        if !is_developer && arn::resource(source).contains("not-authorized") {
            return Err(invalid("Cognito is not allowed to use your email identity"));
        }
    }
    if let Some(from) = text_at(email, &["From"])
        && !is_sender(from)
    {
        return Err(invalid("Provided From email address is invalid"));
    }
    Ok(())
}

/// The Regions whose SES identities a pool may use: measured for us-east-1 (facts A.5 [BENCH]); that other Regions
/// add their own to these three is unverified.
///
/// # Errors
/// `InvalidParameterException` that names `member`.
pub(super) fn check_ses_region(
    member: &str,
    source: &str,
    region: &Region,
) -> Result<(), ServiceError> {
    let allowed = BTreeSet::from(["eu-west-1", "us-east-1", "us-west-2", region.as_str()]);
    if allowed.contains(arn::region(source)) {
        return Ok(());
    }
    let allowed = allowed.into_iter().collect::<Vec<_>>().join(", ");
    Err(ServiceError::invalid_parameter(format!(
        "Invalid {member}. Provided SourceArn must be in one of the following SES regions: {allowed}."
    )))
}

/// An identity of another account takes a policy there that names the pool (facts A.5 [DOC]); that the same text
/// refuses it is inferred. One whose name contains `shared` stands for an identity with such a policy.
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_ses_account(source: &str, account: &AccountId) -> Result<(), ServiceError> {
    if arn::account(source) == account.as_str() || arn::resource(source).contains("shared") {
        return Ok(());
    }
    Err(ServiceError::invalid_parameter(
        "Cognito is not allowed to use your email identity",
    ))
}

/// `address@host` or `Name <address@host>` (facts A.5 [BENCH]).
fn is_sender(from: &str) -> bool {
    let address = match from.trim().strip_suffix('>') {
        None => from.trim(),
        Some(rest) => match rest.rsplit_once('<') {
            Some((_, address)) => address,
            None => return false,
        },
    };
    let valid = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "<>@,".contains(c))
    };
    address
        .split_once('@')
        .is_some_and(|(local, host)| valid(local) && valid(host))
}

/// Checks `SmsConfiguration`.
///
/// The simulator has no IAM. A role whose name contains `untrusted` stands for one that Cognito may not assume, one
/// whose name contains `no-sns-publish` for one that may not publish.
///
/// # Errors
/// `InvalidParameterException` for each rule of facts A.5; `InvalidSmsRoleTrustRelationshipException` and
/// `InvalidSmsRoleAccessPolicyException` (facts Appendix 1 [CODE terraform]).
pub(super) fn check_sms(
    sms: &Document,
    account: &AccountId,
    region: &Region,
) -> Result<(), ServiceError> {
    let role = text_at(sms, &["SnsCallerArn"]).filter(|role| !role.is_empty());
    let eums_role = text_at(sms, &["EumsSms", "CallerArn"]);
    let role = match (role, eums_role) {
        (Some(role), None) | (None, Some(role)) => role,
        // Not both (facts A.5 [MODEL]); one of them is needed to send at all [INF]. The texts are unverified.
        (Some(_), Some(_)) => {
            return Err(ServiceError::invalid_parameter(
                "Only one of SnsCallerArn or EumsSms can be set in SmsConfiguration.",
            ));
        }
        (None, None) => {
            return Err(ServiceError::invalid_parameter(
                "SnsCallerArn or EumsSms is required in SmsConfiguration.",
            ));
        }
    };
    check_role_account(role, account)?;
    if let Some(given) = text_at(sms, &["SnsRegion"]) {
        // Facts A.5 [BENCH], the exception [MODEL].
        let allowed = match region.as_str() {
            "ap-northeast-2" => "ap-northeast-1",
            own => own,
        };
        if given != allowed {
            return Err(ServiceError::invalid_parameter(format!(
                "Invalid snsRegion. Allowed SNS region for {region} is {allowed}"
            )));
        }
    }
    if let Some(given) = text_at(sms, &["EumsSms", "Region"])
        && given != region.as_str()
    {
        // Facts A.5 [MODEL]; the text is unverified.
        return Err(ServiceError::invalid_parameter(format!(
            "Invalid EumsSms.Region. It must be the Region of the user pool, {region}"
        )));
    }
    let role = arn::resource(role);
    if role.contains("untrusted") {
        return Err(ServiceError::client(
            "InvalidSmsRoleTrustRelationshipException",
            "Role does not have a trust relationship allowing Cognito to assume the role",
        ));
    }
    if role.contains("no-sns-publish") {
        return Err(ServiceError::client(
            "InvalidSmsRoleAccessPolicyException",
            "Role does not have permission to publish with SNS",
        ));
    }
    Ok(())
}

/// A role must be of the caller's account (facts A.5, A.9 [BENCH]; the code is unverified).
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_role_account(role: &str, account: &AccountId) -> Result<(), ServiceError> {
    if arn::account(role) == account.as_str() {
        return Ok(());
    }
    Err(ServiceError::invalid_parameter(
        "Cross-account pass role is not allowed.",
    ))
}

/// Checks the templates of verification and invitation messages; single placeholders are patterns of the model.
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_templates(request: &Document) -> Result<(), ServiceError> {
    let template = |member| text_at(request, &["VerificationMessageTemplate", member]);
    // The braces of a link hold its text (facts 0.1 [ISSUE aws-cli#8280]). The pattern of the model lets `{####}`
    // pass. Messages for both ways are accepted together (facts 0.1 [AWS]).
    if template("EmailMessageByLink").is_some_and(|message| message.contains("{####}")) {
        return Err(ServiceError::invalid_parameter("The message is invalid."));
    }
    // Facts A.1 [BENCH *-placeholder]: both placeholders. Without passwords, the one for the password may be left
    // out [MODEL InviteMessageTemplate]. The text is unverified.
    let is_passwordless = at(
        request,
        &["Policies", "SignInPolicy", "AllowedFirstAuthFactors"],
    )
    .and_then(Value::as_array)
    .is_some_and(|factors| factors.iter().any(|factor| factor != "PASSWORD"));
    for member in ["EmailMessage", "SMSMessage"] {
        let path = ["AdminCreateUserConfig", "InviteMessageTemplate", member];
        let Some(message) = text_at(request, &path) else {
            continue;
        };
        if !message.contains("{username}") || !(message.contains("{####}") || is_passwordless) {
            return Err(ServiceError::invalid_parameter(format!(
                "{member} of InviteMessageTemplate must contain {{username}} and {{####}}."
            )));
        }
    }
    Ok(())
}
