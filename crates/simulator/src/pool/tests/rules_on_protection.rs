//! Threat protection, logs, sessions.

use serde_json::{Value, json};

use super::{ACCOUNT, INVALID, REGION, World, rule};

const NOT_FOUND: &str = "ResourceNotFoundException";

#[test]
fn threat_protection_needs_plus_and_valid_addresses() {
    let exceptions =
        |range: &str| json!({"RiskExceptionConfiguration": {"BlockedIPRangeList": [range]}});
    for operation in ["SetRiskConfiguration", "DescribeRiskConfiguration"] {
        for tier in ["LITE", "ESSENTIALS"] {
            let world = World::new();
            let pool = world.pool(&json!({"UserPoolTier": tier}));
            let error = world.refused(operation, &json!({"UserPoolId": pool}));
            assert_eq!(error.code, "UserPoolAddOnNotEnabledException");
        }
        let world = World::new();
        let pool = world.pool(&json!({"UserPoolTier": "PLUS"}));
        world.done(operation, &json!({"UserPoolId": pool}));
    }
    let set = |name| rule(name, "SetRiskConfiguration").in_pool(json!({"UserPoolTier": "PLUS"}));
    for (bad, good) in [
        ("10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.0/33", "10.0.0.0/8"),
        ("10.0.0/8", "2001:db8::/32"),
        ("2001:db8::/129", "2001:db8::/128"),
    ] {
        set("ranges are CIDR").refuses(
            exceptions(bad),
            INVALID,
            "Incorrect CIDR format",
            exceptions(good),
        );
    }
    let takeover = |region: &str| json!({"AccountTakeoverRiskConfiguration": {"Actions": {}, "NotifyConfiguration": {"SourceArn": format!("arn:aws:ses:{region}:{ACCOUNT}:identity/a@example.com")}}});
    set("notices come from a Region for e-mail").refuses(
        takeover("eu-central-1"),
        INVALID,
        "Invalid NotifyConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: eu-west-1, us-east-1, us-west-2.",
        takeover("us-west-2"),
    );
    set("the client exists").refuses(
        json!({"ClientId": "nobody"}),
        NOT_FOUND,
        "User pool client nobody does not exist.",
        json!({"ClientId": "$CLIENT"}),
    );
}

#[test]
fn logs_are_delivered_where_they_may_be() {
    let group = |region: &str, account: &str| json!({"LogGroupArn": format!("arn:aws:logs:{region}:{account}:log-group:g")});
    let notification = json!({"LogLevel": "ERROR", "EventSource": "userNotification", "CloudWatchLogsConfiguration": group(REGION, ACCOUNT)});
    let events = json!({"LogLevel": "INFO", "EventSource": "userAuthEvents", "S3Configuration": {"BucketArn": "arn:aws:s3:::bucket"}});
    let set =
        |name| rule(name, "SetLogDeliveryConfiguration").in_pool(json!({"UserPoolTier": "PLUS"}));
    let logs = |list: &[&Value]| json!({"LogConfigurations": list});
    let changed = |configuration: &Value, member: &str, value: Value| {
        let mut changed = configuration.clone();
        changed[member] = value;
        changed
    };
    set("a source has one destination in all").refuses(
        logs(&[&notification, &notification]),
        INVALID,
        "Following event sources appear more then once in a request",
        logs(&[&notification, &events]),
    );
    rule("events need Plus", "SetLogDeliveryConfiguration").refuses(
        logs(&[&events]),
        "FeatureUnavailableInTierException",
        "The following feature is not available for the ESSENTIALS pricing tier configured: Log Streaming",
        logs(&[&notification]),
    );
    for (region, account, text) in [
        (
            "eu-west-1",
            ACCOUNT,
            "Invalid LogGroupArn. ARN does not belong to current region.",
        ),
        (
            REGION,
            "111111111111",
            "Invalid LogGroupArn. ARN does not belong to invoking account.",
        ),
        (
            "eu-west-1",
            "111111111111",
            "Invalid LogGroupArn. ARN does not belong to invoking account. ARN does not belong to current region.",
        ),
    ] {
        set("a log group is of this account and Region").refuses(
            logs(&[&changed(
                &notification,
                "CloudWatchLogsConfiguration",
                group(region, account),
            )]),
            INVALID,
            text,
            logs(&[&notification]),
        );
    }
    set("a source has its level").refuses(
        logs(&[&changed(&notification, "LogLevel", json!("INFO"))]),
        INVALID,
        "The log level of the event source userNotification must be ERROR.",
        logs(&[&notification]),
    );
    set("a source has a destination").refuses(
        logs(&[&json!({"LogLevel": "INFO", "EventSource": "userAuthEvents"})]),
        INVALID,
        "The event source userAuthEvents needs one destination.",
        logs(&[&events]),
    );
    set("notifications go to CloudWatch").refuses(
        logs(&[&json!({"LogLevel": "ERROR", "EventSource": "userNotification", "S3Configuration": {"BucketArn": "arn:aws:s3:::bucket"}})]),
        INVALID,
        "The event source userNotification can be delivered to CloudWatch Logs only.",
        logs(&[&notification]),
    );
}

#[test]
fn session_configuration_needs_essentials() {
    let text = "The following feature is not available for the LITE pricing tier configured: Session Management";
    for (operation, request) in [
        (
            "SetUserPoolSessionConfiguration",
            json!({"UserSessionTracking": "ENABLED", "TokenSession": {"MaxPerUser": 5}}),
        ),
        (
            "SetUserPoolClientSessionConfiguration",
            json!({"ClientId": "", "SSOSession": {"MaxValidityMinutes": 5}}),
        ),
    ] {
        for (tier, is_accepted) in [("LITE", false), ("ESSENTIALS", true)] {
            let world = World::new();
            let pool = world.pool(&json!({"UserPoolTier": tier}));
            let mut request = request.clone();
            request["UserPoolId"] = json!(pool);
            if request.get("ClientId").is_some() {
                request["ClientId"] = json!(world.client(&pool, &json!({})));
            }
            let result = world.call(operation, &request);
            match result {
                Ok(answer) => {
                    assert!(is_accepted, "{operation} was accepted in {tier}");
                    assert_eq!(answer, request);
                }
                Err(error) => {
                    assert!(!is_accepted, "{operation}: {error}");
                    assert_eq!(error.code, "FeatureUnavailableInTierException");
                    assert_eq!(error.message, text);
                }
            }
        }
    }
}
