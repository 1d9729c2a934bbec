//! One invocation: load what the restore remembers, do what is asked, answer the state machine.

use std::sync::Arc;

use cognito::{Cognito, Stop};
use jiff::Timestamp;
use model::observe::Observer;
use model::request::{
    BadRequest, RestoreAction, RestoreRequest, RestoreResponse, RestoreStatus, Selection, UsersFrom,
};
use model::restore::{ChosenBackup, FailureNotification, ReportStatus, RestoreState};
use model::{BackupKey, BackupName, Failure};
use vault::{Backup, Vault, Workspace};

use crate::context::{Restore, Settings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::plan::{self, PlanProgress};
use crate::report::{self, Message};
use crate::resume;
use crate::translate::Translations;
use crate::users;
use crate::verify::{self, VerifyOutcome};

/// The object that keeps which users are selected, below the restore's folder.
const SELECTION: &str = "selection.txt";

/// What a restore calls, made once.
pub struct Clients {
    /// Cognito in the target Region.
    pub cognito: Cognito,
    /// Web ACLs in the target Region.
    pub waf: aws_sdk_wafv2::Client,
    /// Functions in the target Region.
    pub lambda: aws_sdk_lambda::Client,
    /// The backups.
    pub vault: Vault,
    /// Where restores keep what they remember and leave behind.
    pub workspace: Workspace,
    /// Who hears how far it is.
    pub observer: Arc<dyn Observer>,
}

/// What an invocation has to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// To the state machine.
    pub response: RestoreResponse,
    /// To the subscribers, when the restore has ended. Until it is published, the same request
    /// may be repeated and gives the same.
    pub message: Option<Message>,
}

impl From<RestoreResponse> for Invocation {
    fn from(response: RestoreResponse) -> Self {
        let message = None;
        Self { response, message }
    }
}

/// Carries out one request of the state machine, until it is done or is to stop.
///
/// # Errors
/// [`RestoreError`], whose name the state machine knows.
pub async fn run(
    clients: &Clients,
    settings: &Settings,
    request: &RestoreRequest,
    stop: Stop,
) -> Result<Invocation, RestoreError> {
    tracing::info!(action = ?request.action, "invoked");
    if request.action == RestoreAction::ReportFailure {
        return report_failure(clients, settings, request).await;
    }
    let key = request
        .s3_key
        .as_ref()
        .ok_or_else(|| BadRequest::member("s3_key", "the key of the backup is required"))?;
    let (folder, remembered) = Folder::open(&clients.workspace, &request.restore_id).await?;
    let mut state = match remembered {
        Some(state) => checked(state, request, key)?,
        None if request.action == RestoreAction::Restore => begin(request, key),
        None => {
            let problem = format!(
                "there is no restore {}: nothing to verify or report",
                request.restore_id
            );
            return Err(BadRequest(problem).into());
        }
    };
    let backup = clients.vault.open(key, state.version_id.as_deref()).await?;
    if state.backup.is_none() {
        state.backup = Some(chosen(request, &backup, state.began));
    }
    let translations = translations(clients, settings).await?;
    let restore = Restore {
        cognito: &clients.cognito,
        waf: &clients.waf,
        lambda: &clients.lambda,
        workspace: &clients.workspace,
        folder: &folder,
        backup: &backup,
        settings,
        translations: &translations,
        observer: &*clients.observer,
        stop,
    };
    folder.claim(&mut state).await?;
    if let Some(Selection::UsersFrom(from)) = &mut state.options.select {
        read_selection(clients, &folder, from).await?;
    }
    match request.action {
        RestoreAction::Restore => {
            resume::begin_again(&restore, &mut state).await?;
            let progress = Box::pin(plan::go_on(&restore, &mut state)).await?;
            Ok(answer_of_plan(progress, &state, &backup).into())
        }
        RestoreAction::Verify => {
            let outcome = Box::pin(verify::verify(&restore, &mut state)).await?;
            let (status, wait_seconds) = match outcome {
                VerifyOutcome::Done => (RestoreStatus::Done, 0),
                VerifyOutcome::InProgress => (RestoreStatus::InProgress, 0),
                VerifyOutcome::Waiting { seconds } => (RestoreStatus::Waiting, seconds),
            };
            Ok(answer("verify", status, wait_seconds, &state, Some(&backup)).into())
        }
        RestoreAction::Report | RestoreAction::ReportFailure => {
            let report = report::report(&restore, &state, None).await?;
            state.reported = Some(Timestamp::now());
            restore.save(&state).await?;
            let message = Message::of_report(&state, &report, &clients.workspace.address(""))?;
            let mut response = answer("report", RestoreStatus::Done, 0, &state, Some(&backup));
            response.result = Some(report.status.as_str().to_owned());
            let message = Some(message);
            Ok(Invocation { response, message })
        }
    }
}

/// A restore belongs to one backup for its whole life.
fn checked(
    state: RestoreState,
    request: &RestoreRequest,
    key: &BackupKey,
) -> Result<RestoreState, RestoreError> {
    let same_version = request.version_id.is_none() || state.version_id == request.version_id;
    let asked = BackupName::from(key.clone());
    if state.s3_key == asked && same_version {
        return Ok(state);
    }
    Err(RestoreError::OtherBackup {
        restore_id: request.restore_id.clone(),
        known: Box::new(state.s3_key),
        asked: Box::new(asked),
    })
}

fn begin(request: &RestoreRequest, key: &BackupKey) -> RestoreState {
    let (restore_id, options) = (request.restore_id.clone(), request.options.clone());
    let pool = request.user_pool_id.clone();
    RestoreState {
        version_id: request.version_id.clone(),
        ..RestoreState::new(
            restore_id,
            pool,
            key.clone().into(),
            options,
            Timestamp::now(),
        )
    }
}

fn chosen(request: &RestoreRequest, backup: &Backup, restore_began: Timestamp) -> ChosenBackup {
    let ended = backup.trailer.reading_ended;
    let age = restore_began.duration_since(ended).as_secs();
    ChosenBackup {
        began: backup.head.timestamp,
        ended,
        ended_by: backup.ended_by(),
        age_seconds: u64::try_from(age).unwrap_or(0),
        passed_over: request.passed_over.clone(),
        unknown_sections: backup.head.unknown_sections(),
    }
}

/// Reads which users are selected. What the restore was begun with stays with it: the object may
/// be another one at the next invocation.
async fn read_selection(
    clients: &Clients,
    folder: &Folder<'_>,
    from: &mut UsersFrom,
) -> Result<(), RestoreError> {
    let own = folder.key(SELECTION);
    let content = match folder.read(&own).await? {
        Some(content) => content,
        None => {
            let (workspace, key) = (&clients.workspace, from.key());
            let content = workspace.read(key).await?.ok_or_else(|| {
                let problem = format!("there is no object {}", workspace.address(key));
                BadRequest::member("select.users_from", problem)
            })?;
            folder.write(&own, "text/plain", content.clone()).await?;
            content
        }
    };
    Ok(from.read(&content)?)
}

/// The operator's map; none is an empty one.
async fn translations(
    clients: &Clients,
    settings: &Settings,
) -> Result<Translations, RestoreError> {
    match clients.workspace.read(Translations::KEY).await? {
        None => Ok(Translations::default()),
        Some(bytes) => Translations::parse(&bytes, &settings.region).map_err(|problems| {
            RestoreError::Translations {
                key: Translations::KEY.to_owned(),
                problems: problems.join("; "),
            }
        }),
    }
}

/// Writes what is known of a restore that failed.
async fn report_failure(
    clients: &Clients,
    settings: &Settings,
    request: &RestoreRequest,
) -> Result<Invocation, RestoreError> {
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
        Some(key) => match clients.vault.open(key, version.as_deref()).await {
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
        (None, Some(key)) => Some(begin(request, key)),
        (None, None) => None,
    };
    let Some(state) = &remembered else {
        return unreported_failure(request, report.error.unwrap_or_default());
    };
    let message = Message::of_report(state, &report, &clients.workspace.address(""))?;
    Ok(Invocation {
        response: RestoreResponse {
            status: RestoreStatus::Done,
            wait_seconds: 0,
            step: "report_failure".to_owned(),
            new_user_pool_id: report.new_user_pool_id.clone(),
            users_done: report.users.seen,
            users_total: None,
            result: Some(report.status.as_str().to_owned()),
        },
        message: Some(message),
    })
}

/// A restore failed of which there is nothing to report.
fn unreported_failure(request: &RestoreRequest, error: String) -> Result<Invocation, RestoreError> {
    let notification = FailureNotification {
        status: ReportStatus::Failed,
        error,
        timestamp: Timestamp::now(),
        user_pool_id: request.user_pool_id.clone(),
        restore_id: request.restore_id.clone(),
    };
    Ok(Invocation {
        response: RestoreResponse {
            status: RestoreStatus::Done,
            wait_seconds: 0,
            step: "report_failure".to_owned(),
            new_user_pool_id: None,
            users_done: 0,
            users_total: None,
            result: Some(ReportStatus::Failed.as_str().to_owned()),
        },
        message: Some(Message::of_failure(&notification)?),
    })
}

fn answer_of_plan(
    progress: PlanProgress,
    state: &RestoreState,
    backup: &Backup,
) -> RestoreResponse {
    let (step, status, wait_seconds) = match progress {
        PlanProgress::Done => ("done", RestoreStatus::Done, 0),
        PlanProgress::InProgress(step) => (step.name(), RestoreStatus::InProgress, 0),
        PlanProgress::Waiting { step, seconds } => (step.name(), RestoreStatus::Waiting, seconds),
    };
    answer(step, status, wait_seconds, state, Some(backup))
}

fn answer(
    step: &str,
    status: RestoreStatus,
    wait_seconds: u32,
    state: &RestoreState,
    backup: Option<&Backup>,
) -> RestoreResponse {
    RestoreResponse {
        status,
        wait_seconds,
        step: step.to_owned(),
        new_user_pool_id: state.new_user_pool_id.clone(),
        users_done: state.users.counts.seen,
        users_total: backup.map(|backup| backup.trailer.users),
        result: None,
    }
}
