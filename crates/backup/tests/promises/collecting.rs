//! Every section of the inventory is read as it is, from a pool that has all of them.

use std::collections::BTreeSet;

use crate::support::{Content, World};
use model::document::SectionStatus;
use model::inventory::Section;
use serde_json::{Value, json};

const LOGO: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A pool in which `client1` has everything of its own and `client2` inherits.
fn everything() -> Value {
    let blocks = json!({"EventFilter": ["SIGN_IN"], "Actions": {"EventAction": "BLOCK"}});
    json!({
        "UserPool": {
            "Name": "everything",
            "UserPoolTier": "PLUS",
            "UserPoolTags": {"team": "identity", "aws:cloudformation:stack-name": "s"},
            "UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"},
        },
        "MfaConfiguration": {"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}},
        "Clients": [
            {"UserPoolClient": {"ClientId": "client1", "ClientName": "web", "ClientSecret": "s".repeat(40)},
             "SessionConfiguration": {"SSOSession": {"MaxValidityMinutes": 30}}},
            {"UserPoolClient": {"ClientId": "client2", "ClientName": "app"}},
        ],
        "IdentityProviders": [{
            "ProviderName": "okta", "ProviderType": "OIDC",
            "ProviderDetails": {"client_id": "c", "client_secret": "kept", "authorize_scopes": "openid",
                "oidc_issuer": "https://okta.example.com", "attributes_request_method": "GET"},
        }],
        "ResourceServers": [{"Identifier": "https://api", "Name": "api", "Scopes": [{"ScopeName": "read", "ScopeDescription": "r"}]}],
        "Groups": [{"GroupName": "admins", "Precedence": 1}],
        "Domains": [{"Domain": "my-prefix"}, {"Domain": "auth.example.com",
            "CustomDomainConfig": {"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/1"}}],
        "UICustomizations": [
            {"ClientId": "ALL", "CSS": ".banner-customizable {}", "Image": LOGO},
            {"ClientId": "client1", "CSS": ".label-customizable {}"},
        ],
        "ManagedLoginBrandings": [{"ManagedLoginBrandingId": "00000000-0000-4000-8000-000000000001", "ClientId": "client1", "Settings": {"a": 1.5}}],
        "Terms": [{"TermsId": "00000000-0000-4000-8000-000000000002", "TermsName": "terms-of-use", "ClientId": "client1", "TermsSource": "LINK", "Enforcement": "NONE",
            "Links": {"cognito:default": "https://example.com/terms"}}],
        "RiskConfigurations": [
            {"ClientId": "ALL", "CompromisedCredentialsRiskConfiguration": blocks},
            {"ClientId": "client1", "RiskExceptionConfiguration": {"BlockedIPRangeList": ["10.0.0.0/8"]}},
        ],
        "LogConfigurations": [{"LogLevel": "ERROR", "EventSource": "userNotification",
            "CloudWatchLogsConfiguration": {"LogGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:x"}}],
        "SessionConfiguration": {"UserSessionTracking": "ENABLED", "TokenSession": {"MaxPerUser": 5}},
    })
}

async fn content(document: Value) -> Content {
    let world = World::new().await;
    let pool = world.seed(document);
    world.run(&[&pool]).await.unwrap();
    let evidence = world.simulator.evidence();
    assert!(
        evidence.unknown_members.is_empty(),
        "{:?}",
        evidence.unknown_members
    );
    let refused = evidence.refused;
    // Cognito tells by a refusal that a client has no branding, or the pool no such feature.
    let foreseen = [
        "DescribeManagedLoginBrandingByClient",
        "DescribeRiskConfiguration",
    ];
    for call in refused {
        assert!(foreseen.contains(&call.operation.as_str()), "{call:?}");
    }
    world.only_content().await
}

#[tokio::test]
async fn every_section_has_a_status_and_none_of_a_full_pool_fails() {
    let content = content(everything()).await;
    for section in Section::at_the_head() {
        let status = content.head.status(section);
        match section {
            Section::WafConfiguration | Section::Replicas => {
                assert_eq!(status, &SectionStatus::Empty, "{section}");
            }
            _ => assert!(
                matches!(status, SectionStatus::Complete { .. }),
                "{section}: {status:?}"
            ),
        }
    }
}

#[tokio::test]
async fn each_section_holds_what_its_operation_returns() {
    let head = content(everything()).await.head;
    assert_eq!(
        head.section(Section::Tags)["aws:cloudformation:stack-name"],
        "s"
    );
    assert_eq!(
        head.section(Section::MfaConfiguration)["MfaConfiguration"],
        "OPTIONAL"
    );
    let provider = &head.list(Section::IdentityProviders)[0];
    assert_eq!(provider["ProviderDetails"]["client_secret"], "kept");
    assert_eq!(
        head.list(Section::ResourceServers)[0]["Scopes"][0]["ScopeName"],
        "read"
    );
    assert_eq!(head.section(Section::UserPoolDomain)["Domain"], "my-prefix");
    let custom = head.section(Section::CustomDomain);
    assert_eq!(custom["Domain"], "auth.example.com");
    assert!(custom["CustomDomainConfig"]["CertificateArn"].is_string());
    let secrets = head.list(Section::ClientSecrets);
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0]["ClientId"], "client1");
    assert!(!secrets[0].to_string().contains("ssss"), "never a value");
    assert_eq!(
        head.list(Section::Terms)[0]["Links"]["cognito:default"],
        "https://example.com/terms"
    );
    assert_eq!(
        head.section(Section::LogDeliveryConfiguration)["LogConfigurations"][0]["LogLevel"],
        "ERROR"
    );
    assert_eq!(
        head.section(Section::SessionConfiguration)["TokenSession"]["MaxPerUser"],
        5
    );
    assert!(head.section(Section::SigningCertificate)["Certificate"].is_string());
    let clients: BTreeSet<&str> = head
        .list(Section::AppClients)
        .iter()
        .filter_map(|client| client["ClientName"].as_str())
        .collect();
    assert_eq!(clients, BTreeSet::from(["web", "app"]));
}

#[tokio::test]
async fn what_a_client_inherits_is_not_stored_as_its_own() {
    let head = content(everything()).await.head;
    let owners = |section| -> Vec<String> {
        let list = head.list(section).iter();
        list.map(|element| element["ClientId"].as_str().unwrap_or("none").to_owned())
            .collect()
    };
    assert_eq!(owners(Section::ClientUiCustomizations), ["client1"]);
    assert_eq!(owners(Section::ClientRiskConfigurations), ["client1"]);
    assert_eq!(owners(Section::ManagedLoginBranding), ["client1"]);
    assert_eq!(head.section(Section::UiCustomization)["ClientId"], "ALL");
}

#[tokio::test]
async fn logos_are_fetched_as_bytes() {
    let head = content(everything()).await.head;
    let images = head.list(Section::UiImages);
    assert_eq!(images[0]["ClientId"], "ALL");
    assert_eq!(images[0]["Data"], LOGO);
    assert_eq!(images[0]["ContentType"], "image/png");
}

#[tokio::test]
async fn a_bare_pool_has_empty_sections_and_no_refused_call() {
    let head = content(json!({"UserPool": {"Name": "bare", "UserPoolTier": "ESSENTIALS"}}))
        .await
        .head;
    for section in [
        Section::AppClients,
        Section::Groups,
        Section::IdentityProviders,
        Section::ResourceServers,
        Section::UserPoolDomain,
        Section::CustomDomain,
        Section::Terms,
        Section::LogDeliveryConfiguration,
        Section::ManagedLoginBranding,
        Section::WafConfiguration,
    ] {
        assert_eq!(head.status(section), &SectionStatus::Empty, "{section}");
    }
    let status = head.status(Section::UiCustomization);
    assert!(
        matches!(status, SectionStatus::NotRead { reason } if reason.contains("domain")),
        "{status:?}"
    );
}
