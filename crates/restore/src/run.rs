//! One request of the state machine, and its answer.

use cognito::Stop;
use jiff::Timestamp;
use model::request::{
    BadRequest, RestoreAction, RestoreOptions, RestoreRequest, RestoreResponse, RestoreStatus,
};
use model::restore::{FailureNotification, RehearsalRecord, Report, ReportStatus, RestoreState};
use model::{BackupName, Failure};
use vault::{Backup, Vault, VaultError};

use crate::context::{Clients, RestoreSettings};
use crate::drive::{self, Next, Order};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::rehearsal::{self, Swept};
use crate::report::{self, Message};
use crate::standby::{self, Follow};
use crate::undo;
use crate::users;

/// What the report of a failure is called in an answer.
const FAILURE: &str = "report_failure";

/// What there is to say after a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// To the state machine.
    pub response: RestoreResponse,
    /// To the subscribers, when the restore has ended. Until they are published, the same request
    /// may be repeated and gives the same. Of a rehearsal only what is news.
    pub messages: Vec<Message>,
    /// The report of a restore that has ended; none of a rehearsal, and none where a restore
    /// failed of which there is nothing to report.
    pub report: Option<Box<Report>>,
    /// What was recorded of rehearsals that ended.
    pub rehearsals: Vec<RehearsalRecord>,
}

impl Answer {
    fn new(response: RestoreResponse) -> Self {
        Self {
            response,
            messages: Vec::new(),
            report: None,
            rehearsals: Vec::new(),
        }
    }

    /// Adds what there is to tell of a report.
    async fn conclude(
        &mut self,
        clients: &Clients,
        state: &RestoreState,
        report: &Report,
    ) -> Result<(), RestoreError> {
        let workspace = &clients.workspace;
        let message = Message::of_report(state, report, &workspace.address(""))?;
        if !report.restore_id.is_rehearsal() {
            self.messages.push(message);
            self.report = Some(Box::new(report.clone()));
            return Ok(());
        }
        let record = rehearsal::record(workspace, report).await?;
        if record.is_news() {
            self.messages.push(message);
        }
        self.rehearsals.push(record);
        Ok(())
    }
}

/// Carries out one request of the state machine, until it is done or is to stop.
///
/// # Errors
/// [`RestoreError`], whose name the state machine knows.
pub async fn run(
    clients: &Clients,
    vault: &Vault,
    settings: &RestoreSettings,
    request: &RestoreRequest,
    stop: Stop,
) -> Result<Answer, RestoreError> {
    tracing::info!(action = ?request.action, "invoked");
    if request.restore_id.is_undo() {
        return run_undo(clients, vault, settings, request, stop).await;
    }
    if request.action == RestoreAction::ReportFailure {
        let reported = report_failure(clients, Some(vault), settings, request).await?;
        return Ok(reported.answer);
    }
    let sync = request.options.standby.as_ref();
    if let Some((standby, pool)) = sync.and_then(|standby| Some((standby, standby.sync.as_ref()?)))
    {
        let follow = Follow {
            clients,
            settings,
            source: &request.user_pool_id,
            pool,
            map: None,
            remove_after_days: standby.remove_after_days,
            compare_all: standby.compare_all,
        };
        // On the heap, as all steps are.
        return Box::pin(keep_in_step(vault, &follow, request, &stop)).await;
    }
    let order = Order {
        restore_id: &request.restore_id,
        driver: request.execution.as_deref(),
        options: &request.options,
        passed_over: &request.passed_over,
        map: None,
    };
    let swept = sweep_before(clients, vault, settings, request).await?;
    let backup = backup_of(vault, request).await?;
    let invocation = Box::pin(drive::next(clients, settings, &order, &backup, stop)).await?;
    let state = &invocation.state;
    let (status, wait_seconds) = match &invocation.next {
        Next::GoOn => (RestoreStatus::InProgress, 0),
        Next::Wait { seconds, .. } => (RestoreStatus::Waiting, *seconds),
        Next::Done(report) => (report.status.into(), 0),
    };
    let response = RestoreResponse {
        status,
        wait_seconds,
        step: invocation.at.to_owned(),
        new_user_pool_id: state.new_user_pool_id.clone(),
        users_done: state.users.counts.seen,
        users_total: Some(backup.trailer.users),
    };
    let mut answer = Answer {
        messages: swept.messages,
        rehearsals: swept.records,
        ..Answer::new(response)
    };
    if let Next::Done(report) = &invocation.next {
        answer.conclude(clients, state, report).await?;
    }
    Ok(answer)
}

async fn backup_of(vault: &Vault, request: &RestoreRequest) -> Result<Backup, RestoreError> {
    let key = request
        .s3_key
        .as_ref()
        .ok_or_else(|| BadRequest::member("s3_key", "the key of the backup is required"))?;
    let mut backup = vault.open(key, request.version_id.as_deref()).await?;
    decrypt_secrets(vault, &mut backup, &request.options).await?;
    Ok(backup)
}

/// The same for an undo.
async fn run_undo(
    clients: &Clients,
    vault: &Vault,
    settings: &RestoreSettings,
    request: &RestoreRequest,
    stop: Stop,
) -> Result<Answer, RestoreError> {
    if request.action == RestoreAction::ReportFailure {
        let mut answer = Answer::new(failed());
        let message = undo::report_failure(clients, request).await?;
        answer.messages.push(message);
        return Ok(answer);
    }
    let order = undo::Order {
        undo_id: &request.restore_id,
        driver: request.execution.as_deref(),
        options: &request.options,
    };
    let point = backup_of(vault, request).await?;
    // It stays where it is.
    let settings = RestoreSettings {
        region: request.user_pool_id.region().to_owned(),
        ..settings.clone()
    };
    let next = undo::next(clients, vault, &settings, &order, &point, stop);
    let invocation = Box::pin(next).await?;
    let mut answer = Answer::new(RestoreResponse {
        status: RestoreStatus::InProgress,
        wait_seconds: 0,
        step: invocation.at.to_owned(),
        new_user_pool_id: None,
        users_done: invocation.users_done,
        users_total: None,
    });
    match &invocation.next {
        undo::Next::GoOn => {}
        undo::Next::Wait(seconds) => {
            answer.response.status = RestoreStatus::Waiting;
            answer.response.wait_seconds = *seconds;
        }
        undo::Next::Done(ended) => {
            answer.response.status = ended.status().into();
            let root = clients.workspace.address("");
            answer.messages.push(ended.message(&root)?);
        }
    }
    Ok(answer)
}

/// Decrypts what is to be restored. A comparison goes on without.
async fn decrypt_secrets(
    vault: &Vault,
    backup: &mut Backup,
    options: &RestoreOptions,
) -> Result<(), RestoreError> {
    if options.without_secrets {
        return Ok(());
    }
    match vault.decrypt_secrets(backup).await {
        Err(error) if options.verify.is_some() => {
            tracing::warn!(%error, "secrets are not compared");
            Ok(())
        }
        Err(error @ VaultError::SecretsKey { .. }) => Err(RestoreError::SecretsEncrypted {
            backup: Box::new(backup.name.clone()),
            failure: error.failure(),
            reason: error.to_string(),
        }),
        decrypted => Ok(decrypted?),
    }
}

/// Brings a standby pool to the backup, as far as one invocation comes.
async fn keep_in_step(
    vault: &Vault,
    follow: &Follow<'_>,
    request: &RestoreRequest,
    stop: &Stop,
) -> Result<Answer, RestoreError> {
    let mut backup = backup_of(vault, request).await?;
    decrypt_secrets(vault, &mut backup, &request.options).await?;
    let open = async |name: &BackupName, version: Option<&str>| {
        let key = name.key().ok_or_else(|| {
            RestoreError::Internal(format!("{name} is not in the bucket of the backups"))
        })?;
        let mut backup = match vault.open(key, version).await {
            Ok(backup) => backup,
            Err(error) if error.is_gone() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        decrypt_secrets(vault, &mut backup, &request.options).await?;
        Ok(Some(backup))
    };
    let synced = Box::pin(standby::sync(follow, &backup, open, stop)).await?;
    let status = match &synced {
        None => RestoreStatus::InProgress,
        Some(report) if report.left_total == 0 => RestoreStatus::Success,
        Some(_) => RestoreStatus::SuccessWithLosses,
    };
    Ok(Answer::new(RestoreResponse {
        status,
        wait_seconds: 0,
        step: "standby".to_owned(),
        new_user_pool_id: Some(follow.pool.clone()),
        users_done: synced.map_or(0, |report| report.people.users + report.people.made_again),
        users_total: Some(backup.trailer.users),
    }))
}

/// The first invocation of a rehearsal removes what earlier ones left behind. What it cannot
/// remove does not stop it.
async fn sweep_before(
    clients: &Clients,
    vault: &Vault,
    settings: &RestoreSettings,
    request: &RestoreRequest,
) -> Result<Swept, RestoreError> {
    let state = request.restore_id.object_key(RestoreState::OBJECT);
    let is_rehearsal = request.options.rehearsal.is_some();
    if !is_rehearsal || clients.workspace.etag_of(&state).await?.is_some() {
        return Ok(Swept::default());
    }
    let sweeping = rehearsal::sweep(clients, Some(vault), settings, None, Timestamp::now());
    Ok(sweeping.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the pool of an earlier rehearsal is still there");
        Swept::default()
    }))
}

/// What the report of a failure came to.
pub(crate) struct ReportedFailure {
    pub(crate) answer: Answer,
    /// How many scratch pools of a rehearsal were removed.
    pub(crate) removed: u64,
    /// Why one could not be.
    pub(crate) not_removed: Option<RestoreError>,
}

/// Writes what is known of a restore that failed, and removes the scratch pool of a rehearsal.
pub(crate) async fn report_failure(
    clients: &Clients,
    vault: Option<&Vault>,
    settings: &RestoreSettings,
    request: &RestoreRequest,
) -> Result<ReportedFailure, RestoreError> {
    if request.error.as_deref() == Some(Failure::AlreadyRunning.name()) {
        // The report is that of the invocation that goes on.
        return Ok(ReportedFailure {
            answer: unreported_failure(request, report::failure_text(request))?,
            removed: 0,
            not_removed: None,
        });
    }
    // The report must come out even where state or backup cannot be read: that may be why.
    let opened = Folder::open(&clients.workspace, &request.restore_id).await;
    let (folder, mut state) = match opened {
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
    let backup = match key.as_ref().zip(vault) {
        None => None,
        Some((key, vault)) => match vault.open(key, version.as_deref()).await {
            Ok(backup) => Some(backup),
            Err(error) => {
                tracing::warn!(%error, "the failure is reported without the backup");
                None
            }
        },
    };
    let removal = remove_scratch_pools(clients, request, folder.as_ref(), state.as_mut()).await;
    let (state, backup) = (state.as_ref(), backup.as_ref());
    if let Some(state) = state
        && state.removed.is_none()
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
    let answer = match &remembered {
        None => {
            let error = report.error.clone().unwrap_or_default();
            let mut answer = unreported_failure(request, error)?;
            if request.restore_id.is_rehearsal() {
                let record = rehearsal::record(&clients.workspace, &report).await?;
                answer.rehearsals.push(record);
            }
            answer
        }
        Some(state) => {
            let mut answer = Answer::new(RestoreResponse {
                status: report.status.into(),
                wait_seconds: 0,
                step: FAILURE.to_owned(),
                new_user_pool_id: report.new_user_pool_id.clone(),
                users_done: report.users.seen,
                users_total: None,
            });
            answer.conclude(clients, state, &report).await?;
            answer
        }
    };
    let (removed, not_removed) = match removal {
        Ok(removed) => (removed, None),
        Err(error) => (0, Some(error)),
    };
    Ok(ReportedFailure {
        answer,
        removed,
        not_removed,
    })
}

/// Removes the scratch pools of a rehearsal that failed. From here on nobody goes on with it: an
/// invocation that still lives finds its state taken over.
///
/// # Errors
/// [`RestoreError`] when one is still there: the report comes out all the same, and a sweep tries
/// again.
async fn remove_scratch_pools(
    clients: &Clients,
    request: &RestoreRequest,
    folder: Option<&Folder<'_>>,
    mut state: Option<&mut RestoreState>,
) -> Result<u64, RestoreError> {
    let id = &request.restore_id;
    if !id.is_rehearsal() {
        return Ok(0);
    }
    if let (Some(folder), Some(state)) = (folder, state.as_deref_mut()) {
        folder.claim(state).await?;
    }
    let known = state
        .as_ref()
        .and_then(|state| state.new_user_pool_id.clone());
    let removed = rehearsal::remove_pools_of(&clients.cognito, id, known.as_ref()).await;
    match (&removed, state) {
        (Ok(_), Some(state)) => state.removed = Some(Timestamp::now()),
        (Ok(_), None) => {}
        (Err(error), _) => tracing::error!(%error, "the scratch pool is still there"),
    }
    removed
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
    let mut answer = Answer::new(failed());
    answer.messages.push(Message::of_failure(&notification)?);
    Ok(answer)
}

/// The answer to a failure of which nothing more is known.
fn failed() -> RestoreResponse {
    RestoreResponse {
        status: RestoreStatus::Failed,
        wait_seconds: 0,
        step: FAILURE.to_owned(),
        new_user_pool_id: None,
        users_done: 0,
        users_total: None,
    }
}
