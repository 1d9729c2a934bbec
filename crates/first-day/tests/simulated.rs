//! Against the simulator: it agrees wherever it can be asked, planted differences are found and
//! nothing else, and whatever ends a run, nothing is left.

mod support;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cognito::{Stop, StopSignal};
use first_day::clean_up;
use first_day::journal::Journal;
use first_day::report::{Entry, Report, Verdict};
use first_day::run::{Moment, Watch};
use futures::FutureExt as _;
use simulator::{Config, Fault, Faults, Quotas, Unmeasured, When};
use support::Stage;

fn lines<'r>(entries: impl Iterator<Item = &'r Entry>) -> String {
    let line = |entry: &Entry| {
        let (observed, because) = (&entry.observed, &entry.because);
        format!(
            "{}: {observed:?} {because:?}, expected {}\n",
            entry.question, entry.expected
        )
    };
    entries.map(line).collect()
}

fn names<'r>(entries: impl Iterator<Item = &'r Entry>) -> Vec<&'r str> {
    entries.map(|entry| entry.question.as_str()).collect()
}

/// The differences of a run are these, and all else agrees.
fn only_these_differ(report: &Report, expected: &[&str]) {
    assert_eq!(names(report.with(Verdict::Differs)), expected);
    let not_asked = lines(report.with(Verdict::NotAsked));
    assert!(not_asked.is_empty(), "{not_asked}");
}

#[tokio::test]
async fn the_simulator_agrees_wherever_it_can_be_asked() {
    let stage = Stage::new(Config::default());
    let report = stage.ask(&[]).await;
    let others = lines(
        report
            .answers
            .iter()
            .filter(|entry| entry.verdict != Verdict::Agrees),
    );
    assert!(others.is_empty(), "{others}");
    assert!(report.answers.len() > 100, "{}", report.answers.len());
    assert!(report.left.is_empty());
    assert_eq!(stage.simulator.pool_ids(), [""; 0]);

    let evidence = stage.simulator.evidence();
    assert_eq!(evidence.messages_sent, 0, "{:?}", evidence.messages);
    let counted: u32 = support::askable()
        .iter()
        .flat_map(|question| &question.costs)
        .map(|(_, count)| count)
        .sum();
    assert!(
        evidence.active_users <= u64::from(counted),
        "{} are billed, {counted} were said",
        evidence.active_users
    );
}

#[tokio::test]
async fn another_reading_of_what_is_not_measured_is_found_and_nothing_else() {
    let omitted_kept = [
        "update-pool.message-by-link",
        "update-pool.default-email-option",
        "update-pool.sms-authentication-message",
        "update-pool.tier",
        "update-pool.email-configuration",
        "update-pool.account-recovery",
        "update-pool.admin-create-user",
        "update-pool.invitation",
        "update-client.access-token-validity",
        "update-client.token-validity-units",
        "update-client.user-existence-errors",
        "update-client.read-attributes",
        "update-client.write-attributes",
        "update-client.identity-providers",
        "update-client.oauth-flows",
        "update-client.callback-urls",
        "update-client.logout-urls",
        "update-client.default-redirect",
        "update-client.context-propagation",
    ];
    let plain = Unmeasured::default();
    for (unmeasured, expected) in [
        (
            Unmeasured {
                omitted_members_are_kept: true,
                ..plain
            },
            omitted_kept.as_slice(),
        ),
        (
            Unmeasured {
                later_secret_is_shown: true,
                ..plain
            },
            &["secrets.original-deleted"],
        ),
        (
            Unmeasured {
                refresh_flow_is_optional: true,
                ..plain
            },
            &["clients.without-refresh"],
        ),
    ] {
        let stage = Stage::new(Config {
            unmeasured,
            ..Config::default()
        });
        only_these_differ(&stage.ask(&[]).await, expected);
        assert_eq!(stage.simulator.pool_ids(), [""; 0]);
    }
}

/// Each call whose answer is the question's is refused in another way, once.
#[tokio::test]
async fn another_code_or_text_of_a_refusal_is_found_and_nothing_else() {
    let stage = Stage::new(Config::default());
    let refusals = stage.ask(&["refusals.*"]).await;
    for (index, entry) in refusals.answers.iter().enumerate() {
        let asked = entry.calls.last().expect("a call");
        let same = entry
            .calls
            .iter()
            .filter(|call| call.operation == asked.operation)
            .count();
        let planted = Fault::Error {
            code: "PlantedException".to_owned(),
            message: "planted".to_owned(),
            status: 400,
        };
        let when = When::Nth(u64::try_from(same).expect("a small number"));
        // With the one before it, which must not be touched; unless calls of that kind are made for it.
        let is_other = |before: &&Entry| {
            let mut calls = before.calls.iter();
            asked.operation != "DeleteUserPool"
                && calls.all(|call| call.operation != asked.operation)
        };
        let before = refusals.answers[..index].last().filter(is_other);
        let both: Vec<&str> = before
            .into_iter()
            .chain([entry])
            .map(|entry| entry.question.as_str())
            .collect();
        stage
            .simulator
            .set_faults(Faults::one(&asked.operation, when, planted));
        let report = stage.ask(&both).await;
        only_these_differ(&report, &[entry.question.as_str()]);
        let differing = report.with(Verdict::Differs).next().expect("a difference");
        assert_eq!(
            differing.observed.as_deref(),
            Some("PlantedException: planted")
        );
    }
    assert_eq!(stage.simulator.pool_ids(), [""; 0]);
}

#[tokio::test]
async fn other_answers_are_found_and_nothing_else() {
    for (operation, call, question) in [
        ("DescribeUserPoolDomain", 1, "domains.unknown"),
        ("CreateUserPoolDomain", 2, "domains.taken"),
        (
            "AdminSetUserPassword",
            1,
            "users.temporary-password-unconfirmed",
        ),
        ("AdminDisableUser", 1, "users.sub-for-username"),
        ("ListUserPoolClientSecrets", 2, "secrets.public-client"),
        (
            "CreateUserPoolClient",
            4,
            "secrets.supplied-for-client-credentials",
        ),
        ("GetProvisionedLimit", 2, "pace.limit-of-user-read"),
        ("CreateUserPool", 2, "create-pool.both-email-messages"),
    ] {
        let stage = Stage::new(Config::default());
        let planted = Fault::Error {
            code: "InvalidParameterException".to_owned(),
            message: "Not so.".to_owned(),
            status: 400,
        };
        stage
            .simulator
            .set_faults(Faults::one(operation, When::Nth(call), planted));
        let group = format!("{}.*", question.split('.').next().unwrap_or_default());
        only_these_differ(&stage.ask(&[&group]).await, &[question]);
    }
}

#[tokio::test]
async fn a_quota_that_a_burst_exceeds_is_found() {
    let stage = Stage::new(Config {
        quotas: Quotas::Scaled(0.5),
        ..Config::default()
    });
    only_these_differ(&stage.ask(&["pace.*"]).await, &["pace.burst"]);
}

/// What cannot be asked is no difference: the set-up was refused, or nothing answered.
#[tokio::test]
async fn what_could_not_be_asked_says_why() {
    let stage = Stage::new(Config::default());
    let denied = Fault::Error {
        code: "AccessDeniedException".to_owned(),
        message: "User is not authorized to perform: cognito-idp:CreateResourceServer".to_owned(),
        status: 400,
    };
    stage
        .simulator
        .set_faults(Faults::one("CreateResourceServer", When::Rate(1.0), denied));
    let report = stage.ask(&["secrets.*"]).await;
    assert!(report.with(Verdict::Differs).next().is_none());
    let not_asked = lines(report.with(Verdict::NotAsked));
    assert_eq!(not_asked.lines().count(), 2, "{not_asked}");
    assert!(
        not_asked.contains(
            "CreateResourceServer had to come first and was refused: AccessDeniedException"
        ),
        "{not_asked}"
    );
}

/// Questions that make all kinds of things, in states that are hard to remove.
const HARD: [&str; 4] = [
    "domains.*",
    "update-pool.tags",
    "update-pool.deletion-protection",
    "users.same-name",
];

/// Does something when that many things were begun or made.
struct Fuse<F> {
    left: AtomicU32,
    struck: AtomicBool,
    strike: F,
}

impl<F: Fn() + Send + Sync> Watch for Fuse<F> {
    fn moment(&self, moment: &Moment<'_>) {
        if matches!(
            moment,
            Moment::Asking(_) | Moment::Making(_) | Moment::Made(_)
        ) && self.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            self.struck.store(true, Ordering::SeqCst);
            (self.strike)();
        }
    }
}

fn fuse<F: Fn() + Send + Sync + 'static>(
    moments: u32,
    strike: F,
) -> (Arc<Fuse<F>>, Arc<dyn Watch>) {
    let (left, struck) = (AtomicU32::new(moments), AtomicBool::new(false));
    let fuse = Arc::new(Fuse {
        left,
        struck,
        strike,
    });
    (fuse.clone(), fuse)
}

#[tokio::test]
async fn stopped_at_any_moment_it_removes_what_it_made() {
    let stage = Stage::new(Config::default());
    for moments in 1.. {
        let signal = Arc::new(StopSignal::default());
        let stop = signal.stop();
        let (fuse, watch) = fuse(moments, move || signal.request());
        let journal = stage.journal(&format!("first-day-{moments}"));
        let report = stage.ask_with(&HARD, &journal, &watch, &stop).await;
        assert_eq!(stage.simulator.pool_ids(), [""; 0], "after {moments}");
        assert!(journal.things().is_empty(), "after {moments}");
        if !fuse.struck.load(Ordering::SeqCst) {
            assert!(!report.stopped && moments > 15, "{moments}");
            return;
        }
        assert!(report.stopped, "after {moments}");
    }
}

/// A process that dies writes nothing more: here the run dies at that moment.
#[tokio::test]
async fn killed_at_any_moment_it_leaves_a_journal_that_removes_all() {
    let stage = Stage::new(Config::default());
    for moments in 1.. {
        let (fuse, watch) = fuse(moments, || panic!("killed"));
        let journal = stage.journal(&format!("first-day-{moments}"));
        let path = journal.path().to_owned();
        let never = Stop::never();
        let run = stage.ask_with(&HARD, &journal, &watch, &never);
        let ended = AssertUnwindSafe(run).catch_unwind().await;
        let left = clean_up::by_journal(
            &stage.account,
            &Journal::open(&path).expect("a journal"),
            &(),
        )
        .await;
        assert!(left.is_empty(), "after {moments}");
        assert_eq!(stage.simulator.pool_ids(), [""; 0], "after {moments}");
        if !fuse.struck.load(Ordering::SeqCst) {
            assert!(ended.is_ok() && moments > 15, "{moments}");
            return;
        }
        assert!(ended.is_err(), "after {moments}");
    }
}

/// The answer to a creation is lost: the pool is there, and nobody was told its id.
#[tokio::test]
async fn a_pool_whose_creation_was_never_answered_is_removed() {
    let stage = Stage::new(Config::default());
    stage.simulator.set_faults(Faults::one(
        "CreateUserPool",
        When::Nth(1),
        Fault::AnswerLost,
    ));
    let report = stage.ask(&["domains.taken"]).await;
    assert_eq!(names(report.with(Verdict::NotAsked)), ["domains.taken"]);
    assert_eq!(stage.simulator.evidence().calls["CreateUserPool"], 1);
    assert_eq!(stage.simulator.pool_ids(), [""; 0]);
}

#[tokio::test]
async fn without_its_journal_a_run_is_found_by_name_and_tag_and_nothing_else_is_touched() {
    let stage = Stage::new(Config::default());
    let foreign: Vec<String> = [
        serde_json::json!({"Name": "first-day-of-somebody-else"}),
        serde_json::json!({"Name": "shop", "UserPoolTags": {"cognito-backup:first-day": "first-day-1"}}),
    ]
    .into_iter()
    .map(|pool| {
        let pool = serde_json::json!({"UserPool": pool});
        stage.simulator.seed(support::PRIMARY, &pool).expect("a pool")
    })
    .collect();
    let (_, watch) = fuse(6, || panic!("killed"));
    let journal = stage.journal("first-day-1");
    let (questions, never) = (["domains.taken", "domains.unknown"], Stop::never());
    let run = stage.ask_with(&questions, &journal, &watch, &never);
    assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());
    assert!(stage.simulator.pool_ids().len() > foreign.len());

    let removed = clean_up::pools_by_tag(&stage.account)
        .await
        .expect("removal");
    assert_eq!(removed, 2);
    let mut left = stage.simulator.pool_ids();
    left.sort();
    let mut foreign = foreign;
    foreign.sort();
    assert_eq!(left, foreign);
}
