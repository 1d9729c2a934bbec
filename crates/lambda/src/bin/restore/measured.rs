//! The metrics of a restore that has ended.

use lambda::metrics::Metric;
use model::restore::{Report, ReportStatus};
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
