//! What a restore of the users would come to, for a dry run: every user is decided, none is made.

use cognito::Category;
use model::document::{MfaFactors, UserRecord};
use model::inventory::Section;
use model::request::RestoreOptions;
use model::restore::{Finding, FindingKind, RestoreState, UsersForeseen, UsersProgress};

use super::decide::{Circumstances, Decision, Way, decide};
use super::engine::Engine;
use super::pool::TargetPool;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::{News, StepResult};

/// How many users are read between two looks at the clock.
const BETWEEN_LOOKS: u64 = 1_000;

/// Calls by quota category.
#[derive(Debug, Default, PartialEq, Eq)]
struct Calls {
    creation: u64,
    recovery: u64,
    update: u64,
    resource_update: u64,
}

impl Calls {
    /// The seconds that the slowest category takes, and its calls a second: the categories work
    /// side by side.
    fn slowest(&self, rate: impl Fn(Category) -> f64) -> (f64, f64) {
        [
            (self.creation, Category::UserCreation),
            (self.recovery, Category::UserAccountRecovery),
            (self.update, Category::UserUpdate),
            (self.resource_update, Category::UserResourceUpdate),
        ]
        .into_iter()
        .map(|(calls, category)| (calls as f64 / rate(category), rate(category)))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .unwrap_or_default()
    }
}

/// What decides about users that are not made: the pool as it would be, and its engine.
pub(crate) struct Foresight {
    pool: TargetPool,
    engine: Engine,
    mfa_factors: MfaFactors,
    known_passwords: bool,
}

impl Foresight {
    /// For a restore with these options.
    ///
    /// # Errors
    /// [`RestoreError`] when the pool to restore into cannot be read.
    pub(crate) async fn of(
        restore: &Restore<'_>,
        options: &RestoreOptions,
    ) -> Result<Self, RestoreError> {
        let existing = match &options.target_user_pool_id {
            Some(pool) => Some(TargetPool::read(restore, pool).await?),
            None => None,
        };
        let engine = Engine::of(restore, existing.is_none(), options.users_engine);
        let pool = existing.unwrap_or_else(|| TargetPool {
            // The new pool is open and silent while users are made.
            self_sign_up: true,
            has_sign_up_trigger: false,
            auto_verified: Vec::new(),
            ..TargetPool::from_settings(restore.head().user_pool())
        });
        Ok(Self {
            pool,
            engine,
            mfa_factors: MfaFactors::of(restore.head()),
            known_passwords: restore.settings.passwords.are_known(),
        })
    }

    fn decide(&self, user: &UserRecord) -> Decision {
        let circumstances = Circumstances {
            pool: &self.pool,
            legacy_sub_attribute: None,
            import_by: &self.engine.import_by,
            in_bulk: self.engine.in_bulk,
            sign_up: true,
            mfa_factors: self.mfa_factors,
            known_passwords: self.known_passwords,
        };
        decide(user, &circumstances)
    }

    /// What a restore would have to tell of the user.
    pub(crate) fn findings(&self, user: &UserRecord) -> Vec<Finding> {
        match self.decide(user) {
            Decision::Federated => Vec::new(),
            Decision::Impossible(finding) => vec![finding],
            Decision::Make(plan) => plan.findings,
        }
    }
}

/// Decides every user of the backup and tells how many would come back, by which engine, and
/// how long it takes.
///
/// # Errors
/// [`RestoreError`] when the backup or the pool to restore into cannot be read.
pub(crate) async fn foresee(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepResult, RestoreError> {
    let foresight = Foresight::of(restore, &state.options).await?;
    let mut news = News::default();
    news.findings.extend(foresight.engine.note.clone());
    let mut calls = Calls::default();
    let mut foreseen = UsersForeseen::default();
    let mut users = restore.backup.users(None).await?;
    while let Some(line) = users.next().await? {
        foreseen.seen += 1;
        if foreseen.seen.is_multiple_of(BETWEEN_LOOKS) && restore.stop.is_requested() {
            let reason = format!(
                "only the first {} users were looked at: there was no time for more",
                foreseen.seen
            );
            let kind = FindingKind::Skipped;
            news.finding(Finding::new(kind, Section::Users.member(), reason));
            break;
        }
        match foresight.decide(&line.record) {
            Decision::Federated => foreseen.federated += 1,
            Decision::Impossible(finding) => {
                foreseen.impossible += 1;
                if news.findings.len() < UsersProgress::FINDINGS_IN_REPORT {
                    news.finding(finding);
                }
            }
            Decision::Make(plan) => {
                if plan.way.is_import() {
                    foreseen.by_import += 1;
                } else {
                    foreseen.by_calls += 1;
                    calls.creation += 1;
                }
                calls.recovery += u64::from(plan.way == Way::PermanentPassword);
                calls.update += u64::from(plan.disable) + plan.links.len() as u64;
                calls.resource_update += u64::from(!plan.mfa.is_empty());
            }
        }
    }
    calls.update += restore.backup.trailer.memberships;
    let pacer = restore.cognito.pacer();
    let (seconds, calls_per_second) = calls.slowest(|category| pacer.rate(category));
    // Below 2^53 for any number of users.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let seconds = seconds.ceil() as u64;
    let foreseen = UsersForeseen {
        seconds,
        calls_per_second,
        ..foreseen
    };
    let come_back = foreseen.come_back();
    state.users.foreseen = Some(foreseen);
    Ok(StepResult::restored(come_back).telling(news))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_category_sets_the_time() {
        let calls = Calls {
            creation: 1_000_000,
            recovery: 1_000_000,
            update: 1_000_000,
            resource_update: 0,
        };
        // Facts E: one million memberships at 25 a second take 11.1 hours.
        assert_eq!(calls.slowest(Category::default_quota), (40_000.0, 25.0));
        let raised = |category| match category {
            Category::UserUpdate => 250.0,
            category => category.default_quota(),
        };
        assert_eq!(
            calls.slowest(raised).1,
            Category::UserAccountRecovery.default_quota()
        );
        assert_eq!(Calls::default().slowest(Category::default_quota).0, 0.0);
    }
}
