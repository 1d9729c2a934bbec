use super::*;
use crate::relocation::tests::Move;

fn surroundings() -> Surroundings {
    Surroundings {
        providers: vec!["okta".into()],
        resource_servers: vec!["https://api.example.com".into()],
        legacy_sub: None,
        with_secrets: Vec::new(),
    }
}

/// A client that has everything said, so that a test sees only what it is about.
fn client(own: Value) -> Value {
    let mut client = object(&json!({
        "ClientId": "old1", "ClientName": "web", "UserPoolId": "us-east-1_Old",
        "EnableTokenRevocation": true, "PreventUserExistenceErrors": "ENABLED",
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"], "ClientType": "REGULAR",
        "AccessTokenValidity": 5, "IdTokenValidity": 6, "RefreshTokenValidity": 7,
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
    }));
    client.extend(object(&own));
    Value::Object(client)
}

fn sent(own: Value, map: Value, surroundings: &Surroundings) -> (Document, News) {
    let mut news = News::default();
    let moved = Move::with(&map);
    let request = creation(
        &client(own),
        surroundings,
        &moved.relocation(),
        "new1",
        &mut news,
    );
    (request, news)
}

#[test]
fn a_client_keeps_its_secret_and_its_unknown_members() {
    let (request, news) = sent(
        json!({"ClientSecret": "abcdefghijklmnopqrstuvwxyz", "CreationDate": 1, "LastModifiedDate": 2, "NewMember": {"a": 1}, "DefaultRedirectURI": null}),
        json!({}),
        &surroundings(),
    );
    assert_eq!(
        Value::Object(request),
        json!({
            "ClientName": "web", "EnableTokenRevocation": true, "PreventUserExistenceErrors": "ENABLED", "AuthSessionValidity": 3,
            "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"], "ClientSecret": "abcdefghijklmnopqrstuvwxyz", "NewMember": {"a": 1},
            "AccessTokenValidity": 5, "IdTokenValidity": 6, "RefreshTokenValidity": 7,
            "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        })
    );
    assert_eq!(news, News::default());
}

#[test]
fn nothing_is_left_to_a_wider_default() {
    let moved = Move::plain();
    let mut news = News::default();
    let bare = json!({"ClientId": "old1", "ClientName": "web", "RefreshTokenValidity": 0, "AccessTokenValidity": 5, "TokenValidityUnits": {"AccessToken": "minutes"}});
    let request = creation(
        &bare,
        &surroundings(),
        &moved.relocation(),
        "new1",
        &mut news,
    );
    assert_eq!(
        Value::Object(request),
        json!({
            "ClientName": "web", "RefreshTokenValidity": 30, "AccessTokenValidity": 5, "IdTokenValidity": 1,
            "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "hours", "RefreshToken": "days"},
            "EnableTokenRevocation": false, "PreventUserExistenceErrors": "LEGACY", "AuthSessionValidity": 3,
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"],
        })
    );
    assert_eq!(news, News::default());
}

#[test]
fn a_confidential_client_stays_so_when_its_secret_was_not_shown() {
    let listed = Surroundings {
        with_secrets: vec!["old1".into()],
        ..surroundings()
    };
    let machine = json!({"AllowedOAuthFlows": ["client_credentials"]});
    let propagates = json!({"EnablePropagateAdditionalUserContextData": true});
    for (own, surroundings, is_new) in [
        (json!({}), surroundings(), false),
        (json!({}), listed.clone(), true),
        (machine, surroundings(), true),
        (propagates, surroundings(), true),
        (
            json!({"ClientSecret": "abcdefghijklmnopqrstuvwxyz"}),
            listed,
            false,
        ),
    ] {
        let (request, news) = sent(own.clone(), json!({}), &surroundings);
        assert_eq!(request.contains_key("GenerateSecret"), is_new, "{own}");
        let announced = news
            .findings
            .iter()
            .any(|finding| finding.announces == ["app_clients/old1/ClientSecret"]);
        assert_eq!(announced, is_new, "{own}");
        assert_eq!(news.manual_steps.len(), usize::from(is_new), "{own}");
    }
}

#[test]
fn an_empty_list_of_flows_never_becomes_the_default() {
    let (request, news) = sent(json!({"ExplicitAuthFlows": []}), json!({}), &surroundings());
    assert_eq!(news.findings[0].kind, FindingKind::Expected);
    assert_eq!(
        request["ExplicitAuthFlows"],
        json!(["ALLOW_REFRESH_TOKEN_AUTH"])
    );
    let rotating = json!({"ExplicitAuthFlows": [], "RefreshTokenRotation": {"Feature": "ENABLED"}});
    let (request, _) = sent(rotating, json!({}), &surroundings());
    assert_eq!(request["ExplicitAuthFlows"], json!([]));
}

#[test]
fn what_did_not_come_back_is_taken_out_of_the_client_and_told() {
    for (own, member, left, announced) in [
        (
            json!({"SupportedIdentityProviders": ["COGNITO", "okta", "Google"]}),
            "SupportedIdentityProviders",
            json!(["COGNITO", "okta"]),
            1,
        ),
        (
            json!({"AllowedOAuthScopes": ["openid", "https://api.example.com/read", "gone/read"], "AllowedOAuthFlowsUserPoolClient": true}),
            "AllowedOAuthScopes",
            json!(["openid", "https://api.example.com/read"]),
            1,
        ),
        (
            json!({"AllowedOAuthScopes": ["gone/read"], "AllowedOAuthFlows": ["code"], "AllowedOAuthFlowsUserPoolClient": true}),
            "AllowedOAuthFlowsUserPoolClient",
            json!(false),
            3,
        ),
        (
            json!({"AnalyticsConfiguration": {"ApplicationArn": "a"}}),
            "AnalyticsConfiguration",
            Value::Null,
            1,
        ),
        (
            json!({"WriteAttributes": ["email", "email_verified"]}),
            "WriteAttributes",
            json!(["email"]),
            1,
        ),
    ] {
        let (request, news) = sent(own, json!({}), &surroundings());
        assert_eq!(
            request.get(member).cloned().unwrap_or_default(),
            left,
            "{member}"
        );
        assert_eq!(news.findings.len(), announced, "{member}");
        let path = format!("app_clients/old1/{member}");
        assert!(
            news.findings
                .iter()
                .any(|finding| finding.announces.contains(&path)),
            "{news:?}"
        );
    }
}

#[test]
fn commands_name_the_new_client() {
    let (_, news) = sent(
        json!({"SupportedIdentityProviders": ["Google"]}),
        json!({}),
        &surroundings(),
    );
    let command = news.manual_steps[0].command.as_deref().unwrap();
    assert!(
        command.contains("--client-id new1") && command.contains("Google"),
        "{command}"
    );
}

#[test]
fn urls_stay_unless_the_map_rewrites_them() {
    let own = json!({"CallbackURLs": ["https://a.example/cb", "https://b.example/cb"], "LogoutURLs": ["https://a.example/out"], "DefaultRedirectURI": "https://a.example/cb"});
    let (request, news) = sent(own.clone(), json!({}), &surroundings());
    assert_eq!(request["CallbackURLs"], own["CallbackURLs"]);
    assert!(news.findings.is_empty());
    let map = json!({"url_prefixes": {"https://a.example/": "https://dr.example/"}});
    let (request, news) = sent(own, map, &surroundings());
    assert_eq!(
        request["CallbackURLs"],
        json!(["https://dr.example/cb", "https://b.example/cb"])
    );
    assert_eq!(request["LogoutURLs"], json!(["https://dr.example/out"]));
    assert_eq!(request["DefaultRedirectURI"], "https://dr.example/cb");
    assert_eq!(news.findings.len(), 3);
}

#[test]
fn the_old_sub_becomes_readable_where_the_client_has_a_list_of_its_own() {
    let with = Surroundings {
        legacy_sub: Some("custom:old_sub".into()),
        ..surroundings()
    };
    let (request, _) = sent(json!({"ReadAttributes": ["email"]}), json!({}), &with);
    assert_eq!(
        request["ReadAttributes"],
        json!(["email", "custom:old_sub"])
    );
    let (request, _) = sent(json!({}), json!({}), &with);
    assert!(!request.contains_key("ReadAttributes"));
}
