//! What a backup asks for at a time: one chain of pages of users, whose tokens forbid more, and
//! beside it chains of groups' members.

use std::collections::{BTreeSet, VecDeque};

use cognito::collect::Collector;
use cognito::{Cognito, CognitoError, ErrorKind, Operation};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use model::UserPoolId;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::ahead::{Member, Next};
use crate::parts::Parts;
use crate::preferences::Asks;
use crate::run::Backups;

/// How many groups are read at a time. The pacer holds the rate.
const GROUPS_AT_A_TIME: usize = 6;
/// How many pages of users may wait to be written, for the head or for MFA preferences: so many
/// that a usual head holds nothing up, and no more bytes, for a page may have 8 MB (facts D).
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
    parts: Parts,
    listing: Listing,
    pages: VecDeque<Page>,
    /// How many pages were taken from the front of `pages`.
    taken: usize,
    groups: BTreeSet<usize>,
}

/// The listing of users.
enum Listing {
    /// The page of this token is next; none for the first.
    At(Option<String>),
    Asked,
    End,
}

/// A page of users, in the order of the listing.
struct Page {
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
    pub(crate) users: Vec<Value>,
    /// The token of the page after it; none after the last.
    pub(crate) next: Option<String>,
    /// When the page came, and that token with it.
    pub(crate) arrived: Timestamp,
}

/// What a task brings.
enum Answer {
    Users(Result<Page, CognitoError>),
    Preferences(usize, Result<Vec<Value>, CognitoError>),
    Members(MembersAnswer),
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
    /// Nothing is under way yet. `users` is the token of the page of users that is read next;
    /// `None` when they are all written.
    pub(crate) fn new(
        backups: &Backups<'_>,
        pool: &UserPoolId,
        users: Option<Option<String>>,
    ) -> Self {
        Self {
            cognito: backups.cognito.clone(),
            waf: backups.waf.clone(),
            pool: pool.clone(),
            tasks: JoinSet::new(),
            parts: Parts::of(backups.shard),
            listing: users.map_or(Listing::End, Listing::At),
            pages: VecDeque::new(),
            taken: 0,
            groups: BTreeSet::new(),
        }
    }

    /// Waits for an answer: a group's, or `None` when it is about users and is kept here. Waits
    /// for ever while nothing is under way.
    ///
    /// # Errors
    /// When users could not be read.
    pub(crate) async fn next(&mut self) -> Result<Option<MembersAnswer>, CognitoError> {
        let answer = match self.tasks.join_next().await {
            Some(Ok(answer)) => answer,
            // As if the task were no task.
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Some(Err(_)) | None => std::future::pending().await,
        };
        match answer {
            Answer::Users(page) => {
                let page = page?;
                let next = page.next.clone();
                self.listing = next.map_or(Listing::End, |token| Listing::At(Some(token)));
                self.pages.push_back(page);
                Ok(None)
            }
            Answer::Preferences(number, users) => {
                if let Some(page) = self.pages.get_mut(number - self.taken) {
                    page.users = Users::Complete(users?);
                }
                Ok(None)
            }
            Answer::Members(answer) => {
                self.groups.remove(&answer.group);
                Ok(Some(answer))
            }
        }
    }

    /// Asks for the next page of users, unless one is on its way or enough are waiting.
    pub(crate) fn ask_for_users(&mut self) {
        let waiting: usize = self.pages.iter().map(|page| page.bytes).sum();
        let enough = self.pages.len() >= PAGES_AHEAD || waiting >= BYTES_AHEAD;
        if enough || !matches!(self.listing, Listing::At(_)) {
            return;
        }
        let Listing::At(position) = std::mem::replace(&mut self.listing, Listing::Asked) else {
            return;
        };
        let parts = self.parts.clone();
        let (part, token) = parts.find(position);
        let (cognito, waf, pool) = (self.cognito.clone(), self.waf.clone(), self.pool.clone());
        spawn(&mut self.tasks, async move {
            let collector = Collector::new(&cognito, &waf);
            let page = async {
                let filter = parts.filter(part);
                let pages = collector.users_found_by(&pool, filter.as_deref())?;
                let mut pages = pages.from_token(token);
                let mut users = pages.next().await?.unwrap_or_default();
                users.retain(|user| parts.holds(part, user));
                Ok(Page {
                    users: Users::Listed(users),
                    bytes: pages.bytes(),
                    next: parts.after(part, pages.token().map(str::to_owned)),
                    arrived: Timestamp::now(),
                })
            };
            Answer::Users(page.await)
        });
    }

    /// Asks for the MFA preferences of the users that came, as far as they are wanted; pages of
    /// whom none is wanted are complete.
    pub(crate) fn ask_for_preferences(&mut self, asks: Asks) {
        let mut asked = 0;
        for (at, page) in self.pages.iter_mut().enumerate() {
            let users = match &mut page.users {
                Users::Listed(users) => std::mem::take(users),
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

async fn page_of_members(
    cognito: &Cognito,
    waf: &aws_sdk_wafv2::Client,
    pool: &UserPoolId,
    group: &str,
    token: Option<String>,
) -> Result<MembersPage, CognitoError> {
    let collector = Collector::new(cognito, waf);
    let mut pages = collector.members(pool, group)?.from_token(token);
    match pages.next_as().await {
        Ok(members) => {
            let next = pages
                .token()
                .map(|token| Next::Page(Some(token.to_owned())));
            let members = members.unwrap_or_default();
            Ok(MembersPage::Members(members, next.unwrap_or(Next::End)))
        }
        // Deleted since the groups were listed; or is it the pool?
        Err(error) if error.is(ErrorKind::Missing) => {
            let request = json!({"UserPoolId": pool.as_str()});
            cognito.call(Operation::DescribeUserPool, &request).await?;
            Ok(MembersPage::NoGroup)
        }
        Err(error) => Err(error),
    }
}

/// The user with the MFA preference. A user who was deleted since the listing, or whom Cognito
/// does not tell about, stays as listed.
async fn with_preference(
    cognito: &Cognito,
    waf: &aws_sdk_wafv2::Client,
    pool: &UserPoolId,
    asks: Asks,
    mut user: Value,
) -> Result<Value, CognitoError> {
    let username = user.get("Username").and_then(Value::as_str);
    let Some(username) = username.filter(|_| asks.for_user(&user)) else {
        return Ok(user);
    };
    let collector = Collector::new(cognito, waf);
    match collector.mfa_preference(pool, username).await {
        Ok(preference) => {
            if let Value::Object(members) = &mut user {
                members.extend(preference);
            }
            Ok(user)
        }
        Err(error) if error.is(ErrorKind::Missing) || error.is(ErrorKind::Refused) => {
            tracing::debug!(code = error.code, "a user's MFA preference was not given");
            Ok(user)
        }
        Err(error) => Err(error),
    }
}
