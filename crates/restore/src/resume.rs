//! Going on with a restore that was reported, after its operator mended what was wrong: the
//! operator's map, a role, a domain that somebody else held.
//!
//! An invocation that merely comes again finds a state without a report, or with one that its own
//! execution wrote, and goes on where the last one stopped. One that finds a report of another
//! begins again every step that did not bring back
//! everything, and every step that goes by the operator's map, which may say more by now. Each
//! looks what is there before it makes anything.

use jiff::Timestamp;
use model::restore::{Outcome, RestoreState, Step, StepRecord};

use crate::context::Restore;
use crate::error::RestoreError;
use crate::{users, verify};

/// Makes ready what is to be tried again of a restore that was reported, by `driver`.
///
/// # Errors
/// [`RestoreError`] when the bucket does not give or take what is remembered.
pub(crate) async fn begin_again(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    driver: Option<&str>,
) -> Result<(), RestoreError> {
    verify::forget(restore, state).await?;
    let again = incomplete(&state.steps);
    state
        .steps
        .retain(|record| !again.contains(&record.step) && !BY_THE_MAP.contains(&record.step));
    users::begin_again(restore, state, &again).await?;
    tracing::info!(?again, "the restore is resumed");
    state.resumed = Some(Timestamp::now());
    state.ended = None;
    // Last: a death before it is one before the whole.
    state.reported = None;
    state.driver = driver.map(str::to_owned);
    restore.save(state).await
}

/// The steps whose result the map decides, whatever they told: the comparison goes by the map as
/// it is now.
const BY_THE_MAP: &[Step] = &[
    Step::UserPool,
    Step::IdentityProviders,
    Step::Groups,
    Step::AppClients,
    Step::MfaConfiguration,
    Step::RiskConfiguration,
    Step::LogDelivery,
    Step::FinalSettings,
    Step::WebAcl,
    Step::Domains,
];

/// The steps that lost something or left something to the operator, and those that follow from
/// them without telling it.
pub(crate) fn incomplete(records: &[StepRecord]) -> Vec<Step> {
    let mut again: Vec<Step> = Vec::new();
    for record in records {
        let is_incomplete = matches!(record.outcome, Outcome::Failed { .. })
            || record.findings.iter().any(|finding| finding.kind.is_loss())
            // Invited users wait for their invitation, and for nothing that could be mended.
            || (record.step != Step::Users && !record.manual_steps.is_empty());
        let follows = match record.step {
            Step::Passkeys | Step::UiCustomization => Some(Step::Domains),
            Step::SelfSignUp => Some(Step::FinalSettings),
            // Memberships and links of users.
            Step::Users => Some(Step::Groups),
            _ => None,
        };
        if is_incomplete || follows.is_some_and(|before| again.contains(&before)) {
            again.push(record.step);
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::restore::{Finding, FindingKind, ManualStep};

    fn record(step: Step) -> StepRecord {
        StepRecord {
            step,
            outcome: Outcome::Restored { count: 1 },
            findings: Vec::new(),
            manual_steps: Vec::new(),
            began: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_came_back_whole_or_differs_as_expected_is_complete() {
        let mut expected = record(Step::Domains);
        let finding = |kind| Finding::new(kind, "item", "reason");
        expected.findings = vec![
            finding(FindingKind::Expected),
            finding(FindingKind::Skipped),
        ];
        let mut users = record(Step::Users);
        users.manual_steps = vec![ManualStep::new(
            "Invite them again",
            "nobody knows their password",
        )];
        let records = [
            record(Step::UserPool),
            users,
            expected,
            record(Step::Passkeys),
        ];
        assert!(incomplete(&records).is_empty());
    }

    #[test]
    fn what_failed_lost_something_or_was_left_to_the_operator_is_incomplete() {
        let mut failed = record(Step::WebAcl);
        failed.outcome = Outcome::Failed { error: "no".into() };
        let mut degraded = record(Step::Groups);
        let finding = Finding::new(FindingKind::Degraded, "admins", "without its role");
        degraded.findings.push(finding);
        let mut left = record(Step::Domains);
        left.manual_steps.push(ManualStep::new("do it", "why"));
        let records = [
            record(Step::UserPool),
            degraded,
            record(Step::Users),
            failed,
            left,
            record(Step::Passkeys),
            record(Step::UiCustomization),
            record(Step::SelfSignUp),
        ];
        assert_eq!(
            incomplete(&records),
            [
                Step::Groups,
                Step::Users,
                Step::WebAcl,
                Step::Domains,
                Step::Passkeys,
                Step::UiCustomization
            ]
        );
    }
}
