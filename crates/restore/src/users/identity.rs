//! Who is this user? The one answer to it.
//!
//! In a live pool a name or an address may meanwhile belong to somebody else: whoever signs up as
//! the lost administrator must not become it. So groups, links, flags and a row of the user map go
//! only to a user who is proved to be the one of the backup:
//!
//! - the user has the same `sub`, in the pool that was backed up, or the one that it became when
//!   a restore made this pool ([`Lineage`]): it is still there ([`Identities::standing`]);
//! - Cognito answered a creation of this restore with this `sub` ([`Proof::OnRecord`]);
//! - the answer to a creation was lost, the user did not exist before, has exactly what the
//!   creation gives, and nobody can have signed in to it yet: it is taken over with a password
//!   that nobody knows ([`Proof::Unused`]);
//! - the pool was closed to sign-ups when the user appeared, and an import job ran that makes such
//!   users ([`Proof::Imported`]).
//!
//! A name, an address, a verified flag or a custom attribute proves nothing: people, or functions
//! of the pool on their behalf, choose them.

use model::document::{Attribute, UserRecord, UserStatus};
use serde_json::Value;

use super::attributes::Attributes;
use super::decide::{UserPlan, Way, old_sub, sign_in_name};
use super::index::{FoundUser, UserIndex};
use super::lineage::Lineage;
use super::pool::{Contact, TargetPool};
use super::register::Register;

/// What is known of the users of the pool that is restored into.
pub(super) struct Identities<'a> {
    pub(super) pool: &'a TargetPool,
    /// The users that an existing pool had before; `None` for a new pool, which had none.
    pub(super) before: Option<UserIndex>,
    /// Who became who when an earlier restore made the pool.
    pub(super) lineage: Lineage,
    /// The users that this restore made.
    pub(super) register: Register<'a>,
    /// When the first import job was made, while nobody can sign up by themselves.
    pub(super) jobs_since: Option<Moment>,
    /// Whether the app clients of the pool are known to this restore alone, so that nobody else
    /// can sign up in it: a new pool, until its ids are told.
    pub(super) unknown_to_others: bool,
}

/// Where a user of the backup stands in a pool that existed before the restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The user is there.
    Same(FoundUser),
    /// Somebody is there who signs in by the user's name or address.
    Another,
    /// The pool lacks the user.
    Missing,
}

/// What proves that this restore made a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Cognito said so.
    OnRecord,
    /// Nobody can have used it.
    Unused {
        /// Whether somebody else may have made it and know its password.
        take_over: bool,
    },
    /// An import job made it.
    Imported,
}

/// A time of Cognito's own clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) i64);

impl Moment {
    /// A timestamp of the API: seconds since 1970, with fractions.
    pub(super) fn read(timestamp: &Value) -> Option<Self> {
        let seconds = timestamp.as_f64()?;
        Some(Self((seconds * 1000.0).round() as i64))
    }
}

impl Identities<'_> {
    /// Where the user stands in the pool as it was before the restore.
    pub(super) fn standing(&self, record: &UserRecord) -> Standing {
        let Some(before) = &self.before else {
            return Standing::Missing;
        };
        let sub = old_sub(record);
        let became = || before.by_sub(&self.lineage.of(&sub)?);
        if let Some(found) = before.by_sub(&sub).or_else(became) {
            return Standing::Same(found);
        }
        let namesake = sign_in_name(record, self.pool).and_then(|n| before.by_name(n, self.pool));
        match namesake {
            Some(_) => Standing::Another,
            None => Standing::Missing,
        }
    }

    /// What proves that `seen`, found by the name or address of `record`, was made for it by this
    /// restore. `essential` is what it was made with at least.
    pub(super) fn proof(
        &self,
        record: &UserRecord,
        seen: &UserRecord,
        plan: &UserPlan,
        essential: &Attributes,
    ) -> Option<Proof> {
        let sub = seen.attribute("sub")?;
        if self.register.made(&old_sub(record)).as_deref() == Some(sub) {
            return Some(Proof::OnRecord);
        }
        let was_there = |before: &UserIndex| before.by_sub(sub).is_some();
        if self.before.as_ref().is_some_and(was_there) || !self.has_name(seen, plan) {
            return None;
        }
        if self.jobs_since.is_some_and(|since| is_of_job(seen, since)) {
            return Some(Proof::Imported);
        }
        let unused = match &seen.status {
            UserStatus::ForceChangePassword => Proof::Unused { take_over: true },
            UserStatus::Unconfirmed if plan.way == Way::SignUp => Proof::Unused {
                take_over: !self.unknown_to_others,
            },
            _ => return None,
        };
        self.has_exactly(seen, plan, essential).then_some(unused)
    }

    fn has_name(&self, seen: &UserRecord, plan: &UserPlan) -> bool {
        if !self.pool.username_attributes.is_empty() {
            true // Found by the address.
        } else if self.pool.case_sensitive {
            seen.username.as_str() == plan.sign_in
        } else {
            seen.username.as_str().to_lowercase() == plan.sign_in.to_lowercase()
        }
    }

    /// Nothing but what this user gets, and everything that this user must have.
    fn has_exactly(&self, seen: &UserRecord, plan: &UserPlan, essential: &Attributes) -> bool {
        let wanted = |name: &str| plan.attributes.get(name).or_else(|| plan.later.get(name));
        let nothing_else = seen.attributes.iter().all(|Attribute { name, value }| {
            name == "sub"
                || name.starts_with("cognito:")
                || is_no_flag_set(name, value)
                || wanted(name) == Some(value.as_str())
        });
        let all_of_it = essential.iter().all(|(name, value)| {
            is_no_flag_set(name, value) || seen.attribute(name) == Some(value)
        });
        nothing_else && all_of_it
    }
}

/// Whether an import job that was made at `since` or later made the user, in a pool that nobody
/// could sign up in since then: jobs leave these two statuses (facts C.5), and both dates are of
/// Cognito's clock.
pub(super) fn is_of_job(user: &UserRecord, since: Moment) -> bool {
    let made = user.rest.get("UserCreateDate").and_then(Moment::read);
    matches!(
        user.status,
        UserStatus::Confirmed | UserStatus::ResetRequired
    ) && made.is_some_and(|made| made >= since)
}

/// A verified flag that is false is the same as none.
pub(super) fn is_no_flag_set(name: &str, value: &str) -> bool {
    value == "false"
        && Contact::ALL
            .iter()
            .any(|contact| contact.verified() == name)
}
