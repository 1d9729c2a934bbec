//! The operator's map: what region-bound settings become in the target Region.
//!
//! It lies in the DR bucket as `cognito-restore/translations.json`, is optional, and serves all
//! pools; `docs/translations.md` describes it for operators. It is read and checked before
//! anything is created: a mistyped member is refused by name, because on the bad day it must not
//! be ignored.

use std::collections::BTreeMap;

use model::Secret;
use serde_json::Value;

use crate::document::Arn;

/// What an ARN stands for: each kind has a member of its own in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArnKind {
    /// A trigger's function.
    Function,
    /// An identity in SES.
    SesIdentity,
    /// A KMS key.
    KmsKey,
    /// A web ACL.
    WebAcl,
    /// A log group, a bucket or a delivery stream.
    LogDestination,
    /// A certificate of a custom domain.
    Certificate,
    /// An IAM role of a group.
    Role,
}

impl ArnKind {
    const ALL: [ArnKind; 7] = [
        ArnKind::Function,
        ArnKind::SesIdentity,
        ArnKind::KmsKey,
        ArnKind::WebAcl,
        ArnKind::LogDestination,
        ArnKind::Certificate,
        ArnKind::Role,
    ];

    /// The map's member.
    pub fn member(self) -> &'static str {
        match self {
            ArnKind::Function => "functions",
            ArnKind::SesIdentity => "ses_identities",
            ArnKind::KmsKey => "kms_keys",
            ArnKind::WebAcl => "web_acls",
            ArnKind::LogDestination => "log_destinations",
            ArnKind::Certificate => "certificates",
            ArnKind::Role => "roles",
        }
    }

    fn services(self) -> &'static [&'static str] {
        match self {
            ArnKind::Function => &["lambda"],
            ArnKind::SesIdentity => &["ses"],
            ArnKind::KmsKey => &["kms"],
            ArnKind::WebAcl => &["wafv2"],
            ArnKind::LogDestination => &["logs", "s3", "firehose"],
            ArnKind::Certificate => &["acm"],
            ArnKind::Role => &["iam"],
        }
    }

    /// The Region that an ARN of this kind must name; none when any will do: Cognito decides
    /// about SES (facts A.5), IAM and S3 name no Region.
    fn region(self, service: &str, target: &str) -> Option<String> {
        match self {
            // Facts A.10: us-east-1 whatever the pool's Region.
            ArnKind::Certificate => Some("us-east-1".into()),
            ArnKind::SesIdentity | ArnKind::Role => None,
            ArnKind::LogDestination if service == "s3" => None,
            _ => Some(target.into()),
        }
    }
}

/// The role by which Cognito sends SMS in the target Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsRole {
    /// The role.
    pub role_arn: String,
    /// The `sts:ExternalId` that its trust policy asks for; the lost pool's when left out.
    pub external_id: Option<String>,
}

/// What a custom domain becomes. An entry says that the domain is free: the lost pool holds it
/// no longer (facts A.10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomDomain {
    /// Its name in the new pool; the same when left out.
    pub domain: Option<String>,
    /// Its certificate in us-east-1; the lost pool's when left out.
    pub certificate_arn: Option<String>,
}

/// The operator's map, empty when there is none.
#[derive(Debug, Clone, Default)]
pub struct Translations {
    arns: BTreeMap<ArnKind, BTreeMap<String, String>>,
    any_arns: BTreeMap<String, String>,
    arn_prefixes: BTreeMap<String, String>,
    sms_roles: BTreeMap<String, SmsRole>,
    callback_urls: BTreeMap<String, String>,
    logout_urls: BTreeMap<String, String>,
    url_prefixes: BTreeMap<String, String>,
    domain_prefixes: BTreeMap<String, String>,
    custom_domains: BTreeMap<String, CustomDomain>,
    apple_private_keys: BTreeMap<String, Secret>,
}

impl Translations {
    /// Where in the DR bucket the map lies.
    pub const KEY: &'static str = "cognito-restore/translations.json";

    /// Reads and checks a map for a restore into `target_region`.
    ///
    /// # Errors
    /// Everything that is wrong with it, each in a sentence that names the member. Values are
    /// not quoted: one of them may be a private key.
    pub fn parse(bytes: &[u8], target_region: &str) -> Result<Self, Vec<String>> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            vec![format!(
                "it is not JSON: line {}, column {}",
                error.line(),
                error.column()
            )]
        })?;
        let Value::Object(members) = value else {
            return Err(vec!["it is not a JSON object".into()]);
        };
        let mut reading = Reading {
            target_region,
            problems: Vec::new(),
        };
        let mut map = Self::default();
        for (member, value) in &members {
            reading.member(&mut map, member, value);
        }
        if reading.problems.is_empty() {
            Ok(map)
        } else {
            Err(reading.problems)
        }
    }

    /// What an ARN becomes: by its kind's own member, by `arns`, or by the longest prefix.
    pub fn arn(&self, kind: ArnKind, old: &str) -> Option<String> {
        self.arns
            .get(&kind)
            .and_then(|map| map.get(old))
            .or_else(|| self.any_arns.get(old))
            .cloned()
            .or_else(|| by_prefix(&self.arn_prefixes, old))
    }

    /// What the role of the SMS configuration becomes.
    pub fn sms_role(&self, old: &str) -> Option<SmsRole> {
        self.sms_roles.get(old).cloned().or_else(|| {
            let role_arn = self.arn(ArnKind::Role, old)?;
            Some(SmsRole {
                role_arn,
                external_id: None,
            })
        })
    }

    /// What a callback URL becomes.
    pub fn callback_url(&self, old: &str) -> Option<String> {
        let exact = self.callback_urls.get(old).cloned();
        exact.or_else(|| by_prefix(&self.url_prefixes, old))
    }

    /// What a logout URL becomes.
    pub fn logout_url(&self, old: &str) -> Option<String> {
        let exact = self.logout_urls.get(old).cloned();
        exact.or_else(|| by_prefix(&self.url_prefixes, old))
    }

    /// What a domain prefix becomes.
    pub fn domain_prefix(&self, old: &str) -> Option<&str> {
        self.domain_prefixes.get(old).map(String::as_str)
    }

    /// What a custom domain becomes.
    pub fn custom_domain(&self, old: &str) -> Option<&CustomDomain> {
        self.custom_domains.get(old)
    }

    /// The private key of Sign in with Apple that has this `key_id`.
    pub fn apple_private_key(&self, key_id: &str) -> Option<&Secret> {
        self.apple_private_keys.get(key_id)
    }
}

fn by_prefix(prefixes: &BTreeMap<String, String>, old: &str) -> Option<String> {
    prefixes
        .iter()
        .filter_map(|(prefix, new)| Some((prefix.len(), new, old.strip_prefix(prefix.as_str())?)))
        .max_by_key(|(length, _, _)| *length)
        .map(|(_, new, rest)| format!("{new}{rest}"))
}

/// Reads a map member by member and gathers what is wrong.
struct Reading<'a> {
    target_region: &'a str,
    problems: Vec<String>,
}

impl Reading<'_> {
    fn member(&mut self, map: &mut Translations, member: &str, value: &Value) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<Translations, Vec<String>> {
        Translations::parse(value.to_string().as_bytes(), "us-west-2")
    }

    #[test]
    fn the_documented_example_is_a_valid_map() {
        let page = include_str!("../../../docs/translations.md");
        let example = page.split("```json").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        let map = Translations::parse(example.as_bytes(), "us-west-2").unwrap();
        let function = "arn:aws:lambda:us-east-1:111122223333:function:pre-sign-up";
        assert_eq!(
            map.arn(ArnKind::Function, function).as_deref(),
            Some("arn:aws:lambda:us-west-2:111122223333:function:pre-sign-up-dr")
        );
        assert_eq!(map.domain_prefix("example-app"), Some("example-app-dr"));
        assert!(map.apple_private_key("ABC123DEFG").is_some());
    }

    #[test]
    fn what_is_wrong_is_named_and_nothing_secret_is_quoted() {
        for (value, named) in [
            (json!([]), "not a JSON object"),
            (json!({"function": {}}), "\"function\""),
            (json!({"functions": []}), "functions is an object"),
            (json!({"functions": {"a": "b"}}), "both sides are ARNs"),
            (
                json!({"functions": {"arn:aws:lambda:us-east-1:1:function:f": "arn:aws:lambda:eu-west-1:1:function:f"}}),
                "in us-west-2",
            ),
            (
                json!({"kms_keys": {"arn:aws:kms:us-east-1:1:key/k": "arn:aws:lambda:us-west-2:1:function:f"}}),
                "one of kms",
            ),
            (
                json!({"custom_domains": {"auth.example.com": {"certificate_arn": "arn:aws:acm:us-west-2:1:certificate/c"}}}),
                "in us-east-1",
            ),
            (
                json!({"custom_domains": {"auth.example.com": {"cert": "x"}}}),
                "\"cert\"",
            ),
            (
                json!({"sms_roles": {"arn:aws:iam::1:role/r": {"external_id": "x"}}}),
                "role_arn",
            ),
            (
                json!({"callback_urls": {"https://a.example": "http://b.example"}}),
                "https",
            ),
            (json!({"domain_prefixes": {"a": "A_"}}), "lower-case"),
            (json!({"apple_private_keys": {"K": {"s3cr3t": 1}}}), "\"K\""),
        ] {
            let problems = parse(&value).unwrap_err().join("; ");
            assert!(problems.contains(named), "{problems}");
            assert!(!problems.contains("s3cr3t"), "{problems}");
        }
        let problems = Translations::parse(b"{\"a\": s3cr3t}", "us-west-2").unwrap_err();
        assert!(problems[0].contains("line 1"), "{problems:?}");
        assert!(!problems[0].contains("s3cr3t"));
    }

    #[test]
    fn an_exact_entry_wins_over_a_prefix_and_a_longer_prefix_over_a_shorter_one() {
        let map = parse(&json!({
            "functions": {"arn:aws:lambda:us-east-1:1:function:a": "arn:aws:lambda:us-west-2:1:function:x"},
            "arn_prefixes": {
                "arn:aws:lambda:us-east-1:1:": "arn:aws:lambda:us-west-2:1:",
                "arn:aws:lambda:us-east-1:1:function:b": "arn:aws:lambda:us-west-2:1:function:longer-b",
            },
        }))
        .unwrap();
        let function = |name: &str| {
            map.arn(
                ArnKind::Function,
                &format!("arn:aws:lambda:us-east-1:1:function:{name}"),
            )
        };
        let ends = |name: &str, end: &str| {
            let found = function(name).unwrap();
            assert!(found.ends_with(end), "{found}");
        };
        ends("a", "us-west-2:1:function:x");
        ends("c", "us-west-2:1:function:c");
        ends("b1", "function:longer-b1");
        assert_eq!(
            map.arn(ArnKind::Function, "arn:aws:lambda:eu-west-1:1:function:a"),
            None
        );
    }

    #[test]
    fn urls_are_rewritten_exactly_or_by_prefix() {
        let map = parse(&json!({
            "callback_urls": {"https://a.example/cb": "https://dr.example/cb"},
            "url_prefixes": {"https://a.example/": "https://b.example/"},
        }))
        .unwrap();
        for (old, new) in [
            ("https://a.example/cb", Some("https://dr.example/cb")),
            ("https://a.example/x", Some("https://b.example/x")),
            ("https://c.example/x", None),
        ] {
            assert_eq!(map.callback_url(old).as_deref(), new);
        }
        assert_eq!(
            map.logout_url("https://a.example/cb").as_deref(),
            Some("https://b.example/cb")
        );
    }
}
