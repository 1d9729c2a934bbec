//! Every metric of this system, in one table, and how a function puts one out.
//!
//! A function writes one line of JSON in CloudWatch's embedded metric format to its standard
//! output, and CloudWatch makes metrics of it: no call, no permission, nothing to wait for. The
//! only dimension is the function's name, for each further one is a metric more to pay for; which
//! pool a value is about stands beside it in the line, where CloudWatch Logs Insights finds it.
//!
//! `docs/monitoring.md` repeats the table, and tests tie it to the templates' alarms and panels.

use jiff::Timestamp;
use lambda_runtime::Context;
use serde_json::{Map, Value, json};

/// The namespace of all of them.
pub const NAMESPACE: &str = "CognitoBackup";
/// The only dimension: the function that put the value out.
pub const DIMENSION: &str = "FunctionName";

macro_rules! metrics {
    ($($(#[doc = $meaning:literal])+ $name:ident: $unit:ident, $producer:ident, [$($watch:ident($by:literal)),+]);+ $(;)?) => {
        /// A metric. What it means, in which unit, from which function, and what makes use of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric { $($(#[doc = $meaning])+ $name),+ }

        impl Metric {
            /// All of them, as the table in `docs/monitoring.md` lists them.
            pub const ALL: &'static [Metric] = &[$(Metric::$name),+];

            /// Its name in CloudWatch.
            pub fn name(self) -> &'static str {
                match self { $(Metric::$name => stringify!($name)),+ }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Metric::$name => concat!($($meaning),+).trim_ascii()),+ }
            }

            /// Its unit.
            pub fn unit(self) -> Unit {
                match self { $(Metric::$name => Unit::$unit),+ }
            }

            /// The only function that puts it out.
            pub fn producer(self) -> Producer {
                match self { $(Metric::$name => Producer::$producer),+ }
            }

            /// What makes use of it.
            pub fn watched_by(self) -> &'static [Watch] {
                match self { $(Metric::$name => &[$(Watch::$watch($by)),+]),+ }
            }
        }
    };
}

metrics! {
    /// Pools whose backup was completed.
    BackupsCompleted: Count, Backup, [Panel("Backups")];
    /// Pools whose backup failed.
    BackupsFailed: Count, Backup, [Panel("Backups")];
    /// Users in a completed backup of a pool.
    BackupUsers: Count, Backup, [Panel("Users backed up")];
    /// Size of a completed backup of a pool.
    BackupBytes: Bytes, Backup, [Panel("Size of backups")];
    /// Time from the first read of a pool to its complete backup.
    BackupSeconds: Seconds, Backup, [Panel("Duration of backups")];
    /// Sections of a pool that could not be read, while the rest was backed up.
    BackupSectionsFailed: Count, Backup, [Alarm("CognitoBackupSectionsAlarm"), Panel("Backups")];
    /// Complete backups whose row DynamoDB refused.
    BackupsNotRecorded: Count, Backup, [Alarm("CognitoBackupNotRecordedAlarm"), Panel("Backups")];
    /// Users who are gone, made again or disabled since the backup of the pool before.
    UsersLost: Count, Backup, [Panel("Changes")];
    /// Pools of which more users are lost, since the backup before or within a week, than `ShrinkLimitUsers` or `ShrinkLimitPercent` allow.
    PoolsShrunk: Count, Backup, [Alarm("CognitoPoolShrunkAlarm"), Panel("Changes")];
    /// Clients, groups, identity providers and triggers that are gone, roles of groups that changed, and protections that are off, since the backup of the pool before.
    CriticalChanges: Count, Backup, [Alarm("CognitoCriticalChangeAlarm"), Panel("Changes")];
    /// Backups that could not be compared with the one before: no time was left, or it cannot be read.
    BackupsNotCompared: Count, Backup, [Panel("Changes")];
    /// Calls that Cognito throttled in an invocation.
    BackupCallsThrottled: Count, Backup, [Panel("Calls throttled")];
    /// Share of Cognito's request quota that an invocation used, in the category of which it used most.
    BackupQuotaUsed: Percent, Backup, [Panel("Share of the quota used")];
    /// Pools without a complete backup within `BackupAgeLimitHours`.
    PoolsOverdue: Count, Backup, [Alarm("CognitoBackupOverdueAlarm"), Panel("Pools overdue")];
    /// Time since the reading of a pool's newest backup began, of the pool for which that is longest; never more than the limit.
    OldestBackupAge: Seconds, Backup, [Panel("Age of the oldest backup")];
    /// Backups of today and yesterday that S3 could not replicate, and that have no replica yet.
    BackupsNotReplicated: Count, Backup, [Alarm("CognitoBackupNotReplicatedAlarm"), Panel("Backups without a replica")];
    /// Backups that were copied again because S3 could not replicate them.
    BackupsCopiedAgain: Count, Backup, [Panel("Backups without a replica")];
    /// Restores that brought back all that the API can.
    RestoresSucceeded: Count, Restore, [Panel("Restores")];
    /// Restores after which the report tells of losses.
    RestoresWithLosses: Count, Restore, [Panel("Restores")];
    /// Restores that failed, or differ from the backup in a way that nothing announces.
    RestoresFailed: Count, Restore, [Panel("Restores")];
    /// Users that a restore made.
    RestoreUsers: Count, Restore, [Panel("Users restored")];
    /// Users that a restore made, by its whole duration.
    RestoreUsersPerSecond: CountPerSecond, Restore, [Panel("Users restored a second")];
    /// Time from the beginning of a restore to its report.
    RestoreSeconds: Seconds, Restore, [Panel("Duration of restores")];
    /// Items that a restore left out, as it must.
    RestoreFindingsSkipped: Count, Restore, [Panel("Findings of restores")];
    /// Items that came back changed.
    RestoreFindingsDegraded: Count, Restore, [Panel("Findings of restores")];
    /// Items that should have come back and did not.
    RestoreFindingsFailed: Count, Restore, [Panel("Findings of restores")];
    /// Differences between a restored pool and its backup that nothing announces.
    RestoreDifferences: Count, Restore, [Panel("Findings of restores")];
    /// Rehearsals that came to their end, with or without losses.
    RehearsalsSucceeded: Count, Restore, [Panel("Rehearsals")];
    /// Rehearsals that failed, or whose pool differed from the backup in a way that nothing announces.
    RehearsalsFailed: Count, Restore, [Panel("Rehearsals")];
    /// Time from the beginning of a rehearsal until its pool was removed.
    RehearsalSeconds: Seconds, Restore, [Panel("Duration of rehearsals")];
    /// Pools that are rehearsed on a schedule, and were not with success within `RehearsalAgeLimitDays`.
    RehearsalsOverdue: Count, Restore, [Alarm("CognitoRehearsalOverdueAlarm"), Panel("Rehearsals")];
    /// Time since the last successful rehearsal, of the pool for which that is longest; none before each had one.
    OldestRehearsalAge: Seconds, Restore, [Panel("Age of the oldest rehearsal")];
    /// Calls that Cognito throttled in an invocation.
    RestoreCallsThrottled: Count, Restore, [Panel("Calls throttled")];
    /// Share of Cognito's request quota that an invocation used, in the category of which it used most.
    RestoreQuotaUsed: Percent, Restore, [Panel("Share of the quota used")];
    /// Time since the reading of a pool's newest whole replica began.
    ReplicaAge: Seconds, Ready, [Panel("Age of replicas")];
    /// Pools without a whole replica within `MaximumReplicaAgeHours`.
    ReplicasOverdue: Count, Ready, [Alarm("CognitoDRReplicasOverdueAlarm"), Panel("Ready")];
    /// Checks that say no: what a restore would need is not there.
    ReadyChecksSayingNo: Count, Ready, [Alarm("CognitoDRNotReadyAlarm"), Panel("Ready")];
    /// Checks that cannot be told: a permission is missing, or a service does not answer.
    ReadyChecksUntold: Count, Ready, [Panel("Ready")];
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A number of things in a second.
    CountPerSecond,
    /// Bytes.
    Bytes,
    /// Of a hundred.
    Percent,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// As CloudWatch writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Count => "Count",
            Unit::CountPerSecond => "Count/Second",
            Unit::Bytes => "Bytes",
            Unit::Percent => "Percent",
            Unit::Seconds => "Seconds",
        }
    }
}

/// A function that puts metrics out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Producer {
    /// `cognito-backup-{environment}`, in the primary Region.
    Backup,
    /// `cognito-restore-{environment}`, in the DR Region.
    Restore,
    /// `cognito-dr-ready-{environment}`, in the DR Region.
    Ready,
}

impl Producer {
    /// The function's logical id in its template.
    pub fn function(self) -> &'static str {
        match self {
            Producer::Backup => "CognitoBackupLambda",
            Producer::Restore => "CognitoRestoreLambda",
            Producer::Ready => "CognitoDRReadyLambda",
        }
    }
}

/// What makes use of a metric, in the template of its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// The alarm of this logical id.
    Alarm(&'static str),
    /// The panel of the dashboard that has this title.
    Panel(&'static str),
}

/// Puts metrics out, for one function.
#[derive(Debug, Clone)]
pub struct Metrics {
    producer: Producer,
    function_name: String,
}

impl Metrics {
    /// For the function that `context` names.
    pub fn of(producer: Producer, context: &Context) -> Self {
        Self {
            producer,
            function_name: context.env_config.function_name.clone(),
        }
    }

    /// Puts values out in one line, with `properties` beside them: ids, nothing personal.
    pub fn put(&self, values: &[(Metric, f64)], properties: &[(&str, &str)]) {
        println!("{}", self.line(values, properties, Timestamp::now()));
    }

    fn line(&self, values: &[(Metric, f64)], properties: &[(&str, &str)], at: Timestamp) -> Value {
        debug_assert!(
            values
                .iter()
                .all(|(metric, _)| metric.producer() == self.producer),
            "a metric has one producer"
        );
        let definitions: Vec<Value> = values
            .iter()
            .map(|(metric, _)| json!({"Name": metric.name(), "Unit": metric.unit().as_str()}))
            .collect();
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [[DIMENSION]],
                    "Metrics": definitions,
                }],
            }),
        );
        line.insert(DIMENSION.into(), json!(self.function_name));
        for (name, value) in properties {
            line.insert((*name).to_owned(), json!(value));
        }
        for (metric, value) in values {
            line.insert(metric.name().to_owned(), json!(value));
        }
        Value::Object(line)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The table as `docs/monitoring.md` has it.
    fn table() -> String {
        let rows = Metric::ALL.iter().map(|metric| {
            let watches = metric.watched_by().iter().map(|watch| match watch {
                Watch::Alarm(id) => format!("alarm `{id}`"),
                Watch::Panel(title) => format!("panel \"{title}\""),
            });
            format!(
                "| `{}` | {} | {} | `{}` | {} |\n",
                metric.name(),
                metric.meaning(),
                metric.unit().as_str(),
                metric.producer().function(),
                watches.collect::<Vec<_>>().join(", "),
            )
        });
        let head = "| metric | meaning | unit | from | used by |\n|---|---|---|---|---|\n";
        head.to_owned() + &rows.collect::<String>()
    }

    /// `INSTA_UPDATE=always` writes it, as for the other documents that are generated.
    #[test]
    fn the_document_has_the_table_of_this_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/monitoring.md");
        let document = std::fs::read_to_string(path).unwrap();
        let (before, rest) = document.split_once("| metric |").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        let expected = format!("{before}{}\n{after}", table());
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::write(path, expected).unwrap();
        } else {
            assert!(
                document == expected,
                "docs/monitoring.md is not what this file says: INSTA_UPDATE=always cargo test -p lambda --lib metrics"
            );
        }
    }

    #[test]
    fn no_two_metrics_have_the_same_name_and_all_fit_into_one_line() {
        let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        // CloudWatch takes no more of one line.
        assert!(names.len() <= 100);
    }

    #[test]
    fn a_line_says_what_cloudwatch_is_to_make_of_it() {
        let metrics = Metrics {
            producer: Producer::Backup,
            function_name: "cognito-backup-prod".into(),
        };
        let at = "2026-03-07T09:05:02Z".parse().unwrap();
        let values = [
            (Metric::BackupsCompleted, 1.0),
            (Metric::BackupSeconds, 2.5),
        ];
        let line = metrics.line(&values, &[("UserPoolId", "us-east-1_A")], at);
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_772_874_302_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "CognitoBackup",
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [
                            {"Name": "BackupsCompleted", "Unit": "Count"},
                            {"Name": "BackupSeconds", "Unit": "Seconds"},
                        ],
                    }],
                },
                "FunctionName": "cognito-backup-prod",
                "UserPoolId": "us-east-1_A",
                "BackupsCompleted": 1.0,
                "BackupSeconds": 2.5,
            })
        );
        assert!(!line.to_string().contains('\n'));
    }
}
