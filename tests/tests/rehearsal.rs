//! A rehearsal through the deployed stack: started by the trigger, driven by the state machine,
//! and cleared up after by the rule that hears of its end.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::{Deployment, Stack, is_safety_net, output};
use end_to_end::story;
use model::restore::{RehearsalRecord, ReportStatus};
use serde_json::{Value, json};
use simulator::{Fault, Faults, When};
use tokio::time::{Instant, sleep};

/// How long a rule and what it starts may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Both stacks, with one pool that is backed up and replicated; `None` where the machine cannot
/// run them.
async fn backed_up(what: &str) -> Option<(Stack, Deployment)> {
    let environment = Environment::ready(what)?;
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    stack.simulator.reset_evidence();
    Some((stack, deployment))
}

fn calls(stack: &Stack, operation: &str) -> u64 {
    let calls = stack.simulator.evidence().calls;
    calls.get(operation).copied().unwrap_or(0)
}

async fn record(stack: &Stack, deployment: &Deployment) -> Option<RehearsalRecord> {
    let key = RehearsalRecord::key(&MEMBERS.parse().unwrap());
    let record = story::read_json(stack, deployment, &key).await.ok()?;
    Some(serde_json::from_value(record).unwrap())
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_leaves_a_record_and_no_pool_and_tells_nobody() {
    let Some((stack, deployment)) = backed_up("a rehearsal").await else {
        return;
    };
    // As the schedule asks for it.
    let due = json!({"user_pool_ids": [MEMBERS], "rehearsal": {"sample": 50}});
    let arn = story::trigger(&stack, &deployment, &due).await.unwrap();
    let done = story::follow(&stack, &arn, |_| ()).await.unwrap();
    assert!(done.succeeded, "{:?} {:?}", done.error, done.cause);
    let record = record(&stack, &deployment).await.unwrap();
    assert_eq!(record.restore_id.as_str(), done.name);
    assert_ne!(record.result, ReportStatus::Failed);
    let report = story::report(&stack, &deployment, &done.name)
        .await
        .unwrap();
    assert!(report.removed.is_some());
    assert_eq!(report.users.restored, record.users);
    assert_eq!(calls(&stack, "CreateUserPool"), 1);
    assert_eq!(calls(&stack, "DeleteUserPool"), 1);
    assert_eq!(calls(&stack, "CreateUserPoolDomain"), 0);
    assert_eq!(stack.simulator.evidence().messages_sent, 0);
    let mails = stack.notifications(&deployment).await.unwrap();
    assert_eq!(mails, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_stops_a_rehearsal_whose_pool_is_removed() {
    let Some((stack, deployment)) = backed_up("a restore before a rehearsal").await else {
        return;
    };
    // The rehearsal is in the midst of it for long enough.
    let slow = Fault::AnswerSlow(3_000);
    stack
        .simulator
        .set_faults(Faults::one("CreateUserPoolClient", When::Nth(1), slow));
    let rehearsal = json!({"user_pool_id": MEMBERS, "rehearsal": {}});
    let rehearsed = story::trigger(&stack, &deployment, &rehearsal)
        .await
        .unwrap();
    until("the rehearsal makes no pool", async || {
        calls(&stack, "CreateUserPoolClient") == 1
    })
    .await;
    let restored = story::trigger(&stack, &deployment, &story::lost(MEMBERS))
        .await
        .unwrap();
    // Beside the restore no other begins.
    let function = output(&deployment.dr, "ManualDRTriggerArn").unwrap();
    let refused = story::invoke(&stack.dr, function, &rehearsal)
        .await
        .unwrap();
    assert_eq!(refused.payload["statusCode"], 409);
    let stopped = story::follow(&stack, &rehearsed, |_| ()).await.unwrap();
    assert_eq!(stopped.error.as_deref(), Some("RestoreGoesFirst"));
    let done = story::follow(&stack, &restored, |_| ()).await.unwrap();
    assert!(done.succeeded, "{:?} {:?}", done.error, done.cause);
    until("the scratch pool is still there", async || {
        let record = record(&stack, &deployment).await;
        record.is_some_and(|record| record.restore_id.as_str() == stopped.name)
            && calls(&stack, "DeleteUserPool") == 1
    })
    .await;
    let record = record(&stack, &deployment).await.unwrap();
    assert_eq!(record.result, ReportStatus::Failed);
    let report = story::report(&stack, &deployment, &done.name)
        .await
        .unwrap();
    assert_ne!(report.status, ReportStatus::Failed, "{report:#?}");
    let mails = stack.notifications(&deployment).await.unwrap();
    assert!(mails.iter().all(|mail| !is_safety_net(mail)), "{mails:#?}");
}
