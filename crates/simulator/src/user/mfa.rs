//! AdminSetUserMFAPreference (facts C.4).

use serde_json::Value;

use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{MfaFactor, Pool, State, User};
use crate::user::{change, named};

const SETTINGS: [(&str, MfaFactor); 4] = [
    ("SMSMfaSettings", MfaFactor::Sms),
    ("SoftwareTokenMfaSettings", MfaFactor::SoftwareToken),
    ("EmailMfaSettings", MfaFactor::Email),
    ("WebAuthnMfaSettings", MfaFactor::WebAuthn),
];

/// Settings left out keep what the user has; only one factor is preferred \[GEN\].
pub(crate) fn admin_set_preference(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = named(pool, call)?;
    let sub = user.sub;
    let (mut factors, mut preferred) = user.extra.as_ref().map_or_else(Default::default, |extra| {
        (extra.mfa.clone(), extra.preferred_mfa)
    });
    let mut newly_preferred = 0;
    for (member, factor) in SETTINGS {
        let Some(settings) = call.document(member) else {
            continue;
        };
        let flag = |name: &str| settings.get(name).and_then(Value::as_bool).unwrap_or(false);
        if flag("Enabled") {
            check_factor(pool, user, factor)?;
            factors.insert(factor);
        } else {
            factors.remove(&factor);
        }
        if flag("PreferredMfa") {
            if !flag("Enabled") {
                return Err(ServiceError::invalid_parameter(
                    "Invalid MFA preference: a factor that is not enabled cannot be preferred.",
                ));
            }
            preferred = Some(factor);
            newly_preferred += 1;
        } else if preferred == Some(factor) {
            preferred = None;
        }
    }
    if newly_preferred > 1 {
        return Err(ServiceError::invalid_parameter(
            "Invalid MFA preference: only one factor can be preferred.",
        ));
    }
    change(pool, call, sub, |user| {
        if user.extra.is_some() || !factors.is_empty() {
            let extra = user.extra();
            extra.mfa = factors;
            extra.preferred_mfa = preferred;
        }
    })?;
    Ok(Reply::empty())
}

/// What a factor needs (facts C.4). The text for TOTP is facts 0.1 \[ISSUE\], the others \[UNV\].
fn check_factor(pool: &Pool, user: &User, factor: MfaFactor) -> Result<(), ServiceError> {
    let refuse = |message: &str| Err(ServiceError::invalid_parameter(message));
    match factor {
        MfaFactor::Sms if user.attribute("phone_number").is_none() => {
            refuse("User does not have a phone number to set SMS MFA")
        }
        MfaFactor::SoftwareToken
            if !user
                .extra
                .as_ref()
                .is_some_and(|extra| extra.totp_registered) =>
        {
            refuse("User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA")
        }
        MfaFactor::Email if pool.tier() == "LITE" => refuse(
            "The following feature is not available for the LITE pricing tier configured: Email MFA",
        ),
        MfaFactor::Email if user.attribute("email").is_none() || !user.is_verified("email") => {
            refuse("User does not have a verified email to set Email MFA")
        }
        MfaFactor::WebAuthn if pool.tier() == "LITE" => refuse(
            "The following feature is not available for the LITE pricing tier configured: Passkey MFA",
        ),
        MfaFactor::WebAuthn if !pool_has_passkey_mfa(pool) => {
            refuse("Passkey MFA requires FactorConfiguration MULTI_FACTOR_WITH_USER_VERIFICATION")
        }
        _ => Ok(()),
    }
}

fn pool_has_passkey_mfa(pool: &Pool) -> bool {
    pool.mfa
        .get("WebAuthnConfiguration")
        .and_then(|configuration| configuration.get("FactorConfiguration"))
        .and_then(Value::as_str)
        == Some("MULTI_FACTOR_WITH_USER_VERIFICATION")
}
