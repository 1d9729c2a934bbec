//! The metrics of backups.

use lambda::metrics::{Metric, Metrics};
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
            } => self.0.put(
                &[
                    (Metric::BackupsCompleted, 1.0),
                    (Metric::BackupsFailed, 0.0),
                    (Metric::BackupUsers, users as f64),
                    (Metric::BackupBytes, bytes as f64),
                    (Metric::BackupSeconds, milliseconds as f64 / 1000.0),
                    (Metric::BackupSectionsFailed, failed_sections as f64),
                ],
                &[("UserPoolId", user_pool_id.as_str())],
            ),
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
