//! Two Regions in which everything is ready, and one defect planted at a time: the check finds
//! that one and nothing else.

#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeMap;

use cognito::{Pace, Stop};
use jiff::{SignedDuration, Timestamp};
use model::restore::ReportStatus;
use ready::{Outcome, Primary, Question, Readiness, Settings, Subject, Target, TimeFrom, check};
use serde_json::json;

use world::{
    BACKUPS, HERE, LOST, POOL, REPLICAS, World, certificate, document, hours_before, kms_key, role,
    secrets_key, topic, trust,
};

fn now() -> Timestamp {
    "2026-03-07T12:30:00Z".parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn settings() -> Settings {
    Settings {
        environment: "prod".into(),
        bucket: REPLICAS.into(),
        topic_arn: topic(HERE),
        import_role_arn: role("import"),
        maximum_replica_age: hours(3),
        longest_restore: hours(12),
        rehearsed: vec![POOL.parse().unwrap()],
        retired: Vec::new(),
        pace: Pace::share_of_quotas(1.0),
    }
}

impl World {
    async fn target(&self, settings: Settings) -> Target {
        let aws = self.config(HERE).await;
        Target::new(settings, &aws)
    }

    async fn config(&self, region: &str) -> aws_config::SdkConfig {
        let own = [
            ("S3", self.s3.endpoint()),
            ("Cognito Identity Provider", self.simulator.endpoint()),
        ];
        ready::testing::config(region, &own, self.services.endpoint()).await
    }

    async fn primary(&self) -> BTreeMap<String, Result<Primary, String>> {
        let primary = Primary::new(BACKUPS, &self.config(LOST).await);
        BTreeMap::from([(LOST.to_owned(), Ok(primary))])
    }

    async fn look(&self, settings: Settings) -> Readiness {
        self.look_with(settings, &self.primary().await).await
    }

    async fn look_with(
        &self,
        settings: Settings,
        primaries: &BTreeMap<String, Result<Primary, String>>,
    ) -> Readiness {
        let target = self.target(settings).await;
        let question = Question {
            pools: &target.known_pools().await.unwrap(),
            are_all: true,
            primaries,
        };
        check(&target, &question, now(), &Stop::never()).await
    }
}

/// What does not say yes, and of what.
fn not_yes(readiness: &Readiness) -> Vec<(Subject, String)> {
    let checks = readiness.checks().filter(|check| !check.outcome.is_yes());
    checks
        .map(|check| (check.check, check.outcome.detail().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_healthy_world_is_ready_and_its_costs_are_measured() {
    let world = World::ready_at(now());
    let readiness = world.look(settings()).await;
    assert_eq!(not_yes(&readiness), []);
    assert!(readiness.ready);
    let [pool] = &readiness.pools[..] else {
        panic!("{:?}", readiness.pools)
    };
    assert_eq!(
        (pool.user_pool_id.as_str(), &*pool.name),
        (POOL, "customers")
    );
    assert_eq!(pool.replica_age_seconds, Some(3600));
    assert_eq!(pool.measured.recovery_point_seconds, Some(3600));
    assert_eq!(pool.measured.replicas, 2);
    assert_eq!(pool.measured.recovery_time_seconds, Some(60));
    assert_eq!(pool.measured.recovery_time_from, Some(TimeFrom::Rehearsal));
    // One of everything was asked, so that nothing is ready for want of a question.
    let asked: std::collections::BTreeSet<Subject> =
        readiness.checks().map(|check| check.check).collect();
    assert_eq!(asked.len(), 24, "{asked:?}");
    assert_eq!(world.simulator.evidence().refused_total, 0);
}

/// A defect: what is planted, and which checks say no.
type Defect = (&'static str, fn(&World), &'static [Subject]);

const DEFECTS: &[Defect] = &[
    (
        "the schedule is off",
        |world| {
            for bucket in [BACKUPS, REPLICAS] {
                remove(world, bucket);
                world.put_backup(bucket, hours_before(now(), 5));
            }
        },
        &[Subject::NewestBackup, Subject::NewestReplica],
    ),
    (
        "the primary bucket was emptied",
        |world| remove(world, BACKUPS),
        // Without a backup nobody can say whether it has a replica.
        &[Subject::NewestBackup],
    ),
    (
        "replication is off",
        |world| {
            let newest = hours_before(now(), 1);
            world.s3.remove(REPLICAS, &world::key(newest));
        },
        &[Subject::Replication],
    ),
    (
        "a byte of the newest replica changed",
        |world| {
            let began = hours_before(now(), 1);
            let mut bytes = document(began);
            let at = bytes.windows(6).position(|text| text == b"user-9").unwrap();
            bytes[at] = b'U';
            world.put(REPLICAS, began, bytes);
        },
        &[Subject::WholeReplica],
    ),
    (
        "the newest replica is cut off",
        |world| {
            let began = hours_before(now(), 1);
            let mut bytes = document(began);
            bytes.truncate(bytes.len() / 2);
            world.put(REPLICAS, began, bytes);
        },
        &[Subject::WholeReplica],
    ),
    (
        "the role of SMS is not there",
        |world| drop(world.services.account().roles.remove("sms")),
        &[Subject::Role],
    ),
    (
        "the role of SMS asks for another external id",
        |world| {
            let another = trust(Some("another"));
            world.services.account().roles.insert("sms".into(), another);
        },
        &[Subject::Role],
    ),
    (
        "a group's role is not there",
        |world| drop(world.services.account().roles.remove("editors")),
        &[Subject::Role],
    ),
    (
        "the role of import jobs trusts somebody else",
        |world| {
            let nobody = json!({"Statement": []});
            world
                .services
                .account()
                .roles
                .insert("import".into(), nobody);
        },
        &[Subject::Role],
    ),
    (
        "an SES identity is not verified",
        |world| {
            for verified in world.services.account().ses_identities.values_mut() {
                *verified = false;
            }
        },
        &[Subject::SesIdentity],
    ),
    (
        "an SES identity is not there",
        |world| world.services.account().ses_identities.clear(),
        &[Subject::SesIdentity],
    ),
    (
        "mail would leave through the lost Region",
        |world| world.forget("ses_identities"),
        &[Subject::SesIdentity],
    ),
    (
        "SES is in its sandbox",
        |world| world.services.account().ses_sandbox = true,
        &[Subject::SesSandbox],
    ),
    (
        "SMS is in its sandbox",
        |world| world.services.account().sms_sandbox = true,
        &[Subject::SmsSandbox],
    ),
    (
        "the spend limit of SMS was never raised",
        |world| world.services.account().sms_spend = "1".into(),
        &[Subject::SmsSpend],
    ),
    (
        "a key is disabled",
        |world| {
            set(
                &mut world.services.account().kms_keys,
                kms_key(),
                "Disabled",
            )
        },
        &[Subject::KmsKey],
    ),
    (
        "a key is going to be deleted",
        |world| {
            set(
                &mut world.services.account().kms_keys,
                kms_key(),
                "PendingDeletion",
            )
        },
        &[Subject::KmsKey],
    ),
    (
        "a key has no counterpart",
        |world| world.forget("kms_keys"),
        &[Subject::KmsKey],
    ),
    (
        "the key of the secrets is going to be deleted",
        |world| {
            set(
                &mut world.services.account().kms_keys,
                secrets_key(),
                "PendingDeletion",
            )
        },
        &[Subject::SecretsKey],
    ),
    (
        "the key of the secrets is gone",
        |world| {
            let keys = &mut world.services.account().kms_keys;
            keys.remove(&secrets_key());
        },
        &[Subject::SecretsKey],
    ),
    (
        "a certificate has expired",
        |world| {
            set(
                &mut world.services.account().certificates,
                certificate(),
                "EXPIRED",
            )
        },
        &[Subject::Certificate],
    ),
    (
        "a certificate is not there",
        |world| world.services.account().certificates.clear(),
        &[Subject::Certificate],
    ),
    (
        "a function is not there",
        |world| world.services.account().functions.clear(),
        &[Subject::Function],
    ),
    (
        "the web ACL is not there",
        |world| world.services.account().web_acls.clear(),
        &[Subject::WebAcl],
    ),
    (
        "logs have nowhere to go",
        |world| world.forget("log_destinations"),
        &[Subject::LogDestination],
    ),
    (
        "somebody has the domain",
        |world| {
            let pool = json!({"UserPool": {"Name": "other"}, "Domains": [{"Domain": "app", "ManagedLoginVersion": 1}]});
            world.simulator.seed(HERE, &pool).unwrap();
        },
        &[Subject::Domain],
    ),
    (
        "Apple's key is not in the map",
        |world| world.forget("apple_private_keys"),
        &[Subject::ApplePrivateKey],
    ),
    (
        "the map has a member that does not exist",
        |world| world.change_map("functons", json!({})),
        &[Subject::Map],
    ),
    (
        "an entry of the map is mistyped",
        |world| world.change_map("domain_prefixes", json!({"apps": "apps-dr"})),
        &[Subject::MapEntries],
    ),
    (
        "a subscription waits for confirmation",
        |world| {
            let waiting = vec!["PendingConfirmation".to_owned()];
            world
                .services
                .account()
                .subscriptions
                .insert(topic(HERE), waiting);
        },
        &[Subject::Subscriptions],
    ),
    (
        "nobody hears the alarms of the primary Region",
        |world| {
            drop(
                world
                    .services
                    .account()
                    .subscriptions
                    .insert(topic(LOST), Vec::new()),
            )
        },
        &[Subject::Subscriptions],
    ),
    (
        "an alarm tells nobody",
        |world| {
            let quiet = ready::testing::Alarm {
                name: "cognito-backup-overdue-prod".into(),
                is_on: true,
                actions: Vec::new(),
            };
            let mut account = world.services.account();
            account.alarms.get_mut(LOST).unwrap().push(quiet);
        },
        &[Subject::Alarms],
    ),
    (
        "the actions of an alarm are switched off",
        |world| {
            let mut account = world.services.account();
            account.alarms.get_mut(HERE).unwrap()[0].is_on = false;
        },
        &[Subject::Alarms],
    ),
    (
        "the last rehearsal failed",
        |world| world.put_rehearsal(hours_before(now(), 24), ReportStatus::Failed),
        &[Subject::Rehearsal],
    ),
    (
        "the last rehearsal is long ago",
        |world| world.put_rehearsal(hours_before(now(), 24 * 101), ReportStatus::Success),
        &[Subject::Rehearsal],
    ),
    (
        "the account has no room for another pool",
        |world| {
            for n in 0..restore::needs::POOLS {
                let pool = json!({"UserPool": {"Name": format!("pool-{n}")}});
                world.simulator.seed(HERE, &pool).unwrap();
            }
        },
        &[Subject::UserPools],
    ),
];

fn remove(world: &World, bucket: &str) {
    for hours in [1, 2] {
        world
            .s3
            .remove(bucket, &world::key(hours_before(now(), hours)));
    }
}

fn set(states: &mut BTreeMap<String, String>, arn: String, state: &str) {
    states.insert(arn, state.to_owned());
}

#[tokio::test]
async fn each_planted_defect_is_found_and_nothing_else() {
    for (defect, plant, expected) in DEFECTS {
        let world = World::ready_at(now());
        plant(&world);
        let readiness = world.look(settings()).await;
        let no = readiness.checks().filter(|check| check.outcome.is_no());
        let found: Vec<Subject> = no.clone().map(|check| check.check).collect();
        assert_eq!(found, *expected, "{defect}: {:?}", not_yes(&readiness));
        for check in no {
            let command = check.outcome.command().unwrap_or_default();
            let begins = ["aws ", "echo ", "cognito-dr "];
            assert!(
                begins.iter().any(|begin| command.starts_with(begin)),
                "{defect}: {command}"
            );
            assert!(!command.contains("the private key"), "{command}");
        }
        assert!(!readiness.ready, "{defect}");
    }
}

#[tokio::test]
async fn a_restore_that_takes_too_long_is_found() {
    let world = World::ready_at(now());
    let strict = Settings {
        longest_restore: SignedDuration::from_secs(1),
        ..settings()
    };
    let readiness = world.look(strict).await;
    let found: Vec<Subject> = not_yes(&readiness)
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(found, [Subject::RestoreTime]);
}

#[tokio::test]
async fn what_a_permission_hides_cannot_be_told_and_is_no_yes() {
    for (service, subjects) in [
        ("lambda", &[Subject::Function] as &[Subject]),
        ("iam", &[Subject::Role, Subject::Role, Subject::Role]),
        ("ses", &[Subject::SesIdentity, Subject::SesSandbox]),
        ("kms", &[Subject::KmsKey, Subject::SecretsKey]),
        ("acm", &[Subject::Certificate]),
        ("wafv2", &[Subject::WebAcl]),
        ("monitoring", &[Subject::Alarms, Subject::Alarms]),
    ] {
        let world = World::ready_at(now());
        world.services.account().refusing.insert(service.into());
        let readiness = world.look(settings()).await;
        let mut found: Vec<Subject> = Vec::new();
        for check in readiness.checks().filter(|check| !check.outcome.is_yes()) {
            let untold = matches!(check.outcome, Outcome::CannotBeTold { .. });
            assert!(untold, "{service}: {check:?}");
            assert!(check.outcome.detail().contains("AccessDenied"), "{check:?}");
            found.push(check.check);
        }
        found.sort();
        assert_eq!(found, subjects, "{service}");
        assert!(!readiness.ready);
    }
}

#[tokio::test]
async fn without_the_primary_region_all_else_is_answered() {
    let world = World::ready_at(now());
    let gone = BTreeMap::from([(LOST.to_owned(), Err("us-east-1 gave no answer".to_owned()))]);
    let readiness = world.look_with(settings(), &gone).await;
    let found: Vec<Subject> = not_yes(&readiness)
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(
        found,
        [Subject::Alarms, Subject::NewestBackup, Subject::Replication]
    );
    assert_eq!((readiness.saying_no(), readiness.untold()), (0, 3));
    // The scheduled check in the DR Region does not even ask.
    let readiness = world.look_with(settings(), &BTreeMap::new()).await;
    assert!(readiness.ready, "{:?}", not_yes(&readiness));
}

#[tokio::test]
async fn a_bucket_without_any_replica_is_no_reason_to_be_calm() {
    let world = World::ready_at(now());
    remove(&world, REPLICAS);
    world.s3.remove(REPLICAS, world::MAP);
    let readiness = world.look_with(settings(), &BTreeMap::new()).await;
    let no: Vec<_> = not_yes(&readiness)
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(no, [Subject::NewestReplica]);
    assert_eq!(readiness.replicas_overdue(), 1);
}

#[tokio::test]
async fn a_pool_that_was_retired_is_not_known_any_more() {
    let world = World::ready_at(now());
    let retired = Settings {
        retired: vec![POOL.parse().unwrap()],
        ..settings()
    };
    let target = world.target(retired).await;
    assert_eq!(target.known_pools().await.unwrap(), []);
}

#[tokio::test]
async fn without_rehearsals_it_cannot_be_told_whether_a_restore_works() {
    let world = World::ready_at(now());
    world
        .s3
        .remove(REPLICAS, &format!("cognito-restore/rehearsals/{POOL}.json"));
    let off = Settings {
        rehearsed: Vec::new(),
        ..settings()
    };
    let readiness = world.look(off).await;
    assert_eq!((readiness.saying_no(), readiness.untold()), (0, 1));
    let from = readiness.pools[0].measured.recovery_time_from;
    assert_eq!(from, Some(TimeFrom::Quotas));
    // Where the system rehearses by itself, a pool that never was is a defect.
    let readiness = world.look(settings()).await;
    assert_eq!(readiness.saying_no(), 1);
}
