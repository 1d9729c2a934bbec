//! Reading and checking the map, member by member: everything that is wrong is gathered, and no
//! value is quoted.

use std::collections::BTreeMap;

use model::Secret;
use serde_json::Value;

use super::{ArnKind, CustomDomain, SmsRole, Translations};
use crate::document::Arn;

/// Reads a map member by member and gathers what is wrong.
pub(super) struct MapReader<'a> {
    pub(super) target_region: &'a str,
    pub(super) problems: Vec<String>,
}

impl MapReader<'_> {
    pub(super) fn member(&mut self, map: &mut Translations, member: &str, value: &Value) {
        if let Some(kind) = ArnKind::ALL
            .into_iter()
            .find(|kind| kind.member() == member)
        {
            let entries = self.texts(member, value);
            self.check_arns(member, &entries, Some(kind));
            map.arns.insert(kind, entries);
            return;
        }
        match member {
            "arns" => {
                map.any_arns = self.texts(member, value);
                self.check_arns(member, &map.any_arns, None);
            }
            "arn_prefixes" => {
                map.arn_prefixes = self.texts(member, value);
                for (old, new) in &map.arn_prefixes {
                    if !old.starts_with("arn:") || !new.starts_with("arn:") {
                        self.wrong(member, old, "both sides begin with arn:");
                    }
                }
            }
            "sms_roles" => map.sms_roles = self.sms_roles(member, value),
            "callback_urls" => map.callback_urls = self.urls(member, value),
            "logout_urls" => map.logout_urls = self.urls(member, value),
            "url_prefixes" => map.url_prefixes = self.urls(member, value),
            "domain_prefixes" => {
                map.domain_prefixes = self.texts(member, value);
                for (old, new) in &map.domain_prefixes {
                    if !is_domain_prefix(new) {
                        let rule = "a prefix is up to 63 lower-case letters, digits and hyphens";
                        self.wrong(member, old, rule);
                    }
                }
            }
            "custom_domains" => map.custom_domains = self.custom_domains(member, value),
            "apple_private_keys" => {
                let keys = self.texts(member, value);
                map.apple_private_keys = keys
                    .into_iter()
                    .map(|(key_id, key)| (key_id, Secret::new(key)))
                    .collect();
            }
            // For the operator's own notes: JSON has no comments.
            "comment" => {}
            _ => self
                .problems
                .push(format!("it has an unknown member {member:?}")),
        }
    }

    fn wrong(&mut self, member: &str, entry: &str, rule: &str) {
        self.problems
            .push(format!("{member}, entry {entry:?}: {rule}"));
    }

    /// An object whose values are texts that are not empty.
    fn texts(&mut self, member: &str, value: &Value) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (name, value) in self.entries(member, value) {
            match value.as_str() {
                Some(text) if !text.is_empty() => {
                    texts.insert(name, text.to_owned());
                }
                _ => self.wrong(member, &name, "the value is a text"),
            }
        }
        texts
    }

    fn entries(&mut self, member: &str, value: &Value) -> Vec<(String, Value)> {
        match value {
            Value::Object(entries) => entries
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            _ => {
                self.problems
                    .push(format!("{member} is an object from old to new"));
                Vec::new()
            }
        }
    }

    fn check_arns(
        &mut self,
        member: &str,
        entries: &BTreeMap<String, String>,
        kind: Option<ArnKind>,
    ) {
        for (old, new) in entries {
            let (Some(_), Some(arn)) = (Arn::read(old), Arn::read(new)) else {
                self.wrong(member, old, "both sides are ARNs");
                continue;
            };
            let Some(kind) = kind else { continue };
            self.check_arn(member, old, &arn, kind);
        }
    }

    fn check_arn(&mut self, member: &str, old: &str, new: &Arn<'_>, kind: ArnKind) {
        if !kind.services().contains(&new.service()) {
            let rule = format!("the new ARN is one of {}", kind.services().join(", "));
            self.wrong(member, old, &rule);
        } else if let Some(region) = kind.region(new.service(), self.target_region)
            && new.region() != region
        {
            self.wrong(member, old, &format!("the new ARN is in {region}"));
        }
    }

    fn sms_roles(&mut self, member: &str, value: &Value) -> BTreeMap<String, SmsRole> {
        let mut roles = BTreeMap::new();
        for (old, value) in self.entries(member, value) {
            let fields = self.fields(member, &old, &value, &["role_arn", "external_id"]);
            match fields.get("role_arn") {
                Some(arn) if Arn::read(arn).is_some_and(|arn| arn.service() == "iam") => {
                    let role = SmsRole {
                        role_arn: arn.clone(),
                        external_id: fields.get("external_id").cloned(),
                    };
                    roles.insert(old, role);
                }
                _ => self.wrong(member, &old, "role_arn is the ARN of an IAM role"),
            }
        }
        roles
    }

    fn custom_domains(&mut self, member: &str, value: &Value) -> BTreeMap<String, CustomDomain> {
        let mut domains = BTreeMap::new();
        for (old, value) in self.entries(member, value) {
            let fields = self.fields(member, &old, &value, &["domain", "certificate_arn"]);
            if let Some(text) = fields.get("certificate_arn") {
                match Arn::read(text) {
                    Some(arn) => self.check_arn(member, &old, &arn, ArnKind::Certificate),
                    None => self.wrong(member, &old, "certificate_arn is an ARN"),
                }
            }
            let domain = CustomDomain {
                domain: fields.get("domain").cloned(),
                certificate_arn: fields.get("certificate_arn").cloned(),
            };
            domains.insert(old, domain);
        }
        domains
    }

    fn fields(
        &mut self,
        member: &str,
        entry: &str,
        value: &Value,
        known: &[&str],
    ) -> BTreeMap<String, String> {
        let fields = self.texts(&format!("{member}, entry {entry:?}"), value);
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.problems.push(format!(
                "{member}, entry {entry:?}: unknown member {name:?}"
            ));
        }
        fields
    }

    /// Cognito takes https, http for the loopback only, schemes of apps, and no fragments
    /// (facts A.6).
    fn urls(&mut self, member: &str, value: &Value) -> BTreeMap<String, String> {
        let urls = self.texts(member, value);
        for (old, new) in &urls {
            let host = new.strip_prefix("http://");
            let local = ["localhost", "127.0.0.1", "[::1]"];
            let plain = host.is_some_and(|host| !local.iter().any(|name| host.starts_with(name)));
            if plain || !new.contains("://") || new.contains('#') {
                let rule = "the new URL is https (http for localhost only), without a fragment";
                self.wrong(member, old, rule);
            }
        }
        urls
    }
}

fn is_domain_prefix(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
