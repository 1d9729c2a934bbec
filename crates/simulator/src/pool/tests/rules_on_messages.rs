//! Triggers, keys, e-mail, SMS and templates: CreateUserPool and UpdateUserPool share the rules.

use serde_json::{Value, json};

use super::{ACCOUNT, INVALID, REGION, Rule, rule};

fn function(region: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT}:function:f")
}

/// The rule on creation and on update.
fn both(name: &'static str) -> [Rule; 2] {
    [rule(name, "CreateUserPool"), rule(name, "UpdateUserPool")]
}

#[test]
fn triggers_and_keys_are_of_the_pools_region_and_complete() {
    let here = function(REGION);
    let there = function("eu-west-1");
    let cross_region = "Cross-region lambda functions are not supported";
    let key = |region: &str| format!("arn:aws:kms:{region}:{ACCOUNT}:key/k");
    let config = |config: Value| json!({"LambdaConfig": config});
    for rule in both("functions are of the pool's Region") {
        rule.refuses(
            config(json!({"PreSignUp": there})),
            INVALID,
            cross_region,
            config(json!({"PreSignUp": here})),
        );
        rule.refuses(
            config(json!({"InboundFederation": {"LambdaVersion": "V1_0", "LambdaArn": there}})),
            INVALID,
            cross_region,
            config(json!({"InboundFederation": {"LambdaVersion": "V1_0", "LambdaArn": here}})),
        );
        rule.refuses(
            config(json!({"CustomMessage": there.replace(ACCOUNT, "111111111111")})),
            INVALID,
            cross_region,
            config(json!({"CustomMessage": here.replace(ACCOUNT, "111111111111")})),
        );
    }
    for rule in both("the token trigger is one function") {
        let versioned = json!({"LambdaVersion": "V1_0", "LambdaArn": here});
        rule.refuses(
            config(json!({"PreTokenGeneration": format!("{here}2"), "PreTokenGenerationConfig": versioned})),
            INVALID,
            "Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's",
            config(json!({"PreTokenGeneration": here, "PreTokenGenerationConfig": versioned})),
        );
    }
    for sender in ["CustomSMSSender", "CustomEmailSender"] {
        let version = json!({"LambdaVersion": "V1_0", "LambdaArn": here});
        for rule in both("custom senders have a key") {
            rule.refuses(
                config(json!({sender: version})),
                INVALID,
                "KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used.",
                config(json!({sender: version, "KMSKeyID": key(REGION)})),
            );
            rule.refuses(
                config(json!({sender: version, "KMSKeyID": key("ap-northeast-1")})),
                INVALID,
                "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn ap-northeast-1",
                config(json!({sender: version, "KMSKeyID": key(REGION)})),
            );
        }
    }
    for rule in both("the pool's key is complete and of its Region") {
        let accepted = json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key(REGION)}});
        rule.refuses(
            json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY"}}),
            INVALID,
            "KmsKeyArn is required when KeyType is CUSTOMER_MANAGED_KEY.",
            json!({"KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"}}),
        );
        rule.refuses(
            json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key("eu-west-1")}}),
            INVALID,
            "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn eu-west-1",
            accepted,
        );
    }
}

#[test]
fn mail_is_sent_from_an_identity_that_may_be_used() {
    let identity = |region: &str| format!("arn:aws:ses:{region}:{ACCOUNT}:identity/a@example.com");
    let email = |email: Value| json!({"EmailConfiguration": email});
    let own =
        |region: &str| json!({"EmailSendingAccount": "DEVELOPER", "SourceArn": identity(region)});
    for rule in both("an own sender has an identity") {
        rule.refuses(
            email(json!({"EmailSendingAccount": "DEVELOPER"})),
            INVALID,
            "Source ARN is required to use DEVELOPER email sending owner",
            email(own(REGION)),
        );
    }
    let not_authorized =
        format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/not-authorized.example.com");
    for rule in both("the default sender uses an identity that lets it") {
        rule.refuses(
            email(json!({"EmailSendingAccount": "COGNITO_DEFAULT", "SourceArn": not_authorized})),
            INVALID,
            "Cognito is not allowed to use your email identity",
            email(json!({"EmailSendingAccount": "COGNITO_DEFAULT", "SourceArn": identity(REGION)})),
        );
    }
    let of_another_account = |name: &str| json!({"EmailSendingAccount": "DEVELOPER", "SourceArn": format!("arn:aws:ses:{REGION}:444455556666:identity/{name}")});
    for rule in both("an identity of another account lets it") {
        rule.refuses(
            email(of_another_account("a@example.com")),
            INVALID,
            "Cognito is not allowed to use your email identity",
            email(of_another_account("shared.example.com")),
        );
    }
    for rule in both("the identity is of a Region for e-mail") {
        rule.refuses(
            email(own("eu-central-1")),
            INVALID,
            "Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: eu-west-1, us-east-1, us-west-2.",
            email(own("eu-west-1")),
        );
    }
    for (bad, good) in [
        ("Example", "Example <a@example.com>"),
        ("Example a@example.com>", "a@example.com"),
        ("a@", "a@example.com"),
    ] {
        for rule in both("From is an address") {
            let mut refused = own(REGION);
            refused["From"] = json!(bad);
            let mut accepted = own(REGION);
            accepted["From"] = json!(good);
            rule.refuses(
                email(refused),
                INVALID,
                "Provided From email address is invalid",
                email(accepted),
            );
        }
    }
}

#[test]
fn texts_are_sent_with_a_role_and_from_a_region_that_may_be_used() {
    let role = |account: &str, name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let sms = |sms: Value| json!({"SmsConfiguration": sms});
    let good = sms(json!({"SnsCallerArn": role(ACCOUNT, "sms"), "SnsRegion": REGION}));
    for (name, bad, code, text) in [
        (
            "the role is of the account",
            json!({"SnsCallerArn": role("111111111111", "sms")}),
            INVALID,
            "Cross-account pass role is not allowed.",
        ),
        (
            "the Region is the pool's",
            json!({"SnsCallerArn": role(ACCOUNT, "sms"), "SnsRegion": "eu-west-1"}),
            INVALID,
            "Invalid snsRegion. Allowed SNS region for us-east-1 is us-east-1",
        ),
        (
            "the role is trusted",
            json!({"SnsCallerArn": role(ACCOUNT, "untrusted")}),
            "InvalidSmsRoleTrustRelationshipException",
            "Role does not have a trust relationship allowing Cognito to assume the role",
        ),
        (
            "the role may publish",
            json!({"SnsCallerArn": role(ACCOUNT, "no-sns-publish")}),
            "InvalidSmsRoleAccessPolicyException",
            "Role does not have permission to publish with SNS",
        ),
        (
            "there is a role",
            json!({"ExternalId": "x"}),
            INVALID,
            "SnsCallerArn or EumsSms is required in SmsConfiguration.",
        ),
        (
            "there is one role",
            json!({"SnsCallerArn": role(ACCOUNT, "sms"), "EumsSms": {"CallerArn": role(ACCOUNT, "sms")}}),
            INVALID,
            "Only one of SnsCallerArn or EumsSms can be set in SmsConfiguration.",
        ),
        (
            "the messaging Region is the pool's",
            json!({"EumsSms": {"CallerArn": role(ACCOUNT, "sms"), "Region": "eu-west-1"}}),
            INVALID,
            "Invalid EumsSms.Region. It must be the Region of the user pool, us-east-1",
        ),
    ] {
        for rule in both(name) {
            rule.refuses(sms(bad.clone()), code, text, good.clone());
        }
        rule(name, "SetUserPoolMfaConfig").refuses(
            json!({"MfaConfiguration": "ON", "SmsMfaConfiguration": sms(bad)}),
            code,
            text,
            json!({"MfaConfiguration": "ON", "SmsMfaConfiguration": sms(json!({"EumsSms": {"CallerArn": role(ACCOUNT, "sms"), "Region": REGION}}))}),
        );
    }
}

#[test]
fn templates_have_their_placeholders() {
    for rule in both("a link has a text between its braces") {
        rule.refuses(
            json!({"VerificationMessageTemplate": {"EmailMessage": "code {####}", "EmailMessageByLink": "{####}"}}),
            INVALID,
            "The message is invalid.",
            json!({"VerificationMessageTemplate": {"EmailMessage": "code {####}", "EmailMessageByLink": "{##link##}"}}),
        );
    }
    let invitation = |member: &str, text: &str| json!({"AdminCreateUserConfig": {"InviteMessageTemplate": {member: text}}});
    for (member, bad) in [
        ("EmailMessage", "hello {username}"),
        ("EmailMessage", "hello {####}"),
        ("SMSMessage", "hello {####}"),
    ] {
        for rule in both("an invitation names user and password") {
            rule.refuses(
                invitation(member, bad),
                INVALID,
                &format!(
                    "{member} of InviteMessageTemplate must contain {{username}} and {{####}}."
                ),
                invitation(member, "hello {username} {####}"),
            );
        }
    }
    for rule in both("without passwords an invitation need not name one") {
        let mut passwordless = invitation("EmailMessage", "hello {username}");
        passwordless["Policies"] =
            json!({"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}});
        rule.refuses(
            invitation("EmailMessage", "hello {username}"),
            INVALID,
            "EmailMessage of InviteMessageTemplate must contain {username} and {####}.",
            passwordless,
        );
    }
    for (member, bad, good) in [
        ("EmailMessage", "code", "code {####}"),
        ("SmsMessage", "texts", "texts {####}"),
        ("EmailMessageByLink", "follow this", "follow {##this##}"),
    ] {
        let world = super::World::new();
        let template =
            |text: &str| json!({"PoolName": "p", "VerificationMessageTemplate": {member: text}});
        let error = world.refused("CreateUserPool", &template(bad));
        assert_eq!(error.code, INVALID);
        assert!(
            error
                .message
                .contains("Member must satisfy regular expression pattern"),
            "{error}"
        );
        world.done("CreateUserPool", &template(good));
    }
}
