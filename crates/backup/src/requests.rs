//! What a backup asks for at a time: a page of each chain of users, whose tokens forbid more, and
//! beside them pages of groups' members.

mod read;

use std::collections::{BTreeSet, VecDeque};

use cognito::collect::Collector;
use cognito::{Cognito, CognitoError, Operation};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use model::UserPoolId;
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::ahead::{Member, Next};
use crate::listing::{Listing, Prefix};
use crate::preferences::Asks;
use crate::run::Backups;
use crate::subs::{Subs, UserId};
use read::{page_of_members, page_of_users, with_preference};

/// How many groups are read at a time. The pacer holds the rate.
const GROUPS_AT_A_TIME: usize = 6;
/// How many pages of users may wait to be written, for the head or for MFA preferences, or be on
/// their way: so many that a usual head holds nothing up, and no more bytes, for a page may have
/// 8 MB (facts D).
const PAGES_AHEAD: usize = 24;
const BYTES_AHEAD: usize = 4 * 1024 * 1024;
/// How many pages' MFA preferences are read at a time, and how many of each page.
const PAGES_ASKED_FOR: usize = 2;
const PREFERENCES_AT_A_TIME: usize = 16;

/// Requests under way, and pages of users that cannot be written yet. Dropping it gives up both.
pub(crate) struct Requests {
    cognito: Cognito,
    waf: aws_sdk_wafv2::Client,
    pool: UserPoolId,
    tasks: JoinSet<Answer>,
    is_of_shard: bool,
    /// How far users are read; none when they all are, or while it is not known how.
    listing: Option<Listing>,
    /// The chains of which a page is on its way.
    asked: BTreeSet<Prefix>,
    /// How large a page is: the largest one that came, and before the first as large as may be.
    largest: usize,
    pages: VecDeque<Page>,
    /// How many pages were taken from the front of `pages`.
    taken: usize,
    groups: BTreeSet<usize>,
}

/// A page of users, in the order of arrival, which is that of each chain.
struct Page {
    prefix: Prefix,
    /// How many users Cognito listed on it.
    listed: usize,
    users: Users,
    bytes: usize,
    next: Option<String>,
    arrived: Timestamp,
}

enum Users {
    Listed(Vec<Value>),
    /// Their MFA preferences are being read.
    Asked,
    Complete(Vec<Value>),
}

/// A page of users that can be written.
pub(crate) struct CompletePage {
    pub(crate) prefix: Prefix,
    /// How many users Cognito listed on it.
    pub(crate) listed: usize,
    pub(crate) users: Vec<Value>,
    /// The token of the page after it; none after the last.
    pub(crate) next: Option<String>,
    /// When the page came, and that token with it.
    pub(crate) arrived: Timestamp,
}

/// What a task brings.
enum Answer {
    Users(Prefix, Result<Page, ChainProblem>),
    Preferences(usize, Result<Vec<Value>, CognitoError>),
    Members(MembersAnswer),
}

/// What there is to be done about an answer.
pub(crate) enum Arrived {
    /// Nothing but to see what can be written: it is about users, and is kept here.
    Users,
    /// A chain of users does not go on like this.
    Chain(Prefix, ChainProblem),
    /// It is a group's.
    Members(MembersAnswer),
}

/// Why a chain of users does not go on.
pub(crate) enum ChainProblem {
    /// There are users whose `sub` begins otherwise.
    ListsOthers,
    Error {
        error: CognitoError,
        /// Whether the page was asked for by a token.
        by_token: bool,
    },
}

/// What came of asking for a group's members.
pub(crate) struct MembersAnswer {
    pub(crate) group: usize,
    /// Whether the page was asked for by a token.
    pub(crate) by_token: bool,
    pub(crate) page: Result<MembersPage, CognitoError>,
}

/// A page of a group's members.
pub(crate) enum MembersPage {
    Members(Vec<Member>, Next),
    /// There is no such group in the pool.
    NoGroup,
}

impl Requests {
    /// Nothing is under way yet. `listing` says which users are to be read, if that is known.
    pub(crate) fn new(backups: &Backups<'_>, pool: &UserPoolId, listing: Option<Listing>) -> Self {
        Self {
            cognito: backups.cognito.clone(),
            waf: backups.waf.clone(),
            pool: pool.clone(),
            tasks: JoinSet::new(),
            is_of_shard: backups.shard.is_some(),
            listing,
            asked: BTreeSet::new(),
            largest: BYTES_AHEAD,
            pages: VecDeque::new(),
            taken: 0,
            groups: BTreeSet::new(),
        }
    }

    /// Reads users as `listing` says from now on. Pages of other chains are of no use any more.
    pub(crate) fn list_users(&mut self, listing: &Listing) {
        self.listing = Some(listing.clone());
    }

    /// Reads no more users, and forgets those who wait: all are written.
    pub(crate) fn end_users(&mut self) {
        self.listing = None;
        self.taken += self.pages.len();
        self.pages.clear();
    }

    /// Reads a chain from its beginning.
    pub(crate) fn begin_again(&mut self, prefix: &Prefix, now: Timestamp) {
        if let Some(listing) = &mut self.listing {
            listing.begin_again(prefix, now);
        }
    }

    /// Waits for an answer, for ever while nothing is under way.
    ///
    /// # Errors
    /// When MFA preferences could not be read.
    pub(crate) async fn next(&mut self) -> Result<Arrived, CognitoError> {
        let answer = match self.tasks.join_next().await {
            Some(Ok(answer)) => answer,
            // As if the task were no task.
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Some(Err(_)) | None => std::future::pending().await,
        };
        match answer {
            Answer::Users(prefix, page) => {
                self.asked.remove(&prefix);
                let Some(listing) = self.listing.as_mut().filter(|all| all.wants(&prefix)) else {
                    return Ok(Arrived::Users);
                };
                match page {
                    Ok(page) => {
                        let (next, listed) = (page.next.clone(), page.listed);
                        listing.advance(&prefix, next, page.arrived, listed);
                        self.largest = match self.largest {
                            BYTES_AHEAD => page.bytes,
                            largest => largest.max(page.bytes),
                        };
                        self.pages.push_back(page);
                        Ok(Arrived::Users)
                    }
                    Err(trouble) => Ok(Arrived::Chain(prefix, trouble)),
                }
            }
            Answer::Preferences(number, users) => {
                let at = number.checked_sub(self.taken);
                if let Some(page) = at.and_then(|at| self.pages.get_mut(at)) {
                    page.users = Users::Complete(users?);
                }
                Ok(Arrived::Users)
            }
            Answer::Members(answer) => {
                self.groups.remove(&answer.group);
                Ok(Arrived::Members(answer))
            }
        }
    }

    /// Asks for pages of users, one of each chain, unless enough are waiting. Stops at a chain
    /// whose token is too old, and gives it.
    pub(crate) fn ask_for_users(&mut self) -> Option<Prefix> {
        let waiting: usize = self.pages.iter().map(|page| page.bytes).sum();
        let now = Timestamp::now();
        loop {
            let pages = self.pages.len() + self.asked.len();
            let bytes = waiting + self.asked.len() * self.largest;
            if pages >= PAGES_AHEAD || bytes >= BYTES_AHEAD {
                return None;
            }
            let (prefix, position) = self.listing.as_mut()?.next_page(&self.asked, now)?;
            if position.is_stale(now) {
                return Some(prefix);
            }
            self.asked.insert(prefix.clone());
            let is_of_shard = self.is_of_shard;
            let (cognito, waf, pool) = (self.cognito.clone(), self.waf.clone(), self.pool.clone());
            spawn(&mut self.tasks, async move {
                let collector = Collector::new(&cognito, &waf);
                let page = page_of_users(&collector, &pool, &prefix, position.token, is_of_shard);
                let page = page.await;
                Answer::Users(prefix, page)
            });
        }
    }

    /// Asks for the MFA preferences of the users that came, as far as they are wanted and not
    /// `known` already; pages of whom none is wanted are complete.
    pub(crate) fn ask_for_preferences(&mut self, asks: Asks, known: &Subs) {
        let mut asked = 0;
        for (at, page) in self.pages.iter_mut().enumerate() {
            let users = match &mut page.users {
                Users::Listed(users) => {
                    let mut users = std::mem::take(users);
                    users.retain(|user| !known.contains(UserId::of_user(user)));
                    users
                }
                Users::Asked => {
                    asked += 1;
                    continue;
                }
                Users::Complete(_) => continue,
            };
            if !users.iter().any(|user| asks.for_user(user)) {
                page.users = Users::Complete(users);
                continue;
            }
            if asked == PAGES_ASKED_FOR {
                page.users = Users::Listed(users);
                break;
            }
            asked += 1;
            page.users = Users::Asked;
            let number = self.taken + at;
            let (cognito, waf, pool) = (self.cognito.clone(), self.waf.clone(), self.pool.clone());
            spawn(&mut self.tasks, async move {
                let with_preferences = stream::iter(users)
                    .map(|user| with_preference(&cognito, &waf, &pool, asks, user))
                    .buffered(PREFERENCES_AT_A_TIME)
                    .try_collect();
                Answer::Preferences(number, with_preferences.await)
            });
        }
    }

    /// Takes the next page of users that is complete.
    pub(crate) fn take_users(&mut self) -> Option<CompletePage> {
        let front = self.pages.front()?;
        if !matches!(front.users, Users::Complete(_)) {
            return None;
        }
        let page = self.pages.pop_front()?;
        self.taken += 1;
        let Users::Complete(users) = page.users else {
            return None;
        };
        Some(CompletePage {
            prefix: page.prefix,
            listed: page.listed,
            users,
            next: page.next,
            arrived: page.arrived,
        })
    }

    /// Whether one more group may be asked for. Beside the users, only when the rate allows it
    /// at once: their chain is the longest, and must not wait.
    pub(crate) fn may_ask_for_members(&self, beside_users: bool) -> bool {
        let operation = Operation::ListUsersInGroup;
        self.groups.len() < GROUPS_AT_A_TIME
            && (!beside_users
                || self
                    .cognito
                    .pacer()
                    .has_place(operation, Some(self.pool.as_str())))
    }

    /// Whether a page of the group is on its way.
    pub(crate) fn is_asked(&self, group: usize) -> bool {
        self.groups.contains(&group)
    }

    /// Asks for a page of the group's members.
    pub(crate) fn ask_for_members(&mut self, group: usize, name: &str, token: Option<String>) {
        self.groups.insert(group);
        let (cognito, waf, pool) = (self.cognito.clone(), self.waf.clone(), self.pool.clone());
        let name = name.to_owned();
        spawn(&mut self.tasks, async move {
            let by_token = token.is_some();
            let page = page_of_members(&cognito, &waf, &pool, &name, token).await;
            Answer::Members(MembersAnswer {
                group,
                by_token,
                page,
            })
        });
    }
}

/// Asks beside everything else; what is logged meanwhile says for which pool.
fn spawn(tasks: &mut JoinSet<Answer>, request: impl Future<Output = Answer> + Send + 'static) {
    tasks.spawn(request.in_current_span());
}
