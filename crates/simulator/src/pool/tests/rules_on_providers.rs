//! Identity providers.

use serde_json::{Value, json};

use super::{INVALID, World, rule};

fn provider(name: &str, kind: &str, details: Value) -> Value {
    json!({"ProviderName": name, "ProviderType": kind, "ProviderDetails": details})
}

fn oidc() -> Value {
    json!({
        "client_id": "c",
        "client_secret": "s",
        "attributes_request_method": "GET",
        "oidc_issuer": "https://issuer.example.com",
        "authorize_scopes": "openid",
    })
}

fn social() -> Value {
    json!({"client_id": "c", "client_secret": "s", "authorize_scopes": "email"})
}

fn apple() -> Value {
    json!({"client_id": "c", "private_key": "p", "team_id": "t", "key_id": "k", "authorize_scopes": "email"})
}

fn saml() -> Value {
    json!({"MetadataURL": "https://idp.example.com/metadata"})
}

fn without(mut details: Value, key: &str) -> Value {
    details.as_object_mut().expect("an object").remove(key);
    details
}

fn with(mut details: Value, key: &str, value: &str) -> Value {
    details[key] = json!(value);
    details
}

#[test]
fn each_type_needs_its_keys_and_takes_no_other() {
    let social_needed = "clientId, clientSecret and authorizeScopes are all required idp details.";
    let oidc_needed = "clientId, authorizeScopes, oidcIssuer and attributesRequestMethod are all required idp details.";
    let apple_needed = "clientId, privateKey, teamId, and keyId are all required idp details.";
    let mut rows = Vec::new();
    for key in [
        "client_id",
        "authorize_scopes",
        "oidc_issuer",
        "attributes_request_method",
    ] {
        rows.push((
            "Mine",
            "OIDC",
            without(oidc(), key),
            oidc_needed.to_owned(),
            oidc(),
        ));
    }
    for key in ["client_id", "private_key", "team_id", "key_id"] {
        rows.push((
            "SignInWithApple",
            "SignInWithApple",
            without(apple(), key),
            apple_needed.to_owned(),
            apple(),
        ));
    }
    for name in ["Google", "Facebook", "LoginWithAmazon"] {
        for key in ["client_id", "client_secret", "authorize_scopes"] {
            rows.push((
                name,
                name,
                without(social(), key),
                social_needed.to_owned(),
                social(),
            ));
        }
    }
    rows.extend([
        (
            "Mine",
            "OIDC",
            with(oidc(), "oidc_issuer", "http://issuer.example.com"),
            "OIDC endpoint must start with https://".to_owned(),
            oidc(),
        ),
        (
            "Mine",
            "OIDC",
            with(oidc(), "attributes_request_method", "PUT"),
            "attributes_request_method must be GET or POST.".to_owned(),
            with(oidc(), "attributes_request_method", "POST"),
        ),
        (
            "Mine",
            "SAML",
            json!({}),
            "At least one of the MetadataURL or MetadataFile should be provided.".to_owned(),
            saml(),
        ),
        (
            "Mine",
            "SAML",
            with(saml(), "MetadataFile", "<x/>"),
            "Only one of the MetadataURL or MetadataFile should be provided.".to_owned(),
            json!({"MetadataFile": "<x/>"}),
        ),
        (
            "Mine",
            "SAML",
            json!({"MetadataURL": "https://idp.invalid/metadata"}),
            "Error retrieving metadata from the MetadataURL.".to_owned(),
            saml(),
        ),
        (
            "Mine",
            "SAML",
            with(saml(), "ActiveEncryptionCertificate", "x"),
            "ActiveEncryptionCertificate is not a valid key for SAML identity provider details."
                .to_owned(),
            with(
                saml(),
                "SSORedirectBindingURI",
                "https://idp.example.com/sso",
            ),
        ),
        (
            "Google",
            "Google",
            with(social(), "made_up", "x"),
            "made_up is not a valid key for Google identity provider details.".to_owned(),
            with(
                social(),
                "token_url",
                "https://www.googleapis.com/oauth2/v4/token",
            ),
        ),
    ]);
    for (name, kind, bad, text, good) in rows {
        rule(name, "CreateIdentityProvider").refuses(
            provider(name, kind, bad.clone()),
            INVALID,
            &text,
            provider(name, kind, good.clone()),
        );
        rule(name, "UpdateIdentityProvider")
            .after("CreateIdentityProvider", provider(name, kind, good.clone()))
            .refuses(
                without(provider(name, kind, bad), "ProviderType"),
                INVALID,
                &text,
                without(provider(name, kind, good), "ProviderType"),
            );
    }
}

/// A certificate's outline: its validity.
fn metadata(not_before: &str, not_after: &str) -> String {
    use base64::Engine;
    let mut der = vec![0x30, 0x1e, 0x17, 13];
    der.extend(not_before.as_bytes());
    der.extend([0x17, 13]);
    der.extend(not_after.as_bytes());
    let certificate = base64::engine::general_purpose::STANDARD.encode(der);
    format!(
        "<EntityDescriptor><ds:X509Certificate>{certificate}</ds:X509Certificate><SingleSignOnService Binding=\"b\" Location=\"https://idp.example.com/s?a=1&amp;b=2\"/></EntityDescriptor>"
    )
}

#[test]
fn metadata_with_only_expired_certificates_is_refused() {
    let file = |metadata: String| provider("Mine", "SAML", json!({"MetadataFile": metadata}));
    let expired = metadata("100101000000Z", "200101000000Z");
    let valid = metadata("200101000000Z", "491231235959Z");
    rule("a certificate is valid", "CreateIdentityProvider").refuses(
        file(expired.clone()),
        INVALID,
        "Signing certificates are expired",
        file(valid.clone()),
    );
    rule("one of the certificates is valid", "CreateIdentityProvider").refuses(
        file(format!("{expired}{expired}")),
        INVALID,
        "Signing certificates are expired",
        file(format!("{expired}{valid}")),
    );
}

#[test]
fn names_identifiers_and_mappings_follow_the_rules() {
    let create = |name| rule(name, "CreateIdentityProvider");
    create("social providers bear their type's name").refuses(
        provider("MyGoogle", "Google", social()),
        INVALID,
        "Provider MyGoogle cannot be of type Google.",
        provider("Google", "Google", social()),
    );
    create("other providers do not").refuses(
        provider("Google", "OIDC", oidc()),
        INVALID,
        "Provider Google cannot be of type OIDC.",
        provider("MyGoogle", "OIDC", oidc()),
    );
    create("names are unique")
        .after("CreateIdentityProvider", provider("Mine", "OIDC", oidc()))
        .refuses(
            provider("Mine", "SAML", saml()),
            "DuplicateProviderException",
            "A provider already exists with name Mine.",
            provider("Mine2", "SAML", saml()),
        );
    let identified = |name: &str, identifier: &str| {
        let mut request = provider(name, "OIDC", oidc());
        request["IdpIdentifiers"] = json!([identifier]);
        request
    };
    create("identifiers are unique")
        .after("CreateIdentityProvider", identified("Mine", "example.com"))
        .refuses(
            identified("Mine2", "example.com"),
            INVALID,
            "The identifier example.com is already in use.",
            identified("Mine2", "example.org"),
        );
    let mapped = |target: &str| {
        let mut request = provider("Mine", "OIDC", oidc());
        request["AttributeMapping"] = json!({"username": "sub", target: "claim"});
        request
    };
    let schema = json!({"Schema": [{"Name": "fixed", "Mutable": false}, {"Name": "free"}]});
    for bad in ["custom:fixed", "custom:unknown"] {
        create("targets are mutable attributes")
            .in_pool(schema.clone())
            .refuses(
                mapped(bad),
                INVALID,
                &format!(
                    "Invalid attribute mapping: {bad} is not a mutable attribute of the user pool."
                ),
                mapped("custom:free"),
            );
    }
    let levels = |name: &str, kind: &str, details: Value| {
        let mut request = provider(name, kind, details);
        request["AcrMapping"] = json!({"Level1": "one"});
        request
    };
    create("levels are OIDC's").refuses(
        levels("Mine", "SAML", saml()),
        INVALID,
        "AcrMapping is supported for OIDC identity providers only.",
        levels("Mine", "OIDC", oidc()),
    );
    for operation in [
        "DescribeIdentityProvider",
        "UpdateIdentityProvider",
        "DeleteIdentityProvider",
    ] {
        rule("the provider exists", operation)
            .after("CreateIdentityProvider", provider("Mine", "OIDC", oidc()))
            .refuses(
                json!({"ProviderName": "Other"}),
                "ResourceNotFoundException",
                "Identity provider Other does not exist.",
                json!({"ProviderName": "Mine"}),
            );
    }
    rule("the identifier exists", "GetIdentityProviderByIdentifier")
        .after("CreateIdentityProvider", identified("Mine", "example.com"))
        .refuses(
            json!({"IdpIdentifier": "Mine"}),
            "ResourceNotFoundException",
            "Identity provider with identifier Mine does not exist.",
            json!({"IdpIdentifier": "example.com"}),
        );
}

#[test]
fn describe_shows_secrets_and_what_cognito_found_but_not_apples_key() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let shown = |name: &str, kind: &str, details: Value| {
        let mut request = provider(name, kind, details);
        request["UserPoolId"] = json!(pool);
        world.done("CreateIdentityProvider", &request);
        let request = json!({"UserPoolId": pool, "ProviderName": name});
        world.done("DescribeIdentityProvider", &request)["IdentityProvider"]["ProviderDetails"]
            .clone()
    };
    let details = shown("Mine", "OIDC", oidc());
    assert_eq!(details["client_secret"], "s");
    assert_eq!(details["attributes_url_add_attributes"], "false");
    let details = shown("Google", "Google", social());
    assert_eq!(details["oidc_issuer"], "https://accounts.google.com");
    assert_eq!(details["client_secret"], "s");
    let details = shown(
        "Facebook",
        "Facebook",
        with(social(), "api_version", "v12.0"),
    );
    assert_eq!(
        details["token_url"],
        "https://graph.facebook.com/v12.0/oauth/access_token"
    );
    let details = shown("LoginWithAmazon", "LoginWithAmazon", social());
    assert_eq!(details["token_request_method"], "POST");
    let details = shown("SignInWithApple", "SignInWithApple", apple());
    assert_eq!(details.get("private_key"), None);
    assert_eq!(details["team_id"], "t");
    let details = shown("ByUrl", "SAML", saml());
    assert_eq!(
        details["SSORedirectBindingURI"],
        "https://idp.example.com/sso/saml"
    );
    assert_eq!(
        details["SLORedirectBindingURI"],
        "https://idp.example.com/slo/saml"
    );
    assert!(details["ActiveEncryptionCertificate"].is_string());
    let details = shown(
        "ByFile",
        "SAML",
        json!({"MetadataFile": metadata("200101000000Z", "491231235959Z")}),
    );
    assert_eq!(
        details["SSORedirectBindingURI"],
        "https://idp.example.com/s?a=1&b=2"
    );
    assert_eq!(details.get("SLORedirectBindingURI"), None);
    assert!(details["MetadataFile"].is_string());
}

#[test]
fn a_google_provider_maps_the_username_where_nothing_else_is_said() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let google = json!({"client_id": "g", "client_secret": "s", "authorize_scopes": "openid"});
    let saml = json!({"MetadataFile": "<x/>"});
    for (name, kind, details, mapping) in [
        ("Google", "Google", google, json!({"username": "sub"})),
        ("Campus", "SAML", saml, Value::Null),
    ] {
        let mut request = provider(name, kind, details);
        request["UserPoolId"] = json!(pool);
        let answer = world.done("CreateIdentityProvider", &request);
        let shown = answer["IdentityProvider"].get("AttributeMapping").cloned();
        assert_eq!(shown.unwrap_or_default(), mapping, "{name}");
    }
}

#[test]
fn an_update_of_a_provider_keeps_what_it_leaves_out() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let mut request = provider("Mine", "OIDC", oidc());
    request["UserPoolId"] = json!(pool);
    request["IdpIdentifiers"] = json!(["example.com"]);
    world.done("CreateIdentityProvider", &request);
    let request = json!({"UserPoolId": pool, "ProviderName": "Mine", "ProviderDetails": with(oidc(), "client_id", "d")});
    let answer = world.done("UpdateIdentityProvider", &request);
    assert_eq!(
        answer["IdentityProvider"]["IdpIdentifiers"],
        json!(["example.com"])
    );
    assert_eq!(
        answer["IdentityProvider"]["ProviderDetails"]["client_id"],
        "d"
    );
    assert_eq!(answer["IdentityProvider"]["ProviderType"], "OIDC");
}
