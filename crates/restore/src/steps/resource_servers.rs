//! OAuth 2.0 resource servers.

use cognito::Operation;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};

use super::create::{self, Kind, ToCreate};
use crate::commands;
use crate::context::Restore;
use crate::document::{member, object, remove, token};
use crate::error::RestoreError;
use crate::relocation::tell_if_missing;
use crate::step::{News, StepProgress, StepResult};

pub(super) const KIND: Kind = Kind {
    list: Operation::ListResourceServers,
    name: "Identifier",
    create: Operation::CreateResourceServer,
    describe: None,
    update: None,
    change: (Operation::UpdateResourceServer, &[]),
};

/// Recreates the pool's OAuth 2.0 resource servers.
///
/// Runs before the app clients, whose custom scopes Cognito checks on creation
/// (`ScopeDoesNotExistException`, facts A.6). Servers that Cognito manages itself are skipped
/// (facts A.8).
///
/// # Errors
/// As [`create::missing`].
pub async fn resource_servers(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let (wanted, mut news) = plan(restore.head());
    if wanted.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let pool = restore.target(state)?;
    let created = create::missing(restore, pool, &KIND, wanted, &mut news).await?;
    if created.interrupted {
        return Ok(StepProgress::InProgress);
    }
    for (identifier, error) in created.refused {
        let reason = format!("it was not created: {error}");
        news.finding(
            Finding::new(FindingKind::Failed, identifier.as_str(), reason)
                .announcing(Section::ResourceServers, &token(&identifier)),
        );
        let arguments = [("identifier", identifier.as_str()), ("name", "NAME")];
        let command = commands::cognito(
            &restore.settings.region,
            pool.as_str(),
            "create-resource-server",
            &arguments,
        );
        news.manual(
            ManualStep::new(
                format!("Create the resource server {identifier} with its scopes"),
                "Cognito refused it; clients came back without its scopes.",
            )
            .with_command(command),
        );
    }
    Ok(StepResult::restored(created.there).telling(news).into())
}

/// The requests for the servers of the backup.
pub(super) fn plan(head: &BackupHead) -> (Vec<ToCreate>, News) {
    let mut news = News::default();
    tell_if_missing(head, Section::ResourceServers, &mut news);
    let mut wanted = Vec::new();
    for server in head.list(Section::ResourceServers) {
        let mut request = object(server);
        let Some(identifier) = member(&request, "Identifier").map(str::to_owned) else {
            continue;
        };
        if request.get("ManagedBy").is_some_and(|by| by == "COGNITO") {
            let reason = "Cognito makes it itself, for dynamic client registration";
            news.finding(
                Finding::new(FindingKind::Skipped, identifier.as_str(), reason)
                    .announcing(Section::ResourceServers, &token(&identifier)),
            );
            continue;
        }
        remove(&mut request, &["UserPoolId", "ManagedBy"]);
        wanted.push(ToCreate {
            name: identifier,
            request,
            otherwise: None,
        });
    }
    (wanted, news)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn servers_come_back_whole_but_for_those_that_cognito_manages() {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(
            Section::ResourceServers,
            json!([
                {"UserPoolId": "us-east-1_Old", "Identifier": "api", "Name": "API", "Scopes": [{"ScopeName": "read", "ScopeDescription": "r"}], "New": {"a": 1}},
                {"UserPoolId": "us-east-1_Old", "Identifier": "aws.cognito/dcr", "Name": "DCR", "ManagedBy": "COGNITO"},
            ]),
        );
        let (wanted, news) = plan(&head);
        assert_eq!(wanted.len(), 1);
        assert_eq!(
            Value::Object(wanted[0].request.clone()),
            json!({"Identifier": "api", "Name": "API", "Scopes": [{"ScopeName": "read", "ScopeDescription": "r"}], "New": {"a": 1}})
        );
        assert_eq!(
            news.findings[0].announces,
            ["resource_servers/aws.cognito~1dcr"]
        );
    }
}
