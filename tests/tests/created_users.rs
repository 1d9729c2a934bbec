//! The event rule of the primary stack: which calls start a backup, and how many.
//!
//! The local stack refuses events of AWS's own sources, as AWS does, so a copy of the deployed
//! rule listens to another source; pattern and transformation are those of the template. And it
//! puts events into FIFO queues without dropping duplicates, which its queues do for everybody
//! else: so the copy's messages are caught in a plain queue and sent on from there.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Rule};
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, SHOP, members};
use serde_json::{Value, json};

const SOURCE: &str = "test.cognito-idp";
const LIMIT: Duration = Duration::from_secs(60);

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

/// Makes a copy of the deployed rule that puts its messages into another queue.
async fn listen(events: &aws_sdk_eventbridge::Client, queue_arn: &str) {
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
    let mut target = targets.targets()[0].clone();
    target.arn = queue_arn.to_owned();
    target.sqs_parameters = None;
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
        .targets(target)
        .send()
        .await
        .unwrap();
}

/// The bodies of `count` messages, and of any that are one too many.
async fn receive(sqs: &aws_sdk_sqs::Client, queue: &str, count: usize) -> Vec<String> {
    let began = Instant::now();
    let mut bodies = Vec::new();
    loop {
        let received = sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .send()
            .await
            .unwrap();
        bodies.extend(
            received
                .messages()
                .iter()
                .filter_map(|message| message.body())
                .map(str::to_owned),
        );
        if received.messages().is_empty() && bodies.len() >= count {
            return bodies;
        }
        assert!(
            began.elapsed() < LIMIT,
            "{} of {count} messages came",
            bodies.len()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many messages a queue holds, in whatever state.
async fn left(sqs: &aws_sdk_sqs::Client, queue: &str) -> u32 {
    let attributes = sqs
        .get_queue_attributes()
        .queue_url(queue)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap();
    [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ]
    .iter()
    .filter_map(|name| attributes.attributes()?.get(name)?.parse::<u32>().ok())
    .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_created_users_starts_one_backup_and_other_calls_none() {
    let Some(environment) = Environment::ready("created users") else {
        return;
    };
    let (stack, _) = environment.with_pool(&members()).await.unwrap();
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
    let caught = sqs
        .create_queue()
        .queue_name("caught")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let events = aws_sdk_eventbridge::Client::new(&stack.primary.config);
    listen(&events, "arn:aws:sqs:us-east-1:111122223333:caught").await;

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
    let bodies = receive(sqs, &caught, 30).await;
    assert_eq!(bodies.len(), 30, "successful calls, and no others");
    let of_pool = |pool: &str| {
        let message = json!({"user_pool_id": pool});
        let same = |body: &&String| serde_json::from_str::<Value>(body).unwrap() == message;
        bodies.iter().filter(same).count()
    };
    // SHOP is not configured: the pattern lets it pass, and the function has nothing to do.
    assert_eq!((of_pool(MEMBERS), of_pool(SHOP)), (20, 10));
    for body in &bodies {
        sqs.send_message()
            .queue_url(&queue)
            .message_body(body)
            .message_group_id("user-created")
            .send()
            .await
            .unwrap();
    }
    assert_eq!(
        left(sqs, &queue).await,
        2,
        "messages that say the same are one"
    );

    let began = Instant::now();
    let keys = loop {
        let listed = stack
            .primary
            .s3
            .list_objects_v2()
            .bucket("cognito-backup-prod-111122223333")
            .prefix("cognito-backup/2")
            .send()
            .await
            .unwrap();
        let keys: Vec<String> = listed
            .contents()
            .iter()
            .filter_map(|object| object.key())
            .map(str::to_owned)
            .collect();
        if left(sqs, &queue).await == 0 && !keys.is_empty() {
            break keys;
        }
        assert!(began.elapsed() < LIMIT, "{keys:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].contains(MEMBERS), "{keys:?}");
}
