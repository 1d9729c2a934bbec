//! AWS clients for the local stack.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};

/// The Region of the pools that are backed up.
pub const PRIMARY_REGION: &str = "us-east-1";
/// The Region that they are restored into.
pub const DR_REGION: &str = "us-west-2";

/// Clients of one Region. An access key of twelve digits is an account of the local stack.
#[derive(Debug, Clone)]
pub struct Clients {
    /// What the clients are made of.
    pub config: SdkConfig,
    /// CloudFormation.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Step Functions.
    pub step_functions: aws_sdk_sfn::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// WAF.
    pub waf: aws_sdk_wafv2::Client,
}

impl Clients {
    /// Clients for `account` in `region` at `endpoint`.
    pub fn new(endpoint: &str, account: &str, region: &'static str) -> Self {
        let credentials = Credentials::new(account, "secret", None, None, "local stack");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new(region))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            s3: aws_sdk_s3::Client::new(&config),
            step_functions: aws_sdk_sfn::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            waf: aws_sdk_wafv2::Client::new(&config),
            config,
        }
    }
}
