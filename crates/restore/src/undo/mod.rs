//! Brings a live pool back to a point in time: compares, plans the calls, carries them out, compares
//! again.
//!
//! ```text
//! plan        point in time and pool -> what differs -> what is done about it, as data
//! carry_out   the restore's own steps, which change what is there; then users, each in sequence
//!             then the pool is read again: what is not as planned is named
//! next        the same for the state machine, one invocation after the other
//! ```
//!
//! What a restore knows how to make, an undo knows how to put back: `settings` runs the steps of the
//! [plan](crate::plan) over a backup that holds [what is wanted](wanted), users who were deleted
//! are made by a restore into the pool. What is done does not differ any more: an undo that died
//! goes on by comparing. Which section can be put back says the [`table`].

use cognito::{Operation, Stop};
use model::UserPoolId;
use model::document::BackupHead;
use vault::Backup;

use crate::context::{Clients, Existing, Restore, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::side::{LivePool, Side};
use crate::translate::Translations;
use crate::users::Lineage;

pub(crate) mod carry_out;
mod counterpart;
mod fingerprint;
mod heads;
mod invocation;
pub(crate) mod made_again;
mod page;
mod pairs;
pub(crate) mod people;
mod plan;
pub(crate) mod remembered;
mod report;
mod scope;
mod settings;
pub mod table;
mod users;
mod verdicts;
mod verify;
mod wanted;

pub use counterpart::Counterpart;
pub use invocation::{Ended, Invocation, Next, Order, next, report_failure};
pub use page::page;
pub use plan::{Action, MemberChange, MembershipCounts, Plan, UserCounts, What};
pub use remembered::Begun;
pub use report::{Left, PeopleDone, UndoReport};
pub use scope::{Part, Scope};

use fingerprint::{fingerprint, stable};
use heads::Heads;
use made_again::MadeAgain;
use people::People;

const OWN: &[Operation] = &[
    Operation::AdminDeleteUserAttributes,
    Operation::AdminEnableUser,
    Operation::AdminRemoveUserFromGroup,
    Operation::DeleteGroup,
    Operation::DeleteIdentityProvider,
    Operation::DeleteManagedLoginBranding,
    Operation::DeleteResourceServer,
    Operation::DeleteTerms,
    Operation::DeleteUserPoolClient,
    Operation::UntagResource,
    Operation::UpdateIdentityProvider,
    Operation::UpdateResourceServer,
    Operation::UpdateTerms,
    Operation::UpdateUserPoolDomain,
];

/// Every operation of Cognito that an undo calls: its own, and those of a restore.
pub const OPERATIONS: &[Operation] = &{
    let mut all = [Operation::DescribeUserPool; OWN.len() + crate::OPERATIONS.len()];
    let lists = [OWN, crate::OPERATIONS];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[at] = lists[list][index];
            at += 1;
            index += 1;
        }
        list += 1;
    }
    all
};

/// One undo, as it was asked for.
#[derive(Clone, Copy)]
pub struct Undo<'a> {
    /// What it calls.
    pub clients: &'a Clients,
    /// Where it runs.
    pub settings: &'a RestoreSettings,
    /// The point in time.
    pub point: &'a Backup,
    /// The pool.
    pub pool: &'a UserPoolId,
    /// What it is about.
    pub scope: &'a Scope,
    /// The pool is another one than that of the point in time, and is made like it.
    pub counterpart: Option<&'a Counterpart>,
}

impl Undo<'_> {
    /// Plans the undo against the pool as `now` shows it: the live pool, or a backup of the
    /// present.
    ///
    /// # Errors
    /// [`RestoreError`] when a side cannot be read, or the point in time is of another pool.
    pub async fn plan(&self, now: Side<'_>) -> Result<Plan, RestoreError> {
        Ok(self.compare(now).await?.0)
    }

    async fn compare(&self, now: Side<'_>) -> Result<(Plan, People), RestoreError> {
        if self.counterpart.is_none() && self.point.head.user_pool_id != *self.pool {
            return Err(RestoreError::PointOfOtherPool {
                point: self.point.head.user_pool_id.clone(),
                pool: self.pool.clone(),
            });
        }
        let made_again = self.made_again().await?;
        let live = compare::diff::Side::head(&now).clone();
        let compared = self.compare_with(&live, &made_again, now, &made_again);
        compared.await
    }

    /// Compares the settings with those of the pool, and the users with those of a side, who are
    /// known there by `known`.
    pub(crate) async fn compare_with(
        &self,
        live: &BackupHead,
        made_again: &MadeAgain,
        now: Side<'_>,
        known: &MadeAgain,
    ) -> Result<(Plan, People), RestoreError> {
        RestoreError::unless_decrypted(self.point)?;
        let heads = self.heads(live, made_again).await?;
        let differences = heads.differences(self.scope);
        let actions = heads.actions(&differences, self.scope);
        let people = self.compare_people(now, known).await?;
        let mut lines: Vec<String> = differences
            .iter()
            .map(|found| {
                let [first, second] = [&found.first, &found.second].map(stable);
                format!("{:?} {} {first} {second}", found.path, found.change.word())
            })
            .collect();
        lines.sort_unstable();
        let plan = Plan {
            user_pool_id: self.pool.clone(),
            point: self.point.name.clone(),
            version_id: self.point.version_id.clone(),
            scope: self.scope.clone(),
            actions,
            users: people.users,
            members_of_users: people.members_of_users.clone(),
            left_of_users: people.left_of_users.clone(),
            memberships: people.memberships,
            not_compared: heads.not_compared(self.scope),
            fingerprint: fingerprint(lines.iter().chain(&people.lines)),
        };
        Ok((plan, people))
    }

    /// What is known of users and clients that are there under other ids.
    pub(crate) async fn made_again(&self) -> Result<MadeAgain, RestoreError> {
        let workspace = &self.clients.workspace;
        let made_again = MadeAgain::read(workspace, self.pool).await?;
        let Some(made_by) = self.counterpart.and_then(|pool| pool.made_by.as_ref()) else {
            return Ok(made_again);
        };
        let from = &self.point.head.user_pool_id;
        let restored = Lineage::read(workspace, from, made_by).await?;
        Ok(made_again.after(restored))
    }

    async fn heads(
        &self,
        live: &BackupHead,
        made_again: &MadeAgain,
    ) -> Result<Heads, RestoreError> {
        let terms = match self.counterpart {
            Some(counterpart) => Some(Box::pin(counterpart.terms(self, live)).await?),
            None => None,
        };
        let point = &self.point.head;
        Ok(Heads::new(point, live, &made_again.clients, terms))
    }

    async fn compare_people(
        &self,
        now: Side<'_>,
        made_again: &MadeAgain,
    ) -> Result<People, RestoreError> {
        let is_counterpart = self.counterpart.is_some();
        People::compare(self.point, now, made_again, self.scope, is_counterpart).await
    }

    pub(crate) fn restore<'r>(
        &'r self,
        folder: &'r Folder<'r>,
        backup: &'r Backup,
        translations: &'r Translations,
        stop: &Stop,
    ) -> Restore<'r> {
        Restore {
            cognito: &self.clients.cognito,
            waf: &self.clients.waf,
            lambda: &self.clients.lambda,
            workspace: &self.clients.workspace,
            folder,
            backup,
            settings: self.settings,
            translations,
            existing: Existing::IsChanged,
            observer: &*self.clients.observer,
            stop: stop.clone(),
        }
    }

    async fn live(&self) -> Result<LivePool, RestoreError> {
        LivePool::open(&self.clients.cognito, &self.clients.waf, self.pool, true).await
    }

    pub(crate) async fn heads_now(&self) -> Result<Heads, RestoreError> {
        let made_again = self.made_again().await?;
        let live = self.live().await?;
        self.heads(live.head(), &made_again).await
    }
}
