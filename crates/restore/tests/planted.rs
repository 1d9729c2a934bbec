//! The status is what happened: a success where nothing is lost, and a failure where something
//! is done to the pool behind the restore's back.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::request::{RestoreAction, RestoreOptions};
use support::compare::{Table, compare};
use support::{NEW, World, pools};

#[tokio::test]
async fn a_pool_with_one_of_everything_comes_back_but_for_what_is_announced() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let table = Table::read();
    let found = compare(
        &lost.document,
        &restored.document,
        &restored.announcements,
        &table,
    );
    let verification = restored.state.verification.unwrap();
    let evidence = world.simulator.evidence();
    println!(
        "{} announced {:#?} refused {:#?}",
        restored.result, restored.announcements, evidence.refused
    );
    let unannounced: Vec<_> = verification
        .differences
        .iter()
        .filter(|difference| difference.announced_by.is_none())
        .collect();
    let rows: Vec<_> = verification.rows.iter().filter(|row| !row.holds).collect();
    assert!(verification.passed(), "{unannounced:#?} {rows:#?}");
    assert_eq!(found, []);
    assert_eq!(evidence.messages_sent, 0);
    assert_eq!(evidence.trigger_invocations.len(), 0);
    assert_eq!(restored.user_map.len(), 6);
}

#[tokio::test]
async fn a_plain_pool_of_which_nothing_is_lost_is_a_success() {
    let world = World::new().await;
    let lost = world.lose(pools::plain()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let state = &restored.state;
    let verification = state.verification.as_ref().unwrap();
    assert!(verification.passed(), "{verification:#?}");
    let lost: Vec<_> = state
        .steps
        .iter()
        .flat_map(|record| &record.findings)
        .chain(&state.users.findings)
        .filter(|finding| finding.kind.is_loss())
        .collect();
    assert_eq!(
        restored.result, "SUCCESS",
        "{lost:#?} {:?}",
        state.users.counts
    );
}

#[tokio::test]
async fn a_group_deleted_behind_the_restores_back_makes_it_a_failure() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let options = RestoreOptions::default();
    let answer = world.expect(&lost, RestoreAction::Restore, &options).await;
    let pool = answer.new_user_pool_id.unwrap();
    let mut document = world.simulator.pool(NEW, pool.as_str()).unwrap();
    let whole = document.clone();
    document
        .groups
        .retain(|group| group["GroupName"] != "editors");
    for user in &mut document.users {
        user.groups.retain(|group| group != "editors");
    }
    world.simulator.plant(NEW, document).unwrap();
    world.expect(&lost, RestoreAction::Verify, &options).await;
    let restored = world.report(&lost, &options).await;
    assert_eq!(restored.result, "FAILED");
    let verification = restored.state.verification.unwrap();
    assert!(!verification.passed());
    let found: Vec<&str> = verification
        .differences
        .iter()
        .filter(|difference| difference.announced_by.is_none())
        .map(|difference| difference.path.as_str())
        .collect();
    let planted = ["groups/editors", "group_memberships/editors"];
    for place in planted {
        assert!(
            found.iter().any(|path| path.starts_with(place)),
            "{found:?}"
        );
    }
    let is_planted = |path: &&&str| planted.iter().any(|place| path.starts_with(place));
    let others: Vec<_> = found.iter().filter(|path| !is_planted(path)).collect();
    assert!(others.is_empty(), "{others:?}");

    // Put right and resumed: compared anew, with what the restore had announced.
    world.simulator.plant(NEW, whole).unwrap();
    let again = world.restore(&lost, &options).await;
    assert_eq!(again.result, "SUCCESS_WITH_LOSSES");
    assert!(again.state.verification.unwrap().passed());
}

#[tokio::test]
async fn a_plain_pool_that_came_back_as_it_was_has_nothing_to_tell() {
    let world = World::new().await;
    let lost = world.lose(pools::plain()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let counts = restored.state.finding_counts();
    let steps = restored.state.steps.iter();
    let told: Vec<_> = steps.flat_map(|record| &record.findings).collect();
    assert_eq!(counts.total(), 0, "{told:#?}");
}
