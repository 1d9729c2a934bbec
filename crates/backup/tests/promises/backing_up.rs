//! What a backup holds, what it records, and what it says when something fails.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{BUCKET, GET_WEB_ACL, PUT_ITEM, REGION, World, pool_of, refusal};
use backup::Pools;
use backup::{BackupError, MfaPreferences, RunOutcome};
use model::document::SectionStatus;
use model::inventory::Section;
use model::{Failure, UserPoolId};
use serde_json::json;
use simulator::{Faults, GeneratorConfig, When};

pub(crate) fn done(progress: RunOutcome) -> Vec<model::request::BackedUpPool> {
    match progress {
        RunOutcome::Done(backups) => backups,
        other => panic!("not done: {other:?}"),
    }
}

#[tokio::test]
async fn a_backup_holds_every_user_and_membership_of_a_nasty_pool() {
    let world = World::new().await;
    let pool = world
        .simulator
        .generate(REGION, &GeneratorConfig::nasty(200))
        .unwrap();
    let pool: UserPoolId = pool.parse().unwrap();
    let backups = done(world.run(&[&pool]).await.unwrap());
    assert_eq!(backups[0].failed_sections, Vec::<String>::new());

    let content = world.only_content().await;
    let source = world.simulator.pool(REGION, pool.as_str()).unwrap();
    assert_eq!(backups[0].user_count, source.users.len() as u64);
    let subs = |user: &model::document::UserRecord| user.sub().unwrap().as_str().to_owned();
    let kept: BTreeSet<String> = content.users.iter().map(subs).collect();
    let expected: BTreeSet<String> = source
        .users
        .iter()
        .filter_map(|user| user.sub.clone())
        .collect();
    assert_eq!(kept, expected);
    let members: usize = content.memberships.values().map(Vec::len).sum();
    let expected: usize = source.users.iter().map(|user| user.groups.len()).sum();
    assert_eq!(members, expected);
    assert_eq!(
        content.head.list(Section::Groups).len(),
        source.groups.len()
    );
    let evidence = world.simulator.evidence();
    assert_eq!(
        evidence.active_users, 0,
        "a backup makes no user a billed one"
    );
}

/// More than a page of them.
#[tokio::test]
async fn a_star_stands_for_every_pool_of_the_region() {
    let world = World::new().await;
    let seeded: BTreeSet<UserPoolId> = (0..500).map(|_| world.seed(pool_of(0))).collect();
    let listed = Pools::Every.ids(&world.cognito).await.unwrap();
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), seeded);
    assert_eq!(seeded.len(), 500);
    let calls = world.simulator.evidence().calls;
    assert_eq!(calls.get("ListUserPools"), Some(&9), "{calls:?}");
}

#[tokio::test]
async fn a_complete_backup_is_recorded_with_its_version_and_counts() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let backups = done(world.run(&[&pool]).await.unwrap());
    let rows = world.s3.calls(PUT_ITEM);
    assert_eq!(rows.len(), 1);
    let item = &rows[0]["Item"];
    let key = backups[0].s3_key.to_string();
    assert_eq!(item["user_pool_id"]["S"], pool.as_str());
    assert_eq!(item["s3_key"]["S"], key);
    assert_eq!(item["user_count"]["N"], "130");
    assert_eq!(item["membership_count"]["N"], "44");
    assert_eq!(item["group_count"]["N"], "2");
    assert_eq!(item["app_client_count"]["N"], "1");
    assert!(item["version_id"]["S"].is_string());
    let bytes = world.s3.get(BUCKET, &key).unwrap().len();
    assert_eq!(item["bytes"]["N"], bytes.to_string());
    assert_eq!(
        item["sections"]["M"]["groups"]["M"]["status"]["S"],
        "complete"
    );
}

#[tokio::test]
async fn a_backup_that_lies_there_otherwise_than_written_is_made_again() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    world.s3.corrupt_the_next();
    let RunOutcome::Done(backups) = world.run(&[&pool]).await.unwrap() else {
        panic!("there is time");
    };
    assert_eq!(
        world.keys().len(),
        2,
        "the first lies there, and is damaged"
    );
    assert_eq!(world.content(&backups[0].s3_key).await.users.len(), 130);
    assert_eq!(world.recorded().len(), 1);
}

#[tokio::test]
async fn the_web_acl_is_kept_by_name_and_arn() {
    let world = World::new().await;
    let pool = world.seed(pool_of(0));
    let arn = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/guard/1";
    let acl = json!({"Name": "guard", "ARN": arn, "Id": "1",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": {"SampledRequestsEnabled": false, "CloudWatchMetricsEnabled": false, "MetricName": "m"}});
    world.s3.answer(GET_WEB_ACL, 200, json!({"WebACL": acl}));
    world.run(&[&pool]).await.unwrap();
    let content = world.only_content().await;
    assert_eq!(
        content.head.section(Section::WafConfiguration),
        &json!({"WebACLName": "guard", "WebACLArn": arn, "WebACLId": "1"})
    );
    let asked = world.s3.calls(GET_WEB_ACL);
    assert!(
        asked[0]["ResourceArn"]
            .as_str()
            .unwrap()
            .ends_with(pool.as_str())
    );
}

#[tokio::test]
async fn members_that_cognito_adds_next_year_survive() {
    let world = World::new().await;
    let mut document = pool_of(1);
    document["UserPool"]["MemberOfNextYear"] = json!({"Mode": "FAST", "Values": [1.5]});
    document["Clients"][0]["UserPoolClient"]["ClientMemberOfNextYear"] = json!(true);
    let pool = world.seed(document);
    world.run(&[&pool]).await.unwrap();
    let content = world.only_content().await;
    let settings = content.head.user_pool();
    assert_eq!(
        settings["MemberOfNextYear"],
        json!({"Mode": "FAST", "Values": [1.5]})
    );
    let clients = content.head.list(Section::AppClients);
    assert_eq!(clients[0]["ClientMemberOfNextYear"], true);
}

#[tokio::test]
async fn a_section_that_cannot_be_read_is_failed_and_never_empty() {
    let world = World::new().await;
    let pool = world.seed(pool_of(3));
    for (operation, section) in [
        (
            "GetLogDeliveryConfiguration",
            Section::LogDeliveryConfiguration,
        ),
        ("GetUserPoolMfaConfig", Section::MfaConfiguration),
        ("ListIdentityProviders", Section::IdentityProviders),
        ("ListTerms", Section::Terms),
        ("ListTagsForResource", Section::Tags),
        ("DescribeRiskConfiguration", Section::RiskConfiguration),
    ] {
        let always = When::Rate(1.0);
        let fault = refusal("AccessDeniedException");
        world
            .simulator
            .set_faults(Faults::one(operation, always, fault));
        let backups = done(world.run(&[&pool]).await.unwrap());
        assert!(
            backups[0]
                .failed_sections
                .contains(&section.member().to_owned()),
            "{operation}: {:?}",
            backups[0].failed_sections
        );
        let content = world.content(&backups[0].s3_key).await;
        let SectionStatus::Failed { error } = content.head.status(section) else {
            panic!("{operation}: {:?}", content.head.status(section));
        };
        assert!(error.contains(operation), "{error}");
        assert!(content.head.section(section).is_null());
    }
}

#[tokio::test]
async fn a_feature_that_the_pool_does_not_have_is_no_failure() {
    let world = World::new().await;
    let pool = world.seed(pool_of(0));
    for code in [
        "FeatureUnavailableInTierException",
        "UnknownOperationException",
    ] {
        let operation = "GetUserPoolSessionConfiguration";
        let fault = refusal(code);
        world
            .simulator
            .set_faults(Faults::one(operation, When::Rate(1.0), fault));
        let backups = done(world.run(&[&pool]).await.unwrap());
        let content = world.content(&backups[0].s3_key).await;
        for section in [
            Section::SessionConfiguration,
            Section::ClientSessionConfigurations,
        ] {
            let status = content.head.status(section);
            assert!(
                matches!(status, SectionStatus::NotRead { .. }),
                "{code} {status:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_backup_without_an_essential_section_is_none() {
    let world = World::new().await;
    let pool = world.seed(pool_of(3));
    for operation in [
        "DescribeUserPool",
        "ListUserPoolClients",
        "ListGroups",
        "ListUsers",
        "ListUsersInGroup",
    ] {
        let fault = refusal("AccessDeniedException");
        world
            .simulator
            .set_faults(Faults::one(operation, When::Rate(1.0), fault));
        let error = world.run(&[&pool]).await.unwrap_err();
        assert!(error.to_string().contains(operation), "{error}");
        assert!(error.to_string().contains("NotAuthorized"), "{error}");
        assert_eq!(error.failure(), Failure::BackupFailed);
    }
    assert!(world.keys().is_empty());
    assert_eq!(world.s3.open_uploads(), 0);
    assert!(world.recorded().is_empty());
}

#[tokio::test]
async fn one_pools_failure_does_not_keep_the_others_from_being_backed_up() {
    let world = World::new().await;
    let first = world.seed(pool_of(5));
    let unknown: UserPoolId = "us-east-1_Unknown1".parse().unwrap();
    let last = world.seed(pool_of(7));
    let error = world.run(&[&first, &unknown, &last]).await.unwrap_err();
    assert_eq!(error.failure(), Failure::BackupFailed);
    let text = error.to_string();
    assert!(text.contains("1 of 3"), "{text}");
    assert!(
        text.contains("us-east-1_Unknown1: UserPoolNotFound"),
        "{text}"
    );
    let kept: Vec<UserPoolId> = world.keys().iter().map(|key| key.pool().clone()).collect();
    assert!(kept.contains(&first) && kept.contains(&last) && kept.len() == 2);
    assert_eq!(world.recorded().len(), 2);
}

#[tokio::test]
async fn an_object_that_could_not_be_recorded_is_recorded_by_the_next_backup() {
    let world = World::new().await;
    let pool = world.seed(pool_of(2));
    let denied = json!({"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "message": "no"});
    world.s3.answer(PUT_ITEM, 400, denied);
    let error = world.run(&[&pool]).await.unwrap_err().to_string();
    assert!(error.contains("is complete, but the table"), "{error}");
    let unrecorded = world.keys();
    assert_eq!(unrecorded.len(), 1);
    let refused = world.s3.calls(PUT_ITEM).len();

    world.s3.answer(PUT_ITEM, 200, json!({}));
    world.run(&[&pool]).await.unwrap();
    let rows = world.s3.calls(PUT_ITEM);
    let recorded: Vec<&str> = rows[refused..]
        .iter()
        .map(|row| row["Item"]["s3_key"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[0], unrecorded[0].to_string());
    assert_eq!(
        rows[refused]["ConditionExpression"],
        "attribute_not_exists(user_pool_id)"
    );
}

#[tokio::test]
async fn backups_of_a_pool_in_one_second_stand_side_by_side() {
    let world = World::new().await;
    let pool = world.seed(pool_of(70));
    let mut keys = BTreeSet::new();
    for _ in 0..3 {
        let backups = done(world.run(&[&pool]).await.unwrap());
        keys.insert(backups[0].s3_key.to_string());
    }
    assert_eq!(keys.len(), 3);
    for key in world.keys() {
        assert_eq!(world.content(&key).await.users.len(), 70);
    }
    assert_eq!(world.recorded(), keys);
    assert_eq!(world.s3.open_uploads(), 0);
}

#[tokio::test]
async fn a_group_that_is_deleted_meanwhile_does_not_break_the_backup() {
    let world = World::new().await;
    let pool = world.seed(pool_of(9));
    let fault = refusal("ResourceNotFoundException");
    world
        .simulator
        .set_faults(Faults::one("ListUsersInGroup", When::Nth(1), fault));
    done(world.run(&[&pool]).await.unwrap());
    let backup = world.vault.open(&world.keys()[0], None).await.unwrap();
    assert_eq!(backup.trailer.groups, 1);
    let content = world.only_content().await;
    // Whichever group was asked for first; one of them has no members.
    let members = content.memberships.get("thirds").map_or(3, Vec::len);
    assert_eq!(members, 3);
    assert_eq!(content.head.list(Section::Groups).len(), 2);
}

#[tokio::test]
async fn short_and_empty_pages_end_no_list() {
    let mut config = simulator::Config::default();
    config.listing.short_pages = true;
    let world = World::with(config).await;
    let pool = world.seed(pool_of(500));
    done(world.run(&[&pool]).await.unwrap());
    let content = world.only_content().await;
    assert_eq!(content.users.len(), 500);
    assert_eq!(content.memberships["thirds"].len(), 167);
}

#[tokio::test]
async fn memberships_are_read_beside_the_users() {
    let world = World::new().await;
    world.simulator.set_latency(simulator::Latency::Fixed(20));
    let pool = world.seed(pool_of(1_200));
    let later = When::Burst {
        from: 10,
        count: 100,
    };
    let fault = refusal("AccessDeniedException");
    world
        .simulator
        .set_faults(Faults::one("ListUsers", later, fault));
    world.run(&[&pool]).await.unwrap_err();
    let calls = world.simulator.evidence().calls;
    assert!(calls["ListUsersInGroup"] >= 2, "{calls:?}");
}

#[tokio::test]
async fn members_whose_token_expired_before_their_turn_are_read_again() {
    let world = World::new().await;
    world.simulator.set_latency(simulator::Latency::Fixed(20));
    let pool = world.seed(pool_of(1_200));
    // The first pages of both groups, then a second page.
    let fault = refusal("InvalidParameterException");
    world
        .simulator
        .set_faults(Faults::one("ListUsersInGroup", When::Nth(3), fault));
    done(world.run(&[&pool]).await.unwrap());
    let content = world.only_content().await;
    assert_eq!(content.users.len(), 1_200);
    assert_eq!(content.memberships["thirds"].len(), 400);
    let calls = world.simulator.evidence().calls;
    assert_eq!(calls["DescribeUserPool"], 1, "the pool is not begun again");
}

#[tokio::test]
async fn without_anyone_to_go_on_a_pool_that_is_too_large_fails_and_leaves_nothing() {
    let world = World::new().await;
    let pool = world.seed(pool_of(3));
    let backups = world.backups(Duration::ZERO);
    let error = backups.run(vec![pool]).await.unwrap_err();
    assert!(matches!(error, BackupError::Pools { .. }));
    let text = error.to_string();
    assert!(text.contains("no continuation is configured"), "{text}");
    assert!(world.keys().is_empty());
    assert_eq!(world.s3.open_uploads(), 0);
}

#[tokio::test]
async fn no_error_shows_a_username_or_an_attribute() {
    let world = World::new().await;
    let pool = world.seed(pool_of(3));
    let fault = simulator::Fault::Error {
        code: "InvalidParameterException".into(),
        message: "user-00001@example.com is odd".into(),
        status: 400,
    };
    world.simulator.set_faults(Faults::one(
        "AdminGetUserAuthFactors",
        When::Rate(1.0),
        fault,
    ));
    let mut backups = world.backups(Duration::from_secs(60));
    backups.mfa_preferences = MfaPreferences::All;
    done(backups.run(vec![pool]).await.unwrap());
    assert_eq!(world.only_content().await.users.len(), 3);
}
