//! What is shown of app clients, secrets, resource servers and groups, and what an update leaves of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{World, id};
use crate::config::{Config, Unmeasured};

#[test]
fn a_client_of_a_name_alone_has_the_defaults() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let client_id = world.client(&pool, &json!({}));
    let client = world.done(
        "DescribeUserPoolClient",
        &json!({"UserPoolId": pool, "ClientId": client_id}),
    )["UserPoolClient"]
        .clone();
    assert_eq!(client_id.len(), 26);
    for (member, expected) in [
        ("ClientName", json!("client")),
        ("UserPoolId", json!(pool)),
        ("ClientId", json!(client_id)),
        ("RefreshTokenValidity", json!(30)),
        ("EnableTokenRevocation", json!(true)),
        ("AllowedOAuthFlowsUserPoolClient", json!(false)),
        ("AuthSessionValidity", json!(3)),
        ("ClientType", json!("REGULAR")),
    ] {
        assert_eq!(client[member], expected, "{member}");
    }
    for absent in [
        "ClientSecret",
        "ReadAttributes",
        "WriteAttributes",
        "GenerateSecret",
        "ExplicitAuthFlows",
        "PreventUserExistenceErrors",
        "AccessTokenValidity",
        "IdTokenValidity",
        "TokenValidityUnits",
    ] {
        assert_eq!(client.get(absent), None, "{absent}");
    }
}

#[test]
fn what_a_client_is_given_is_kept_to_the_letter() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let given = json!({
        "ExplicitAuthFlows": [],
        "EnableTokenRevocation": false,
        "ReadAttributes": [],
        "WriteAttributes": ["email"],
        "RefreshTokenValidity": 0,
        "TokenValidityUnits": {"RefreshToken": "hours"},
        "MemberOfNextYear": "kept",
    });
    let client_id = world.client(&pool, &given);
    let client = world.done(
        "DescribeUserPoolClient",
        &json!({"UserPoolId": pool, "ClientId": client_id}),
    )["UserPoolClient"]
        .clone();
    for member in [
        "ExplicitAuthFlows",
        "EnableTokenRevocation",
        "ReadAttributes",
        "WriteAttributes",
        "MemberOfNextYear",
    ] {
        assert_eq!(client[member], given[member], "{member}");
    }
    assert_eq!(client["RefreshTokenValidity"], 30);
    assert_eq!(client["TokenValidityUnits"]["RefreshToken"], "days");
}

#[test]
fn lists_of_clients_and_scopes_come_back_sorted() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let scopes = json!([
        {"ScopeName": "write", "ScopeDescription": "a"}, {"ScopeName": "read", "ScopeDescription": "b"},
    ]);
    let server = json!({"UserPoolId": pool, "Identifier": "api", "Name": "api", "Scopes": scopes});
    world.done("CreateResourceServer", &server);
    let listed = world.done(
        "ListResourceServers",
        &json!({"UserPoolId": pool, "MaxResults": 50}),
    );
    assert_eq!(
        listed["ResourceServers"][0]["Scopes"][0]["ScopeName"],
        "read"
    );
    let client_id = world.client(
        &pool,
        &json!({
            "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"],
            "AllowedOAuthScopes": ["openid", "api/write", "api/read"],
            "CallbackURLs": ["https://b.example.com", "https://a.example.com"],
        }),
    );
    let key = json!({"UserPoolId": pool, "ClientId": client_id});
    let client = world.done("DescribeUserPoolClient", &key)["UserPoolClient"].clone();
    for (member, sorted) in [
        (
            "ExplicitAuthFlows",
            json!(["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]),
        ),
        (
            "AllowedOAuthScopes",
            json!(["api/read", "api/write", "openid"]),
        ),
        (
            "CallbackURLs",
            json!(["https://a.example.com", "https://b.example.com"]),
        ),
    ] {
        assert_eq!(client[member], sorted, "{member}");
    }
}

#[test]
fn generated_secrets_are_unique_and_have_52_characters() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let secrets: BTreeSet<String> = (0..5)
        .map(|_| {
            let request = json!({"UserPoolId": pool, "ClientName": "c", "GenerateSecret": true});
            id(&world.done("CreateUserPoolClient", &request)["UserPoolClient"]["ClientSecret"])
        })
        .collect();
    assert_eq!(secrets.len(), 5);
    assert!(secrets.iter().all(|secret| secret.len() == 52));
}

#[test]
fn a_second_secret_is_shown_only_when_it_is_generated_and_lists_show_none() {
    for later_secret_is_shown in [false, true] {
        let unmeasured = Unmeasured {
            later_secret_is_shown,
            ..Unmeasured::default()
        };
        let world = World::with(Config {
            unmeasured,
            ..Config::default()
        });
        a_second_secret(&world, later_secret_is_shown);
    }
}

fn a_second_secret(world: &World, later_secret_is_shown: bool) {
    let pool = world.pool(&json!({}));
    let client_id = world.client(&pool, &json!({"GenerateSecret": true}));
    let key = json!({"UserPoolId": pool, "ClientId": client_id});
    let with = |member: &str, value: &Value| {
        let mut request = key.clone();
        request[member] = value.clone();
        request
    };
    let first =
        world.done("DescribeUserPoolClient", &key)["UserPoolClient"]["ClientSecret"].clone();
    let supplied = json!("s".repeat(30));
    let added = world.done("AddUserPoolClientSecret", &with("ClientSecret", &supplied))["ClientSecretDescriptor"].clone();
    assert_eq!(added.get("ClientSecretValue"), None);
    let added_id = id(&added["ClientSecretId"]);
    assert!(added_id.starts_with(&format!("{client_id}--")));
    let listed = world.done("ListUserPoolClientSecrets", &key)["ClientSecrets"].clone();
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 2);
    assert_ne!(listed[0]["ClientSecretId"], listed[1]["ClientSecretId"]);
    assert!(
        listed
            .iter()
            .all(|secret| secret.get("ClientSecretValue").is_none())
    );
    assert_eq!(
        world.done("DescribeUserPoolClient", &key)["UserPoolClient"]["ClientSecret"],
        first
    );

    let old = listed[0]["ClientSecretId"].clone();
    world.done("DeleteUserPoolClientSecret", &with("ClientSecretId", &old));
    let shown =
        world.done("DescribeUserPoolClient", &key)["UserPoolClient"]["ClientSecret"].clone();
    let expected = if later_secret_is_shown {
        supplied
    } else {
        Value::Null
    };
    assert_eq!(shown, expected);
    let listed = world.done("ListUserPoolClientSecrets", &key)["ClientSecrets"].clone();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let error = world.refused("DeleteUserPoolClientSecret", &with("ClientSecretId", &old));
    assert_eq!(error.code, "ResourceNotFoundException");
    let error = world.refused(
        "DeleteUserPoolClientSecret",
        &with("ClientSecretId", &json!(added_id)),
    );
    assert_eq!(error.code, "InvalidParameterException");
    assert_eq!(
        error.message,
        "The last client secret of an app client cannot be deleted."
    );
    let generated = world.done("AddUserPoolClientSecret", &key)["ClientSecretDescriptor"].clone();
    assert_eq!(id(&generated["ClientSecretValue"]).len(), 52);
}

#[test]
fn clients_are_listed_by_id_and_name_and_their_end_takes_what_is_theirs() {
    let world = World::new();
    let pool = world.pool(&json!({"UserPoolTier": "PLUS"}));
    let first = world.client(&pool, &json!({}));
    let second = world.client(&pool, &json!({}));
    let listed = world.done(
        "ListUserPoolClients",
        &json!({"UserPoolId": pool, "MaxResults": 60}),
    );
    let expected: BTreeSet<&String> = [&first, &second].into();
    let clients = listed["UserPoolClients"].as_array().expect("a list");
    assert_eq!(
        clients
            .iter()
            .map(|client| id(&client["ClientId"]))
            .collect::<Vec<_>>(),
        expected.into_iter().cloned().collect::<Vec<_>>()
    );
    assert_eq!(clients[0].as_object().expect("an object").len(), 3);
    let registered = json!({"UserPoolId": pool, "ClientType": "DCR"});
    assert_eq!(
        world.done("ListUserPoolClients", &registered)["UserPoolClients"],
        json!([])
    );

    let of_first = |mut request: Value| {
        request["UserPoolId"] = json!(pool);
        request["ClientId"] = json!(first);
        request
    };
    world.done(
        "CreateManagedLoginBranding",
        &of_first(json!({"UseCognitoProvidedValues": true})),
    );
    world.done(
        "CreateTerms",
        &of_first(
            json!({"TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE", "Links": {"cognito:default": "https://example.com"}}),
        ),
    );
    world.done("DeleteUserPoolClient", &of_first(json!({})));
    assert_eq!(
        world.done("ListTerms", &json!({"UserPoolId": pool}))["Terms"],
        json!([])
    );
    for operation in [
        "DescribeUserPoolClient",
        "DeleteUserPoolClient",
        "UpdateUserPoolClient",
        "DescribeManagedLoginBrandingByClient",
    ] {
        let error = world.refused(operation, &of_first(json!({})));
        assert_eq!(error.code, "ResourceNotFoundException", "{operation}");
    }
}

#[test]
fn an_update_of_a_resource_server_replaces_it() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let key = json!({"UserPoolId": pool, "Identifier": "api"});
    let mut server = key.clone();
    server["Name"] = json!("api");
    server["Scopes"] = json!([{"ScopeName": "read", "ScopeDescription": "read"}]);
    world.done("CreateResourceServer", &server);
    assert_eq!(
        world.done("ListResourceServers", &key),
        json!({"ResourceServers": [server]})
    );
    world.done(
        "UpdateResourceServer",
        &json!({"UserPoolId": pool, "Identifier": "api", "Name": "renamed"}),
    );
    let after = world.done("DescribeResourceServer", &key)["ResourceServer"].clone();
    assert_eq!(
        after,
        json!({"UserPoolId": pool, "Identifier": "api", "Name": "renamed", "Scopes": []})
    );
    let most = world.refused(
        "ListResourceServers",
        &json!({"UserPoolId": pool, "MaxResults": 51}),
    );
    assert_eq!(most.code, "InvalidParameterException");
}

#[test]
fn dynamic_registration_brings_a_resource_server_that_is_left_alone() {
    let world = World::new();
    let enabled = |status: &str| json!({"DcrConfiguration": {"EnableStatus": status}});
    let pool = world.pool(&enabled("Enabled"));
    let listed = |pool: &str| {
        world.done("ListResourceServers", &json!({"UserPoolId": pool}))["ResourceServers"].clone()
    };
    assert_eq!(listed(&world.pool(&enabled("Disabled"))), json!([]));
    let mut server = listed(&pool)[0].clone();
    assert_eq!(server["ManagedBy"], "COGNITO");
    assert_eq!(server["Scopes"][0]["ScopeName"], "register");
    for operation in [
        "UpdateResourceServer",
        "DeleteResourceServer",
        "CreateResourceServer",
    ] {
        let error = world.refused(operation, &server);
        assert_eq!(
            error.message,
            "The resource server is managed by Amazon Cognito."
        );
    }
    server["Identifier"] = json!("mine");
    world.done("CreateResourceServer", &server);
    let mine = world.done("DescribeResourceServer", &server)["ResourceServer"].clone();
    assert_eq!(mine.get("ManagedBy"), None);
    world.done("DeleteResourceServer", &server);
}

#[test]
fn a_client_that_registered_itself_has_no_secret_operations() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let client = world.client(&pool, &json!({"GenerateSecret": true}));
    for client in world
        .service
        .state()
        .regions_mut()
        .flat_map(|(_, _, region)| region.pools.values_mut())
        .flat_map(|pool| pool.clients.values_mut())
    {
        client
            .document
            .insert("ClientType".to_owned(), json!("DCR"));
    }
    let request = json!({"UserPoolId": pool, "ClientId": client, "ClientSecretId": "x"});
    for operation in [
        "AddUserPoolClientSecret",
        "ListUserPoolClientSecrets",
        "DeleteUserPoolClientSecret",
    ] {
        let error = world.refused(operation, &request);
        assert_eq!(
            error.message,
            "Client secret operations are not supported for app clients of dynamic client registration."
        );
    }
}

#[test]
fn what_is_described_of_a_client_makes_the_same_client_again() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let original = world.client(
        &pool,
        &json!({
            "GenerateSecret": true,
            "WriteAttributes": ["email"],
            "AllowedOAuthFlows": ["code"],
            "AllowedOAuthScopes": ["openid"],
            "AllowedOAuthFlowsUserPoolClient": true,
            "CallbackURLs": ["https://example.com"],
            "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 5},
        }),
    );
    let described = |client: &str| {
        let key = json!({"UserPoolId": pool, "ClientId": client});
        world.done("DescribeUserPoolClient", &key)["UserPoolClient"].clone()
    };
    let first = described(&original);
    let second = world.done("CreateUserPoolClient", &first)["UserPoolClient"].clone();
    assert_ne!(second["ClientId"], first["ClientId"]);
    for (member, value) in first.as_object().expect("an object") {
        if !["ClientId", "CreationDate", "LastModifiedDate"].contains(&member.as_str()) {
            assert_eq!(&second[member], value, "{member}");
        }
    }
}

#[test]
fn an_update_of_a_group_keeps_what_it_leaves_out() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    world.done(
        "CreateGroup",
        &json!({"UserPoolId": pool, "GroupName": "g", "Description": "d", "Precedence": 0}),
    );
    world.done(
        "UpdateGroup",
        &json!({"UserPoolId": pool, "GroupName": "g", "Precedence": 5}),
    );
    let group =
        world.done("GetGroup", &json!({"UserPoolId": pool, "GroupName": "g"}))["Group"].clone();
    assert_eq!(group["Description"], "d");
    assert_eq!(group["Precedence"], 5);
    assert_eq!(group["UserPoolId"], json!(pool));
    assert_eq!(
        world.done("ListGroups", &json!({"UserPoolId": pool}))["Groups"],
        json!([group])
    );
}

#[test]
fn more_than_60_groups_come_in_pages() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    for number in 0..61 {
        world.done(
            "CreateGroup",
            &json!({"UserPoolId": pool, "GroupName": format!("g{number}")}),
        );
    }
    let first = world.done("ListGroups", &json!({"UserPoolId": pool, "Limit": 0}));
    assert_eq!(first["Groups"].as_array().expect("a list").len(), 60);
    let rest = world.done(
        "ListGroups",
        &json!({"UserPoolId": pool, "NextToken": first["NextToken"]}),
    );
    assert_eq!(rest["Groups"].as_array().expect("a list").len(), 1);
    assert_eq!(rest.get("NextToken"), None);
}
