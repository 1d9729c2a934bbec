//! The real SDK client makes a pool's configuration and reads it back.

use std::io::{Read, Write};
use std::net::TcpStream;

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use aws_sdk_cognitoidentityprovider::primitives::Blob;
use aws_sdk_cognitoidentityprovider::types::{
    AssetCategoryType, AssetExtensionType, AssetType, AttributeDataType, ColorSchemeModeType,
    DomainStatusType, IdentityProviderTypeType, OAuthFlowType, ResourceServerScopeType,
    SchemaAttributeType, UserPoolTierType,
};
use aws_smithy_types::Document;
use simulator::{Simulator, SimulatorHandle};

fn client(simulator: &SimulatorHandle) -> Client {
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials)
        .endpoint_url(simulator.endpoint())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_pool_and_its_app_client_go_in_and_come_out() {
    let simulator = Simulator::start(simulator::Config::default()).expect("a free port");
    let client = client(&simulator);
    let attribute = SchemaAttributeType::builder()
        .name("plan")
        .attribute_data_type(AttributeDataType::String)
        .build();
    let created = client
        .create_user_pool()
        .pool_name("pool")
        .schema(attribute)
        .send()
        .await
        .expect("a pool");
    let pool = created
        .user_pool()
        .and_then(|pool| pool.id())
        .expect("an id");
    assert!(pool.starts_with("eu-central-1_"));
    let scope = ResourceServerScopeType::builder()
        .scope_name("read")
        .scope_description("read")
        .build()
        .expect("a scope");
    client
        .create_resource_server()
        .user_pool_id(pool)
        .identifier("https://api")
        .name("api")
        .scopes(scope)
        .send()
        .await
        .expect("a resource server");
    client
        .create_identity_provider()
        .user_pool_id(pool)
        .provider_name("Mine")
        .provider_type(IdentityProviderTypeType::Saml)
        .provider_details("MetadataURL", "https://idp.example.com/metadata")
        .send()
        .await
        .expect("an identity provider");
    let app = |scope: &str| {
        client
            .create_user_pool_client()
            .user_pool_id(pool)
            .client_name("app")
            .client_secret("A+secret_of_the_operators_choice")
            .supported_identity_providers("Mine")
            .allowed_o_auth_flows_user_pool_client(true)
            .allowed_o_auth_flows(OAuthFlowType::ClientCredentials)
            .allowed_o_auth_scopes(scope)
            .send()
    };
    let refusal = app("https://api/write")
        .await
        .expect_err("an unknown scope")
        .into_service_error();
    assert!(refusal.is_scope_does_not_exist_exception());
    assert_eq!(
        refusal.message(),
        Some("Invalid scope requested: https://api/write")
    );
    let app = app("https://api/read").await.expect("a client");
    let app = app.user_pool_client().expect("a client");
    assert_eq!(
        app.client_secret(),
        Some("A+secret_of_the_operators_choice")
    );
    let described = client
        .describe_user_pool()
        .user_pool_id(pool)
        .send()
        .await
        .expect("a description");
    let described = described.user_pool().expect("a pool");
    assert_eq!(
        described.user_pool_tier(),
        Some(&UserPoolTierType::Essentials)
    );
    assert!(described.creation_date().expect("a date").secs() > 1_700_000_000);
    let names: Vec<_> = described
        .schema_attributes()
        .iter()
        .filter_map(|attribute| attribute.name())
        .collect();
    assert!(names.contains(&"custom:plan") && names.contains(&"identities"));
    assert_eq!(names.len(), 22);
}

#[tokio::test]
async fn pages_of_both_kinds_go_in_and_come_out_with_their_images() {
    let simulator = Simulator::start(simulator::Config::default()).expect("a free port");
    let client = client(&simulator);
    let created = client
        .create_user_pool()
        .pool_name("pool")
        .send()
        .await
        .expect("a pool");
    let pool = created
        .user_pool()
        .and_then(|pool| pool.id())
        .expect("an id");
    let app = client
        .create_user_pool_client()
        .user_pool_id(pool)
        .client_name("app")
        .send()
        .await
        .expect("a client");
    let app = app
        .user_pool_client()
        .and_then(|client| client.client_id())
        .expect("an id");
    client
        .create_user_pool_domain()
        .user_pool_id(pool)
        .domain("login")
        .send()
        .await
        .expect("a domain");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let domain = client.describe_user_pool_domain().domain("login").send();
        let domain = domain.await.expect("a description");
        statuses.extend(
            domain
                .domain_description()
                .and_then(|domain| domain.status().cloned()),
        );
    }
    assert_eq!(statuses.first(), Some(&DomainStatusType::Creating));
    assert_eq!(statuses.last(), Some(&DomainStatusType::Active));

    let logo = b"\x89PNG and more".to_vec();
    client
        .set_ui_customization()
        .user_pool_id(pool)
        .image_file(Blob::new(logo.clone()))
        .send()
        .await
        .expect("a customization");
    let shown = client
        .get_ui_customization()
        .user_pool_id(pool)
        .client_id(app);
    let shown = shown.send().await.expect("a customization");
    let url = shown
        .ui_customization()
        .and_then(|ui| ui.image_url())
        .expect("a logo");
    assert_eq!(fetched(url), logo);

    let settings = Document::Object(
        [
            ("text".to_owned(), Document::from("a")),
            ("whole".to_owned(), Document::from(1_u64)),
            ("none".to_owned(), Document::Null),
        ]
        .into(),
    );
    let asset = AssetType::builder()
        .category(AssetCategoryType::FormLogo)
        .color_mode(ColorSchemeModeType::Light)
        .extension(AssetExtensionType::Png)
        .bytes(Blob::new(logo.clone()))
        .build()
        .expect("an asset");
    client
        .create_managed_login_branding()
        .user_pool_id(pool)
        .client_id(app)
        .settings(settings.clone())
        .assets(asset)
        .send()
        .await
        .expect("a style");
    let style = client
        .describe_managed_login_branding_by_client()
        .user_pool_id(pool)
        .client_id(app)
        .send()
        .await
        .expect("a style");
    let style = style.managed_login_branding().expect("a style");
    assert_eq!(style.settings(), Some(&settings));
    let bytes = style.assets().first().and_then(|asset| asset.bytes());
    assert_eq!(bytes.map(AsRef::as_ref), Some(logo.as_slice()));
}

/// The body at a URL of the simulator.
fn fetched(url: &str) -> Vec<u8> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("a URL with a path");
    let mut stream = TcpStream::connect(host).expect("a connection");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("the end of the headers");
    let headers = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(headers.contains("content-type: image/png"), "{headers}");
    answer.split_off(end + 4)
}
