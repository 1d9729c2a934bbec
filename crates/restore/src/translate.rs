//! The operator's map: what region-bound settings become in the target Region.
//!
//! It lies in the DR bucket as `cognito-restore/translations.json`, is optional, and serves all
//! pools; `docs/translations.md` describes it for operators. It is read and checked before
//! anything is created: a mistyped member is refused by name, because on the bad day it must not
//! be ignored.

mod reading;

use std::collections::BTreeMap;

use model::Secret;
use serde_json::Value;

use reading::MapReader;

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

/// One entry of the map, without what it becomes, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapEntry<'a> {
    /// The map's member.
    pub member: &'static str,
    /// The old name.
    pub old: &'a str,
    /// Whether the old name is the beginning of names.
    pub is_prefix: bool,
}

impl MapEntry<'_> {
    /// Whether the entry translates `text`.
    pub fn translates(&self, text: &str) -> bool {
        if self.is_prefix {
            text.starts_with(self.old)
        } else {
            text == self.old
        }
    }
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
        let mut reading = MapReader {
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

    /// Every entry: the map's member, and the old name that it translates.
    pub fn entries(&self) -> Vec<MapEntry<'_>> {
        fn of<'a, V>(
            member: &'static str,
            entries: &'a BTreeMap<String, V>,
        ) -> impl Iterator<Item = MapEntry<'a>> {
            let is_prefix = member.ends_with("_prefixes") && member != "domain_prefixes";
            entries.keys().map(move |old| MapEntry {
                member,
                old,
                is_prefix,
            })
        }
        let arns = self
            .arns
            .iter()
            .flat_map(|(kind, map)| of(kind.member(), map));
        arns.chain(of("arns", &self.any_arns))
            .chain(of("arn_prefixes", &self.arn_prefixes))
            .chain(of("sms_roles", &self.sms_roles))
            .chain(of("callback_urls", &self.callback_urls))
            .chain(of("logout_urls", &self.logout_urls))
            .chain(of("url_prefixes", &self.url_prefixes))
            .chain(of("domain_prefixes", &self.domain_prefixes))
            .chain(of("custom_domains", &self.custom_domains))
            .chain(of("apple_private_keys", &self.apple_private_keys))
            .collect()
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

#[cfg(test)]
mod tests;
