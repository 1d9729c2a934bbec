//! The alarms of the templates, on what the deployed function puts out: replayed as a day of
//! CloudWatch, whose rules [`end_to_end::cloudwatch`] knows. No alarm goes off on a calm day, and for each
//! cause those go off that are about it, and no other.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_lambda::types::Environment as FunctionEnvironment;
use cognito::{Cognito, Operation, Pace};
use end_to_end::cloudwatch::{self, Alarm, Datum, State, embedded};
use end_to_end::environment::Environment;
use end_to_end::evaluate::{self, Place};
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::{Deployment, Stack};
use end_to_end::{story, template};
use jiff::{SignedDuration, Timestamp};
use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};
use simulator::{Fault, Faults, When};

const FUNCTION: &str = "cognito-backup-prod";
/// The function of the check in the DR Region, in its template.
const READY: &str = "-CognitoDRReadyLambda-";
/// What the function puts out at the end of each invocation.
const LAST_METRIC: &str = "BackupQuotaUsed";
/// How long a line may take until the log shows it.
const LOG_LIMIT: Duration = Duration::from_secs(30);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// When a cause begins, on a day that was calm.
const CAUSE: i64 = 6 * HOUR;
const DAY: i64 = 24 * HOUR;
/// How many periods more than it is asked for CloudWatch may look at.
const READINGS: [usize; 3] = [0, 1, 2];

struct Deployed {
    stack: Stack,
    deployment: Deployment,
    alarms: Vec<Alarm>,
}

/// What an invocation of the backup function came to.
#[derive(Clone)]
struct Ran {
    lines: Vec<Value>,
    failed: bool,
}

async fn deployed(test: &str) -> Option<Deployed> {
    let environment = Environment::ready(test)?;
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let alarms = [template::PRIMARY, template::DR]
        .into_iter()
        .flat_map(alarms);
    let alarms: Vec<Alarm> = alarms.collect();
    assert!(alarms.len() >= 22, "{alarms:?}");
    Some(Deployed {
        stack,
        deployment,
        alarms,
    })
}

/// The alarms of a template, those on the backup function by the name that it is deployed with.
fn alarms(name: &str) -> Vec<Alarm> {
    let place = Place {
        partition: "aws",
        region: "us-east-1",
        parameters: [("UserPoolIds", MEMBERS.to_owned())].into(),
    };
    let resources = evaluate::resources(&template::read(name).unwrap(), &place);
    let mut alarms = cloudwatch::alarms(&resources);
    for value in alarms
        .iter_mut()
        .flat_map(|alarm| alarm.dimensions.values_mut())
    {
        if value.contains("-CognitoBackupLambda-") {
            *value = FUNCTION.to_owned();
        }
    }
    alarms
}

impl Deployed {
    async fn backup(&self) -> Ran {
        self.invoke(&json!({})).await
    }

    async fn check(&self) -> Ran {
        self.invoke(&json!({"action": "check_ages"})).await
    }

    async fn invoke(&self, event: &Value) -> Ran {
        let before = self.lines().await.len();
        let invocation = story::invoke(&self.stack.primary, FUNCTION, event);
        let failed = invocation.await.unwrap().failed;
        let began = Instant::now();
        loop {
            let mut lines = self.lines().await;
            let new = lines.split_off(before);
            if new.iter().any(|line| line[LAST_METRIC].is_number()) {
                return Ran { lines: new, failed };
            }
            assert!(began.elapsed() < LOG_LIMIT, "the log shows no metrics");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All lines of the function's log that hold metrics.
    async fn lines(&self) -> Vec<Value> {
        let logs = &self.stack.primary.logs;
        let events = logs.filter_log_events();
        let mut pages = events
            .log_group_name(format!("/aws/lambda/{FUNCTION}"))
            .into_paginator()
            .send();
        let mut lines = Vec::new();
        while let Some(page) = pages.next().await {
            let Ok(page) = page else { return lines };
            let messages = page.events().iter().filter_map(|event| event.message());
            let parsed = messages.filter_map(|text| serde_json::from_str::<Value>(text).ok());
            lines.extend(parsed.filter(|line| line["_aws"].is_object()));
        }
        lines
    }

    /// Makes the pool's only backup one that began so long ago.
    async fn age_backup(&self, hours: i64) {
        let s3 = &self.stack.primary.s3;
        let bucket = &self.deployment.primary["BackupBucketName"];
        let listed = s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix("cognito-backup/");
        let listed = listed.send().await.unwrap();
        let began = Timestamp::now() - SignedDuration::from_hours(hours);
        let pool: UserPoolId = MEMBERS.parse().unwrap();
        let older = BackupKey::new(&pool, began).to_string();
        for object in listed.contents() {
            let key = object.key().unwrap();
            let copy = s3.copy_object().bucket(bucket).key(&older);
            let copy = copy.copy_source(format!("{bucket}/{key}"));
            copy.send().await.unwrap();
            s3.delete_object()
                .bucket(bucket)
                .key(key)
                .send()
                .await
                .unwrap();
        }
    }

    /// A day on which checks and backups come as the rules say, and everything that AWS puts out
    /// by itself is as it should be.
    fn day(&self) -> Day<'_> {
        let mut data = Vec::new();
        for alarm in &self.alarms {
            // These come with work or with errors only; errors are those of the invocations.
            // The check in the DR Region comes every hour; `ready.rs` has its causes.
            let is_ready = alarm.dimensions.values().any(|name| name.contains(READY));
            let is_of_aws = matches!(alarm.namespace.as_str(), "AWS/SQS" | "AWS/S3");
            let comes_always = is_of_aws || is_ready;
            let steps = (0..DAY).step_by(MINUTE as usize);
            data.extend(steps.filter(|_| comes_always).map(|at| Datum {
                namespace: alarm.namespace.clone(),
                metric: alarm.metric.clone(),
                dimensions: alarm.dimensions.clone(),
                at,
                value: 0.0,
            }));
        }
        Day {
            alarms: &self.alarms,
            data,
        }
    }
}

struct Day<'a> {
    alarms: &'a [Alarm],
    data: Vec<Datum>,
}

impl Day<'_> {
    /// The function was called every so often.
    fn ran(mut self, from: i64, to: i64, every: i64, ran: &Ran) -> Self {
        // Not on the hour: a rule begins to count when it is made.
        for at in (from + 7 * MINUTE..to).step_by(every as usize) {
            self.data
                .extend(ran.lines.iter().flat_map(|line| embedded(line, at)));
            let dimensions = [("FunctionName".to_owned(), FUNCTION.to_owned())];
            let datum = |metric: &str, value| Datum {
                namespace: "AWS/Lambda".into(),
                metric: metric.into(),
                dimensions: dimensions.clone().into(),
                at,
                value,
            };
            let errors = datum("Errors", f64::from(u8::from(ran.failed)));
            self.data.extend([errors, datum("Throttles", 0.0)]);
        }
        self
    }

    fn checked(self, from: i64, to: i64, ran: &Ran) -> Self {
        self.ran(from, to, 15 * MINUTE, ran)
    }

    fn backed_up(self, from: i64, to: i64, ran: &Ran) -> Self {
        self.ran(from, to, HOUR, ran)
    }

    /// The alarms that are on at some time, by each reading of how far CloudWatch looks back.
    fn on(&self, from: i64, to: i64) -> [BTreeSet<&str>; READINGS.len()] {
        READINGS.map(|further| {
            let alarms = self.alarms.iter().filter(|alarm| {
                let own = self.data.iter().filter(|datum| alarm.is_about(datum));
                let own: Vec<Datum> = own.cloned().collect();
                let mut times = (from..to).step_by(5 * MINUTE as usize);
                times.any(|now| alarm.state(&own, now, further) == State::Alarm)
            });
            alarms.map(|alarm| alarm.id.as_str()).collect()
        })
    }

    /// Nothing is on before the cause, by any reading; then these, by all readings, so much later
    /// at the latest; and no other until the end.
    fn assert_heard(&self, alarms: &[&str], by: i64, end: i64) {
        let expected: BTreeSet<&str> = alarms.iter().copied().collect();
        // A day begins with silence; it is calm from its third hour on.
        for calm in self.on(3 * HOUR, CAUSE + 5 * MINUTE) {
            assert_eq!(calm, BTreeSet::new());
        }
        for heard in self.on(CAUSE, CAUSE + by + 1) {
            assert_eq!(heard, expected);
        }
        for heard in self.on(CAUSE, end) {
            assert_eq!(heard, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_calm_day_no_alarm_goes_off() {
    let Some(deployed) = deployed("alarms on a calm day").await else {
        return;
    };
    let backup = deployed.backup().await;
    let check = deployed.check().await;
    assert!(!backup.failed && !check.failed);
    let day = deployed.day();
    let day = day.checked(0, DAY, &check).backed_up(0, DAY, &backup);
    for on in day.on(3 * HOUR, DAY) {
        assert_eq!(on, BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_is_off_is_heard_when_the_limit_has_passed_and_silence_before() {
    let Some(deployed) = deployed("alarms when the schedule is off").await else {
        return;
    };
    let backup = deployed.backup().await;
    let check = deployed.check().await;
    deployed.age_backup(4).await;
    let overdue = deployed.check().await;
    let calm = || {
        let day = deployed.day().backed_up(0, CAUSE, &backup);
        day.checked(0, CAUSE, &check)
    };
    let limit = CAUSE + 3 * HOUR;
    let schedule_off = calm()
        .checked(CAUSE, limit, &check)
        .checked(limit, DAY, &overdue);
    schedule_off.assert_heard(&["CognitoBackupOverdueAlarm"], 4 * HOUR, DAY);
    // No rule and no function is left.
    calm().assert_heard(&["CognitoBackupOverdueAlarm"], 3 * HOUR, DAY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_fails_is_heard_within_minutes() {
    let Some(deployed) = deployed("alarms when the function fails").await else {
        return;
    };
    let backup = deployed.backup().await;
    let check = deployed.check().await;
    let refused = Fault::Error {
        code: "NotAuthorizedException".into(),
        message: "not allowed".into(),
        status: 400,
    };
    let refused = Faults::one("DescribeUserPool", When::Rate(1.0), refused);
    deployed.stack.simulator.set_faults(refused);
    let failing = deployed.backup().await;
    assert!(failing.failed);
    let day = deployed.day().checked(0, DAY, &check);
    let day = day.backed_up(0, CAUSE, &backup);
    let day = day.backed_up(CAUSE, DAY, &failing);
    // After the limit the pool is overdue as well.
    let limit = CAUSE + 3 * HOUR;
    day.assert_heard(&["CognitoBackupErrorsAlarm"], 20 * MINUTE, limit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_refuses_is_heard_as_an_error_and_as_silence() {
    let Some(deployed) = deployed("alarms when the bucket refuses").await else {
        return;
    };
    let backup = deployed.backup().await;
    let check = deployed.check().await;
    deployed.without_bucket().await;
    let failing = [deployed.backup().await, deployed.check().await];
    assert!(failing.iter().all(|ran| ran.failed));
    let day = deployed.day().checked(0, CAUSE, &check);
    let day = day.backed_up(0, CAUSE, &backup);
    let day = day.backed_up(CAUSE, DAY, &failing[0]);
    let day = day.checked(CAUSE, DAY, &failing[1]);
    for heard in day.on(CAUSE, CAUSE + 20 * MINUTE) {
        assert_eq!(heard, BTreeSet::from(["CognitoBackupErrorsAlarm"]));
    }
    let both = ["CognitoBackupErrorsAlarm", "CognitoBackupOverdueAlarm"];
    day.assert_heard(&both, 3 * HOUR, DAY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_are_disabled_and_a_client_that_is_gone_are_heard_in_the_next_backup() {
    let Some(deployed) = deployed("alarms when a pool shrinks").await else {
        return;
    };
    deployed.backup().await;
    let calm = deployed.backup().await;
    // Before its first backup the pool is overdue.
    let check = deployed.check().await;
    deployed.remove_a_client().await;
    let critical = deployed.backup().await;
    assert_eq!(deployed.kept().await, 0);
    deployed.disable_users(12).await;
    let shrunk = deployed.backup().await;
    assert_eq!(deployed.kept().await, 1);
    for (cause, alarm) in [
        (&critical, "CognitoCriticalChangeAlarm"),
        (&shrunk, "CognitoPoolShrunkAlarm"),
    ] {
        let day = deployed.day().checked(0, DAY, &check);
        let day = day.backed_up(0, CAUSE, &calm);
        // Once: what changed is not said again.
        let day = day.backed_up(CAUSE, CAUSE + HOUR, cause);
        let day = day.backed_up(CAUSE + HOUR, DAY, &calm);
        day.assert_heard(&[alarm], 2 * HOUR, DAY);
        for on in day.on(CAUSE + 4 * HOUR, DAY) {
            assert_eq!(on, BTreeSet::new());
        }
    }
}

impl Deployed {
    /// Calls Cognito about the pool, as somebody who makes a mistake.
    async fn call(&self, operation: Operation, members: Value) -> Value {
        let config = self.stack.primary.config.to_builder();
        let config = config.endpoint_url(self.stack.simulator.endpoint());
        let cognito = Cognito::new(&config.build(), Pace::unlimited());
        let mut request = members;
        request["UserPoolId"] = json!(MEMBERS);
        cognito.call(operation, &request).await.unwrap()
    }

    async fn remove_a_client(&self) {
        let listed = self.call(Operation::ListUserPoolClients, json!({})).await;
        let client = &listed["UserPoolClients"][0]["ClientId"];
        let client = json!({"ClientId": client});
        self.call(Operation::DeleteUserPoolClient, client).await;
    }

    async fn disable_users(&self, count: usize) {
        let listed = self.call(Operation::ListUsers, json!({"Limit": 60})).await;
        let users = listed["Users"].as_array().unwrap().iter();
        let enabled = users.filter(|user| user["Enabled"] == true).take(count);
        for user in enabled {
            let user = json!({"Username": user["Username"]});
            self.call(Operation::AdminDisableUser, user).await;
        }
    }

    /// How many bases are kept from before the pool shrank.
    async fn kept(&self) -> usize {
        let bucket = &self.deployment.primary["BackupBucketName"];
        let listed = self.stack.primary.s3.list_objects_v2().bucket(bucket);
        let listed = listed.prefix("cognito-backup/kept/").send().await.unwrap();
        listed.contents().len()
    }

    /// Lets the function write into a bucket that is not there: the local stack's buckets refuse
    /// nobody.
    async fn without_bucket(&self) {
        let lambda = &self.stack.primary.lambda;
        let configuration = lambda.get_function_configuration().function_name(FUNCTION);
        let configuration = configuration.send().await.unwrap();
        let variables = configuration.environment().and_then(|all| all.variables());
        let mut variables = variables.unwrap().clone();
        variables.insert("BACKUP_BUCKET".into(), "no-such-bucket".into());
        let environment = FunctionEnvironment::builder().set_variables(Some(variables));
        let update = lambda.update_function_configuration();
        let update = update
            .function_name(FUNCTION)
            .environment(environment.build());
        update.send().await.unwrap();
    }
}
