//! Threat protection.

use cognito::{CognitoError, ErrorKind, Operation};
use model::UserPoolId;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use serde_json::Value;

use super::create::concerns_every_item;
use super::{about, new_client};
use crate::commands;
use crate::context::Restore;
use crate::document::{Document, change, member, object, remove, token};
use crate::error::RestoreError;
use crate::relocation::{Relocation, has_threat_protection, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};
use crate::translate::ArnKind;

/// Sets threat protection: the pool's own, then that of the clients that have their own. A
/// client without inherits the pool's, as before.
///
/// Runs after the clients. Setting it again changes nothing; a request without any block would
/// reset all (facts A.14), so none is sent. Notices go by an SES identity, which Cognito may
/// refuse in the target Region: then they are left out, and the rest is kept.
///
/// # Errors
/// Errors of Cognito itself; a configuration that is refused is a finding.
pub async fn risk_configuration(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let head = restore.head();
    let mut news = News::default();
    tell_if_missing(head, Section::RiskConfiguration, &mut news);
    tell_if_missing(head, Section::ClientRiskConfigurations, &mut news);
    let pool = restore.target(state)?;
    let relocation = Relocation::of(restore, Some(pool));
    let own = std::iter::once((
        Section::RiskConfiguration,
        head.section(Section::RiskConfiguration),
    ));
    let of_clients = head.list(Section::ClientRiskConfigurations).iter();
    let all = own.chain(of_clients.map(|one| (Section::ClientRiskConfigurations, one)));
    let is_on = has_threat_protection(head);
    let (mut set, mut wanted) = (0, 0);
    for (section, configuration) in all {
        let mut place = RiskTarget::of(section, configuration);
        let mut request = plan(configuration, &place, &relocation, &mut news);
        if request.is_empty() {
            continue;
        }
        wanted += 1;
        if section == Section::ClientRiskConfigurations {
            let Some(client) = new_client(state, section, &place.client, &mut news) else {
                continue;
            };
            place.new = Some(client);
        }
        let result = match send(restore, pool, &place, &request).await {
            Err(error) if is_about_notices(&error) => {
                let why = format!("Cognito refused their sender: {}", error.message);
                without_notices(&mut request, &place, &why, &relocation, &mut news);
                send(restore, pool, &place, &request).await
            }
            result => result,
        };
        match result {
            Ok(()) => set += 1,
            Err(error) if concerns_every_item(&error) => return Err(error.into()),
            Err(error) => {
                let kind = if is_on {
                    FindingKind::Failed
                } else {
                    FindingKind::Skipped
                };
                news.finding(
                    Finding::new(kind, place.item(), error.to_string())
                        .announcing(section, &place.path("")),
                );
            }
        }
    }
    let result = match (set, wanted) {
        (0, 0) => StepResult::nothing_to_do(),
        (0, _) if !is_on => StepResult::skipped("the pool has no threat protection"),
        (0, _) => StepResult::failed("no configuration was accepted"),
        _ => StepResult::restored(set),
    };
    Ok(result.telling(news).into())
}

/// Whose configuration it is.
struct RiskTarget {
    section: Section,
    /// The client's old id; empty for the pool's own.
    client: String,
    new: Option<String>,
}

impl RiskTarget {
    fn of(section: Section, configuration: &Value) -> Self {
        let client = match section {
            Section::RiskConfiguration => String::new(),
            _ => configuration["ClientId"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        Self {
            section,
            client,
            new: None,
        }
    }

    fn item(&self) -> String {
        if self.client.is_empty() {
            "threat protection".into()
        } else {
            format!("threat protection of client {}", self.client)
        }
    }

    fn path(&self, below: &str) -> String {
        [token(&self.client).as_str(), below]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }
}

async fn send(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    place: &RiskTarget,
    request: &Document,
) -> Result<(), CognitoError> {
    let mut request = about(pool, request.clone());
    if let Some(client) = &place.new {
        request["ClientId"] = client.as_str().into();
    }
    let operation = Operation::SetRiskConfiguration;
    restore.cognito.call(operation, &request).await.map(drop)
}

fn is_about_notices(error: &CognitoError) -> bool {
    error.is(ErrorKind::Refused)
        && (error.message.contains("SourceArn") || error.message.contains("email identity"))
}

/// The request for a configuration, with its sender translated; empty when nothing is set.
fn plan(
    configuration: &Value,
    place: &RiskTarget,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> Document {
    let mut request = object(configuration);
    remove(
        &mut request,
        &["UserPoolId", "ClientId", "LastModifiedDate"],
    );
    change(
        &mut request,
        "AccountTakeoverRiskConfiguration",
        |takeover| {
            change(takeover, "NotifyConfiguration", |notify| {
                let Some(old) = member(notify, "SourceArn").map(str::to_owned) else {
                    return;
                };
                let new = relocation.ses_identity(&old);
                if new != old {
                    notify.insert("SourceArn".into(), new.into());
                    let path = place
                        .path("AccountTakeoverRiskConfiguration/NotifyConfiguration/SourceArn");
                    let why = relocation.why_translated(ArnKind::SesIdentity, &old);
                    let reason = format!("its sender: {why}");
                    news.finding(
                        Finding::new(FindingKind::Expected, place.item(), reason)
                            .announcing(place.section, &path),
                    );
                }
            })
        },
    );
    request
}

/// Keeps the protection and gives up its mails.
fn without_notices(
    request: &mut Document,
    place: &RiskTarget,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let before = Value::Object(request.clone());
    change(request, "AccountTakeoverRiskConfiguration", |takeover| {
        remove(takeover, &["NotifyConfiguration"]);
        change(takeover, "Actions", |actions| {
            for action in actions.values_mut().filter(|action| action.is_object()) {
                action["Notify"] = false.into();
            }
        });
    });
    let reason = format!("users get no mail about risks: {why}");
    news.finding(
        Finding::new(FindingKind::Degraded, place.item(), reason)
            .announcing(
                place.section,
                &place.path("AccountTakeoverRiskConfiguration/NotifyConfiguration"),
            )
            .announcing(
                place.section,
                &place.path("AccountTakeoverRiskConfiguration/Actions"),
            ),
    );
    let mut takeover = before["AccountTakeoverRiskConfiguration"].clone();
    takeover["NotifyConfiguration"]["SourceArn"] = "SES_IDENTITY_ARN".into();
    let mut whole = before;
    whole["AccountTakeoverRiskConfiguration"] = takeover;
    whole["UserPoolId"] = relocation.pool.into();
    if let Some(client) = &place.new {
        whole["ClientId"] = client.as_str().into();
    }
    let command = commands::aws(
        "cognito-idp set-risk-configuration",
        relocation.region,
        &[("cli-input-json", &commands::json(&whole))],
    );
    news.manual(
        ManualStep::new(
            format!("Give {} a sender for its mails", place.item()),
            format!("{why}."),
        )
        .with_command(command),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;
    use serde_json::json;

    const SES: &str = "arn:aws:ses:us-east-1:111122223333:identity/a";

    fn configuration() -> Value {
        json!({
            "UserPoolId": "us-east-1_Old", "ClientId": "c1", "LastModifiedDate": 1,
            "AccountTakeoverRiskConfiguration": {
                "NotifyConfiguration": {"SourceArn": SES, "From": "a@example.com"},
                "Actions": {"LowAction": {"Notify": true, "EventAction": "NO_ACTION"}},
            },
            "RiskExceptionConfiguration": {"BlockedIPRangeList": ["10.0.0.0/8"]},
        })
    }

    #[test]
    fn the_sender_of_notices_is_translated() {
        let new = "arn:aws:ses:us-west-2:111122223333:identity/a";
        let moved = Move::with(&json!({"ses_identities": {SES: new}}));
        let place = RiskTarget::of(Section::ClientRiskConfigurations, &configuration());
        let mut news = News::default();
        let request = plan(&configuration(), &place, &moved.relocation(), &mut news);
        assert_eq!(
            request["AccountTakeoverRiskConfiguration"]["NotifyConfiguration"]["SourceArn"],
            new
        );
        assert!(!request.contains_key("ClientId"));
        assert_eq!(
            news.findings[0].announces,
            [
                "client_risk_configurations/c1/AccountTakeoverRiskConfiguration/NotifyConfiguration/SourceArn"
            ]
        );
    }

    #[test]
    fn a_refused_sender_costs_the_mails_and_nothing_else() {
        let moved = Move::plain();
        let place = RiskTarget::of(Section::RiskConfiguration, &configuration());
        let mut news = News::default();
        let mut request = plan(&configuration(), &place, &moved.relocation(), &mut news);
        without_notices(&mut request, &place, "x", &moved.relocation(), &mut news);
        assert_eq!(
            Value::Object(request),
            json!({
                "AccountTakeoverRiskConfiguration": {"Actions": {"LowAction": {"Notify": false, "EventAction": "NO_ACTION"}}},
                "RiskExceptionConfiguration": {"BlockedIPRangeList": ["10.0.0.0/8"]},
            })
        );
        assert_eq!(
            news.findings[0].announces[0],
            "risk_configuration/AccountTakeoverRiskConfiguration/NotifyConfiguration"
        );
        assert!(
            news.manual_steps[0]
                .command
                .as_deref()
                .unwrap()
                .contains("SES_IDENTITY_ARN")
        );
    }
}
