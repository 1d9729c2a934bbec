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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use proptest::prelude::*;
    use serde_json::json;
    use vault::Backup;

    use super::*;

    const ATTRIBUTES: [&str; 4] = ["email", "name", "birthdate", "custom:plan"];

    fn rows(more: Value) -> ImportRows {
        let schema = ATTRIBUTES
            .iter()
            .chain(&["email_verified", "sub"])
            .map(|name| json!({"Name": name}));
        let mut settings = json!({
            "SchemaAttributes": schema.collect::<Vec<_>>(),
            "AutoVerifiedAttributes": ["email"],
        });
        for (member, value) in more.as_object().unwrap() {
            settings[member] = value.clone();
        }
        ImportRows::new(&settings, None)
    }

    fn user(name: &str, status: &str, attributes: &[(&str, &str)]) -> UserRecord {
        let attributes: Vec<Value> = attributes
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        serde_json::from_value(
            json!({"Username": name, "UserStatus": status, "Attributes": attributes}),
        )
        .unwrap()
    }

    /// The attributes that say something: without the `sub`, and flags that are not set.
    fn attributes(user: &UserRecord) -> BTreeMap<String, String> {
        user.attributes
            .iter()
            .filter(|attribute| attribute.name != "sub" && !attribute.value.is_empty())
            .filter(|attribute| attribute.value != "false")
            .map(|attribute| (attribute.name.clone(), attribute.value.clone()))
            .collect()
    }

    async fn read(file: &str) -> Vec<UserRecord> {
        let mut written = tempfile::NamedTempFile::new().unwrap();
        written.write_all(file.as_bytes()).unwrap();
        let pool = "us-east-1_A".parse().unwrap();
        let backup = Backup::open_users_file(written.path(), None, pool).await;
        let mut users = backup.unwrap().users(None).await.unwrap();
        let mut read = Vec::new();
        while let Some(line) = users.next().await.unwrap() {
            read.push(line.record);
        }
        read
    }

    #[test]
    fn who_cannot_be_in_a_file_is_left_out_for_a_reason() {
        for (user, more, expected) in [
            (
                user("Google_1", "EXTERNAL_PROVIDER", &[]),
                json!({}),
                "federated",
            ),
            (
                user("ann", "CONFIRMED", &[]),
                json!({"UsernameAttributes": ["email"]}),
                "sign in by",
            ),
            (
                user("ann", "CONFIRMED", &[("name", "two\nlines")]),
                json!({}),
                "cannot carry",
            ),
            (user("a b", "CONFIRMED", &[]), json!({}), "cannot carry"),
            (
                user("ann", "CONFIRMED", &[("name", &"x".repeat(16_000))]),
                json!({}),
                "longer",
            ),
        ] {
            match rows(more).row(&user) {
                ImportRow::LeftOut(reason) => assert!(reason.contains(expected), "{reason}"),
                row => panic!("{row:?}"),
            }
        }
    }

    #[test]
    fn a_job_takes_only_who_has_shown_an_address_that_the_pool_verifies() {
        let is_verified =
            |attributes| match rows(json!({})).row(&user("a", "CONFIRMED", attributes)) {
                ImportRow::Row { is_verified, .. } => is_verified,
                ImportRow::LeftOut(reason) => panic!("{reason}"),
            };
        assert!(is_verified(&[
            ("email", "a@b.c"),
            ("email_verified", "true")
        ]));
        assert!(!is_verified(&[("email", "a@b.c")]));
        assert!(!is_verified(&[]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_user_comes_out_of_the_file_as_it_went_in(
            drawn in prop::collection::vec(
                ("[!-~äß漢]{1,8}", "[ -~äß漢]{0,12}", "[ -~,]{0,12}", any::<bool>()), 1..5)
        ) {
            let rows = rows(json!({}));
            let mut file = rows.header();
            file.push('\n');
            let mut carried = Vec::new();
            for (name, text, plan, verified) in &drawn {
                let verified = verified.to_string();
                let user = user(name, "CONFIRMED", &[
                    ("email", "a,b@example.com"), ("email_verified", verified.as_str()),
                    ("name", text), ("birthdate", "2000-02-29"), ("custom:plan", plan),
                ]);
                if let ImportRow::Row { row, .. } = rows.row(&user) {
                    file.push_str(&row);
                    file.push('\n');
                    carried.push(user);
                }
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let read = runtime.block_on(read(&file));
            prop_assert_eq!(read.len(), carried.len());
            for (read, user) in read.iter().zip(&carried) {
                prop_assert_eq!(read.username.as_str(), user.username.as_str());
                prop_assert_eq!(attributes(read), attributes(user));
            }
        }
    }
}
