//! Users who are listed by `sub` prefix are all users, whatever Cognito makes of the filter.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{PUT_ITEM, World, pool_of, refusal};
use backup::{BackupError, RunOutcome, UsersByPrefix};
use cognito::Operation;
use jiff::{Timestamp, tz::TimeZone};
use model::UserPoolId;
use model::request::BackedUpPool;
use model::users_listing::{ListingCheck, PrefixProblem, UsersListing};
use proptest::prelude::*;
use serde_json::{Value, json};
use simulator::{Config, FaultRule, Faults, SubPrefix, When};

/// The size of a pool that is listed by prefix.
const ANY: UsersByPrefix = UsersByPrefix::From(1);

/// What a memory of one day remembers is remembered.
async fn not_at_midnight() {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    if now.hour() == 23 && now.minute() >= 58 {
        tokio::time::sleep(Duration::from_secs(130)).await;
    }
}

/// A pool whose users have been there for long.
fn grown_pool_of(users: usize) -> Value {
    let mut pool = pool_of(users);
    for user in pool["Users"].as_array_mut().unwrap() {
        user["UserCreateDate"] = json!(1.7e9);
    }
    pool
}

async fn world_of(users: usize, users_by_prefix: UsersByPrefix) -> (World, UserPoolId) {
    let mut world = World::new().await;
    world.users_by_prefix = users_by_prefix;
    let pool = world.seed(grown_pool_of(users));
    (world, pool)
}

async fn run(world: &World, pool: &UserPoolId) -> BackedUpPool {
    match world.run(&[pool]).await.unwrap() {
        RunOutcome::Done(mut done) => done.remove(0),
        other => panic!("{other:?}"),
    }
}

/// How many calls of ListUsers a backup took, and how it lists users.
async fn counted(world: &World, pool: &UserPoolId, users: usize) -> (u64, UsersListing) {
    world.simulator.reset_evidence();
    let done = run(world, pool).await;
    let names = names(world, &done).await;
    assert_eq!(names.len(), users, "{:?}", done.users_listing);
    let calls = world.simulator.evidence().calls["ListUsers"];
    (calls, done.users_listing.unwrap())
}

async fn names(world: &World, done: &BackedUpPool) -> BTreeSet<String> {
    let content = world.content(&done.s3_key).await;
    let users = content.users.iter();
    let names: BTreeSet<String> = users
        .map(|user| user.username.as_str().to_owned())
        .collect();
    assert_eq!(names.len(), content.users.len(), "each user once");
    names
}

fn by_prefix(checked: ListingCheck) -> UsersListing {
    UsersListing::ByPrefix {
        chains: 16,
        checked,
    }
}

fn fell_back(problem: PrefixProblem) -> UsersListing {
    UsersListing::FellBack { problem }
}

#[tokio::test]
async fn all_chains_together_are_the_backup_user_for_user() {
    let (mut world, pool) = world_of(700, UsersByPrefix::Always).await;
    let listed = run(&world, &pool).await;
    world.users_by_prefix = UsersByPrefix::Never;
    let whole = run(&world, &pool).await;
    assert_eq!(
        listed.users_listing,
        Some(by_prefix(ListingCheck::Estimate))
    );
    assert_eq!(whole.users_listing, Some(UsersListing::OneChain));
    let (listed, whole) = (
        world.content(&listed.s3_key).await,
        world.content(&whole.s3_key).await,
    );
    let sorted = |content: &crate::support::Content| {
        let mut users = content.users.clone();
        users.sort_by(|one, other| one.username.cmp(&other.username));
        users
    };
    assert_eq!(sorted(&listed), sorted(&whole));
    let members = |content: &crate::support::Content| -> BTreeSet<(String, String)> {
        let groups = content.memberships.iter();
        groups
            .flat_map(|(group, members)| {
                let members = members.iter();
                members.map(|member| (group.clone(), member.clone()))
            })
            .collect()
    };
    assert_eq!(members(&listed), members(&whole));
}

#[tokio::test]
async fn a_pool_of_fewer_users_than_pay_is_listed_in_one_chain() {
    let (world, pool) = world_of(130, UsersByPrefix::From(131)).await;
    assert_eq!(
        counted(&world, &pool, 130).await,
        (3, UsersListing::OneChain)
    );
}

#[tokio::test]
async fn whatever_cognito_makes_of_the_filter_nobody_is_left_out_and_the_backup_says_so() {
    for (sub_prefix, setting, problem) in [
        (SubPrefix::Refused, ANY, PrefixProblem::Refused),
        (SubPrefix::Ignored, ANY, PrefixProblem::Ignored),
        (SubPrefix::Sparse, ANY, PrefixProblem::SparsePages),
        (
            SubPrefix::LeavesOut { one_in: 5 },
            ANY,
            PrefixProblem::LeftOut { users: 0 },
        ),
        (
            SubPrefix::LeavesOut { one_in: 5 },
            UsersByPrefix::Always,
            PrefixProblem::LeftOut { users: 0 },
        ),
    ] {
        let (world, pool) = world_of(600, setting).await;
        world.simulator.set_sub_prefix(sub_prefix);
        let done = run(&world, &pool).await;
        assert_eq!(names(&world, &done).await.len(), 600, "{sub_prefix:?}");
        let Some(UsersListing::FellBack { problem: found }) = done.users_listing else {
            panic!("{sub_prefix:?}: {:?}", done.users_listing)
        };
        match (found, problem) {
            (PrefixProblem::LeftOut { users }, PrefixProblem::LeftOut { .. }) => {
                assert!((60..200).contains(&users), "{users}");
            }
            (found, expected) => assert_eq!(found, expected),
        }
        let rows = world.s3.calls(PUT_ITEM);
        let row = rows.last().unwrap()["Item"]["users_listing"]["S"].clone();
        let row = row.as_str().unwrap();
        assert!(row.starts_with("in one chain of pages, because"), "{row}");
    }
}

#[tokio::test]
async fn once_a_day_all_users_are_listed_to_check_it_and_again_where_users_are_missing() {
    not_at_midnight().await;
    let (world, pool) = world_of(600, ANY).await;
    let (first, listing) = counted(&world, &pool, 600).await;
    assert_eq!(listing, by_prefix(ListingCheck::AllUsersListed));
    let (second, listing) = counted(&world, &pool, 600).await;
    assert_eq!(listing, by_prefix(ListingCheck::Estimate));
    assert_eq!(first, second + 10, "ten pages of 60");
    world
        .simulator
        .set_sub_prefix(SubPrefix::LeavesOut { one_in: 5 });
    let (third, listing) = counted(&world, &pool, 600).await;
    assert!(third > second);
    let problem = match listing {
        UsersListing::FellBack { problem } => problem,
        other => panic!("{other:?}"),
    };
    assert!(matches!(problem, PrefixProblem::LeftOut { .. }));
    // For the rest of the day nobody tries again.
    assert_eq!(counted(&world, &pool, 600).await, (10, fell_back(problem)));
}

#[tokio::test]
async fn what_was_found_out_on_another_day_counts_no_more() {
    let (world, pool) = world_of(130, ANY).await;
    let object = format!("cognito-backup-state/listing-{pool}.json");
    let remembered = r#"{"day": "2020-01-01", "found": {"problem": "refused"}}"#;
    world
        .s3
        .put(crate::support::BUCKET, &object, remembered.to_owned());
    let (_, listing) = counted(&world, &pool, 130).await;
    assert_eq!(listing, by_prefix(ListingCheck::AllUsersListed));
    let remembered = world.s3.get(crate::support::BUCKET, &object).unwrap();
    let remembered = String::from_utf8(remembered.to_vec()).unwrap();
    assert!(remembered.contains("complete"), "{remembered}");
    assert!(!remembered.contains("user-"), "{remembered}");
}

#[tokio::test]
async fn a_chain_whose_token_expires_begins_again_alone() {
    let (world, pool) = world_of(2_000, UsersByPrefix::Always).await;
    let refused = FaultRule {
        operation: Some("ListUsers".into()),
        // The first sixteen calls are the chains' first pages.
        when: When::Burst { from: 20, count: 2 },
        fault: refusal("InvalidParameterException"),
    };
    world.simulator.set_faults(Faults {
        seed: 0,
        rules: vec![refused],
    });
    let (calls, listing) = counted(&world, &pool, 2_000).await;
    assert_eq!(listing, by_prefix(ListingCheck::Estimate));
    // Some 125 users, hence three pages, of each prefix.
    assert!(calls < 16 * 5 + 2 * 4, "{calls}");
}

#[tokio::test]
async fn tokens_that_expire_between_invocations_cost_their_chains_only() {
    let (world, pool) = world_of(1_500, UsersByPrefix::Always).await;
    let mut progress = world
        .asked_by("request", Duration::ZERO)
        .run(vec![pool])
        .await;
    let mut invocations = 0;
    while let Ok(RunOutcome::InProgress(cursor)) = &progress {
        if invocations == 12 {
            world.simulator.advance_clock(Duration::from_secs(61 * 60));
        }
        let cursor = serde_json::to_value(cursor).unwrap();
        assert!(cursor.to_string().len() < 4_000);
        progress = world.backups(Duration::ZERO).go_on(cursor).await;
        invocations += 1;
        assert!(invocations < 200, "no end in sight");
    }
    let done = progress.unwrap().backups().remove(0);
    assert_eq!(names(&world, &done).await.len(), 1_500);
    assert_eq!(done.users_listing, Some(by_prefix(ListingCheck::Estimate)));
    assert_eq!(world.keys().len(), 1, "the document is gone on with");
}

/// How ListUsers behaves.
#[derive(Debug, Clone)]
struct Behaviour {
    users: usize,
    sub_prefix: SubPrefix,
    short_pages: bool,
    /// Which share of its calls is refused.
    refused: f64,
    setting: UsersByPrefix,
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    AtOnce,
    /// A page in each invocation.
    InSteps,
    /// The same, and between two of them a user comes and another one goes.
    WhileUsersChange,
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let sub_prefix = prop_oneof![
        3 => Just(SubPrefix::Found),
        1 => Just(SubPrefix::Refused),
        1 => Just(SubPrefix::Ignored),
        1 => Just(SubPrefix::Sparse),
        2 => (1u32..40).prop_map(|one_in| SubPrefix::LeavesOut { one_in }),
    ];
    let setting = prop_oneof![Just(ANY), Just(UsersByPrefix::Always)];
    let refused = prop_oneof![3 => Just(0.0), 1 => 0.0..0.1];
    let reading = prop_oneof![
        Just(Reading::AtOnce),
        Just(Reading::InSteps),
        Just(Reading::WhileUsersChange)
    ];
    (
        0usize..260,
        sub_prefix,
        any::<bool>(),
        refused,
        setting,
        reading,
    )
        .prop_map(
            |(users, sub_prefix, short_pages, refused, setting, reading)| Behaviour {
                users,
                sub_prefix,
                short_pages,
                refused,
                setting,
                reading,
            },
        )
}

async fn backed_up(
    world: &World,
    pool: &UserPoolId,
    reading: Reading,
) -> Result<RunOutcome, BackupError> {
    if reading == Reading::AtOnce {
        return world.run(&[pool]).await;
    }
    let time = Duration::ZERO;
    let first = world.asked_by("request", time);
    let mut progress = first.run(vec![pool.clone()]).await?;
    let mut number = 0;
    while let RunOutcome::InProgress(cursor) = &progress {
        if reading == Reading::WhileUsersChange {
            let user = |name: String| json!({"UserPoolId": pool, "Username": name});
            let comes = user(format!("new-{number}"));
            let goes = user(format!("user-{:05}", number * 3));
            // One may be there from the backup before, and the other gone.
            for (operation, request) in [
                (Operation::AdminCreateUser, comes),
                (Operation::AdminDeleteUser, goes),
            ] {
                drop(world.operator.call(operation, &request).await);
            }
        }
        let cursor = serde_json::to_value(cursor).unwrap();
        progress = world.backups(time).go_on(cursor).await?;
        number += 1;
    }
    Ok(progress)
}

/// 12, unless `PROPTEST_CASES` says otherwise.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES");
    ProptestConfig::with_cases(cases.map_or(12, |cases| cases.parse().unwrap()))
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn a_backup_that_is_complete_holds_every_user_once(behaviour in behaviour()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut config = Config::default();
            config.listing.short_pages = behaviour.short_pages;
            config.listing.sub_prefix = behaviour.sub_prefix;
            let mut world = World::with(config).await;
            world.users_by_prefix = behaviour.setting;
            let pool = world.seed(grown_pool_of(behaviour.users));
            if behaviour.refused > 0.0 {
                let refused = refusal("InvalidParameterException");
                let when = When::Rate(behaviour.refused);
                world.simulator.set_faults(Faults::one("ListUsers", when, refused));
            }
            // The second one goes by what the first one found out.
            for _ in 0..2 {
                match backed_up(&world, &pool, behaviour.reading).await {
                    Ok(progress) => {
                        let done = progress.backups().remove(0);
                        assert!(done.users_listing.is_some());
                        let listed = names(&world, &done).await;
                        let pool = world.simulator.pool(crate::support::REGION, pool.as_str()).unwrap();
                        let there = pool.users.iter().map(|user| user.username.as_str());
                        // Who came meanwhile may be in it.
                        let mut stayed = there.filter(|name| name.starts_with("user-"));
                        assert!(stayed.all(|name| listed.contains(name)));
                        if behaviour.reading != Reading::WhileUsersChange {
                            assert_eq!(listed.len(), behaviour.users);
                        }
                    }
                    Err(error) => assert!(behaviour.refused > 0.0, "{error}"),
                }
                assert_eq!(world.s3.open_uploads(), 0);
            }
        });
    }
}
