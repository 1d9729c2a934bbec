//! A restore that failed goes on where it stopped, by the command of its own report.

#![allow(clippy::unwrap_used)]

use end_to_end::drill;
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::{Deployment, Stack, output};
use end_to_end::story::{self, Execution};
use model::restore::{Report, ReportStatus};
use serde_json::{Value, json};
use simulator::{Fault, Faults, When};

/// Both stacks, with one pool; `None` where the machine cannot run them.
async fn deployed(what: &str) -> Option<(Stack, Deployment)> {
    let environment = Environment::ready(what)?;
    Some(environment.with_pool(&members()).await.unwrap())
}

/// The first payload among the commands that the report hands over.
fn handed_over(report: &Report) -> Value {
    let command = report.manual_steps[0].command.as_deref().unwrap();
    let payload = command.split('\'').nth(1).unwrap();
    serde_json::from_str(payload).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_failed_half_way_goes_on_into_the_same_pool() {
    let Some((stack, deployment)) = deployed("a resumed restore").await else {
        return;
    };
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let run = async |request: Value| -> Execution {
        let arn = story::trigger(&stack, &deployment, &request).await.unwrap();
        story::follow(&stack, &arn, |_| ()).await.unwrap()
    };

    let forbidden = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "not allowed any more".into(),
        status: 400,
    };
    let from_the_60th = When::Burst {
        from: 60,
        count: 1_000_000,
    };
    stack
        .simulator
        .set_faults(Faults::one("AdminCreateUser", from_the_60th, forbidden));
    let failed = run(story::lost(MEMBERS)).await;
    assert_eq!(failed.error.as_deref(), Some("NotAuthorized"));
    let report = story::report(&stack, &deployment, &failed.name)
        .await
        .unwrap();
    assert_eq!(report.status, ReportStatus::Failed);
    let begun = report.new_user_pool_id.clone().unwrap();

    stack.simulator.set_faults(Faults::default());
    let resume = handed_over(&report);
    assert_eq!(resume["resume"], failed.name);
    let resumed = run(resume.clone()).await;
    assert!(resumed.succeeded, "{:?} {:?}", resumed.error, resumed.cause);
    assert_ne!(resumed.name, failed.name);
    let report = story::report(&stack, &deployment, &failed.name)
        .await
        .unwrap();
    assert_ne!(report.status, ReportStatus::Failed);
    assert_eq!(report.new_user_pool_id, Some(begun));
    let comparison = drill::compare_pools(&stack, &deployment, MEMBERS, &report)
        .await
        .unwrap();
    assert_eq!(comparison.unannounced, std::collections::BTreeSet::new());

    // Another pool's restore, and one that never was, are not touched by a slip of the pen.
    let folders = async || {
        let keys = story::list(&stack, &deployment, "cognito-restore/").await;
        keys.unwrap()
    };
    let slip = run(json!({"user_pool_id": MEMBERS, "resume": "dr-restore-nothing"})).await;
    assert_eq!(slip.error.as_deref(), Some("BadRequest"));
    let expected = format!("cognito-restore/{}/report.json", slip.name);
    assert!(folders().await.contains(&expected));
    assert!(
        folders()
            .await
            .iter()
            .all(|key| !key.contains("dr-restore-nothing/"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_was_stopped_is_not_resumed_beside_its_last_invocation() {
    let Some((stack, deployment)) = deployed("a stopped restore").await else {
        return;
    };
    // Without a backup, the execution would end by itself; it is stopped while it looks for one.
    let arn = story::trigger(&stack, &deployment, &story::lost(MEMBERS))
        .await
        .unwrap();
    stack
        .dr
        .step_functions
        .stop_execution()
        .execution_arn(&arn)
        .send()
        .await
        .unwrap();
    let name = arn.rsplit(':').next().unwrap();
    let invocation = story::invoke(
        &stack.dr,
        output(&deployment.dr, "ManualDRTriggerArn").unwrap(),
        &json!({"user_pool_id": MEMBERS, "resume": name}),
    )
    .await
    .unwrap();
    assert_eq!(invocation.payload["statusCode"], 409);
    let body = invocation.body().unwrap();
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .contains("may be at work until"),
        "{body}"
    );
    assert_eq!(body["execution_arn"], arn);
}
