//! Identity providers.

use cognito::Operation;
use model::document::{BackupHead, EncryptedSecret};
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use serde_json::{Value, json};

use super::create::{self, Kind, ToCreate};
use crate::commands;
use crate::context::Restore;
use crate::document::{Document, change, member, object, remove, token};
use crate::error::RestoreError;
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};

pub(super) const KIND: Kind = Kind {
    list: Operation::ListIdentityProviders,
    name: "ProviderName",
    create: Operation::CreateIdentityProvider,
    describe: Some((Operation::DescribeIdentityProvider, "IdentityProvider")),
    update: None,
    change: (Operation::UpdateIdentityProvider, &["ProviderType"]),
};

/// Endpoints that Cognito finds by discovery when they are not given.
const DISCOVERED: &[&str] = &["attributes_url", "authorize_url", "jwks_uri", "token_url"];
/// What Describe adds to the details, and Create refuses or computes itself (facts A.7).
const COMPUTED: &[&str] = &[
    "ActiveEncryptionCertificate",
    "SLORedirectBindingURI",
    "SSORedirectBindingURI",
    "attributes_url_add_attributes",
];

/// The details that a provider's type can be created with (facts A.7).
fn writable(provider_type: &str) -> Option<&'static [&'static str]> {
    Some(match provider_type {
        "SAML" => &[
            "EncryptedResponses",
            "IDPInit",
            "IDPSignout",
            "MetadataFile",
            "MetadataURL",
            "RequestSigningAlgorithm",
        ],
        "OIDC" => &[
            "attributes_request_method",
            "attributes_url",
            "authorize_scopes",
            "authorize_url",
            "client_id",
            "client_secret",
            "jwks_uri",
            "oidc_issuer",
            "token_url",
        ],
        "Facebook" => &[
            "api_version",
            "authorize_scopes",
            "client_id",
            "client_secret",
        ],
        "Google" | "LoginWithAmazon" => &["authorize_scopes", "client_id", "client_secret"],
        "SignInWithApple" => &[
            "authorize_scopes",
            "client_id",
            "key_id",
            "private_key",
            "team_id",
        ],
        _ => return None,
    })
}

/// Computed for social providers, configured for OIDC.
const OF_SOCIAL: &[&str] = &[
    "attributes_url",
    "authorize_url",
    "jwks_uri",
    "oidc_issuer",
    "token_request_method",
    "token_url",
];

/// Recreates identity providers.
///
/// Runs before the app clients that name them ("The provider X does not exist", facts A.6). Only
/// the keys that the API takes on creation are sent (facts A.7). The private key of Sign in with
/// Apple is never returned: it comes from the operator's map, or the provider is left to them.
///
/// # Errors
/// As [`create::missing`].
pub async fn identity_providers(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let pool = restore.target(state)?;
    let relocation = Relocation::of(restore, Some(pool));
    let (wanted, mut news) = plan(restore.head(), &relocation);
    if wanted.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let created = create::missing(restore, pool, &KIND, wanted, &mut news).await?;
    if created.interrupted {
        return Ok(StepProgress::InProgress);
    }
    for (name, error) in created.refused {
        left_out(
            &name,
            &format!("Cognito refused it: {error}"),
            &relocation,
            &mut news,
        );
    }
    Ok(StepResult::restored(created.there).telling(news).into())
}

/// The requests for the providers of the backup.
pub(super) fn plan(head: &BackupHead, relocation: &Relocation<'_>) -> (Vec<ToCreate>, News) {
    let mut news = News::default();
    tell_if_missing(head, Section::IdentityProviders, &mut news);
    let mut wanted = Vec::new();
    for provider in head.list(Section::IdentityProviders) {
        let mut request = object(provider);
        let name = member(&request, "ProviderName").map(str::to_owned);
        let provider_type = member(&request, "ProviderType").map(str::to_owned);
        let (Some(name), Some(provider_type)) = (name, provider_type) else {
            continue;
        };
        if has_encrypted_secret(provider) {
            let why = "its secret is encrypted in the backup, and was not decrypted";
            left_out(&name, why, relocation, &mut news);
            continue;
        }
        remove(
            &mut request,
            &["UserPoolId", "CreationDate", "LastModifiedDate"],
        );
        // Facts A.7: only OIDC has it.
        if provider_type != "OIDC" {
            remove(&mut request, &["AcrMapping"]);
        }
        change(&mut request, "ProviderDetails", |details| {
            keep_writable(details, &provider_type, &name, &mut news);
        });
        if provider_type == "SignInWithApple" && !has_apple_key(&mut request, relocation) {
            let why = "Cognito never returns its private key, and the operator's map has none for its key_id";
            left_out(&name, why, relocation, &mut news);
            continue;
        }
        let otherwise = otherwise(&mut request, &provider_type, &name);
        wanted.push(ToCreate {
            name,
            request,
            otherwise,
        });
    }
    (wanted, news)
}

fn has_encrypted_secret(provider: &Value) -> bool {
    let details = provider["ProviderDetails"].as_object();
    let mut details = details.into_iter().flat_map(|details| details.values());
    details.any(|detail| EncryptedSecret::of(detail).is_some())
}

fn keep_writable(details: &mut Document, provider_type: &str, name: &str, news: &mut News) {
    let social = !matches!(provider_type, "SAML" | "OIDC");
    // A type that this version does not know is sent as it is.
    let Some(writable) = writable(provider_type) else {
        remove(details, COMPUTED);
        return;
    };
    details.retain(|key, _| {
        let computed =
            COMPUTED.contains(&key.as_str()) || (social && OF_SOCIAL.contains(&key.as_str()));
        let kept = writable.contains(&key.as_str());
        if !kept && !computed {
            let reason = format!("its detail {key} is not one that can be set on creation");
            let path = format!("{}/ProviderDetails/{}", token(name), token(key));
            news.finding(
                Finding::new(FindingKind::Degraded, name, reason)
                    .announcing(Section::IdentityProviders, &path),
            );
        }
        kept
    });
}

fn has_apple_key(request: &mut Document, relocation: &Relocation<'_>) -> bool {
    change(request, "ProviderDetails", |details| {
        if member(details, "private_key").is_some() {
            return true;
        }
        let key_id = member(details, "key_id").unwrap_or_default();
        match relocation.translations.apple_private_key(key_id) {
            Some(key) => {
                details.insert("private_key".into(), key.expose().into());
                true
            }
            None => false,
        }
    })
    .unwrap_or(false)
}

/// What to try when Cognito refuses the provider as it was: another source of the same data.
fn otherwise(request: &mut Document, provider_type: &str, name: &str) -> Option<(Document, News)> {
    let details = request.get("ProviderDetails")?.clone();
    let mut second = request.clone();
    let path = format!("{}/ProviderDetails", token(name));
    let (reason, gone) = match provider_type {
        // One of the two may be sent: the address first, which stays up to date, and the file
        // where the address does not answer (facts A.7).
        "SAML" if details.get("MetadataURL").is_some() && details.get("MetadataFile").is_some() => {
            change(request, "ProviderDetails", |details| {
                remove(details, &["MetadataFile"]);
            });
            change(&mut second, "ProviderDetails", |details| {
                remove(details, &["MetadataURL"]);
            });
            (
                "it came back with its metadata as a file: its metadata address was refused",
                vec!["MetadataURL", "MetadataFile"],
            )
        }
        // The endpoints as the lost pool had them; found by discovery where they are refused.
        "OIDC" if DISCOVERED.iter().any(|key| details.get(*key).is_some()) => {
            change(&mut second, "ProviderDetails", |details| {
                remove(details, DISCOVERED)
            });
            (
                "its endpoints were refused and found by discovery",
                DISCOVERED.to_vec(),
            )
        }
        _ => return None,
    };
    let mut told = News::default();
    let finding = Finding::new(FindingKind::Degraded, name, reason);
    told.finding(gone.iter().fold(finding, |finding, key| {
        finding.announcing(Section::IdentityProviders, &format!("{path}/{key}"))
    }));
    Some((second, told))
}

/// A provider that the operator has to make: its clients come back without it.
fn left_out(name: &str, why: &str, relocation: &Relocation<'_>, news: &mut News) {
    news.finding(
        Finding::new(FindingKind::Failed, name, why)
            .announcing(Section::IdentityProviders, &token(name)),
    );
    let details = if name == "SignInWithApple" {
        json!({"client_id": "SERVICES_ID", "team_id": "TEAM_ID", "key_id": "KEY_ID", "private_key": "PRIVATE_KEY", "authorize_scopes": "email name"})
    } else {
        json!({"KEY": "VALUE"})
    };
    let details = commands::json(&details);
    let arguments = [
        ("provider-name", name),
        (
            "provider-type",
            if name == "SignInWithApple" {
                name
            } else {
                "PROVIDER_TYPE"
            },
        ),
        ("provider-details", details.as_str()),
    ];
    let command = commands::cognito(
        relocation.region,
        relocation.pool,
        "create-identity-provider",
        &arguments,
    );
    news.manual(
        ManualStep::new(
            format!("Create the identity provider {name}"),
            format!("{why}."),
        )
        .with_command(command),
    );
}

/// The names of the pool's providers, to tell which of a client's are there.
pub(super) async fn existing(
    restore: &Restore<'_>,
    state: &RestoreState,
) -> Result<Vec<String>, RestoreError> {
    let pool = restore.target(state)?;
    let existing = create::existing_by_name(restore, pool, &KIND).await?;
    Ok(existing.into_keys().collect())
}

/// The names of the providers that a dry run expects.
pub(super) fn expected(head: &BackupHead, relocation: &Relocation<'_>) -> Vec<String> {
    let (wanted, _) = plan(head, relocation);
    wanted.into_iter().map(|wanted| wanted.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;
    use serde_json::Value;

    fn planned(provider: Value, map: Value) -> (Vec<ToCreate>, News) {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(Section::IdentityProviders, json!([provider]));
        plan(&head, &Move::with(&map).relocation())
    }

    #[test]
    fn each_type_is_sent_with_the_details_that_creation_takes() {
        for (provider_type, described, sent) in [
            (
                "SAML",
                json!({"MetadataFile": "<x/>", "ActiveEncryptionCertificate": "c", "SLORedirectBindingURI": "s", "SSORedirectBindingURI": "t", "IDPSignout": "true"}),
                json!({"MetadataFile": "<x/>", "IDPSignout": "true"}),
            ),
            (
                "Google",
                json!({"client_id": "i", "client_secret": "s", "authorize_scopes": "email", "attributes_url": "u", "attributes_url_add_attributes": "true", "authorize_url": "a", "oidc_issuer": "o", "token_request_method": "POST", "token_url": "t"}),
                json!({"client_id": "i", "client_secret": "s", "authorize_scopes": "email"}),
            ),
            (
                "OIDC",
                json!({"client_id": "i", "oidc_issuer": "https://o", "authorize_scopes": "openid", "attributes_request_method": "GET", "attributes_url_add_attributes": "false", "token_url": "t"}),
                json!({"client_id": "i", "oidc_issuer": "https://o", "authorize_scopes": "openid", "attributes_request_method": "GET", "token_url": "t"}),
            ),
        ] {
            let provider = json!({"UserPoolId": "us-east-1_Old", "ProviderName": "p", "ProviderType": provider_type, "ProviderDetails": described, "AttributeMapping": {"email": "mail"}, "CreationDate": 1, "LastModifiedDate": 2, "NewMember": 3});
            let (wanted, news) = planned(provider, json!({}));
            assert_eq!(
                Value::Object(wanted[0].request.clone()),
                json!({"ProviderName": "p", "ProviderType": provider_type, "ProviderDetails": sent, "AttributeMapping": {"email": "mail"}, "NewMember": 3})
            );
            assert!(news.findings.is_empty(), "{news:?}");
        }
    }

    #[test]
    fn a_detail_that_cannot_be_set_is_told() {
        let provider = json!({"ProviderName": "p", "ProviderType": "SAML", "ProviderDetails": {"MetadataFile": "<x/>", "Odd": "1"}});
        let (_, news) = planned(provider, json!({}));
        assert_eq!(
            news.findings[0].announces,
            ["identity_providers/p/ProviderDetails/Odd"]
        );
    }

    #[test]
    fn saml_metadata_comes_from_its_address_and_from_the_file_where_that_is_refused() {
        let provider = json!({"ProviderName": "p", "ProviderType": "SAML", "ProviderDetails": {"MetadataFile": "<x/>", "MetadataURL": "https://m"}});
        let (wanted, _) = planned(provider, json!({}));
        assert_eq!(
            wanted[0].request["ProviderDetails"],
            json!({"MetadataURL": "https://m"})
        );
        let (second, told) = wanted[0].otherwise.as_ref().unwrap();
        assert_eq!(second["ProviderDetails"], json!({"MetadataFile": "<x/>"}));
        assert_eq!(told.findings[0].announces.len(), 2);
    }

    #[test]
    fn the_key_of_sign_in_with_apple_comes_from_the_map_or_the_provider_is_left_out() {
        let provider = json!({"ProviderName": "SignInWithApple", "ProviderType": "SignInWithApple", "ProviderDetails": {"client_id": "i", "team_id": "t", "key_id": "K1", "authorize_scopes": "email"}});
        let (wanted, news) = planned(
            provider.clone(),
            json!({"apple_private_keys": {"K1": "pem"}}),
        );
        assert_eq!(wanted[0].request["ProviderDetails"]["private_key"], "pem");
        assert!(news.findings.is_empty());
        let (wanted, news) = planned(provider, json!({}));
        assert!(wanted.is_empty());
        assert_eq!(
            news.findings[0].announces,
            ["identity_providers/SignInWithApple"]
        );
        assert!(
            news.manual_steps[0]
                .command
                .as_deref()
                .unwrap()
                .contains("create-identity-provider")
        );
    }
}
