//! App clients and their secrets, resource servers, groups.

use serde_json::{Value, json};

use super::{ACCOUNT, INVALID, World, rule};

#[test]
fn a_client_follows_the_rules() {
    let create = |name| rule(name, "CreateUserPoolClient");
    create("a secret is made or given").refuses(
        json!({"GenerateSecret": true, "ClientSecret": "a".repeat(24)}),
        INVALID,
        "You cannot specify both GenerateSecret as true and provide a ClientSecret value.",
        json!({"GenerateSecret": false, "ClientSecret": "a".repeat(24)}),
    );
    create("readable attributes exist").refuses(
        json!({"ReadAttributes": ["email", "custom:x"]}),
        INVALID,
        "Invalid read attributes specified while creating a client",
        json!({"ReadAttributes": ["email"]}),
    );
    create("readable attributes have their full names")
        .in_pool(json!({"Schema": [{"Name": "x"}]}))
        .refuses(
            json!({"ReadAttributes": ["x"]}),
            INVALID,
            "Invalid read attributes specified while creating a client",
            json!({"ReadAttributes": ["custom:x"]}),
        );
    for name in ["email_verified", "phone_number_verified", "sub", "custom:x"] {
        create("writable attributes exist and are not the service's own").refuses(
            json!({"WriteAttributes": ["email", name]}),
            INVALID,
            "Invalid write attributes specified while creating a client",
            json!({"WriteAttributes": ["email"]}),
        );
    }
    create("writable attributes include the required ones")
        .in_pool(json!({"Schema": [{"Name": "name", "Required": true}]}))
        .refuses(
            json!({"WriteAttributes": ["email"]}),
            INVALID,
            "Invalid write attributes specified while creating a client",
            json!({"WriteAttributes": ["email", "name"]}),
        );
    create("old and new flows do not mix").refuses(
        json!({"ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH", "ALLOW_USER_SRP_AUTH"]}),
        INVALID,
        "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names.",
        json!({"ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH"]}),
    );
    create("rotation replaces the refresh flow").refuses(
        json!({"RefreshTokenRotation": {"Feature": "ENABLED"}, "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]}),
        INVALID,
        "ALLOW_REFRESH_TOKEN_AUTH cannot be used when refresh token rotation is enabled.",
        json!({"RefreshTokenRotation": {"Feature": "ENABLED"}, "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]}),
    );
    create("choice-based sign-in needs Essentials")
        .in_pool(json!({"UserPoolTier": "LITE"}))
        .refuses(
            json!({"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"]}),
            "FeatureUnavailableInTierException",
            "The following feature is not available for the LITE pricing tier configured: Choice-Based Sign-In",
            json!({"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]}),
        );
    create("tokens can be refreshed").refuses(
        json!({"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]}),
        INVALID,
        "REFRESH_TOKEN_AUTH should always be allowed.",
        json!({"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]}),
    );
    create("providers exist").refuses(
        json!({"SupportedIdentityProviders": ["COGNITO", "Okta"]}),
        INVALID,
        "The provider Okta does not exist for User Pool $POOL",
        json!({"SupportedIdentityProviders": ["COGNITO"]}),
    );
    create("a context is propagated by confidential clients").refuses(
        json!({"EnablePropagateAdditionalUserContextData": true}),
        INVALID,
        "Client Secret is required to set EnablePropagateAdditionalUserContextData as true",
        json!({"EnablePropagateAdditionalUserContextData": true, "GenerateSecret": true}),
    );
    let analytics = |configuration: Value| json!({"AnalyticsConfiguration": configuration});
    let application = "arn:aws:mobiletargeting:us-east-1:000000000000:apps/a";
    let role = format!("arn:aws:iam::{ACCOUNT}:role/r");
    for bad in [
        json!({"ApplicationId": "ab"}),
        json!({"ApplicationArn": application, "ApplicationId": "ab"}),
        json!({}),
    ] {
        create("analytics name an application in one way").refuses(
            analytics(bad),
            INVALID,
            "Invalid analytics configuration given, either <application arn> or <application id, role arn, external id> are valid",
            analytics(json!({"ApplicationId": "ab", "RoleArn": role, "ExternalId": "e"})),
        );
    }
    create("an application's ARN stands alone").refuses(
        analytics(json!({"ApplicationArn": application, "RoleArn": role})),
        INVALID,
        "Invalid analytics configuration given, either <application arn> or <application id, role arn, external id> are valid",
        analytics(json!({"ApplicationArn": application})),
    );
}

#[test]
fn tokens_last_within_their_ranges() {
    let tokens = |member: &str, value: i64, unit_of: &str, unit: &str| json!({member: value, "TokenValidityUnits": {unit_of: unit}});
    for (bad, good) in [
        (
            tokens("AccessTokenValidity", 4, "AccessToken", "minutes"),
            tokens("AccessTokenValidity", 5, "AccessToken", "minutes"),
        ),
        (
            tokens("AccessTokenValidity", 25, "AccessToken", "hours"),
            tokens("AccessTokenValidity", 24, "AccessToken", "hours"),
        ),
        (
            tokens("IdTokenValidity", 299, "IdToken", "seconds"),
            tokens("IdTokenValidity", 300, "IdToken", "seconds"),
        ),
        (
            tokens("IdTokenValidity", 2, "IdToken", "days"),
            tokens("IdTokenValidity", 1, "IdToken", "days"),
        ),
        (
            tokens("RefreshTokenValidity", 59, "RefreshToken", "minutes"),
            tokens("RefreshTokenValidity", 60, "RefreshToken", "minutes"),
        ),
        (
            tokens("RefreshTokenValidity", 3651, "RefreshToken", "days"),
            tokens("RefreshTokenValidity", 3650, "RefreshToken", "days"),
        ),
    ] {
        for operation in ["CreateUserPoolClient", "UpdateUserPoolClient"] {
            let mut bad = bad.clone();
            let mut good = good.clone();
            if operation == "UpdateUserPoolClient" {
                bad["ClientId"] = json!("$CLIENT");
                good["ClientId"] = json!("$CLIENT");
            }
            rule("token validity", operation).refuses(
                bad,
                INVALID,
                "Invalid range for token validity.",
                good,
            );
        }
    }
    rule("refresh tokens last longest", "CreateUserPoolClient").refuses(
        json!({"RefreshTokenValidity": 1, "AccessTokenValidity": 2, "TokenValidityUnits": {"RefreshToken": "hours"}}),
        INVALID,
        "Access and Id Token expiration times must be less than or equal to refresh token expiration times.",
        json!({"RefreshTokenValidity": 2, "AccessTokenValidity": 2, "TokenValidityUnits": {"RefreshToken": "hours"}}),
    );
}

#[test]
fn oauth_settings_are_complete_and_exist() {
    let create = |name| rule(name, "CreateUserPoolClient");
    let oauth = |flows: &[&str], scopes: &[&str], more: Value| {
        let mut request = json!({"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": flows, "AllowedOAuthScopes": scopes});
        request
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        request
    };
    let callback = json!({"CallbackURLs": ["https://example.com/a"]});
    let both_needed = "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.";
    create("flows are needed").refuses(
        oauth(&[], &["openid"], callback.clone()),
        INVALID,
        both_needed,
        oauth(&["code"], &["openid"], callback.clone()),
    );
    create("scopes are needed").refuses(
        oauth(&["code"], &[], callback.clone()),
        INVALID,
        both_needed,
        oauth(&["code"], &["openid"], callback.clone()),
    );
    for flow in ["code", "implicit"] {
        create("flows by browser come back somewhere").refuses(
            oauth(&[flow], &["openid"], json!({})),
            INVALID,
            "CallbackUrls can not be empty when code flow or implicit flow is selected",
            oauth(&[flow], &["openid"], callback.clone()),
        );
    }
    let server = json!({"Identifier": "https://api", "Name": "api", "Scopes": [{"ScopeName": "read", "ScopeDescription": "read"}]});
    create("machines do not use a browser")
        .after("CreateResourceServer", server.clone())
        .refuses(
            oauth(
                &["client_credentials", "code"],
                &["https://api/read"],
                json!({"GenerateSecret": true, "CallbackURLs": ["https://example.com"]}),
            ),
            "InvalidOAuthFlowException",
            "client_credentials flow can not be selected along with code flow or implicit flow.",
            oauth(
                &["client_credentials"],
                &["https://api/read"],
                json!({"GenerateSecret": true}),
            ),
        );
    create("machines have a secret")
        .after("CreateResourceServer", server.clone())
        .refuses(
            oauth(&["client_credentials"], &["https://api/read"], json!({})),
            "InvalidOAuthFlowException",
            "client_credentials flow can not be selected if client does not have a client secret.",
            oauth(
                &["client_credentials"],
                &["https://api/read"],
                json!({"ClientSecret": "b".repeat(64)}),
            ),
        );
    create("scopes exist")
        .after("CreateResourceServer", server)
        .refuses(
            oauth(
                &["code"],
                &["openid", "https://api/write"],
                callback.clone(),
            ),
            "ScopeDoesNotExistException",
            "Invalid scope requested: https://api/write",
            oauth(&["code"], &["openid", "https://api/read"], callback),
        );
}

#[test]
fn urls_are_safe_to_redirect_to() {
    let create = |name| rule(name, "CreateUserPoolClient");
    create("the default is among the callbacks").refuses(
        json!({"CallbackURLs": ["https://example.com/a"], "DefaultRedirectURI": "https://example.com/b"}),
        INVALID,
        "The default redirect URI https://example.com/b is not in the callback URIs list.",
        json!({"CallbackURLs": ["https://example.com/a"], "DefaultRedirectURI": "https://example.com/a"}),
    );
    for member in ["CallbackURLs", "LogoutURLs"] {
        for (bad, good) in [
            ("http://example.com", "https://example.com"),
            ("http://localhost.example.com", "http://localhost:3000/cb"),
            ("http://127.0.0.10/cb", "http://127.0.0.1/cb"),
            ("http://[::2]/cb", "http://[::1]:80/cb"),
            ("http://myapp", "myapp://"),
        ] {
            create("plain HTTP is for this machine").refuses(
                json!({member: [bad]}),
                INVALID,
                &format!("{bad} cannot use the HTTP protocol."),
                json!({member: [good]}),
            );
        }
        create("no fragments").refuses(
            json!({member: ["https://example.com/cb#frag"]}),
            INVALID,
            "https://example.com/cb#frag cannot use fragment",
            json!({member: ["https://example.com/cb?frag"]}),
        );
    }
}

#[test]
fn a_confidential_client_has_one_or_two_secrets() {
    rule("public clients have none", "AddUserPoolClientSecret").refuses(
        json!({"ClientId": "$PUBLIC"}),
        INVALID,
        "The app client has no client secret. Secrets can be added to confidential clients only.",
        json!({"ClientId": "$CLIENT"}),
    );
    rule("no third one", "AddUserPoolClientSecret")
        .after("AddUserPoolClientSecret", json!({"ClientId": "$CLIENT"}))
        .refuses(
            json!({"ClientId": "$CLIENT"}),
            "LimitExceededException",
            "The limit of 2 client secrets has been reached.",
            // Another client is not concerned.
            json!({"ClientId": "$OTHER", "ClientSecret": "c".repeat(24)}),
        );
}

#[test]
fn resource_servers_follow_the_rules() {
    let server = |identifier: &str, scope: &str| json!({"Identifier": identifier, "Name": "api", "Scopes": [{"ScopeName": scope, "ScopeDescription": "d"}]});
    rule("identifiers are unique", "CreateResourceServer")
        .after("CreateResourceServer", server("api", "read"))
        .refuses(
            server("api", "write"),
            INVALID,
            "api already exists in user pool $POOL.",
            server("api2", "write"),
        );
    for operation in [
        "UpdateResourceServer",
        "DescribeResourceServer",
        "DeleteResourceServer",
    ] {
        rule("what is changed exists", operation)
            .after("CreateResourceServer", server("api", "read"))
            .refuses(
                server("other", "read"),
                "ResourceNotFoundException",
                "Resource server other does not exist.",
                server("api", "read"),
            );
    }
    let world = World::new();
    let pool = world.pool(&json!({}));
    for (bad, good) in [
        (server("my api", "read"), server("my-api", "read")),
        (server("a\"b", "read"), server("a'b", "read")),
        (server("api3", "read/all"), server("api3", "read:all")),
    ] {
        let with_pool = |mut request: Value| {
            request["UserPoolId"] = json!(pool);
            request
        };
        let error = world.refused("CreateResourceServer", &with_pool(bad));
        assert_eq!(error.code, INVALID);
        assert!(
            error.message.contains("regular expression pattern"),
            "{error}"
        );
        world.done("CreateResourceServer", &with_pool(good));
    }
    for number in 0..22 {
        let mut request = server(&format!("more{number}"), "read");
        request["UserPoolId"] = json!(pool);
        world.done("CreateResourceServer", &request);
    }
    let mut request = server("one-too-many", "read");
    request["UserPoolId"] = json!(pool);
    assert_eq!(
        world.refused("CreateResourceServer", &request).code,
        "LimitExceededException"
    );
}

#[test]
fn groups_follow_the_rules() {
    let role = |account: &str| format!("arn:aws:iam::{account}:role/r");
    rule("names are unique", "CreateGroup")
        .after("CreateGroup", json!({"GroupName": "admins"}))
        .refuses(
            json!({"GroupName": "admins"}),
            "GroupExistsException",
            "A group with the name already exists.",
            json!({"GroupName": "Admins"}),
        );
    for operation in ["CreateGroup", "UpdateGroup"] {
        let rule = || {
            let rule = rule("a group's settings", operation);
            if operation == "UpdateGroup" {
                rule.after("CreateGroup", json!({"GroupName": "g"}))
            } else {
                rule
            }
        };
        rule().refuses(
            json!({"GroupName": "g", "RoleArn": role("111111111111")}),
            INVALID,
            "Cross-account pass role is not allowed.",
            json!({"GroupName": "g", "RoleArn": role(ACCOUNT)}),
        );
        rule().refuses(
            json!({"GroupName": "g", "Precedence": 2_147_483_648_i64}),
            INVALID,
            "Precedence must not be greater than 2147483647.",
            json!({"GroupName": "g", "Precedence": 2_147_483_647}),
        );
    }
    for operation in ["GetGroup", "UpdateGroup", "DeleteGroup"] {
        rule("the group exists", operation)
            .after("CreateGroup", json!({"GroupName": "g"}))
            .refuses(
                json!({"GroupName": "h"}),
                "ResourceNotFoundException",
                "Group not found.",
                json!({"GroupName": "g"}),
            );
    }
}
