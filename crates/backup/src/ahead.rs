//! Members of groups that were read before it is their turn in the document: beside the users,
//! who come first, or beside the groups before them.
//!
//! What is kept is bounded, and small: of each member an id and the username.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::subs::UserId;

/// Beyond this many bytes no further group is read ahead: some 300,000 memberships.
const MOST: usize = 16 * 1024 * 1024;

/// A member of a group, as far as a backup needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: UserId,
    pub(crate) username: String,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Listed<'a> {
            #[serde(rename = "Username", borrow, default)]
            username: Cow<'a, str>,
            #[serde(rename = "Attributes", borrow, default)]
            attributes: Vec<Attribute<'a>>,
        }
        #[derive(Deserialize)]
        struct Attribute<'a> {
            #[serde(rename = "Name", borrow)]
            name: Cow<'a, str>,
            #[serde(rename = "Value", borrow, default)]
            value: Cow<'a, str>,
        }
        let listed = Listed::deserialize(deserializer)?;
        let mut attributes = listed.attributes.iter();
        let sub = attributes.find(|attribute| attribute.name == "sub");
        Ok(Self {
            id: UserId::of(sub.map(|sub| &*sub.value), &listed.username),
            username: listed.username.into_owned(),
        })
    }
}

/// The groups that were begun, by their place in the head's list.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    groups: BTreeMap<usize, Group>,
    bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Group {
    members: Vec<u8>,
    pub(crate) next: Next,
    /// When the next page's token was given.
    pub(crate) reached: Timestamp,
}

/// What of a group is to be read next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Next {
    /// The page of this token; none for the first.
    Page(Option<String>),
    /// All is read.
    End,
    /// The group was deleted before anything of it was read.
    Gone,
}

/// How groups are [saved](Ahead::save): the first line tells how the bytes after it are divided.
#[derive(Serialize, Deserialize)]
struct Saved {
    group: usize,
    next: Next,
    reached: Timestamp,
    bytes: usize,
}

impl Ahead {
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether nothing more should be read ahead.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= MOST
    }

    /// The groups of which there is more to be read.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = usize> {
        let unfinished = |group: &Group| matches!(group.next, Next::Page(_));
        let groups = self.groups.iter();
        groups
            .filter(move |(_, group)| unfinished(group))
            .map(|(place, _)| *place)
    }

    /// The last group that was begun.
    pub(crate) fn last(&self) -> Option<usize> {
        self.groups.last_key_value().map(|(place, _)| *place)
    }

    pub(crate) fn get(&self, group: usize) -> Option<&Group> {
        self.groups.get(&group)
    }

    /// Goes on with a group at a page, with nothing of it kept.
    pub(crate) fn set(&mut self, group: usize, next: Next, reached: Timestamp) {
        self.take(group);
        let members = Vec::new();
        let set = Group {
            members,
            next,
            reached,
        };
        self.groups.insert(group, set);
    }

    /// Adds a page of a group.
    pub(crate) fn add(&mut self, group: usize, page: &[Member], next: Next, reached: Timestamp) {
        let kept = self.groups.entry(group).or_insert_with(|| Group {
            members: Vec::new(),
            next: Next::Page(None),
            reached,
        });
        let before = kept.members.len();
        for member in page {
            let username = member.username.as_bytes();
            // Cognito's usernames have 128 characters at most (API model).
            let length = u16::try_from(username.len()).unwrap_or(u16::MAX);
            kept.members.extend_from_slice(&member.id.0.to_be_bytes());
            kept.members.extend_from_slice(&length.to_be_bytes());
            kept.members
                .extend_from_slice(&username[..usize::from(length)]);
        }
        self.bytes += kept.members.len() - before;
        (kept.next, kept.reached) = (next, reached);
    }

    /// Takes the members that are kept of a group, and forgets it.
    pub(crate) fn take(&mut self, group: usize) -> Option<Group> {
        let group = self.groups.remove(&group)?;
        self.bytes -= group.members.len();
        Some(group)
    }

    /// All of it, to be [loaded](Self::load) later.
    pub(crate) fn save(&self) -> Vec<u8> {
        let groups = self.groups.iter().map(|(place, group)| Saved {
            group: *place,
            next: group.next.clone(),
            reached: group.reached,
            bytes: group.members.len(),
        });
        let groups: Vec<Saved> = groups.collect();
        let mut saved = serde_json::to_vec(&groups).unwrap_or_default();
        saved.push(b'\n');
        for group in self.groups.values() {
            saved.extend_from_slice(&group.members);
        }
        saved
    }

    /// What was saved; `None` when it is not what one saves.
    pub(crate) fn load(saved: &[u8]) -> Option<Self> {
        let end = saved.iter().position(|byte| *byte == b'\n')?;
        let groups: Vec<Saved> = serde_json::from_slice(&saved[..end]).ok()?;
        let mut rest = &saved[end + 1..];
        let mut ahead = Self::default();
        for group in groups {
            let members;
            (members, rest) = rest.split_at_checked(group.bytes)?;
            ahead.bytes += members.len();
            let kept = Group {
                members: members.to_vec(),
                next: group.next,
                reached: group.reached,
            };
            ahead.groups.insert(group.group, kept);
        }
        rest.is_empty().then_some(ahead)
    }
}

impl Group {
    /// The members that are kept, in the order in which they were listed.
    pub(crate) fn members(&self) -> impl Iterator<Item = (UserId, Cow<'_, str>)> {
        let mut rest = &self.members[..];
        std::iter::from_fn(move || {
            let (id, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (username, after) = after.split_at_checked(length)?;
            rest = after;
            let id = UserId(u128::from_be_bytes(*id));
            Some((id, String::from_utf8_lossy(username)))
        })
    }

    /// Whether the next page's token is too old to be tried at `now`.
    pub(crate) fn is_stale(&self, now: Timestamp, token_lives: SignedDuration) -> bool {
        matches!(self.next, Next::Page(Some(_))) && now.duration_since(self.reached) >= token_lives
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn member(name: &str) -> Member {
        serde_json::from_value(json!({"Username": name})).unwrap()
    }

    #[test]
    fn a_member_is_known_by_the_sub_whatever_else_is_listed() {
        let sub = "a4f8e4d8-60a1-70f2-9d0e-0123456789ab";
        let listed = json!({"Username": "ann\n", "Enabled": true, "UserCreateDate": 1.5,
            "Attributes": [{"Name": "email", "Value": "\u{e9}"}, {"Name": "sub", "Value": sub}, {"Name": "x"}]});
        // Borrowed texts are not to be had from a text with escapes.
        let read: Member = serde_json::from_str(&listed.to_string()).unwrap();
        assert_eq!(read.username, "ann\n");
        assert_eq!(read.id, UserId::of(Some(sub), ""));
    }

    proptest! {
        #[test]
        fn what_was_read_ahead_is_the_same_after_it_was_saved(
            pages in proptest::collection::vec((0usize..4, proptest::collection::vec(".{0,20}", 0..5)), 0..12),
        ) {
            let now: Timestamp = "2026-03-07T09:00:00Z".parse().unwrap();
            let mut ahead = Ahead::default();
            let mut model: BTreeMap<usize, Vec<String>> = BTreeMap::new();
            for (group, names) in pages {
                let page: Vec<Member> = names.iter().map(|name| member(name)).collect();
                ahead.add(group, &page, Next::End, now);
                model.entry(group).or_default().extend(names);
            }
            ahead.set(9, Next::Page(Some("token".into())), now);
            model.insert(9, Vec::new());
            let saved = ahead.save();
            prop_assert!(Ahead::load(&saved[..saved.len() - 1]).is_none());
            let mut loaded = Ahead::load(&saved).unwrap();
            prop_assert_eq!(loaded.unfinished().collect::<Vec<_>>(), [9]);
            for (group, names) in model {
                let kept = loaded.take(group).unwrap();
                let read: Vec<String> = kept.members().map(|(_, name)| name.into_owned()).collect();
                prop_assert_eq!(read, names);
            }
            prop_assert_eq!(loaded.bytes, 0);
        }
    }
}
