//! MFA and passkey configuration of a pool (facts A.3).

use serde_json::{Value, json};

use super::access::{self, at, text_at};
use super::tiers::{self, Tier};
use super::{message_rules, pool_rules};
use crate::call::{Answer, Call, Document};
use crate::error::ServiceError;
use crate::state::{Pool, State};

/// The factors of SetUserPoolMfaConfig that `MfaConfiguration` turns on or off.
const FACTORS: &[&str] = &[
    "SmsMfaConfiguration",
    "SoftwareTokenMfaConfiguration",
    "EmailMfaConfiguration",
];

/// What the pool has. Two things are unverified (facts Appendix 2): that the SMS part is shown while MFA is off, and
/// that other factors are not.
pub(crate) fn get(call: &Call<'_>, state: &mut State) -> Answer {
    Ok(Value::Object(described(state.pool(call)?)).into())
}

fn described(pool: &Pool) -> Document {
    let mut document = pool.mfa.clone();
    if let Some(Value::Object(passkeys)) = document.get_mut("WebAuthnConfiguration")
        && let Some(domain) = default_relying_party(pool)
    {
        access::default_to(passkeys, "RelyingPartyId", domain);
    }
    document
}

/// The relying party id without a configured one: the custom domain if there is one, else the prefix domain
/// (facts A.3 [DOC]).
fn default_relying_party(pool: &Pool) -> Option<String> {
    let custom = pool
        .domains
        .iter()
        .find(|(_, domain)| domain.document.contains_key("CustomDomainConfig"));
    match custom {
        Some((name, _)) => Some(name.clone()),
        None => pool
            .domains
            .keys()
            .next()
            .map(|prefix| format!("{prefix}.auth.{}.amazoncognito.com", pool.region)),
    }
}

/// Replaces the whole configuration: a factor that the request leaves out is cleared, and without
/// `MfaConfiguration` MFA is off (facts 0.1 [AWS cdkd]).
pub(crate) fn set(call: &Call<'_>, state: &mut State) -> Answer {
    access::may_pass_sms_role(call, state)?;
    let pool = access::writable(call, state)?;
    check(call, pool)?;
    let mfa_configuration = call.text("MfaConfiguration").unwrap_or("OFF");
    let mut mfa = call.request.clone();
    mfa.remove("UserPoolId");
    mfa.insert("MfaConfiguration".to_owned(), json!(mfa_configuration));
    if !is_enabled(&mfa, "SoftwareTokenMfaConfiguration") {
        mfa.remove("SoftwareTokenMfaConfiguration");
    }
    let mut settings = pool.settings.clone();
    settings.insert("MfaConfiguration".to_owned(), json!(mfa_configuration));
    pool_rules::recovery_beside_mfa(&settings, &mfa)?;
    pool.settings = settings;
    // The SMS part of the pool and that of its MFA configuration are the same (facts A.3 [INF]).
    if let Some(sms) = call.document("SmsMfaConfiguration") {
        for member in ["SmsConfiguration", "SmsAuthenticationMessage"] {
            if let Some(value) = sms.get(member) {
                pool.settings.insert(member.to_owned(), value.clone());
            }
        }
    }
    pool.settings
        .insert("LastModifiedDate".to_owned(), call.now.into());
    pool.mfa = mfa;
    follow_settings(pool);
    Ok(Value::Object(described(pool)).into())
}

fn check(call: &Call<'_>, pool: &Pool) -> Result<(), ServiceError> {
    let is_off = !matches!(call.text("MfaConfiguration"), Some("ON" | "OPTIONAL"));
    let names_factor = FACTORS
        .iter()
        .any(|factor| call.request.contains_key(*factor));
    let has_factor = FACTORS
        .iter()
        .any(|factor| is_enabled(call.request, factor));
    // Facts A.3 [BENCH mfa-off-with-enabled-mfas]; even a factor that is disabled (facts 0.1 [AWS cdkd]).
    if is_off && names_factor {
        return Err(ServiceError::invalid_parameter(
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
        ));
    }
    // Facts 0.1 [ISSUE aws-sdk-js#4186].
    if !is_off && !has_factor {
        return Err(ServiceError::invalid_parameter(
            "Invalid MFA configuration given, can't disable all MFAs with a required or optional configuration.",
        ));
    }
    if let Some(sms) = call.document("SmsMfaConfiguration") {
        match sms.get("SmsConfiguration") {
            Some(Value::Object(sms)) => {
                message_rules::check_sms(sms, call.account, call.region)?;
            }
            // [INF] from CreateUserPool.
            _ if !pool.settings.contains_key("SmsConfiguration") => {
                return Err(ServiceError::invalid_parameter(
                    "SMS configuration and Auto verification for phone_number are required when MFA is required/optional",
                ));
            }
            _ => {}
        }
    }
    if call.document("EmailMfaConfiguration").is_some() {
        // Facts A.3 [MODEL, DOC].
        tiers::require(pool, Tier::Essentials, "Email MFA")?;
        // Facts A.3 [BENCH].
        if text_at(
            &pool.settings,
            &["EmailConfiguration", "EmailSendingAccount"],
        ) != Some("DEVELOPER")
        {
            return Err(ServiceError::invalid_parameter(
                "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an EmailSendingAccount of COGNITO_DEFAULT. Update the value of EmailSendingAccount.",
            ));
        }
    }
    if let Some(passkeys) = call.document("WebAuthnConfiguration") {
        check_passkeys(passkeys, pool)?;
    }
    if call.text("MfaConfiguration") == Some("ON") {
        let factors = at(
            &pool.settings,
            &["Policies", "SignInPolicy", "AllowedFirstAuthFactors"],
        );
        let factors = factors.and_then(Value::as_array).into_iter().flatten();
        let factors: Vec<&str> = factors.filter_map(Value::as_str).collect();
        pool_rules::refuse_one_time_passwords(factors.iter().copied())?;
        // Facts 0.1 [AWS cdkd]; the text is unverified.
        let passkeys = text_at(
            call.request,
            &["WebAuthnConfiguration", "FactorConfiguration"],
        );
        if factors.contains(&"WEB_AUTHN") && passkeys != Some("MULTI_FACTOR_WITH_USER_VERIFICATION")
        {
            return Err(ServiceError::invalid_parameter(
                "WEB_AUTHN can be an allowed first auth factor with required MFA only if FactorConfiguration is MULTI_FACTOR_WITH_USER_VERIFICATION.",
            ));
        }
    }
    Ok(())
}

fn check_passkeys(passkeys: &Document, pool: &Pool) -> Result<(), ServiceError> {
    // Facts A.3 [BENCH web-authn-relying-party-format]: a bare domain; the text is unverified.
    if let Some(id) = text_at(passkeys, &["RelyingPartyId"])
        && id.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
    {
        return Err(ServiceError::invalid_parameter(
            "Invalid RelyingPartyId. It must be a domain name without scheme, port and path.",
        ));
    }
    // Facts 1.1, A.3 [MODEL].
    if text_at(passkeys, &["FactorConfiguration"]) == Some("MULTI_FACTOR_WITH_USER_VERIFICATION") {
        tiers::require(pool, Tier::Essentials, "Passkeys as MFA")?;
    }
    Ok(())
}

/// A factor is there; the authenticator app's has a switch of its own.
fn is_enabled(mfa: &Document, factor: &str) -> bool {
    match mfa.get(factor) {
        None => false,
        Some(configuration) if factor == "SoftwareTokenMfaConfiguration" => {
            configuration.get("Enabled") == Some(&Value::Bool(true))
        }
        Some(_) => true,
    }
}

/// Brings the MFA configuration in line with the settings: `MfaConfiguration` and the SMS part. Factors go when MFA
/// goes off [INF].
pub(super) fn follow_settings(pool: &mut Pool) {
    let is_off = !matches!(
        text_at(&pool.settings, &["MfaConfiguration"]),
        Some("ON" | "OPTIONAL")
    );
    if is_off {
        for factor in FACTORS.iter().copied() {
            pool.mfa.remove(factor);
        }
    }
    let mut sms = Document::new();
    for member in ["SmsAuthenticationMessage", "SmsConfiguration"] {
        if let Some(value) = pool.settings.get(member) {
            sms.insert(member.to_owned(), value.clone());
        }
    }
    // With another factor on and SMS not among them, SMS is configured but no factor.
    let is_factor = is_off
        || pool.mfa.contains_key("SmsMfaConfiguration")
        || !FACTORS.iter().any(|factor| pool.mfa.contains_key(*factor));
    if sms.contains_key("SmsConfiguration") && is_factor {
        pool.mfa
            .insert("SmsMfaConfiguration".to_owned(), Value::Object(sms));
    }
    let mfa_configuration = pool
        .settings
        .get("MfaConfiguration")
        .cloned()
        .unwrap_or_else(|| json!("OFF"));
    pool.mfa
        .insert("MfaConfiguration".to_owned(), mfa_configuration);
}
