//! Every action of AWS that the restore Lambda takes. A test holds its role against these lists.

use cognito::Operation;

const OWN: &[Operation] = &[
    Operation::AddCustomAttributes,
    Operation::CreateGroup,
    Operation::CreateIdentityProvider,
    Operation::CreateManagedLoginBranding,
    Operation::CreateResourceServer,
    Operation::CreateTerms,
    Operation::CreateUserPool,
    Operation::CreateUserPoolClient,
    Operation::CreateUserPoolDomain,
    Operation::DescribeIdentityProvider,
    Operation::DescribeManagedLoginBrandingByClient,
    Operation::DescribeUserPool,
    Operation::DescribeUserPoolClient,
    Operation::DescribeUserPoolDomain,
    Operation::ListGroups,
    Operation::ListIdentityProviders,
    Operation::ListResourceServers,
    Operation::ListUserPoolClients,
    Operation::ListUserPools,
    Operation::SetLogDeliveryConfiguration,
    Operation::SetRiskConfiguration,
    Operation::SetUICustomization,
    Operation::SetUserPoolClientSessionConfiguration,
    Operation::SetUserPoolMfaConfig,
    Operation::SetUserPoolSessionConfiguration,
    Operation::TagResource,
    Operation::UpdateGroup,
    Operation::UpdateManagedLoginBranding,
    Operation::UpdateUserPool,
    Operation::UpdateUserPoolClient,
];

const LISTS: [&[Operation]; 4] = [
    OWN,
    crate::users::OPERATIONS,
    crate::verify::OPERATIONS,
    crate::rehearsal::OPERATIONS,
];

const LENGTH: usize = LISTS[0].len() + LISTS[1].len() + LISTS[2].len() + LISTS[3].len();

/// Every operation of Cognito that a restore calls: settings, users, verification and the
/// removal of scratch pools. Some are
/// named twice.
pub const OPERATIONS: &[Operation] = &{
    let mut all = [Operation::DescribeUserPool; LENGTH];
    let (mut list, mut at) = (0, 0);
    while list < LISTS.len() {
        let mut index = 0;
        while index < LISTS[list].len() {
            all[at] = LISTS[list][index];
            at += 1;
            index += 1;
        }
        list += 1;
    }
    all
};

/// What the restore does beyond Cognito's API: calls of its own, and what Cognito does in the
/// caller's name when it is given a role, a key, a sender or a log destination (facts A.4, A.5,
/// A.9, A.10, A.15, A.16).
pub const OTHER_ACTIONS: &[&str] = &[
    "cloudfront:UpdateDistribution",
    "cognito-idp:AssociateWebACL",
    "cognito-idp:GetWebACLForResource",
    "firehose:TagDeliveryStream",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "kms:CreateGrant",
    "lambda:AddPermission",
    "lambda:GetAlias",
    "lambda:GetFunctionConcurrency",
    "lambda:InvokeFunction",
    "logs:CreateLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "s3:GetBucketPolicy",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3:PutObject",
    "sns:Publish",
    "wafv2:AssociateWebACL",
    "wafv2:GetWebACL",
    "wafv2:GetWebACLForResource",
    "wafv2:ListWebACLs",
];
