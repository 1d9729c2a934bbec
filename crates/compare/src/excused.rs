//! The members of single users that may differ, because that was announced.
//!
//! A restore announces the same few sets of members for any number of users. A user's entry in
//! the index names its set by a number, and the comparison knows at once, without the user of
//! the backup, whether what differs was announced.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The distinct sets of members. The number of a set is its place, from 1; 0 is no member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExcusedSets(Vec<BTreeSet<String>>);

impl ExcusedSets {
    /// How many sets an entry of the index can tell apart. Users with yet another one are
    /// compared as if nothing had been announced, and named one by one as far as there is room.
    pub const MOST: usize = (1 << 12) - 1;

    /// The number of a set.
    pub fn number(&mut self, members: BTreeSet<String>) -> u16 {
        if members.is_empty() {
            return 0;
        }
        let known = self.0.iter().position(|known| *known == members);
        let place = match known {
            Some(place) => place,
            None if self.0.len() < Self::MOST => {
                self.0.push(members);
                self.0.len() - 1
            }
            None => return 0,
        };
        u16::try_from(place + 1).unwrap_or(0)
    }

    /// Whether a user's member may differ; an empty name in a set stands for all of them.
    pub fn excuses(&self, number: u16, member: &str) -> bool {
        let set = usize::from(number)
            .checked_sub(1)
            .and_then(|place| self.0.get(place));
        set.is_some_and(|set| set.contains("") || set.contains(member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[&str]) -> BTreeSet<String> {
        members.iter().map(|member| (*member).to_owned()).collect()
    }

    #[test]
    fn a_set_keeps_its_number_and_excuses_its_members_only() {
        let mut sets = ExcusedSets::default();
        let email = sets.number(set(&["email"]));
        let whole = sets.number(set(&[""]));
        assert_eq!(sets.number(set(&["email"])), email);
        for (number, member, excused) in [
            (email, "email", true),
            (email, "Enabled", false),
            (whole, "Enabled", true),
            (0, "email", false),
        ] {
            assert_eq!(sets.excuses(number, member), excused, "{number} {member}");
        }
        assert_eq!(sets.number(set(&[])), 0);
    }

    #[test]
    fn a_set_too_many_excuses_nothing() {
        let mut sets = ExcusedSets::default();
        for number in 0..ExcusedSets::MOST {
            assert_ne!(sets.number(set(&[&number.to_string()])), 0);
        }
        assert_eq!(sets.number(set(&["email"])), 0);
    }
}
