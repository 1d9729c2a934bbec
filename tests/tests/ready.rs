//! Whether the bad day could come, asked of the deployed stacks: from a terminal, and by the
//! function on its schedule.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use end_to_end::clients::{DR_REGION, PRIMARY_REGION};
use end_to_end::cloudwatch::{self, State, embedded};
use end_to_end::environment::Environment;
use end_to_end::evaluate::{self, Place};
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::{Options, Stack, output};
use end_to_end::story;
use end_to_end::template;
use end_to_end::terminal::Terminal;
use serde_json::{Value, json};

const FUNCTION: &str = "cognito-dr-ready-prod";
/// How long a line may take until the log shows it.
const LOG_LIMIT: Duration = Duration::from_secs(30);

/// The outcomes of the checks about one thing.
fn outcomes<'a>(checks: &'a Value, about: &'a str) -> Vec<&'a str> {
    let checks = checks.as_array().unwrap().iter();
    let found = checks.filter(|check| check["check"] == about);
    found
        .map(|check| check["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_sees_what_the_stacks_have_and_what_they_lack() {
    let Some(environment) = Environment::ready("cognito-dr ready on the local stack") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let terminal = Terminal::new(&environment, &stack, DR_REGION).unwrap();
    // Pools are known by their replicas, or named.
    let empty = terminal.json(&["ready"], 1).unwrap();
    assert_eq!(outcomes(&empty["stacks"], "newest_replica"), ["no"]);
    let named = terminal.json(&["ready", MEMBERS], 1).unwrap();
    let checks = &named["pools"][0]["checks"];
    assert_eq!(outcomes(checks, "newest_backup"), ["no"]);
    assert_eq!(outcomes(checks, "newest_replica"), ["no"]);

    let keys = story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let ready = terminal
        .json(&["ready", "--page", "ready.html"], 1)
        .unwrap();
    let pool = &ready["pools"][0];
    assert_eq!(pool["user_pool_id"], MEMBERS);
    for about in [
        "newest_backup",
        "replication",
        "newest_replica",
        "whole_replica",
        "restore_time",
    ] {
        assert_eq!(outcomes(&pool["checks"], about), ["yes"], "{pool}");
    }
    // Nothing is known of a restore that nobody rehearsed.
    assert_eq!(outcomes(&pool["checks"], "rehearsal"), ["cannot_be_told"]);
    assert_eq!(pool["measured"]["recovery_time_from"], "quotas");
    for about in ["map", "user_pools", "role"] {
        assert_eq!(outcomes(&ready["stacks"], about), ["yes"], "{ready}");
    }
    let page = std::fs::read_to_string(terminal.folder().join("ready.html")).unwrap();
    assert!(page.contains(MEMBERS) && page.contains("<h1>Not ready</h1>"));

    // A mistyped map and a damaged replica, and both are found.
    let bucket = output(&deployment.dr, "DRBucketName").unwrap();
    let map = stack.dr.s3.put_object().bucket(bucket);
    let map = map.key("cognito-restore/translations.json");
    map.body(b"{\"functons\": {}}".to_vec().into())
        .send()
        .await
        .unwrap();
    let put = stack.dr.s3.put_object().bucket(bucket).key(&keys[0]);
    put.body(b"half".to_vec().into()).send().await.unwrap();
    let ready = terminal.json(&["ready"], 1).unwrap();
    assert_eq!(outcomes(&ready["stacks"], "map"), ["no"]);
    // The copy of the last whole one is what a restore would take.
    let checks = &ready["pools"][0]["checks"];
    assert_eq!(outcomes(checks, "whole_replica"), ["no"]);
    assert_eq!(outcomes(checks, "newest_replica"), ["yes"]);
    assert_eq!(outcomes(checks, "newest_backup"), ["yes"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_function_knows_the_pools_by_their_replicas_and_needs_no_other_region() {
    let Some(environment) = Environment::ready("the function that asks whether all is ready")
    else {
        return;
    };
    // Its role has to suffice.
    let options = Options {
        enforce_iam: true,
        ..Options::default()
    };
    let stack = Stack::start(&environment.python, &options).await.unwrap();
    let pool = stack.simulator.seed(PRIMARY_REGION, &members()).unwrap();
    let deployment = stack.deploy(&environment.binaries, &[pool]).await.unwrap();
    let answer = story::invoke(&stack.dr, FUNCTION, &json!({}))
        .await
        .unwrap();
    assert!(!answer.failed, "{}", answer.payload);
    // A bucket without any replica is no reason to be calm.
    assert_eq!(answer.payload["pools"], 0);
    assert_eq!(answer.payload["replicas_overdue"], 1);
    let overdue = counts(&stack, 1).await;

    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let answer = story::invoke(&stack.dr, FUNCTION, &json!({}))
        .await
        .unwrap();
    assert!(!answer.failed, "{}", answer.payload);
    assert_eq!(answer.payload["pools"], 1);
    assert_eq!(answer.payload["replicas_overdue"], 0);
    let age = answer.payload["replica_age_seconds"].as_u64().unwrap();
    assert!(age < 3 * 3600, "{age}");
    let calm = counts(&stack, 2).await;
    let refused = messages(&stack).await.into_iter();
    let refused: Vec<_> = refused
        .filter(|line| line.contains("AccessDenied"))
        .collect();
    assert_eq!(refused, Vec::<String>::new());
    the_alarm_goes_off_for_old_replicas_and_for_silence_alone(&calm, &overdue);
}

/// All that the function logged, as far as the log shows it by now.
async fn messages(stack: &Stack) -> Vec<String> {
    let events = stack.dr.logs.filter_log_events();
    let events = events.log_group_name(format!("/aws/lambda/{FUNCTION}"));
    let page = events.send().await;
    let events = page.iter().flat_map(|page| page.events());
    events
        .filter_map(|event| event.message().map(str::to_owned))
        .collect()
}

/// The newest of so many lines of counts that the function put out.
async fn counts(stack: &Stack, expected: usize) -> Value {
    let began = Instant::now();
    loop {
        let messages = messages(stack).await.into_iter();
        let lines = messages.filter_map(|text| serde_json::from_str::<Value>(&text).ok());
        let mut lines: Vec<Value> = lines
            .filter(|line| line["ReplicasOverdue"].is_number())
            .collect();
        if lines.len() == expected {
            return lines.remove(expected - 1);
        }
        assert!(began.elapsed() < LOG_LIMIT, "the log shows no metrics");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// By what the function put out, replayed over hours under CloudWatch's rules.
fn the_alarm_goes_off_for_old_replicas_and_for_silence_alone(calm: &Value, overdue: &Value) {
    let place = Place {
        partition: "aws",
        region: DR_REGION,
        parameters: Default::default(),
    };
    let resources = evaluate::resources(&template::read(template::DR).unwrap(), &place);
    let mut alarms = cloudwatch::alarms(&resources).into_iter();
    let mut alarm = alarms
        .find(|alarm| alarm.id == "CognitoDRReplicasOverdueAlarm")
        .unwrap();
    let function = ("FunctionName".to_owned(), FUNCTION.to_owned());
    alarm.dimensions = [function].into();
    let after = |hours: &[Option<&Value>]| {
        let lines = (0..).zip(hours);
        let lines = lines.filter_map(|(hour, line)| Some(embedded((*line)?, hour * 3600 + 60)));
        let data: Vec<_> = lines.flatten().collect();
        alarm.state(&data, hours.len() as i64 * 3600 + 5, 0)
    };
    let (calm, overdue) = (Some(calm), Some(overdue));
    for (hours, expected) in [
        ([calm, calm, calm, calm], State::Ok),
        ([calm, calm, overdue, overdue], State::Alarm),
        ([calm, calm, None, None], State::Alarm),
        // One run that was late or lost is no reason.
        ([calm, calm, None, calm], State::Ok),
        ([overdue, overdue, calm, calm], State::Ok),
    ] {
        assert_eq!(after(&hours), expected, "{hours:?}");
    }
}
