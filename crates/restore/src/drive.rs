//! What drives a restore from its beginning to its report, for whoever calls it: a state machine
//! that gives it one invocation after the other, or a command that stays with it.
//!
//! ```text
//! to_the_end      calls, waits and calls again until there is a report
//!   next          restore -> verify -> report, as far as one invocation comes; a rehearsal
//!                 removes its pool before it reports
//! ```
//!
//! What comes next is remembered in the restore's state, not by the caller: any caller may die
//! at any time, and the next one calls [`next`] as well.

use std::time::Duration;

use cognito::Stop;
use jiff::Timestamp;
use model::RestoreId;
use model::observe::{Activity, Ending, Event, WaitReason};
use model::request::{BadRequest, PassedOver, RestoreOptions, Selection, UsersFrom};
use model::restore::{ChosenBackup, FindingCounts, Report, RestoreState, Step};
use tokio::time::Instant;
use vault::Backup;

use crate::context::{Clients, Existing, Restore, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::plan::{self, PlanProgress};
use crate::rehearsal;
use crate::report;
use crate::resume;
use crate::translate::Translations;
use crate::verify::{self, VerifyOutcome};

/// The object that keeps which users are selected, below the restore's folder.
const SELECTION: &str = "selection.txt";

/// How often [`to_the_end`] calls again in all when a service does not answer: together for over
/// an hour, as the state machine does.
const RETRIES: u32 = 20;
/// The first pause before such a call, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// One restore, as it was asked for: the same for each call.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its id, under which its state is remembered.
    pub restore_id: &'a RestoreId,
    /// Who calls: the execution of a state machine, the process of a command. Whoever comes to a
    /// restore that another one brought to its report resumes it.
    pub driver: Option<&'a str>,
    /// How it is to be done. What it was begun with stays with it.
    pub options: &'a RestoreOptions,
    /// Newer backups that were not taken.
    pub passed_over: &'a [PassedOver],
    /// The operator's map, in place of the one in the workspace.
    pub map: Option<&'a [u8]>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The same call again, at once.
    GoOn,
    /// The same call again, after a while.
    Wait {
        /// How long, in seconds.
        seconds: u32,
        /// What for.
        reason: WaitReason,
    },
    /// Nothing: this is the report. The same call again gives it again.
    Done(Box<Report>),
}

/// What one invocation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What comes next.
    pub next: Next,
    /// What the restore is at, for whoever watches.
    pub at: &'static str,
    /// What it remembers now.
    pub state: RestoreState,
}

/// Goes on with a restore, or begins it, until it is done, has to wait or is to stop.
///
/// # Errors
/// [`RestoreError`]. One that is [worth retrying](model::Failure::is_worth_retrying) may be met by
/// the same call again.
pub async fn next(
    clients: &Clients,
    settings: &RestoreSettings,
    order: &Order<'_>,
    backup: &Backup,
    stop: Stop,
) -> Result<Invocation, RestoreError> {
    let (folder, remembered) = Folder::open(&clients.workspace, order.restore_id).await?;
    let mut state = match remembered {
        Some(state) => checked(state, backup)?,
        None => {
            order.options.check_with(order.restore_id)?;
            begin(order, backup)
        }
    };
    if !state.options.without_secrets && state.options.verify.is_none() {
        RestoreError::unless_decrypted(backup)?;
    }
    let translations = translations(clients, settings, order.map).await?;
    let restore = Restore {
        cognito: &clients.cognito,
        waf: &clients.waf,
        lambda: &clients.lambda,
        workspace: &clients.workspace,
        folder: &folder,
        backup,
        settings,
        translations: &translations,
        existing: Existing::Stays,
        observer: &*clients.observer,
        stop,
    };
    if state.reported.is_none() {
        state.driver = order.driver.map(str::to_owned);
    }
    folder.claim(&mut state).await?;
    if let Some(Selection::UsersFrom(from)) = &mut state.options.select {
        read_selection(clients, &folder, from).await?;
    }
    if let Some(rehearsal) = &mut state.options.rehearsal {
        rehearsal.draw(&state.restore_id, backup.trailer.users);
    }
    if state.reported.is_some()
        && state.options.rehearsal.is_none()
        && (order.driver.is_none() || state.driver.as_deref() != order.driver)
    {
        resume::begin_again(&restore, &mut state, order.driver).await?;
    }
    let (next, at) = go_on(&restore, &mut state).await?;
    Ok(Invocation { next, at, state })
}

/// Restore, verify, report: what is not done yet, one of them at a time.
async fn go_on(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(Next, &'static str), RestoreError> {
    let was_restored = state.ended.is_some();
    match Box::pin(plan::go_on(restore, state)).await? {
        PlanProgress::InProgress(step) => return Ok((Next::GoOn, step.name())),
        PlanProgress::Waiting { step, seconds } => {
            let reason = match step {
                Step::Users => WaitReason::ImportJob,
                _ => WaitReason::Settling,
            };
            return Ok((Next::Wait { seconds, reason }, step.name()));
        }
        PlanProgress::Done if !was_restored => return Ok((Next::GoOn, "verify")),
        PlanProgress::Done => {}
    }
    let was_compared = state.verification.is_some();
    match Box::pin(verify::verify(restore, state)).await? {
        VerifyOutcome::InProgress => return Ok((Next::GoOn, "verify")),
        VerifyOutcome::Waiting { seconds } => {
            let reason = WaitReason::Settling;
            return Ok((Next::Wait { seconds, reason }, "verify"));
        }
        VerifyOutcome::Done if !was_compared && state.verification.is_some() => {
            return Ok((Next::GoOn, "report"));
        }
        VerifyOutcome::Done => {}
    }
    if state.options.rehearsal.is_some() && state.removed.is_none() {
        remove_scratch_pool(restore, state).await?;
        return Ok((Next::GoOn, "report"));
    }
    let activity = Activity::Report;
    restore.observer.event(Event::Began { activity });
    let report = report::report(restore, state, None).await?;
    // Last: a death before it is one before the whole.
    state.reported = Some(Timestamp::now());
    restore.save(state).await?;
    done(restore, Activity::Report, report.manual_steps.len() as u64);
    Ok((Next::Done(Box::new(report)), "report"))
}

/// The last step of a rehearsal; whatever ends one without it makes up for it
/// ([`report_failure`](crate::run), [`rehearsal::sweep`]).
async fn remove_scratch_pool(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<(), RestoreError> {
    let activity = Activity::Removal;
    restore.observer.event(Event::Began { activity });
    let known = state.new_user_pool_id.as_ref();
    rehearsal::remove_pools_of(restore.cognito, &state.restore_id, known).await?;
    state.removed = Some(Timestamp::now());
    restore.save(state).await?;
    done(restore, Activity::Removal, 0);
    Ok(())
}

fn done(restore: &Restore<'_>, activity: Activity, manual_steps: u64) {
    restore.observer.event(Event::Ended {
        activity,
        ending: Ending::Done,
        findings: FindingCounts::default(),
        manual_steps,
    });
}

/// Drives a restore to its report; `None` when `stop` came first, with everything saved.
///
/// What a service that does not answer costs is waited out, for over an hour.
///
/// # Errors
/// [`RestoreError`] that ends the restore for now: the same call goes on when its cause is
/// mended.
pub async fn to_the_end(
    clients: &Clients,
    settings: &RestoreSettings,
    order: &Order<'_>,
    backup: &Backup,
    stop: &Stop,
) -> Result<Option<Box<Report>>, RestoreError> {
    let invoke = async || {
        let invocation = next(clients, settings, order, backup, stop.clone()).await?;
        Ok(invocation.next)
    };
    let wait = async |time: Duration, reason| {
        let until = Timestamp::now().checked_add(time).ok();
        if !time.is_zero() {
            clients.observer.event(Event::Waiting { reason, until });
        }
        stop.sleep(time).await
    };
    repeat(invoke, wait).await
}

/// The loop of [`to_the_end`] over any invocation and any way to wait, which says whether there
/// is to be another invocation. One that says [`Next::GoOn`] is waited for no time.
///
/// # Errors
/// Those of `invoke` that are not worth retrying, or not any more.
pub async fn repeat(
    mut invoke: impl AsyncFnMut() -> Result<Next, RestoreError>,
    mut wait: impl AsyncFnMut(Duration, WaitReason) -> bool,
) -> Result<Option<Box<Report>>, RestoreError> {
    let (shortest, longest) = PAUSES;
    let (mut failures, mut pause) = (0, shortest);
    loop {
        let began = Instant::now();
        let result = invoke().await;
        if result.is_ok() || began.elapsed() > longest {
            (failures, pause) = (0, shortest);
        }
        let (time, reason) = match result {
            Ok(Next::Done(report)) => return Ok(Some(report)),
            Ok(Next::GoOn) => (Duration::ZERO, WaitReason::Settling),
            Ok(Next::Wait { seconds, reason }) => (Duration::from_secs(seconds.into()), reason),
            Err(error) if failures < RETRIES && error.failure().is_worth_retrying() => {
                tracing::warn!(%error, failures, "calling again");
                failures += 1;
                let time = pause;
                pause = (pause * 2).min(longest);
                (time, WaitReason::Unavailable)
            }
            Err(error) => return Err(error),
        };
        if !wait(time, reason).await {
            return Ok(None);
        }
    }
}

/// A restore belongs to one backup for its whole life, and a rehearsal that failed is over: its
/// pool is removed.
fn checked(state: RestoreState, backup: &Backup) -> Result<RestoreState, RestoreError> {
    let is_over = state.reported.is_some() && state.verification.is_none();
    if state.options.rehearsal.is_some() && is_over {
        return Err(RestoreError::RehearsalOver(state.restore_id));
    }
    let same_version = state.version_id.is_none() || state.version_id == backup.version_id;
    if state.s3_key == backup.name && same_version {
        return Ok(state);
    }
    Err(RestoreError::OtherBackup {
        restore_id: state.restore_id,
        known: Box::new(state.s3_key),
        asked: Box::new(backup.name.clone()),
    })
}

fn begin(order: &Order<'_>, backup: &Backup) -> RestoreState {
    RestoreState {
        version_id: backup.version_id.clone(),
        backup: Some(chosen(backup, order.passed_over)),
        ..RestoreState::new(
            order.restore_id.clone(),
            backup.head.user_pool_id.clone(),
            backup.name.clone(),
            order.options.clone(),
            Timestamp::now(),
        )
    }
}

/// What a report says of the backup.
pub(crate) fn chosen(backup: &Backup, passed_over: &[PassedOver]) -> ChosenBackup {
    let ended = backup.trailer.reading_ended;
    let age = Timestamp::now().duration_since(ended).as_secs();
    ChosenBackup {
        began: backup.head.timestamp,
        ended,
        ended_by: backup.ended_by(),
        age_seconds: u64::try_from(age).unwrap_or(0),
        passed_over: passed_over.to_vec(),
        unknown_sections: backup.head.unknown_sections(),
    }
}

/// Reads which users are selected. What the restore was begun with stays with it: the object may
/// be another one at the next invocation.
async fn read_selection(
    clients: &Clients,
    folder: &Folder<'_>,
    from: &mut UsersFrom,
) -> Result<(), RestoreError> {
    let own = folder.key(SELECTION);
    let content = match folder.read(&own).await? {
        Some(content) => content,
        None => {
            let (workspace, key) = (&clients.workspace, from.key());
            let content = workspace.read(key).await?.ok_or_else(|| {
                let problem = format!("there is no object {}", workspace.address(key));
                BadRequest::member("select.users_from", problem)
            })?;
            folder.write(&own, "text/plain", content.clone()).await?;
            content
        }
    };
    Ok(from.read(&content)?)
}

/// The operator's map; none is an empty one.
pub(crate) async fn translations(
    clients: &Clients,
    settings: &RestoreSettings,
    map: Option<&[u8]>,
) -> Result<Translations, RestoreError> {
    let map = match map {
        Some(map) => Some(map.to_vec()),
        None => clients.workspace.read(Translations::KEY).await?,
    };
    match map {
        None => Ok(Translations::default()),
        Some(bytes) => Translations::parse(&bytes, &settings.region).map_err(|problems| {
            RestoreError::Translations {
                key: Translations::KEY.to_owned(),
                problems: problems.join("; "),
            }
        }),
    }
}
