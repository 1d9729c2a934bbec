//! The head of a backup document: everything but users and memberships.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::DocumentError;
use super::difference::Difference;
use crate::identifiers::UserPoolId;
use crate::inventory::Section;
use crate::shard::Shard;

/// The version of the format that this code writes. The reference implementation's documents
/// carry none and count as version 1.
pub const FORMAT_VERSION: u64 = 3;

const SHARD: &str = "shard";

const DIFFERENCE: &str = "difference";

/// How the reading of one section went.
///
/// A section that could not be read is never stored as if it were empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum SectionStatus {
    /// All of it was read.
    Complete {
        /// How many elements it has; 1 for a section that is one object.
        count: u64,
    },
    /// It was read, and there is nothing.
    Empty,
    /// It could not be read.
    Failed {
        /// The operation and its error, without personal data.
        error: String,
    },
    /// Nobody asked: the backup was told to leave it out, or the feature is not there for the
    /// pool's feature plan.
    NotRead {
        /// Why not.
        reason: String,
    },
    /// The document does not say: the reference implementation wrote it.
    Unknown,
}

/// The head of a document: identity, small sections, and a status for each.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupHead {
    /// The version of the format.
    pub format_version: u64,
    /// When the backup began.
    pub timestamp: Timestamp,
    /// The pool that was backed up.
    pub user_pool_id: UserPoolId,
    sections: BTreeMap<Section, SectionStatus>,
    /// The statuses of sections that this version does not know, as they were written.
    unknown: Map<String, Value>,
    members: Map<String, Value>,
}

impl BackupHead {
    /// An empty head for a backup that begins now.
    pub fn new(user_pool_id: UserPoolId, timestamp: Timestamp) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            timestamp,
            user_pool_id,
            sections: BTreeMap::new(),
            unknown: Map::new(),
            members: Map::new(),
        }
    }

    /// Records that the document holds one share of the users, and their memberships.
    pub fn set_shard(&mut self, shard: Shard) {
        let shard = json!({"index": shard.index(), "of": shard.of()});
        self.members.insert(SHARD.into(), shard);
    }

    /// Which share of the users the document holds; `None` for all of them.
    pub fn shard(&self) -> Option<Shard> {
        serde_json::from_value(self.members.get(SHARD)?.clone()).ok()
    }

    /// Records that the document holds only what differs from another one.
    pub fn set_difference(&mut self, difference: &Difference) {
        let difference = serde_json::to_value(difference).unwrap_or(Value::Null);
        self.members.insert(DIFFERENCE.into(), difference);
    }

    /// What the document differs from; `None` for a whole one.
    ///
    /// # Errors
    /// [`DocumentError::NotADocument`] when the member cannot be read: such a document is never
    /// taken for a whole one.
    pub fn difference(&self) -> Result<Option<Difference>, DocumentError> {
        let Some(difference) = self.members.get(DIFFERENCE) else {
            return Ok(None);
        };
        let read = serde_json::from_value(difference.clone()).map(Some);
        read.map_err(|_| DocumentError::NotADocument("it does not say what it differs from".into()))
    }

    /// The head of the backup that a difference and its base are together.
    #[must_use]
    pub fn of_whole_backup(mut self) -> Self {
        self.members.shift_remove(DIFFERENCE);
        self
    }

    /// The head of all shares together.
    #[must_use]
    pub fn of_all_shards(mut self) -> Self {
        self.members.remove(SHARD);
        self
    }

    /// A member that is no section.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Sets or removes a member that is no section.
    pub(super) fn set_member(&mut self, name: &str, value: Option<Value>) {
        match value {
            Some(value) => self.members.insert(name.into(), value),
            None => self.members.shift_remove(name),
        };
    }

    /// The content of all sections, also of those that only a newer version knows.
    pub(super) fn members_of_sections(&mut self) -> impl Iterator<Item = (&String, &mut Value)> {
        let (known, unknown) = (&self.sections, &self.unknown);
        self.members.iter_mut().filter(move |(name, _)| {
            Section::of_member(name).is_some_and(|section| known.contains_key(&section))
                || unknown.contains_key(*name)
        })
    }

    /// Stores a section that was read. `null`, `{}` and `[]` count as empty.
    pub fn set(&mut self, section: Section, value: Value) {
        let count = match &value {
            Value::Null => 0,
            Value::Array(elements) => elements.len() as u64,
            Value::Object(members) => u64::from(!members.is_empty()),
            _ => 1,
        };
        let status = if count == 0 {
            SectionStatus::Empty
        } else {
            SectionStatus::Complete { count }
        };
        self.sections.insert(section, status);
        self.members.insert(section.member().to_owned(), value);
    }

    /// Records that a section could not be read.
    pub fn set_failed(&mut self, section: Section, error: String) {
        self.sections
            .insert(section, SectionStatus::Failed { error });
        self.members
            .insert(section.member().to_owned(), Value::Null);
    }

    /// Records that a section was left out.
    pub fn set_not_read(&mut self, section: Section, reason: String) {
        self.sections
            .insert(section, SectionStatus::NotRead { reason });
        self.members
            .insert(section.member().to_owned(), Value::Null);
    }

    /// How the reading of a section went.
    pub fn status(&self, section: Section) -> &SectionStatus {
        self.sections
            .get(&section)
            .unwrap_or(&SectionStatus::Unknown)
    }

    /// The statuses of all sections at the head.
    pub fn statuses(&self) -> &BTreeMap<Section, SectionStatus> {
        &self.sections
    }

    /// The content of a section; `null` when there is none.
    pub fn section(&self, section: Section) -> &Value {
        self.members.get(section.member()).unwrap_or(&Value::Null)
    }

    /// The elements of a section that is a list; none when it is missing.
    pub fn list(&self, section: Section) -> &[Value] {
        self.section(section).as_array().map_or(&[], Vec::as_slice)
    }

    /// The pool's settings as DescribeUserPool gave them.
    pub fn user_pool(&self) -> &Value {
        self.section(Section::UserPoolConfig)
    }

    /// Sections that a newer version wrote and this one does not know: their members are carried
    /// as they are. None in a document of the reference implementation, which has no sections.
    pub fn unknown_sections(&self) -> Vec<String> {
        self.unknown.keys().cloned().collect()
    }

    /// The head as the first line of a document, without the closing brace.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut object = Map::new();
        object.insert("format_version".into(), self.format_version.into());
        object.insert("timestamp".into(), self.timestamp.to_string().into());
        object.insert("user_pool_id".into(), self.user_pool_id.as_str().into());
        for section in Section::at_the_head() {
            if let Some(value) = self.members.get(section.member()) {
                object.insert(section.member().into(), value.clone());
            }
        }
        for (member, value) in &self.members {
            object.entry(member).or_insert_with(|| value.clone());
        }
        let known = self.sections.iter().map(|(section, status)| {
            (
                section.member().to_owned(),
                serde_json::to_value(status).unwrap_or(Value::Null),
            )
        });
        let unknown = self.unknown.iter();
        let statuses = known.chain(unknown.map(|(name, status)| (name.clone(), status.clone())));
        object.insert("sections".into(), Value::Object(statuses.collect()));
        let mut line = Value::Object(object).to_string().into_bytes();
        line.pop();
        line
    }

    /// Reads the first line of a document.
    ///
    /// # Errors
    /// [`DocumentError::NotADocument`] when it is something else, [`DocumentError::NewerFormat`]
    /// when a newer version wrote it.
    pub fn from_line(line: &[u8]) -> Result<Self, DocumentError> {
        let mut text = line.to_vec();
        text.push(b'}');
        let object: Map<String, Value> = serde_json::from_slice(&text).map_err(|_| {
            DocumentError::NotADocument("its first line is not the head of a backup".into())
        })?;
        Self::from_members(object)
    }

    /// Reads a head from the members of a whole document, of this version or of the reference
    /// implementation (no `format_version`, dates as `str()` prints them, no statuses).
    ///
    /// # Errors
    /// As [`BackupHead::from_line`].
    pub fn from_members(mut object: Map<String, Value>) -> Result<Self, DocumentError> {
        let missing =
            |member: &str| DocumentError::NotADocument(format!("it has no valid {member:?}"));
        let format_version = match object.remove("format_version") {
            None => 1,
            Some(version) => version.as_u64().ok_or_else(|| missing("format_version"))?,
        };
        if format_version > FORMAT_VERSION {
            return Err(DocumentError::NewerFormat(format_version));
        }
        let user_pool_id = object
            .remove("user_pool_id")
            .and_then(|id| id.as_str().and_then(|id| id.parse().ok()))
            .ok_or_else(|| missing("user_pool_id"))?;
        let timestamp = object
            .remove("timestamp")
            .and_then(|time| time.as_str().and_then(read_timestamp))
            .ok_or_else(|| missing("timestamp"))?;
        if !object
            .get(Section::UserPoolConfig.member())
            .is_some_and(Value::is_object)
        {
            return Err(missing(Section::UserPoolConfig.member()));
        }
        let statuses = match object.remove("sections") {
            None => Map::new(),
            Some(Value::Object(statuses)) => statuses,
            Some(_) => return Err(missing("sections")),
        };
        let mut sections = BTreeMap::new();
        let mut unknown = Map::new();
        for (name, status) in statuses {
            match Section::of_member(&name) {
                // A status that only a newer version has says nothing to this one.
                Some(section) => {
                    let status = serde_json::from_value(status).unwrap_or(SectionStatus::Unknown);
                    sections.insert(section, status);
                }
                None => {
                    unknown.insert(name, status);
                }
            }
        }
        Ok(Self {
            format_version,
            timestamp,
            user_pool_id,
            sections,
            unknown,
            members: object,
        })
    }
}

/// Python's `isoformat()` of a UTC time has no zone; ours ends in `Z`.
fn read_timestamp(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_the_reference_implementation_is_read() {
        let members = json!({
            "timestamp": "2025-01-02T03:04:05.678901",
            "user_pool_id": "us-east-1_AbC",
            "user_pool_config": {"Id": "us-east-1_AbC", "CreationDate": "2024-01-01 00:00:00+00:00"},
            "app_clients": [{"ClientId": "a"}],
            "user_pool_domain": null,
        });
        let Value::Object(members) = members else {
            unreachable!()
        };
        let head = BackupHead::from_members(members).unwrap();
        assert_eq!(head.format_version, 1);
        assert_eq!(head.list(Section::AppClients).len(), 1);
        assert_eq!(head.status(Section::AppClients), &SectionStatus::Unknown);
    }

    #[test]
    fn sections_of_a_newer_version_are_carried_and_named() {
        let line = json!({
            "format_version": FORMAT_VERSION, "timestamp": "2026-03-07T09:05:02Z",
            "user_pool_id": "us-east-1_A", "user_pool_config": {"Id": "us-east-1_A"},
            "groups": [{"GroupName": "a"}],
            "passkey_vaults": [{"Of": "next year"}],
            "sections": {
                "user_pool_config": {"status": "complete", "count": 1},
                "groups": {"status": "sampled", "count": 1},
                "passkey_vaults": {"status": "complete", "count": 1},
            },
        });
        let mut line = line.to_string().into_bytes();
        line.pop();
        let head = BackupHead::from_line(&line).unwrap();
        assert_eq!(head.unknown_sections(), ["passkey_vaults"]);
        assert_eq!(head.status(Section::Groups), &SectionStatus::Unknown);
        assert_eq!(head.list(Section::Groups).len(), 1);
        let again = String::from_utf8(head.to_line()).unwrap();
        assert!(again.contains("next year"), "{again}");
        let again = BackupHead::from_line(again.as_bytes()).unwrap();
        assert_eq!(again, head);
    }

    #[test]
    fn a_foreign_object_is_named_as_such() {
        for (members, named) in [
            (json!({}), "user_pool_id"),
            (json!({"user_pool_id": "nonsense"}), "user_pool_id"),
            (
                json!({"user_pool_id": "us-east-1_A", "timestamp": "yesterday"}),
                "timestamp",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "timestamp": "2025-01-02T03:04:05Z"}),
                "user_pool_config",
            ),
        ] {
            let Value::Object(members) = members else {
                unreachable!()
            };
            let error = BackupHead::from_members(members).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
