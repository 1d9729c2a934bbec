//! One request of the state machine, and its answer.

use cognito::Stop;
use jiff::Timestamp;
use model::Failure;
use model::request::{BadRequest, RestoreAction, RestoreRequest, RestoreResponse, RestoreStatus};
use model::restore::{FailureNotification, Report, ReportStatus, RestoreState};
use vault::Vault;

use crate::context::{Clients, Settings};
use crate::drive::{self, Next, Order};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::report::{self, Message};
use crate::users;

/// What the report of a failure is called in an answer.
const FAILURE: &str = "report_failure";

/// What there is to say after a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// To the state machine.
    pub response: RestoreResponse,
    /// To the subscribers, when the restore has ended. Until it is published, the same request
    /// may be repeated and gives the same.
    pub message: Option<Message>,
    /// What the message is about; none where a restore failed of which there is nothing to report.
    pub report: Option<Box<Report>>,
}

/// Carries out one request of the state machine, until it is done or is to stop.
///
/// # Errors
/// [`RestoreError`], whose name the state machine knows.
pub async fn run(
    clients: &Clients,
    vault: &Vault,
    settings: &Settings,
    request: &RestoreRequest,
    stop: Stop,
) -> Result<Answer, RestoreError> {
    tracing::info!(action = ?request.action, "invoked");
    if request.action == RestoreAction::ReportFailure {
        return report_failure(clients, vault, settings, request).await;
    }
    let key = request
        .s3_key
        .as_ref()
        .ok_or_else(|| BadRequest::member("s3_key", "the key of the backup is required"))?;
    let order = Order {
        restore_id: &request.restore_id,
        driver: request.execution.as_deref(),
        options: &request.options,
        passed_over: &request.passed_over,
        map: None,
    };
    let version = request.version_id.as_deref();
    let backup = vault.open(key, version).await?;
    let invocation = drive::next(clients, settings, &order, &backup, stop).await?;
    let state = &invocation.state;
    let (status, wait_seconds, report) = match invocation.next {
        Next::GoOn => (RestoreStatus::InProgress, 0, None),
        Next::Wait { seconds, .. } => (RestoreStatus::Waiting, seconds, None),
        Next::Done(report) => (report.status.into(), 0, Some(report)),
    };
    let address = clients.workspace.address("");
    let message = report
        .as_ref()
        .map(|report| Message::of_report(state, report, &address));
    let message = message.transpose()?;
    let response = RestoreResponse {
        status,
        wait_seconds,
        step: invocation.at.to_owned(),
        new_user_pool_id: state.new_user_pool_id.clone(),
        users_done: state.users.counts.seen,
        users_total: Some(backup.trailer.users),
    };
    Ok(Answer {
        response,
        message,
        report,
    })
}

/// Writes what is known of a restore that failed.
async fn report_failure(
    clients: &Clients,
    vault: &Vault,
    settings: &Settings,
    request: &RestoreRequest,
) -> Result<Answer, RestoreError> {
    if request.error.as_deref() == Some(Failure::AlreadyRunning.name()) {
        // The report is that of the invocation that goes on.
        return unreported_failure(request, report::failure_text(request));
    }
    // The report must come out even where state or backup cannot be read: that may be why.
    let opened = Folder::open(&clients.workspace, &request.restore_id).await;
    let (folder, state) = match opened {
        Ok((folder, state)) => (Some(folder), state),
        Err(error) => {
            tracing::warn!(%error, "the failure is reported without the state");
            (None, None)
        }
    };
    let key = state
        .as_ref()
        .and_then(|state| state.s3_key.key().cloned())
        .or_else(|| request.s3_key.clone());
    let version = state.as_ref().and_then(|state| state.version_id.clone());
    let backup = match &key {
        None => None,
        Some(key) => match vault.open(key, version.as_deref()).await {
            Ok(backup) => Some(backup),
            Err(error) => {
                tracing::warn!(%error, "the failure is reported without the backup");
                None
            }
        },
    };
    let (state, backup) = (state.as_ref(), backup.as_ref());
    if let Some(state) = state
        && let Err(error) = users::close_for_good(&clients.cognito, state).await
    {
        // The report must come out all the same. A restore that is resumed closes it first.
        tracing::error!(%error, "sign-up may still be open");
    }
    let report = report::report_failure(
        &clients.workspace,
        &clients.cognito,
        settings,
        request,
        state,
        backup,
    )
    .await?;
    let remembered = match (state, &key) {
        (Some(state), _) => {
            let mut state = state.clone();
            state.reported = Some(Timestamp::now());
            if let Some(folder) = folder {
                folder.save(&state).await?;
            }
            Some(state)
        }
        (None, Some(key)) => {
            let (restore_id, options) = (request.restore_id.clone(), request.options.clone());
            let pool = request.user_pool_id.clone();
            let now = Timestamp::now();
            Some(RestoreState::new(
                restore_id,
                pool,
                key.clone().into(),
                options,
                now,
            ))
        }
        (None, None) => None,
    };
    let Some(state) = &remembered else {
        return unreported_failure(request, report.error.unwrap_or_default());
    };
    let message = Message::of_report(state, &report, &clients.workspace.address(""))?;
    Ok(Answer {
        response: RestoreResponse {
            status: report.status.into(),
            wait_seconds: 0,
            step: FAILURE.to_owned(),
            new_user_pool_id: report.new_user_pool_id.clone(),
            users_done: report.users.seen,
            users_total: None,
        },
        message: Some(message),
        report: Some(Box::new(report)),
    })
}

/// A restore failed of which there is nothing to report.
fn unreported_failure(request: &RestoreRequest, error: String) -> Result<Answer, RestoreError> {
    let notification = FailureNotification {
        status: ReportStatus::Failed,
        error,
        timestamp: Timestamp::now(),
        user_pool_id: request.user_pool_id.clone(),
        restore_id: request.restore_id.clone(),
    };
    Ok(Answer {
        response: RestoreResponse {
            status: RestoreStatus::Failed,
            wait_seconds: 0,
            step: FAILURE.to_owned(),
            new_user_pool_id: None,
            users_done: 0,
            users_total: None,
        },
        message: Some(Message::of_failure(&notification)?),
        report: None,
    })
}
