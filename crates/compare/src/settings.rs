//! The comparison of the settings of two sides, section by section.

use std::collections::BTreeMap;

use model::document::{BackupHead, SectionStatus};
use model::inventory::Section;
use model::rules::app_client::explicit_defaults;
use model::rules::{STANDARD_ATTRIBUTES, is_group_of_provider};
use serde_json::{Map, Value, json};

use crate::allowed::Relation;
use crate::documents::{Change, Comparison, FoundDifference, present};

/// What ties the second side, the pool, to the first, the backup.
#[derive(Debug, Default)]
pub struct Ties<'a> {
    /// What they are to one another.
    pub relation: Relation,
    /// Old to new client ids.
    pub clients: BTreeMap<String, String>,
    /// The custom attribute that keeps the old `sub`, without its prefix.
    pub legacy_sub_attribute: Option<&'a str>,
}

/// What the comparison of the settings gave.
#[derive(Debug, Default)]
pub struct SettingsCompared {
    /// The differences beyond the table.
    pub found: Vec<FoundDifference>,
    /// How many settings were compared.
    pub compared: u64,
    /// How many secrets are encrypted on a side, and were not.
    pub secrets_not_compared: u64,
    /// Sections that the backup does not hold, hence not compared.
    pub not_in_backup: Vec<Section>,
}

/// Compares everything but the users and memberships.
///
/// `backup` has the operator's map applied already: what it translates is expected translated.
pub fn compare(backup: &BackupHead, pool: &BackupHead, ties: &Ties<'_>) -> SettingsCompared {
    compare_sections(backup, pool, ties, Section::at_the_head())
}

/// The same for some sections of the head.
pub fn compare_sections(
    backup: &BackupHead,
    pool: &BackupHead,
    ties: &Ties<'_>,
    sections: impl Iterator<Item = Section>,
) -> SettingsCompared {
    let mut result = SettingsCompared::default();
    let relation = ties.relation;
    let mut comparison = Comparison {
        relation,
        ..Comparison::default()
    };
    for section in sections {
        if relation.leaves_out(section) {
            continue;
        }
        if !is_known(backup, section) {
            result.not_in_backup.push(section);
            continue;
        }
        if let SectionStatus::Failed { .. } = pool.status(section) {
            comparison.found.push(FoundDifference {
                path: vec![section.member().to_owned()],
                change: Change::Unreadable,
                first: None,
                second: None,
            });
            continue;
        }
        let mut old = expected(backup, section, relation);
        let mut new = expected(pool, section, relation);
        if section == Section::UserPoolConfig && relation == Relation::Restored {
            // By the map, the backup's side may name the new pool's Region already.
            regionless_triggers(
                &mut old,
                &[backup.user_pool_id.region(), pool.user_pool_id.region()],
            );
            regionless_triggers(&mut new, &[pool.user_pool_id.region()]);
        }
        if relation == Relation::Restored {
            without_legacy_sub(&old, &mut new, section, ties);
        }
        let mut path = vec![section.member().to_owned()];
        if section.is_list() {
            let back: BTreeMap<&str, &str> = ties
                .clients
                .iter()
                .map(|(old, new)| (new.as_str(), old.as_str()))
                .collect();
            let in_backup = |element: &Value| name_of(section, element, |client| client.to_owned());
            let in_pool = |element: &Value| {
                name_of(section, element, |client| {
                    back.get(client).copied().unwrap_or(client).to_owned()
                })
            };
            comparison.lists(
                &mut path,
                elements(&old),
                elements(&new),
                &in_backup,
                &in_pool,
            );
        } else {
            comparison.values(&mut path, Some(&old), Some(&new));
        }
    }
    result.found = comparison.found;
    result.compared = comparison.compared;
    result.secrets_not_compared = comparison.secrets_not_compared;
    result
}

/// Whether the side says what the section holds. Backups of the reference implementation have
/// no statuses: what they lack, they did not read.
pub fn is_known(backup: &BackupHead, section: Section) -> bool {
    match backup.status(section) {
        SectionStatus::Complete { .. } | SectionStatus::Empty => true,
        SectionStatus::Failed { .. } | SectionStatus::NotRead { .. } => false,
        SectionStatus::Unknown => present(Some(backup.section(section))).is_some(),
    }
}

fn elements(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(element: &'a Value, member: &str) -> &'a str {
    element
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What tells the elements of a section apart; clients by their old id.
pub fn name_of(section: Section, element: &Value, client: impl Fn(&str) -> String) -> String {
    use Section::*;
    match section {
        Groups => text(element, "GroupName").to_owned(),
        IdentityProviders => text(element, "ProviderName").to_owned(),
        ResourceServers => text(element, "Identifier").to_owned(),
        Terms => format!(
            "{}/{}",
            client(text(element, "ClientId")),
            text(element, "TermsName")
        ),
        _ => client(text(element, "ClientId")),
    }
}

/// A section without what Cognito makes itself, in the form in which both sides are compared.
fn expected(head: &BackupHead, section: Section, relation: Relation) -> Value {
    let mut value = head.section(section).clone();
    let is_restored = relation == Relation::Restored;
    match section {
        Section::Groups if is_restored => retain(&mut value, |group| {
            !is_group_of_provider(text(group, "GroupName"), &head.user_pool_id)
        }),
        Section::ResourceServers if is_restored => {
            retain(&mut value, |server| text(server, "ManagedBy") != "COGNITO")
        }
        Section::UserPoolConfig => unused_account_validity(&mut value),
        Section::AppClients => {
            let clients = value.as_array_mut().into_iter().flatten();
            clients
                .filter_map(Value::as_object_mut)
                .for_each(explicit_defaults);
        }
        _ => {}
    }
    value
}

fn retain(list: &mut Value, keep: impl Fn(&Value) -> bool) {
    if let Value::Array(elements) = list {
        elements.retain(keep);
    }
}

/// Takes the pool's own Region out of the ARNs of its triggers: a function must be in the pool's
/// Region (facts A.4), so one of the same name there stands for it.
fn regionless_triggers(config: &mut Value, regions: &[&str]) {
    fn texts(value: &mut Value, regions: &[&str]) {
        match value {
            Value::Object(members) => members
                .values_mut()
                .for_each(|member| texts(member, regions)),
            Value::String(arn) => {
                let mut parts: Vec<&str> = arn.splitn(5, ':').collect();
                if parts.get(2) == Some(&"lambda")
                    && parts.get(3).is_some_and(|region| regions.contains(region))
                {
                    parts[3] = "";
                    *arn = parts.join(":");
                }
            }
            _ => {}
        }
    }
    if let Some(triggers) = config.get_mut("LambdaConfig") {
        texts(triggers, regions);
    }
}

/// Pools older than `TemporaryPasswordValidityDays` have only its forerunner (facts A.1).
fn unused_account_validity(config: &mut Value) {
    let days = config
        .pointer("/AdminCreateUserConfig/UnusedAccountValidityDays")
        .cloned();
    if days.is_some() && config.pointer("/Policies/PasswordPolicy").is_none() {
        config["Policies"]["PasswordPolicy"] = json!({});
    }
    let days = days.unwrap_or(json!(7));
    if let Some(Value::Object(policy)) = config.pointer_mut("/Policies/PasswordPolicy") {
        policy
            .entry("TemporaryPasswordValidityDays")
            .or_insert(days);
    }
}

/// Takes what the table allows "only in the pool" by name, not by path, out of the pool's side.
fn without_legacy_sub(old: &Value, new: &mut Value, section: Section, ties: &Ties<'_>) {
    let legacy: Vec<String> = ties
        .legacy_sub_attribute
        .iter()
        .flat_map(|name| [format!("custom:{name}"), format!("dev:custom:{name}")])
        .collect();
    match (section, new) {
        (Section::UserPoolConfig, Value::Object(new)) => {
            let names: Vec<&str> = schema(old.get("SchemaAttributes"))
                .map(|attribute| text(attribute, "Name"))
                .collect();
            if let Some(attributes) = new.get_mut("SchemaAttributes") {
                retain(attributes, |attribute| {
                    let name = text(attribute, "Name");
                    let generated = STANDARD_ATTRIBUTES.contains(&name)
                        || legacy.iter().any(|legacy| legacy == name);
                    names.contains(&name) || !generated
                });
            }
        }
        (Section::AppClients, Value::Array(clients)) => {
            let had = elements(old)
                .iter()
                .flat_map(|client| client.get("ReadAttributes").map_or(&[][..], elements))
                .any(|name| legacy.iter().any(|legacy| name == legacy));
            for client in clients.iter_mut().filter(|_| !had) {
                if let Some(readable) = client.get_mut("ReadAttributes") {
                    retain(readable, |name| !legacy.iter().any(|legacy| name == legacy));
                }
            }
        }
        _ => {}
    }
}

fn schema(attributes: Option<&Value>) -> impl Iterator<Item = &Value> {
    attributes.map_or(&[][..], elements).iter()
}

/// Whether an old and a new client are one.
type Tie<'a> = dyn Fn(&Value, &Value) -> bool + 'a;

/// Ties clients of a pool that no restore made, or whose map is not at hand: by id, else by
/// secret and name, else by name (names are not unique, facts A.6: those of one name in order).
pub fn pair_clients(
    backup: &[Value],
    pool: &[Value],
    known: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let mut left: Vec<&Value> = pool.iter().collect();
    let rules: [&Tie<'_>; 4] = [
        &|old, new| {
            known
                .get(text(old, "ClientId"))
                .is_some_and(|id| id == text(new, "ClientId"))
        },
        &|old, new| text(old, "ClientId") == text(new, "ClientId"),
        &|old, new| {
            !text(old, "ClientSecret").is_empty()
                && text(old, "ClientSecret") == text(new, "ClientSecret")
                && text(old, "ClientName") == text(new, "ClientName")
        },
        &|old, new| text(old, "ClientName") == text(new, "ClientName"),
    ];
    for fits in rules {
        for old in backup {
            let id = text(old, "ClientId");
            if pairs.contains_key(id) {
                continue;
            }
            if let Some(index) = left.iter().position(|new| fits(old, new)) {
                pairs.insert(
                    id.to_owned(),
                    text(left.remove(index), "ClientId").to_owned(),
                );
            }
        }
    }
    pairs
}

/// A copy of `head` in which every section went through `change`.
pub fn translated(head: &BackupHead, mut change: impl FnMut(Section, &mut Value)) -> BackupHead {
    let mut copy = head.clone();
    for section in Section::at_the_head() {
        let is_there = matches!(
            copy.status(section),
            SectionStatus::Complete { .. } | SectionStatus::Unknown
        );
        let mut value = copy.section(section).clone();
        if is_there && present(Some(&value)).is_some() {
            change(section, &mut value);
            copy.set(section, value);
        }
    }
    copy
}

/// How many elements of the backup's section came to be compared, for the checklists.
pub fn count(head: &BackupHead, section: Section) -> usize {
    let value = expected(head, section, Relation::Restored);
    match &value {
        Value::Array(elements) => elements.len(),
        Value::Object(members) => usize::from(members != &Map::new()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
