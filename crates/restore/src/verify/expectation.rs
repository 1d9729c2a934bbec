//! What the operator's map makes of the backup: with it applied, a translated setting is as
//! expected, and one that was not translated as the map says is a difference.

use compare::settings::translated;
use model::document::BackupHead;
use model::inventory::Section;
use serde_json::{Value, json};

use crate::translate::{ArnKind, Translations};

/// The head of a backup with the operator's map applied.
pub(crate) fn expectation(backup: &BackupHead, map: &Translations) -> BackupHead {
    translated(backup, |section, value| apply(map, section, value))
}

fn apply(map: &Translations, section: Section, value: &mut Value) {
    match section {
        Section::UserPoolConfig => {
            if let Some(triggers) = value.get_mut("LambdaConfig") {
                arns(triggers, &|old| {
                    map.arn(ArnKind::Function, old)
                        .or_else(|| map.arn(ArnKind::KmsKey, old))
                });
            }
            at(value, "/EmailConfiguration/SourceArn", &|old| {
                map.arn(ArnKind::SesIdentity, old)
            });
            at(value, "/KeyConfiguration/KmsKeyArn", &|old| {
                map.arn(ArnKind::KmsKey, old)
            });
            sms(map, value.get_mut("SmsConfiguration"));
        }
        Section::MfaConfiguration => sms(
            map,
            value.pointer_mut("/SmsMfaConfiguration/SmsConfiguration"),
        ),
        Section::AppClients => each(value, |client| {
            list(client, "CallbackURLs", &|old| map.callback_url(old));
            list(client, "LogoutURLs", &|old| map.logout_url(old));
            at(client, "/DefaultRedirectURI", &|old| map.callback_url(old));
        }),
        Section::Groups => each(value, |group| {
            at(group, "/RoleArn", &|old| map.arn(ArnKind::Role, old))
        }),
        Section::UserPoolDomain => at(value, "/Domain", &|old| {
            map.domain_prefix(old).map(str::to_owned)
        }),
        Section::CustomDomain => {
            let domain = value
                .get("Domain")
                .and_then(Value::as_str)
                .and_then(|old| map.custom_domain(old))
                .cloned();
            at(value, "/CustomDomainConfig/CertificateArn", &|old| {
                let own = domain
                    .as_ref()
                    .and_then(|domain| domain.certificate_arn.clone());
                own.or_else(|| map.arn(ArnKind::Certificate, old))
            });
            at(value, "/Domain", &|_| {
                domain.as_ref().and_then(|domain| domain.domain.clone())
            });
        }
        Section::RiskConfiguration => risk(map, value),
        Section::ClientRiskConfigurations => each(value, |risks| risk(map, risks)),
        Section::LogDeliveryConfiguration => {
            if let Some(configurations) = value.get_mut("LogConfigurations") {
                arns(configurations, &|old| map.arn(ArnKind::LogDestination, old));
            }
        }
        Section::WafConfiguration => {
            let old = value
                .get("WebACLArn")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let new = map.arn(ArnKind::WebAcl, old);
            // arn:aws:wafv2:{region}:{account}:regional/webacl/{name}/{id}
            if let Some(name) = new.as_deref().and_then(|arn| arn.split('/').nth(2)) {
                value["WebACLName"] = json!(name);
            }
        }
        _ => {}
    }
}

fn risk(map: &Translations, risks: &mut Value) {
    let sender = "/AccountTakeoverRiskConfiguration/NotifyConfiguration/SourceArn";
    at(risks, sender, &|old| map.arn(ArnKind::SesIdentity, old));
}

fn sms(map: &Translations, configuration: Option<&mut Value>) {
    let Some(configuration) = configuration else {
        return;
    };
    let role = configuration
        .get("SnsCallerArn")
        .and_then(Value::as_str)
        .and_then(|old| map.sms_role(old));
    if let Some(role) = role {
        configuration["SnsCallerArn"] = json!(role.role_arn);
        if let Some(external_id) = role.external_id {
            configuration["ExternalId"] = json!(external_id);
        }
    }
}

fn each(list: &mut Value, change: impl Fn(&mut Value)) {
    if let Value::Array(elements) = list {
        elements.iter_mut().for_each(change);
    }
}

/// Replaces the text at a JSON pointer, if it is there and the map knows it.
fn at(value: &mut Value, pointer: &str, map: &dyn Fn(&str) -> Option<String>) {
    if let Some(text) = value.pointer_mut(pointer) {
        replace(text, map);
    }
}

fn list(value: &mut Value, member: &str, map: &dyn Fn(&str) -> Option<String>) {
    if let Some(Value::Array(texts)) = value.get_mut(member) {
        texts.iter_mut().for_each(|text| replace(text, map));
    }
}

/// Replaces every text at any depth that the map knows.
fn arns(value: &mut Value, map: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| arns(element, map)),
        Value::Object(members) => members.values_mut().for_each(|member| arns(member, map)),
        text => replace(text, map),
    }
}

fn replace(text: &mut Value, map: &dyn Fn(&str) -> Option<String>) {
    if let Some(new) = text.as_str().and_then(map) {
        *text = new.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_map_translates_is_expected_translated() {
        let map = json!({
            "functions": {"arn:aws:lambda:us-east-1:1:function:f": "arn:aws:lambda:us-west-2:1:function:g"},
            "ses_identities": {"arn:aws:ses:us-east-1:1:identity/a": "arn:aws:ses:us-west-2:1:identity/a"},
            "sms_roles": {"arn:aws:iam::1:role/sms": {"role_arn": "arn:aws:iam::1:role/sms-dr", "external_id": "x2"}},
            "callback_urls": {"https://a/cb": "https://a-dr/cb"},
            "url_prefixes": {"https://b/": "https://b-dr/"},
            "domain_prefixes": {"shop": "shop-dr"},
            "custom_domains": {"auth.example.com": {"domain": "auth-dr.example.com"}},
            "web_acls": {"arn:aws:wafv2:us-east-1:1:regional/webacl/front/1": "arn:aws:wafv2:us-west-2:1:regional/webacl/back/2"},
        });
        let map = Translations::parse(map.to_string().as_bytes(), "us-west-2").unwrap();
        for (section, mut value, expected) in [
            (
                Section::UserPoolConfig,
                json!({"LambdaConfig": {"PreSignUp": "arn:aws:lambda:us-east-1:1:function:f"}, "EmailConfiguration": {"SourceArn": "arn:aws:ses:us-east-1:1:identity/a"}}),
                json!({"LambdaConfig": {"PreSignUp": "arn:aws:lambda:us-west-2:1:function:g"}, "EmailConfiguration": {"SourceArn": "arn:aws:ses:us-west-2:1:identity/a"}}),
            ),
            (
                Section::MfaConfiguration,
                json!({"SmsMfaConfiguration": {"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::1:role/sms", "ExternalId": "x1"}}}),
                json!({"SmsMfaConfiguration": {"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::1:role/sms-dr", "ExternalId": "x2"}}}),
            ),
            (
                Section::AppClients,
                json!([{"CallbackURLs": ["https://a/cb", "https://b/x", "https://c"], "DefaultRedirectURI": "https://a/cb"}]),
                json!([{"CallbackURLs": ["https://a-dr/cb", "https://b-dr/x", "https://c"], "DefaultRedirectURI": "https://a-dr/cb"}]),
            ),
            (
                Section::UserPoolDomain,
                json!({"Domain": "shop"}),
                json!({"Domain": "shop-dr"}),
            ),
            (
                Section::CustomDomain,
                json!({"Domain": "auth.example.com"}),
                json!({"Domain": "auth-dr.example.com"}),
            ),
            (
                Section::WafConfiguration,
                json!({"WebACLName": "front", "WebACLArn": "arn:aws:wafv2:us-east-1:1:regional/webacl/front/1"}),
                json!({"WebACLName": "back", "WebACLArn": "arn:aws:wafv2:us-east-1:1:regional/webacl/front/1"}),
            ),
        ] {
            apply(&map, section, &mut value);
            assert_eq!(value, expected, "{section}");
        }
    }

    #[test]
    fn without_a_map_the_backup_is_expected_as_it_is() {
        let mut head = BackupHead::new(
            "us-east-1_A".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(
            Section::AppClients,
            json!([{"CallbackURLs": ["https://a/cb"]}]),
        );
        assert_eq!(expectation(&head, &Translations::default()), head);
    }
}
