//! The settings of the point in time and of the pool, and what differs between them.

use std::collections::{BTreeMap, BTreeSet};

use compare::allowed::{Relation, Rule, row};
use compare::announced::Announcements;
use compare::documents::FoundDifference;
use compare::settings::{self, Ties, compare_sections, is_known};
use model::document::BackupHead;
use model::inventory::Section;
use model::rules::app_client::{REFRESH, rotates};
use serde_json::Value;

use super::pairs::{CLIENT_ID, pair_clients};
use super::scope::Scope;
use crate::document::object;
use crate::steps::pool_document::{complete, explicit_defaults, temporary_passwords};

/// The settings of both sides. Clients that were made again go by their ids at the point in time.
#[derive(Debug)]
pub(crate) struct Heads {
    pub(super) point: BackupHead,
    pub(super) live: BackupHead,
    /// The id that each client of the point in time has now.
    pub(super) clients: BTreeMap<String, String>,
    /// Where the pool is another one than that of the point in time: what stays its own.
    pub(super) terms: Option<Terms>,
}

/// How a pool may differ from another one that it is kept like.
#[derive(Debug)]
pub(super) struct Terms {
    /// The settings that the other pool would have in this one's place.
    pub(super) expected: BackupHead,
    /// What a restore could not bring, or would change.
    pub(super) announced: Announcements,
    /// Settings that stay as they are, with everything below them.
    pub(super) stays: Vec<String>,
    /// The custom attribute that keeps the old `sub`, without its prefix.
    pub(super) legacy_sub_attribute: Option<String>,
}

impl Heads {
    /// `made_again`: ids at the point in time, and since an undo made them again.
    pub(super) fn new(
        point: &BackupHead,
        live: &BackupHead,
        made_again: &BTreeMap<String, String>,
        terms: Option<Terms>,
    ) -> Self {
        let mut point = terms
            .as_ref()
            .map_or(point, |terms| &terms.expected)
            .clone();
        let mut pool = object(point.user_pool());
        temporary_passwords(&mut pool);
        point.set(Section::UserPoolConfig, Value::Object(pool));
        let clients = match terms {
            None => pair_clients(&point, live, made_again),
            Some(_) => settings::pair_clients(
                point.list(Section::AppClients),
                live.list(Section::AppClients),
                made_again,
            ),
        };
        let back: BTreeMap<&str, &str> = clients
            .iter()
            .map(|(then, now)| (now.as_str(), then.as_str()))
            .collect();
        let mut renamed = live.clone();
        // What an update says of members that a pool does not show is the same as not showing them:
        // older pools show fewer.
        for head in [&mut point, &mut renamed] {
            let mut pool = object(head.user_pool());
            complete(&mut pool, &explicit_defaults());
            head.set(Section::UserPoolConfig, Value::Object(pool));
        }
        for section in Section::at_the_head().filter(|section| section.is_list()) {
            let mut list = renamed.section(section).clone();
            let mut is_other = false;
            for element in list.as_array_mut().into_iter().flatten() {
                let then = element[CLIENT_ID].as_str().and_then(|now| back.get(now));
                if let Some(then) = then.copied()
                    && element[CLIENT_ID] != then
                {
                    element[CLIENT_ID] = then.into();
                    is_other = true;
                }
            }
            if is_other {
                renamed.set(section, list);
            }
        }
        Self {
            point,
            live: renamed,
            clients,
            terms,
        }
    }

    /// What the live pool is to the point in time.
    fn ties(&self) -> Ties<'_> {
        match &self.terms {
            None => Ties {
                relation: Relation::SamePool,
                ..Ties::default()
            },
            Some(terms) => Ties {
                relation: Relation::Restored,
                legacy_sub_attribute: terms.legacy_sub_attribute.as_deref(),
                ..Ties::default()
            },
        }
    }

    /// Whether the pool keeps its own: what is bound to its Region, and what is to stay.
    fn is_its_own(&self, found: &FoundDifference) -> bool {
        let Some(terms) = &self.terms else {
            return false;
        };
        let path = found.path.join("/");
        let stays = |kept: &String| {
            let below = path.strip_prefix(kept.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        terms.stays.iter().any(stays)
            || terms.announced.covering(&path).is_some()
            || self.may_refresh(found)
    }

    /// Whether a client may do more than in the other pool by `ALLOW_REFRESH_TOKEN_AUTH` alone:
    /// Cognito may refuse clients without it (facts 0.1), and it lets nobody in who cannot sign in.
    fn may_refresh(&self, found: &FoundDifference) -> bool {
        let [section, id, member] = &found.path[..] else {
            return false;
        };
        if section != Section::AppClients.member() || member != "ExplicitAuthFlows" {
            return false;
        }
        let mut clients = self.point.list(Section::AppClients).iter();
        let rotates_then = clients
            .find(|client| client[CLIENT_ID] == **id)
            .is_some_and(|client| rotates(&object(client)));
        let flows = |side: &Option<Value>| -> BTreeSet<String> {
            let flows = side.as_ref().and_then(Value::as_array);
            let flows = flows.into_iter().flatten().filter_map(Value::as_str);
            flows.map(str::to_owned).collect()
        };
        let mut wanted = flows(&found.first);
        wanted.insert(REFRESH.to_owned());
        !rotates_then && wanted == flows(&found.second)
    }

    /// Sections that both sides tell.
    fn compared(&self) -> impl Iterator<Item = Section> {
        Section::at_the_head()
            .filter(|section| is_known(&self.point, *section) && is_known(&self.live, *section))
    }

    /// Sections within the scope that one of the sides does not tell, though the other has
    /// something there.
    pub(super) fn not_compared(&self, scope: &Scope) -> Vec<Section> {
        let differ =
            |section: &Section| is_known(&self.point, *section) != is_known(&self.live, *section);
        Section::at_the_head()
            .filter(|section| differ(section) && scope.takes_section(*section))
            .collect()
    }

    /// What differs within the scope and is a setting, not something that Cognito computes.
    pub(super) fn differences(&self, scope: &Scope) -> Vec<FoundDifference> {
        let sections = self.compared();
        let found = compare_sections(&self.point, &self.live, &self.ties(), sections).found;
        let is_meant = |found: &FoundDifference| {
            let section = section_of(found);
            section.is_some_and(|section| scope.takes_section(section))
                && scope.takes_setting(&found.path)
                && !self.is_computed(found)
                && !self.is_its_own(found)
        };
        found.into_iter().filter(is_meant).collect()
    }

    /// Whether no call sets the member: what every new pool has of its own, what is shown twice.
    fn is_computed(&self, found: &FoundDifference) -> bool {
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        if let ["waf_configuration", ..] = path[..] {
            return false;
        }
        if path == ["user_pool_config", "MfaConfiguration"] {
            return is_known(&self.point, Section::MfaConfiguration)
                && is_known(&self.live, Section::MfaConfiguration);
        }
        // While MFA is off, Cognito takes no factor (facts A.3).
        if let ["mfa_configuration", factor, ..] = path[..]
            && factor != "WebAuthnConfiguration"
            && factor != "MfaConfiguration"
            && self.point.section(Section::MfaConfiguration)["MfaConfiguration"] == "OFF"
        {
            return true;
        }
        row(&path).is_some_and(|row| match row.rule {
            Rule::Any => path.len() > 1,
            Rule::OnlyInPool => found.first.is_none() && !path.contains(&"AccountRecoverySetting"),
            _ => false,
        })
    }
}

pub(super) fn section_of(found: &FoundDifference) -> Option<Section> {
    Section::of_member(found.path.first()?)
}

/// The name by which the comparison tells the elements of a section apart.
pub(super) fn name_of(section: Section, element: &Value) -> String {
    compare::settings::name_of(section, element, str::to_owned)
}

pub(super) fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(is_absent),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
