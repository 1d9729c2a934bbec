//! Writing a document piece by piece.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::head::BackupHead;
use super::trailer::{Checksum, Trailer};
use crate::change::Change;

/// Writes a document into buffers that the caller sends on.
///
/// Every call appends to `out`; nothing is kept but counts and the checksum. The calls come in
/// the order of the layout: users, [`begin_memberships`](Self::begin_memberships), groups with
/// their members, [`finish`](Self::finish).
#[derive(Debug, Clone)]
pub struct DocumentEncoder {
    state: EncoderState,
}

/// What an encoder knows, to go on in another invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderState {
    /// How many bytes were written so far.
    pub bytes: u64,
    /// How many users were written so far.
    pub users: u64,
    /// How many groups were begun so far.
    pub groups: u64,
    /// How many memberships were written so far.
    pub memberships: u64,
    users_offset: u64,
    memberships_offset: u64,
    members_in_group: u64,
    reading_began: Timestamp,
    checksum: Checksum,
}

impl DocumentEncoder {
    /// Writes the head and opens the list of users.
    pub fn begin(head: &BackupHead, out: &mut Vec<u8>) -> Self {
        let state = EncoderState {
            bytes: 0,
            users: 0,
            groups: 0,
            memberships: 0,
            users_offset: 0,
            memberships_offset: 0,
            members_in_group: 0,
            reading_began: head.timestamp,
            checksum: Checksum::empty(),
        };
        let mut encoder = Self { state };
        let mut line = head.to_line();
        line.extend_from_slice(b"\n,\"users\":[\n");
        encoder.write(&line, out);
        encoder.state.users_offset = encoder.state.bytes;
        encoder
    }

    /// Goes on where another encoder stopped.
    pub fn resume(state: EncoderState) -> Self {
        Self { state }
    }

    /// What is needed to go on later.
    pub fn state(&self) -> EncoderState {
        self.state.clone()
    }

    /// Writes one user, a JSON object as Cognito gave it.
    pub fn user(&mut self, user: &Value, out: &mut Vec<u8>) {
        self.element(self.state.users == 0, &user.to_string(), "\n", out);
        self.state.users += 1;
    }

    /// Writes one user as the text that another document has of it.
    pub fn user_as_written(&mut self, json: &[u8], out: &mut Vec<u8>) {
        let comma: &[u8] = if self.state.users == 0 { b"" } else { b"," };
        self.write(&[comma, json, b"\n"].concat(), out);
        self.state.users += 1;
    }

    /// Closes the users and opens the memberships.
    pub fn begin_memberships(&mut self, out: &mut Vec<u8>) {
        self.write(b"]\n,\"group_memberships\":{\n", out);
        self.state.memberships_offset = self.state.bytes;
    }

    /// Opens the list of a group's members.
    pub fn begin_group(&mut self, group: &str, out: &mut Vec<u8>) {
        self.element(
            self.state.groups == 0,
            &Value::from(group).to_string(),
            ":[\n",
            out,
        );
        self.state.groups += 1;
        self.state.members_in_group = 0;
    }

    /// Writes one member of the open group.
    pub fn member(&mut self, username: &str, out: &mut Vec<u8>) {
        self.element(
            self.state.members_in_group == 0,
            &Value::from(username).to_string(),
            "\n",
            out,
        );
        self.state.members_in_group += 1;
        self.state.memberships += 1;
    }

    /// Closes the open group.
    pub fn end_group(&mut self, out: &mut Vec<u8>) {
        self.write(b"]\n", out);
    }

    /// Closes the document with its trailer.
    pub fn finish(self, reading_ended: Timestamp, out: &mut Vec<u8>) -> Trailer {
        self.finish_with(reading_ended, None, out)
    }

    /// The same, with what changed since the backup before.
    pub fn finish_with(
        mut self,
        reading_ended: Timestamp,
        change: Option<Change>,
        out: &mut Vec<u8>,
    ) -> Trailer {
        self.write(b"}\n", out);
        let trailer = Trailer {
            users: self.state.users,
            groups: self.state.groups,
            memberships: self.state.memberships,
            reading_began: self.state.reading_began,
            reading_ended,
            users_offset: self.state.users_offset,
            memberships_offset: self.state.memberships_offset,
            bytes: self.state.bytes,
            crc64nvme: format!("{:016x}", self.state.checksum.value()),
            change,
        };
        out.extend_from_slice(&trailer.to_line());
        trailer
    }

    fn element(&mut self, first: bool, json: &str, end: &str, out: &mut Vec<u8>) {
        let comma = if first { "" } else { "," };
        self.write(format!("{comma}{json}{end}").as_bytes(), out);
    }

    fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.state.checksum.add(piece);
        self.state.bytes += piece.len() as u64;
        out.extend_from_slice(piece);
    }
}
