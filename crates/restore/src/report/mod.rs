//! The report of a restore, its hand-over page, its map of ids and the text of its notification.
//!
//! Everything is written from what the state remembers, so that writing it again gives the same.
//! None of it holds a secret: values that the backup knows to be secret are cut out of every
//! text, whoever wrote it.

mod configuration;
mod losses;
mod manual;
mod new_pool;
mod page;
mod secrets;

use std::collections::BTreeMap;

use askama::Template;
use cognito::Cognito;
use jiff::Timestamp;
use model::document::BackupHead;
use model::request::RestoreRequest;
use model::restore::{
    FailureNotification, ManualStep, Notification, Report, ReportStatus, RestoreState,
    UsersProgress,
};
use serde_json::json;
use vault::{Backup, Workspace};

use crate::context::{Restore, RestoreSettings};
use crate::error::RestoreError;
use new_pool::NewPool;
use page::Page;
use secrets::Secrets;

/// The style that all pages share; each adds its own rules after it.
pub const PAGE_STYLE: &str = include_str!("../../templates/page.css");

/// Writes the report and the hand-over page of a restore that ended, by `error` if there is one.
///
/// # Errors
/// [`RestoreError::Vault`] when they cannot be written.
pub async fn report(
    restore: &Restore<'_>,
    state: &RestoreState,
    error: Option<&str>,
) -> Result<Report, RestoreError> {
    let place = ReportWriter {
        workspace: restore.workspace,
        cognito: restore.cognito,
        settings: restore.settings,
    };
    place.write(state, Some(restore.backup), error).await
}

/// Writes the report of a restore that failed, with what is at hand: there may be no state yet,
/// and no backup that can be read.
///
/// # Errors
/// [`RestoreError::Vault`] when it cannot be written.
pub async fn report_failure(
    workspace: &Workspace,
    cognito: &Cognito,
    settings: &RestoreSettings,
    request: &RestoreRequest,
    state: Option<&RestoreState>,
    backup: Option<&Backup>,
) -> Result<Report, RestoreError> {
    let place = ReportWriter {
        workspace,
        cognito,
        settings,
    };
    let error = failure_text(request);
    match state {
        Some(state) => place.write(state, backup, Some(&error)).await,
        None => place.write_without_state(request, backup, &error).await,
    }
}

/// The error as the state machine hands it over: its name, and its text out of the cause.
pub(crate) fn failure_text(request: &RestoreRequest) -> String {
    let name = request.error.as_deref().unwrap_or("unknown error");
    let cause = request.cause.as_deref().unwrap_or_default();
    // A Lambda's cause is JSON with the text in errorMessage; that of a state is the text.
    let message = serde_json::from_str::<serde_json::Value>(cause)
        .ok()
        .and_then(|cause| {
            cause
                .get("errorMessage")
                .and_then(|text| text.as_str().map(str::to_owned))
        });
    let text = message.unwrap_or_else(|| cause.to_owned());
    let text: String = text.chars().take(1000).collect();
    if text.is_empty() {
        name.to_owned()
    } else {
        format!("{name}: {text}")
    }
}

/// Where a report is written, and by what.
struct ReportWriter<'a> {
    workspace: &'a Workspace,
    cognito: &'a Cognito,
    settings: &'a RestoreSettings,
}

impl ReportWriter<'_> {
    async fn write(
        &self,
        state: &RestoreState,
        backup: Option<&Backup>,
        error: Option<&str>,
    ) -> Result<Report, RestoreError> {
        let pool = match &state.new_user_pool_id {
            // The pool of a rehearsal is removed, or is to be.
            Some(id) if state.options.rehearsal.is_none() => {
                Some(NewPool::read(self.cognito, id).await)
            }
            _ => None,
        };
        let head = backup.map(|backup| &backup.head);
        // A comparison that is repeated has its own end.
        let compared = state.verification.as_ref();
        let ended = state
            .removed
            .or(compared.and_then(|verification| verification.ended))
            .or(state.ended)
            .filter(|_| error.is_none());
        let ended = match ended {
            Some(ended) => Some(ended),
            // The report may be there already: an invocation died after writing it.
            None => {
                let known = self.known(state).await?;
                known
                    .filter(|known| known.error.as_deref() == error)
                    .map(|known| known.ended)
            }
        };
        let report = Report {
            region: self.settings.region.clone(),
            users_forgotten: forgotten_in(backup),
            ..assemble(
                state,
                head,
                pool.as_ref(),
                error,
                ended.unwrap_or_else(Timestamp::now),
                self.settings,
            )
        };
        self.put(&report, state, head, pool.as_ref()).await
    }

    /// For a restore that failed before its first step.
    async fn write_without_state(
        &self,
        request: &RestoreRequest,
        backup: Option<&Backup>,
        error: &str,
    ) -> Result<Report, RestoreError> {
        let now = Timestamp::now();
        let pool = request.user_pool_id.clone();
        // Only to have a state to report on: the report names the backup of the request.
        let key = request.s3_key.clone();
        let key = key
            .unwrap_or_else(|| model::BackupKey::new(&pool, now))
            .into();
        let (restore_id, options) = (request.restore_id.clone(), request.options.clone());
        let state = RestoreState::new(restore_id, pool, key, options, now);
        let head = backup.map(|backup| &backup.head);
        let report = Report {
            region: self.settings.region.clone(),
            users_forgotten: forgotten_in(backup),
            s3_key: request.s3_key.clone().map(Into::into),
            ..assemble(&state, head, None, Some(error), now, self.settings)
        };
        self.put(&report, &state, head, None).await
    }

    /// The report that is there already, if one is.
    async fn known(&self, state: &RestoreState) -> Result<Option<Report>, RestoreError> {
        let bytes = self
            .workspace
            .read(&state.restore_id.object_key(Report::OBJECT))
            .await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn put(
        &self,
        report: &Report,
        state: &RestoreState,
        head: Option<&BackupHead>,
        pool: Option<&NewPool>,
    ) -> Result<Report, RestoreError> {
        let secrets = head.map(Secrets::of).unwrap_or_default();
        let report = secrets.cut_from_report(report)?;
        let ids = json!({
            "user_pool": {"old": report.user_pool_id, "new": report.new_user_pool_id},
            "app_clients": report.app_clients,
        });
        self.object(
            &report,
            Report::ID_MAP,
            "application/json",
            format!("{ids:#}"),
        )
        .await?;
        let page = Page::new(&report, state, head, pool, &self.workspace.address(""));
        let html = page
            .render()
            .map_err(|error| RestoreError::Internal(format!("the hand-over page: {error}")))?;
        self.object(
            &report,
            Report::HANDOVER,
            "text/html; charset=utf-8",
            secrets.cut(&html),
        )
        .await?;
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| RestoreError::Internal(format!("the report: {error}")))?;
        // Last: when it is there, everything is.
        self.object(&report, Report::OBJECT, "application/json", text)
            .await?;
        Ok(report)
    }

    async fn object(
        &self,
        report: &Report,
        name: &str,
        content_type: &str,
        text: String,
    ) -> Result<(), RestoreError> {
        let key = report.restore_id.object_key(name);
        Ok(self
            .workspace
            .write(&key, content_type, text.into_bytes())
            .await?)
    }
}

/// How many users of the backup are left out because they are forgotten.
fn forgotten_in(backup: Option<&Backup>) -> u64 {
    let counts = backup.and_then(Backup::forgotten);
    counts.unwrap_or_default().users
}

/// The report of what the state remembers. Pure.
fn assemble(
    state: &RestoreState,
    head: Option<&BackupHead>,
    pool: Option<&NewPool>,
    error: Option<&str>,
    ended: Timestamp,
    settings: &RestoreSettings,
) -> Report {
    let status = Report::status_of(state, error);
    let mut manual_steps: Vec<ManualStep> = Vec::new();
    if state.options.rehearsal.is_some() {
        manual_steps.extend(manual::after_a_rehearsal(state, settings));
    } else if error.is_some() {
        manual_steps.extend(manual::after_a_failure(state, pool, settings));
    } else {
        if let Some(step) = manual::after_a_difference(state, settings) {
            manual_steps.push(step);
        }
        manual_steps.extend(manual::after_losses(state, settings));
        if let Some(head) = head {
            manual_steps.extend(manual::manual_steps(state, head, pool));
        }
    }
    Report {
        report_version: Report::VERSION,
        status,
        restore_id: state.restore_id.clone(),
        dry_run: state.options.dry_run,
        rehearsal: state.options.rehearsal.clone(),
        removed: state.removed,
        user_pool_id: state.user_pool_id.clone(),
        new_user_pool_id: state.new_user_pool_id.clone(),
        verified_user_pool_id: state.options.verify.clone(),
        s3_key: Some(state.s3_key.clone()),
        region: String::new(),
        backup_timestamp: head.map(|head| head.timestamp),
        backup: state.backup.clone(),
        began: state.began,
        ended,
        app_clients: state.app_clients.clone(),
        users: state.users.counts.clone(),
        users_forgotten: 0,
        users_foreseen: state.users.foreseen.clone(),
        findings: state.finding_counts(),
        objects: objects(state),
        steps: state.steps.clone(),
        known_losses: if manual::is_comparison(state) {
            Vec::new()
        } else {
            losses::known_losses(state, head)
        },
        manual_steps,
        verification: state.verification.clone(),
        error: error.map(str::to_owned),
    }
}

/// What else the restore left in the bucket.
fn objects(state: &RestoreState) -> BTreeMap<String, String> {
    let key = |name: &str| state.restore_id.object_key(name);
    let mut objects = BTreeMap::from([
        ("Report".to_owned(), key(Report::OBJECT)),
        (
            "Old and new ids of pool and clients".to_owned(),
            key(Report::ID_MAP),
        ),
    ]);
    if state.users.map_parts > 0 {
        objects.insert(
            "Old and new sub and username of every user".to_owned(),
            key("user-map.csv"),
        );
    }
    if state.users.invitation_parts > 0 {
        objects.insert(
            "Invitations to send again".to_owned(),
            key(UsersProgress::INVITATIONS),
        );
    }
    for part in 1..=state.users.finding_parts {
        objects.insert(
            format!("Findings about users, part {part}"),
            UsersProgress::finding_part_key(&state.restore_id, part),
        );
    }
    objects
}

/// What subscribers are told of a restore that ended: a mail, for most of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By it people sort their mail.
    pub subject: &'static str,
    /// A JSON object: a [`Notification`] or a [`FailureNotification`].
    pub text: String,
}

impl Message {
    /// About a restore whose report lies below the address `root`.
    ///
    /// # Errors
    /// [`RestoreError::Internal`], which should not happen.
    pub fn of_report(
        state: &RestoreState,
        report: &Report,
        root: &str,
    ) -> Result<Self, RestoreError> {
        let is_rehearsal = report.restore_id.is_rehearsal();
        let notification = Notification::new(state, report, root);
        Self::new(report.status, is_rehearsal, &notification)
    }

    /// About a restore that failed before there was anything to report.
    ///
    /// # Errors
    /// [`RestoreError::Internal`], which should not happen.
    pub fn of_failure(notification: &FailureNotification) -> Result<Self, RestoreError> {
        let is_rehearsal = notification.restore_id.is_rehearsal();
        Self::new(notification.status, is_rehearsal, notification)
    }

    fn new(
        status: ReportStatus,
        is_rehearsal: bool,
        notification: &impl serde::Serialize,
    ) -> Result<Self, RestoreError> {
        let text = serde_json::to_string_pretty(notification)
            .map_err(|error| RestoreError::Internal(format!("the notification: {error}")))?;
        let subject = Notification::subject(status, is_rehearsal);
        Ok(Self { subject, text })
    }
}

#[cfg(test)]
mod tests;
