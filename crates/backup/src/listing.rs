//! The chains of pages by which the users of a pool are listed: one of all users, or one for each
//! prefix of the `sub`.
//!
//! Each page's token comes with the page before, so one chain makes one call in the time of an
//! answer, and must be at its end before its tokens expire. Chains by prefix are short, are read
//! side by side, and begin again alone. Cognito does not document that `sub` may be searched by
//! prefix (facts D), so what they found is checked: see [`crate::by_prefix`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use model::Shard;
use model::users_listing::{ListingCheck, PrefixProblem, UsersListing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cursor::TOKEN_LIVES;
use crate::subs::attribute;

/// How many chains are read side by side: at an answer in half a second they make 30 calls a
/// second, which is the quota (facts E).
const CHAINS_AT_A_TIME: usize = 16;
/// How often a chain is begun in all when its tokens expire. Users who are known cost no more
/// than their pages, so each time it comes further.
const BEGINNINGS: u32 = 8;
/// After so many pages with a token it is known how full pages are.
const ENOUGH_PAGES: u64 = 50;
/// Pages with fewer users, of 60, cost more calls than they save.
const SPARSE: u64 = 15;
/// So long before the listing a user must have been created to be missed in it: lists lag behind
/// (facts D).
const LAG: SignedDuration = SignedDuration::from_mins(10);

/// What the `sub` of a chain's users begins with: hexadecimal digits, or nothing for all users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// That of all users.
    pub(crate) fn of_all() -> Self {
        Self(String::new())
    }

    pub(crate) fn is_of_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The filter of ListUsers.
    pub(crate) fn filter(&self) -> Option<String> {
        (!self.is_of_all()).then(|| format!("sub ^= \"{}\"", self.0))
    }

    /// Whether a user belongs to the chain, in whichever case Cognito compares.
    pub(crate) fn holds(&self, user: &Value) -> bool {
        self.is_of_all()
            || attribute(user, "sub").is_some_and(|sub| {
                sub.get(..self.0.len())
                    .is_some_and(|begins| begins.eq_ignore_ascii_case(&self.0))
            })
    }
}

/// Where a chain stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChainPosition {
    /// The token of the next page; none for the first.
    pub(crate) token: Option<String>,
    /// When the token came.
    reached: Timestamp,
    beginnings: u32,
}

impl ChainPosition {
    /// Whether the token is too old to be tried.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        self.token.is_some() && now.duration_since(self.reached) >= TOKEN_LIVES
    }
}

/// The chains of one pool, and how far each is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Listing {
    /// The chains that are not begun.
    left: VecDeque<Prefix>,
    /// Those that are begun, and not at their end.
    open: BTreeMap<Prefix, ChainPosition>,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// One share of the users, which somebody asked for.
    Shard,
    /// All users, by prefix.
    ByPrefix {
        chains: u32,
        began: Timestamp,
        /// How many users are enough; without, all users are listed to check it.
        expected: Option<u64>,
        /// Users who were created since it began, whom no estimate of before counts.
        new: u64,
        /// Pages that carried a token, and the users on them.
        pages: u64,
        users: u64,
    },
    /// All users once more, in one chain, to check the chains by prefix.
    Checking {
        chains: u32,
        began: Timestamp,
        left_out: u64,
    },
    /// What the backup says of it, which is known: it is one chain of all users, or at its end.
    Known(UsersListing),
}

impl Listing {
    /// All users in one chain.
    pub(crate) fn of_all(outcome: UsersListing) -> Self {
        Self::new([Prefix::of_all()], Stage::Known(outcome))
    }

    /// One share of the users.
    pub(crate) fn of_shard(shard: Shard) -> Self {
        Self::new(shard.beginnings().into_iter().map(Prefix), Stage::Shard)
    }

    /// All users, by the first `digits` of their `sub`. Fewer than `expected` are not enough; none
    /// says that all users are to be listed afterwards.
    pub(crate) fn by_prefix(digits: u32, expected: Option<u64>, began: Timestamp) -> Self {
        let width = usize::try_from(digits).unwrap_or_default();
        let chains = 16_u32.pow(digits);
        let prefixes = (0..chains).map(|number| Prefix(format!("{number:0width$x}")));
        let stage = Stage::ByPrefix {
            chains,
            began,
            expected,
            new: 0,
            pages: 0,
            users: 0,
        };
        Self::new(prefixes, stage)
    }

    fn new(prefixes: impl IntoIterator<Item = Prefix>, stage: Stage) -> Self {
        Self {
            left: prefixes.into_iter().collect(),
            open: BTreeMap::new(),
            stage,
        }
    }

    /// How all users were listed, once they are; `None` for a share of them.
    pub(crate) fn outcome(&self) -> Option<UsersListing> {
        match &self.stage {
            Stage::Known(outcome) => Some(*outcome),
            Stage::Shard | Stage::ByPrefix { .. } | Stage::Checking { .. } => None,
        }
    }

    /// Whether all chains are at their end.
    pub(crate) fn is_at_its_end(&self) -> bool {
        self.left.is_empty() && self.open.is_empty()
    }

    /// Whether pages of the chain are wanted.
    pub(crate) fn wants(&self, prefix: &Prefix) -> bool {
        self.open.contains_key(prefix) || self.left.contains(prefix)
    }

    /// When the oldest of the tokens came.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.open.values().map(|position| position.reached).min()
    }

    /// The page to be asked for next, when those of the chains in `asked` are on their way.
    pub(crate) fn next_page(
        &mut self,
        asked: &BTreeSet<Prefix>,
        now: Timestamp,
    ) -> Option<(Prefix, ChainPosition)> {
        let idle = self.open.iter().filter(|(chain, _)| !asked.contains(chain));
        if let Some((prefix, position)) = idle.min_by_key(|(_, position)| position.reached) {
            return Some((prefix.clone(), position.clone()));
        }
        if self.open.len() >= CHAINS_AT_A_TIME {
            return None;
        }
        let prefix = self.left.pop_front()?;
        let position = ChainPosition {
            token: None,
            reached: now,
            beginnings: 1,
        };
        self.open.insert(prefix.clone(), position.clone());
        Some((prefix, position))
    }

    /// Goes on behind a page with so many users, to that of the token `next`.
    pub(crate) fn advance(
        &mut self,
        prefix: &Prefix,
        next: Option<String>,
        arrived: Timestamp,
        on_page: usize,
    ) {
        let Some(position) = self.take(prefix, arrived) else {
            return;
        };
        if next.is_none() {
            return;
        }
        if let Stage::ByPrefix { pages, users, .. } = &mut self.stage {
            *pages += 1;
            *users += on_page as u64;
        }
        let position = ChainPosition {
            token: next,
            reached: arrived,
            ..position
        };
        self.open.insert(prefix.clone(), position);
    }

    /// Begins a chain again; false when that was tried often enough.
    pub(crate) fn begin_again(&mut self, prefix: &Prefix, now: Timestamp) -> bool {
        let Some(position) = self.take(prefix, now) else {
            return true;
        };
        let position = ChainPosition {
            token: None,
            reached: now,
            beginnings: position.beginnings + 1,
        };
        let again = position.beginnings <= BEGINNINGS;
        self.open.insert(prefix.clone(), position);
        again
    }

    fn take(&mut self, prefix: &Prefix, now: Timestamp) -> Option<ChainPosition> {
        if let Some(position) = self.open.remove(prefix) {
            return Some(position);
        }
        let at = self.left.iter().position(|left| left == prefix)?;
        self.left.remove(at);
        Some(ChainPosition {
            token: None,
            reached: now,
            beginnings: 1,
        })
    }

    /// Lists all users in one chain instead. What the chains by prefix gave is known already.
    pub(crate) fn fall_back(&mut self, problem: PrefixProblem) {
        *self = Self::of_all(UsersListing::FellBack { problem });
    }

    /// Whether pages are so empty that the chains cost more calls than one of all users.
    pub(crate) fn is_sparse(&self) -> bool {
        matches!(self.stage, Stage::ByPrefix { pages, users, .. }
            if pages >= ENOUGH_PAGES && users < pages * SPARSE)
    }

    /// Takes note of a user whom no page before held.
    pub(crate) fn found(&mut self, user: &Value) {
        let created = user.get("UserCreateDate").and_then(Value::as_f64);
        let is_since = |time: Timestamp| {
            let time = time.as_millisecond() as f64 / 1000.0;
            created.is_some_and(|created| created >= time)
        };
        match &mut self.stage {
            Stage::ByPrefix { began, new, .. } => *new += u64::from(is_since(*began)),
            Stage::Checking {
                began, left_out, ..
            } => *left_out += u64::from(!is_since(*began - LAG)),
            Stage::Shard | Stage::Known(_) => {}
        }
    }

    /// At the end of all chains, with so many users known: whether one chain of all users follows
    /// to check them.
    pub(crate) fn goes_on_to_check(&mut self, known: u64) -> bool {
        let outcome = match self.stage {
            Stage::ByPrefix {
                chains,
                expected: Some(expected),
                new,
                ..
            } if known.saturating_sub(new) >= expected => UsersListing::ByPrefix {
                chains,
                checked: ListingCheck::Estimate,
            },
            Stage::ByPrefix { chains, began, .. } => {
                self.left.push_back(Prefix::of_all());
                self.stage = Stage::Checking {
                    chains,
                    began,
                    left_out: 0,
                };
                return true;
            }
            Stage::Checking {
                chains,
                left_out: 0,
                ..
            } => UsersListing::ByPrefix {
                chains,
                checked: ListingCheck::AllUsersListed,
            },
            Stage::Checking { left_out, .. } => UsersListing::FellBack {
                problem: PrefixProblem::LeftOut { users: left_out },
            },
            Stage::Shard | Stage::Known(_) => return false,
        };
        self.stage = Stage::Known(outcome);
        false
    }

    /// Gives up the check, if that is what is going on: false if not.
    pub(crate) fn gives_up_the_check(&mut self) -> bool {
        let Stage::Checking {
            chains, left_out, ..
        } = self.stage
        else {
            return false;
        };
        self.left.clear();
        self.open.clear();
        if left_out == 0 {
            self.stage = Stage::Known(UsersListing::ByPrefix {
                chains,
                checked: ListingCheck::NotCompleted,
            });
            return true;
        }
        // Who else was left out is not known.
        false
    }
}

#[cfg(test)]
mod tests;
