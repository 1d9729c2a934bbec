//! App clients.

use std::collections::HashSet;

use cognito::{CognitoError, Operation};
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use model::{AppClientId, UserPoolId};
use serde_json::{Value, json};

use super::client_document::{self, Surroundings};
use super::create::concerns_every_item;
use super::mend_client::{change, mend};
use super::{about, create, described, identity_providers, resource_servers, schema};
use crate::commands;
use crate::context::{Existing, Restore};
use crate::document::{Document, object, text, token};
use crate::error::RestoreError;
use crate::once::{self, Second};
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};

/// Recreates app clients with their secrets; their ids are new.
///
/// Runs after resource servers and identity providers, which Cognito checks on creation (facts
/// A.6). A client can be created twice, for names are not unique: the state is saved after each,
/// so that at most one may be there without being recorded, and a repeated step looks for it.
///
/// # Errors
/// Errors that stand for all clients: a quota, IAM, Cognito itself. A client that Cognito refuses
/// is a finding: the others are worth more than it.
pub async fn app_clients(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let head = restore.head();
    let clients: Vec<(AppClientId, &Value)> = head
        .list(Section::AppClients)
        .iter()
        .filter_map(|client| Some((client["ClientId"].as_str()?.parse().ok()?, client)))
        .collect();
    let mut news = News::default();
    tell_if_missing(head, Section::AppClients, &mut news);
    if clients.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let pool = restore.target(state)?.clone();
    let relocation = Relocation::of(restore, Some(&pool));
    let surroundings = surroundings(restore, state, &pool).await?;
    let mut unrecorded = unrecorded(restore, state, &pool).await?;
    let mut refused: Vec<(&AppClientId, CognitoError)> = Vec::new();
    for (old, client) in &clients {
        if restore.stop.is_requested() {
            return Ok(StepProgress::InProgress);
        }
        let mut request =
            client_document::creation(client, &surroundings, &relocation, "", &mut News::default());
        if let Some(new) = state.app_clients.get(old)
            && restore.existing == Existing::IsChanged
        {
            match change(restore, &pool, new, request).await {
                Ok(()) => {}
                Err(error) if concerns_every_item(&error) => return Err(error.into()),
                Err(error) => refused.push((old, error)),
            }
            continue;
        }
        if let Some(new) = state.app_clients.get(old) {
            // Only then may it lack what is there by now.
            if state.resumed.is_some() {
                match mend(restore, &pool, new, &request).await {
                    Err(error) if concerns_every_item(&error) => return Err(error.into()),
                    Err(error) => not_mended(old, &error, &mut news),
                    Ok(()) => {}
                }
            }
            continue;
        }
        let name = text(client, "/ClientName").unwrap_or_default();
        let made = match take(&mut unrecorded, name) {
            Some(made) => Ok(made),
            None => create_one(restore, state, &pool, name, &about(&pool, request.clone())).await,
        };
        let made = match made {
            Err(RestoreError::Cognito(error)) if client_document::must_refresh(&error) => {
                client_document::allow_refresh(&mut request);
                create_one(restore, state, &pool, name, &about(&pool, request)).await
            }
            made => made,
        };
        match made {
            Ok(new) => {
                state.app_clients.insert(old.clone(), new);
                restore.save(state).await?;
            }
            Err(RestoreError::Cognito(error)) if !concerns_every_item(&error) => {
                refused.push((old, error));
            }
            Err(error) => return Err(error),
        }
    }
    // Told for all of them, whichever invocation made them.
    for (old, client) in &clients {
        if let Some(new) = state.app_clients.get(old) {
            let new = new.as_str();
            let asked =
                client_document::creation(client, &surroundings, &relocation, new, &mut news);
            // Rare, so that looking costs nothing to speak of.
            if client_document::lacks_refresh(&asked) {
                let there = described_client(restore, &pool, new).await?;
                client_document::tell_refresh(old.as_str(), &there, &mut news);
            }
        }
    }
    for (old, error) in &refused {
        let not = match state.app_clients.contains_key(*old) {
            true => "changed",
            false => "created",
        };
        let reason = format!("it was not {not}: {error}");
        news.finding(
            Finding::new(FindingKind::Failed, format!("client {old}"), reason)
                .announcing(Section::AppClients, &token(old.as_str())),
        );
        news.manual(ManualStep::new(
            format!("Create a client in the place of {old}"),
            format!("Cognito refused it: {}.", error.message),
        ));
    }
    second_secrets(restore, state, &relocation, &mut news);
    let count = state.app_clients.len() as u64;
    Ok(StepResult::restored(count).telling(news).into())
}

async fn described_client(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    client: &str,
) -> Result<Document, RestoreError> {
    let mut request = Document::new();
    request.insert("ClientId".into(), client.into());
    let operation = Operation::DescribeUserPoolClient;
    let answer = restore
        .cognito
        .call(operation, &about(pool, request))
        .await?;
    Ok(object(&answer["UserPoolClient"]))
}

async fn surroundings(
    restore: &Restore<'_>,
    state: &RestoreState,
    pool: &UserPoolId,
) -> Result<Surroundings, RestoreError> {
    let servers = create::existing_by_name(restore, pool, &resource_servers::KIND).await?;
    let legacy_sub = match &restore.settings.legacy_sub_attribute {
        None => None,
        Some(bare) => {
            let name = format!("custom:{bare}");
            let pool = described(restore, pool).await?;
            let mut attributes = pool["SchemaAttributes"].as_array().into_iter().flatten();
            attributes
                .any(|attribute| attribute["Name"] == name.as_str())
                .then_some(name)
        }
    };
    Ok(Surroundings {
        providers: identity_providers::existing(restore, state).await?,
        resource_servers: servers.into_keys().collect(),
        legacy_sub,
        with_secrets: with_secrets(restore.head()),
    })
}

/// What a dry run expects clients to find.
pub(super) fn expected_surroundings(
    restore: &Restore<'_>,
    relocation: &Relocation<'_>,
) -> Surroundings {
    let head = restore.head();
    let (servers, _) = resource_servers::plan(head);
    let attributes = head.user_pool()["SchemaAttributes"].as_array();
    let legacy_sub = restore.settings.legacy_sub_attribute.as_deref();
    let schema = schema::of(attributes.map_or(&[], Vec::as_slice), legacy_sub);
    Surroundings {
        providers: identity_providers::expected(head, relocation),
        resource_servers: servers.into_iter().map(|server| server.name).collect(),
        legacy_sub: legacy_sub
            .filter(|_| !schema.no_room)
            .map(|bare| format!("custom:{bare}")),
        with_secrets: with_secrets(head),
    }
}

/// Old ids of the clients that have secrets.
fn with_secrets(head: &BackupHead) -> Vec<String> {
    head.list(Section::ClientSecrets)
        .iter()
        .filter(|listed| {
            listed["ClientSecrets"]
                .as_array()
                .is_some_and(|secrets| !secrets.is_empty())
        })
        .filter_map(|listed| Some(text(listed, "/ClientId")?.to_owned()))
        .collect()
}

/// A client that is there and that the state does not know.
struct Unrecorded {
    id: AppClientId,
    name: String,
}

/// Clients that an invocation made without living to write it down: one at most.
async fn unrecorded(
    restore: &Restore<'_>,
    state: &RestoreState,
    pool: &UserPoolId,
) -> Result<Vec<Unrecorded>, RestoreError> {
    let known: HashSet<&str> = state
        .app_clients
        .values()
        .map(AppClientId::as_str)
        .collect();
    let listed = restore
        .cognito
        .list(Operation::ListUserPoolClients, pool)
        .await?;
    Ok(listed
        .iter()
        .filter_map(|client| {
            let id = client["ClientId"].as_str()?;
            let unrecorded = Unrecorded {
                id: id.parse().ok()?,
                name: client["ClientName"].as_str()?.to_owned(),
            };
            (!known.contains(id)).then_some(unrecorded)
        })
        .collect())
}

fn take(unrecorded: &mut Vec<Unrecorded>, name: &str) -> Option<AppClientId> {
    let at = unrecorded.iter().position(|client| client.name == name)?;
    Some(unrecorded.swap_remove(at).id)
}

async fn create_one(
    restore: &Restore<'_>,
    state: &RestoreState,
    pool: &UserPoolId,
    name: &str,
    request: &Value,
) -> Result<AppClientId, RestoreError> {
    let operation = Operation::CreateUserPoolClient;
    let look = async || {
        let made = take(&mut unrecorded(restore, state, pool).await?, name);
        let answer = |id: AppClientId| json!({"UserPoolClient": {"ClientId": id}});
        Ok::<_, RestoreError>(made.map(answer))
    };
    let answer = once::create(restore, operation, request, Second::Makes, look).await?;
    text(&answer, "/UserPoolClient/ClientId")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| CognitoError::unexpected_answer(operation, "client id").into())
}

fn not_mended(old: &AppClientId, error: &CognitoError, news: &mut News) {
    let reason = format!("it did not get what was missing when it was made: {error}");
    news.finding(
        Finding::new(FindingKind::Degraded, format!("client {old}"), reason)
            .announcing(Section::AppClients, &token(old.as_str())),
    );
}

/// Cognito never returns the value of a second secret (facts A.6): what uses it has to be given
/// the first, or a new one.
fn second_secrets(
    restore: &Restore<'_>,
    state: &RestoreState,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    tell_if_missing(restore.head(), Section::ClientSecrets, news);
    for listed in restore.head().list(Section::ClientSecrets) {
        let count = listed["ClientSecrets"].as_array().map_or(0, Vec::len);
        let Some(old) = text(listed, "/ClientId").filter(|_| count > 1) else {
            continue;
        };
        let reason = "one of its two secrets did not come back: Cognito never returns its value";
        news.finding(
            Finding::new(FindingKind::Degraded, format!("client {old}"), reason)
                .announcing(Section::ClientSecrets, &token(old)),
        );
        let new = old
            .parse()
            .ok()
            .and_then(|old: AppClientId| state.app_clients.get(&old));
        let new = new.map_or("NEW_CLIENT_ID", AppClientId::as_str);
        let arguments = [("client-id", new), ("client-secret", "THE_OTHER_SECRET")];
        let command = commands::cognito(
            relocation.region,
            relocation.pool,
            "add-user-pool-client-secret",
            &arguments,
        );
        news.manual(
            ManualStep::new(
                format!("Add the other secret of client {old} (formerly)"),
                "Cognito never returns it. Whoever uses it knows it.",
            )
            .with_command(command),
        );
    }
}

/// What a dry run can tell of the clients.
pub(super) fn preview(restore: &Restore<'_>, relocation: &Relocation<'_>) -> StepResult {
    let mut news = News::default();
    let head = restore.head();
    tell_if_missing(head, Section::AppClients, &mut news);
    let surroundings = expected_surroundings(restore, relocation);
    let clients = head.list(Section::AppClients);
    for client in clients {
        client_document::creation(
            client,
            &surroundings,
            relocation,
            "NEW_CLIENT_ID",
            &mut news,
        );
    }
    StepResult::restored(clients.len() as u64).telling(news)
}
