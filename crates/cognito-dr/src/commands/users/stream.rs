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
    passed_over: u64,
}

enum Source<'a> {
    Pool {
        pages: Pages<'a>,
        page: std::vec::IntoIter<UserRecord>,
    },
    Backup {
        users: vault::Users,
        members: Option<Hashes>,
    },
}

impl<'a> UserStream<'a> {
    /// The users of a live pool, all of them listed.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub(super) fn of_pool(
        cognito: &'a Cognito,
        pool: &UserPoolId,
        filter: &'a Filter,
    ) -> Result<Self, Error> {
        let mut request = json!({"UserPoolId": pool.as_str()});
        let operation = match &filter.group {
            Some(group) => {
                request["GroupName"] = group.as_str().into();
                Operation::ListUsersInGroup
            }
            None => Operation::ListUsers,
        };
        Self::listed(cognito, operation, request, filter)
    }

    /// The same users, looked for by Cognito where it can (facts D): it looks through them faster
    /// than it lists them.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub(super) fn found_in_pool(
        cognito: &'a Cognito,
        pool: &UserPoolId,
        filter: &'a Filter,
    ) -> Result<Self, Error> {
        let ([status], None) = (filter.status.as_slice(), &filter.group) else {
            return Self::of_pool(cognito, pool, filter);
        };
        let request = json!({
            "UserPoolId": pool.as_str(),
            "Filter": format!("cognito:user_status = \"{}\"", status.as_str()),
        });
        Self::listed(cognito, Operation::ListUsers, request, filter)
    }

    fn listed(
        cognito: &'a Cognito,
        operation: Operation,
        request: Value,
        filter: &'a Filter,
    ) -> Result<Self, Error> {
        Ok(Self {
            source: Source::Pool {
                pages: Pages::new(cognito, operation, request)?,
                page: Vec::new().into_iter(),
            },
            filter,
            passed_over: 0,
        })
    }

    /// The users of a backup.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn of_backup(backup: &Backup, filter: &'a Filter) -> Result<Self, Error> {
        let members = match &filter.group {
            Some(group) => Some(Hashes::of_members(backup, group).await?),
            None => None,
        };
        Ok(Self {
            source: Source::Backup {
                users: backup.users(None).await?,
                members,
            },
            filter,
            passed_over: 0,
        })
    }

    /// How many users were listed that the filter does not take. Cognito leaves some out itself.
    pub(super) fn passed_over(&self) -> u64 {
        self.passed_over
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
                    Some(line)
                        if members
                            .as_ref()
                            .is_some_and(|members| !members.has(line.record.username.as_str())) =>
                    {
                        continue;
                    }
                    line => line.map(|line| line.record),
                },
            };
            match user {
                Some(user) if !self.filter.takes(&user) => self.passed_over += 1,
                user => return Ok(user),
            }
        }
    }
}

/// Hashes of texts, eight bytes each, whatever their length.
#[derive(Default)]
pub(super) struct Hashes {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl Hashes {
    /// The members of a group in a backup, by username.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn of_members(backup: &Backup, group: &str) -> Result<Self, Error> {
        let mut members = Self::default();
        let mut memberships = backup.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            if &*membership.group == group {
                members.insert(membership.username.as_str());
            }
        }
        Ok(members)
    }

    pub(super) fn insert(&mut self, text: &str) {
        self.hashes.insert(self.hasher.hash_one(text));
    }

    pub(super) fn has(&self, text: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(text))
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
