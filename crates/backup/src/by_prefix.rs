//! When users are listed by `sub` prefix, and what shows that nobody was left out.
//!
//! Cognito's estimate of its users may lag behind, so it refutes a listing better than it confirms
//! one: a prefix that leaves out some and new users whom the estimate does not know yet may make up
//! for each other. Proof is only a listing of all users that finds nobody else. It takes as many
//! calls again, so it is made once a UTC day and pool, beside the first backup, which all later ones
//! of the day are written against. The bucket remembers it for the day, and how many users fewer
//! than the estimate there were. Later backups of the day list all users again only if fewer than
//! that are found.
//!
//! Whoever is left out is not lost in either case: the listing of all users goes into the document.

use cognito::collect::Collector;
use cognito::{Category, Cognito, CognitoError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::UserPoolId;
use model::users_listing::{ListingCheck, PrefixProblem, UsersListing};
use serde::{Deserialize, Serialize};

use crate::cursor::STATE_FOLDER;
use crate::listing::Listing;
use crate::run::Backups;

/// A chain of more users is not short any more, and a pool of fewer needs no second one.
const USERS_OF_A_CHAIN: u32 = 50_000;
/// How long a chain may take when as many go side by side as do: half of what its tokens live, if
/// they live an hour from the first (facts D). So many users for each call a second.
const USERS_BY_RATE: f64 = 1_800.0 * 60.0 / 16.0;
/// 4,096 chains of 10,000 users each are the largest pool (facts E).
const MOST_DIGITS: u32 = 3;

/// Whether users are listed by `sub` prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsersByPrefix {
    /// No: all in one chain of pages.
    Never,
    /// In pools of so many users or more, by Cognito's estimate, that are backed up to a bucket: it
    /// remembers for a day that a listing of all users found nobody else. Without that memory the
    /// check would cost more than prefixes gain.
    From(u64),
    /// In all pools, and without that check: it is enough to find as many users as Cognito's
    /// estimate says. For operators who know that Cognito takes the filter.
    Always,
}

impl Default for UsersByPrefix {
    fn default() -> Self {
        UsersByPrefix::From(USERS_OF_A_CHAIN.into())
    }
}

/// What the bucket remembers of a pool.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    /// The UTC day of the backup that found it.
    day: Date,
    found: PrefixCheck,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PrefixCheck {
    /// A listing of all users found nobody else; there were so many fewer than Cognito's estimate.
    Complete { fewer_than_estimated: u64 },
    /// Listing by prefix is not good enough.
    Problem(PrefixProblem),
}

impl Backups<'_> {
    /// How the users of a pool are to be listed in the backup that began at `began`.
    ///
    /// # Errors
    /// When Cognito does not tell how many there are.
    pub(crate) async fn choose_listing(
        &self,
        cognito: &Cognito,
        pool: &UserPoolId,
        began: Timestamp,
    ) -> Result<Listing, CognitoError> {
        if let Some(shard) = self.shard {
            return Ok(Listing::of_shard(shard));
        }
        let one_chain = Listing::of_all(UsersListing::OneChain);
        let least = match self.users_by_prefix {
            UsersByPrefix::Always => 0,
            UsersByPrefix::From(users) if self.vault.is_shared() => users,
            UsersByPrefix::From(_) | UsersByPrefix::Never => return Ok(one_chain),
        };
        let collector = Collector::new(cognito, self.waf);
        let estimate = collector.estimated_users(pool).await?.unwrap_or(0);
        if estimate < least {
            return Ok(one_chain);
        }
        let expected = match self.found_on_the_day(pool, began).await {
            Some(PrefixCheck::Problem(problem)) => {
                tracing::warn!(%problem, "users are not listed by prefix today");
                return Ok(Listing::of_all(UsersListing::FellBack { problem }));
            }
            Some(PrefixCheck::Complete {
                fewer_than_estimated,
            }) => Some(estimate.saturating_sub(fewer_than_estimated)),
            None if self.users_by_prefix == UsersByPrefix::Always => Some(estimate),
            None => None,
        };
        let digits = digits(estimate, cognito.pacer().rate(Category::UserList));
        tracing::info!(estimate, digits, "users are listed by prefix");
        Ok(Listing::by_prefix(digits, expected, Timestamp::now()))
    }

    /// What another backup of the pool found out on the day of this one.
    async fn found_on_the_day(&self, pool: &UserPoolId, began: Timestamp) -> Option<PrefixCheck> {
        if !self.vault.is_shared() {
            return None;
        }
        let read = self.vault.workspace().read(&object(pool)).await;
        let bytes = match read {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::warn!(%error, "how users are best listed is found out anew");
                return None;
            }
        };
        let remembered: Remembered = serde_json::from_slice(&bytes).ok()?;
        (remembered.day == day(began)).then_some(remembered.found)
    }

    /// Remembers what a listing was found to be worth. A backup is none the less for it if that
    /// fails: the next one finds out anew.
    pub(crate) async fn remember_listing(
        &self,
        pool: &UserPoolId,
        began: Timestamp,
        outcome: UsersListing,
        fewer_than_estimated: u64,
    ) {
        let found = match outcome {
            UsersListing::FellBack { problem } => PrefixCheck::Problem(problem),
            UsersListing::ByPrefix {
                checked: ListingCheck::AllUsersListed,
                ..
            } => PrefixCheck::Complete {
                fewer_than_estimated,
            },
            UsersListing::ByPrefix { .. } | UsersListing::OneChain => return,
        };
        let remembered = Remembered {
            day: day(began),
            found,
        };
        if !self.vault.is_shared() {
            return;
        }
        let bytes = serde_json::to_vec(&remembered).unwrap_or_default();
        let workspace = self.vault.workspace();
        let object = object(pool);
        let written = workspace.write(&object, "application/json", bytes);
        if let Err(error) = written.await {
            tracing::warn!(%error, "what was found out about listing users is forgotten");
        }
    }
}

fn object(pool: &UserPoolId) -> String {
    format!("{STATE_FOLDER}listing-{pool}.json")
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// How many digits of the `sub` make chains that are short enough, at `rate` calls a second.
fn digits(users: u64, rate: f64) -> u32 {
    let short = (USERS_BY_RATE * rate).min(f64::from(USERS_OF_A_CHAIN));
    let is_short = |digits: &u32| users as f64 / f64::from(16_u32.pow(*digits)) <= short;
    (1..MOST_DIGITS).find(is_short).unwrap_or(MOST_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_chains_as_the_size_and_the_rate_ask_for() {
        for (users, rate, expected) in [
            (0, 15.0, 1),
            (800_000, 15.0, 1),
            (800_001, 15.0, 2),
            (12_000_000, 28.5, 2),
            (40_000_000, 28.5, 3),
            (100_000, 0.3, 2),
            (40_000_000, 0.3, 3),
        ] {
            assert_eq!(digits(users, rate), expected, "{users} at {rate}/s");
        }
    }

    #[test]
    fn a_day_is_that_of_utc() {
        let at: Timestamp = "2026-03-07T23:59:59Z".parse().unwrap();
        assert_eq!(day(at).to_string(), "2026-03-07");
    }
}
