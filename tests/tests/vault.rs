//! Replicas that a mistake, a lifecycle rule or an administrator of the primary account cannot take
//! away: Object Lock, another account, replication in time.

#![allow(clippy::unwrap_used)]

use end_to_end::evaluate::{self, Place, deployed};
use end_to_end::template::{self, actions, statements};
use serde_json::{Value, json};

/// The account that evaluated templates are in.
const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::444455556666:role/replication";
const DR_BUCKET: &str = "arn:aws:s3:::cognito-backup-dr-prod-444455556666";

fn refusals(name: &str, parameters: &[(&'static str, &str)]) -> Vec<String> {
    evaluate::refusals(&template::read(name).unwrap(), &Place::with(parameters))
}

#[test]
fn nothing_is_locked_unless_a_parameter_says_so() {
    let bucket = &deployed(template::DR, &[])["CognitoBackupDRBucket"]["Properties"];
    assert!(bucket["ObjectLockEnabled"].is_null());
    assert!(bucket["ObjectLockConfiguration"].is_null());
}

/// The first whole backup of a day is needed by those that are written up to a day after it.
#[test]
fn a_base_is_locked_a_day_longer_than_the_backups_that_need_it() {
    for (given, mode) in [("governance", "GOVERNANCE"), ("compliance", "COMPLIANCE")] {
        for days in ["7", "14", "30", "60", "90"] {
            let resources = deployed(
                template::DR,
                &[("ObjectLock", given), ("ObjectLockDays", days)],
            );
            let bucket = &resources["CognitoBackupDRBucket"]["Properties"];
            assert_eq!(bucket["ObjectLockEnabled"], true);
            let days: u64 = days.parse().unwrap();
            assert_eq!(
                bucket["ObjectLockConfiguration"],
                json!({
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": mode, "Days": days + 1}},
                })
            );
        }
    }
}

#[test]
fn what_is_locked_is_not_kept_longer_than_backups_are() {
    let days = [7, 14, 30, 60, 90].map(|days: u64| (days, days.to_string()));
    for (kept, kept_days) in &days {
        for (locked, locked_days) in &days {
            let refused = refusals(
                template::DR,
                &[
                    ("ObjectLock", "governance"),
                    ("BackupRetentionDays", kept_days),
                    ("ObjectLockDays", locked_days),
                ],
            );
            assert_eq!(refused.is_empty(), locked <= kept, "{locked} of {kept}");
            let off = [
                ("BackupRetentionDays", kept_days.as_str()),
                ("ObjectLockDays", locked_days),
            ];
            assert!(refusals(template::DR, &off).is_empty());
        }
    }
}

#[test]
fn no_role_of_ours_gets_around_a_lock_or_deletes_a_backup() {
    for name in [template::PRIMARY, template::DR] {
        let template = template::read(name).unwrap();
        for (role, properties) in template::resources(&template, "AWS::IAM::Role") {
            if properties["Properties"]["Policies"].is_null() {
                continue;
            }
            for statement in statements(&template, role) {
                let resource = statement["Resource"].to_string();
                // What a backup puts down while it is made is nobody's backup.
                let is_scratch = resource.ends_with("/cognito-backup-state/*\"}");
                for action in actions(statement) {
                    let deletes = action.starts_with("s3:Delete") && !is_scratch;
                    let forbidden = [
                        "s3:BypassGovernanceRetention",
                        "s3:PutBucketPolicy",
                        "s3:PutLifecycleConfiguration",
                        "s3:PutObjectRetention",
                        "s3:ReplicateDelete",
                    ];
                    assert!(!deletes && !forbidden.contains(&action), "{role}: {action}");
                    assert!(!action.ends_with('*'), "{role}: {action}");
                }
            }
        }
    }
}

/// The statements of the DR bucket's policy that allow something.
fn let_in(parameters: &[(&'static str, &str)]) -> Vec<Value> {
    let resources = deployed(template::DR, parameters);
    let policy = &resources["CognitoBackupDRBucketPolicy"]["Properties"]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap();
    statements
        .iter()
        .filter(|statement| statement["Effect"] == "Allow")
        .cloned()
        .collect()
}

#[test]
fn into_the_vault_of_another_account_writes_exactly_the_replication_role() {
    let allowed = let_in(&[("PrimaryAccountId", OTHER), ("ReplicationRoleArn", ROLE)]);
    let [statement] = &allowed[..] else {
        panic!("{allowed:?}")
    };
    assert_eq!(
        statement["Condition"],
        json!({"ArnEquals": {"aws:PrincipalArn": ROLE}})
    );
    // Neither reads nor deletes.
    assert_eq!(
        actions(statement),
        [
            "s3:ObjectOwnerOverrideToBucketOwner",
            "s3:ReplicateObject",
            "s3:ReplicateTags"
        ]
    );
}

#[test]
fn nobody_of_another_account_is_let_in_before_its_role_is_named() {
    assert!(let_in(&[("PrimaryAccountId", OTHER)]).is_empty());
    assert!(let_in(&[]).is_empty());
    // One's own account needs no policy of the bucket.
    assert!(let_in(&[("PrimaryAccountId", OWN), ("ReplicationRoleArn", ROLE)]).is_empty());
}

#[test]
fn replicas_belong_to_the_account_that_they_are_in() {
    let resources = deployed(
        template::PRIMARY,
        &[("DRAccountId", OTHER), ("DRBucketArn", DR_BUCKET)],
    );
    let bucket = &resources["CognitoBackupBucket"]["Properties"];
    for rule in bucket["ReplicationConfiguration"]["Rules"]
        .as_array()
        .unwrap()
    {
        let destination = &rule["Destination"];
        assert_eq!(destination["Account"], OTHER);
        assert_eq!(
            destination["AccessControlTranslation"],
            json!({"Owner": "Destination"})
        );
        assert_eq!(destination["Bucket"], DR_BUCKET);
    }
    let override_owner = |resources: Value| {
        statements(&json!({"Resources": resources}), "S3ReplicationRole")
            .into_iter()
            .flat_map(actions)
            .any(|action| action == "s3:ObjectOwnerOverrideToBucketOwner")
    };
    assert!(override_owner(resources));
    for own in [
        &[] as &[_],
        &[("DRAccountId", OWN), ("DRBucketArn", DR_BUCKET)],
    ] {
        let resources = deployed(template::PRIMARY, own);
        let rule =
            &resources["CognitoBackupBucket"]["Properties"]["ReplicationConfiguration"]["Rules"][0];
        assert!(rule["Destination"]["Account"].is_null());
        assert!(!override_owner(resources));
    }
}

/// It lies among the backups, so that it is written, replicated and read by the same permissions.
#[test]
fn the_list_of_forgotten_users_goes_where_backups_go() {
    let list = "cognito-backup/forgotten/us-east-1_AbC/5a1b0a6e-0001-4000-8000-000000000001";
    let parameters = [("DRAccountId", OTHER), ("DRBucketArn", DR_BUCKET)];
    let resources = deployed(template::PRIMARY, &parameters);
    let bucket = &resources["CognitoBackupBucket"]["Properties"];
    let rules = bucket["ReplicationConfiguration"]["Rules"].as_array();
    let covers = |rule: &Value| list.starts_with(rule["Filter"]["Prefix"].as_str().unwrap());
    assert!(rules.unwrap().iter().any(covers));
    let deployed = json!({"Resources": resources});
    for (role, action) in [
        ("CognitoBackupLambdaRole", "s3:PutObject"),
        ("S3ReplicationRole", "s3:GetObjectVersionForReplication"),
        ("S3ReplicationRole", "s3:ReplicateObject"),
    ] {
        let mut statements = statements(&deployed, role).into_iter();
        let allows = statements.any(|statement| {
            let resources = statement["Resource"].to_string();
            let backups = resources.split('"').any(|arn| {
                let key = arn
                    .split_once('/')
                    .map(|(_, key)| key.trim_end_matches('*'));
                key.is_some_and(|key| list.starts_with(key))
            });
            actions(statement).contains(&action) && backups
        });
        assert!(allows, "{role}: {action}");
    }
    let [statement] = &let_in(&[("PrimaryAccountId", OTHER), ("ReplicationRoleArn", ROLE)])[..]
    else {
        panic!("one statement")
    };
    assert!(
        statement["Resource"]
            .to_string()
            .contains("/cognito-backup/*")
    );
}

#[test]
fn the_bucket_of_another_account_must_be_named() {
    let refused = refusals(template::PRIMARY, &[("DRAccountId", OTHER)]);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("DRBucketArn"), "{refused:?}");
}

#[test]
fn replication_in_fifteen_minutes_is_a_parameter_and_its_metrics_are_always_on() {
    let destination = |parameters: &[(&'static str, &str)]| {
        let resources = deployed(template::PRIMARY, parameters);
        resources["CognitoBackupBucket"]["Properties"]["ReplicationConfiguration"]["Rules"][0]
            ["Destination"]
            .clone()
    };
    let usual = destination(&[]);
    assert_eq!(usual["Metrics"], json!({"Status": "Enabled"}));
    assert!(usual["ReplicationTime"].is_null());
    let in_time = destination(&[("ReplicationTimeControl", "true")]);
    let minutes = json!({"Minutes": 15});
    assert_eq!(
        in_time["Metrics"],
        json!({"Status": "Enabled", "EventThreshold": minutes})
    );
    assert_eq!(
        in_time["ReplicationTime"],
        json!({"Status": "Enabled", "Time": minutes})
    );
}
