//! What differs between any two sides, each a backup or a live pool: the settings, the users by
//! kind of change, the memberships.
//!
//! Two sides of one pool hold the same users by their usernames and `sub`s, and everything is
//! compared. Otherwise the second side counts as restored from the first: its users are told
//! apart by what they sign in with, and what [every restore changes](crate::allowed) is no
//! difference.
//!
//! One side is read into [tables](crate::tables), the other streamed past them. What both have
//! otherwise waits in a window of bounded size until the first side is read again from there on,
//! so that all is counted and named whatever the number of users.

mod document;
mod people;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::Stream;
use model::Username;
use model::document::{BackupHead, SectionStatus, UserRecord};
use model::inventory::Section;

pub use document::{
    ChangeKind, Counts, Diff, MatchedBy, MemberDifference, MembershipDifference, MembershipsDiff,
    SectionNotCompared, SettingDifference, SettingsDiff, UserDifference, UsersDiff,
};

use crate::allowed::Relation;
use crate::settings::{self, Ties};

/// One side: a backup or a live pool.
pub trait Side {
    /// Why it cannot be read.
    type Error;

    /// Everything but users and memberships.
    fn head(&self) -> &BackupHead;

    /// How many users it has, as far as it is known before they are read.
    fn users_expected(&self) -> usize;

    /// How many memberships it has, as far as it is known before they are read.
    fn memberships_expected(&self) -> usize;

    /// Whether reading it a second time costs little: a backup.
    fn is_stored(&self) -> bool;

    /// The users, each with its place: places ascend, and lie below 2^43. A backup begins with
    /// the user at place `from`, a live pool with its first.
    fn users(&self, from: u64) -> impl Stream<Item = Result<(u64, UserRecord), Self::Error>>;

    /// The members of `groups`, in any order.
    fn memberships(
        &self,
        groups: &[String],
    ) -> impl Stream<Item = Result<(Arc<str>, Username), Self::Error>>;
}

/// What is wanted of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many users and memberships are named of each kind of change; all are counted.
    pub names: usize,
    /// About how many bytes of users that differ are kept until the first side is read again.
    pub window: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: 0,
            window: 12_000_000,
        }
    }
}

/// What two sides are to one another: one pool is known by its id.
pub fn relation(first: &BackupHead, second: &BackupHead) -> Relation {
    if first.user_pool_id == second.user_pool_id {
        Relation::SamePool
    } else {
        Relation::Restored
    }
}

/// Compares two sides.
///
/// # Errors
/// Those of the sides.
pub async fn diff<S: Side>(first: &S, second: &S, options: Options) -> Result<Diff, S::Error> {
    let relation = relation(first.head(), second.head());
    let mut diff = Diff::new(relation);
    diff.settings = compare_settings(first.head(), second.head(), relation);
    // A live pool is read once, past the tables of a backup.
    if second.is_stored() && !first.is_stored() {
        people::compare(second, first, true, options, &mut diff).await?;
    } else {
        people::compare(first, second, false, options, &mut diff).await?;
    }
    diff.conclude();
    Ok(diff)
}

fn compare_settings(first: &BackupHead, second: &BackupHead, relation: Relation) -> SettingsDiff {
    let clients = match relation {
        Relation::SamePool => BTreeMap::new(),
        Relation::Restored => settings::pair_clients(
            first.list(Section::AppClients),
            second.list(Section::AppClients),
            &BTreeMap::new(),
        ),
    };
    let ties = Ties {
        relation,
        clients,
        legacy_sub_attribute: None,
    };
    let known = |section: &Section| {
        settings::is_known(first, *section) && settings::is_known(second, *section)
    };
    // A feature that is not there on either side is the same.
    let is_not_there = |section: &Section| {
        let not_read =
            |head: &BackupHead| matches!(head.status(*section), SectionStatus::NotRead { .. });
        not_read(first) && not_read(second)
    };
    let sections = Section::at_the_head()
        .filter(|section| !relation.leaves_out(*section) && !is_not_there(section));
    let (compared, not_compared): (Vec<_>, Vec<_>) = sections.partition(known);
    let result = settings::compare_sections(first, second, &ties, compared.into_iter());
    SettingsDiff {
        compared: result.compared,
        secrets_not_compared: result.secrets_not_compared,
        differences: result.found.iter().map(SettingDifference::of).collect(),
        not_compared: not_compared
            .into_iter()
            .map(|section| SectionNotCompared {
                section,
                missing_in_first: !settings::is_known(first, section),
                missing_in_second: !settings::is_known(second, section),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
