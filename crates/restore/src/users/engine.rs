//! By which way the users of a restore are made: by calls, or by import jobs.

use model::inventory::Section;
use model::request::UsersEngine;
use model::restore::{Finding, FindingKind};

use super::pool::{Contact, TargetPool};
use crate::context::Restore;

/// From this number of users on, import jobs are the better way: by calls, one user takes a
/// thirtieth of a second (AdminSetUserPassword, facts E), so these take one invocation of a
/// quarter of an hour, while a job makes them in the time of its queue. They are also not billed
/// as active users (facts C.5).
pub(super) const IN_BULK_FROM: u64 = 25_000;

/// How users are made, the same for all invocations of a restore.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Engine {
    /// The contacts that import jobs go by; none, no import jobs.
    pub(super) import_by: Vec<Contact>,
    /// Whether jobs make `CONFIRMED` users too, not only `RESET_REQUIRED` ones, whom nothing
    /// else makes in silence.
    pub(super) in_bulk: bool,
    /// What to tell when import jobs were asked for and cannot be.
    pub(super) note: Option<Finding>,
}

impl Engine {
    /// The way for this restore.
    ///
    /// Jobs need a role for their log and a pool with auto-verified attributes (facts C.5), which
    /// a new pool gets at the end. They make nobody in an existing pool: a job does not tell
    /// whom it made, and people come and go there.
    pub(super) fn of(restore: &Restore<'_>, is_new: bool, wanted: UsersEngine) -> Self {
        let has_role = restore
            .settings
            .import_role_arn
            .as_ref()
            .is_some_and(|role| !role.is_empty());
        Self::choose(
            wanted,
            restore.backup.trailer.users,
            is_new,
            has_role,
            TargetPool::auto_verified_in(restore.head().user_pool()),
            restore.settings.passwords.are_known(),
        )
    }

    fn choose(
        wanted: UsersEngine,
        users: u64,
        is_new: bool,
        has_role: bool,
        auto_verified: Vec<Contact>,
        known_passwords: bool,
    ) -> Self {
        let hindrance = if !is_new {
            Some(
                "the pool is in use, and users whom a job made cannot be told there from others of the same name",
            )
        } else if known_passwords {
            Some("import jobs give no temporary passwords")
        } else if !has_role {
            Some("the restore has no role for the logs of import jobs (parameter ImportRoleArn)")
        } else if auto_verified.is_empty() {
            Some("the pool has no auto-verified attributes, which import jobs go by")
        } else {
            None
        };
        let note = hindrance
            .filter(|_| wanted == UsersEngine::Import)
            .map(|hindrance| {
                let reason =
                    format!("all users were made call by call, not by import jobs: {hindrance}");
                Finding::new(FindingKind::Skipped, Section::Users.member(), reason)
            });
        let in_bulk = match wanted {
            UsersEngine::Api => false,
            UsersEngine::Import => hindrance.is_none(),
            UsersEngine::Auto => hindrance.is_none() && users >= IN_BULK_FROM,
        };
        let import_by = if hindrance.is_none() {
            auto_verified
        } else {
            Vec::new()
        };
        Self {
            import_by,
            in_bulk,
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn large_pools_are_imported_where_jobs_can_be() {
        let email = || vec![Contact::Email];
        for (wanted, users, is_new, has_role, auto_verified, in_bulk, jobs, told) in [
            (UsersEngine::Auto, 24_999, true, true, email(), false, true, false),
            (UsersEngine::Auto, 25_000, true, true, email(), true, true, false),
            (UsersEngine::Auto, 25_000, true, false, email(), false, false, false),
            (UsersEngine::Auto, 25_000, true, true, vec![], false, false, false),
            (UsersEngine::Auto, 25_000, false, true, email(), false, false, false),
            (UsersEngine::Api, 1_000_000, true, true, email(), false, true, false),
            (UsersEngine::Import, 1, true, true, email(), true, true, false),
            (UsersEngine::Import, 1, true, false, email(), false, false, true),
            (UsersEngine::Import, 1, true, true, vec![], false, false, true),
            (UsersEngine::Import, 1, false, true, email(), false, false, true),
        ] {
            let engine = Engine::choose(wanted, users, is_new, has_role, auto_verified, false);
            let found = (
                engine.in_bulk,
                !engine.import_by.is_empty(),
                engine.note.is_some(),
            );
            assert_eq!(
                found,
                (in_bulk, jobs, told),
                "{wanted:?} {users} {is_new} {has_role}"
            );
        }
    }
}
