//! How the users of a backup were listed, and by what it is known that nobody was left out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the users of a backup were listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "listed", rename_all = "snake_case")]
pub enum UsersListing {
    /// All of them in one chain of pages.
    OneChain,
    /// By the first digits of their `sub`, in many chains of pages.
    ByPrefix {
        /// How many chains.
        chains: u32,
        /// What says that they are all users.
        checked: ListingCheck,
    },
    /// In one chain of pages, because listing by prefix was not good enough.
    FellBack {
        /// Why not.
        problem: PrefixProblem,
    },
}

/// What says that a listing by prefix left nobody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListingCheck {
    /// A listing of all users after it found nobody else.
    AllUsersListed,
    /// It found as many users as Cognito's estimate promises.
    Estimate,
    /// Nothing: the listing of all users after it could not be read to its end.
    NotCompleted,
}

/// Why a listing by prefix was not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixProblem {
    /// Cognito refused the filter.
    Refused,
    /// Cognito listed users whose `sub` begins otherwise.
    Ignored,
    /// Nearly empty pages: more calls than a listing of all users takes.
    SparsePages,
    /// Page tokens expired again and again.
    Expired,
    /// A listing of all users found more.
    LeftOut {
        /// How many more, those who were created meanwhile not counted.
        users: u64,
    },
}

impl fmt::Display for UsersListing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UsersListing::OneChain => formatter.write_str("in one chain of pages"),
            UsersListing::ByPrefix { chains, checked } => {
                let checked = match checked {
                    ListingCheck::AllUsersListed => "a listing of all users found nobody else",
                    ListingCheck::Estimate => "as many as Cognito's estimate promises",
                    ListingCheck::NotCompleted => {
                        "a listing of all users could not be read to its end to check it"
                    }
                };
                write!(
                    formatter,
                    "in {chains} chains of pages by sub prefix; {checked}"
                )
            }
            UsersListing::FellBack { problem } => write!(
                formatter,
                "in one chain of pages, because listing by sub prefix {problem}"
            ),
        }
    }
}

impl fmt::Display for PrefixProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrefixProblem::Refused => formatter.write_str("was refused by Cognito"),
            PrefixProblem::Ignored => formatter.write_str("gave users with other prefixes"),
            PrefixProblem::SparsePages => formatter.write_str("gave nearly empty pages"),
            PrefixProblem::Expired => formatter.write_str("ran into expired page tokens"),
            PrefixProblem::LeftOut { users } => write!(formatter, "left out {users} users"),
        }
    }
}
