//! Reading a document line by line.

use serde::{Deserialize, Serialize};

use super::DocumentError;
use super::head::BackupHead;
use super::trailer::{TRAILER_START, Trailer};

/// Where in a document a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecoderPlace {
    /// Before the first line.
    Head,
    /// Before `,"users":[`.
    BeforeUsers,
    /// Before a user's line or the end of the users: [`Trailer::users_offset`] is such a place.
    Users,
    /// Before `,"group_memberships":{`.
    BeforeMemberships,
    /// Before a group: [`Trailer::memberships_offset`] is such a place.
    Groups,
    /// Before a member or the end of a group.
    Members,
    /// Before the trailer.
    BeforeTrailer,
    /// After the trailer.
    End,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum DocumentEvent {
    /// The head.
    Head(Box<BackupHead>),
    /// One user: the JSON text of the object.
    User(Vec<u8>),
    /// The members of this group follow.
    Group(String),
    /// A member's username, in the group that came before.
    Member(String),
    /// The trailer: the document ends here.
    Trailer(Box<Trailer>),
}

/// Reads the lines of a document, in order, without their line ends.
#[derive(Debug, Clone)]
pub struct DocumentDecoder {
    place: DecoderPlace,
    lines: u64,
}

impl Default for DocumentDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl DocumentDecoder {
    /// A reader at the beginning of a document.
    pub fn new() -> Self {
        Self::at(DecoderPlace::Head)
    }

    /// A reader that goes on at `place`.
    pub fn at(place: DecoderPlace) -> Self {
        Self { place, lines: 0 }
    }

    /// Where the reader stands now.
    pub fn place(&self) -> DecoderPlace {
        self.place
    }

    /// Takes the next line; says nothing for lines that only open or close something.
    ///
    /// # Errors
    /// [`DocumentError::Line`] when the layout does not allow the line here.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<DocumentEvent>, DocumentError> {
        self.lines += 1;
        let problem = |problem| DocumentError::Line {
            line: self.lines,
            problem,
        };
        let (place, event) = match (self.place, line) {
            (DecoderPlace::Head, line) => {
                let head = BackupHead::from_line(line)?;
                (
                    DecoderPlace::BeforeUsers,
                    Some(DocumentEvent::Head(Box::new(head))),
                )
            }
            (DecoderPlace::BeforeUsers, b",\"users\":[") => (DecoderPlace::Users, None),
            (DecoderPlace::BeforeUsers, _) => return Err(problem("expected the users")),
            (DecoderPlace::Users, b"]") => (DecoderPlace::BeforeMemberships, None),
            (DecoderPlace::Users, line) => {
                let user = line.strip_prefix(b",").unwrap_or(line);
                if !user.starts_with(b"{") {
                    return Err(problem("expected a user"));
                }
                (
                    DecoderPlace::Users,
                    Some(DocumentEvent::User(user.to_vec())),
                )
            }
            (DecoderPlace::BeforeMemberships, b",\"group_memberships\":{") => {
                (DecoderPlace::Groups, None)
            }
            (DecoderPlace::BeforeMemberships, _) => {
                return Err(problem("expected the group memberships"));
            }
            (DecoderPlace::Groups, b"}") => (DecoderPlace::BeforeTrailer, None),
            (DecoderPlace::Groups, line) => {
                let name = line.strip_prefix(b",").unwrap_or(line).strip_suffix(b":[");
                let name = name.and_then(|json| serde_json::from_slice(json).ok());
                (
                    DecoderPlace::Members,
                    Some(DocumentEvent::Group(
                        name.ok_or_else(|| problem("expected a group"))?,
                    )),
                )
            }
            (DecoderPlace::Members, b"]") => (DecoderPlace::Groups, None),
            (DecoderPlace::Members, line) => {
                let name = serde_json::from_slice(line.strip_prefix(b",").unwrap_or(line)).ok();
                (
                    DecoderPlace::Members,
                    Some(DocumentEvent::Member(
                        name.ok_or_else(|| problem("expected a member"))?,
                    )),
                )
            }
            (DecoderPlace::BeforeTrailer, line) if line.starts_with(TRAILER_START) => (
                DecoderPlace::End,
                Some(DocumentEvent::Trailer(Box::new(Trailer::from_line(line)?))),
            ),
            (DecoderPlace::BeforeTrailer, _) => return Err(problem("expected the trailer")),
            (DecoderPlace::End, b"") => (DecoderPlace::End, None),
            (DecoderPlace::End, _) => return Err(problem("nothing may follow the trailer")),
        };
        self.place = place;
        Ok(event)
    }
}
