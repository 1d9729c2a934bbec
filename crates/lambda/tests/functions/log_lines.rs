//! Every line that the functions log while they work says for which pool and which restore.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::account::{Account, BUCKET, Invocation, REQUEST, RESTORE, restore_event};

/// What is logged where a call of Cognito is made again.
const REPEATED: &str = "repeating a call";

/// What the tests ask of the lines.
trait Lines {
    fn assert_named(&self, pool: &str, at_least: usize);
    fn own_lines(&self) -> impl Iterator<Item = &Value>;
}

impl Lines for Invocation {
    /// Each line names this pool and [`RESTORE`], and there are at least so many.
    fn assert_named(&self, pool: &str, at_least: usize) {
        assert!(self.own_lines().count() >= at_least, "{:#?}", self.lines);
        for line in self.own_lines() {
            assert_eq!(
                named(line, "user_pool_id"),
                BTreeSet::from([pool]),
                "{line}"
            );
            assert_eq!(
                named(line, "restore_id"),
                BTreeSet::from([RESTORE]),
                "{line}"
            );
        }
    }

    /// What was logged from INFO on, and how often a call was repeated: the other lines below are
    /// those of libraries, about their connections.
    fn own_lines(&self) -> impl Iterator<Item = &Value> {
        self.lines
            .iter()
            .filter(|line| line["level"] != "DEBUG" || message(line) == REPEATED)
    }
}

fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap_or_default()
}

/// What the spans around a line say of this.
fn named<'a>(line: &'a Value, id: &str) -> BTreeSet<&'a str> {
    let spans = line["spans"].as_array().unwrap().iter();
    spans.filter_map(|span| span.get(id)?.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_function_names_its_pool_and_its_restore() {
    let account = Account::new();
    let pools = [account.seed("first"), account.seed("second")];
    // One in the task of the backup, one in a task beside it.
    account.fail_once(&["DescribeUserPool", "ListUsers"]);
    let backups = account.backup(&pools.join(","), json!({})).await;
    for message_of_pool in [
        "backup begins",
        "settings read",
        "users read",
        "backup complete",
    ] {
        let lines = backups
            .own_lines()
            .filter(|line| message(line) == message_of_pool);
        let named: Vec<_> = lines.map(|line| named(line, "user_pool_id")).collect();
        let expected = pools.each_ref().map(|pool| BTreeSet::from([pool.as_str()]));
        assert_eq!(named, expected, "{message_of_pool}");
    }
    let repeated: Vec<&Value> = backups
        .own_lines()
        .filter(|line| message(line) == REPEATED)
        .collect();
    assert_eq!(repeated.len(), 2);
    for line in repeated {
        assert_eq!(named(line, "user_pool_id").len(), 1, "{line}");
    }
    for line in backups.own_lines() {
        assert_eq!(
            named(line, "request_id"),
            BTreeSet::from([REQUEST]),
            "{line}"
        );
    }

    let pool = pools[0].as_str();
    let keys = account.s3.keys(BUCKET);
    let key = keys.iter().find(|key| key.contains(pool)).unwrap();
    let in_dr = [("SOURCE_BUCKET", BUCKET.to_owned())];
    let event = json!({"user_pool_id": pool, "restore_id": RESTORE});
    let find = env!("CARGO_BIN_EXE_find-latest-backup");
    let found = account.invoke(find, "us-west-2", &in_dr, event).await;
    assert_eq!(found.answer["s3_key"], key.as_str());
    found.assert_named(pool, 1);

    account.fail_once(&["CreateGroup", "AdminCreateUser", "DescribeUserPool"]);
    let restored = account.restore(restore_event(pool, key)).await;
    assert!(
        restored.answer["new_user_pool_id"].is_string(),
        "{}",
        restored.answer
    );
    restored.assert_named(pool, 20);

    account.s3.answer(
        "AWSStepFunctions.ListExecutions",
        200,
        json!({"executions": []}),
    );
    let environment = [("STATE_MACHINE_ARN", "arn:aws:states:machine".to_owned())];
    let event = json!({"user_pool_id": pool, "resume": RESTORE});
    let trigger = env!("CARGO_BIN_EXE_manual-dr-trigger");
    account.s3.answer(
        "AWSStepFunctions.StartExecution",
        200,
        json!({"executionArn": "arn:aws:states:x", "startDate": 1.0}),
    );
    let started = account
        .invoke(trigger, "us-west-2", &environment, event)
        .await;
    assert_eq!(started.answer["statusCode"], 200, "{}", started.answer);
    started.assert_named(pool, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_is_logged_with_the_ids_that_it_names_and_nothing_else() {
    let account = Account::new();
    let environment = [("SOURCE_BUCKET", BUCKET.to_owned())];
    let find = env!("CARGO_BIN_EXE_find-latest-backup");
    let event = json!({"user_pool_id": "anna@example.com", "restore_id": RESTORE});
    let refused = account.invoke(find, "us-west-2", &environment, event).await;
    assert_eq!(refused.answer["errorType"], "BadRequest");
    let lines: Vec<&Value> = refused.own_lines().collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(message(lines[0]).starts_with("BadRequest: "), "{lines:#?}");
    assert_eq!(named(lines[0], "restore_id"), BTreeSet::from([RESTORE]));
    assert_eq!(named(lines[0], "user_pool_id"), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_missing_is_named_by_each_invocation() {
    let account = Account::new();
    for (binary, variable) in [
        (env!("CARGO_BIN_EXE_backup"), "USER_POOL_IDS"),
        (env!("CARGO_BIN_EXE_find-latest-backup"), "SOURCE_BUCKET"),
        (env!("CARGO_BIN_EXE_restore"), "SOURCE_BUCKET"),
        (env!("CARGO_BIN_EXE_manual-dr-trigger"), "STATE_MACHINE_ARN"),
    ] {
        let answer = account
            .invoke(binary, "us-west-2", &[], json!({}))
            .await
            .answer;
        assert_eq!(answer["errorType"], "MissingConfiguration");
        let expected = format!("environment variable {variable}: it is not set");
        assert_eq!(answer["errorMessage"], expected);
    }
}
