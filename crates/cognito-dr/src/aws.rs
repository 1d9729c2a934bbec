//! How the command reaches AWS: as the AWS CLI does.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use cognito::https;
use model::failure::causes;

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
    let config = ProviderConfig::default().with_http_client(https::shared_client(CONNECT));
    let provider = aws_config::imds::region::ImdsRegionProvider::builder().configure(&config);
    let region = provider.build().region().await;
    region.map(|region| region.to_string())
}

/// What clients are made of, for `region`.
///
/// A profile that is named by argument goes before credentials in the environment, as in the AWS
/// CLI; the SDK by itself would take the environment's.
pub(crate) async fn sdk_config(options: &GlobalOptions, region: String) -> SdkConfig {
    let region = Region::new(region);
    let http_client = https::shared_client(CONNECT);
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
    let config = loader.load().await;
    let Some(provider) = config.credentials_provider() else {
        return config;
    };
    let provider = SharedCredentialsProvider::new(Provider(provider));
    config.to_builder().credentials_provider(provider).build()
}

/// The SDK's provider. Where the machine's metadata service answers and refuses, as it does for a
/// container that may not ask it, there are no credentials: the SDK says that a provider failed,
/// which may pass and is waited out.
#[derive(Debug)]
struct Provider(SharedCredentialsProvider);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let provided = self.0.provide_credentials().await;
            provided.map_err(|error| match is_refused(&error) {
                true => CredentialsError::not_loaded(error),
                false => error,
            })
        })
    }

    fn fallback_on_interrupt(&self) -> Option<aws_credential_types::Credentials> {
        self.0.fallback_on_interrupt()
    }
}

/// Whether the metadata service refused, for its token or for the credentials.
fn is_refused(error: &CredentialsError) -> bool {
    causes(error).any(|cause| {
        let token = cause.downcast_ref::<SdkError<TokenError, HttpResponse>>();
        let response = match cause.downcast_ref::<ImdsError>() {
            Some(ImdsError::ErrorResponse(context)) => Some(context.response()),
            _ => token.and_then(SdkError::raw_response),
        };
        response.is_some_and(|response| response.status().is_client_error())
    })
}

/// The account that the credentials are of; empty where they do not say, as long-lived access keys
/// do not.
pub(crate) async fn account(aws: &SdkConfig) -> String {
    let Some(provider) = aws.credentials_provider() else {
        return String::new();
    };
    // Who has no credentials hears of it at the first call.
    let credentials = provider.provide_credentials().await.ok();
    let account = credentials.and_then(|credentials| credentials.account_id().cloned());
    account.map_or_else(String::new, |account| account.as_str().to_owned())
}
