//! The users of the pool.
//!
//! ```text
//! run           Create   call by call: create, status, attributes, groups, links, MFA, disabled
//!               SignUp   the same for users who are made by a sign-up
//! run_imports   Import   import jobs, for users that only they can make, and for large pools
//!               Finish   what a job's file cannot carry; users that no job made
//!               Merge    user-map.csv out of its parts
//! again         Again    of a resumed restore, who did not come back whole
//! ```
//!
//! [`run`] comes before the pool gets its triggers and auto-verified attributes, so that
//! sign-ups are silent; [`run_imports`] after, because jobs go by those attributes (facts C.2,
//! C.5). Both work until the stop and go on where they stopped. Nothing here sends a message
//! to a user.
//!
//! In an existing pool, only the users that are missing there are created; the others stay as they
//! are, except that they become members again of groups that are made again, or restored by name.
//! [`identity`] alone decides which user of the pool is which user of the backup.

mod again;
mod attributes;
mod crew;
mod decide;
mod engine;
mod follow;
mod foresee;
mod identity;
mod import;
mod index;
mod invite;
mod ledger;
mod lineage;
mod make;
mod memberships;
mod password;
mod passwords;
mod pipeline;
mod pool;
mod register;
mod sign_up;
mod window;

use cognito::Operation;
use model::UserPoolId;
use model::document::MfaFactors;
use model::inventory::Section;
use model::pointer::token;
use model::request::{RestoreOptions, Selection};
use model::restore::{
    Finding, FindingKind, Outcome, RestoreState, Step, UserEntry, UsersPass, UsersProgress,
};

use self::crew::{Crew, Imported};
use self::decide::Circumstances;
use self::engine::Engine;
use self::identity::{Identities, Moment};
use self::index::{Listing, UserIndex};
use self::make::Maker;
use self::memberships::MembershipTable;
use self::pipeline::Ended;
use self::pool::TargetPool;
use self::register::Register;
use self::sign_up::SignUpClient;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::{News, StepProgress, StepResult};

pub(crate) use self::again::begin_again;
pub(crate) use self::foresee::{Foresight, foresee};
pub use self::import::{ImportRow, ImportRows, seconds_until_look};
pub(crate) use self::ledger::{map_of, map_part};
pub(crate) use self::lineage::Lineage;
pub(crate) use self::make::look;
pub(crate) use self::password::random as random_password;
pub(crate) use self::passwords::must_fit;
pub use self::passwords::{BoxFuture, PasswordSource, Passwords, UserToCome};
pub(crate) use self::pool::Contact;
pub(crate) use self::window::{close_for_good, close_sign_up};

/// How far a call of [`run`] got.
pub type UsersOutcome = StepProgress;

/// Every operation of Cognito that restoring users calls.
pub const OPERATIONS: &[Operation] = &[
    Operation::AdminAddUserToGroup,
    Operation::AdminCreateUser,
    Operation::AdminDisableUser,
    Operation::AdminGetUser,
    Operation::AdminLinkProviderForUser,
    Operation::AdminSetUserMFAPreference,
    Operation::AdminSetUserPassword,
    Operation::AdminUpdateUserAttributes,
    Operation::CreateUserImportJob,
    Operation::CreateUserPoolClient,
    Operation::DeleteUserPoolClient,
    Operation::DescribeUserImportJob,
    Operation::DescribeUserPool,
    Operation::GetCSVHeader,
    Operation::ListGroups,
    Operation::ListIdentityProviders,
    Operation::ListUserImportJobs,
    Operation::ListUserPoolClients,
    Operation::ListUsers,
    Operation::SignUp,
    Operation::StartUserImportJob,
    Operation::UpdateUserPool,
];

/// What all users of an invocation have in common; owns what a [`Crew`] borrows.
struct Setting {
    target: UserPoolId,
    pool: TargetPool,
    engine: Engine,
    legacy_sub_attribute: Option<String>,
    options: RestoreOptions,
    restore_id: model::RestoreId,
}

impl Setting {
    async fn read(restore: &Restore<'_>, state: &mut RestoreState) -> Result<Self, RestoreError> {
        let target = restore.target(state)?.clone();
        let mut pool = TargetPool::read(restore, &target).await?;
        let options = state.options.clone();
        let is_new = options.target_user_pool_id.is_none();
        // A pool of its own the restore opens for a moment, and for no longer.
        pool.self_sign_up |= is_new && state.users.pass <= UsersPass::SignUp;
        let mut engine = Engine::of(restore, is_new, options.users_engine);
        // Decided once: every pass must come to the same users.
        engine.in_bulk = *state.users.in_bulk.get_or_insert(engine.in_bulk);
        self::passwords::settle(restore, state).await?;
        let legacy = restore.settings.legacy_sub_attribute.as_deref();
        let legacy_sub_attribute = legacy
            .filter(|name| !name.is_empty())
            .map(|name| format!("custom:{}", name.trim_start_matches("custom:")));
        let restore_id = state.restore_id.clone();
        Ok(Self {
            target,
            pool,
            engine,
            legacy_sub_attribute,
            options,
            restore_id,
        })
    }

    /// Those who make the users; `None` when it was to stop before they were ready.
    async fn crew<'a>(
        &'a self,
        restore: &'a Restore<'a>,
        state: &mut RestoreState,
    ) -> Result<Option<Crew<'a>>, RestoreError> {
        let before = if self.options.target_user_pool_id.is_some() {
            match UserIndex::of(Listing::Before, restore, state, &self.pool).await? {
                Some(index) => Some(index),
                None => return Ok(None),
            }
        } else {
            None
        };
        let made_by = self.pool.made_by.as_ref();
        let lineage = match made_by.filter(|id| before.is_some() && **id != state.restore_id) {
            Some(id) => {
                let from = &restore.head().user_pool_id;
                Lineage::read(restore.workspace, from, id).await?
            }
            None => Lineage::default(),
        };
        // Files carry no memberships: only the choice of users may need them there.
        let by_group = matches!(self.options.select, Some(Selection::Group(_)));
        let memberships = if state.users.pass != UsersPass::Import || by_group {
            MembershipTable::read(restore.backup, &self.pool).await?
        } else {
            MembershipTable::default()
        };
        Ok(Some(Crew {
            maker: Maker {
                restore,
                target: &self.target,
                pool: &self.pool,
                sign_up: SignUpClient::new(restore, &self.target, &self.restore_id),
                identities: Identities {
                    pool: &self.pool,
                    unknown_to_others: before.is_none()
                        && state.ended.is_none()
                        && state.resumed.is_none(),
                    before,
                    lineage,
                    register: Register::read(restore, state).await?,
                    jobs_since: self.jobs_since(state),
                },
            },
            memberships,
            circumstances: Circumstances {
                pool: &self.pool,
                legacy_sub_attribute: self.legacy_sub_attribute.as_deref(),
                import_by: &self.engine.import_by,
                in_bulk: self.engine.in_bulk,
                sign_up: state.users.pass <= UsersPass::SignUp,
                mfa_factors: MfaFactors::of(restore.head()),
                known_passwords: restore.settings.passwords.are_known(),
            },
            options: &self.options,
            groups_made: state.users.groups_made.clone().unwrap_or_default(),
        }))
    }

    /// From when on only import jobs make users; never while people can sign up.
    fn jobs_since(&self, state: &RestoreState) -> Option<Moment> {
        let began = state.users.import.as_ref()?.began_millis?;
        (!self.pool.self_sign_up).then_some(Moment(began))
    }
}

/// Makes the users, or goes on making them, until the stop; saves its own progress.
///
/// Users that an import job is to make are left to [`run_imports`], which must be called after
/// the final settings of the pool even if there are none: it also finishes the user map.
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub async fn run(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<UsersOutcome, RestoreError> {
    if state.users.pass > UsersPass::SignUp {
        return Ok(result(state).into());
    }
    let setting = Setting::read(restore, state).await?;
    let Some(crew) = setting.crew(restore, state).await? else {
        return Ok(StepProgress::InProgress);
    };
    let register = &crew.maker.identities.register;
    if state.users.pass == UsersPass::Create {
        let ended = pipeline::run(restore, state, register, |record| crew.make(record)).await?;
        if ended == Ended::Stopped {
            return Ok(StepProgress::InProgress);
        }
        let mut notes = lacking_groups(&crew.memberships);
        notes.extend(setting.engine.note.clone());
        notes.extend(restore.settings.passwords.note());
        state.users.notes = notes;
        turn_to(UsersPass::SignUp, restore, state).await?;
    }
    if state.users.left_to_sign_up > 0 {
        window::open(restore, state).await?;
        let ended = pipeline::run(restore, state, register, |record| crew.sign_up(record)).await;
        close_sign_up(restore, state).await?;
        if ended? == Ended::Stopped {
            return Ok(StepProgress::InProgress);
        }
    }
    let next = if state.users.left_to_import > 0 {
        UsersPass::Import
    } else {
        UsersPass::Merge
    };
    turn_to(next, restore, state).await?;
    tracing::info!(
        restored = state.users.counts.restored,
        left_to_import = state.users.left_to_import,
        "users made by calls"
    );
    Ok(result(state).into())
}

/// Brings users back by import jobs, finishes them, and writes the user map. Runs after the
/// final settings of the pool; its result stands in the place of that of [`run`].
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub async fn run_imports(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<UsersOutcome, RestoreError> {
    loop {
        match state.users.pass {
            // The users did not get through: there is nothing to go on from.
            UsersPass::Create | UsersPass::SignUp => return Ok(result(state).into()),
            UsersPass::Done => {
                let mut news = News::default();
                if state.users.invitation_parts > 0 {
                    let (region, root) = (&restore.settings.region, restore.workspace.address(""));
                    news.manual(invite::again(region, &root, state));
                }
                return Ok(result(state).telling(news).into());
            }
            UsersPass::Import => match import(restore, state).await? {
                import::Next::Build => {}
                import::Next::Later(later) => return Ok(later),
                import::Next::Through => turn_to(UsersPass::Finish, restore, state).await?,
            },
            UsersPass::Finish => {
                if finish(restore, state).await? == Ended::Stopped {
                    return Ok(StepProgress::InProgress);
                }
                turn_to(UsersPass::Merge, restore, state).await?;
            }
            UsersPass::Again => {
                if again::run(restore, state).await? == Ended::Stopped {
                    return Ok(StepProgress::InProgress);
                }
                turn_to(UsersPass::Merge, restore, state).await?;
            }
            UsersPass::Merge => {
                merge(restore, state).await?;
                turn_to(UsersPass::Done, restore, state).await?;
            }
        }
    }
}

/// Looks at the import job, or gives the next one its file.
async fn import(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<import::Next, RestoreError> {
    let next = import::look(restore, state).await?;
    if next != import::Next::Build {
        return Ok(next);
    }
    let setting = Setting::read(restore, state).await?;
    match setting.crew(restore, state).await? {
        Some(crew) => import::next_file(restore, state, &crew).await,
        None => Ok(import::Next::Later(StepProgress::InProgress)),
    }
}

/// Adds to imported users what a file cannot carry.
async fn finish(restore: &Restore<'_>, state: &mut RestoreState) -> Result<Ended, RestoreError> {
    let setting = Setting::read(restore, state).await?;
    let Some(crew) = setting.crew(restore, state).await? else {
        return Ok(Ended::Stopped);
    };
    let users = match setting.jobs_since(state) {
        Some(since) => {
            let listing = Listing::AfterImport { since };
            match UserIndex::of(listing, restore, state, &setting.pool).await? {
                Some(index) => index,
                None => return Ok(Ended::Stopped),
            }
        }
        None => UserIndex::default(),
    };
    let header = import::header(restore, &setting.target).await?;
    let imported = Imported {
        users: &users,
        header: &header,
    };
    let register = &crew.maker.identities.register;
    pipeline::run(restore, state, register, |record| {
        crew.finish(record, &imported)
    })
    .await
}

/// Goes on with the next pass, from the first user.
async fn turn_to(
    pass: UsersPass,
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(), RestoreError> {
    state.users.pass = pass;
    state.users.offset = None;
    restore.save(state).await
}

/// What became of the users so far. The news about single users is in `state.users`.
fn result(state: &mut RestoreState) -> StepResult {
    let count = state.users.counts.restored;
    let outcome = if state.users.counts.seen + state.users.left_to_import == 0 {
        Outcome::NothingToDo
    } else {
        Outcome::Restored { count }
    };
    // The record of the first call is brought up to date by the second.
    if let Some(record) = state
        .steps
        .iter_mut()
        .find(|record| record.step == Step::Users)
    {
        record.outcome = outcome.clone();
        record.findings = state.users.notes.clone();
    }
    let mut result = StepResult::new(outcome);
    result.findings = state.users.notes.clone();
    result
}

fn lacking_groups(memberships: &MembershipTable) -> Vec<Finding> {
    let finding = |(group, count): (&str, u64)| {
        let reason =
            format!("{count} memberships did not come back: the pool has no group {group}");
        Finding::new(FindingKind::Degraded, group, reason)
            .announcing(Section::GroupMemberships, &token(group))
    };
    memberships.lacking().map(finding).collect()
}

/// Joins the parts of the user map, and those of the list of users to invite.
async fn merge(restore: &Restore<'_>, state: &RestoreState) -> Result<(), RestoreError> {
    let id = &state.restore_id;
    let parts = (1..=state.users.map_parts).map(|number| UsersProgress::map_part_key(id, number));
    let to = id.object_key(UserEntry::OBJECT);
    let header = ledger::MAP_HEADER.to_vec();
    let workspace = restore.workspace;
    workspace.join(header, parts, &to, "text/csv").await?;
    if state.users.invitation_parts > 0 {
        let numbers = 1..=state.users.invitation_parts;
        let parts = numbers.map(|number| UsersProgress::invitation_part_key(id, number));
        let to = id.object_key(UsersProgress::INVITATIONS);
        let kind = "application/jsonl";
        workspace.join(Vec::new(), parts, &to, kind).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
