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
use vault::Backup;

use crate::context::{Clients, Existing, Restore, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::side::{LivePool, Side};
use crate::translate::Translations;

mod carry_out;
mod fingerprint;
mod heads;
mod invocation;
mod made_again;
mod page;
mod pairs;
mod people;
mod plan;
mod remembered;
mod report;
mod scope;
mod settings;
pub mod table;
mod users;
mod verdicts;
mod verify;
mod wanted;

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
        if self.point.head.user_pool_id != *self.pool {
            return Err(RestoreError::PointOfOtherPool {
                point: self.point.head.user_pool_id.clone(),
                pool: self.pool.clone(),
            });
        }
        RestoreError::unless_decrypted(self.point)?;
        let made_again = MadeAgain::read(&self.clients.workspace, self.pool).await?;
        let live = compare::diff::Side::head(&now);
        let heads = Heads::new(&self.point.head, live, &made_again.clients);
        let differences = heads.differences(self.scope);
        let actions = heads.actions(&differences, self.scope);
        let people = People::compare(self.point, now, &made_again, self.scope).await?;
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

    fn restore<'r>(
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

    async fn heads_now(&self) -> Result<Heads, RestoreError> {
        let made_again = MadeAgain::read(&self.clients.workspace, self.pool).await?;
        let live = self.live().await?;
        Ok(Heads::new(
            &self.point.head,
            live.head(),
            &made_again.clients,
        ))
    }
}
