//! Users of the passing side that differ, until the kept side is read again.

use std::collections::{BTreeMap, HashMap};

use model::document::UserRecord;

use crate::tables::users::upper;

/// What a waiting user takes in memory beside its text, about.
const WAITING_BYTES: usize = 96;

/// The users that wait, by the upper half of their keys.
#[derive(Default)]
pub(super) struct Window {
    users: HashMap<u64, Vec<Waiting>>,
    bytes: usize,
}

/// A user of the passing side that differs from that at `place` in the kept one.
pub(super) struct Waiting {
    place: u64,
    pub(super) with_mfa: bool,
    /// [`Passed`], as JSON.
    text: Box<str>,
}

/// Username, `sub` and members.
pub(super) type Passed = (String, Option<String>, BTreeMap<String, String>);

impl Window {
    /// Keeps a user of the passing side.
    pub(super) fn push(
        &mut self,
        key: u128,
        place: u64,
        with_mfa: bool,
        user: &UserRecord,
        members: BTreeMap<String, String>,
    ) {
        let sub = user.attribute("sub").map(str::to_owned);
        let passed: Passed = (user.username.as_str().to_owned(), sub, members);
        // Texts always become JSON.
        let text = serde_json::to_string(&passed).unwrap_or_default();
        self.bytes += text.len() + WAITING_BYTES;
        self.users.entry(upper(key)).or_default().push(Waiting {
            place,
            with_mfa,
            text: text.into(),
        });
    }

    /// About how many bytes of memory the users take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The first place in the kept side that one of the users waits for.
    pub(super) fn first_place(&self) -> Option<u64> {
        let waiting = self.users.values().flatten();
        waiting.map(|waiting| waiting.place).min()
    }

    /// The user that waits for the one with this key. A live pool, which is not stored, may list
    /// its users in another order than before, so the place tells only those of one key apart.
    pub(super) fn take(&mut self, key: u128, place: u64, is_stored: bool) -> Option<Waiting> {
        let waiting = self.users.get_mut(&upper(key))?;
        let at = match waiting.iter().position(|waiting| waiting.place == place) {
            Some(at) => at,
            None if !is_stored && waiting.len() == 1 => 0,
            None => return None,
        };
        let taken = waiting.swap_remove(at);
        if waiting.is_empty() {
            self.users.remove(&upper(key));
        }
        Some(taken)
    }
}

impl Waiting {
    pub(super) fn passed(&self) -> Passed {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}
