//! A dry run: what each step would do, told from backup, map and target Region. Changes nothing.

use model::restore::{Outcome, RestoreState, Step};

use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::StepProgress;
use crate::{steps, users};

/// What the step would do: its findings and manual steps as far as they can be told beforehand.
///
/// # Errors
/// [`RestoreError`] when backup or target Region cannot be read.
pub(crate) async fn preview(
    step: Step,
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let mut result = match step {
        Step::Users => users::foresee(restore, state).await?,
        _ => steps::preview::settings(step, restore, state).await?,
    };
    if restore.stop.is_signalled() {
        return Ok(StepProgress::InProgress);
    }
    // Nothing came back: a report must not count it.
    if let Outcome::Restored { count } = result.outcome {
        let reason = format!("dry run: {count} would come back");
        result.outcome = Outcome::Skipped { reason };
    }
    Ok(result.into())
}
