//! The backup document: one JSON object for one user pool (`docs/backup-format.md`).
//!
//! ```text
//! {"format_version":2,...,"sections":{...}      the head: small sections, with a status for each
//! ,"users":[                                    then the users, one to a line
//! {"Username":...}
//! ,{"Username":...}
//! ]
//! ,"group_memberships":{                        then the members of each group, one to a line
//! "admins":[
//! "ann"
//! ]
//! }
//! ,"trailer":{...}}                             counts and checksum: the document is whole
//! ```
//!
//! [`DocumentEncoder`] writes it piece by piece, [`DocumentDecoder`] reads it line by line, so
//! that neither needs more memory than one user takes. A [`Trailer`] is found from the last few
//! kilobytes of an object.

mod decode;
mod difference;
mod encode;
mod head;
mod mfa;
mod secrets;
mod trailer;
mod user;

pub use decode::{DecoderPlace, DocumentDecoder, DocumentEvent};
pub use difference::{Base, Difference, RowSum};
pub use encode::{DocumentEncoder, EncoderState};
pub use head::{BackupHead, FORMAT_VERSION, SectionStatus};
pub use mfa::MfaFactors;
pub use secrets::{EncryptedSecret, Scheme, SecretsEncryption};
pub use trailer::{TRAILER_WINDOW, Trailer};
pub use user::{Attribute, LinkedIdentity, UserRecord, UserStatus};

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not JSON, or not an object of ours.
    #[error("not a backup document: {0}")]
    NotADocument(String),
    /// A newer version of this system wrote it.
    #[error(
        "format version {0} is newer than this version of the restore knows ({FORMAT_VERSION}): deploy the newer one"
    )]
    NewerFormat(u64),
    /// The end is missing: the object was cut off, or is not a whole document.
    #[error("the document has no trailer at its end: it is cut off")]
    NoTrailer,
    /// A line stands where the layout does not allow it.
    #[error("line {line}: {problem}")]
    Line {
        /// The line's number in this reading, from 1.
        line: u64,
        /// What is wrong with it. Never quotes the line: it holds personal data.
        problem: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Section;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn head() -> BackupHead {
        let mut head = BackupHead::new(
            "us-east-1_AbC".parse().unwrap(),
            "2026-03-07T09:05:02Z".parse().unwrap(),
        );
        head.set(
            Section::UserPoolConfig,
            json!({"Id": "us-east-1_AbC", "Name": "p", "NewMember": {"a": [1.5]}}),
        );
        head.set_failed(
            Section::WafConfiguration,
            "WAFUnavailableEntityException".into(),
        );
        head
    }

    /// A document with these users and groups, encoded in one go.
    pub(crate) fn encode(users: &[Value], groups: &[(&str, Vec<&str>)]) -> (Vec<u8>, Trailer) {
        let mut out = Vec::new();
        let mut encoder = DocumentEncoder::begin(&head(), &mut out);
        for user in users {
            encoder.user(user, &mut out);
        }
        encoder.begin_memberships(&mut out);
        for (group, members) in groups {
            encoder.begin_group(group, &mut out);
            for member in members {
                encoder.member(member, &mut out);
            }
            encoder.end_group(&mut out);
        }
        let trailer = encoder.finish("2026-03-07T09:06:00Z".parse().unwrap(), &mut out);
        (out, trailer)
    }

    fn events(bytes: &[u8]) -> Result<Vec<DocumentEvent>, DocumentError> {
        let mut decoder = DocumentDecoder::new();
        let mut events = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            events.extend(decoder.line(line)?);
        }
        Ok(events)
    }

    #[test]
    fn a_document_is_one_json_object_with_the_members_of_the_reference() {
        let (bytes, _) = encode(
            &[json!({"Username": "ann"})],
            &[("admins", vec!["ann"]), ("none", vec![])],
        );
        let whole: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(whole["users"], json!([{"Username": "ann"}]));
        assert_eq!(
            whole["group_memberships"],
            json!({"admins": ["ann"], "none": []})
        );
        assert_eq!(whole["user_pool_config"]["NewMember"], json!({"a": [1.5]}));
        assert_eq!(whole["sections"]["waf_configuration"]["status"], "failed");
        assert_eq!(whole["waf_configuration"], Value::Null);
    }

    #[test]
    fn the_trailer_is_found_from_the_end_and_its_checksum_covers_all_before_it() {
        let (bytes, written) = encode(&[json!({"Username": "ann"})], &[("admins", vec!["ann"])]);
        let found = Trailer::find(&bytes[bytes.len() - 400..]).unwrap();
        assert_eq!(found, written);
        assert_eq!((found.users, found.memberships, found.groups), (1, 1, 1));
        assert!(found.covers(&bytes));
        let mut damaged = bytes.clone();
        damaged[40] ^= 1;
        assert!(!found.covers(&damaged));
    }

    #[test]
    fn a_document_cut_anywhere_has_no_trailer() {
        let (bytes, _) = encode(
            &[json!({"Username": "ann"}), json!({"Username": "bob"})],
            &[("admins", vec!["ann"])],
        );
        for end in 0..bytes.len() - 1 {
            assert_eq!(
                Trailer::find(&bytes[..end]),
                Err(DocumentError::NoTrailer),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn reading_goes_on_from_any_user_line() {
        let users: Vec<Value> = (0..5)
            .map(|n| json!({"Username": format!("u{n}")}))
            .collect();
        let (bytes, trailer) = encode(&users, &[]);
        let mut decoder = DocumentDecoder::at(DecoderPlace::Users);
        let rest = &bytes[trailer.users_offset as usize..];
        let first = rest.split(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(
            decoder.line(first).unwrap(),
            Some(DocumentEvent::User(br#"{"Username":"u0"}"#.to_vec()))
        );
    }

    #[test]
    fn an_encoder_goes_on_from_its_saved_state() {
        let users: Vec<Value> = (0..4)
            .map(|n| json!({"Username": format!("u{n}")}))
            .collect();
        let (expected, _) = encode(&users, &[("g", vec!["u1"])]);
        let mut out = Vec::new();
        let mut encoder = DocumentEncoder::begin(&head(), &mut out);
        for user in &users {
            encoder.user(user, &mut out);
            let saved = serde_json::to_string(&encoder.state()).unwrap();
            encoder = DocumentEncoder::resume(serde_json::from_str(&saved).unwrap());
        }
        encoder.begin_memberships(&mut out);
        encoder.begin_group("g", &mut out);
        encoder = DocumentEncoder::resume(encoder.state());
        encoder.member("u1", &mut out);
        encoder.end_group(&mut out);
        encoder.finish("2026-03-07T09:06:00Z".parse().unwrap(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            String::from_utf8(expected).unwrap()
        );
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let error = BackupHead::from_line(br#"{"format_version":99,"user_pool_id":"us-east-1_A","timestamp":"2026-03-07T09:05:02Z""#);
        assert_eq!(error.unwrap_err(), DocumentError::NewerFormat(99));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            users in proptest::collection::vec(".{0,40}", 0..20),
            groups in proptest::collection::btree_map(".{0,20}", proptest::collection::vec(".{0,20}", 0..6), 0..5),
        ) {
            let records: Vec<Value> = users.iter().map(|name| json!({"Username": name, "A": [name]})).collect();
            let listed: Vec<(&str, Vec<&str>)> =
                groups.iter().map(|(group, members)| (group.as_str(), members.iter().map(String::as_str).collect())).collect();
            let (bytes, trailer) = encode(&records, &listed);
            prop_assert!(trailer.covers(&bytes));
            let mut expected = vec![DocumentEvent::Head(Box::new(head()))];
            expected.extend(records.iter().map(|record| DocumentEvent::User(record.to_string().into_bytes())));
            for (group, members) in &groups {
                expected.push(DocumentEvent::Group(group.clone()));
                expected.extend(members.iter().map(|member| DocumentEvent::Member(member.clone())));
            }
            expected.push(DocumentEvent::Trailer(Box::new(trailer)));
            prop_assert_eq!(events(&bytes).unwrap(), expected);
        }

        #[test]
        fn decoding_garbage_never_panics(lines in proptest::collection::vec("[\\[\\]{},\":a-c0-9]{0,12}", 0..12)) {
            let mut decoder = DocumentDecoder::new();
            for line in lines {
                if decoder.line(line.as_bytes()).is_err() {
                    break;
                }
            }
        }
    }
}
