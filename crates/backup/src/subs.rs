//! Which users were seen: 16 bytes for each.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// How the set is divided: so finely that inserting into a sorted part of ten million moves
/// some 20 KB.
const PARTS: usize = 4096;
/// Spreads ids that begin alike over the parts: 2^128 divided by the golden ratio.
const SPREAD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

/// The users that are in the document.
///
/// A `sub` is a UUID, so 16 bytes hold it exactly; of anything else they hold a hash.
#[derive(Debug, Clone)]
pub(crate) struct Subs {
    /// Those that earlier invocations added.
    earlier: Ids,
    /// Those that this invocation added.
    added: Ids,
}

impl Subs {
    pub(crate) fn new() -> Self {
        Self {
            earlier: Ids::new(),
            added: Ids::new(),
        }
    }

    /// Adds a user; false when it was there already.
    pub(crate) fn add(&mut self, user: &Value) -> bool {
        let UserId(id) = UserId::of_user(user);
        !self.earlier.contains(id) && self.added.insert(id)
    }

    pub(crate) fn contains(&self, UserId(id): UserId) -> bool {
        self.added.contains(id) || self.earlier.contains(id)
    }

    /// What this invocation added, to be [loaded](Self::load) by the next.
    pub(crate) fn save(&self) -> Vec<u8> {
        let added = self.added.parts.iter().flatten();
        added.flat_map(|id| id.to_be_bytes()).collect()
    }

    /// Adds what an earlier invocation saved; false when it is not what one saves.
    pub(crate) fn load(&mut self, saved: &[u8]) -> bool {
        let (ids, rest) = saved.as_chunks::<16>();
        for id in ids {
            self.earlier.insert(u128::from_be_bytes(*id));
        }
        rest.is_empty()
    }
}

/// A set of numbers in sorted parts.
#[derive(Debug, Clone)]
struct Ids {
    parts: Vec<Vec<u128>>,
}

impl Ids {
    fn new() -> Self {
        Self {
            parts: vec![Vec::new(); PARTS],
        }
    }

    fn contains(&self, id: u128) -> bool {
        self.parts[part_of(id)].binary_search(&id).is_ok()
    }

    fn insert(&mut self, id: u128) -> bool {
        let part = &mut self.parts[part_of(id)];
        match part.binary_search(&id) {
            Ok(_) => false,
            Err(at) => {
                if part.len() == part.capacity() {
                    // By a quarter instead of doubling: there are many parts to waste space in.
                    part.reserve_exact(part.len() / 4 + 4);
                }
                part.insert(at, id);
                true
            }
        }
    }
}

fn part_of(id: u128) -> usize {
    const BITS: u32 = PARTS.ilog2();
    (id.wrapping_mul(SPREAD) >> (u128::BITS - BITS)) as usize
}

/// By what a user is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserId(pub(crate) u128);

impl UserId {
    /// That of a user as Cognito lists it.
    pub(crate) fn of_user(user: &Value) -> Self {
        let username = user.get("Username").and_then(Value::as_str);
        Self::of(attribute(user, "sub"), username.unwrap_or_default())
    }

    /// The `sub` as a number; where there is none, which Cognito does not promise but always
    /// gives, the username takes its place.
    pub(crate) fn of(sub: Option<&str>, username: &str) -> Self {
        let text = sub.unwrap_or(username);
        Self(uuid(text).unwrap_or_else(|| {
            let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
            let mut id = [0; 16];
            id.copy_from_slice(&hash[..16]);
            u128::from_be_bytes(id)
        }))
    }
}

pub(crate) fn attribute<'a>(user: &'a Value, name: &str) -> Option<&'a str> {
    let attributes = user.get("Attributes")?.as_array()?;
    let named = attributes
        .iter()
        .find(|attribute| attribute.get("Name").and_then(Value::as_str) == Some(name))?;
    named.get("Value")?.as_str()
}

/// A UUID in the one form that Cognito writes; any other text must not be taken for the same.
fn uuid(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    let dashes = [8, 13, 18, 23];
    let fits = bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'-' => dashes.contains(&at),
            b'0'..=b'9' | b'a'..=b'f' => !dashes.contains(&at),
            _ => false,
        });
    fits.then(|| u128::from_str_radix(&text.replace('-', ""), 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn user(sub: &str) -> Value {
        json!({"Username": "same", "Attributes": [{"Name": "sub", "Value": sub}]})
    }

    #[test]
    fn a_user_is_known_by_the_sub_or_else_by_the_username() {
        let mut subs = Subs::new();
        let uuid = "a4f8e4d8-60a1-70f2-9d0e-0123456789ab";
        assert!(subs.add(&user(uuid)));
        assert!(!subs.add(&user(uuid)));
        assert!(subs.contains(UserId::of(Some(uuid), "whoever")));
        // Neither another spelling nor a text without the hyphens is the same sub.
        assert!(subs.add(&user(&uuid.to_uppercase())));
        assert!(subs.add(&user(&uuid.replace('-', ""))));
        assert!(subs.add(&json!({"Username": "ann"})));
        assert!(!subs.add(&json!({"Username": "ann"})));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_set_that_goes_on_elsewhere_stays_the_same_set(
            first in proptest::collection::vec(0u128..5_000, 0..800),
            second in proptest::collection::vec(0u128..5_000, 0..800),
        ) {
            let text = |id: &u128| {
                let hex = format!("{id:032x}");
                format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            };
            let mut subs = Subs::new();
            let mut model = HashSet::new();
            for id in &first {
                prop_assert_eq!(subs.add(&user(&text(id))), model.insert(*id));
            }
            let saved = subs.save();
            prop_assert_eq!(saved.len(), model.len() * 16);
            let mut resumed = Subs::new();
            prop_assert!(resumed.load(&saved));
            for id in &second {
                prop_assert_eq!(resumed.add(&user(&text(id))), model.insert(*id));
            }
            prop_assert!(!resumed.load(b"odd"));
        }
    }
}
