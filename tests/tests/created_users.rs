//! The event rule of the primary stack: which calls start a backup, and how many.
//!
//! The local stack refuses events of AWS's own sources, as AWS does, so a copy of the deployed
//! rule listens to another source; pattern and targets are otherwise those of the template.

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Rule};
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::clients::PRIMARY_REGION;
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, SHOP, members};
use end_to_end::stack::{Options, Stack};
use serde_json::{Value, json};

const SOURCE: &str = "test.cognito-idp";

fn created(pool: &str, error: Option<&str>, id: usize) -> PutEventsRequestEntry {
    let mut detail = json!({
        "eventID": id.to_string(),
        "eventSource": "cognito-idp.amazonaws.com",
        "eventName": "AdminCreateUser",
        "requestParameters": {"userPoolId": pool, "username": "HIDDEN_DUE_TO_SECURITY_REASONS"},
    });
    if let Some(error) = error {
        detail["errorCode"] = json!(error);
    }
    PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type("AWS API Call via CloudTrail")
        .detail(detail.to_string())
        .build()
}

/// Makes the copy of the deployed rule.
async fn listen(events: &aws_sdk_eventbridge::Client) {
    let rules = events.list_rules().send().await.unwrap();
    let deployed: &Rule = rules
        .rules()
        .iter()
        .find(|rule| {
            rule.event_pattern()
                .is_some_and(|pattern| pattern.contains("AdminCreateUser"))
        })
        .expect("the rule is deployed");
    let mut pattern: Value = serde_json::from_str(deployed.event_pattern().unwrap()).unwrap();
    pattern["source"] = json!([SOURCE]);
    let targets = events
        .list_targets_by_rule()
        .rule(deployed.name().unwrap())
        .send()
        .await
        .unwrap();
    events
        .put_rule()
        .name("copy")
        .event_pattern(pattern.to_string())
        .send()
        .await
        .unwrap();
    events
        .put_targets()
        .rule("copy")
        .set_targets(targets.targets)
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_created_users_starts_one_backup_and_other_calls_none() {
    let Some(environment) = Environment::ready("created users") else {
        return;
    };
    let stack = Stack::start(&environment.python, &Options::default())
        .await
        .unwrap();
    let pool = stack.simulator.seed(PRIMARY_REGION, &members()).unwrap();
    stack.deploy(&environment.binaries, &[pool]).await.unwrap();
    let sqs = &stack.primary.sqs;
    let queue = sqs
        .get_queue_url()
        .queue_name("cognito-backup-user-created-prod.fifo")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    // Six minutes are what the template says; what they are for is tested there.
    sqs.set_queue_attributes()
        .queue_url(&queue)
        .attributes(QueueAttributeName::DelaySeconds, "1")
        .send()
        .await
        .unwrap();
    let events = aws_sdk_eventbridge::Client::new(&stack.primary.config);
    listen(&events).await;
    stack.simulator.reset_evidence();

    let burst = (0..40).map(|id| match id % 4 {
        0 => created(SHOP, None, id),
        1 => created(MEMBERS, Some("UsernameExistsException"), id),
        _ => created(MEMBERS, None, id),
    });
    let burst: Vec<_> = burst.collect();
    for entries in burst.chunks(10) {
        let put = events
            .put_events()
            .set_entries(Some(entries.to_vec()))
            .send()
            .await
            .unwrap();
        assert_eq!(put.failed_entry_count, 0);
    }

    let bucket = "cognito-backup-prod-111122223333";
    let began = Instant::now();
    let keys = loop {
        let listed = stack
            .primary
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix("cognito-backup/")
            .send()
            .await
            .unwrap();
        let left = sqs
            .get_queue_attributes()
            .queue_url(&queue)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        let left: u32 = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ]
        .iter()
        .filter_map(|name| left.attributes()?.get(name)?.parse::<u32>().ok())
        .sum();
        let keys: Vec<String> = listed
            .contents()
            .iter()
            .filter_map(|object| object.key())
            .map(str::to_owned)
            .collect();
        if left == 0 && !keys.is_empty() {
            break keys;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{left} messages, {keys:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].contains(MEMBERS), "{keys:?}");
}
