//! Pools beside one another, and what keeps them from changing: listed, tagged, replicated, limited, kept apart.

use std::collections::BTreeSet;

use serde_json::json;

use super::{ACCOUNT, REGION, World, id};

#[test]
fn tags_are_added_changed_and_removed() {
    let world = World::new();
    let pool_id = world.pool(&json!({"UserPoolTags": {"a": "1", "b": "2"}}));
    let arn = world.described(&pool_id)["Arn"].clone();
    world.done(
        "TagResource",
        &json!({"ResourceArn": arn, "Tags": {"b": "3", "c": "4"}}),
    );
    world.done(
        "UntagResource",
        &json!({"ResourceArn": arn, "TagKeys": ["a", "z"]}),
    );
    let expected = json!({"b": "3", "c": "4"});
    assert_eq!(
        world.done("ListTagsForResource", &json!({"ResourceArn": arn})),
        json!({"Tags": expected})
    );
    assert_eq!(world.described(&pool_id)["UserPoolTags"], expected);
}

#[test]
fn pools_are_listed_in_pages_for_their_account_and_region_only() {
    let world = World::new();
    let mut created: BTreeSet<String> = (0..5).map(|_| world.pool(&json!({}))).collect();
    let request = json!({"PoolName": "elsewhere"});
    world
        .call_as(ACCOUNT, "eu-west-1", "CreateUserPool", &request)
        .expect("a pool");
    world
        .call_as("111111111111", REGION, "CreateUserPool", &request)
        .expect("a pool");
    let mut request = json!({"MaxResults": 2});
    let mut pages = 0;
    loop {
        let page = world.done("ListUserPools", &request);
        for pool in page["UserPools"].as_array().expect("a list") {
            assert_eq!(pool["LambdaConfig"], json!({}));
            assert!(created.remove(&id(&pool["Id"])), "a pool is listed once");
        }
        pages += 1;
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(created, BTreeSet::new());
    let stolen = json!({"MaxResults": 2, "NextToken": request["NextToken"]});
    for (region, request) in [
        ("eu-west-1", stolen),
        (REGION, json!({"MaxResults": 2, "NextToken": "made-up"})),
    ] {
        let error = world
            .call_as(ACCOUNT, region, "ListUserPools", &request)
            .expect_err("a refusal");
        assert_eq!(error.code, "InvalidParameterException");
        assert_eq!(error.message, "Invalid pagination token.");
    }
}

#[test]
fn a_pool_exists_in_its_own_region_and_account_only() {
    let world = World::new();
    let request = json!({"UserPoolId": world.pool(&json!({}))});
    for (account, region) in [(ACCOUNT, "eu-west-1"), ("111111111111", REGION)] {
        let error = world
            .call_as(account, region, "DescribeUserPool", &request)
            .expect_err("a refusal");
        assert_eq!(error.code, "ResourceNotFoundException");
    }
}

#[test]
fn replicas_are_listed_a_secondary_refuses_writes_and_none_are_made() {
    let world = World::new();
    let pool_id = world.pool(&json!({}));
    let request = json!({"UserPoolId": pool_id});
    assert_eq!(
        world.done("ListUserPoolReplicas", &request),
        json!({"UserPoolReplicas": []})
    );
    let error = world.refused(
        "CreateUserPoolReplica",
        &json!({"UserPoolId": pool_id, "RegionName": "eu-west-1"}),
    );
    assert_eq!(error.code, "NotImplementedException");
    assert!(error.message.contains("CreateUserPoolReplica"));
    let replica = json!({"RegionName": REGION, "Role": "SECONDARY", "Status": "ACTIVE"});
    {
        let mut state = world.service.state();
        for (_, _, region) in state.regions_mut() {
            for pool in region.pools.values_mut() {
                pool.replicas = vec![replica.clone()];
            }
        }
    }
    assert_eq!(
        world.done("ListUserPoolReplicas", &request),
        json!({"UserPoolReplicas": [replica]})
    );
    let error = world.refused(
        "CreateGroup",
        &json!({"UserPoolId": pool_id, "GroupName": "g"}),
    );
    assert_eq!(error.code, "OperationNotEnabledException");
    world.done("UpdateUserPool", &request);
}

#[test]
fn each_pool_has_a_signing_certificate_of_its_own() {
    let world = World::new();
    let certificate = || {
        let request = json!({"UserPoolId": world.pool(&json!({}))});
        let certificate = world.done("GetSigningCertificate", &request);
        assert_eq!(certificate, world.done("GetSigningCertificate", &request));
        id(&certificate["Certificate"])
    };
    assert_ne!(certificate(), certificate());
}

#[test]
fn resources_of_a_pool_are_limited() {
    let request = |operation: &str, pool: &str, client: &str, number: usize| match operation {
        "CreateUserPool" => json!({"PoolName": "p"}),
        "CreateUserPoolClient" => json!({"UserPoolId": pool, "ClientName": "c"}),
        "CreateGroup" => json!({"UserPoolId": pool, "GroupName": format!("g{number}")}),
        "CreateIdentityProvider" => {
            let details = json!({"MetadataURL": "https://idp.example.com"});
            json!({"UserPoolId": pool, "ProviderName": format!("idp{number}"), "ProviderType": "SAML", "ProviderDetails": details})
        }
        "CreateManagedLoginBranding" => {
            json!({"UserPoolId": pool, "ClientId": client, "UseCognitoProvidedValues": true})
        }
        _ => {
            let name = ["terms-of-use", "privacy-policy"][number % 2];
            json!({"UserPoolId": pool, "ClientId": client, "TermsName": name, "TermsSource": "LINK", "Enforcement": "NONE", "Links": {"cognito:default": "https://example.com"}})
        }
    };
    for (operation, limit) in [
        // The pool of the test is one.
        ("CreateUserPool", 999),
        ("CreateUserPoolClient", 1_000),
        ("CreateGroup", 10_000),
        ("CreateIdentityProvider", 300),
        ("CreateManagedLoginBranding", 20),
        ("CreateTerms", 40),
    ] {
        let world = World::new();
        let pool = world.pool(&json!({}));
        let mut client = String::new();
        for number in 0..=limit {
            let has_client = operation == "CreateManagedLoginBranding"
                || operation == "CreateTerms" && number % 2 == 0;
            if has_client {
                client = world.client(&pool, &json!({}));
            }
            let request = request(operation, &pool, &client, number);
            if number < limit {
                world.done(operation, &request);
            } else {
                let error = world.refused(operation, &request);
                assert_eq!(error.code, "LimitExceededException", "{operation}: {error}");
            }
        }
    }
}

#[test]
fn a_pool_with_a_running_import_job_keeps_its_configuration() {
    let world = World::new();
    let pool = world.pool(&json!({"AutoVerifiedAttributes": ["email"]}));
    let header = world.done("GetCSVHeader", &json!({"UserPoolId": pool}))["CSVHeader"].clone();
    let header = header.as_array().expect("names");
    let header: Vec<String> = header.iter().map(id).collect();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/import");
    let request = json!({"UserPoolId": pool, "JobName": "job", "CloudWatchLogsRoleArn": role});
    let job = world.done("CreateUserImportJob", &request)["UserImportJob"].clone();
    let (job_id, url) = (id(&job["JobId"]), id(&job["PreSignedUrl"]));
    let token = url
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("X-Amz-Signature="))
        .expect("a signature");
    let file = bytes::Bytes::from(header.join(","));
    world
        .service
        .with_effects(|state, now, _| {
            crate::user::import::upload(state, now, &pool, &job_id, token, Some("aws:kms"), &file)
        })
        .expect("an upload");
    let key = json!({"UserPoolId": pool, "JobId": job_id});
    let changes = [
        (
            "AddCustomAttributes",
            json!({"UserPoolId": pool, "CustomAttributes": [{"Name": "x"}]}),
        ),
        (
            "UpdateUserPool",
            json!({"UserPoolId": pool, "AutoVerifiedAttributes": ["email"]}),
        ),
        ("DeleteUserPool", json!({"UserPoolId": pool})),
    ];
    world.done("StartUserImportJob", &key);
    for (operation, request) in &changes {
        let error = world.refused(operation, request);
        assert_eq!(error.code, "UserImportInProgressException", "{operation}");
    }
    for _ in 0..10 {
        world.advance(std::time::Duration::from_secs(60));
        world.done("DescribeUserImportJob", &key);
    }
    for (operation, request) in &changes {
        world.done(operation, request);
    }
}
