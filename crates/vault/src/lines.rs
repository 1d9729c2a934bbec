//! The users and memberships of a backup, line by line.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use model::document::{DecoderPlace, DocumentDecoder, DocumentEvent, UserRecord};
use model::{BackupName, Username};

use crate::difference::{MayDiffer, Named, NamedUser};
use crate::error::VaultError;
use crate::forgotten::Forgotten;
use crate::open::{Part, Role};
use crate::source::Source;

/// The longest line that is read. The largest user that Cognito allows (some 70 attributes of
/// 2 KB, facts D) takes a hundredth of it.
const LONGEST_LINE: usize = 32 * 1024 * 1024;

/// The lines of a part of a backup.
#[derive(Debug)]
pub(crate) struct Lines {
    source: Source,
    name: BackupName,
    /// What was read and not yet given out; begins at `offset`.
    piece: Bytes,
    offset: u64,
    end: u64,
    /// Where the document begins in the whole backup.
    begins: u64,
    role: Role,
}

impl Lines {
    /// The lines of a document from the one that begins at its byte `from`, up to its byte `end`.
    pub(crate) fn new(part: &Part, name: &BackupName, from: u64, end: u64) -> Self {
        Self {
            source: part.source.clone(),
            begins: part.begins,
            role: part.role,
            name: name.clone(),
            piece: Bytes::new(),
            offset: from,
            end,
        }
    }

    /// Where the next line begins in the whole backup.
    fn offset(&self) -> u64 {
        self.begins + self.offset
    }

    /// The next line, without its end; `None` at the end of the part.
    ///
    /// Nothing is lost when it fails: the next call goes on with the same line.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, VaultError> {
        let mut searched = 0;
        loop {
            if let Some(found) = self.piece[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let line = self.piece.split_to(searched + found);
                self.piece.advance(1);
                self.offset += line.len() as u64 + 1;
                return Ok(Some(line));
            }
            searched = self.piece.len();
            let read_to = self.offset + searched as u64;
            if read_to >= self.end && searched == 0 {
                return Ok(None);
            }
            if read_to >= self.end || searched > LONGEST_LINE {
                return Err(VaultError::damaged(&self.name, "a line has no end"));
            }
            let more = self.source.piece(read_to, self.end).await?;
            if self.piece.is_empty() {
                self.piece = more;
            } else {
                let mut joined = Vec::with_capacity(self.piece.len() + more.len());
                joined.extend_from_slice(&self.piece);
                joined.extend_from_slice(&more);
                self.piece = joined.into();
            }
        }
    }
}

/// One user of a backup, and where in it the user's line stands.
#[derive(Debug, Clone, PartialEq)]
pub struct UserLine {
    /// The user.
    pub record: UserRecord,
    /// Where the line begins, in bytes.
    pub offset: u64,
    /// Where the next line begins: [`Backup::users`](crate::Backup::users) goes on from there.
    pub next_offset: u64,
}

/// The users of a backup, in its order.
#[derive(Debug)]
pub struct Users {
    /// Of the document that is read, and of those after it.
    documents: VecDeque<Lines>,
    /// Whose lines in a base do not count.
    named: Arc<Named>,
    /// Who is left out.
    forgotten: Option<Arc<Forgotten>>,
    /// Who is wanted; everybody without it.
    only: Option<Arc<MayDiffer>>,
    decoder: DocumentDecoder,
}

/// The line of one user, and where it stands.
#[derive(Debug)]
pub(crate) struct JsonLine {
    pub(crate) json: Vec<u8>,
    offset: u64,
    next_offset: u64,
}

impl Users {
    pub(crate) fn new(
        documents: VecDeque<Lines>,
        named: Arc<Named>,
        forgotten: Option<Arc<Forgotten>>,
    ) -> Self {
        Self {
            documents,
            named,
            forgotten,
            only: None,
            decoder: DocumentDecoder::at(DecoderPlace::Users),
        }
    }

    /// Those alone who may differ.
    #[must_use]
    pub fn only(self, only: Option<Arc<MayDiffer>>) -> Self {
        Self { only, ..self }
    }

    /// The next user; `None` after the last.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not give the next piece, in which case it can be asked
    /// again, or when the line is no user.
    pub async fn next(&mut self) -> Result<Option<UserLine>, VaultError> {
        while let Some(line) = self.next_json().await? {
            let Ok(record) = serde_json::from_slice::<UserRecord>(&line.json) else {
                return Err(self.no_user(line.offset));
            };
            let forgotten = self.forgotten.as_ref();
            if forgotten.is_some_and(|forgotten| forgotten.has(record.sub())) {
                continue;
            }
            return Ok(Some(UserLine {
                record,
                offset: line.offset,
                next_offset: line.next_offset,
            }));
        }
        Ok(None)
    }

    /// The next user as the text of its line, forgotten users among them.
    pub(crate) async fn next_json(&mut self) -> Result<Option<JsonLine>, VaultError> {
        while let Some(lines) = self.documents.front_mut() {
            let offset = lines.offset();
            let event = match lines.next().await? {
                None => None,
                Some(line) => {
                    let event = self.decoder.line(&line);
                    event.map_err(|error| VaultError::unreadable(&lines.name, &error))?
                }
            };
            let Some(DocumentEvent::User(json)) = event else {
                self.documents.pop_front();
                self.decoder = DocumentDecoder::at(DecoderPlace::Users);
                continue;
            };
            let (role, next_offset) = (lines.role, lines.offset());
            if role != Role::Whole {
                let Some(user) = NamedUser::of(&json) else {
                    return Err(self.no_user(offset));
                };
                let counts = match role {
                    Role::Base => !self.named.contains(user.name()),
                    _ => !user.is_gone(),
                };
                if !counts {
                    continue;
                }
            }
            if let Some(only) = &self.only {
                let Some(user) = NamedUser::of(&json) else {
                    return Err(self.no_user(offset));
                };
                if !only.contains(user.name()) {
                    continue;
                }
            }
            return Ok(Some(JsonLine {
                json,
                offset,
                next_offset,
            }));
        }
        Ok(None)
    }

    fn no_user(&self, offset: u64) -> VaultError {
        let reason = format!("the line at byte {offset} is not a user");
        let name = self.documents.front().map(|lines| &lines.name);
        match name {
            Some(name) => VaultError::damaged(name, &reason),
            None => VaultError::temporary_storage(reason),
        }
    }
}

/// One user's membership in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group's name.
    pub group: Arc<str>,
    /// The member.
    pub username: Username,
}

/// The memberships of a backup, group by group; of shards those of each in turn.
#[derive(Debug)]
pub struct Memberships {
    documents: VecDeque<Lines>,
    /// Whose memberships in a base do not count.
    named: Arc<Named>,
    /// Whose memberships are left out.
    forgotten: Option<Arc<Forgotten>>,
    /// Whose memberships are wanted; everybody's without it.
    only: Option<Arc<MayDiffer>>,
    decoder: DocumentDecoder,
    group: Arc<str>,
}

impl Memberships {
    pub(crate) fn new(
        documents: VecDeque<Lines>,
        named: Arc<Named>,
        forgotten: Option<Arc<Forgotten>>,
    ) -> Self {
        Self {
            documents,
            named,
            forgotten,
            only: None,
            decoder: DocumentDecoder::at(DecoderPlace::Groups),
            group: "".into(),
        }
    }

    /// Those alone of users who may differ.
    #[must_use]
    pub fn only(self, only: Option<Arc<MayDiffer>>) -> Self {
        Self { only, ..self }
    }

    /// The next membership; `None` after the last.
    ///
    /// # Errors
    /// As [`Users::next`].
    pub async fn next(&mut self) -> Result<Option<Membership>, VaultError> {
        while let Some(lines) = self.documents.front_mut() {
            let Some(line) = lines.next().await? else {
                self.documents.pop_front();
                self.decoder = DocumentDecoder::at(DecoderPlace::Groups);
                continue;
            };
            let event = self.decoder.line(&line);
            match event.map_err(|error| VaultError::unreadable(&lines.name, &error))? {
                Some(DocumentEvent::Group(group)) => self.group = group.into(),
                Some(DocumentEvent::Member(username))
                    if lines.role == Role::Base && self.named.contains(&username) => {}
                Some(DocumentEvent::Member(username))
                    if self
                        .forgotten
                        .as_ref()
                        .is_some_and(|forgotten| forgotten.has_username(&username)) => {}
                Some(DocumentEvent::Member(username))
                    if self
                        .only
                        .as_ref()
                        .is_some_and(|only| !only.contains(&username)) => {}
                Some(DocumentEvent::Member(username)) => {
                    return Ok(Some(Membership {
                        group: self.group.clone(),
                        username: Username::new(username),
                    }));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}
