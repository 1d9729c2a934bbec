//! Session configuration (facts A.18).

use cognito::{CognitoError, ErrorKind, Operation};
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState};
use serde_json::Value;

use super::create::concerns_every_item;
use super::{about, new_client};
use crate::context::Restore;
use crate::document::{Document, member, object, remove, token};
use crate::error::RestoreError;
use crate::relocation::tell_if_missing;
use crate::step::{News, StepProgress, StepResult};

/// Sets the session configuration of the pool and of its clients.
///
/// Runs after the clients. Each call replaces all of it, so setting it again changes nothing. A
/// Region or feature plan that does not have it leaves it out, which is told.
///
/// # Errors
/// Errors of Cognito itself.
pub async fn session_configuration(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let head = restore.head();
    let mut news = News::default();
    tell_if_missing(head, Section::SessionConfiguration, &mut news);
    tell_if_missing(head, Section::ClientSessionConfigurations, &mut news);
    let mut set = 0;
    let own = settings(head.section(Section::SessionConfiguration));
    if !own.is_empty() {
        let pool = restore.target(state)?;
        let whose = about(pool, Document::new());
        let read = Operation::GetUserPoolSessionConfiguration;
        if is_so(restore, read, &whose, &own).await {
            set += 1;
        } else {
            let request = about(pool, own);
            let sent = restore
                .cognito
                .call(Operation::SetUserPoolSessionConfiguration, &request);
            match sent.await {
                Ok(_) => set += 1,
                Err(error) => refused(error, Section::SessionConfiguration, "", &mut news)?,
            }
        }
    }
    for configuration in head.list(Section::ClientSessionConfigurations) {
        if restore.stop.is_requested() {
            return Ok(StepProgress::InProgress);
        }
        let section = Section::ClientSessionConfigurations;
        let wanted = settings(configuration);
        if wanted.is_empty() {
            continue;
        }
        let old = member(&object(configuration), "ClientId")
            .unwrap_or_default()
            .to_owned();
        let Some(client) = new_client(state, section, &old, &mut news) else {
            continue;
        };
        let pool = restore.target(state)?;
        let mut whose = about(pool, Document::new());
        whose["ClientId"] = client.into();
        let read = Operation::GetUserPoolClientSessionConfiguration;
        if is_so(restore, read, &whose, &wanted).await {
            set += 1;
            continue;
        }
        let mut request = about(pool, wanted);
        request["ClientId"] = whose["ClientId"].take();
        let operation = Operation::SetUserPoolClientSessionConfiguration;
        match restore.cognito.call(operation, &request).await {
            Ok(_) => set += 1,
            Err(error) => refused(error, section, &old, &mut news)?,
        }
    }
    let result = match (set, news.findings.is_empty()) {
        (0, true) => StepResult::nothing_to_do(),
        (0, false) => StepResult::skipped("the target Region or the feature plan does not take it"),
        _ => StepResult::restored(set),
    };
    Ok(result.telling(news).into())
}

/// Whether the new pool or client is set so already. Cognito shows defaults where nothing was
/// ever set, and a plan without sessions refuses to be given even these (facts A.18).
async fn is_so(restore: &Restore<'_>, read: Operation, whose: &Value, wanted: &Document) -> bool {
    match restore.cognito.call(read, whose).await {
        Ok(answer) => settings(&answer) == *wanted,
        Err(error) => {
            tracing::debug!(%error, "what cannot be read is set");
            false
        }
    }
}

fn settings(configuration: &Value) -> Document {
    let mut settings = object(configuration);
    remove(&mut settings, &["UserPoolId", "ClientId"]);
    settings
}

fn refused(
    error: CognitoError,
    section: Section,
    client: &str,
    news: &mut News,
) -> Result<(), RestoreError> {
    if concerns_every_item(&error) && !error.is(ErrorKind::NotAuthorized) {
        return Err(error.into());
    }
    let item = if client.is_empty() {
        "sessions of the pool".to_owned()
    } else {
        format!("sessions of client {client}")
    };
    news.finding(
        Finding::new(FindingKind::Failed, item, error.to_string())
            .announcing(section, &token(client)),
    );
    Ok(())
}
