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
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn chains(listing: &mut Listing) -> Vec<Option<String>> {
        let mut asked = BTreeSet::new();
        let mut chains = Vec::new();
        while let Some((prefix, _)) = listing.next_page(&asked, NOW) {
            chains.push(prefix.filter());
            asked.insert(prefix);
        }
        chains
    }

    fn listed(listing: &mut Listing) {
        while let Some((prefix, _)) = listing.next_page(&BTreeSet::new(), NOW) {
            listing.advance(&prefix, None, NOW, 3);
        }
        assert!(listing.is_at_its_end());
    }

    #[test]
    fn the_chains_of_all_prefixes_are_every_sub_once_and_sixteen_go_side_by_side() {
        for digits in [1, 2, 3] {
            let mut listing = Listing::by_prefix(digits, None, NOW);
            let sub = "a4f8e4d8-60a1-70f2-9d0e-0123456789ab";
            let user = json!({"Attributes": [{"Name": "sub", "Value": sub}]});
            let holders = listing.left.iter().filter(|prefix| prefix.holds(&user));
            assert_eq!(holders.count(), 1);
            assert_eq!(listing.left.len(), 16_usize.pow(digits));
            assert_eq!(chains(&mut listing).len(), 16);
        }
        let mut listing = Listing::by_prefix(1, None, NOW);
        assert_eq!(chains(&mut listing)[10].as_deref(), Some("sub ^= \"a\""));
        let mut all = Listing::of_all(UsersListing::OneChain);
        assert_eq!(chains(&mut all), [None]);
        let mut shard = Listing::of_shard("2/8".parse().unwrap());
        let filters = ["2", "3"].map(|digit| Some(format!("sub ^= \"{digit}\"")));
        assert_eq!(chains(&mut shard), filters);
    }

    #[test]
    fn the_chain_that_waits_longest_is_next_and_one_that_begins_again_is_alone() {
        let mut listing = Listing::by_prefix(1, None, NOW);
        let later = NOW + SignedDuration::from_secs(5);
        let (first, _) = listing.next_page(&BTreeSet::new(), NOW).unwrap();
        let asked = BTreeSet::from([first.clone()]);
        let (second, _) = listing.next_page(&asked, NOW).unwrap();
        listing.advance(&first, Some("t".into()), later, 60);
        listing.advance(&second, Some("u".into()), NOW, 60);
        let (next, position) = listing.next_page(&BTreeSet::new(), later).unwrap();
        assert_eq!(
            (next, position.token.as_deref()),
            (second.clone(), Some("u"))
        );
        let old = later + TOKEN_LIVES;
        assert!(position.is_stale(old));
        assert!(listing.begin_again(&second, old));
        assert_eq!(listing.open[&second].token, None);
        assert_eq!(listing.open[&first].token.as_deref(), Some("t"));
        for _ in 2..BEGINNINGS {
            assert!(listing.begin_again(&second, old));
        }
        assert!(!listing.begin_again(&second, old));
    }

    #[test]
    fn what_was_found_is_enough_by_number_or_is_checked() {
        let enough = |expected, known| {
            let mut listing = Listing::by_prefix(1, expected, NOW);
            listed(&mut listing);
            (!listing.goes_on_to_check(known)).then(|| listing.outcome().unwrap())
        };
        let by_estimate = UsersListing::ByPrefix {
            chains: 16,
            checked: ListingCheck::Estimate,
        };
        assert_eq!(enough(Some(7), 7), Some(by_estimate));
        assert_eq!(enough(Some(7), 6), None);
        assert_eq!(enough(None, 1_000_000), None);
    }

    #[test]
    fn users_who_were_created_meanwhile_do_not_make_up_for_others() {
        let mut listing = Listing::by_prefix(1, Some(7), NOW);
        listing.found(&json!({"UserCreateDate": 60.5}));
        listing.found(&json!({"UserCreateDate": -60.5}));
        listed(&mut listing);
        assert!(listing.goes_on_to_check(7));
    }

    #[test]
    fn a_user_who_was_there_before_and_is_found_by_the_check_only_was_left_out() {
        let began: Timestamp = "2026-03-07T09:00:00Z".parse().unwrap();
        let created = |minutes: i64| {
            let at = began + SignedDuration::from_mins(minutes);
            json!({"UserCreateDate": at.as_second() as f64 + 0.5})
        };
        for (users, left_out) in [
            (vec![], 0),
            (vec![created(-5), created(3)], 0),
            (vec![created(-60), created(3)], 1),
            (vec![json!({})], 1),
        ] {
            let mut listing = Listing::by_prefix(1, None, began);
            listed(&mut listing);
            assert!(listing.goes_on_to_check(5));
            users.iter().for_each(|user| listing.found(user));
            assert_eq!(chains(&mut listing), [None]);
            listed(&mut listing);
            assert!(!listing.goes_on_to_check(5));
            let outcome = match left_out {
                0 => UsersListing::ByPrefix {
                    chains: 16,
                    checked: ListingCheck::AllUsersListed,
                },
                users => UsersListing::FellBack {
                    problem: PrefixProblem::LeftOut { users },
                },
            };
            assert_eq!(listing.outcome(), Some(outcome));
        }
    }

    #[test]
    fn pages_that_are_nearly_empty_are_noticed() {
        let mut listing = Listing::by_prefix(1, None, NOW);
        let (prefix, _) = listing.next_page(&BTreeSet::new(), NOW).unwrap();
        for page in 0..ENOUGH_PAGES {
            assert!(!listing.is_sparse(), "{page}");
            listing.advance(&prefix, Some(page.to_string()), NOW, 4);
        }
        assert!(listing.is_sparse());
    }

    #[test]
    fn where_the_listings_stand_is_the_same_after_it_was_saved() {
        let mut listing = Listing::by_prefix(2, Some(5), NOW);
        chains(&mut listing);
        let saved = serde_json::to_vec(&listing).unwrap();
        assert_eq!(serde_json::from_slice::<Listing>(&saved).unwrap(), listing);
    }
}
