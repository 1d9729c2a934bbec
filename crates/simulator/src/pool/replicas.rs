//! Replicas of a pool (facts H): listed, never made. CreateUserPoolReplica and its kin answer that they are not
//! simulated; a seed puts replicas in, and a pool that is the secondary refuses most writes.

use serde_json::Value;

use super::page;
use crate::call::{Answer, Call};
use crate::state::State;

/// The longest page [INF].
const PAGE: usize = 60;

pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let replicas = &state.pool(call)?.replicas;
    let mut items: Vec<(&str, Value)> = replicas
        .iter()
        .map(|replica| {
            let region = replica.get("RegionName").and_then(Value::as_str);
            (region.unwrap_or_default(), replica.clone())
        })
        .collect();
    items.sort_by_key(|(region, _)| *region);
    let items = items.into_iter();
    let page = page::page(call, &token_key, "MaxResults", PAGE, items)?;
    Ok(page::answer("UserPoolReplicas", page).into())
}
