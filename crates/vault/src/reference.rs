//! Documents of the reference implementation: one plain JSON object, users before groups, no
//! trailer. They are brought into today's form in a temporary file.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use model::BackupName;
use model::document::{BackupHead, DocumentEncoder, Trailer};
use model::inventory::Section;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use crate::error::VaultError;
use crate::frames;
use crate::open::Content;
use crate::source::{OpenFile, Source, Stored};

/// How an object of today's form begins: without a trailer it is one that was cut off.
pub(crate) const TODAYS_FORM: &[u8] = b"{\"format_version\":";

/// Copies the object to temporary storage and converts it there.
pub(crate) async fn convert(
    name: &BackupName,
    content: &Content,
) -> Result<(BackupHead, Trailer, Source), VaultError> {
    let mut copy = tempfile::tempfile().map_err(VaultError::temporary_storage)?;
    let mut at = 0;
    while at < content.bytes {
        let piece = content.source.piece(at, content.bytes).await?;
        if at == 0 && frames::is_compressed(&piece) {
            let reason = "it is cut off, or was compressed by another program: if so, unpack it by `zstd -d`";
            return Err(VaultError::damaged(name, reason));
        }
        if at == 0 && piece.starts_with(TODAYS_FORM) {
            let reason = "it has no trailer at its end: it is cut off";
            return Err(VaultError::damaged(name, reason));
        }
        at += piece.len() as u64;
        copy = tokio::task::spawn_blocking(move || copy.write_all(&piece).map(|()| copy))
            .await
            .map_err(VaultError::temporary_storage)?
            .map_err(VaultError::temporary_storage)?;
    }
    let (name, written) = (name.clone(), content.last_modified);
    tokio::task::spawn_blocking(move || convert_file(&name, copy, written))
        .await
        .map_err(VaultError::temporary_storage)?
}

fn convert_file(
    name: &BackupName,
    original: File,
    written: Option<Timestamp>,
) -> Result<(BackupHead, Trailer, Source), VaultError> {
    let mut head = None;
    read_members(name, &original, HeadMembers(&mut head))?;
    let head = BackupHead::from_members(head.unwrap_or_default())
        .map_err(|error| VaultError::unreadable(name, &error))?;

    let converted = tempfile::tempfile().map_err(VaultError::temporary_storage)?;
    let mut out = Out {
        file: BufWriter::new(converted),
        buffer: Vec::new(),
    };
    let mut encoder = DocumentEncoder::begin(&head, &mut out.buffer);
    let users = Streamed {
        member: Section::Users.member(),
        element: |encoder: &mut DocumentEncoder, buffer: &mut Vec<u8>, user: Value| {
            user.is_object().then(|| encoder.user(&user, buffer))
        },
        encoder: &mut encoder,
        out: &mut out,
    };
    read_members(name, &original, users)?;
    encoder.begin_memberships(&mut out.buffer);
    let memberships = Streamed {
        member: Section::GroupMemberships.member(),
        element: |encoder: &mut DocumentEncoder, buffer: &mut Vec<u8>, member: Value| {
            member.as_str().map(|name| encoder.member(name, buffer))
        },
        encoder: &mut encoder,
        out: &mut out,
    };
    read_members(name, &original, memberships)?;
    // The reference does not say when its reading ended. It writes the object right after, so
    // the store's time of it is the latest that this can have been.
    let ended = written.map_or(head.timestamp, |written| written.max(head.timestamp));
    let trailer = encoder.finish(ended, &mut out.buffer);
    let file = out.into_file().map_err(VaultError::temporary_storage)?;
    let source = Source::plain(Stored::File(OpenFile {
        file: Arc::new(Mutex::new(file)),
        unchanged: None,
    }));
    Ok((head, trailer, source))
}

/// Reads the one JSON object in `file` to its end.
fn read_members<'de, S>(name: &BackupName, file: &File, seed: S) -> Result<(), VaultError>
where
    S: DeserializeSeed<'de, Value = ()>,
{
    let mut file = file.try_clone().map_err(VaultError::temporary_storage)?;
    file.rewind().map_err(VaultError::temporary_storage)?;
    let reader: BufReader<Box<dyn Read>> = BufReader::new(Box::new(file));
    let mut json = serde_json::Deserializer::from_reader(reader);
    let read = seed.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| {
        if error.is_io() {
            return VaultError::temporary_storage(error);
        }
        let (line, column) = (error.line(), error.column());
        let reason = if error.is_eof() {
            format!("it is cut off after line {line}, column {column}")
        } else {
            format!("it is not a backup: line {line}, column {column}")
        };
        VaultError::damaged(name, &reason)
    })
}

/// Where the converted document goes.
struct Out {
    file: BufWriter<File>,
    buffer: Vec<u8>,
}

impl Out {
    fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn into_file(mut self) -> std::io::Result<File> {
        self.flush()?;
        self.file.into_inner().map_err(|error| error.into_error())
    }
}

/// Keeps all members but the streamed ones, which it only reads through.
struct HeadMembers<'a>(&'a mut Option<Map<String, Value>>);

impl<'de> DeserializeSeed<'de> for HeadMembers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeadMembers<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a backup document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut head = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let streamed = Section::ALL
                .iter()
                .any(|section| section.is_streamed() && section.member() == name);
            if streamed {
                members.next_value::<IgnoredAny>()?;
            } else {
                head.insert(name, members.next_value()?);
            }
        }
        *self.0 = Some(head);
        Ok(())
    }
}

/// Sends one member's elements on, one at a time: those of a list, or of each list in a map.
struct Streamed<'a, F> {
    member: &'static str,
    element: F,
    encoder: &'a mut DocumentEncoder,
    out: &'a mut Out,
}

impl<'de, F> DeserializeSeed<'de> for Streamed<'_, F>
where
    F: Fn(&mut DocumentEncoder, &mut Vec<u8>, Value) -> Option<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F> Visitor<'de> for Streamed<'_, F>
where
    F: Fn(&mut DocumentEncoder, &mut Vec<u8>, Value) -> Option<()>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a backup document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name != self.member {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            members.next_value_seed(Elements {
                element: &self.element,
                encoder: &mut *self.encoder,
                out: &mut *self.out,
            })?;
        }
        Ok(())
    }
}

struct Elements<'a, F> {
    element: &'a F,
    encoder: &'a mut DocumentEncoder,
    out: &'a mut Out,
}

impl<'de, F> DeserializeSeed<'de> for Elements<'_, F>
where
    F: Fn(&mut DocumentEncoder, &mut Vec<u8>, Value) -> Option<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F> Visitor<'de> for Elements<'_, F>
where
    F: Fn(&mut DocumentEncoder, &mut Vec<u8>, Value) -> Option<()>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the users, or the members of each group")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<Value>()? {
            (self.element)(self.encoder, &mut self.out.buffer, element)
                .ok_or_else(|| A::Error::custom("an element of another kind"))?;
            self.out.flush().map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut groups: A) -> Result<(), A::Error> {
        while let Some(group) = groups.next_key::<String>()? {
            self.encoder.begin_group(&group, &mut self.out.buffer);
            groups.next_value_seed(Elements {
                element: self.element,
                encoder: &mut *self.encoder,
                out: &mut *self.out,
            })?;
            self.encoder.end_group(&mut self.out.buffer);
        }
        Ok(())
    }
}
