//! Users as rows of a file that Cognito's own import takes, for whoever runs the job.

use model::document::{UserRecord, UserStatus};
use serde_json::Value;

use super::super::attributes::Attributes;
use super::super::decide::{UserNews, sign_in_name};
use super::super::pool::TargetPool;
use super::csv::{Header, can_carry};

/// Writes users of one pool as rows of an import job's file (facts C.5).
#[derive(Debug)]
pub struct ImportRows {
    pool: TargetPool,
    header: Header,
}

/// What a file makes of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportRow {
    /// A row, without the end of the line.
    Row {
        /// The row.
        row: String,
        /// Whether the user has shown an address that the pool verifies by itself: a job takes
        /// nobody else.
        is_verified: bool,
    },
    /// The file cannot carry the user, for this reason.
    LeftOut(&'static str),
}

impl ImportRows {
    /// For users of the pool with these settings (DescribeUserPool), in the columns of
    /// GetCSVHeader; without them, in those that GetCSVHeader gives for such settings.
    pub fn new(settings: &Value, columns: Option<Vec<String>>) -> Self {
        let names = settings["SchemaAttributes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|attribute| attribute["Name"].as_str());
        let columns = columns.unwrap_or_else(|| model::import_file::header(names));
        Self {
            pool: TargetPool::from_settings(settings),
            header: Header::new(columns),
        }
    }

    /// The first line, without its end.
    pub fn header(&self) -> String {
        self.header.line(false)
    }

    /// The row of a user.
    pub fn row(&self, user: &UserRecord) -> ImportRow {
        if user.status == UserStatus::ExternalProvider {
            return ImportRow::LeftOut("a federated profile, which Cognito makes at the sign-in");
        }
        let Some(sign_in) = sign_in_name(user, &self.pool) else {
            return ImportRow::LeftOut("without the address that users of the pool sign in by");
        };
        let mut news = UserNews::about(user);
        let attributes = Attributes::of(user, &self.pool, None, &mut news);
        if !can_carry(sign_in, &attributes) {
            return ImportRow::LeftOut(
                "with a value that the file cannot carry: a line break, a backslash, a quote, a space at an end, or a username with a space",
            );
        }
        match self.header.row(sign_in, &attributes, "", false) {
            None => ImportRow::LeftOut("longer than a row may be"),
            Some(row) => ImportRow::Row {
                row,
                is_verified: self
                    .pool
                    .auto_verified
                    .iter()
                    .any(|contact| attributes.is_verified(*contact)),
            },
        }
    }
}
