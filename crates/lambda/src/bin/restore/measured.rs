//! The metrics of a restore that has ended.

use jiff::Timestamp;
use lambda::metrics::Metric;
use model::restore::{RehearsalRecord, Report, ReportStatus};
use restore::run::Answer;

/// The values, if the restore has ended. A dry run, a mere comparison and a rehearsal are no
/// restores.
pub(crate) fn of_restore(answer: &Answer) -> Vec<(Metric, f64)> {
    if answer.messages.is_empty() || !answer.rehearsals.is_empty() {
        return Vec::new();
    }
    // Nothing is known of it but that it failed.
    let Some(report) = &answer.report else {
        return vec![(Metric::RestoresFailed, 1.0)];
    };
    if report.dry_run || report.verified_user_pool_id.is_some() {
        return Vec::new();
    }
    of_report(report)
}

/// The values of rehearsals that have ended.
pub(crate) fn of_rehearsals(records: &[RehearsalRecord]) -> Vec<(Metric, f64)> {
    let failed = |record: &&RehearsalRecord| record.result == ReportStatus::Failed;
    let failures = records.iter().filter(failed).count();
    let Some(last) = records.last() else {
        return Vec::new();
    };
    vec![
        (
            Metric::RehearsalsSucceeded,
            (records.len() - failures) as f64,
        ),
        (Metric::RehearsalsFailed, failures as f64),
        (Metric::RehearsalSeconds, last.seconds as f64),
    ]
}

/// How long ago the pools that are rehearsed on a schedule were, by their newest records.
pub(crate) fn of_ages(
    newest: &[Option<RehearsalRecord>],
    limit_days: u32,
    now: Timestamp,
) -> Vec<(Metric, f64)> {
    let limit = f64::from(limit_days) * 24.0 * 3600.0;
    let successes = newest.iter().map(|record| record.as_ref()?.last_success);
    let ages: Vec<Option<f64>> = successes
        .map(|last| last.map(|last| now.duration_since(last).as_secs_f64()))
        .collect();
    let overdue = ages.iter().filter(|age| age.is_none_or(|age| age > limit));
    let mut values = vec![(Metric::RehearsalsOverdue, overdue.count() as f64)];
    let known: Option<Vec<f64>> = ages.iter().copied().collect();
    let oldest = known.and_then(|ages| ages.into_iter().reduce(f64::max));
    values.extend(oldest.map(|age| (Metric::OldestRehearsalAge, age)));
    values
}

fn of_report(report: &Report) -> Vec<(Metric, f64)> {
    let is = |status| f64::from(u8::from(report.status == status));
    let seconds = report.ended.duration_since(report.began).as_secs_f64();
    let users = report.users.restored as f64;
    let differences = report
        .verification
        .as_ref()
        .map_or(0, |verification| verification.unannounced);
    vec![
        (Metric::RestoresSucceeded, is(ReportStatus::Success)),
        (
            Metric::RestoresWithLosses,
            is(ReportStatus::SuccessWithLosses),
        ),
        (Metric::RestoresFailed, is(ReportStatus::Failed)),
        (Metric::RestoreUsers, users),
        (Metric::RestoreUsersPerSecond, users / seconds.max(1.0)),
        (Metric::RestoreSeconds, seconds),
        (
            Metric::RestoreFindingsSkipped,
            report.findings.skipped as f64,
        ),
        (
            Metric::RestoreFindingsDegraded,
            report.findings.degraded as f64,
        ),
        (Metric::RestoreFindingsFailed, report.findings.failed as f64),
        (Metric::RestoreDifferences, differences as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use serde_json::json;

    fn record(last_success: Option<Timestamp>) -> RehearsalRecord {
        serde_json::from_value(json!({
            "at": "2026-11-20T00:00:00Z", "result": "FAILED", "seconds": 60, "users": 0,
            "restore_id": "rehearsal-1", "findings": {}, "last_success": last_success,
        }))
        .unwrap()
    }

    #[test]
    fn a_pool_is_overdue_that_was_not_rehearsed_with_success_for_long_or_ever() {
        let now: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let ago = |days: i64| Some(record(Some(now - SignedDuration::from_hours(24 * days))));
        let day = 86_400.0;
        for (newest, overdue, oldest) in [
            (vec![], 0.0, None),
            (vec![ago(1), ago(9)], 0.0, Some(9.0 * day)),
            (vec![ago(1), ago(11)], 1.0, Some(11.0 * day)),
            (vec![ago(1), None], 1.0, None),
            (vec![Some(record(None))], 1.0, None),
        ] {
            let values = of_ages(&newest, 10, now);
            let value = |metric| values.iter().find(|(of, _)| *of == metric).map(|(_, v)| *v);
            assert_eq!(value(Metric::RehearsalsOverdue), Some(overdue));
            assert_eq!(value(Metric::OldestRehearsalAge), oldest);
        }
    }

    #[test]
    fn what_failed_is_counted_apart() {
        assert_eq!(of_rehearsals(&[]), []);
        assert_eq!(
            of_rehearsals(&[record(None)]),
            [
                (Metric::RehearsalsSucceeded, 0.0),
                (Metric::RehearsalsFailed, 1.0),
                (Metric::RehearsalSeconds, 60.0)
            ]
        );
    }
}
