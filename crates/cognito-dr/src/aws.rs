//! How the command reaches AWS: as the AWS CLI does.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

use crate::arguments::GlobalOptions;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The Region that argument, environment or profile name, in this order.
pub(crate) async fn named_region(options: &GlobalOptions) -> Option<String> {
    if let Some(region) = &options.region {
        return Some(region.clone());
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(region.to_string());
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    let region = profile.build().region().await;
    region.map(|region| region.to_string())
}

/// The Region of the machine that this runs on, where AWS gave it the machine.
pub(crate) async fn region_of_this_machine() -> Option<String> {
    let region = aws_config::imds::region::ImdsRegionProvider::builder().build();
    region.region().await.map(|region| region.to_string())
}

/// What clients are made of, for `region`.
///
/// A profile that is named by argument goes before credentials in the environment, as in the AWS
/// CLI; the SDK by itself would take the environment's.
pub(crate) async fn sdk_config(options: &GlobalOptions, region: String) -> SdkConfig {
    let region = Region::new(region);
    let http_client = one_connector();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client.clone())
        .region(region.clone());
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(name) = &options.profile {
        let config = ProviderConfig::without_region()
            .with_region(Some(region))
            .with_http_client(http_client);
        let credentials = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(name)
            .build();
        loader = loader.profile_name(name).credentials_provider(credentials);
    }
    loader.load().await
}

/// One connector for all clients, made at the first request: the system's certificates are read
/// once, and not at all by a command that calls nobody.
fn one_connector() -> SharedHttpClient {
    let connector = OnceLock::new();
    http_client_fn(move |_, _| {
        let connector = connector.get_or_init(|| {
            let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT);
            let connector = Connector::builder()
                .connector_settings(settings.build())
                .proxy_config(ProxyConfig::from_env())
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build();
            SharedHttpConnector::new(connector)
        });
        connector.clone()
    })
}
