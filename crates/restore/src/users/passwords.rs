//! Which passwords restored users get.
//!
//! By default ones that nobody knows, in silence. Who restores from a terminal may choose
//! temporary ones, which users change at their first sign-in, or let Cognito send them. They are
//! never stored: neither in the restore's state nor in its report nor in a log.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use model::document::UserRecord;
use model::inventory::Section;
use model::request::BadRequest;
use model::restore::{Finding, FindingKind, PasswordKind, RestoreState};
use model::{Secret, Sub};
use serde_json::Value;

use super::decide::{UserPlan, Way};
use super::make::Maker;
use super::password;
use super::pool::TargetPool;
use crate::context::Restore;
use crate::error::RestoreError;

/// Which passwords restored users get.
#[derive(Debug, Clone, Default)]
pub enum Passwords {
    /// Random ones that nobody knows: who had a password takes the way of "forgot password".
    #[default]
    Unknown,
    /// One temporary password for all.
    OneForAll(Secret),
    /// A temporary password for each.
    ForEach(Arc<dyn PasswordSource>),
    /// Random temporary passwords, which Cognito sends to each user by its invitation message.
    Invitation,
}

/// A user who needs a password.
#[derive(Debug, Clone, Copy)]
pub struct UserToCome<'a> {
    /// The username in the backup.
    pub username: &'a str,
    /// The `sub` in the backup.
    pub sub: Option<&'a Sub>,
    /// What the user signs in by in the pool: the username, or an address.
    pub sign_in: &'a str,
}

/// A future that a trait's method gives.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where the operator keeps a temporary password for each user.
pub trait PasswordSource: Debug + Send + Sync {
    /// The password of a user; `None` where the source has none for the user, who is then not
    /// made. It may be asked several times for one user.
    ///
    /// The error ends the restore, which can go on later. It must hold nothing personal.
    fn password<'a>(
        &'a self,
        user: UserToCome<'a>,
    ) -> BoxFuture<'a, Result<Option<Secret>, std::io::Error>>;
}

impl PartialEq for Passwords {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneForAll(one), Self::OneForAll(other)) => one == other,
            (Self::ForEach(one), Self::ForEach(other)) => Arc::ptr_eq(one, other),
            _ => self.kind() == other.kind(),
        }
    }
}

impl Passwords {
    /// What the restore remembers of them.
    pub fn kind(&self) -> PasswordKind {
        match self {
            Self::Unknown => PasswordKind::Unknown,
            Self::OneForAll(_) => PasswordKind::OneForAll,
            Self::ForEach(_) => PasswordKind::ForEach,
            Self::Invitation => PasswordKind::Invitation,
        }
    }

    /// Whether users, or who restores them, know the passwords.
    pub(super) fn are_known(&self) -> bool {
        self.kind() != PasswordKind::Unknown
    }

    /// What is different of all users because of them: the comparison expects it.
    pub(super) fn note(&self) -> Option<Finding> {
        let what = match self {
            Self::Unknown => return None,
            Self::OneForAll(_) | Self::ForEach(_) => "a temporary password of yours",
            Self::Invitation => "a temporary password by Cognito's invitation message",
        };
        let reason = format!(
            "users who were CONFIRMED or RESET_REQUIRED came back as FORCE_CHANGE_PASSWORD: they got {what}, as asked for"
        );
        let finding = Finding::new(FindingKind::Expected, Section::Users.member(), reason);
        Some(finding.announcing(Section::Users, "*/UserStatus"))
    }
}

/// Fails where a password that is the same for all does not fit the policy of the pool with these
/// settings (DescribeUserPool): nobody would come back.
///
/// # Errors
/// [`RestoreError::Preflight`].
pub(crate) fn must_fit(passwords: &Passwords, settings: &Value) -> Result<(), RestoreError> {
    let Passwords::OneForAll(password) = passwords else {
        return Ok(());
    };
    let pool = TargetPool::from_settings(settings);
    let text = password.expose();
    let problem = if text.chars().count() < pool.minimum_length {
        format!("at least {} characters", pool.minimum_length)
    } else if let Some(lacking) = pool.needed.iter().find(|kind| !kind.is_in(text)) {
        format!("a character of the kind {lacking:?}").to_lowercase()
    } else {
        return Ok(());
    };
    Err(RestoreError::Preflight(format!(
        "the temporary password does not satisfy the pool's password policy, which asks for {problem}"
    )))
}

/// Remembers which passwords the restore gives, the same for all its invocations.
///
/// # Errors
/// [`RestoreError::Request`] when it began with others.
pub(super) async fn settle(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(), RestoreError> {
    let kind = restore.settings.passwords.kind();
    match state.users.passwords {
        Some(begun) if begun == kind => Ok(()),
        Some(begun) => {
            let begun = match begun {
                PasswordKind::Unknown => "passwords that nobody knows",
                PasswordKind::OneForAll => "one temporary password for all",
                PasswordKind::ForEach => "a temporary password for each user",
                PasswordKind::Invitation => "passwords by Cognito's invitation",
            };
            let problem = format!(
                "the restore began with {begun}, which are never stored: go on with the same option"
            );
            Err(BadRequest(problem).into())
        }
        None => {
            state.users.passwords = Some(kind);
            restore.save(state).await
        }
    }
}

/// The password that a user is made with, and whether Cognito tells it to the user.
pub(super) struct FirstPassword {
    pub(super) secret: Secret,
    /// Whether the operator chose it.
    pub(super) is_chosen: bool,
    /// By what Cognito sends it, as AdminCreateUser names it.
    pub(super) invite_by: Option<&'static str>,
}

impl Maker<'_> {
    /// The password to make a user with. The inner error says why there is none for this user.
    ///
    /// # Errors
    /// [`RestoreError::Internal`] when the source of passwords fails.
    pub(super) async fn first_password(
        &self,
        record: &UserRecord,
        plan: &UserPlan,
    ) -> Result<Result<FirstPassword, &'static str>, RestoreError> {
        let mut invite_by = None;
        let chosen = match &self.restore.settings.passwords {
            _ if plan.way != Way::TemporaryPassword => None,
            Passwords::Unknown => None,
            Passwords::OneForAll(password) => Some(password.clone()),
            Passwords::ForEach(source) => {
                let sub = record.sub();
                let user = UserToCome {
                    username: record.username.as_str(),
                    sub: sub.as_ref(),
                    sign_in: &plan.sign_in,
                };
                let given = source
                    .password(user)
                    .await
                    .map_err(|error| RestoreError::Passwords(error.to_string()))?;
                match given {
                    None => return Ok(Err("the source of passwords has none for this user")),
                    given => given,
                }
            }
            Passwords::Invitation => {
                // Who may not sign in is not invited to.
                invite_by = plan.invite_by.filter(|_| !plan.disable);
                None
            }
        };
        Ok(Ok(FirstPassword {
            is_chosen: chosen.is_some(),
            secret: match chosen {
                Some(chosen) => chosen,
                None => password::random(self.pool.minimum_length)?,
            },
            invite_by,
        }))
    }
}
