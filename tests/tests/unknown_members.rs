//! A member that Cognito adds next year survives: it comes back, or the report names it.

#![allow(clippy::unwrap_used)]

use end_to_end::drill;
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::story;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_nobody_knows_yet_come_back() {
    let Some(environment) = Environment::ready("unknown members") else {
        return;
    };
    let mut document = members();
    document["UserPool"]["NextYearsSetting"] = json!({"Mode": "QUIET", "Depth": 3});
    document["Clients"][0]["UserPoolClient"]["NextYearsFlow"] = json!(["A", "B"]);
    document["Groups"][0]["NextYearsColour"] = json!("green");
    let (stack, deployment) = environment.with_pool(&document).await.unwrap();
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let (execution, report) = story::restore(&stack, &deployment, &story::lost(MEMBERS))
        .await
        .unwrap();
    assert!(
        execution.succeeded,
        "{:?} {:?}",
        execution.error, execution.cause
    );
    let restored = report.new_user_pool_id.clone().unwrap();
    let restored = stack
        .simulator
        .dump(restored.region(), restored.as_str())
        .unwrap();
    assert_eq!(
        restored["UserPool"]["NextYearsSetting"],
        json!({"Mode": "QUIET", "Depth": 3})
    );
    let client = &restored["Clients"][0]["UserPoolClient"];
    assert_eq!(client["NextYearsFlow"], json!(["A", "B"]));
    let comparison = drill::compare_pools(&stack, &deployment, MEMBERS, &report)
        .await
        .unwrap();
    assert!(
        comparison.unannounced.is_empty(),
        "{:?}",
        comparison.unannounced
    );
}
