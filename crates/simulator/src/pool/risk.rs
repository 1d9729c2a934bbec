//! Risk configuration (facts A.14).

use std::net::IpAddr;

use serde_json::{Value, json};

use super::access::{self, names, text_at};
use super::message_rules;
use super::tiers::Tier;
use crate::call::{Answer, Call, Document};
use crate::error::ServiceError;
use crate::state::{Pool, State};

/// The configuration of the pool, as [`Pool::risk`] has it.
const ALL: &str = "ALL";
/// The three blocks of a configuration.
const BLOCKS: &[&str] = &[
    "CompromisedCredentialsRiskConfiguration",
    "AccountTakeoverRiskConfiguration",
    "RiskExceptionConfiguration",
];

/// A client without its own settings has the pool's (facts A.14 [MODEL]); a pool without any has an empty
/// configuration [GEN].
pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    require_add_on(pool)?;
    let own = match call.text("ClientId") {
        Some(client) => {
            access::client(pool, client)?;
            pool.risk.get(client)
        }
        None => None,
    };
    let configuration = match own.or_else(|| pool.risk.get(ALL)) {
        Some(configuration) => Value::Object(configuration.clone()),
        None => json!({"UserPoolId": pool.id}),
    };
    Ok(json!({"RiskConfiguration": configuration}).into())
}

/// Replaces the configuration; without any block it goes, and the client has the pool's again (facts A.14 [MODEL]).
pub(crate) fn set(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    require_add_on(pool)?;
    let place = match call.text("ClientId") {
        Some(client) => {
            access::client(pool, client)?;
            client
        }
        None => ALL,
    };
    check(call)?;
    let mut configuration = call.request.clone();
    configuration.insert("LastModifiedDate".to_owned(), call.now.into());
    let answer = json!({"RiskConfiguration": configuration});
    if BLOCKS
        .iter()
        .any(|block| configuration.contains_key(*block))
    {
        pool.risk.insert(place.to_owned(), configuration);
    } else {
        pool.risk.remove(place);
    }
    Ok(answer.into())
}

/// Threat protection needs PLUS (facts A.14 [MODEL]). That both operations then answer with this exception of their
/// error lists is [INF], and the text is unverified.
fn require_add_on(pool: &Pool) -> Result<(), ServiceError> {
    if Tier::parse(Some(pool.tier())) < Tier::Plus {
        return Err(ServiceError::user_pool_add_on_not_enabled(
            "Threat protection is not enabled for this user pool.",
        ));
    }
    Ok(())
}

fn check(call: &Call<'_>) -> Result<(), ServiceError> {
    let source = text_at(
        call.request,
        &[
            "AccountTakeoverRiskConfiguration",
            "NotifyConfiguration",
            "SourceArn",
        ],
    );
    if let Some(source) = source {
        message_rules::check_ses_region("NotifyConfiguration.SourceArn", source, call.region)?;
        message_rules::check_ses_account(source, call.account)?;
    }
    // Facts A.14 [BENCH].
    let exceptions = call.document("RiskExceptionConfiguration");
    for list in ["BlockedIPRangeList", "SkippedIPRangeList"] {
        let ranges = exceptions.map(|exceptions: &Document| names(exceptions, list));
        if !ranges.unwrap_or_default().into_iter().all(is_cidr) {
            return Err(ServiceError::invalid_parameter("Incorrect CIDR format"));
        }
    }
    Ok(())
}

fn is_cidr(range: &str) -> bool {
    let Some((address, bits)) = range.split_once('/') else {
        return false;
    };
    match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}
