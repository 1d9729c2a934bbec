//! Enabling, disabling, deleting users; changing and deleting attributes (facts C.1, C.2).

use std::sync::Arc;

use serde_json::Value;

use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{AliasKind, Pool, State, Sub, User};
use crate::user::attributes::{self, Given};
use crate::user::create::alias_taken;
use crate::user::messages::{self, Medium};
use crate::user::{change, named};

pub(crate) fn admin_enable(call: &Call<'_>, state: &mut State) -> Answer {
    set_enabled(call, state, true)
}

pub(crate) fn admin_disable(call: &Call<'_>, state: &mut State) -> Answer {
    set_enabled(call, state, false)
}

fn set_enabled(call: &Call<'_>, state: &mut State, enabled: bool) -> Answer {
    let pool = access::writable(call, state)?;
    let sub = named(pool, call)?.sub;
    change(pool, call, sub, |user| user.enabled = enabled)?;
    Ok(Reply::empty())
}

pub(crate) fn admin_delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let sub = named(pool, call)?.sub;
    pool.delete_user(sub);
    Ok(Reply::empty())
}

/// AdminUpdateUserAttributes. An empty value deletes the attribute \[DOC\]; a new address loses its verification unless
/// the call sets it, and then the user gets a code if the address is auto-verified \[GEN\]. In a pool that verifies
/// before it updates, the old address stays until then \[DOC\].
pub(crate) fn admin_update_attributes(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = named(pool, call)?;
    let given = attributes::read(call.list("UserAttributes"));
    let changes = checked_changes(pool, user, &given)?;
    let (sub, id) = (user.sub, pool.id.clone());
    let (changes, codes) = with_verification(pool, user, changes);
    let mut after = user.clone();
    apply(&mut after, &changes);
    check_aliases(pool, sub, &after)?;
    for medium in codes {
        messages::send(state, call, &id, "verification", medium)?;
    }
    let pool = access::writable(call, state)?;
    change(pool, call, sub, |user| apply(user, &changes))?;
    call.note_active(&id, sub);
    Ok(Reply::empty())
}

/// A name and its new value; `None` deletes.
type Change<'a> = (Arc<str>, Option<&'a str>);

fn apply(user: &mut User, changes: &[Change<'_>]) {
    for (name, value) in changes {
        match value {
            Some(value) => user.set_attribute(name, value),
            None => user.remove_attribute(name),
        }
    }
}

fn checked_changes<'a>(
    pool: &Pool,
    user: &User,
    given: &[Given<'a>],
) -> Result<Vec<Change<'a>>, ServiceError> {
    let mut changes = Vec::with_capacity(given.len());
    for (name, value) in given {
        let rule = attributes::writable(pool, name)?;
        if !rule.mutable {
            return Err(not_updatable(name));
        }
        if value.is_empty() {
            if rule.required {
                return Err(required(name));
            }
            changes.push((Arc::clone(&rule.name), None));
            continue;
        }
        attributes::check_value(rule, value)?;
        let has = |name: &str| {
            given
                .iter()
                .any(|(other, value)| *other == name && !value.is_empty())
                || user.attribute(name).is_some()
        };
        attributes::check_verified(name, has)?;
        changes.push((Arc::clone(&rule.name), Some(*value)));
    }
    Ok(changes)
}

/// "user.email: Attribute cannot be updated." (facts C.1, Appendix 1 \[CODE\]).
fn not_updatable(name: &str) -> ServiceError {
    ServiceError::invalid_parameter(format!("user.{name}: Attribute cannot be updated."))
}

/// Text \[UNV\].
fn required(name: &str) -> ServiceError {
    ServiceError::invalid_parameter(format!(
        "user.{name}: The attribute is required and cannot be deleted."
    ))
}

/// What a changed address brings with it.
fn with_verification<'a>(
    pool: &Pool,
    user: &User,
    mut changes: Vec<Change<'a>>,
) -> (Vec<Change<'a>>, Vec<Medium>) {
    let auto_verified = pool.setting_names("AutoVerifiedAttributes");
    let first: Vec<&str> = pool
        .settings
        .get("UserAttributeUpdateSettings")
        .and_then(|settings| settings.get("AttributesRequireVerificationBeforeUpdate"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut codes = Vec::new();
    for (attribute, verified, medium) in [
        ("email", "email_verified", Medium::Email),
        ("phone_number", "phone_number_verified", Medium::Sms),
    ] {
        let Some(index) = changes.iter().position(|(name, _)| &**name == attribute) else {
            continue;
        };
        let says_verified = changes
            .iter()
            .find(|(name, _)| &**name == verified)
            .map(|(_, value)| *value);
        let new_value = changes[index].1;
        if new_value.is_some() && new_value == user.attribute(attribute) {
            continue;
        }
        match (new_value, says_verified) {
            // Gone with its address \[UNV\].
            (None, _) => changes.push((Arc::from(verified), None)),
            (Some(_), None | Some(Some("false"))) => {
                if auto_verified.contains(&attribute) && says_verified.is_none() {
                    codes.push(medium);
                }
                if first.contains(&attribute) {
                    changes.remove(index);
                } else if says_verified.is_none() {
                    changes.push((Arc::from(verified), Some("false")));
                }
            }
            (Some(_), Some(_)) => {}
        }
    }
    // Share the schema's names with all other users.
    for (name, _) in &mut changes {
        if let Some(rule) = pool.schema.rule(name) {
            *name = Arc::clone(&rule.name);
        }
    }
    (changes, codes)
}

fn check_aliases(pool: &Pool, sub: Sub, after: &User) -> Result<(), ServiceError> {
    for (kind, value) in pool.users.aliases_of(after) {
        if pool
            .users
            .by_alias(kind, &value)
            .is_some_and(|holder| holder.sub != sub)
        {
            return Err(alias_taken(kind));
        }
    }
    Ok(())
}

/// AdminDeleteUserAttributes.
pub(crate) fn admin_delete_attributes(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let user = named(pool, call)?;
    let sub = user.sub;
    let mut names: Vec<&str> = call
        .list("UserAttributeNames")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for name in &names {
        let rule = attributes::writable(pool, name)?;
        if !rule.mutable {
            return Err(not_updatable(name));
        }
        if rule.required {
            return Err(required(name));
        }
    }
    // An address takes its verification with it \[UNV\].
    for kind in [AliasKind::Email, AliasKind::PhoneNumber] {
        if names.contains(&kind.attribute()) {
            names.push(if kind == AliasKind::Email {
                "email_verified"
            } else {
                "phone_number_verified"
            });
        }
    }
    change(pool, call, sub, |user| {
        for name in names {
            user.remove_attribute(name);
        }
    })?;
    call.note_active(&pool.id, sub);
    Ok(Reply::empty())
}
