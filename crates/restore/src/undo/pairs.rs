//! Which client of the pool is which client of the point in time.

use std::collections::BTreeMap;

use model::document::BackupHead;
use model::inventory::Section;
use model::rules::app_client::explicit_defaults;
use serde_json::Value;

use super::heads::is_absent;
use crate::document::object;

/// Members of list elements that name a client.
pub(super) const CLIENT_ID: &str = "ClientId";

/// The ids that the clients of the point in time have now: their own, or those that they got when
/// they were made again. Of the latter, what no record tells is told by the secret, or by being
/// the same in everything but the id.
pub(super) fn pair_clients(
    point: &BackupHead,
    live: &BackupHead,
    made_again: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let id = |client: &Value| client[CLIENT_ID].as_str().unwrap_or_default().to_owned();
    let then = point.list(Section::AppClients);
    let now = live.list(Section::AppClients);
    let mut pairs = BTreeMap::new();
    for client in then {
        let of_now: Vec<String> = now.iter().map(id).collect();
        let kept = [Some(id(client)), made_again.get(&id(client)).cloned()];
        if let Some(kept) = kept.into_iter().flatten().find(|id| of_now.contains(id)) {
            pairs.insert(id(client), kept);
        }
    }
    for client in then {
        if pairs.contains_key(&id(client)) {
            continue;
        }
        let is_known = |other: &Value| {
            pairs.values().any(|known| *known == id(other))
                || then.iter().any(|client| id(client) == id(other))
        };
        let twin = now
            .iter()
            .find(|other| !is_known(other) && is_made_again(client, other));
        if let Some(twin) = twin {
            pairs.insert(id(client), id(twin));
        }
    }
    pairs
}

fn is_made_again(then: &Value, now: &Value) -> bool {
    let secret = |client: &Value| client["ClientSecret"].as_str().map(str::to_owned);
    if then["ClientName"] != now["ClientName"] || secret(then) != secret(now) {
        return false;
    }
    secret(then).is_some() || without_identity(then) == without_identity(now)
}

fn without_identity(client: &Value) -> Value {
    let mut client = object(client);
    explicit_defaults(&mut client);
    for member in [
        CLIENT_ID,
        "UserPoolId",
        "CreationDate",
        "LastModifiedDate",
        "ClientType",
        "RefreshTokenRotation",
    ] {
        client.shift_remove(member);
    }
    client.retain(|_, value| !is_absent(value));
    for list in client.values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    client.sort_keys();
    Value::Object(client)
}
