//! How a Lambda function reaches AWS.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use cognito::https;

use crate::variable;

/// The SDK's own, for who asks for none.
const CONNECT: Duration = Duration::from_millis(3100);

/// What the function's clients of AWS are made of: Region, credentials and endpoints from the
/// environment, where Lambda puts them.
///
/// All clients share one connector: the `connect_timeout` of `timeouts` holds for all of them,
/// 3.1 s unless given.
///
/// `aws_config::load_defaults` would also look for profiles, roles, containers and machines that
/// give credentials, none of which there is in Lambda, and all of it would be in each package.
/// Without a Region in the environment there is none here either.
pub fn sdk_config(timeouts: TimeoutConfig) -> SdkConfig {
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let credentials = EnvironmentVariableCredentialsProvider::new();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .service_config(Environment { variable })
        .http_client(https::shared_client(
            timeouts.connect_timeout().unwrap_or(CONNECT),
        ))
        .timeout_config(timeouts)
        .build()
}

/// Settings for one service, such as `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER`, or for all,
/// such as `AWS_ENDPOINT_URL`: as all AWS SDKs read them.
#[derive(Debug)]
struct Environment {
    variable: fn(&str) -> Option<String>,
}

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        (self.variable)(&format!("{}_{service}", key.env())).or_else(|| (self.variable)(key.env()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_for_one_service_goes_before_that_for_all() {
        let environment = Environment {
            variable: |name| match name {
                "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".to_owned()),
                "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER" => {
                    Some("http://127.0.0.1:2".to_owned())
                }
                _ => None,
            },
        };
        let endpoint = |service| {
            let key = ServiceConfigKey::builder()
                .service_id(service)
                .env("AWS_ENDPOINT_URL")
                .profile("endpoint_url");
            environment.load_config(key.build().expect("a whole key"))
        };
        for (service, expected) in [
            ("Cognito Identity Provider", "http://127.0.0.1:2"),
            ("S3", "http://127.0.0.1:1"),
        ] {
            assert_eq!(endpoint(service).as_deref(), Some(expected), "{service}");
        }
    }
}
