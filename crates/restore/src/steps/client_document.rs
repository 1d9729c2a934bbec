//! An app client's document: what CreateUserPoolClient takes of what DescribeUserPoolClient
//! gives (facts A.6).

use cognito::{CognitoError, ErrorKind};
use model::document::EncryptedSecret;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep};
use model::rules::app_client::{REFRESH, explicit_defaults, rotates};
use serde_json::{Value, json};

use crate::commands;
use crate::document::{Document, member, object, remove, texts, token};
use crate::relocation::Relocation;
use crate::step::News;

/// Cognito's own scopes; the others belong to resource servers.
const OWN_SCOPES: [&str; 5] = [
    "phone",
    "email",
    "openid",
    "profile",
    "aws.cognito.signin.user.admin",
];

/// What of the new pool a client depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    /// The identity providers that are there.
    pub(super) providers: Vec<String>,
    /// The identifiers of the resource servers that are there.
    pub(super) resource_servers: Vec<String>,
    /// The custom attribute for the old `sub`, as clients name it, if the pool has it.
    pub(super) legacy_sub: Option<String>,
    /// Old ids of the clients that the backup lists secrets of, whether or not it holds one.
    pub(super) with_secrets: Vec<String>,
}

/// The request for a client, which has the id `new_id` when it is there already, for commands.
/// Nothing is left to a default that is wider than what the client
/// had; what cannot come back is told.
pub(super) fn creation(
    client: &Value,
    surroundings: &Surroundings,
    relocation: &Relocation<'_>,
    new_id: &str,
    news: &mut News,
) -> Document {
    let mut request = object(client);
    let old = member(&request, "ClientId").unwrap_or_default().to_owned();
    let mut tell = Teller {
        old: &old,
        new: new_id,
        relocation,
        news,
    };
    if member(&request, "ClientType") == Some("DCR") {
        tell.degraded(
            "ClientType",
            "it had registered itself; it came back as an ordinary client",
        );
    }
    remove(
        &mut request,
        &[
            "UserPoolId",
            "ClientId",
            "CreationDate",
            "LastModifiedDate",
            "ClientType",
        ],
    );
    // Amazon Pinpoint, which it needs, is gone since 2026-10-30 (facts A.6).
    if request.shift_remove("AnalyticsConfiguration").is_some() {
        tell.degraded(
            "AnalyticsConfiguration",
            "Amazon Pinpoint, which it reported to, is gone",
        );
    }
    if texts(&request, "ExplicitAuthFlows").is_empty()
        && request.contains_key("ExplicitAuthFlows")
        && !rotates(&request)
    {
        // An empty list may be taken for none given, which lets users sign in. Refreshing alone
        // lets nobody in: there is no token to refresh without a sign-in.
        request.insert("ExplicitAuthFlows".into(), json!([REFRESH]));
        tell.expected(
            "ExplicitAuthFlows",
            "an empty list would be taken for the default, which is wider",
        );
    }
    explicit_defaults(&mut request);
    secret(&mut request, surroundings, &mut tell);
    attributes(&mut request, surroundings, &mut tell);
    urls(&mut request, &mut tell);
    providers(&mut request, surroundings, &mut tell);
    scopes(&mut request, surroundings, &mut tell);
    request
}

/// Tells what becomes of one client.
struct Teller<'a> {
    old: &'a str,
    new: &'a str,
    relocation: &'a Relocation<'a>,
    news: &'a mut News,
}

impl Teller<'_> {
    fn tell(&mut self, kind: FindingKind, member: &str, reason: impl Into<String>) {
        self.news.finding(
            Finding::new(kind, format!("client {}", self.old), reason).announcing(
                Section::AppClients,
                &format!("{}/{member}", token(self.old)),
            ),
        );
    }

    fn degraded(&mut self, member: &str, reason: impl Into<String>) {
        self.tell(FindingKind::Degraded, member, reason);
    }

    fn expected(&mut self, member: &str, reason: &str) {
        self.tell(FindingKind::Expected, member, reason);
    }

    fn later(&mut self, title: String, why: &str, change: &str) {
        let command = commands::change_client(
            self.relocation.region,
            self.relocation.pool,
            self.new,
            change,
        );
        self.news
            .manual(ManualStep::new(title, why).with_command(command));
    }
}

/// Whether a client names flows, and not the one that refreshes tokens, which Cognito once
/// demanded (facts 0.1) where rotation does not replace it.
pub(super) fn lacks_refresh(request: &Document) -> bool {
    let flows = texts(request, "ExplicitAuthFlows");
    !rotates(request)
        && flows.iter().any(|flow| flow.starts_with("ALLOW_"))
        && !flows.iter().any(|flow| flow == REFRESH)
}

/// Whether Cognito refused a client because of that.
pub(super) fn must_refresh(error: &CognitoError) -> bool {
    error.is(ErrorKind::Refused)
        && error
            .message
            .contains("REFRESH_TOKEN_AUTH should always be allowed")
}

/// Asks for the flow after all.
pub(super) fn allow_refresh(request: &mut Document) {
    let mut flows = texts(request, "ExplicitAuthFlows");
    flows.push(REFRESH.into());
    request.insert("ExplicitAuthFlows".into(), json!(flows));
}

/// Tells that the client `old` came back with the flow, if it did.
pub(super) fn tell_refresh(old: &str, there: &Document, news: &mut News) {
    if lacks_refresh(there) {
        return;
    }
    let reason = "its tokens can be refreshed: Cognito refused it without ALLOW_REFRESH_TOKEN_AUTH";
    news.finding(
        Finding::new(FindingKind::Degraded, format!("client {old}"), reason).announcing(
            Section::AppClients,
            &format!("{}/ExplicitAuthFlows", token(old)),
        ),
    );
}

/// A client whose original secret was deleted may show none while it has another (facts 0.1), and
/// the secret of a backup may be encrypted. It gets a new one: as a public client, it would let in
/// whoever knows its id.
fn secret(request: &mut Document, surroundings: &Surroundings, tell: &mut Teller<'_>) {
    let is_encrypted = request
        .get("ClientSecret")
        .is_some_and(|secret| EncryptedSecret::of(secret).is_some());
    if is_encrypted {
        request.shift_remove("ClientSecret");
    } else if request.contains_key("ClientSecret") {
        return;
    }
    let is_confidential = is_encrypted
        || surroundings.with_secrets.iter().any(|id| id == tell.old)
        // Neither goes without a secret (facts A.6).
        || texts(request, "AllowedOAuthFlows").contains(&"client_credentials".to_owned())
        || request
            .get("EnablePropagateAdditionalUserContextData")
            .is_some_and(|propagates| propagates == true);
    if !is_confidential {
        return;
    }
    request.insert("GenerateSecret".into(), true.into());
    let (reason, why) = match is_encrypted {
        true => (
            "it has a new secret: the one that it had is encrypted in the backup",
            "Its secret is encrypted in the backup, and was not decrypted.",
        ),
        false => (
            "it has a new secret: Cognito did not show the one that it had",
            "Cognito did not show its secret to the backup.",
        ),
    };
    tell.degraded("ClientSecret", reason);
    let arguments = [
        ("client-id", tell.new),
        ("query", "UserPoolClient.ClientSecret"),
    ];
    let command = commands::cognito(
        tell.relocation.region,
        tell.relocation.pool,
        "describe-user-pool-client",
        &arguments,
    );
    let title = format!(
        "Give whoever uses client {} (formerly) its new secret",
        tell.old
    );
    let why = format!(
        "{why} Or add the old one, which its users know, with add-user-pool-client-secret."
    );
    tell.news
        .manual(ManualStep::new(title, why).with_command(command));
}

/// Lists of attributes are sent only where the client had its own. The old `sub` joins the
/// readable ones: apps look for it in the token.
fn attributes(request: &mut Document, surroundings: &Surroundings, tell: &mut Teller<'_>) {
    if let Some(Value::Array(names)) = request.get_mut("WriteAttributes") {
        // Refused on creation (facts A.6).
        const NOT_WRITABLE: [&str; 3] = ["email_verified", "phone_number_verified", "sub"];
        let before = names.len();
        names.retain(|name| {
            !name
                .as_str()
                .is_some_and(|name| NOT_WRITABLE.contains(&name))
        });
        if names.len() < before {
            tell.degraded(
                "WriteAttributes",
                "some attributes can no longer be written by clients",
            );
        }
    }
    if let Some(Value::Array(names)) = request.get_mut("ReadAttributes")
        && let Some(legacy_sub) = &surroundings.legacy_sub
        && !names.iter().any(|name| name == legacy_sub)
    {
        names.push(legacy_sub.as_str().into());
    }
}

/// URLs stay as they are unless the operator's map rewrites them.
fn urls(request: &mut Document, tell: &mut Teller<'_>) {
    let translations = tell.relocation.translations;
    for (name, callback) in [("CallbackURLs", true), ("LogoutURLs", false)] {
        let old = texts(request, name);
        let mut new: Vec<String> = Vec::new();
        for url in &old {
            let moved = if callback {
                translations.callback_url(url)
            } else {
                translations.logout_url(url)
            };
            let url = moved.unwrap_or_else(|| url.clone());
            if !new.contains(&url) {
                new.push(url);
            }
        }
        if new != old {
            request.insert(name.into(), json!(new));
            tell.expected(name, "rewritten by the operator's map");
        }
    }
    let default = member(request, "DefaultRedirectURI").map(str::to_owned);
    if let Some(new) = default.and_then(|url| translations.callback_url(&url)) {
        request.insert("DefaultRedirectURI".into(), new.into());
        tell.expected("DefaultRedirectURI", "rewritten by the operator's map");
    }
}

/// A provider that did not come back is taken out: with it the client would be refused.
fn providers(request: &mut Document, surroundings: &Surroundings, tell: &mut Teller<'_>) {
    let named = texts(request, "SupportedIdentityProviders");
    let is_there = |name: &String| name == "COGNITO" || surroundings.providers.contains(name);
    let (there, missing): (Vec<String>, Vec<String>) = named.into_iter().partition(is_there);
    if missing.is_empty() {
        return;
    }
    let list = missing.join(", ");
    request.insert("SupportedIdentityProviders".into(), json!(there));
    tell.degraded(
        "SupportedIdentityProviders",
        format!("it came back without the identity providers that did not: {list}"),
    );
    tell.later(
        format!("Let client {} (formerly) use {list}", tell.old),
        "The providers have to be created first.",
        &format!(".SupportedIdentityProviders += {}", json!(missing)),
    );
}

/// Likewise a scope whose resource server did not come back.
fn scopes(request: &mut Document, surroundings: &Surroundings, tell: &mut Teller<'_>) {
    let named = texts(request, "AllowedOAuthScopes");
    let is_there = |scope: &String| {
        OWN_SCOPES.contains(&scope.as_str())
            // Cognito's own resource servers are there when their feature is switched on.
            || scope.starts_with("aws.cognito")
            || surroundings
                .resource_servers
                .iter()
                .any(|server| scope.strip_prefix(server.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    let (there, missing): (Vec<String>, Vec<String>) = named.into_iter().partition(is_there);
    if missing.is_empty() {
        return;
    }
    let list = missing.join(", ");
    request.insert("AllowedOAuthScopes".into(), json!(there));
    tell.degraded(
        "AllowedOAuthScopes",
        format!("it came back without the scopes of resource servers that did not: {list}"),
    );
    if there.is_empty() {
        // OAuth without scopes is refused (facts A.6).
        change_to_no_oauth(request, tell);
    }
    tell.later(
        format!("Give client {} (formerly) the scopes {list}", tell.old),
        "Their resource servers have to be created first.",
        &format!(".AllowedOAuthScopes += {}", json!(missing)),
    );
}

fn change_to_no_oauth(request: &mut Document, tell: &mut Teller<'_>) {
    for name in ["AllowedOAuthFlows", "AllowedOAuthScopes"] {
        request.shift_remove(name);
    }
    request.insert("AllowedOAuthFlowsUserPoolClient".into(), false.into());
    for name in ["AllowedOAuthFlows", "AllowedOAuthFlowsUserPoolClient"] {
        tell.degraded(name, "OAuth is switched off: none of its scopes came back");
    }
}

#[cfg(test)]
mod tests;
