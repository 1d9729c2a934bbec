//! User pools: create, describe, update, delete, list (facts A.1, B).

use serde_json::{Value, json};

use super::access::{self, text_at};
use super::custom_attributes::refuse_during_import;
use super::{mfa, omitted, page, pool_rules, pool_settings, resource_servers, schema_rules, tiers};
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Pool, State};

/// Pools of an account in a Region before an increase (facts E [DOC]).
const POOLS: usize = 1_000;
/// The longest page of ListUserPools (facts A [MODEL]).
const PAGE: usize = 60;

/// Not idempotent: the same request again makes a second pool (facts B.1 [MODEL, INF]).
pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    access::may_pass_sms_role(call, state)?;
    pool_rules::one_validity(call)?;
    let own = pool_settings::own(call);
    let given = call.list("Schema");
    let call = &Call {
        request: &own,
        ..*call
    };
    pool_rules::check(call, None)?;
    let schema = schema_rules::of_new_pool(given)?;
    let mut settings = pool_settings::requested(call);
    tiers::check_settings(&settings, None)?;
    if state.region(call.account, call.region).pools.len() >= POOLS {
        return Err(access::limit_exceeded("user pools", POOLS));
    }
    let id = Pool::new_id(call.region, &mut state.rng);
    let arn = format!(
        "arn:aws:cognito-idp:{}:{}:userpool/{id}",
        call.region, call.account
    );
    pool_settings::identify(&mut settings, &id, &arn, call.now);
    let mut pool = Pool::new(
        id.clone(),
        call.account.clone(),
        call.region.clone(),
        settings,
        schema,
    );
    mfa::follow_settings(&mut pool);
    pool_rules::recovery_beside_mfa(&pool.settings, &pool.mfa)?;
    resource_servers::add_reserved(&mut pool);
    let document = pool_settings::described(&pool);
    state
        .region(call.account, call.region)
        .pools
        .insert(id, pool);
    Ok(json!({"UserPool": document}).into())
}

pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    Ok(json!({"UserPool": pool_settings::described(pool)}).into())
}

/// What the request leaves out is kept or returns to its default, member by member: [`omitted::POOL`].
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    // Replicas have e-mail, SMS, triggers and tags of their own (facts H [DOC]), so a secondary may be updated.
    access::may_pass_sms_role(call, state)?;
    let pool = state.pool_mut(call)?;
    refuse_during_import(pool.import_in_progress())?;
    pool_rules::one_validity(call)?;
    let whole = omitted::complete(
        &pool_settings::own(call),
        &pool.settings,
        omitted::POOL,
        call.config.unmeasured,
    );
    let call = &Call {
        request: &whole,
        ..*call
    };
    pool_rules::check(call, Some(pool))?;
    let mut settings = pool_settings::requested(call);
    for member in pool_settings::FIXED.iter().copied() {
        settings.remove(member);
        keep(&mut settings, &pool.settings, member);
    }
    for member in ["Id", "Arn", "CreationDate"] {
        keep(&mut settings, &pool.settings, member);
    }
    settings.insert("LastModifiedDate".to_owned(), call.now.into());
    tiers::check_settings(&settings, Some(pool))?;
    pool_rules::recovery_beside_mfa(&settings, &pool.mfa)?;
    pool.settings = settings;
    mfa::follow_settings(pool);
    resource_servers::add_reserved(pool);
    Ok(Reply::empty())
}

fn keep(settings: &mut Document, old: &Document, member: &str) {
    if let Some(value) = old.get(member) {
        settings.insert(member.to_owned(), value.clone());
    }
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    refuse_during_import(pool.import_in_progress())?;
    // Facts B.1 [MODEL]; the text is [GEN].
    if text_at(&pool.settings, &["DeletionProtection"]) == Some("ACTIVE") {
        return Err(ServiceError::invalid_parameter(
            "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.",
        ));
    }
    // Facts A.10 [GEN].
    if !pool.domains.is_empty() {
        return Err(ServiceError::invalid_parameter(
            "User pool cannot be deleted. It has a domain configured that should be deleted first.",
        ));
    }
    let id = pool.id.clone();
    state.region(call.account, call.region).pools.remove(&id);
    Ok(Reply::empty())
}

pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let pools = &state.region(call.account, call.region).pools;
    let items = pools.iter().map(|(id, pool)| (id.as_str(), summary(pool)));
    let page = page::page(call, &token_key, "MaxResults", PAGE, items)?;
    Ok(page::answer("UserPools", page).into())
}

fn summary(pool: &Pool) -> Value {
    let mut summary = Document::new();
    summary.insert("Id".to_owned(), json!(pool.id));
    for member in ["Name", "LambdaConfig", "LastModifiedDate", "CreationDate"] {
        keep(&mut summary, &pool.settings, member);
    }
    Value::Object(summary)
}
