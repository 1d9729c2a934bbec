//! SignUp and AdminConfirmSignUp (facts C.2).

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{Client, Pool, State, Sub, User, UserStatus};
use crate::user::create::{add_sign_in_attribute, check_is_new};
use crate::user::messages::{self, Medium};
use crate::user::{attributes, change, named, password, username};

pub(crate) fn sign_up(call: &Call<'_>, state: &mut State) -> Answer {
    let client_id = call.required("ClientId")?;
    let (pool, rng) = state.pool_of_client(call, client_id).ok_or_else(|| {
        ServiceError::resource_not_found(format!("User pool client {client_id} does not exist."))
    })?;
    let closed = pool
        .settings
        .get("AdminCreateUserConfig")
        .and_then(|config| config.get("AllowAdminCreateUserOnly"))
        .and_then(Value::as_bool)
        .unwrap_or(false);
    if closed {
        return Err(ServiceError::not_authorized(
            "SignUp is not permitted for this user pool",
        ));
    }
    let Some(client) = pool.clients.get(client_id) else {
        return Err(ServiceError::internal("the client has vanished"));
    };
    check_secret_hash(call, client_id, client)?;
    let user = new_user(call, pool, client, rng)?;
    let (sub, id) = (user.sub, pool.id.clone());
    let code = code_destination(pool, &user);
    if pool.trigger("PreSignUp").is_some() {
        call.note_trigger("PreSignUp");
    }
    pool.users.insert(user);
    if let Some((medium, _)) = code
        && let Err(error) = messages::send(state, call, &id, "verification", medium)
    {
        // A message that cannot go out undoes the sign-up \[UNV\].
        if let Some((pool, _)) = state.pool_of_client(call, client_id) {
            pool.users.remove(sub);
        }
        return Err(error);
    }
    call.note_active(&id, sub);
    let mut answer = json!({"UserConfirmed": false, "UserSub": sub.to_string()});
    if let Some((medium, attribute)) = code {
        // The address itself is masked by the service; here it is left out but for its kind.
        answer["CodeDeliveryDetails"] = json!({"Destination": "***", "DeliveryMedium": medium.as_str(), "AttributeName": attribute});
    }
    Ok(answer.into())
}

fn new_user(
    call: &Call<'_>,
    pool: &Pool,
    client: &Client,
    rng: &mut StdRng,
) -> Result<User, ServiceError> {
    let name = call.required("Username")?;
    let sign_in_attribute = username::check(pool, name)?;
    let mut given = attributes::read(call.list("UserAttributes"));
    check_may_write(client, given.iter().map(|(name, _)| *name))?;
    if let Some(kind) = sign_in_attribute {
        add_sign_in_attribute(&mut given, kind, name)?;
    }
    let password = call
        .text("Password")
        .filter(|password| !password.is_empty());
    match password {
        Some(password) => password::check(pool, password)?,
        None if password::is_passwordless(pool) => {}
        None => return Err(ServiceError::invalid_parameter("Password is required.")),
    }
    let attributes = attributes::for_new_user(pool, &given, |_| false)?;
    let sub = Sub::random(rng);
    let user = User {
        username: if sign_in_attribute.is_some() {
            sub.to_string().into()
        } else {
            name.into()
        },
        sub,
        attributes,
        status: UserStatus::Unconfirmed,
        enabled: true,
        created: call.now,
        modified: call.now,
        password: password.map(|password| password::digest(sub, password)),
        extra: None,
    };
    check_is_new(pool, &user, sign_in_attribute, name, "User already exists")?;
    for (kind, value) in pool.users.aliases_of(&user) {
        // An unverified address is no alias yet; preferred_username is one at once.
        if pool.users.by_alias(kind, &value).is_some() {
            return Err(ServiceError::username_exists(format!(
                "An account with the given {} already exists.",
                kind.attribute()
            )));
        }
    }
    Ok(user)
}

/// A user writes what the client may write, and never the verified flags (facts A.6; code and text \[GEN\]).
fn check_may_write<'a>(
    client: &Client,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<(), ServiceError> {
    let allowed = client
        .document
        .get("WriteAttributes")
        .and_then(Value::as_array);
    let refused = names.any(|name| {
        matches!(name, "email_verified" | "phone_number_verified")
            || name.starts_with("dev:")
            || allowed.is_some_and(|allowed| !allowed.iter().any(|entry| entry == name))
    });
    if refused {
        return Err(ServiceError::not_authorized(
            "A client attempted to write unauthorized attribute",
        ));
    }
    Ok(())
}

/// A client with a secret must send the HMAC of username and client id; texts \[GEN\].
fn check_secret_hash(
    call: &Call<'_>,
    client_id: &str,
    client: &Client,
) -> Result<(), ServiceError> {
    if client.secrets.is_empty() {
        return Ok(());
    }
    let Some(given) = call.text("SecretHash") else {
        return Err(ServiceError::not_authorized(format!(
            "Client {client_id} is configured with secret but SECRET_HASH was not received"
        )));
    };
    let username = call.required("Username")?;
    let matches = client.secrets.iter().any(|secret| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.value.as_bytes()) else {
            return false;
        };
        mac.update(username.as_bytes());
        mac.update(client_id.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()) == given
    });
    if matches {
        Ok(())
    } else {
        Err(ServiceError::not_authorized(format!(
            "Unable to verify secret hash for client {client_id}"
        )))
    }
}

/// Where the confirmation code goes: an auto-verified attribute that the user has, the phone number first \[DOC\].
/// Without auto-verified attributes there is no message, which is how a restore makes UNCONFIRMED users in silence.
fn code_destination(pool: &Pool, user: &User) -> Option<(Medium, &'static str)> {
    let verified = pool.setting_names("AutoVerifiedAttributes");
    [(Medium::Sms, "phone_number"), (Medium::Email, "email")]
        .into_iter()
        .find(|(_, attribute)| verified.contains(attribute) && user.attribute(attribute).is_some())
}

/// AdminConfirmSignUp works from UNCONFIRMED only, and fires PostConfirmation (facts C.2 \[CODE\]).
pub(crate) fn admin_confirm(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = named(pool, call)?;
    if user.status != UserStatus::Unconfirmed {
        return Err(ServiceError::not_authorized(format!(
            "User cannot be confirmed. Current status is {}",
            user.status.as_str()
        )));
    }
    let sub = user.sub;
    if pool.trigger("PostConfirmation").is_some() {
        call.note_trigger("PostConfirmation");
    }
    change(pool, call, sub, |user| user.status = UserStatus::Confirmed)?;
    call.note_active(&pool.id, sub);
    Ok(Reply::empty())
}
