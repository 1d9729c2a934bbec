//! The report of a restore, its hand-over page and its notification.

use model::restore::{FailureNotification, Report, RestoreState};

use crate::context::{Restore, Settings};
use crate::error::RestoreError;

/// Writes the report and the hand-over page of a restore that ended, by `error` if there is one.
///
/// # Errors
/// [`RestoreError`] when they cannot be written.
pub async fn report(
    _restore: &Restore<'_>,
    _state: &RestoreState,
    _error: Option<&str>,
) -> Result<Report, RestoreError> {
    Err(RestoreError::Internal("there is no report yet".into()))
}

/// Sends the notification of a restore whose report lies in `bucket`.
///
/// # Errors
/// [`RestoreError::Notification`] when the topic does not take it.
pub async fn notify(
    _sns: &aws_sdk_sns::Client,
    _settings: &Settings,
    _bucket: &str,
    _state: &RestoreState,
    _report: &Report,
) -> Result<(), RestoreError> {
    Ok(())
}

/// Sends the notification of a restore that failed before there was anything to report.
///
/// # Errors
/// [`RestoreError::Notification`] when the topic does not take it.
pub async fn notify_failure(
    _sns: &aws_sdk_sns::Client,
    _settings: &Settings,
    _notification: &FailureNotification,
) -> Result<(), RestoreError> {
    Ok(())
}
