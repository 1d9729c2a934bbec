//! What a restore of a pool needs to find in the target Region: the functions, roles, keys and
//! other things that the backup names, as the restore itself would translate them. For whoever
//! wants to look before the bad day whether they are there.

use model::document::BackupHead;
use model::inventory::Section;
use serde_json::Value;

pub use super::domains::{Owner, owner as domain_owner};
pub use super::preflight::POOLS;
pub use super::triggers::function_is_there;
pub use super::web_acl::regional_web_acl;
use super::{domains, pool_document::key_in_target, triggers};
use crate::document::text;
use crate::relocation::{NEW_POOL, Relocation, account_of_pool};
use crate::translate::{ArnKind, Translations};

/// What kind of thing is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A function of a trigger.
    Function,
    /// The role by which Cognito sends SMS.
    SmsRole {
        /// The `sts:ExternalId` that Cognito shows.
        external_id: Option<String>,
        /// Whether it sends through End User Messaging, and not through SNS.
        by_end_user_messaging: bool,
    },
    /// The role of a group.
    GroupRole,
    /// An identity that mail is sent by.
    SesIdentity,
    /// A key that encrypts the pool, or what custom senders are given.
    KmsKey,
    /// The web ACL; its name, by which a counterpart is found.
    WebAcl {
        /// The name.
        name: Option<String>,
    },
    /// Where logs are delivered.
    LogDestination,
    /// A prefix domain, which must be free.
    Domain,
    /// A custom domain, which must be free.
    CustomDomain,
    /// The certificate of a custom domain.
    Certificate,
    /// The private key of Sign in with Apple with this `key_id`.
    ApplePrivateKey,
}

impl Resource {
    /// The member of the operator's map that says what such a thing becomes.
    pub fn member(&self) -> &'static str {
        match self {
            Self::Function => ArnKind::Function.member(),
            Self::SmsRole { .. } => "sms_roles",
            Self::GroupRole => ArnKind::Role.member(),
            Self::SesIdentity => ArnKind::SesIdentity.member(),
            Self::KmsKey => ArnKind::KmsKey.member(),
            Self::WebAcl { .. } => ArnKind::WebAcl.member(),
            Self::LogDestination => ArnKind::LogDestination.member(),
            Self::Domain => "domain_prefixes",
            Self::CustomDomain => "custom_domains",
            Self::Certificate => ArnKind::Certificate.member(),
            Self::ApplePrivateKey => "apple_private_keys",
        }
    }
}

/// One thing that a restore needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// What kind of thing.
    pub resource: Resource,
    /// As the backup names it.
    pub old: String,
    /// What the restore takes for it in the target Region; none where nothing is known to stand
    /// for it. Never a secret.
    pub becomes: Option<String>,
}

/// What a restore of the pool into a new one in `region` of `account` needs, each thing once.
/// `account` may be empty when it is not known.
pub fn needs(
    head: &BackupHead,
    translations: &Translations,
    region: &str,
    account: &str,
) -> Vec<Need> {
    let relocation = Relocation {
        from: &head.user_pool_id,
        from_account: account_of_pool(head),
        region,
        account,
        translations,
        pool: NEW_POOL,
    };
    let mut needs = Vec::new();
    senders(head, &relocation, &mut needs);
    functions(head, &relocation, &mut needs);
    for key in ["/KeyConfiguration/KmsKeyArn", "/LambdaConfig/KMSKeyID"] {
        if let Some(old) = text(head.user_pool(), key) {
            let becomes = key_in_target(old, &relocation);
            needs.push(need(Resource::KmsKey, old, becomes));
        }
    }
    for group in head.list(Section::Groups) {
        if let Some(old) = text(group, "/RoleArn") {
            let becomes = relocation.group_role(old);
            needs.push(need(Resource::GroupRole, old, becomes));
        }
    }
    protection_and_logs(head, &relocation, &mut needs);
    names(head, &relocation, &mut needs);
    for provider in head.list(Section::IdentityProviders) {
        apple_key(provider, &relocation, &mut needs);
    }
    needs.sort();
    needs.dedup();
    needs
}

fn need(resource: Resource, old: &str, becomes: Option<String>) -> Need {
    let old = old.to_owned();
    Need {
        resource,
        old,
        becomes,
    }
}

/// By what mail and SMS leave.
fn senders(head: &BackupHead, relocation: &Relocation<'_>, needs: &mut Vec<Need>) {
    let notices = "/AccountTakeoverRiskConfiguration/NotifyConfiguration/SourceArn";
    let of_clients = head.list(Section::ClientRiskConfigurations).iter();
    let identities = [
        text(head.user_pool(), "/EmailConfiguration/SourceArn"),
        text(head.section(Section::RiskConfiguration), notices),
    ];
    let identities = identities.into_iter().flatten();
    for old in identities.chain(of_clients.filter_map(|risk| text(risk, notices))) {
        let becomes = Some(relocation.ses_identity(old));
        needs.push(need(Resource::SesIdentity, old, becomes));
    }
    let sms = &head.user_pool()["SmsConfiguration"];
    let by_sns = text(sms, "/SnsCallerArn").map(|role| (role, false));
    let by_messaging = text(sms, "/EumsSms/CallerArn").map(|role| (role, true));
    if let Some((old, by_end_user_messaging)) = by_messaging.or(by_sns) {
        let role = relocation.sms_role(old);
        let mapped_id = role.as_ref().and_then(|role| role.external_id.clone());
        let own_id = text(sms, "/ExternalId").or_else(|| text(sms, "/EumsSms/ExternalId"));
        let resource = Resource::SmsRole {
            external_id: mapped_id.or_else(|| own_id.map(str::to_owned)),
            by_end_user_messaging,
        };
        needs.push(need(resource, old, role.map(|role| role.role_arn)));
    }
}

fn functions(head: &BackupHead, relocation: &Relocation<'_>, needs: &mut Vec<Need>) {
    let config = triggers::of_pool(head.user_pool());
    for old in triggers::functions(&config) {
        let known = relocation.arn(ArnKind::Function, &old);
        let becomes = known.or_else(|| relocation.same_name(&old));
        needs.push(need(Resource::Function, &old, becomes));
    }
}

fn protection_and_logs(head: &BackupHead, relocation: &Relocation<'_>, needs: &mut Vec<Need>) {
    let acl = head.section(Section::WafConfiguration);
    let (arn, name) = (text(acl, "/WebACLArn"), text(acl, "/WebACLName"));
    if let Some(old) = arn.or(name) {
        let resource = Resource::WebAcl {
            name: name.map(str::to_owned),
        };
        needs.push(need(resource, old, relocation.arn(ArnKind::WebAcl, old)));
    }
    let logs = head.section(Section::LogDeliveryConfiguration);
    let destinations = [
        "/CloudWatchLogsConfiguration/LogGroupArn",
        "/S3Configuration/BucketArn",
        "/FirehoseConfiguration/StreamArn",
    ];
    let configurations = logs["LogConfigurations"].as_array().into_iter().flatten();
    for configuration in configurations {
        for old in destinations
            .iter()
            .filter_map(|path| text(configuration, path))
        {
            let becomes = relocation.arn(ArnKind::LogDestination, old);
            needs.push(need(Resource::LogDestination, old, becomes));
        }
    }
}

/// The domains, and the certificate of the custom one.
fn names(head: &BackupHead, relocation: &Relocation<'_>, needs: &mut Vec<Need>) {
    let (wanted, _) = domains::plan(head, relocation);
    let name_of = |section: Section, in_pool: &str| {
        let named = text(head.section(section), "/Domain");
        named.or_else(|| text(head.user_pool(), in_pool))
    };
    if let Some(old) = name_of(Section::UserPoolDomain, "/Domain") {
        let domain = wanted.iter().find(|domain| !domain.custom);
        let becomes = domain.map(|domain| domain.name.clone());
        needs.push(need(Resource::Domain, old, becomes));
    }
    if let Some(old) = name_of(Section::CustomDomain, "/CustomDomain") {
        let domain = wanted.iter().find(|domain| domain.custom);
        let becomes = domain.map(|domain| domain.name.clone());
        needs.push(need(Resource::CustomDomain, old, becomes));
        let before = head.section(Section::CustomDomain);
        let after = domain.map(|domain| &domain.request["CustomDomainConfig"]);
        let certificate = after.and_then(|config| text(config, "/CertificateArn"));
        if let Some(old) = text(before, "/CustomDomainConfig/CertificateArn").or(certificate) {
            let becomes = certificate.or_else(|| (!relocation.is_left_behind(old)).then_some(old));
            let becomes = becomes.map(str::to_owned);
            needs.push(need(Resource::Certificate, old, becomes));
        }
    }
}

fn apple_key(provider: &Value, relocation: &Relocation<'_>, needs: &mut Vec<Need>) {
    let details = &provider["ProviderDetails"];
    if provider["ProviderType"] != "SignInWithApple" || text(details, "/private_key").is_some() {
        return;
    }
    let Some(key_id) = text(details, "/key_id") else {
        return;
    };
    let is_mapped = relocation.translations.apple_private_key(key_id).is_some();
    let becomes = is_mapped.then(|| key_id.to_owned());
    needs.push(need(Resource::ApplePrivateKey, key_id, becomes));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn head() -> BackupHead {
        let arn =
            |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:{ACCOUNT}:{rest}");
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(
            Section::UserPoolConfig,
            json!({
                "Domain": "app", "CustomDomain": "auth.example.com",
                "LambdaConfig": {"PreSignUp": arn("lambda", "function:pre"), "KMSKeyID": arn("kms", "key/mrk-1")},
                "KeyConfiguration": {"KmsKeyArn": arn("kms", "key/2")},
                "EmailConfiguration": {"SourceArn": arn("ses", "identity/example.com")},
                "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::999988887777:role/sms", "ExternalId": "e"},
            }),
        );
        head.set(
            Section::Groups,
            json!([{"GroupName": "g", "RoleArn": "arn:aws:iam::111122223333:role/g"}, {"GroupName": "h"}]),
        );
        head.set(
            Section::WafConfiguration,
            json!({"WebACLArn": arn("wafv2", "regional/webacl/a/1"), "WebACLName": "a"}),
        );
        head.set(
            Section::CustomDomain,
            json!({"Domain": "auth.example.com", "CustomDomainConfig": {"CertificateArn": arn("acm", "certificate/1")}}),
        );
        head.set(
            Section::IdentityProviders,
            json!([{"ProviderName": "a", "ProviderType": "SignInWithApple", "ProviderDetails": {"key_id": "K"}}]),
        );
        head
    }

    /// What the needs become, by the member of the map that would say it.
    fn become_with(map: Value) -> Vec<(&'static str, Option<String>)> {
        let translations = Translations::parse(map.to_string().as_bytes(), "us-west-2").unwrap();
        let needs = needs(&head(), &translations, "us-west-2", ACCOUNT);
        let needs = needs.into_iter();
        needs
            .map(|need| (need.resource.member(), need.becomes))
            .collect()
    }

    #[test]
    fn without_a_map_each_thing_is_what_the_restore_would_try() {
        let there = |service: &str, region: &str, rest: &str| {
            Some(format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}"))
        };
        assert_eq!(
            become_with(json!({})),
            [
                ("functions", there("lambda", "us-west-2", "function:pre")),
                ("sms_roles", None),
                ("roles", Some("arn:aws:iam::111122223333:role/g".into())),
                (
                    "ses_identities",
                    there("ses", "us-east-1", "identity/example.com")
                ),
                ("kms_keys", None),
                ("kms_keys", there("kms", "us-west-2", "key/mrk-1")),
                ("web_acls", None),
                ("domain_prefixes", Some("app".into())),
                ("custom_domains", None),
                ("certificates", there("acm", "us-east-1", "certificate/1")),
                ("apple_private_keys", None),
            ]
        );
    }

    #[test]
    fn what_the_lost_account_had_becomes_what_has_the_same_name_or_nothing() {
        let mut head = head();
        let lost = "444455556666";
        let mut pool = head.user_pool().clone();
        pool["Arn"] = format!("arn:aws:cognito-idp:us-east-1:{lost}:userpool/us-east-1_Old").into();
        let pool = pool.to_string().replace(ACCOUNT, lost);
        let pool = serde_json::from_str::<Value>(&pool).unwrap();
        head.set(Section::UserPoolConfig, pool);
        head.set(
            Section::CustomDomain,
            json!({"Domain": "auth.example.com", "CustomDomainConfig": {"CertificateArn": format!("arn:aws:acm:us-east-1:{lost}:certificate/1")}}),
        );
        head.set(
            Section::Groups,
            json!([{"GroupName": "g", "RoleArn": format!("arn:aws:iam::{lost}:role/g")}]),
        );
        let needs = needs(&head, &Translations::default(), "us-west-2", ACCOUNT);
        let becomes: Vec<_> = needs
            .iter()
            .map(|need| (need.resource.member(), need.becomes.as_deref()))
            .collect();
        assert_eq!(
            becomes[..8],
            [
                (
                    "functions",
                    Some("arn:aws:lambda:us-west-2:111122223333:function:pre")
                ),
                // Of a third account.
                ("sms_roles", None),
                ("roles", Some("arn:aws:iam::111122223333:role/g")),
                (
                    "ses_identities",
                    Some("arn:aws:ses:us-east-1:111122223333:identity/example.com")
                ),
                ("kms_keys", None),
                ("kms_keys", None),
                ("web_acls", None),
                ("domain_prefixes", Some("app")),
            ]
        );
        assert!(becomes.contains(&("certificates", None)), "{becomes:?}");
    }

    #[test]
    fn the_map_says_what_each_becomes_and_no_secret_of_it_is_shown() {
        let key = "arn:aws:kms:us-east-1:111122223333:key/2";
        let becomes = become_with(json!({
            "kms_keys": {key: "arn:aws:kms:us-west-2:111122223333:key/9"},
            "sms_roles": {"arn:aws:iam::999988887777:role/sms": {"role_arn": "arn:aws:iam::111122223333:role/sms"}},
            "domain_prefixes": {"app": "app-dr"},
            "custom_domains": {"auth.example.com": {"domain": "dr.example.com", "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/2"}},
            "apple_private_keys": {"K": "secret"},
        }));
        for expected in [
            (
                "sms_roles",
                Some("arn:aws:iam::111122223333:role/sms".to_owned()),
            ),
            (
                "kms_keys",
                Some("arn:aws:kms:us-west-2:111122223333:key/9".to_owned()),
            ),
            ("domain_prefixes", Some("app-dr".to_owned())),
            ("custom_domains", Some("dr.example.com".to_owned())),
            (
                "certificates",
                Some("arn:aws:acm:us-east-1:111122223333:certificate/2".to_owned()),
            ),
            ("apple_private_keys", Some("K".to_owned())),
        ] {
            assert!(becomes.contains(&expected), "{expected:?} in {becomes:?}");
        }
    }
}
