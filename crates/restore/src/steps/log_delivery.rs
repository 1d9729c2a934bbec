//! Log delivery.

use cognito::{ErrorKind, Operation};
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use serde_json::{Value, json};

use crate::commands;
use crate::context::Restore;
use crate::document::{Document, change, member, object};
use crate::error::RestoreError;
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};
use crate::translate::ArnKind;

const SECTION: Section = Section::LogDeliveryConfiguration;
/// Where logs go: the member, and its member that names the destination (facts A.15).
const DESTINATIONS: [(&str, &str); 3] = [
    ("CloudWatchLogsConfiguration", "LogGroupArn"),
    ("S3Configuration", "BucketArn"),
    ("FirehoseConfiguration", "StreamArn"),
];

/// Sets log delivery, to destinations in the target Region.
///
/// Destinations must be in the pool's account and Region (facts A.15): they come from the
/// operator's map; a configuration without one is left out and told. The call replaces all.
///
/// # Errors
/// Errors of Cognito itself; a refusal leaves the pool without log delivery, which is told.
pub async fn log_delivery(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let pool = restore.target(state)?;
    let relocation = Relocation::of(restore, Some(pool));
    let (wanted, mut news) = plan(restore.head(), &relocation);
    if wanted.is_empty() {
        let result = if news.manual_steps.is_empty() {
            StepResult::nothing_to_do()
        } else {
            StepResult::skipped("no destination is known in the target Region")
        };
        return Ok(result.telling(news).into());
    }
    let request = json!({"UserPoolId": pool.as_str(), "LogConfigurations": wanted});
    let operation = Operation::SetLogDeliveryConfiguration;
    match restore.cognito.call(operation, &request).await {
        Ok(_) => Ok(StepResult::restored(wanted.len() as u64)
            .telling(news)
            .into()),
        Err(error)
            if error.is(ErrorKind::Refused)
                || error.is(ErrorKind::FeatureUnavailable)
                || error.is(ErrorKind::NotAuthorized) =>
        {
            news.finding(
                Finding::new(FindingKind::Failed, "log delivery", error.to_string())
                    .announcing(SECTION, ""),
            );
            let why = if error.is(ErrorKind::NotAuthorized) {
                "The DR stack allows it only with RestoreLogDelivery=true.".to_owned()
            } else {
                format!("Cognito refused: {}.", error.message)
            };
            news.manual(
                ManualStep::new("Set log delivery", why)
                    .with_command(command(&relocation, &json!(wanted))),
            );
            Ok(StepResult::failed(error).telling(news).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The configurations whose destination is known.
pub(super) fn plan(head: &BackupHead, relocation: &Relocation<'_>) -> (Vec<Document>, News) {
    let mut news = News::default();
    tell_if_missing(head, SECTION, &mut news);
    let configurations = head.section(SECTION)["LogConfigurations"].as_array();
    let mut wanted = Vec::new();
    let mut left_out = Vec::new();
    for (index, configuration) in configurations.into_iter().flatten().enumerate() {
        let mut configuration = object(configuration);
        let source = member(&configuration, "EventSource")
            .unwrap_or("logs")
            .to_owned();
        let mut known = true;
        for (destination, name) in DESTINATIONS {
            change(&mut configuration, destination, |destination| {
                let Some(old) = member(destination, name).map(str::to_owned) else {
                    return;
                };
                match relocation.arn(ArnKind::LogDestination, &old) {
                    Some(new) if new == old => {}
                    Some(new) => {
                        destination.insert(name.into(), new.into());
                        let reason = "its destination was translated by the operator's map";
                        news.finding(announced(FindingKind::Expected, &source, index, reason));
                    }
                    None => known = false,
                }
            });
        }
        if known {
            wanted.push(configuration);
        } else {
            let reason = "its destination is in another Region or account, and the operator's map has no other";
            news.finding(announced(FindingKind::Degraded, &source, index, reason));
            left_out.push(configuration);
        }
    }
    if !left_out.is_empty() {
        let all: Vec<&Document> = wanted.iter().chain(&left_out).collect();
        news.manual(
            ManualStep::new(
                "Deliver the pool's logs to destinations in the target Region",
                "The command names the old destinations: replace their ARNs first.",
            )
            .with_command(command(relocation, &json!(all))),
        );
    }
    (wanted, news)
}

/// Elements are compared by their place or by what they are about: a difference in one shows in
/// the list.
fn announced(kind: FindingKind, source: &str, index: usize, reason: &str) -> Finding {
    Finding::new(kind, format!("delivery of {source}"), reason)
        .announcing(SECTION, "LogConfigurations")
        .announcing(SECTION, &format!("LogConfigurations/{index}"))
}

fn command(relocation: &Relocation<'_>, configurations: &Value) -> String {
    let configurations = commands::json(configurations);
    let arguments = [("log-configurations", configurations.as_str())];
    commands::cognito(
        relocation.region,
        relocation.pool,
        "set-log-delivery-configuration",
        &arguments,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;

    #[test]
    fn destinations_come_from_the_map_or_are_left_out() {
        let group = "arn:aws:logs:us-east-1:111122223333:log-group:g";
        let bucket = "arn:aws:s3:::logs";
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(
            SECTION,
            json!({"UserPoolId": "us-east-1_Old", "LogConfigurations": [
                {"LogLevel": "ERROR", "EventSource": "userNotification", "CloudWatchLogsConfiguration": {"LogGroupArn": group}},
                {"LogLevel": "INFO", "EventSource": "userAuthEvents", "S3Configuration": {"BucketArn": bucket}},
            ]}),
        );
        let (wanted, news) = plan(&head, &Move::plain().relocation());
        assert!(wanted.is_empty());
        assert_eq!(news.findings.len(), 2);
        assert!(
            news.manual_steps[0]
                .command
                .as_deref()
                .unwrap()
                .contains(bucket)
        );
        let new = "arn:aws:logs:us-west-2:111122223333:log-group:g";
        let map =
            Move::with(&json!({"log_destinations": {group: new, bucket: "arn:aws:s3:::logs-dr"}}));
        let (wanted, news) = plan(&head, &map.relocation());
        assert_eq!(wanted[0]["CloudWatchLogsConfiguration"]["LogGroupArn"], new);
        assert_eq!(
            wanted[1]["S3Configuration"]["BucketArn"],
            "arn:aws:s3:::logs-dr"
        );
        assert!(news.manual_steps.is_empty());
    }
}
