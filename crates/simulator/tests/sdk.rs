//! The real SDK client talks to the simulator.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use aws_sdk_cognitoidentityprovider::types::{AttributeType, MessageActionType, UserStatusType};
use serde_json::json;
use simulator::{Fault, Faults, GeneratorConfig, Simulator, SimulatorHandle, When};

fn client(simulator: &SimulatorHandle, region: &'static str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(region))
        .credentials_provider(Credentials::new(
            "AKIAEXAMPLE",
            "secret",
            None,
            None,
            "test",
        ))
        .endpoint_url(simulator.endpoint())
        .build();
    Client::from_conf(config)
}

fn start() -> SimulatorHandle {
    Simulator::start(simulator::Config::default()).expect("a free port")
}

#[tokio::test]
async fn users_are_created_read_and_refused_through_the_sdk() {
    let simulator = start();
    let pool = simulator.seed("eu-west-1", &json!({})).expect("a pool");
    let client = client(&simulator, "eu-west-1");
    let create = || {
        let email = AttributeType::builder()
            .name("email")
            .value("ada@example.com")
            .build()
            .expect("an attribute");
        client
            .admin_create_user()
            .user_pool_id(&pool)
            .username("ada")
            .message_action(MessageActionType::Suppress)
            .user_attributes(email)
            .send()
    };
    let created = create().await.expect("a user").user.expect("a user");
    assert_eq!(
        created.user_status(),
        Some(&UserStatusType::ForceChangePassword)
    );
    assert!(created.user_create_date().expect("a date").secs() > 1_700_000_000);
    let refusal = create()
        .await
        .expect_err("the user exists")
        .into_service_error();
    assert!(refusal.is_username_exists_exception());
    assert_eq!(refusal.message(), Some("User account already exists"));
    let read = client
        .admin_get_user()
        .user_pool_id(&pool)
        .username("ada")
        .send()
        .await
        .expect("a user");
    assert!(read.enabled());
    let elsewhere = self::client(&simulator, "us-west-2")
        .admin_get_user()
        .user_pool_id(&pool)
        .username("ada")
        .send()
        .await;
    assert!(
        elsewhere
            .expect_err("another Region")
            .into_service_error()
            .is_resource_not_found_exception()
    );
}

#[tokio::test]
async fn the_sdk_pages_through_a_pool_and_lives_through_throttling() {
    let simulator = start();
    let pool = simulator
        .generate("eu-west-1", &GeneratorConfig::nasty(150))
        .expect("a pool");
    simulator.set_faults(Faults::one("ListUsers", When::Nth(2), Fault::Throttle));
    let mut pages = client(&simulator, "eu-west-1")
        .list_users()
        .user_pool_id(&pool)
        .into_paginator()
        .items()
        .send();
    let mut subs = std::collections::BTreeSet::new();
    while let Some(user) = pages.next().await {
        let user = user.expect("a user");
        subs.extend(
            user.attributes()
                .iter()
                .filter(|attribute| attribute.name() == "sub")
                .map(|sub| sub.value().map(str::to_owned)),
        );
    }
    assert_eq!(subs.len(), 150);
    assert_eq!(simulator.evidence().throttles["ListUsers"], 1);
}
