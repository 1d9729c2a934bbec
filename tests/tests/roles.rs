//! The roles in the templates hold exactly the actions that the code takes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use cognito::Operation;
use end_to_end::template;
use model::inventory::ITEMS;
use serde_json::Value;

/// What Lambda itself does with the role: logs, and the queues of event sources and destinations.
const PLATFORM: &[&str] = &[
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];

/// What the backup does beside reading the pool.
const BACKUP: &[&str] = &[
    "dynamodb:PutItem",
    "s3:AbortMultipartUpload",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:PutObject",
    "states:StartExecution",
];

/// A create call with tags may be held against the tagging action, too.
const TAGGING: &str = "cognito-idp:TagResource";

/// Log delivery into a bucket would need these on any bucket; the template says what to do instead.
const NOT_GIVEN: &[&str] = &["s3:GetBucketPolicy", "s3:PutBucketPolicy"];

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn statements<'a>(template: &'a Value, role: &str) -> Vec<&'a Value> {
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = policies
        .as_array()
        .unwrap_or_else(|| panic!("{role} has no policies"));
    policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
        .collect()
}

fn allowed(template: &Value, role: &str) -> BTreeSet<String> {
    statements(template, role)
        .into_iter()
        .flat_map(|statement| list(&statement["Action"]))
        .map(str::to_owned)
        .collect()
}

fn assert_same(role: &str, allowed: &BTreeSet<String>, used: &BTreeSet<String>) {
    let missing: Vec<_> = used.difference(allowed).collect();
    let superfluous: Vec<_> = allowed.difference(used).collect();
    assert!(
        missing.is_empty(),
        "{role} lacks what the code calls: {missing:?}"
    );
    assert!(
        superfluous.is_empty(),
        "{role} allows what the code does not call: {superfluous:?}"
    );
}

fn with_platform(actions: impl IntoIterator<Item = String>, platform: &[&str]) -> BTreeSet<String> {
    actions
        .into_iter()
        .chain(platform.iter().map(|action| (*action).to_owned()))
        .collect()
}

#[test]
fn the_backup_role_allows_exactly_what_a_backup_does() {
    let template = template::read(template::PRIMARY).unwrap();
    let read = ITEMS
        .iter()
        .flat_map(|item| item.read)
        .map(|action| (*action).to_owned());
    let called = cognito::collect::OPERATIONS
        .iter()
        .map(|operation| operation.action());
    let used = with_platform(read.chain(called), &[BACKUP, PLATFORM].concat());
    assert_same(
        "CognitoBackupLambdaRole",
        &allowed(&template, "CognitoBackupLambdaRole"),
        &used,
    );
}

#[test]
fn the_restore_role_allows_exactly_what_a_restore_does() {
    let template = template::read(template::DR).unwrap();
    let called = restore::OPERATIONS
        .iter()
        .map(|operation| operation.action());
    let other = restore::operations::OTHER_ACTIONS
        .iter()
        .filter(|action| !NOT_GIVEN.contains(action))
        .map(|action| (*action).to_owned());
    let used = with_platform(
        called.chain(other).chain([TAGGING.to_owned()]),
        &PLATFORM[..2],
    );
    assert_same(
        "CognitoRestoreLambdaRole",
        &allowed(&template, "CognitoRestoreLambdaRole"),
        &used,
    );
}

#[test]
fn the_restore_does_what_the_inventory_says_it_writes() {
    let called: BTreeSet<String> = restore::OPERATIONS
        .iter()
        .map(|operation| operation.action())
        .chain(
            restore::operations::OTHER_ACTIONS
                .iter()
                .map(|action| (*action).to_owned()),
        )
        .chain([TAGGING.to_owned()])
        .collect();
    for item in ITEMS {
        for action in item.write {
            assert!(called.contains(*action), "{}: {action}", item.title);
        }
    }
}

#[test]
fn the_other_functions_may_do_what_they_do_and_no_more() {
    let template = template::read(template::DR).unwrap();
    for (role, used) in [
        (
            "FindLatestBackupRole",
            &["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"] as &[_],
        ),
        (
            "ManualDRTriggerRole",
            &[
                "states:ListExecutions",
                "states:StartExecution",
                "states:StopExecution",
            ],
        ),
    ] {
        let used = with_platform(
            used.iter().map(|action| (*action).to_owned()),
            &PLATFORM[..2],
        );
        assert_same(role, &allowed(&template, role), &used);
    }
}

/// Facts G.5: these support no other resource, and a statement that names one denies them.
#[test]
fn actions_without_a_resource_are_allowed_on_every_one() {
    for (name, role) in [
        (template::PRIMARY, "CognitoBackupLambdaRole"),
        (template::DR, "CognitoRestoreLambdaRole"),
    ] {
        let template = template::read(name).unwrap();
        for statement in statements(&template, role) {
            let without_resource = [
                Operation::CreateUserPool,
                Operation::ListUserPools,
                Operation::DescribeUserPoolDomain,
                Operation::SignUp,
            ];
            for action in list(&statement["Action"])
                .into_iter()
                .filter(|action| action.starts_with("cognito-idp:"))
            {
                let needs_all = without_resource
                    .iter()
                    .any(|operation| operation.action() == action);
                assert_eq!(statement["Resource"] == "*", needs_all, "{role}: {action}");
            }
        }
    }
}

/// Facts G.3.
#[test]
fn the_replication_role_can_replicate_and_replicates_no_deletion() {
    let template = template::read(template::PRIMARY).unwrap();
    let wanted: BTreeSet<String> = [
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        "s3:ReplicateObject",
        "s3:ReplicateTags",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(allowed(&template, "S3ReplicationRole"), wanted);
    let rule = &template["Resources"]["CognitoBackupBucket"]["Properties"]["ReplicationConfiguration"]
        ["Rules"][0];
    assert_eq!(rule["DeleteMarkerReplication"]["Status"], "Disabled");
    assert_eq!(rule["Filter"]["Prefix"], "cognito-backup/");
}
