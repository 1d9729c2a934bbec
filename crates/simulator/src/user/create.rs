//! AdminCreateUser (facts C.1).

use rand::rngs::StdRng;
use serde_json::Value;

use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{AliasKind, Pool, State, Sub, User, UserStatus};
use crate::user::attributes::{self, Given};
use crate::user::messages::{self, Medium};
use crate::user::view::UserView;
use crate::user::{change, password, username};

pub(crate) fn admin_create(call: &Call<'_>, state: &mut State) -> Answer {
    if call.text("MessageAction") == Some("RESEND") {
        return resend(call, state);
    }
    let silent = call.text("MessageAction") == Some("SUPPRESS");
    let (pool, rng) = access::writable_and_rng(call, state)?;
    let user = new_user(call, pool, rng)?;
    let (sub, id) = (user.sub, pool.id.clone());
    if pool.trigger("PreSignUp").is_some() {
        call.note_trigger("PreSignUp");
    }
    if !silent {
        for medium in invitation_media(call, &user) {
            messages::send(state, call, &id, "invitation", medium)?;
        }
    }
    let pool = access::writable(call, state)?;
    take_aliases(call, pool, &user)?;
    pool.users.insert(user);
    // Each created user counts as active this month (facts C.1).
    call.note_active(&id, sub);
    answer(pool, sub)
}

fn answer(pool: &Pool, sub: Sub) -> Answer {
    let user = pool
        .users
        .by_sub(sub)
        .ok_or_else(ServiceError::user_not_found)?;
    #[derive(serde::Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Created<'a> {
        user: UserView<'a>,
    }
    serde_json::to_vec(&Created {
        user: UserView { user, only: None },
    })
    .map(Reply)
    .map_err(|error| ServiceError::internal(error.to_string()))
}

fn new_user(call: &Call<'_>, pool: &Pool, rng: &mut StdRng) -> Result<User, ServiceError> {
    let name = call.required("Username")?;
    let sign_in_attribute = username::check(pool, name)?;
    let mut given = attributes::read(call.list("UserAttributes"));
    if let Some(kind) = sign_in_attribute {
        add_sign_in_attribute(&mut given, kind, name)?;
    }
    let passwordless = password::is_passwordless(pool);
    let temporary = call
        .text("TemporaryPassword")
        .filter(|password| !password.is_empty());
    if let Some(temporary) = temporary {
        password::check(pool, temporary)?;
    }
    // Without passwordless factors Cognito makes up a password; with them none means a passwordless user.
    let has_password = temporary.is_some() || !passwordless;
    // Required attributes may be left out only if mutable and a temporary password is used.
    let attributes = attributes::for_new_user(pool, &given, |rule| rule.mutable && has_password)?;
    let sub = Sub::random(rng);
    let user = User {
        username: if sign_in_attribute.is_some() {
            sub.to_string().into()
        } else {
            name.into()
        },
        sub,
        attributes,
        status: if has_password {
            UserStatus::ForceChangePassword
        } else {
            UserStatus::Confirmed
        },
        enabled: true,
        created: call.now,
        modified: call.now,
        password: temporary.map(|temporary| password::digest(sub, temporary)),
        extra: None,
    };
    check_is_new(
        pool,
        &user,
        sign_in_attribute,
        name,
        "User account already exists",
    )?;
    check_aliases(call, pool, &user)?;
    Ok(user)
}

/// The e-mail address or phone number passed as the username is set as the attribute (facts C.1 \[GEN/UNV\]). Another
/// value for the same attribute beside it is refused \[UNV\].
pub(crate) fn add_sign_in_attribute<'a>(
    given: &mut Vec<Given<'a>>,
    kind: AliasKind,
    username: &'a str,
) -> Result<(), ServiceError> {
    match given.iter().find(|(name, _)| *name == kind.attribute()) {
        Some((_, value)) if *value == username => Ok(()),
        Some(_) => Err(ServiceError::invalid_parameter(format!(
            "The username and the attribute {} must be the same.",
            kind.attribute()
        ))),
        None => {
            given.push((kind.attribute(), username));
            Ok(())
        }
    }
}

/// The username, or the address that stands in for it, must be free.
///
/// # Errors
/// `UsernameExistsException` (facts Appendix 1 \[GEN\]).
pub(crate) fn check_is_new(
    pool: &Pool,
    user: &User,
    sign_in_attribute: Option<AliasKind>,
    name: &str,
    taken: &str,
) -> Result<(), ServiceError> {
    if let Some(kind) = sign_in_attribute {
        if pool.users.by_alias(kind, name).is_some() {
            return Err(ServiceError::username_exists(format!(
                "An account with the given {} already exists.",
                kind.attribute()
            )));
        }
    } else if pool.users.by_username(&user.username).is_some() {
        return Err(ServiceError::username_exists(taken));
    }
    Ok(())
}

/// An alias that another user holds is refused, unless ForceAliasCreation moves it (facts C.1). The model declares no
/// AliasExistsException for this operation, and promises it in the text.
fn check_aliases(call: &Call<'_>, pool: &Pool, user: &User) -> Result<(), ServiceError> {
    for (kind, value) in pool.users.aliases_of(user) {
        let forced = call.flag("ForceAliasCreation") && pool.users.sign_in.aliases.contains(&kind);
        if !forced && pool.users.by_alias(kind, &value).is_some() {
            return Err(alias_taken(kind));
        }
    }
    Ok(())
}

/// `AliasExistsException`; text \[GEN\].
pub(crate) fn alias_taken(kind: AliasKind) -> ServiceError {
    ServiceError::alias_exists(format!(
        "An account with the {} already exists.",
        kind.attribute()
    ))
}

/// Moves the aliases of a new user away from who holds them, whose verification is removed (facts C.1).
fn take_aliases(call: &Call<'_>, pool: &mut Pool, user: &User) -> Result<(), ServiceError> {
    for (kind, value) in pool.users.aliases_of(user) {
        let Some(holder) = pool.users.by_alias(kind, &value).map(|holder| holder.sub) else {
            continue;
        };
        change(pool, call, holder, |holder| match kind {
            AliasKind::Email => holder.remove_attribute("email_verified"),
            AliasKind::PhoneNumber => holder.remove_attribute("phone_number_verified"),
            AliasKind::PreferredUsername => holder.remove_attribute("preferred_username"),
        })?;
    }
    Ok(())
}

/// Where an invitation goes: the desired media that the user has, SMS by default (facts C.1). With none of them the
/// simulator counts the other medium, if the user has it: what the service does then is not documented \[UNV\].
fn invitation_media(call: &Call<'_>, user: &User) -> Vec<Medium> {
    let desired: Vec<&str> = call
        .list("DesiredDeliveryMediums")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let available: Vec<Medium> = [("phone_number", Medium::Sms), ("email", Medium::Email)]
        .into_iter()
        .filter(|(attribute, _)| user.attribute(attribute).is_some())
        .map(|(_, medium)| medium)
        .collect();
    let desired = if desired.is_empty() {
        vec!["SMS"]
    } else {
        desired
    };
    let chosen: Vec<Medium> = available
        .iter()
        .copied()
        .filter(|medium| desired.contains(&medium.as_str()))
        .collect();
    if chosen.is_empty() {
        available.into_iter().take(1).collect()
    } else {
        chosen
    }
}

/// RESEND: a new temporary password and a new invitation for a user who has not signed in yet (facts C.1).
fn resend(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = pool
        .users
        .resolve(call.required("Username")?)
        .ok_or_else(|| ServiceError::client("UserNotFoundException", "User does not exist."))?;
    if user.status != UserStatus::ForceChangePassword {
        return Err(ServiceError::unsupported_user_state(format!(
            "Resend not possible. User status is {}",
            user.status.as_str()
        )));
    }
    let temporary = call
        .text("TemporaryPassword")
        .filter(|password| !password.is_empty());
    if let Some(temporary) = temporary {
        password::check(pool, temporary)?;
    }
    let (sub, id, media) = (user.sub, pool.id.clone(), invitation_media(call, user));
    for medium in media {
        messages::send(state, call, &id, "invitation", medium)?;
    }
    let pool = access::writable(call, state)?;
    change(pool, call, sub, |user| {
        user.password = temporary.map(|temporary| password::digest(sub, temporary));
    })?;
    answer(pool, sub)
}
