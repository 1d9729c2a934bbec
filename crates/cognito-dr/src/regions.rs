//! The Regions that have Amazon Cognito user pools: for a choice, and for `--all-regions`.
//!
//! AWS tells of Regions only by services that few may call. One that is missing here works all
//! the same when it is named; one that an account has not enabled refuses, and that is shown.

/// Regions of the partition `aws`, by AWS's list of endpoints of Cognito user pools.
const AWS: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
];

/// Regions of the partition `aws-us-gov`.
const AWS_US_GOV: &[&str] = &["us-gov-east-1", "us-gov-west-1"];

/// The Regions of the partition that `region` lies in: credentials of one partition are none in
/// another.
pub(crate) fn of_the_partition_of(region: Option<&str>) -> &'static [&'static str] {
    match region {
        Some(region) if region.starts_with("us-gov-") => AWS_US_GOV,
        _ => AWS,
    }
}
