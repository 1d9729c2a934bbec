//! Customer-managed keys: what they encrypt, and who may decrypt.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::evaluate::deployed;
use end_to_end::template::{self, actions, statements};
use serde_json::{Value, json};

const DR_KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1a2b3c4d";
const BREAK_GLASS: &str = "arn:aws:iam::111122223333:role/break-glass";

/// A template, its key, and the parameter that asks for it.
const STACKS: [(&str, &str, (&str, &str)); 2] = [
    (template::PRIMARY, "CognitoBackupKey", ("DRKeyArn", DR_KEY)),
    (template::DR, "CognitoBackupDRKey", ("CreateKey", "true")),
];

/// What a resource that keeps something at rest says of its key; nothing for one that keeps nothing.
fn encryption(resource: &Value) -> Option<&Value> {
    let properties = &resource["Properties"];
    Some(match resource["Type"].as_str()? {
        "AWS::S3::Bucket" => {
            &properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
                ["KMSMasterKeyID"]
        }
        "AWS::DynamoDB::Table" => &properties["SSESpecification"]["KMSMasterKeyId"],
        "AWS::SNS::Topic" | "AWS::SQS::Queue" => &properties["KmsMasterKeyId"],
        "AWS::Logs::LogGroup" => &properties["KmsKeyId"],
        _ => return None,
    })
}

#[test]
fn without_the_parameter_there_is_no_key_and_aws_encrypts_with_its_own() {
    for (name, key, _) in STACKS {
        let resources = deployed(name, &[]);
        assert!(resources[key].is_null());
        for (id, resource) in resources.as_object().unwrap() {
            assert!(encryption(resource).is_none_or(Value::is_null), "{id}");
            let properties = &resource["Properties"];
            match resource["Type"].as_str().unwrap() {
                "AWS::S3::Bucket" => assert_eq!(
                    properties["BucketEncryption"]["ServerSideEncryptionConfiguration"],
                    json!([{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}])
                ),
                "AWS::SQS::Queue" => assert_eq!(properties["SqsManagedSseEnabled"], true, "{id}"),
                "AWS::DynamoDB::Table" => {
                    assert_eq!(properties["SSESpecification"], json!({"SSEEnabled": true}));
                }
                _ => {}
            }
        }
        assert!(!resources.to_string().contains("kms:Encrypt"), "{name}");
    }
}

#[test]
fn with_it_the_stacks_own_key_encrypts_all_that_the_stack_keeps() {
    for (name, key, parameter) in STACKS {
        let resources = deployed(name, &[parameter]);
        let mut kept = 0;
        for (id, resource) in resources.as_object().unwrap() {
            let Some(encryption) = encryption(resource) else {
                continue;
            };
            assert!(
                encryption.as_str().is_some_and(|arn| arn.contains(key)),
                "{id}: {encryption}"
            );
            assert_ne!(resource["Properties"]["SqsManagedSseEnabled"], true, "{id}");
            kept += 1;
        }
        assert!(kept >= 6, "{name}: {kept}");
    }
}

/// What a bucket holds is lost with its key.
#[test]
fn a_key_outlives_its_stack_and_rotates() {
    for (name, key, parameter) in STACKS {
        let key = &deployed(name, &[parameter])[key];
        assert_eq!(key["DeletionPolicy"], "RetainExceptOnCreate");
        assert_eq!(key["UpdateReplacePolicy"], "Retain");
        assert_eq!(key["Properties"]["EnableKeyRotation"], true);
    }
}

fn key_statements(name: &str, key: &str, parameters: &[(&'static str, &str)]) -> Vec<Value> {
    let resources = deployed(name, parameters);
    let statements = &resources[key]["Properties"]["KeyPolicy"]["Statement"];
    statements.as_array().unwrap().clone()
}

fn allows(statement: &Value, action: &str) -> bool {
    actions(statement)
        .into_iter()
        .any(|allowed| match allowed.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => allowed == action,
        })
}

/// The principals of a key's statements that decrypt what S3 keeps. The rest decrypts through
/// another service, or is one.
fn readers_of_backups(statements: &[Value]) -> BTreeSet<String> {
    statements
        .iter()
        .filter(|statement| allows(statement, "kms:Decrypt"))
        .filter(|statement| {
            let services = statement["Condition"]["StringEquals"]["kms:ViaService"].to_string();
            statement["Principal"]["Service"].is_null()
                && (services == "null" || services.contains("s3."))
        })
        .flat_map(|statement| {
            assert_eq!(
                statement["Condition"],
                json!({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}),
                "{statement}"
            );
            match &statement["Principal"]["AWS"] {
                Value::Array(principals) => principals.clone(),
                one => vec![one.clone()],
            }
        })
        .map(|principal| principal.as_str().unwrap().to_owned())
        .collect()
}

/// The roles of a template that may get objects.
fn roles_that_read(name: &str) -> BTreeSet<String> {
    let template = template::read(name).unwrap();
    template::resources(&template, "AWS::IAM::Role")
        .filter(|(role, _)| {
            statements(&template, role)
                .into_iter()
                .flat_map(actions)
                .any(|action| action.starts_with("s3:GetObject"))
        })
        .map(|(role, _)| role.to_owned())
        .collect()
}

#[test]
fn a_backup_is_decrypted_by_the_roles_that_read_it_and_a_break_glass_role_alone() {
    for (name, key, parameter) in STACKS {
        let without = readers_of_backups(&key_statements(name, key, &[parameter]));
        let roles = roles_that_read(name);
        assert_eq!(without.len(), roles.len(), "{name}: {without:?}");
        for role in roles {
            assert!(
                without
                    .iter()
                    .any(|reader| reader.contains(&format!("stack-{role}-"))),
                "{name}: {role} reads the bucket, and cannot decrypt"
            );
        }
        let with = [parameter, ("BreakGlassRoleArn", BREAK_GLASS)];
        let with = readers_of_backups(&key_statements(name, key, &with));
        let more: Vec<_> = with.difference(&without).collect();
        assert_eq!(more, [BREAK_GLASS]);
    }
}

#[test]
fn what_is_no_reader_reaches_the_key_through_a_named_service_or_for_a_log() {
    for (name, key, parameter) in STACKS {
        let mut others = BTreeMap::new();
        for statement in key_statements(name, key, &[parameter]) {
            if !allows(&statement, "kms:Decrypt") {
                continue;
            }
            let condition = &statement["Condition"];
            let equal = &condition["StringEquals"];
            if statement["Principal"]["AWS"] == "*" {
                assert_eq!(equal["kms:CallerAccount"], "111122223333", "{statement}");
                let services = equal["kms:ViaService"].to_string();
                assert!(
                    services != "null" && !services.contains("s3."),
                    "{statement}"
                );
            }
            if let Some(service) = statement["Principal"]["Service"].as_str() {
                others.insert(service.to_owned(), condition.clone());
            }
        }
        let services: Vec<_> = others.keys().map(String::as_str).collect();
        assert_eq!(
            services,
            [
                "cloudwatch.amazonaws.com",
                "events.amazonaws.com",
                "logs.us-east-1.amazonaws.com"
            ]
        );
        let logs = &others["logs.us-east-1.amazonaws.com"];
        assert!(logs["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].is_array());
    }
}

/// Every log group that is encrypted with the key is one that CloudWatch Logs may use it for.
#[test]
fn the_key_is_open_for_the_log_groups_of_the_stack() {
    for (name, key, parameter) in STACKS {
        let resources = deployed(name, &[parameter]);
        let statements = key_statements(name, key, &[parameter]);
        let logs = statements
            .iter()
            .find(|statement| statement["Sid"] == "LogsOfThisStack")
            .unwrap();
        let patterns = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
            .as_array()
            .unwrap();
        for resource in resources.as_object().unwrap().values() {
            if resource["Type"] != "AWS::Logs::LogGroup" {
                continue;
            }
            let group = resource["Properties"]["LogGroupName"].as_str().unwrap();
            let matches = |pattern: &Value| {
                let (_, pattern) = pattern.as_str().unwrap().split_once(":log-group:").unwrap();
                match pattern.split_once('*') {
                    Some((start, end)) => group.starts_with(start) && group.ends_with(end),
                    None => group == pattern,
                }
            };
            assert!(patterns.iter().any(matches), "{group}");
        }
    }
}

#[test]
fn an_administrator_of_the_account_administers_the_key_and_does_not_use_it() {
    for (name, key, parameter) in STACKS {
        let statements = key_statements(name, key, &[parameter]);
        let administration = &statements[0];
        assert_eq!(
            administration["Principal"]["AWS"],
            "arn:aws:iam::111122223333:root"
        );
        assert!(allows(administration, "kms:PutKeyPolicy"));
        for use_of_key in [
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
        ] {
            assert!(!allows(administration, use_of_key), "{use_of_key}");
        }
    }
}

#[test]
fn replication_reads_with_one_key_and_only_encrypts_with_the_other() {
    let resources = deployed(template::PRIMARY, &[("DRKeyArn", DR_KEY)]);
    let bucket = &resources["CognitoBackupBucket"]["Properties"];
    for rule in bucket["ReplicationConfiguration"]["Rules"]
        .as_array()
        .unwrap()
    {
        let encryption = &rule["Destination"]["EncryptionConfiguration"];
        assert_eq!(encryption["ReplicaKmsKeyID"], DR_KEY);
        let selected = &rule["SourceSelectionCriteria"]["SseKmsEncryptedObjects"];
        assert_eq!(selected["Status"], "Enabled");
    }
    let deployed_role = json!({"Resources": resources});
    let on_key: Vec<_> = statements(&deployed_role, "S3ReplicationRole")
        .into_iter()
        .filter(|statement| statement["Resource"] == DR_KEY)
        .flat_map(actions)
        .collect();
    assert_eq!(on_key, ["kms:Encrypt", "kms:GenerateDataKey"]);

    let of_replicas = key_statements(
        template::DR,
        "CognitoBackupDRKey",
        &[("CreateKey", "true"), ("PrimaryAccountId", "444455556666")],
    );
    let others: Vec<_> = of_replicas
        .iter()
        .filter(|statement| {
            statement["Principal"]["AWS"]
                .as_str()
                .is_some_and(|principal| principal.contains("444455556666"))
        })
        .flat_map(actions)
        .collect();
    assert_eq!(others, ["kms:Encrypt", "kms:GenerateDataKey"]);
}

/// The names of resources that a value refers to.
fn references(value: &Value, names: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let whole = |text: &str| text.split('.').next().unwrap_or(text).to_owned();
                match (name.as_str(), value) {
                    ("Ref" | "Fn::GetAtt" | "DependsOn", Value::String(text)) => {
                        found.extend(names.get(&whole(text)).cloned());
                    }
                    ("Fn::GetAtt" | "DependsOn", Value::Array(texts)) => {
                        let texts = texts.iter().filter_map(Value::as_str);
                        found.extend(texts.filter_map(|text| names.get(text)).cloned());
                    }
                    ("Fn::Sub", value) => {
                        let text = value.as_str().or_else(|| value[0].as_str()).unwrap();
                        let inside = text.split("${").skip(1);
                        let inside = inside.filter_map(|rest| rest.split('}').next());
                        found.extend(inside.filter_map(|name| names.get(&whole(name))).cloned());
                    }
                    _ => {}
                }
                references(value, names, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                references(value, names, found);
            }
        }
        _ => {}
    }
}

/// CloudFormation refuses a template whose resources need each other, and the local stack does not.
#[test]
fn no_resource_needs_itself_by_way_of_others() {
    for (name, ..) in STACKS {
        let template = template::read(name).unwrap();
        let resources = template["Resources"].as_object().unwrap();
        let names: BTreeSet<String> = resources.keys().cloned().collect();
        let mut needs: BTreeMap<&str, BTreeSet<String>> = resources
            .iter()
            .map(|(id, resource)| {
                let mut found = BTreeSet::new();
                references(resource, &names, &mut found);
                (id.as_str(), found)
            })
            .collect();
        while !needs.is_empty() {
            let free: Vec<&str> = needs
                .iter()
                .filter(|(_, needed)| needed.iter().all(|id| !needs.contains_key(id.as_str())))
                .map(|(id, _)| *id)
                .collect();
            assert!(!free.is_empty(), "{name}: a circle within {needs:?}");
            needs.retain(|id, _| !free.contains(id));
        }
    }
}
