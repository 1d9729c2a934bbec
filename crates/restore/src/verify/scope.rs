//! How much of a backup is expected in the pool.

use std::collections::{BTreeSet, HashSet};

use compare::hash::hash;
use model::document::UserRecord;
use model::request::{RestoreOptions, Selection};
use model::restore::RestoreState;

use crate::context::Restore;
use crate::error::RestoreError;
use crate::users::map_part;

/// What is expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All: the pool is a copy. Of a rehearsal with a sample, all but the other users.
    Whole,
    /// What a restore into an existing pool chose. Users that were there before are not changed,
    /// hence not compared, and whatever else the pool holds is its own affair.
    Chosen {
        /// The hashes of the new `sub`s of the users that the restore made.
        made: HashSet<u128>,
        /// The groups that the restore made again: they are compared, with all their members.
        groups: BTreeSet<String>,
        /// The usernames (hashed) of the group's members, where one group was chosen.
        members: Option<HashSet<u128>>,
    },
}

impl Scope {
    /// The scope of a restore, with what is needed to tell.
    ///
    /// # Errors
    /// [`RestoreError::Vault`] when user map or backup cannot be read.
    pub(super) async fn of(
        restore: &Restore<'_>,
        state: &RestoreState,
    ) -> Result<Self, RestoreError> {
        if state.options.verify.is_some() || state.options.target_user_pool_id.is_none() {
            return Ok(Scope::Whole);
        }
        let mut made = HashSet::new();
        for part in 1..=state.users.map_parts {
            let entries = map_part(restore.workspace, &state.restore_id, part).await?;
            made.extend(entries.iter().map(|entry| hash(&[&entry.new_sub])));
        }
        let members = match &state.options.select {
            Some(Selection::Group(group)) => {
                let mut members = HashSet::new();
                let mut memberships = restore.backup.memberships().await?;
                while let Some(membership) = memberships.next().await? {
                    if *membership.group == **group {
                        members.insert(hash(&[membership.username.as_str()]));
                    }
                }
                Some(members)
            }
            _ => None,
        };
        let groups = state.users.groups_made.clone().unwrap_or_default();
        Ok(Scope::Chosen {
            made,
            groups,
            members,
        })
    }

    /// Whether settings, and what the pool has beyond the backup, are compared.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Scope::Whole)
    }

    /// Whether a user of the backup is expected in the pool.
    pub(super) fn expects(&self, user: &UserRecord, options: &RestoreOptions) -> bool {
        match self {
            Scope::Whole => options.selects_user(user.username.as_str(), user.sub().as_ref()),
            Scope::Chosen { members, .. } => {
                options.selects_user(user.username.as_str(), user.sub().as_ref())
                    && members
                        .as_ref()
                        .is_none_or(|members| members.contains(&hash(&[user.username.as_str()])))
            }
        }
    }

    /// Whether a user of the pool was made by the restore.
    pub(super) fn made(&self, user: &UserRecord) -> bool {
        match self {
            Scope::Whole => true,
            Scope::Chosen { made, .. } => user
                .attribute("sub")
                .is_some_and(|sub| made.contains(&hash(&[sub]))),
        }
    }

    /// Whether the memberships of a group are expected for users that were there before too.
    pub(super) fn chose_group(&self, group: &str, options: &RestoreOptions) -> bool {
        self.made_group(group) || options.select == Some(Selection::Group(group.to_owned()))
    }

    /// Whether a group was made by the restore.
    pub(super) fn made_group(&self, group: &str) -> bool {
        match self {
            Scope::Whole => true,
            Scope::Chosen { groups, .. } => groups.contains(group),
        }
    }
}
