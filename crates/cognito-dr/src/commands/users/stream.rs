//! The users of a backup or of a live pool, one after the other, however many there are.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use clap::Args;
use cognito::{Cognito, CognitoError, Operation, Pages};
use model::UserPoolId;
use model::document::{UserRecord, UserStatus};
use serde_json::{Value, json};
use vault::Backup;

use crate::error::Error;

/// Which users are meant.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Filter {
    /// Only users of this status, such as CONFIRMED; may be given several times
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub(super) status: Vec<UserStatus>,
    /// Only users who may sign in (true), or who are disabled (false)
    #[arg(long, value_name = "BOOL")]
    pub(super) enabled: Option<bool>,
    /// Only members of this group
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<String>,
}

pub(super) fn status(text: &str) -> Result<UserStatus, String> {
    match UserStatus::from(text.to_ascii_uppercase()) {
        UserStatus::Other(_) => Err(
            "the statuses are UNCONFIRMED, CONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED, EXTERNAL_PROVIDER, ARCHIVED, COMPROMISED and UNKNOWN"
                .to_owned(),
        ),
        status => Ok(status),
    }
}

impl Filter {
    fn takes(&self, user: &UserRecord) -> bool {
        (self.status.is_empty() || self.status.contains(&user.status))
            && self.enabled.is_none_or(|enabled| enabled == user.enabled)
    }
}

/// Users that a filter takes.
pub(super) struct UserStream<'a> {
    source: Source<'a>,
    filter: &'a Filter,
}

enum Source<'a> {
    Pool {
        pages: Pages<'a>,
        page: std::vec::IntoIter<UserRecord>,
    },
    Backup {
        users: vault::Users,
        members: Option<Members>,
    },
}

impl<'a> UserStream<'a> {
    /// The users of a live pool.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub(super) fn of_pool(
        cognito: &'a Cognito,
        pool: &UserPoolId,
        filter: &'a Filter,
    ) -> Result<Self, Error> {
        let mut request = json!({"UserPoolId": pool.as_str()});
        let operation = match (&filter.group, filter.status.as_slice()) {
            (Some(group), _) => {
                request["GroupName"] = group.as_str().into();
                Operation::ListUsersInGroup
            }
            (None, [status]) => {
                // Cognito looks through them faster than it sends them (facts D).
                request["Filter"] = format!("cognito:user_status = \"{}\"", status.as_str()).into();
                Operation::ListUsers
            }
            (None, _) => Operation::ListUsers,
        };
        Ok(Self {
            source: Source::Pool {
                pages: Pages::new(cognito, operation, request)?,
                page: Vec::new().into_iter(),
            },
            filter,
        })
    }

    /// The users of a backup.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn of_backup(backup: &Backup, filter: &'a Filter) -> Result<Self, Error> {
        let members = match &filter.group {
            Some(group) => Some(Members::of(backup, group).await?),
            None => None,
        };
        Ok(Self {
            source: Source::Backup {
                users: backup.users(None).await?,
                members,
            },
            filter,
        })
    }

    /// The next user; `None` after the last.
    ///
    /// # Errors
    /// When the source does not give it.
    pub(super) async fn next(&mut self) -> Result<Option<UserRecord>, Error> {
        loop {
            let user = match &mut self.source {
                Source::Pool { pages, page } => match page.next() {
                    Some(user) => Some(user),
                    None => match pages.next_as().await? {
                        Some(users) => {
                            *page = users.into_iter();
                            continue;
                        }
                        None => None,
                    },
                },
                Source::Backup { users, members } => match users.next().await? {
                    Some(line) if members.as_ref().is_some_and(|m| !m.has(&line.record)) => {
                        continue;
                    }
                    line => line.map(|line| line.record),
                },
            };
            match user {
                Some(user) if !self.filter.takes(&user) => {}
                user => return Ok(user),
            }
        }
    }
}

/// The members of a group in a backup, eight bytes each.
struct Members {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl Members {
    async fn of(backup: &Backup, group: &str) -> Result<Self, Error> {
        let hasher = RandomState::new();
        let mut hashes = HashSet::new();
        let mut memberships = backup.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            if &*membership.group == group {
                hashes.insert(hasher.hash_one(membership.username.as_str()));
            }
        }
        Ok(Self { hashes, hasher })
    }

    fn has(&self, user: &UserRecord) -> bool {
        let hash = self.hasher.hash_one(user.username.as_str());
        self.hashes.contains(&hash)
    }
}

/// The settings of a live pool, as DescribeUserPool gives them.
///
/// # Errors
/// As for any call.
pub(super) async fn describe(cognito: &Cognito, pool: &UserPoolId) -> Result<Value, CognitoError> {
    let request = json!({"UserPoolId": pool.as_str()});
    let mut answer = cognito.call(Operation::DescribeUserPool, &request).await?;
    Ok(answer["UserPool"].take())
}
