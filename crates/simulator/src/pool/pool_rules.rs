//! What CreateUserPool and UpdateUserPool refuse (facts A.1, A.3, A.17, B.2), apart from the schema, messages,
//! triggers and tiers, which have their own files.

use serde_json::Value;

use super::access::{at, objects, text_at};
use super::{message_rules, tags, trigger_rules};
use crate::call::{Call, Document};
use crate::error::ServiceError;
use crate::state::Pool;

/// Checks what a CreateUserPool (`current` is none) or UpdateUserPool asks for, with what an update keeps.
///
/// # Errors
/// The first rule broken.
pub(super) fn check(call: &Call<'_>, current: Option<&Pool>) -> Result<(), ServiceError> {
    sign_in_names(call)?;
    first_factors(call, current)?;
    account_recovery(call)?;
    verification(call, current)?;
    mfa(call, current)?;
    message_rules::check_templates(call.request)?;
    if let Some(email) = call.document("EmailConfiguration") {
        message_rules::check_email(email, call.account, call.region)?;
    }
    if let Some(sms) = call.document("SmsConfiguration") {
        message_rules::check_sms(sms, call.account, call.region)?;
    }
    if let Some(triggers) = call.document("LambdaConfig") {
        trigger_rules::check(triggers, call.region)?;
    }
    key(call)?;
    if let Some(given) = call.document("UserPoolTags") {
        tags::check(given.keys().map(String::as_str), given.len())
            .map_err(ServiceError::user_pool_tagging)?;
    }
    Ok(())
}

/// Facts A.1 [BENCH alias-username-exclusive].
fn sign_in_names(call: &Call<'_>) -> Result<(), ServiceError> {
    if !call.list("AliasAttributes").is_empty() && !call.list("UsernameAttributes").is_empty() {
        return Err(ServiceError::invalid_parameter(
            "Only one of the aliasAttributes or usernameAttributes can be set in a User pool.",
        ));
    }
    Ok(())
}

/// The two places for the validity of temporary passwords, of which a request names one (facts A.1 [ISSUE]).
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn one_validity(call: &Call<'_>) -> Result<(), ServiceError> {
    let policy = [
        "Policies",
        "PasswordPolicy",
        "TemporaryPasswordValidityDays",
    ];
    let legacy = ["AdminCreateUserConfig", "UnusedAccountValidityDays"];
    if at(call.request, &policy).is_some() && at(call.request, &legacy).is_some() {
        return Err(ServiceError::invalid_parameter(
            "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays",
        ));
    }
    Ok(())
}

fn first_factors(call: &Call<'_>, current: Option<&Pool>) -> Result<(), ServiceError> {
    let path = ["Policies", "SignInPolicy", "AllowedFirstAuthFactors"];
    let Some(Value::Array(factors)) = at(call.request, &path) else {
        return Ok(());
    };
    let allows = |name: &str| factors.iter().any(|factor| factor == name);
    // Facts A.1 [BENCH signin-policy-password-required].
    if !allows("PASSWORD") {
        return Err(ServiceError::invalid_parameter(
            "Password should be configured as one of the allowed first auth factors.",
        ));
    }
    // Facts A.1 [MODEL AuthFactorType]: MFA only; the text is unverified.
    if allows("SOFTWARE_TOKEN") {
        return Err(ServiceError::invalid_parameter(
            "SOFTWARE_TOKEN is not allowed as a first auth factor.",
        ));
    }
    // Facts 0.1 [AWS cdkd] of CreateUserPool; that updates refuse it, too, is [INF].
    if allows("SMS_OTP") && !has_sms(call, current) {
        return Err(ServiceError::invalid_parameter(
            "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS configuration",
        ));
    }
    if call.text("MfaConfiguration") == Some("ON") {
        refuse_one_time_passwords(factors.iter().filter_map(Value::as_str))?;
    }
    Ok(())
}

/// Required MFA excludes one-time passwords as the first factor (facts A.1 [DOC]; the text is unverified).
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn refuse_one_time_passwords<'f>(
    mut first_factors: impl Iterator<Item = &'f str>,
) -> Result<(), ServiceError> {
    if first_factors.any(|factor| matches!(factor, "EMAIL_OTP" | "SMS_OTP")) {
        return Err(ServiceError::invalid_parameter(
            "EMAIL_OTP and SMS_OTP cannot be allowed first auth factors when MFA is required.",
        ));
    }
    Ok(())
}

/// Facts A.1 [BENCH recovery-*]; that there are at most two is a length of the model.
fn account_recovery(call: &Call<'_>) -> Result<(), ServiceError> {
    let Some(setting) = call.document("AccountRecoverySetting") else {
        return Ok(());
    };
    let mechanisms: Vec<_> = objects(setting, "RecoveryMechanisms")
        .map(|mechanism| (mechanism.get("Name"), mechanism.get("Priority")))
        .collect();
    if let [(first_name, first_priority), (second_name, second_priority)] = mechanisms.as_slice() {
        if first_name == second_name || first_priority == second_priority {
            return Err(ServiceError::invalid_parameter(
                "Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.",
            ));
        }
        if mechanisms
            .iter()
            .any(|(name, _)| *name == Some(&Value::from("admin_only")))
        {
            return Err(ServiceError::invalid_parameter(
                "Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.",
            ));
        }
    }
    Ok(())
}

fn verification(call: &Call<'_>, current: Option<&Pool>) -> Result<(), ServiceError> {
    let verified = call.list("AutoVerifiedAttributes");
    // Facts A.1 [BENCH auto-verified-username-consistency].
    if verified.iter().any(|name| name == "phone_number") && !has_sms(call, current) {
        return Err(ServiceError::invalid_parameter(
            "SMS configuration is required when phone_number is selected for auto verification",
        ));
    }
    // Facts A.1 [BENCH]; that it holds for settings that an update keeps, too, is [INF].
    let path = [
        "UserAttributeUpdateSettings",
        "AttributesRequireVerificationBeforeUpdate",
    ];
    if let Some(Value::Array(before_update)) = at(call.request, &path)
        && before_update.iter().any(|name| !verified.contains(name))
    {
        return Err(ServiceError::invalid_parameter(
            "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes",
        ));
    }
    Ok(())
}

/// MFA needs a factor: SMS on creation (facts A.3 [BENCH mfa-sms-config]), on update any that
/// SetUserPoolMfaConfig has turned on [INF]. What is on already stays so.
fn mfa(call: &Call<'_>, current: Option<&Pool>) -> Result<(), ServiceError> {
    let mode = call.text("MfaConfiguration").unwrap_or("OFF");
    let is_so =
        current.is_some_and(|pool| text_at(&pool.settings, &["MfaConfiguration"]) == Some(mode));
    let has_factor = current.is_some_and(|pool| {
        ["SoftwareTokenMfaConfiguration", "EmailMfaConfiguration"]
            .iter()
            .any(|factor| pool.mfa.contains_key(*factor))
    });
    if mode == "OFF" || is_so || has_factor || has_sms(call, current) {
        return Ok(());
    }
    // Facts 0.1 [AWS cdkd] of ON; that OPTIONAL is refused as on creation is [INF].
    Err(ServiceError::invalid_parameter(
        if current.is_some() && mode == "ON" {
            "Cannot turn MFA functionality ON, once the user pool has been created."
        } else {
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
        },
    ))
}

/// Users must not recover their password by the means alone that is their second factor (facts 0.1 [ISSUE
/// terraform#41049, aws-cdk#11478]). The conditions are unclear: here recovery has that one way. The text for SMS is
/// the issue's, the one for e-mail is unverified.
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn recovery_beside_mfa(settings: &Document, mfa: &Document) -> Result<(), ServiceError> {
    if !matches!(
        text_at(settings, &["MfaConfiguration"]),
        Some("ON" | "OPTIONAL")
    ) {
        return Ok(());
    }
    let recovery = at(settings, &["AccountRecoverySetting"]).and_then(Value::as_object);
    let ways: Vec<&str> = recovery
        .into_iter()
        .flat_map(|setting| objects(setting, "RecoveryMechanisms"))
        .filter_map(|mechanism| text_at(mechanism, &["Name"]))
        .collect();
    for (factor, way, name) in [
        ("SmsMfaConfiguration", "verified_phone_number", "SMS"),
        ("EmailMfaConfiguration", "verified_email", "Email"),
    ] {
        if mfa.contains_key(factor) && ways == [way] {
            return Err(ServiceError::invalid_parameter(format!(
                "Invalid account recovery setting parameter. Account Recovery Setting cannot use {way} as a recovery mechanism when {name} MFA is configured."
            )));
        }
    }
    Ok(())
}

/// Whether the pool will have an SMS configuration. Once there is one it stays (facts A.1 [DOC]).
fn has_sms(call: &Call<'_>, current: Option<&Pool>) -> bool {
    call.document("SmsConfiguration").is_some()
        || current.is_some_and(|pool| pool.settings.contains_key("SmsConfiguration"))
}

/// Facts A.1 [MODEL]: a customer-managed key needs its ARN; the text is unverified. That its Region is checked like
/// that of a sender's key is [INF].
fn key(call: &Call<'_>) -> Result<(), ServiceError> {
    let Some(configuration) = call.document("KeyConfiguration") else {
        return Ok(());
    };
    if text_at(configuration, &["KeyType"]) != Some("CUSTOMER_MANAGED_KEY") {
        return Ok(());
    }
    match text_at(configuration, &["KmsKeyArn"]) {
        Some(key) => trigger_rules::check_key(key, call.region),
        None => Err(ServiceError::invalid_parameter(
            "KmsKeyArn is required when KeyType is CUSTOMER_MANAGED_KEY.",
        )),
    }
}
