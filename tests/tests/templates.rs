//! What the templates promise beside roles and state machines.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU64;

use end_to_end::evaluate::{self, Place};
use end_to_end::template;
use model::request::{RemovalRequest, ScheduledRehearsal};
use serde_json::{Value, json};

fn resource<'a>(template: &'a Value, name: &str) -> &'a Value {
    let resource = &template["Resources"][name]["Properties"];
    assert!(resource.is_object(), "there is no {name}");
    resource
}

#[test]
fn both_buckets_are_versioned_closed_and_end_old_things() {
    for (name, bucket, policy) in [
        (
            template::PRIMARY,
            "CognitoBackupBucket",
            "CognitoBackupBucketPolicy",
        ),
        (
            template::DR,
            "CognitoBackupDRBucket",
            "CognitoBackupDRBucketPolicy",
        ),
    ] {
        let template = template::read(name).unwrap();
        let properties = resource(&template, bucket);
        assert_eq!(properties["VersioningConfiguration"]["Status"], "Enabled");
        let closed = properties["PublicAccessBlockConfiguration"]
            .as_object()
            .unwrap();
        assert!(
            closed.len() == 4 && closed.values().all(|value| value == true),
            "{bucket}"
        );
        let rules = properties["LifecycleConfiguration"]["Rules"]
            .as_array()
            .unwrap();
        let some = |pointer: &str| rules.iter().find_map(|rule| rule.pointer(pointer)).cloned();
        assert_eq!(
            some("/AbortIncompleteMultipartUpload/DaysAfterInitiation"),
            Some(json!(2)),
            "{bucket}"
        );
        let denial = &resource(&template, policy)["PolicyDocument"]["Statement"][0];
        assert_eq!(denial["Effect"], "Deny");
        assert_eq!(denial["Condition"]["Bool"]["aws:SecureTransport"], "false");
    }
}

/// The delay must outlast the interval in which the queue drops duplicates: what is dropped then
/// happened before the backup begins.
#[test]
fn a_burst_of_created_users_is_one_backup_and_misses_none() {
    let template = template::read(template::PRIMARY).unwrap();
    let queue = resource(&template, "CognitoUserCreatedQueue");
    assert_eq!(queue["ContentBasedDeduplication"], true);
    let deduplication_seconds = 300;
    assert!(queue["DelaySeconds"].as_u64().unwrap() > deduplication_seconds);
    let function = resource(&template, "CognitoBackupLambda");
    assert!(queue["VisibilityTimeout"].as_u64() > function["Timeout"].as_u64());
    let target = &resource(&template, "CognitoUserCreatedRule")["Targets"][0];
    assert_eq!(
        target["InputTransformer"]["InputTemplate"],
        r#"{"user_pool_id": <pool>}"#
    );
}

/// What the rules of the DR stack send for rehearsals, as deployed with these parameters.
fn rehearsal_input(rule: &str, parameters: &[(&'static str, &str)]) -> Option<Value> {
    let template = template::read(template::DR).unwrap();
    let parameters = parameters.iter();
    let place = Place {
        partition: "aws",
        region: "us-west-2",
        parameters: parameters
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
    };
    let resources = evaluate::resources(&template, &place);
    let input = &resources[rule]["Properties"]["Targets"][0]["Input"];
    input
        .as_str()
        .map(|input| serde_json::from_str(input).unwrap())
}

#[test]
fn standby_pools_follow_what_arrives_where_they_are_named() {
    let template = template::read(template::DR).unwrap();
    for (pools, is_on) in [("", false), ("us-east-1_A=us-west-2_B", true)] {
        let place = Place {
            partition: "aws",
            region: "us-west-2",
            parameters: [("StandbyPools", pools.to_owned())].into(),
        };
        let resources = evaluate::resources(&template, &place);
        let rule = &resources["CognitoStandbyRule"]["Properties"];
        assert_eq!(rule.is_object(), is_on);
        let bucket = &resources["CognitoBackupDRBucket"]["Properties"];
        assert_eq!(bucket["NotificationConfiguration"].is_object(), is_on);
        let variables =
            &resources["ManualDRTriggerLambda"]["Properties"]["Environment"]["Variables"];
        assert_eq!(variables["STANDBY_POOLS"], pools);
    }
}

#[test]
fn rehearsals_are_off_unless_pools_are_named_and_their_rest_is_always_removed() {
    let pools = ("RehearsalUserPoolIds", "us-east-1_A,us-east-1_B");
    let start = |parameters: &[_]| rehearsal_input("CognitoRehearsalSchedule", parameters);
    assert_eq!(start(&[]), None);
    for (sample, expected) in [("0", None), ("500", NonZeroU64::new(500))] {
        let input = start(&[pools, ("RehearsalSample", sample)]).unwrap();
        let scheduled = ScheduledRehearsal::from_event(&input).unwrap().unwrap();
        assert_eq!(scheduled.user_pool_ids.len(), 2);
        assert_eq!(scheduled.rehearsal.sample, expected);
    }
    for (parameters, named) in [(&[][..], 0), (&[pools], 2)] {
        let input = rehearsal_input("CognitoRehearsalSweep", parameters).unwrap();
        let removal = RemovalRequest::from_event(&input).unwrap().unwrap();
        assert_eq!(removal.user_pool_ids.len(), named);
    }
    let template = template::read(template::DR).unwrap();
    let rule = resource(&template, "CognitoRehearsalEndedRule");
    let input = rule["Targets"][0]["InputTransformer"]["InputTemplate"]
        .as_str()
        .unwrap()
        .replace("<name>", "\"rehearsal-1\"")
        .replace("<status>", "\"ABORTED\"");
    let input = serde_json::from_str(&input).unwrap();
    assert!(RemovalRequest::from_event(&input).unwrap().is_some());
}

#[test]
fn every_parameter_is_described_and_used() {
    for name in [template::PRIMARY, template::DR] {
        let template = template::read(name).unwrap();
        let rest = json!([
            template["Resources"],
            template["Conditions"],
            template["Rules"],
            template["Globals"],
            template["Outputs"]
        ])
        .to_string();
        for (parameter, properties) in template["Parameters"].as_object().unwrap() {
            assert!(
                properties["Description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 10),
                "{name} {parameter}"
            );
            let used = rest.contains(&format!(r#"{{"Ref":"{parameter}"}}"#))
                || rest.contains(&format!("${{{parameter}}}"));
            assert!(used, "{name} {parameter}");
        }
    }
}

#[test]
fn what_the_reference_names_is_there() {
    let template = template::read(template::PRIMARY).unwrap();
    for parameter in [
        "Environment",
        "UserPoolIds",
        "BackupSchedule",
        "DRRegion",
        "DRBucketArn",
    ] {
        assert!(template["Parameters"][parameter].is_object(), "{parameter}");
    }
    for output in ["BackupBucketName", "BackupLambdaArn", "MetadataTableName"] {
        assert!(
            template["Outputs"][output]["Export"].is_object(),
            "{output}"
        );
    }
    let template = template::read(template::DR).unwrap();
    for parameter in ["Environment", "PrimaryAccountId", "NotificationEmail"] {
        assert!(template["Parameters"][parameter].is_object(), "{parameter}");
    }
    for output in [
        "RestoreLambdaArn",
        "DRBucketName",
        "DRBucketArn",
        "NotificationTopicArn",
        "StateMachineArn",
        "ManualDRTriggerArn",
    ] {
        assert!(
            template["Outputs"][output]["Export"].is_object(),
            "{output}"
        );
    }
}

/// With `Retain`, a first creation that fails would leave what has a fixed name, and the second
/// would find the name taken.
#[test]
fn what_outlives_its_stack_does_not_outlive_a_creation_that_fails() {
    let mut retained = Vec::new();
    for name in [template::PRIMARY, template::DR] {
        let template = template::read(name).unwrap();
        for (resource, properties) in template["Resources"].as_object().unwrap() {
            match properties["DeletionPolicy"].as_str() {
                Some("RetainExceptOnCreate") => retained.push(resource.clone()),
                Some("Delete") | None => {}
                other => panic!("{resource}: {other:?}"),
            }
        }
    }
    retained.sort();
    assert_eq!(
        retained,
        [
            "CognitoBackupBucket",
            "CognitoBackupDRBucket",
            "CognitoBackupDRKey",
            "CognitoBackupKey",
            "CognitoBackupMetadata",
            "CognitoSecretsKey"
        ]
    );
}

/// CreateGroup asks for `iam:PassRole` without saying which service gets the role (facts 0.1): a
/// condition that insists on it denies.
#[test]
fn roles_are_handed_to_cognito_also_where_it_is_not_said_to_whom() {
    let template = template::read(template::DR).unwrap();
    let policies = &template["Resources"]["CognitoRestoreLambdaRole"]["Properties"]["Policies"];
    let statements = policies[0]["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap();
    let passing: Vec<&Value> = statements
        .iter()
        .filter(|statement| statement["Action"] == "iam:PassRole")
        .collect();
    assert!(!passing.is_empty());
    for statement in passing {
        assert_eq!(
            statement["Condition"],
            json!({"StringEqualsIfExists": {"iam:PassedToService": "cognito-idp.amazonaws.com"}})
        );
    }
}

/// Characters of an event pattern (facts 0.1).
const LARGEST_PATTERN: usize = 2_048;
/// Bytes of a function's environment (facts G.1).
const LARGEST_ENVIRONMENT: usize = 4_096;
/// Characters of all policies in a role, blanks not counted (IAM quotas).
const LARGEST_POLICIES: usize = 10_240;
/// The same of a managed policy.
const LARGEST_MANAGED_POLICY: usize = 6_144;
/// Bytes of a parameter of a stack (CloudFormation quotas).
const LARGEST_PARAMETER: usize = 4_096;

fn without_blanks(value: &Value) -> usize {
    let text = value.to_string();
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .count()
}

fn fits(name: &str, resources: &Value) -> Result<(), String> {
    for (id, resource) in resources.as_object().unwrap() {
        let properties = &resource["Properties"];
        let managed = match resource["Type"] == template::MANAGED_POLICY {
            true => without_blanks(&properties["PolicyDocument"]),
            false => 0,
        };
        let sizes = [
            (managed, LARGEST_MANAGED_POLICY),
            (without_blanks(&properties["EventPattern"]), LARGEST_PATTERN),
            (
                properties["Policies"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|policy| without_blanks(&policy["PolicyDocument"]))
                    .sum(),
                LARGEST_POLICIES,
            ),
            (
                properties["Environment"]["Variables"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| name.len() + value.to_string().len())
                    .sum(),
                LARGEST_ENVIRONMENT,
            ),
        ];
        for (size, limit) in sizes {
            if size > limit {
                return Err(format!("{name} {id}: {size} of {limit}"));
            }
        }
    }
    Ok(())
}

/// The stack for a list of pools, in the partition and Region with the longest names.
fn fits_with(name: &str, parameter: &'static str, pools: &str) -> Result<(), String> {
    assert!(pools.len() <= LARGEST_PARAMETER);
    let template = template::read(name).unwrap();
    let place = Place {
        partition: "aws-us-gov",
        region: "ap-southeast-1",
        parameters: [
            (parameter, pools.to_owned()),
            ("Environment", "e".repeat(20)),
            (
                "SecretsKeyArn",
                format!(
                    "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{}",
                    "1".repeat(36)
                ),
            ),
            ("RestoreCustomDomains", "true".to_owned()),
            ("RestoreLogDelivery", "true".to_owned()),
        ]
        .into(),
    };
    fits(name, &evaluate::resources(&template, &place))
}

fn ids(count: usize) -> String {
    let ids: Vec<String> = (0..count)
        .map(|number| format!("ap-southeast-1_{number:09}"))
        .collect();
    ids.join(",")
}

#[test]
fn the_templates_hold_as_many_pools_as_their_parameters_say_and_all_by_a_star() {
    for (name, parameter) in [
        (template::PRIMARY, "UserPoolIds"),
        (template::DR, "ExistingUserPoolIds"),
    ] {
        let template = template::read(name).unwrap();
        let description = template["Parameters"][parameter]["Description"]
            .as_str()
            .unwrap();
        let (_, limit) = description.split_once("up to ").unwrap();
        let limit = limit.split(' ').next().unwrap().parse().unwrap();
        fits_with(name, parameter, &ids(limit)).unwrap();
        // However many there are.
        fits_with(name, parameter, "*").unwrap();
        let patterns: String = template::resources(&template, "AWS::Events::Rule")
            .map(|(_, rule)| rule["Properties"]["EventPattern"].to_string())
            .collect();
        assert!(
            !patterns.contains(parameter),
            "a pattern would grow with the pools"
        );
    }
    // The check can tell: a hundred more is too many.
    let error = fits_with(template::PRIMARY, "UserPoolIds", &ids(160)).unwrap_err();
    assert!(error.contains("CognitoBackup"), "{error}");
}
