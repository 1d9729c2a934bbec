//! The settings of the point in time and of the pool, and what differs between them.

use std::collections::BTreeMap;

use compare::allowed::{Relation, Rule, row};
use compare::documents::FoundDifference;
use compare::settings::{Ties, compare_sections, is_known};
use model::document::BackupHead;
use model::inventory::Section;
use serde_json::Value;

use super::pairs::{CLIENT_ID, pair_clients};
use super::scope::Scope;
use crate::document::object;
use crate::steps::pool_document::{complete, explicit_defaults, temporary_passwords};

/// The settings of both sides. Clients that were made again go by their ids at the point in time.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    pub(super) point: BackupHead,
    pub(super) live: BackupHead,
    /// The id that each client of the point in time has now.
    pub(super) clients: BTreeMap<String, String>,
}

impl Heads {
    /// `made_again`: ids at the point in time, and since an undo made them again.
    pub(super) fn new(
        point: &BackupHead,
        live: &BackupHead,
        made_again: &BTreeMap<String, String>,
    ) -> Self {
        let mut point = point.clone();
        let mut pool = object(point.user_pool());
        temporary_passwords(&mut pool);
        point.set(Section::UserPoolConfig, Value::Object(pool));
        let clients = pair_clients(&point, live, made_again);
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
        }
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
        let ties = Ties {
            relation: Relation::SamePool,
            ..Ties::default()
        };
        let sections = self.compared();
        let found = compare_sections(&self.point, &self.live, &ties, sections).found;
        let is_meant = |found: &FoundDifference| {
            let section = section_of(found);
            section.is_some_and(|section| scope.takes_section(section))
                && scope.takes_setting(&found.path)
                && !self.is_computed(found)
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
