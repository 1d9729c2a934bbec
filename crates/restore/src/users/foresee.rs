//! What a restore of the users would come to, for a dry run: every user is decided, none is made.

use std::time::Duration;

use cognito::Category;
use model::document::MfaFactors;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState, UsersProgress};

use super::decide::{Circumstances, Decision, Way, decide};
use super::engine::Engine;
use super::pool::TargetPool;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::{News, StepResult};

/// How many users are read between two looks at the clock.
const BETWEEN_LOOKS: u64 = 1_000;
/// The rate of an import job is Cognito's secret (facts E); it is told as such.
const UNKNOWN_RATE: &str = "users by import jobs, whose speed Cognito does not tell";

/// Calls by quota category.
#[derive(Debug, Default, PartialEq, Eq)]
struct Calls {
    creation: u64,
    recovery: u64,
    update: u64,
    resource_update: u64,
}

impl Calls {
    /// The time that the slowest category takes; the categories work side by side.
    fn duration(&self, rate: impl Fn(Category) -> f64) -> Duration {
        let slowest = [
            (self.creation, Category::UserCreation),
            (self.recovery, Category::UserAccountRecovery),
            (self.update, Category::UserUpdate),
            (self.resource_update, Category::UserResourceUpdate),
        ]
        .into_iter()
        .map(|(calls, category)| calls as f64 / rate(category))
        .fold(0.0, f64::max);
        Duration::from_secs_f64(slowest)
    }
}

/// Decides every user of the backup and tells who would not come back and how long it takes.
///
/// # Errors
/// [`RestoreError`] when the backup or the pool to restore into cannot be read.
pub(crate) async fn foresee(
    restore: &Restore<'_>,
    state: &RestoreState,
) -> Result<StepResult, RestoreError> {
    let existing = match &state.options.target_user_pool_id {
        Some(pool) => Some(TargetPool::read(restore, pool).await?),
        None => None,
    };
    let engine = Engine::of(restore, existing.is_none(), state.options.users_engine);
    let pool = match existing {
        Some(pool) => pool,
        None => TargetPool {
            // The new pool is open and silent while users are made.
            self_sign_up: true,
            has_sign_up_trigger: false,
            auto_verified: Vec::new(),
            ..TargetPool::from_settings(restore.head().user_pool())
        },
    };
    let circumstances = Circumstances {
        pool: &pool,
        legacy_sub_attribute: None,
        import_by: &engine.import_by,
        in_bulk: engine.in_bulk,
        sign_up: true,
        mfa_factors: MfaFactors::of(restore.head()),
    };
    let mut news = News::default();
    news.findings.extend(engine.note.clone());
    let mut calls = Calls::default();
    let (mut seen, mut made, mut imported, mut federated, mut impossible) = (0u64, 0, 0, 0, 0u64);
    let mut users = restore.backup.users(None).await?;
    while let Some(line) = users.next().await? {
        seen += 1;
        if seen.is_multiple_of(BETWEEN_LOOKS) && restore.time_left().is_zero() {
            let reason =
                format!("only the first {seen} users were looked at: there was no time for more");
            news.finding(Finding::new(
                FindingKind::Skipped,
                Section::Users.member(),
                reason,
            ));
            break;
        }
        match decide(&line.record, &circumstances) {
            Decision::Federated => federated += 1,
            Decision::Impossible(finding) => {
                impossible += 1;
                if news.findings.len() < UsersProgress::FINDINGS_IN_REPORT {
                    news.finding(finding);
                }
            }
            Decision::Make(plan) => {
                made += 1;
                if plan.way.is_import() {
                    imported += 1;
                } else {
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
    let duration = calls.duration(|category| pacer.rate(category));
    let minutes = duration.as_secs().div_ceil(60);
    let mut told = format!(
        "{made} of {seen} users would come back, in some {minutes} minutes at the share of the quotas that was given"
    );
    if imported > 0 {
        told.push_str(&format!("; {imported} of them are {UNKNOWN_RATE}"));
    }
    if federated > 0 {
        told.push_str(&format!(
            "; {federated} federated profiles are made by Cognito at the next sign-in"
        ));
    }
    if impossible > 0 {
        told.push_str(&format!("; {impossible} cannot be made"));
    }
    let mut all = News::default();
    all.finding(Finding::new(
        FindingKind::Skipped,
        Section::Users.member(),
        told,
    ));
    all.extend(news);
    Ok(StepResult::restored(made).telling(all))
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
        assert_eq!(calls.duration(Category::default_quota).as_secs(), 40_000);
        assert_eq!(
            Calls::default().duration(Category::default_quota).as_secs(),
            0
        );
    }
}
