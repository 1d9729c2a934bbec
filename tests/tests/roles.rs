//! The roles in the templates hold exactly the actions that the code takes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use cognito::{Effect, Operation};
use end_to_end::evaluate::{self, Place};
use end_to_end::template::{self, actions, statements};
use model::inventory::ITEMS;
use restore::undo;
use serde_json::{Value, json};

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
    "cognito-idp:ListUserPools",
    "dynamodb:PutItem",
    "kms:GenerateDataKey",
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "states:StartExecution",
];

/// Log delivery into a bucket would need these on any bucket; the template says what to do instead.
const NOT_GIVEN: &[&str] = &["s3:GetBucketPolicy", "s3:PutBucketPolicy"];

fn allowed(template: &Value, role: &str) -> BTreeSet<String> {
    statements(template, role)
        .into_iter()
        .flat_map(actions)
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
        .chain([&cognito::limits::OPERATION])
        .map(|operation| operation.action());
    let used = with_platform(read.chain(called), &[BACKUP, PLATFORM].concat());
    assert_same(
        "CognitoBackupLambdaRole",
        &allowed(&template, "CognitoBackupLambdaRole"),
        &used,
    );
}

#[test]
fn the_restore_role_allows_exactly_what_a_restore_and_an_undo_do() {
    let template = template::read(template::DR).unwrap();
    let called = undo::OPERATIONS
        .iter()
        .chain(restore::standby::OWN)
        .filter(|operation| !operation.is_public())
        .chain([&cognito::limits::OPERATION])
        .map(|operation| operation.action());
    let other = restore::operations::OTHER_ACTIONS
        .iter()
        .filter(|action| !NOT_GIVEN.contains(action))
        .map(|action| (*action).to_owned());
    let used = with_platform(called.chain(other), &PLATFORM[..2]);
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
        ("CognitoDRReadyRole", ready::ACTIONS),
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
                Operation::GetProvisionedLimit,
            ];
            for action in actions(statement)
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
        // Where replicas are encrypted with a key of the DR stack.
        "kms:Encrypt",
        "kms:GenerateDataKey",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(allowed(&template, "S3ReplicationRole"), wanted);
    let rule = &template["Resources"]["CognitoBackupBucket"]["Properties"]["ReplicationConfiguration"]
        ["Rules"][0];
    assert_eq!(rule["DeleteMarkerReplication"]["Status"], "Disabled");
    assert_eq!(rule["Filter"]["Prefix"], "cognito-backup/");
}

/// What a statement asks of the tags of a pool.
fn tag_condition(key: &str) -> Value {
    let key = format!("{key}/{}", restore::RESTORE_TAG);
    json!({"Null": {key: "false"}})
}

#[test]
fn only_pools_that_carry_the_restores_tag_are_written_unless_a_parameter_names_others() {
    let template = template::read(template::DR).unwrap();
    let reads: BTreeSet<String> = restore::OPERATIONS
        .iter()
        .filter(|operation| operation.effect() == Effect::Read)
        .chain([&cognito::limits::OPERATION])
        .map(|operation| operation.action())
        // A permission that WAF asks for.
        .chain(["cognito-idp:GetWebACLForResource".to_owned()])
        .collect();
    let mut conditional = 0;
    for statement in statements(&template, "CognitoRestoreLambdaRole") {
        let writes: Vec<&str> = actions(statement)
            .into_iter()
            .filter(|action| action.starts_with("cognito-idp:") && !reads.contains(*action))
            .collect();
        let condition = &statement["Condition"];
        let is_of_other_pools = statement["Sid"] == "WriteExistingPools"
            || statement["Sid"] == "RemoveScratchPools"
            || statement["Effect"] == "Deny";
        if writes.is_empty() || is_of_other_pools {
            continue;
        }
        let creates = writes == ["cognito-idp:CreateUserPool"];
        assert_eq!(actions(statement).len(), writes.len(), "{statement}");
        let key = if creates {
            "aws:RequestTag"
        } else {
            "aws:ResourceTag"
        };
        assert_eq!(*condition, tag_condition(key), "{writes:?}");
        conditional += 1;
    }
    assert_eq!(conditional, 3);
}

/// Else whoever may tag could lend the restore's tag to any pool.
#[test]
fn the_restores_tag_is_put_on_nothing_that_lacks_it() {
    let template = template::read(template::DR).unwrap();
    for statement in statements(&template, "CognitoRestoreLambdaRole") {
        let tags = actions(statement).contains(&"cognito-idp:TagResource");
        // It reaches the pools that it could tag without any tag.
        let is_named = statement["Sid"] == "WriteExistingPools";
        if tags && !is_named && statement["Effect"] == "Allow" {
            assert_eq!(statement["Condition"], tag_condition("aws:ResourceTag"));
        }
    }
}

/// A pool that a rehearsal did not make is deleted by nobody, and cannot become one that is.
#[test]
fn only_scratch_pools_are_deleted_and_no_other_pool_gets_their_tag() {
    let template = template::read(template::DR).unwrap();
    let all = template::resources(&template, "AWS::IAM::Role");
    let roles: Vec<&str> = all.map(|(name, _)| name).collect();
    let tag = restore::REHEARSAL_TAG;
    let (request, resource) = (
        format!("aws:RequestTag/{tag}"),
        format!("aws:ResourceTag/{tag}"),
    );
    let mut deletes = 0;
    for role in &roles {
        for statement in statements(&template, role) {
            let deletes_pools = actions(statement).into_iter().any(|action| {
                action == "cognito-idp:DeleteUserPool"
                    || action == "cognito-idp:DeleteUserPoolDomain"
            });
            if deletes_pools {
                assert_eq!(*role, "CognitoRestoreLambdaRole");
                let only = json!({"Null": {resource.as_str(): "false"}});
                assert_eq!(statement["Condition"], only);
                deletes += 1;
            }
        }
    }
    assert_eq!(deletes, 1);
    let denials: Vec<&Value> = statements(&template, "CognitoRestoreLambdaRole")
        .into_iter()
        .filter(|statement| statement["Effect"] == "Deny")
        .collect();
    assert_eq!(denials.len(), 1);
    assert_eq!(
        actions(denials[0]),
        ["cognito-idp:TagResource", "cognito-idp:UpdateUserPool"],
        "what else gives tags to a pool that is there"
    );
    let pools = denials[0]["Resource"]["Fn::Sub"].as_str().unwrap();
    assert!(pools.ends_with(":userpool/*"), "{pools}");
    assert_eq!(
        denials[0]["Condition"],
        json!({"Null": {request.as_str(): "false", resource.as_str(): "true"}})
    );
}

/// Users, domains and pools are not among it: an undo deletes none of them.
#[test]
fn existing_pools_are_changed_only_where_a_parameter_says_so() {
    let template = template::read(template::DR).unwrap();
    let policy = &template["Resources"]["CognitoExistingPoolsPolicy"];
    assert_eq!(policy["Condition"], "MayWriteIntoExistingPools");
    let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Sid"], "WriteExistingPools");
    let named: BTreeSet<String> = actions(statement).into_iter().map(str::to_owned).collect();
    let not_of_these = [
        Operation::CreateUserPool,
        Operation::DeleteUserPool,
        Operation::DeleteUserPoolDomain,
        Operation::DescribeUserPoolDomain,
        Operation::ListUserPools,
        Operation::StopUserImportJob,
        // A restore makes a schema.
        Operation::AddCustomAttributes,
    ];
    let needed: BTreeSet<String> = undo::OPERATIONS
        .iter()
        .filter(|operation| !not_of_these.contains(operation) && !operation.is_public())
        .map(|operation| operation.action())
        .chain(
            ["AssociateWebACL", "GetWebACLForResource"].map(|name| format!("cognito-idp:{name}")),
        )
        .collect();
    assert_same("WriteExistingPools", &named, &needed);
    assert!(!named.contains("cognito-idp:AdminDeleteUser"));
    assert_eq!(template["Parameters"]["ExistingUserPoolIds"]["Default"], "");
}

#[test]
fn nothing_reads_the_code_or_the_environment_of_a_function() {
    let showing = [
        "lambda:GetFunction",
        "lambda:GetFunctionConfiguration",
        "lambda:GetLayerVersion",
        "lambda:ListFunctions",
        "lambda:ListVersionsByFunction",
    ];
    for (name, roles) in [
        (template::PRIMARY, &["CognitoBackupLambdaRole"] as &[_]),
        (
            template::DR,
            &[
                "CognitoRestoreLambdaRole",
                "FindLatestBackupRole",
                "ManualDRTriggerRole",
            ],
        ),
    ] {
        let template = template::read(name).unwrap();
        for role in roles {
            for action in allowed(&template, role) {
                assert!(!showing.contains(&action.as_str()), "{role}: {action}");
                assert!(!action.contains('*'), "{role}: {action}");
            }
        }
    }
}

#[test]
fn functions_are_opened_to_cognito_alone() {
    let template = template::read(template::DR).unwrap();
    for statement in statements(&template, "CognitoRestoreLambdaRole") {
        if actions(statement).contains(&"lambda:AddPermission") {
            assert_eq!(actions(statement).len(), 1);
            assert_eq!(
                statement["Condition"],
                json!({"StringEquals": {"lambda:Principal": "cognito-idp.amazonaws.com"}})
            );
        }
    }
}

/// Rights over what is not the restore's own: only where somebody asked for them.
#[test]
fn distributions_and_resource_policies_are_touched_only_with_a_parameter() {
    let template = template::read(template::DR).unwrap();
    let place = |parameters: &[(&'static str, &str)]| Place {
        partition: "aws",
        region: "us-west-2",
        parameters: parameters
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
    };
    let actions_with = |parameters: &[(&'static str, &str)]| {
        let resources = evaluate::resources(&template, &place(parameters));
        let deployed = json!({"Resources": resources});
        allowed(&deployed, "CognitoRestoreLambdaRole")
    };
    let by_default = actions_with(&[]);
    for action in [
        "cloudfront:UpdateDistribution",
        "firehose:TagDeliveryStream",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ] {
        assert!(!by_default.contains(action), "{action}");
    }
    let asked = actions_with(&[("RestoreCustomDomains", "true")]);
    let more: Vec<_> = asked.difference(&by_default).collect();
    assert_eq!(more, ["cloudfront:UpdateDistribution"]);
    let asked = actions_with(&[("RestoreLogDelivery", "true")]);
    assert!(asked.contains("logs:PutResourcePolicy"));
}

#[test]
fn only_roles_that_the_parameter_names_are_handed_over() {
    let template = template::read(template::DR).unwrap();
    let role = "arn:aws:iam::111122223333:role/sms";
    let place = Place {
        partition: "aws",
        region: "us-west-2",
        parameters: [("PassableRoleArns", role.to_owned())].into(),
    };
    let deployed = json!({"Resources": evaluate::resources(&template, &place)});
    let passed: Vec<String> = statements(&deployed, "CognitoRestoreLambdaRole")
        .into_iter()
        .filter(|statement| actions(statement) == ["iam:PassRole"])
        .map(|statement| statement["Resource"].to_string())
        .collect();
    assert_eq!(passed.len(), 2);
    assert_eq!(passed[0], json!([role]).to_string());
    assert!(passed[1].contains("CognitoImportJobRole"), "{passed:?}");
}

#[test]
fn pools_are_named_by_arns_of_the_partition_that_the_stack_is_in() {
    let pools = ["us-east-1_A", "us-east-1_B"];
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        for (name, role, parameter, sid) in [
            (
                template::PRIMARY,
                "CognitoBackupLambdaRole",
                "UserPoolIds",
                "ReadTheConfiguredPools",
            ),
            (
                template::DR,
                "CognitoRestoreLambdaRole",
                "ExistingUserPoolIds",
                "WriteExistingPools",
            ),
        ] {
            for (given, ids) in [(pools.join(","), &pools as &[_]), ("*".into(), &["*"])] {
                let template = template::read(name).unwrap();
                let place = Place {
                    partition,
                    region: "us-east-1",
                    parameters: [(parameter, given)].into(),
                };
                let deployed = json!({"Resources": evaluate::resources(&template, &place)});
                let found = statements(&deployed, role)
                    .into_iter()
                    .find(|statement| statement["Sid"] == sid)
                    .unwrap();
                let expected: Vec<String> = ids
                    .iter()
                    .map(|id| format!("arn:{partition}:cognito-idp:*:*:userpool/{id}"))
                    .collect();
                assert_eq!(found["Resource"], json!(expected));
            }
        }
    }
}
