//! The account that is asked, in two Regions.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use cognito::{Cognito, Pace};

/// One of the two Regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where pools are backed up.
    Primary,
    /// Where they are restored.
    Dr,
}

/// What the operator gave.
#[derive(Debug, Clone)]
pub struct Given {
    /// Roles and users of IAM may be made.
    pub iam: bool,
    /// Questions that take more than an hour are asked, too.
    pub long: bool,
    /// What `cargo xtask package` wrote, for the stacks that are deployed.
    pub packages: Option<PathBuf>,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            iam: true,
            long: false,
            packages: None,
        }
    }
}

/// How long a real account is left alone.
const QUIET_TIME: Duration = Duration::from_secs(10);

/// Configurations of the same account and Region.
#[derive(Debug, Clone, Copy)]
pub struct Configs<'c> {
    /// For Cognito, which in tests has another endpoint.
    pub cognito: &'c SdkConfig,
    /// For all other services.
    pub others: &'c SdkConfig,
}

impl<'c> From<&'c SdkConfig> for Configs<'c> {
    fn from(config: &'c SdkConfig) -> Self {
        let (cognito, others) = (config, config);
        Self { cognito, others }
    }
}

/// Clients of one Region.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Cognito, at a small part of the quotas.
    pub cognito: Cognito,
    /// Cognito, as fast as it will go.
    pub unpaced: Cognito,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// WAF.
    pub waf: aws_sdk_wafv2::Client,
    /// CloudFormation.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// Step Functions.
    pub step_functions: aws_sdk_sfn::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    config_of_cognito: SdkConfig,
    config_of_others: SdkConfig,
}

/// Clients of somebody who may do little.
#[derive(Debug, Clone)]
pub struct Restricted {
    /// Cognito.
    pub cognito: Cognito,
    /// S3.
    pub s3: aws_sdk_s3::Client,
}

impl Region {
    fn new(configs: Configs<'_>, pace: Pace) -> Self {
        let unpaced = Cognito::new(configs.cognito, Pace::unlimited());
        let cognito = Cognito::new(configs.cognito, pace);
        Self {
            name: cognito.region().to_owned(),
            cognito,
            unpaced,
            s3: aws_sdk_s3::Client::new(configs.others),
            waf: aws_sdk_wafv2::Client::new(configs.others),
            cloudformation: aws_sdk_cloudformation::Client::new(configs.others),
            lambda: aws_sdk_lambda::Client::new(configs.others),
            step_functions: aws_sdk_sfn::Client::new(configs.others),
            dynamodb: aws_sdk_dynamodb::Client::new(configs.others),
            config_of_cognito: configs.cognito.clone(),
            config_of_others: configs.others.clone(),
        }
    }

    /// Where CloudFormation finds an object of a bucket.
    pub(crate) fn address_of(&self, bucket: &str, key: &str) -> String {
        match self.config_of_others.endpoint_url() {
            Some(endpoint) => format!("{endpoint}/{bucket}/{key}"),
            None => format!("https://{bucket}.s3.{}.amazonaws.com/{key}", self.name),
        }
    }

    /// The same Region for the holder of another key.
    pub(crate) fn restricted(&self, key: &str, secret: &str) -> Restricted {
        let credentials = Credentials::new(key, secret, None, None, "first-day");
        let provider = SharedCredentialsProvider::new(credentials);
        let with = |config: &SdkConfig| {
            let builder = config.clone().into_builder();
            builder.credentials_provider(provider.clone()).build()
        };
        Restricted {
            cognito: Cognito::new(&with(&self.config_of_cognito), Pace::share_of_quotas(1.0)),
            s3: aws_sdk_s3::Client::new(&with(&self.config_of_others)),
        }
    }
}

/// An account in two Regions.
#[derive(Debug, Clone)]
pub struct Account {
    /// Where pools are backed up.
    pub primary: Region,
    /// Where they are restored.
    pub dr: Region,
    /// IAM, which has no Regions.
    pub iam: aws_sdk_iam::Client,
    /// How long the service needs until it shows, or forgets, what happened: waited before a burst
    /// is measured, and before something is looked for whose creation was never answered. IAM is
    /// given six times as long.
    pub quiet_time: Duration,
}

impl Account {
    /// Clients over the credentials and Regions of the configurations.
    pub fn new<'c>(
        primary: impl Into<Configs<'c>>,
        dr: impl Into<Configs<'c>>,
        pace: Pace,
    ) -> Self {
        let (primary, dr) = (primary.into(), dr.into());
        Self {
            iam: aws_sdk_iam::Client::new(primary.others),
            primary: Region::new(primary, pace.clone()),
            dr: Region::new(dr, pace),
            quiet_time: QUIET_TIME,
        }
    }

    /// The clients of a Region.
    pub fn on(&self, side: Side) -> &Region {
        match side {
            Side::Primary => &self.primary,
            Side::Dr => &self.dr,
        }
    }

    /// The clients of a Region by its name.
    pub fn named(&self, region: &str) -> Option<&Region> {
        [&self.primary, &self.dr]
            .into_iter()
            .find(|known| known.name == region)
    }
}

/// What placeholders in an expectation stand for.
pub(crate) fn fill(text: &str, values: &HashMap<&'static str, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}
