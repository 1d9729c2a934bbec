//! Reading the rows that record backups.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::change::Change;
use model::{BackupKey, Failure, UserPoolId};

use crate::error::BackupError;
use crate::row::{MetadataTable, isoformat};

/// A backup as its row tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedBackup {
    /// Where the object lies, or lay: rows outlive backups.
    pub key: BackupKey,
    /// How many users it has.
    pub users: u64,
    /// The object's size in bytes.
    pub bytes: u64,
    /// What changed since the backup before; none in rows of versions that did not look.
    pub change: Option<Change>,
}

impl MetadataTable {
    /// The newest rows of a pool whose backups began in this time, newest first: `limit` of them at
    /// most. Rows of backups under keys that this version does not know are left out.
    ///
    /// # Errors
    /// [`BackupError::NotListed`] when DynamoDB does not give them.
    pub async fn rows(
        &self,
        pool: &UserPoolId,
        since: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordedBackup>, BackupError> {
        let text = |text: String| AttributeValue::S(text);
        let query = self.client().query().table_name(self.name());
        let query = query
            .key_condition_expression(
                "user_pool_id = :pool AND backup_date BETWEEN :since AND :until",
            )
            .expression_attribute_values(":pool", text(pool.to_string()))
            .expression_attribute_values(":since", text(isoformat(since)))
            // What follows the seconds in rows of the reference implementation is later.
            .expression_attribute_values(":until", text(format!("{}~", isoformat(until))))
            .scan_index_forward(false);
        let mut pages = query.into_paginator().send();
        let mut rows = Vec::new();
        while rows.len() < limit {
            let Some(page) = pages.next().await else {
                break;
            };
            let page = page.map_err(|error| BackupError::NotListed {
                table: self.name().to_owned(),
                failure: match error.code() {
                    Some("AccessDeniedException" | "UnrecognizedClientException") => {
                        Failure::NotAuthorized
                    }
                    Some("ResourceNotFoundException") => Failure::MissingConfiguration,
                    _ => Failure::ServiceUnavailable,
                },
                reason: match (error.code(), error.message()) {
                    (Some(code), Some(message)) => format!("{code}: {message}"),
                    _ => DisplayErrorContext(error).to_string(),
                },
            })?;
            rows.extend(page.items().iter().filter_map(recorded));
        }
        rows.truncate(limit);
        Ok(rows)
    }
}

fn recorded(item: &HashMap<String, AttributeValue>) -> Option<RecordedBackup> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse().ok();
    Some(RecordedBackup {
        key: text("s3_key")?.parse().ok()?,
        users: number("user_count").unwrap_or(0),
        bytes: number("bytes").unwrap_or(0),
        change: text("change").and_then(|json| serde_json::from_str(json).ok()),
    })
}

#[cfg(test)]
mod tests {
    use model::change::NotCompared;

    use super::*;

    #[test]
    fn a_row_without_a_summary_or_with_one_that_is_not_known_tells_the_rest() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = HashMap::from([
            (
                "s3_key".to_owned(),
                text("cognito-backup/2026/03/07/us-east-1_AbC-090502.json.zst"),
            ),
            ("user_count".to_owned(), AttributeValue::N("7".into())),
        ]);
        for (change, expected) in [
            (None, None),
            (Some(r#"{"since":1}"#), None),
            (
                Some(r#"{"not_compared":"first_backup"}"#),
                Some(Change::NotCompared(NotCompared::FirstBackup)),
            ),
        ] {
            item.extend(change.map(|json| ("change".to_owned(), text(json))));
            let row = recorded(&item).unwrap();
            assert_eq!((row.users, row.bytes, row.change), (7, 0, expected));
        }
        item.insert("s3_key".into(), text("elsewhere"));
        assert_eq!(recorded(&item), None);
    }
}
