//! Domains, hosted UI, managed login, terms, risk and logs: what is stored, inherited and shown.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ACCOUNT, REGION, World, id};

fn certificate() -> Value {
    json!({"CertificateArn": format!("arn:aws:acm:us-east-1:{ACCOUNT}:certificate/c")})
}

fn status(world: &World, domain: &str) -> Value {
    world.done("DescribeUserPoolDomain", &json!({"Domain": domain}))["DomainDescription"]["Status"]
        .clone()
}

#[test]
fn a_domain_is_being_created_for_a_few_descriptions_or_some_time() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    world.done(
        "CreateUserPoolDomain",
        &json!({"UserPoolId": pool, "Domain": "login"}),
    );
    assert_eq!(status(&world, "login"), "CREATING");
    assert_eq!(status(&world, "login"), "CREATING");
    assert_eq!(status(&world, "login"), "ACTIVE");
    let answer = world.done("CreateUserPoolDomain", &json!({"UserPoolId": pool, "Domain": "login.example.com", "CustomDomainConfig": certificate(), "ManagedLoginVersion": 2}));
    assert!(id(&answer["CloudFrontDomain"]).ends_with(".cloudfront.net"));
    assert_eq!(status(&world, "login.example.com"), "CREATING");
    world.advance(Duration::from_secs(301));
    assert_eq!(status(&world, "login.example.com"), "ACTIVE");
    let description = world.done(
        "DescribeUserPoolDomain",
        &json!({"Domain": "login.example.com"}),
    )["DomainDescription"]
        .clone();
    assert_eq!(description["UserPoolId"], json!(pool));
    assert_eq!(description["AWSAccountId"], ACCOUNT);
    assert_eq!(description["CustomDomainConfig"], certificate());
    assert_eq!(description["ManagedLoginVersion"], 2);
    assert_eq!(
        description["CloudFrontDistribution"],
        answer["CloudFrontDomain"]
    );
}

#[test]
fn an_unknown_domain_has_an_empty_description() {
    let world = World::new();
    let answer = world.done("DescribeUserPoolDomain", &json!({"Domain": "nobody"}));
    assert_eq!(answer, json!({"DomainDescription": {}}));
}

#[test]
fn a_prefix_is_taken_in_its_region_for_everybody_and_a_custom_domain_everywhere() {
    let world = World::new();
    let create = |account: &str, region: &str, domain: &str, is_custom: bool| {
        let pool = world
            .call_as(account, region, "CreateUserPool", &json!({"PoolName": "p"}))
            .expect("a pool");
        let mut request = json!({"UserPoolId": pool["UserPool"]["Id"], "Domain": domain});
        if is_custom {
            request["CustomDomainConfig"] = certificate();
        }
        world
            .call_as(account, region, "CreateUserPoolDomain", &request)
            .map_err(|error| error.message)
    };
    let taken = Err("Domain already associated with another user pool.".to_owned());
    assert!(create(ACCOUNT, REGION, "login", false).is_ok());
    assert_eq!(create("111111111111", REGION, "login", false), taken);
    assert!(create("111111111111", "eu-west-1", "login", false).is_ok());
    assert!(create(ACCOUNT, REGION, "login.example.com", true).is_ok());
    assert_eq!(
        create(ACCOUNT, "eu-west-1", "login.example.com", true),
        taken
    );
    for number in 0..3 {
        assert!(create(ACCOUNT, REGION, &format!("login{number}.example.com"), true).is_ok());
    }
    assert_eq!(
        create(ACCOUNT, REGION, "login4.example.com", true),
        Err("The limit of 4 custom domains has been reached.".to_owned())
    );
    assert!(create(ACCOUNT, "eu-west-1", "login4.example.com", true).is_ok());
}

#[test]
fn a_domain_that_is_deleted_is_free_again() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let request = json!({"UserPoolId": pool, "Domain": "login"});
    world.done("CreateUserPoolDomain", &request);
    world.done("DeleteUserPoolDomain", &request);
    assert_eq!(world.described(&pool).get("Domain"), None);
    world.done(
        "CreateUserPoolDomain",
        &json!({"UserPoolId": world.pool(&json!({})), "Domain": "login"}),
    );
}

#[test]
fn a_client_without_pages_of_its_own_has_the_pools() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    world.done(
        "CreateUserPoolDomain",
        &json!({"UserPoolId": pool, "Domain": "login"}),
    );
    let client = world.client(&pool, &json!({}));
    let get = |client: Option<&str>| {
        let mut request = json!({"UserPoolId": pool});
        if let Some(client) = client {
            request["ClientId"] = json!(client);
        }
        world.done("GetUICustomization", &request)["UICustomization"].clone()
    };
    assert_eq!(get(None), json!({}));
    assert_eq!(get(Some(&client)), json!({}));
    // The four bytes that PNG files begin with.
    world.done(
        "SetUICustomization",
        &json!({"UserPoolId": pool, "CSS": ".label-customizable{}", "ImageFile": "iVBORw=="}),
    );
    for shown in [get(None), get(Some("ALL")), get(Some(&client))] {
        assert_eq!(shown["ClientId"], "ALL");
        assert_eq!(shown["CSS"], ".label-customizable{}");
        assert_eq!(id(&shown["CSSVersion"]).len(), 14);
        assert_eq!(
            shown["ImageUrl"],
            json!(format!(
                "http://127.0.0.1:1/_simulator/logo/{pool}/ALL/image.png"
            ))
        );
    }
    let logo =
        |client: &str| super::super::ui_customization::logo(&world.service.state(), &pool, client);
    assert_eq!(logo("ALL"), Some(("image/png", b"\x89PNG".to_vec())));
    assert_eq!(logo(&client), None);
    world.done(
        "SetUICustomization",
        &json!({"UserPoolId": pool, "ClientId": client, "CSS": ".logo-customizable{}"}),
    );
    assert_eq!(get(Some(&client))["ClientId"], json!(client));
    assert_eq!(get(Some(&client)).get("ImageUrl"), None);
    assert_eq!(get(None)["CSS"], ".label-customizable{}");
}

#[test]
fn a_style_is_built_up_in_parts_and_merged_on_request() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let client = world.client(&pool, &json!({}));
    let asset = |mode: &str, bytes: &str| json!({"Category": "FORM_LOGO", "ColorMode": mode, "Extension": "PNG", "Bytes": bytes});
    let created = world.done(
        "CreateManagedLoginBranding",
        &json!({"UserPoolId": pool, "ClientId": client, "Settings": {"categories": {"global": {"colorSchemeMode": "DARK"}}, "ratio": 1.0, "count": 1}, "Assets": [asset("LIGHT", "AAAA")]}),
    )["ManagedLoginBranding"].clone();
    let branding = id(&created["ManagedLoginBrandingId"]);
    let key = json!({"UserPoolId": pool, "ManagedLoginBrandingId": branding});
    let mut update = key.clone();
    update["Assets"] = json!([asset("DARK", "BBBB")]);
    world.done("UpdateManagedLoginBranding", &update);
    update["Assets"] = json!([asset("LIGHT", "CCCC")]);
    world.done("UpdateManagedLoginBranding", &update);
    let by_client = json!({"UserPoolId": pool, "ClientId": client});
    let shown =
        world.done("DescribeManagedLoginBrandingByClient", &by_client)["ManagedLoginBranding"]
            .clone();
    assert_eq!(
        shown,
        world.done("DescribeManagedLoginBranding", &key)["ManagedLoginBranding"]
    );
    assert_eq!(
        shown["Settings"].to_string(),
        created["Settings"].to_string()
    );
    assert_eq!(shown["UseCognitoProvidedValues"], false);
    let bytes: Vec<String> = shown["Assets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|asset| id(&asset["Bytes"]))
        .collect();
    assert_eq!(bytes, ["BBBB", "CCCC"]);
    let mut merged = by_client.clone();
    merged["ReturnMergedResources"] = json!(true);
    let merged = world.done("DescribeManagedLoginBrandingByClient", &merged)["ManagedLoginBranding"]["Settings"].clone();
    assert_eq!(merged["categories"]["global"]["colorSchemeMode"], "DARK");
    assert!(merged["components"].is_object());
    let mut reset = key.clone();
    reset["UseCognitoProvidedValues"] = json!(true);
    let reset = world.done("UpdateManagedLoginBranding", &reset)["ManagedLoginBranding"].clone();
    assert_eq!(reset.get("Settings"), None);
    world.done("DeleteManagedLoginBranding", &key);
    assert_eq!(
        world.refused("DescribeManagedLoginBranding", &key).code,
        "ResourceNotFoundException"
    );
}

#[test]
fn terms_are_listed_in_summary_and_described_in_full() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let client = world.client(&pool, &json!({}));
    let links = json!({"cognito:default": "https://example.com", "cognito:spanish": "https://example.com/es"});
    let terms = |name: &str| json!({"UserPoolId": pool, "ClientId": client, "TermsName": name, "TermsSource": "LINK", "Enforcement": "NONE", "Links": links});
    let created = world.done("CreateTerms", &terms("terms-of-use"))["Terms"].clone();
    world.done("CreateTerms", &terms("privacy-policy"));
    let listed = world.done("ListTerms", &json!({"UserPoolId": pool}))["Terms"].clone();
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|terms| terms.get("Links").is_none()));
    let key = json!({"UserPoolId": pool, "TermsId": created["TermsId"]});
    assert_eq!(world.done("DescribeTerms", &key)["Terms"], created);
    let by_client = json!({"UserPoolId": pool, "ClientId": client, "TermsName": "terms-of-use"});
    assert_eq!(
        world.done("DescribeTermsByClient", &by_client)["Terms"],
        created
    );
    let mut update = key.clone();
    update["TermsName"] = json!("privacy-policy");
    assert_eq!(
        world.refused("UpdateTerms", &update).code,
        "TermsExistsException"
    );
    let mut update = key.clone();
    update["Links"] = json!({"cognito:default": "https://example.org"});
    let updated = world.done("UpdateTerms", &update)["Terms"].clone();
    assert_eq!(updated["Links"], update["Links"]);
    assert_eq!(updated["TermsName"], "terms-of-use");
    world.done("DeleteTerms", &key);
    assert_eq!(
        world.refused("DescribeTerms", &key).code,
        "ResourceNotFoundException"
    );
}

#[test]
fn a_client_without_a_risk_configuration_of_its_own_has_the_pools_until_it_is_set_and_after_it_is_reset()
 {
    let world = World::new();
    let pool = world.pool(&json!({"UserPoolTier": "PLUS"}));
    let client = world.client(&pool, &json!({}));
    let set = |client: Option<&str>, range: Option<&str>| {
        let mut request = json!({"UserPoolId": pool});
        if let Some(client) = client {
            request["ClientId"] = json!(client);
        }
        if let Some(range) = range {
            request["RiskExceptionConfiguration"] = json!({"SkippedIPRangeList": [range]});
        }
        world.done("SetRiskConfiguration", &request);
    };
    let shown = |client: Option<&str>| {
        let mut request = json!({"UserPoolId": pool});
        if let Some(client) = client {
            request["ClientId"] = json!(client);
        }
        world.done("DescribeRiskConfiguration", &request)["RiskConfiguration"].clone()
    };
    assert_eq!(shown(None), json!({"UserPoolId": pool}));
    set(None, Some("10.0.0.0/8"));
    assert_eq!(shown(Some(&client)), shown(None));
    assert_eq!(shown(Some(&client)).get("ClientId"), None);
    set(Some(&client), Some("192.168.0.0/16"));
    assert_eq!(shown(Some(&client))["ClientId"], json!(client));
    assert_eq!(
        shown(Some(&client))["RiskExceptionConfiguration"],
        json!({"SkippedIPRangeList": ["192.168.0.0/16"]})
    );
    set(Some(&client), None);
    assert_eq!(shown(Some(&client)), shown(None));
    set(None, None);
    assert_eq!(shown(None), json!({"UserPoolId": pool}));
}

#[test]
fn log_delivery_is_absent_until_it_is_set() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let request = json!({"UserPoolId": pool});
    assert_eq!(
        world.done("GetLogDeliveryConfiguration", &request),
        json!({})
    );
    let set = json!({"UserPoolId": pool, "LogConfigurations": [{"LogLevel": "ERROR", "EventSource": "userNotification", "CloudWatchLogsConfiguration": {"LogGroupArn": format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g")}}]});
    world.done("SetLogDeliveryConfiguration", &set);
    assert_eq!(
        world.done("GetLogDeliveryConfiguration", &request),
        json!({"LogDeliveryConfiguration": set})
    );
}

#[test]
fn session_configuration_has_defaults_until_it_is_set() {
    let world = World::new();
    let pool = world.pool(&json!({}));
    let client = world.client(&pool, &json!({}));
    let pool_key = json!({"UserPoolId": pool});
    let client_key = json!({"UserPoolId": pool, "ClientId": client});
    let of_pool = |tracking: &str, most: i64| json!({"UserPoolId": pool, "UserSessionTracking": tracking, "TokenSession": {"MaxPerUser": most}});
    let of_client = |minutes: i64| json!({"UserPoolId": pool, "ClientId": client, "SSOSession": {"MaxValidityMinutes": minutes}});
    assert_eq!(
        world.done("GetUserPoolSessionConfiguration", &pool_key),
        of_pool("DISABLED", 20)
    );
    assert_eq!(
        world.done("GetUserPoolClientSessionConfiguration", &client_key),
        of_client(60)
    );
    world.done("SetUserPoolSessionConfiguration", &of_pool("ENABLED", 3));
    world.done("SetUserPoolClientSessionConfiguration", &of_client(0));
    assert_eq!(
        world.done("GetUserPoolSessionConfiguration", &pool_key),
        of_pool("ENABLED", 3)
    );
    assert_eq!(
        world.done("GetUserPoolClientSessionConfiguration", &client_key),
        of_client(0)
    );
    for incomplete in [
        json!({"UserSessionTracking": "ENABLED"}),
        json!({"TokenSession": {"MaxPerUser": 1}}),
    ] {
        let mut request = incomplete;
        request["UserPoolId"] = json!(pool);
        assert_eq!(
            world
                .refused("SetUserPoolSessionConfiguration", &request)
                .code,
            "InvalidParameterException"
        );
    }
}
