//! Passwords: the policy, AdminSetUserPassword, AdminResetUserPassword (facts C.2).

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{Pool, State, User, UserStatus};
use crate::user::messages::{self, Medium};
use crate::user::{change, named};

/// The characters that count as symbols, the space among them only inside a password.
const SYMBOLS: &str = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- ";

/// Whether users can sign in without a password: any first factor beside PASSWORD (facts C.1).
pub(crate) fn is_passwordless(pool: &Pool) -> bool {
    pool.settings
        .get("Policies")
        .and_then(|policies| policies.get("SignInPolicy"))
        .and_then(|policy| policy.get("AllowedFirstAuthFactors"))
        .and_then(Value::as_array)
        .is_some_and(|factors| factors.iter().any(|factor| factor != "PASSWORD"))
}

fn policy<'p>(pool: &'p Pool, member: &str) -> Option<&'p Value> {
    pool.settings
        .get("Policies")?
        .get("PasswordPolicy")?
        .get(member)
}

/// Checks a password against the pool's policy; texts \[GEN\].
///
/// # Errors
/// `InvalidPasswordException`.
pub(crate) fn check(pool: &Pool, password: &str) -> Result<(), ServiceError> {
    let refuse = |what: &str| {
        Err(ServiceError::invalid_password(format!(
            "Password did not conform with policy: {what}"
        )))
    };
    let minimum = policy(pool, "MinimumLength")
        .and_then(Value::as_u64)
        .unwrap_or(8);
    if (password.chars().count() as u64) < minimum {
        return refuse("Password not long enough");
    }
    // A pool without a policy has the default one, which requires all four.
    let has_policy = pool
        .settings
        .get("Policies")
        .and_then(|policies| policies.get("PasswordPolicy"))
        .is_some();
    let requires = |member: &str| {
        policy(pool, member)
            .and_then(Value::as_bool)
            .unwrap_or(!has_policy)
    };
    let has = |test: fn(char) -> bool| password.chars().any(test);
    if requires("RequireNumbers") && !has(|character| character.is_ascii_digit()) {
        return refuse("Password must have numeric characters");
    }
    if requires("RequireUppercase") && !has(|character| character.is_ascii_uppercase()) {
        return refuse("Password must have uppercase characters");
    }
    if requires("RequireLowercase") && !has(|character| character.is_ascii_lowercase()) {
        return refuse("Password must have lowercase characters");
    }
    if requires("RequireSymbols") && !has(|character| SYMBOLS.contains(character)) {
        return refuse("Password must have symbol characters");
    }
    Ok(())
}

/// What is kept of a password, to recognise it in the history.
pub(crate) fn digest(sub: crate::state::Sub, password: &str) -> u64 {
    let hash = Sha256::new()
        .chain_update(sub.0.as_bytes())
        .chain_update(password)
        .finalize();
    hash.iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What a sign-in with a username and a password comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// The user gets tokens.
    Tokens,
    /// The password is right and temporary: challenge `NEW_PASSWORD_REQUIRED`.
    NewPasswordRequired,
    /// No such user, a wrong password, a disabled user or a status that may not sign in.
    Refused,
}

/// What InitiateAuth (`USER_PASSWORD_AUTH`) would answer; one of the simulator's own tests and of those who restore.
pub(crate) fn sign_in(pool: &Pool, name: &str, password: &str) -> SignIn {
    let right = |user: &&User| user.enabled && user.password == Some(digest(user.sub, password));
    match pool
        .users
        .resolve(name)
        .filter(right)
        .map(|user| user.status)
    {
        Some(UserStatus::Confirmed) => SignIn::Tokens,
        Some(UserStatus::ForceChangePassword) => SignIn::NewPasswordRequired,
        _ => SignIn::Refused,
    }
}

/// Passwords that may not be used again, the current one among them; 0 when the pool keeps no history.
fn history_size(pool: &Pool) -> usize {
    policy(pool, "PasswordHistorySize")
        .and_then(Value::as_u64)
        .unwrap_or(0) as usize
}

fn remember(user: &mut User, digest: u64, history: usize) {
    if history > 0 {
        let previous = user.password;
        let passwords = &mut user.extra().passwords;
        if let Some(previous) = previous
            && !passwords.contains(&previous)
        {
            passwords.insert(0, previous);
        }
        passwords.insert(0, digest);
        passwords.truncate(history);
    }
    user.password = Some(digest);
}

/// AdminSetUserPassword: CONFIRMED when permanent, else FORCE_CHANGE_PASSWORD; no message, no trigger; the user
/// becomes billable (facts C.2).
pub(crate) fn admin_set(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = named(pool, call)?;
    let password = call.required("Password")?;
    if user.status == UserStatus::ExternalProvider {
        // A federated profile has no password; code and text \[UNV\].
        return Err(ServiceError::invalid_parameter(
            "User is not a local user; a password cannot be set.",
        ));
    }
    check(pool, password)?;
    let (sub, digest, history) = (user.sub, digest(user.sub, password), history_size(pool));
    let used = user.password == Some(digest)
        || user
            .extra
            .as_ref()
            .is_some_and(|extra| extra.passwords.contains(&digest));
    if history > 0 && used {
        return Err(ServiceError::password_history_violation(
            "Password has previously been used.",
        ));
    }
    let status = if call.flag("Permanent") {
        UserStatus::Confirmed
    } else {
        UserStatus::ForceChangePassword
    };
    change(pool, call, sub, |user| {
        remember(user, digest, history);
        user.status = status;
    })?;
    call.note_active(&pool.id, sub);
    Ok(Reply::empty())
}

/// AdminResetUserPassword: RESET_REQUIRED and a message to the user, who does not become billable (facts C.2).
pub(crate) fn admin_reset(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = named(pool, call)?;
    if !user.enabled {
        return Err(ServiceError::not_authorized("User is disabled."));
    }
    if user.status != UserStatus::Confirmed {
        return Err(ServiceError::not_authorized(
            "User password cannot be reset in the current state.",
        ));
    }
    let medium = recovery_medium(pool, user)?;
    let (sub, id) = (user.sub, pool.id.clone());
    messages::send(state, call, &id, "password reset", medium)?;
    let pool = access::writable(call, state)?;
    change(pool, call, sub, |user| {
        user.status = UserStatus::ResetRequired
    })?;
    Ok(Reply::empty())
}

/// Where the code goes: the pool's recovery mechanisms in order of priority, the first with a verified address.
fn recovery_medium(pool: &Pool, user: &User) -> Result<Medium, ServiceError> {
    let mut mechanisms: Vec<(i64, &str)> = pool
        .settings
        .get("AccountRecoverySetting")
        .and_then(|setting| setting.get("RecoveryMechanisms"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|mechanism| {
            Some((
                mechanism.get("Priority")?.as_i64()?,
                mechanism.get("Name")?.as_str()?,
            ))
        })
        .collect();
    mechanisms.sort_unstable();
    if mechanisms.iter().any(|(_, name)| *name == "admin_only") {
        // Self-service recovery is off (facts C.2 \[MODEL\]); code and text \[GEN\].
        return Err(ServiceError::not_authorized(
            "Contact administrator to reset password.",
        ));
    }
    if mechanisms.is_empty() {
        mechanisms = vec![(1, "verified_phone_number"), (2, "verified_email")];
    }
    let reachable = |name: &str| user.attribute(name).is_some() && user.is_verified(name);
    mechanisms
        .iter()
        .find_map(|(_, name)| match *name {
            "verified_email" if reachable("email") => Some(Medium::Email),
            "verified_phone_number" if reachable("phone_number") => Some(Medium::Sms),
            _ => None,
        })
        .ok_or_else(|| {
            ServiceError::invalid_parameter(
                "Cannot reset password for the user as there is no registered/verified email or phone_number",
            )
        })
}
