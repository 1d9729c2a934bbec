//! What the lifecycle rules of both buckets end, and when, over 400 days of hourly backups: nothing
//! that is needed ends, and nothing outlives its time.
//!
//! S3's rules as its documentation states them: an object expires at the midnight (UTC) that follows
//! its creation and the days of the rule; where several rules fit, the soonest counts; an object that
//! expired or was replaced is an old version from then on.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use end_to_end::evaluate::{self, Place};
use end_to_end::template;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;

const DAY: i64 = 24;
/// Backups stop here.
const LAST_DAY: i64 = 300;
const DAYS: i64 = 400;

struct Rule {
    prefix: String,
    tag: Option<String>,
    days: Option<i64>,
    days_of_old_versions: Option<i64>,
}

struct Rules(Vec<Rule>);

/// Hours since the first day.
type Hour = i64;

/// The midnight after so many days.
fn midnight(from: Hour, days: i64) -> Hour {
    (from / DAY + days + 1) * DAY
}

impl Rules {
    fn of(name: &str, bucket: &str, retention: Retention) -> Self {
        let parameters = [
            ("BackupRetentionDays", retention.days),
            ("BackupRetentionWeeks", retention.weeks),
            ("BackupRetentionMonths", retention.months),
        ];
        let template = template::read(name).unwrap();
        for (parameter, value) in parameters {
            let allowed = &template["Parameters"][parameter]["AllowedValues"];
            let mut allowed = allowed.as_array().unwrap().iter();
            let is_allowed = allowed.any(|one| one.as_i64() == Some(value));
            assert!(is_allowed, "{parameter} {value}");
        }
        let given = parameters.map(|(name, value)| (name, value.to_string()));
        let place = Place {
            partition: "aws",
            region: "us-east-1",
            // A parameter of the value 0 compares as a number.
            parameters: BTreeMap::from(given)
                .into_iter()
                .filter(|(_, value)| value != "0")
                .collect(),
        };
        let resources = evaluate::resources(&template, &place);
        let rules = &resources[bucket]["Properties"]["LifecycleConfiguration"]["Rules"];
        let number = |value: &Value| match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        let rules = rules.as_array().unwrap().iter().map(|rule| {
            assert_eq!(rule["Status"], "Enabled");
            let tags = rule["TagFilters"].as_array();
            let tag = tags.map(|tags| {
                assert_eq!((tags.len(), &tags[0]["Key"]), (1, &"cognito-backup".into()));
                tags[0]["Value"].as_str().unwrap().to_owned()
            });
            Rule {
                prefix: rule["Prefix"].as_str().unwrap_or_default().to_owned(),
                tag,
                days: number(&rule["ExpirationInDays"]),
                days_of_old_versions: number(
                    &rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
                ),
            }
        });
        Self(rules.collect())
    }

    fn fitting<'a>(&'a self, key: &'a str, tag: Option<&'a str>) -> impl Iterator<Item = &'a Rule> {
        self.0.iter().filter(move |rule| {
            let tagged = rule.tag.is_none() || rule.tag.as_deref() == tag;
            key.starts_with(&rule.prefix) && tagged
        })
    }

    /// When an object expires that is not replaced.
    fn end(&self, key: &str, tag: Option<&str>, created: Hour) -> Option<Hour> {
        let days = self.fitting(key, tag).filter_map(|rule| rule.days);
        days.map(|days| midnight(created, days)).min()
    }

    /// When an old version is removed.
    fn end_of_old_version(&self, key: &str, tag: Option<&str>, replaced: Hour) -> Option<Hour> {
        let days = self
            .fitting(key, tag)
            .filter_map(|rule| rule.days_of_old_versions);
        days.map(|days| midnight(replaced, days)).min()
    }
}

#[derive(Debug, Clone, Copy)]
struct Retention {
    days: i64,
    weeks: i64,
    months: i64,
}

/// From the shortest to the longest.
const RETENTIONS: [(i64, i64, i64); 7] = [
    (7, 0, 0),
    (90, 0, 0),
    (90, 13, 0),
    (30, 52, 0),
    (90, 0, 12),
    (90, 52, 12),
    (60, 26, 120),
];

struct Made {
    key: String,
    tag: &'static str,
    created: Hour,
    end: Hour,
}

fn date(day: i64) -> Date {
    jiff::civil::date(2026, 1, 1) + day.days()
}

/// As `Vault::begin_base` tags the first backup of a day.
fn tag_of_base(day: i64) -> &'static str {
    let (date, before) = (date(day), date(day - 1));
    let week = |date: Date| date.iso_week_date().week();
    if day == 0 || date.month() != before.month() {
        "base-of-month"
    } else if week(date) != week(before) {
        "base-of-week"
    } else {
        "base"
    }
}

fn backups(rules: &Rules) -> Vec<Made> {
    let hours = 0..LAST_DAY * DAY;
    let made = hours.map(|created| {
        let day = created / DAY;
        let tag = match created % DAY {
            0 => tag_of_base(day),
            _ => "difference",
        };
        let key = format!(
            "cognito-backup/{}/us-east-1_AbC-{:02}0000.json.zst",
            date(day).strftime("%Y/%m/%d"),
            created % DAY
        );
        let end = rules.end(&key, Some(tag), created);
        Made {
            end: end.unwrap_or_else(|| panic!("{key} never ends")),
            key,
            tag,
            created,
        }
    });
    made.collect()
}

fn for_all(check: impl Fn(&Rules, Retention, &str)) {
    for (days, weeks, months) in RETENTIONS {
        let retention = Retention {
            days,
            weeks,
            months,
        };
        for (name, bucket) in [
            (template::PRIMARY, "CognitoBackupBucket"),
            (template::DR, "CognitoBackupDRBucket"),
        ] {
            let what = format!("{bucket}, {retention:?}");
            check(&Rules::of(name, bucket, retention), retention, &what);
        }
    }
}

#[test]
fn no_base_ends_while_a_difference_needs_it() {
    for_all(|rules, _, what| {
        let backups = backups(rules);
        for of_day in backups.chunks(DAY as usize) {
            let [base, differences @ ..] = of_day else {
                unreachable!()
            };
            for difference in differences {
                // Late in the day, and written when the next had begun.
                let late = rules.end(
                    &difference.key,
                    Some("difference"),
                    difference.created + DAY / 2,
                );
                assert!(difference.end < base.end, "{what}: {}", difference.key);
                assert!(late.unwrap() <= base.end, "{what}: {}", difference.key);
            }
        }
    });
}

#[test]
fn everything_lives_as_long_as_the_parameters_say_and_no_longer() {
    for_all(|rules, retention, what| {
        let of_base = retention.days + 1;
        let of_week = of_base.max(retention.weeks * 7);
        let of_month = of_week.max(retention.months * 31);
        for made in backups(rules) {
            let days = match made.tag {
                "difference" => retention.days,
                "base" => of_base,
                "base-of-week" => of_week,
                _ => of_month,
            };
            let lived = made.end - made.created;
            let promised = days * DAY..=(days + 1) * DAY;
            assert!(
                promised.contains(&lived),
                "{what}: {} lived {lived} h",
                made.key
            );
            // Then 30 days as an old version, against mistakes.
            let gone = rules.end_of_old_version(&made.key, Some(made.tag), made.end);
            assert_eq!(gone, Some(made.end + 31 * DAY), "{what}");
        }
        // What earlier versions of this system wrote has no tag.
        let old = "cognito-backup/2026/01/01/us-east-1_AbC-000000.json";
        let end = rules.end(old, None, 0).unwrap();
        assert_eq!(end, midnight(0, of_month), "{what}");
    });
}

/// Day after day, also long after backups stopped.
#[test]
fn there_is_always_a_whole_backup_of_the_pool_and_in_the_end_only_the_last() {
    for_all(|rules, retention, what| {
        let backups = backups(rules);
        let last = "cognito-backup/last/us-east-1_AbC.json.zst";
        for day in 0..DAYS {
            let now = day * DAY + 12;
            let there = |made: &&Made| made.created <= now && now < made.end;
            let alive: Vec<&Made> = backups.iter().filter(there).collect();
            for difference in alive.iter().filter(|made| made.tag == "difference") {
                let base = &backups[(difference.created / DAY * DAY) as usize];
                assert!(
                    there(&base),
                    "{what}: day {day}: {} has no base",
                    difference.key
                );
            }
            // Written with the first backup of each day, over the one of the day before.
            let written = day.min(LAST_DAY - 1) * DAY;
            assert_eq!(rules.end(last, None, written), None, "{what}");
            let former = rules.end_of_old_version(last, None, written);
            assert!(former.unwrap() - written <= 2 * DAY, "{what}");
            // A base from before the pool shrank stays until somebody removes it.
            let kept = "cognito-backup/kept/us-east-1_AbC-20260307-050002.json.zst";
            assert_eq!(rules.end(kept, None, written), None, "{what}");
            let stopped_for = day - LAST_DAY;
            if stopped_for > retention.days + 2 && retention.weeks + retention.months == 0 {
                assert!(alive.is_empty(), "{what}: day {day}");
            }
        }
    });
}

#[test]
fn what_a_backup_remembers_ends_soon_and_what_an_operator_keeps_never() {
    for_all(|rules, _, what| {
        let map = "cognito-restore/translations.json";
        assert_eq!(rules.end(map, None, 0), None, "{what}");
        let forgotten =
            "cognito-backup/forgotten/us-east-1_AbC/5a1b0a6e-0001-4000-8000-000000000001";
        assert_eq!(rules.end(forgotten, None, 0), None, "{what}");
        let report = rules.end("cognito-restore/dr-1/report.json", None, 0);
        let state = rules.end("cognito-backup-state/p-1/whole.json.zst", None, 0);
        match what.starts_with("CognitoBackupDRBucket") {
            true => assert_eq!((report, state), (Some(midnight(0, 365)), None)),
            false => assert_eq!((report, state), (None, Some(midnight(0, 2)))),
        }
    });
}
