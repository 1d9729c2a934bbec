//! The plan of a restore: all steps, in order, and what an invocation does about them.

use std::pin::pin;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use model::observe::{Activity, Ending, Event};
use model::restore::{FindingCounts, Outcome, RestoreState, Step, UsersPass};

use crate::context::Restore;
use crate::error::{RestoreError, is_passing};
use crate::step::{StepProgress, StepResult};
use crate::{dry_run, rehearsal, standby, steps, users};

/// How often a step is begun again in one invocation after an error that may pass.
const TRIES: u32 = 3;
/// What a step may take after a stop was requested before it is broken off: the next invocation
/// looks what it had done.
const GRACE: Duration = Duration::from_secs(20);

/// How far the plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanProgress {
    /// All steps are recorded.
    Done,
    /// The stop came first.
    InProgress(Step),
    /// A step waits for something outside.
    Waiting {
        /// The step.
        step: Step,
        /// When to look again.
        seconds: u32,
    },
}

/// One step. Read from top to bottom, this is the restore; each function says why it stands
/// where it stands.
///
/// The door opens last. Until the users are there, and with them everything that guards the
/// pool (triggers, web ACL), it has no page and lets nobody sign up, but for the moment in which
/// UNCONFIRMED users are made. A restore that ends before its end leaves it so.
///
/// Each step lies on the heap: all of them in one future would not fit onto a thread's stack.
fn carry_out<'a>(
    step: Step,
    restore: &'a Restore<'_>,
    state: &'a mut RestoreState,
) -> LocalBoxFuture<'a, Result<StepProgress, RestoreError>> {
    match step {
        Step::Preflight => Box::pin(steps::preflight::preflight(restore, state)),
        Step::UserPool => Box::pin(steps::user_pool::user_pool(restore, state)),
        Step::CustomAttributes => {
            Box::pin(steps::custom_attributes::custom_attributes(restore, state))
        }
        Step::ResourceServers => {
            Box::pin(steps::resource_servers::resource_servers(restore, state))
        }
        Step::IdentityProviders => Box::pin(steps::identity_providers::identity_providers(
            restore, state,
        )),
        Step::Groups => Box::pin(steps::groups::groups(restore, state)),
        Step::AppClients => Box::pin(steps::app_clients::app_clients(restore, state)),
        Step::MfaConfiguration => {
            Box::pin(steps::mfa_configuration::mfa_configuration(restore, state))
        }
        Step::ManagedLoginBranding => Box::pin(
            steps::managed_login_branding::managed_login_branding(restore, state),
        ),
        Step::Terms => Box::pin(steps::terms::terms(restore, state)),
        Step::RiskConfiguration => Box::pin(steps::risk_configuration::risk_configuration(
            restore, state,
        )),
        Step::LogDelivery => Box::pin(steps::log_delivery::log_delivery(restore, state)),
        Step::SessionConfiguration => Box::pin(
            steps::session_configuration::session_configuration(restore, state),
        ),
        Step::Users => Box::pin(restore_users(restore, state)),
        Step::FinalSettings => Box::pin(steps::final_settings::final_settings(restore, state)),
        Step::WebAcl => Box::pin(steps::web_acl::web_acl(restore, state)),
        Step::Domains => Box::pin(steps::domains::domains(restore, state)),
        Step::Passkeys => Box::pin(steps::mfa_configuration::passkeys(restore, state)),
        Step::UiCustomization => {
            Box::pin(steps::ui_customization::ui_customization(restore, state))
        }
        Step::SelfSignUp => Box::pin(steps::self_sign_up::self_sign_up(restore, state)),
    }
}

/// The users, in two halves. Sign-ups are silent only while the pool verifies nothing by itself;
/// import jobs go by the attributes that it does verify. Triggers come after both (facts A.4,
/// C.2, C.5). An existing pool has its settings, and keeps them.
async fn restore_users(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let made = Box::pin(users::run(restore, state)).await?;
    if !matches!(made, StepProgress::Done(_)) {
        return Ok(made);
    }
    if state.users.pass == UsersPass::Import
        && state.users.import.is_none()
        && state.options.target_user_pool_id.is_none()
    {
        let pool = restore.target(state)?;
        steps::final_settings::verify_attributes_automatically(restore, pool).await?;
    }
    Box::pin(users::run_imports(restore, state)).await
}

/// Whether a restore without it is none.
fn is_essential(step: Step) -> bool {
    matches!(
        step,
        Step::Preflight
            | Step::UserPool
            | Step::CustomAttributes
            | Step::Groups
            | Step::AppClients
            | Step::Users
            | Step::FinalSettings
            | Step::SelfSignUp
    )
}

/// Why the options leave a step out, if they do.
fn left_out(step: Step, state: &RestoreState) -> Option<&'static str> {
    let options = &state.options;
    if step == Step::Preflight {
        None
    } else if options.verify.is_some() {
        Some("the pool is only compared with the backup")
    } else if options.target_user_pool_id.is_some() && !matches!(step, Step::Groups | Step::Users) {
        Some("the settings of an existing pool are never changed")
    } else {
        None
    }
}

/// Goes on with the plan until it is through or is to stop. Each step is recorded, and
/// the state saved, as soon as it is finished.
///
/// However this ends, nobody can sign up by what the restore opened for itself; an invocation
/// that died is made up for before anything else.
///
/// # Errors
/// [`RestoreError`] of an essential step, and of everything that is not Cognito's refusal.
pub async fn go_on(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<PlanProgress, RestoreError> {
    users::close_sign_up(restore, state).await?;
    let progress = carry_out_all(restore, state).await;
    match (users::close_sign_up(restore, state).await, progress) {
        (Err(error), Ok(_)) => Err(error),
        (closed, progress) => {
            if let Err(error) = closed {
                tracing::error!(%error, "sign-up is still open; the next invocation closes it");
            }
            progress
        }
    }
}

async fn carry_out_all(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<PlanProgress, RestoreError> {
    for step in Step::ALL.iter().copied() {
        if state.record(step).is_some() {
            continue;
        }
        if restore.stop.is_requested() {
            return Ok(PlanProgress::InProgress(step));
        }
        let began = Timestamp::now();
        let activity = Activity::Step { step };
        restore.observer.event(Event::Began {
            activity: activity.clone(),
        });
        let progress = if let Some(reason) = left_out(step, state) {
            StepResult::skipped(reason).into()
        } else if let Some(left_out) = rehearsal::left_out(step, state, restore.head()) {
            left_out.into()
        } else if let Some(left_out) = standby::left_out(step, state, restore.head()) {
            left_out.into()
        } else if state.options.dry_run && step != Step::Preflight {
            dry_run::preview(step, restore, state).await?
        } else {
            persist(step, restore, state).await?
        };
        restore.observer.event(ended(activity, &progress));
        match progress {
            StepProgress::InProgress => return Ok(PlanProgress::InProgress(step)),
            StepProgress::Waiting { seconds } => {
                return Ok(PlanProgress::Waiting { step, seconds });
            }
            StepProgress::Done(result) => record(step, result, began, restore, state).await?,
        }
    }
    if state.ended.is_none() {
        state.ended = Some(Timestamp::now());
        restore.save(state).await?;
    }
    Ok(PlanProgress::Done)
}

fn ended(activity: Activity, progress: &StepProgress) -> Event {
    match progress {
        StepProgress::Done(result) => Event::Ended {
            activity,
            ending: Ending::from(&result.outcome),
            findings: FindingCounts::of(&result.findings),
            manual_steps: result.manual_steps.len() as u64,
        },
        StepProgress::InProgress | StepProgress::Waiting { .. } => Event::Ended {
            activity,
            ending: Ending::Interrupted,
            findings: FindingCounts::default(),
            manual_steps: 0,
        },
    }
}

async fn record(
    step: Step,
    result: StepResult,
    began: Timestamp,
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(), RestoreError> {
    match &result.outcome {
        Outcome::Failed { error } => tracing::warn!(%step, error, "step failed"),
        outcome => tracing::info!(
            %step,
            ?outcome,
            findings = result.findings.len(),
            manual_steps = result.manual_steps.len(),
            "step finished"
        ),
    }
    state.keep(result.record(step, began));
    restore.save(state).await
}

/// Carries a step out, again after errors that may pass: a step looks before it creates, so it
/// can begin again. A step that the pool can do without is recorded as failed in the end, unless
/// Cognito is out altogether.
async fn persist(
    step: Step,
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let mut limit = pin!(restore.stop.requested_for(GRACE));
    let mut tries = 1;
    loop {
        let error = tokio::select! {
            done = carry_out(step, restore, state) => match done {
                Ok(progress) => return Ok(progress),
                Err(error) => error,
            },
            () = &mut limit => return Ok(StepProgress::InProgress),
        };
        let Some(refusal) = error.cognito().cloned() else {
            return Err(error);
        };
        if restore.stop.is_signalled() {
            // It may be the stop that the step failed of. The next invocation will see.
            return Ok(StepProgress::InProgress);
        }
        if is_passing(&refusal) && tries < TRIES {
            tracing::warn!(%step, code = refusal.code, tries, "the step begins again");
            let pause = Duration::from_millis(500) * tries;
            if !restore.stop.sleep(pause).await {
                return Ok(StepProgress::InProgress);
            }
            tries += 1;
            continue;
        }
        if is_essential(step) || (is_passing(&refusal) && is_out(restore, state).await) {
            return Err(RestoreError::Step {
                step,
                source: refusal,
            });
        }
        return Ok(StepResult::failed(refusal).into());
    }
}

/// Whether Cognito as a whole does not answer now. Then the state machine waits: an hour without
/// Cognito must not cost a pool all that it can do without. An operation that fails alone, while
/// others are answered, costs its own step.
async fn is_out(restore: &Restore<'_>, state: &RestoreState) -> bool {
    let Some(pool) = &state.new_user_pool_id else {
        return false;
    };
    let looked = steps::described(restore, pool).await;
    looked.is_err_and(|error| error.cognito().is_some_and(is_passing))
}
