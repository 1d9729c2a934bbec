//! Which attributes a restored user gets, and by which call.

use std::collections::BTreeMap;

use model::document::{Attribute, UserRecord};

use super::decide::UserNews;
use super::pool::{Contact, TargetPool};

/// The attributes of one user, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// Everything that the user had and the pool takes.
    ///
    /// Never `sub`, `identities` and `cognito:*`, which nobody can set (facts C.1). A verified
    /// flag is kept, and only with its contact: without one the whole call would be refused.
    pub(super) fn of(
        record: &UserRecord,
        pool: &TargetPool,
        legacy_sub_attribute: Option<&str>,
        news: &mut UserNews,
    ) -> Self {
        let mut kept = BTreeMap::new();
        for Attribute { name, value } in &record.attributes {
            if name == "sub" || name == "identities" || name.starts_with("cognito:") {
                continue;
            }
            let contact = Contact::ALL
                .into_iter()
                .find(|contact| contact.verified() == name);
            let has = |contact: Contact| {
                record
                    .attribute(contact.attribute())
                    .is_some_and(|value| !value.is_empty())
            };
            if value.is_empty() || contact.is_some_and(|contact| !has(contact)) {
                // As if it were not there: the comparison reads both sides so.
                continue;
            }
            if !pool.schema.contains_key(name) {
                let reason = format!("the pool's schema has no attribute {name}");
                news.degraded(name, &reason);
            } else {
                kept.insert(name.clone(), value.clone());
            }
        }
        if let Some(attribute) = legacy_sub_attribute
            && pool.schema.contains_key(attribute)
            && let Some(sub) = record.sub()
        {
            // A user of a pool that was itself restored keeps the sub of the first pool: the
            // one that applications still know.
            kept.entry(attribute.to_owned())
                .or_insert_with(|| sub.as_str().to_owned());
        }
        Self(kept)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Takes out those that `leaves` names.
    pub(super) fn take(&mut self, leaves: impl Fn(&str) -> bool) -> Attributes {
        let names: Vec<String> = self.0.keys().filter(|name| leaves(name)).cloned().collect();
        let taken = names
            .into_iter()
            .filter_map(|name| self.0.remove(&name).map(|value| (name, value)));
        Self(taken.collect())
    }

    /// Whether the user has shown that the contact is theirs.
    pub(super) fn is_verified(&self, contact: Contact) -> bool {
        self.get(contact.attribute()).is_some() && self.get(contact.verified()) == Some("true")
    }

    /// As Cognito takes them.
    pub(super) fn to_request(&self) -> serde_json::Value {
        self.iter()
            .map(|(name, value)| serde_json::json!({"Name": name, "Value": value}))
            .collect()
    }
}
