//! The metrics of backups.

use lambda::metrics::{Metric, Metrics};
use model::change::{Change, NotCompared};
use model::observe::{Activity, Ending, Event, Observer};

/// Puts out what becomes of each pool at the moment at which it is known: an invocation may die
/// at the next one.
#[derive(Debug)]
pub(crate) struct Measured(pub(crate) Metrics);

impl Observer for Measured {
    fn event(&self, event: Event) {
        match event {
            Event::BackedUp {
                user_pool_id,
                users,
                bytes,
                milliseconds,
                failed_sections,
                change,
            } => {
                let mut values = vec![
                    (Metric::BackupsCompleted, 1.0),
                    (Metric::BackupsFailed, 0.0),
                    (Metric::BackupUsers, users as f64),
                    (Metric::BackupBytes, bytes as f64),
                    (Metric::BackupSeconds, milliseconds as f64 / 1000.0),
                    (Metric::BackupSectionsFailed, failed_sections as f64),
                ];
                values.extend(change.iter().flat_map(of_change));
                self.0
                    .put(&values, &[("UserPoolId", user_pool_id.as_str())]);
            }
            Event::NotRecorded { user_pool_id } => self.0.put(
                &[(Metric::BackupsNotRecorded, 1.0)],
                &[("UserPoolId", user_pool_id.as_str())],
            ),
            Event::Ended {
                activity: Activity::Backup { user_pool_id },
                ending: Ending::Failed,
                ..
            } => self.0.put(
                &[
                    (Metric::BackupsCompleted, 0.0),
                    (Metric::BackupsFailed, 1.0),
                ],
                &[("UserPoolId", user_pool_id.as_str())],
            ),
            _ => {}
        }
    }
}

/// What changed since the backup before. A first backup has none, and is none the worse.
fn of_change(change: &Change) -> Vec<(Metric, f64)> {
    match change {
        Change::Since(summary) => vec![
            (Metric::UsersLost, summary.users.lost() as f64),
            (Metric::PoolsShrunk, f64::from(u8::from(summary.shrunk))),
            (Metric::CriticalChanges, summary.critical.count as f64),
            (Metric::BackupsNotCompared, 0.0),
        ],
        Change::NotCompared(NotCompared::FirstBackup) => Vec::new(),
        Change::NotCompared(_) => vec![(Metric::BackupsNotCompared, 1.0)],
    }
}
