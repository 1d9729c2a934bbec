//! Whoever watches a backup, a restore and its verification hears how far they are, and learns
//! nothing about anybody.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::observe::{Activity, Counted, Ending, Event, ImportJob};
use model::request::{RestoreOptions, UsersEngine};
use model::restore::Step;
use support::{Lost, World, pools};

/// What began and did not end, or ended and had not begun.
fn unbalanced(events: &[Event]) -> Vec<&Activity> {
    let mut open: Vec<&Activity> = Vec::new();
    for event in events {
        match event {
            Event::Began { activity } => open.push(activity),
            Event::Ended { activity, .. } if open.last() == Some(&activity) => {
                open.pop();
            }
            Event::Ended { activity, .. } => open.push(activity),
            _ => {}
        }
    }
    open
}

/// How many were dealt with at the end, and of how many.
fn reached(events: &[Event], counted: Counted) -> (u64, Option<u64>) {
    let mut reached = (0, None);
    for event in events {
        if let Event::Progress {
            of_what,
            done,
            total,
        } = event
            && *of_what == counted
        {
            assert!(*done >= reached.0, "{done} after {reached:?}");
            reached = (*done, *total);
        }
    }
    reached
}

fn assert_names_nobody(events: &[Event], lost: &Lost) {
    let said = serde_json::to_string(events).unwrap();
    for user in lost.document["Users"].as_array().unwrap() {
        let mut values = vec![&user["Username"], &user["Sub"]];
        values.extend(user["Attributes"].as_object().unwrap().values());
        for value in values.into_iter().filter_map(|value| value.as_str()) {
            assert!(value.len() < 6 || !said.contains(value), "{value}");
        }
    }
}

#[tokio::test]
async fn an_observer_hears_of_every_step_and_of_every_user_and_of_nobody_by_name() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let users = lost.document["Users"].as_array().unwrap().len() as u64;

    let backup = world.heard.take();
    assert_eq!(unbalanced(&backup), [] as [&Activity; 0]);
    assert_eq!(reached(&backup, Counted::Users).0, users);
    assert!(reached(&backup, Counted::Memberships).0 > 0);
    assert_names_nobody(&backup, &lost);

    let options = RestoreOptions {
        users_engine: UsersEngine::Import,
        ..RestoreOptions::default()
    };
    world.restore(&lost, &options).await;
    let restore = world.heard.take();
    assert_eq!(unbalanced(&restore), [] as [&Activity; 0]);
    assert_eq!(reached(&restore, Counted::Users), (users, Some(users)));
    assert!(reached(&restore, Counted::UsersCompared).0 > 0);
    for step in Step::ALL {
        let ended = restore.iter().any(|event| {
            matches!(event, Event::Ended { activity: Activity::Step { step: of }, ending, .. }
                if of == step && *ending != Ending::Interrupted)
        });
        assert!(ended, "{step}");
    }
    let job = |is: fn(&ImportJob) -> bool| {
        let mut jobs = restore.iter();
        jobs.any(|event| matches!(event, Event::ImportJob { job } if is(job)))
    };
    assert!(job(|job| matches!(job, ImportJob::Created { rows: 1.. })));
    assert!(job(|job| matches!(
        job,
        ImportJob::Ended { imported: 1.., .. }
    )));
    assert_names_nobody(&restore, &lost);
}
