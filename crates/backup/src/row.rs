//! The row in DynamoDB that records a complete backup.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Failure;
use model::backup_row::BackupRow;
use model::document::SectionStatus;
use model::inventory::Section;
use std::time::Duration;

use crate::error::BackupError;

const ATTEMPT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;
/// What is kept of a section's error: the whole item may have 400 KB (facts G.4).
const LONGEST_ERROR: usize = 500;

/// The table `cognito-backup-metadata-{environment}`.
#[derive(Debug, Clone)]
pub struct MetadataTable {
    client: Client,
    name: String,
}

impl MetadataTable {
    /// The table `name` in the account and Region of `config`.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            name: name.into(),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Records a backup whose object is complete.
    ///
    /// # Errors
    /// [`BackupError::NotRecorded`] when DynamoDB did not take it, however often it was asked.
    pub async fn record(&self, row: &BackupRow) -> Result<(), BackupError> {
        let put = self.client.put_item().table_name(&self.name);
        put.set_item(Some(item(row)))
            .send()
            .await
            .map(drop)
            .map_err(|error| self.not_recorded(row, &error))
    }

    /// Records it unless it is recorded; true when it was not.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_if_missing(&self, row: &BackupRow) -> Result<bool, BackupError> {
        let put = self.client.put_item().table_name(&self.name);
        let put = put
            .condition_expression("attribute_not_exists(user_pool_id)")
            .set_item(Some(item(row)));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(self.not_recorded(row, &error)),
        }
    }

    fn not_recorded<R>(&self, row: &BackupRow, error: &SdkError<PutItemError, R>) -> BackupError
    where
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let failure = match error.code() {
            Some("AccessDeniedException" | "UnrecognizedClientException") => Failure::NotAuthorized,
            Some("ResourceNotFoundException") => Failure::MissingConfiguration,
            _ => Failure::ServiceUnavailable,
        };
        let reason = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            _ => DisplayErrorContext(error).to_string(),
        };
        BackupError::NotRecorded {
            key: row.key.clone(),
            table: self.name.clone(),
            reason: reason.chars().take(300).collect(),
            failure,
        }
    }
}

/// The row: the members of the reference, and what is new beside them.
fn item(row: &BackupRow) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u64| AttributeValue::N(number.to_string());
    let mut item: HashMap<String, AttributeValue> = [
        ("user_pool_id", text(row.key.pool().as_str())),
        ("backup_date", text(&isoformat(row.key.began()))),
        ("s3_key", text(&row.key.to_string())),
        ("user_count", number(row.trailer.users)),
        ("group_count", number(row.count(Section::Groups))),
        ("app_client_count", number(row.count(Section::AppClients))),
        (
            "identity_provider_count",
            number(row.count(Section::IdentityProviders)),
        ),
        (
            "resource_server_count",
            number(row.count(Section::ResourceServers)),
        ),
        ("membership_count", number(row.trailer.memberships)),
        ("bytes", number(row.bytes)),
        ("duration_ms", number(row.duration_milliseconds)),
        ("crc64nvme", text(&row.trailer.crc64nvme)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(listing) = &row.users_listing {
        item.insert("users_listing".into(), text(&listing.to_string()));
    }
    if let Some(change) = &row.trailer.change {
        // As the trailer has it; a summary always becomes JSON.
        let json = serde_json::to_string(change).unwrap_or_default();
        item.insert("change".into(), text(&json));
    }
    if let Some(version) = &row.version_id {
        item.insert("version_id".into(), text(version));
    }
    let sections = row
        .sections
        .iter()
        .map(|(section, status)| (section.member().to_owned(), status_value(status)));
    item.insert("sections".into(), AttributeValue::M(sections.collect()));
    item
}

fn status_value(status: &SectionStatus) -> AttributeValue {
    let (name, detail) = match status {
        SectionStatus::Complete { count } => (
            "complete",
            Some(("count", AttributeValue::N(count.to_string()))),
        ),
        SectionStatus::Empty => ("empty", None),
        SectionStatus::Failed { error } => ("failed", Some(("error", cut(error)))),
        SectionStatus::NotRead { reason } => ("not_read", Some(("reason", cut(reason)))),
        SectionStatus::Unknown => ("unknown", None),
    };
    let mut members = HashMap::from([("status".to_owned(), AttributeValue::S(name.to_owned()))]);
    members.extend(detail.map(|(name, value)| (name.to_owned(), value)));
    AttributeValue::M(members)
}

fn cut(text: &str) -> AttributeValue {
    AttributeValue::S(text.chars().take(LONGEST_ERROR).collect())
}

/// The time as the reference wrote it: Python's `isoformat()`, UTC without a zone.
pub(crate) fn isoformat(time: Timestamp) -> String {
    let time = time.to_zoned(TimeZone::UTC).datetime();
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use model::document::{BackupHead, DocumentEncoder};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_the_members_of_the_reference_and_the_status_of_each_section() {
        let pool = "us-east-1_AbC".parse().unwrap();
        let began: Timestamp = "2026-03-07T09:05:02.5Z".parse().unwrap();
        let key = model::BackupKey::new(&pool, began);
        let mut head = BackupHead::new(pool, began);
        head.set(
            Section::Groups,
            json!([{"GroupName": "a"}, {"GroupName": "b"}]),
        );
        head.set(Section::AppClients, json!([{}]));
        head.set_failed(Section::Terms, "ListTerms failed".into());
        let mut out = Vec::new();
        let mut encoder = DocumentEncoder::begin(&head, &mut out);
        encoder.user(&json!({"Username": "ann"}), &mut out);
        encoder.begin_memberships(&mut out);
        let trailer = encoder.finish("2026-03-07T09:05:03Z".parse().unwrap(), &mut out);
        let ended = "2026-03-07T09:05:04Z".parse().unwrap();
        let row = BackupRow::new(key, Some("v".into()), &head, trailer, 1234, ended);
        let item = item(&row);
        let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
        assert_eq!(item["user_pool_id"].as_s().unwrap(), "us-east-1_AbC");
        assert_eq!(item["backup_date"].as_s().unwrap(), "2026-03-07T09:05:02");
        assert_eq!(
            item["s3_key"].as_s().unwrap(),
            "cognito-backup/2026/03/07/us-east-1_AbC-090502.json.zst"
        );
        for (name, expected) in [
            ("user_count", 1),
            ("group_count", 2),
            ("app_client_count", 1),
            ("identity_provider_count", 0),
            ("resource_server_count", 0),
            ("membership_count", 0),
            ("bytes", 1234),
            ("duration_ms", 1500),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
        let terms = item["sections"].as_m().unwrap()["terms"].as_m().unwrap();
        assert_eq!(terms["status"].as_s().unwrap(), "failed");
        assert_eq!(terms["error"].as_s().unwrap(), "ListTerms failed");
    }
}
