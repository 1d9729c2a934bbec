//! User import jobs: silent, not billed, and the only silent way to `RESET_REQUIRED` (facts C.5).
//!
//! One file after the other becomes a job: built from the backup, uploaded, started, and waited
//! for by the state machine. An account runs one job at a time. What a job leaves out is made by
//! calls afterwards, so nothing here can lose a user; at the worst it saves no time.

pub(super) mod csv;
mod hash;
mod job;

use cognito::{ErrorKind, Operation};
use model::UserPoolId;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ImportProgress, RestoreState};
use serde_json::{Value, json};

use self::csv::{File, Header, Put};
use self::job::{Job, JobStatus, Started, Taken};
use super::crew::Crew;
use super::decide::Way;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::StepProgress;

/// How often the state machine looks at a job. Ten million users in files of 100,000 rows, each
/// looked at for an hour, stay far below what an execution can hold.
const LOOK_AGAIN: u32 = 60;
/// How often a job is tried that does not start: other jobs of the account come first.
const MOST_ATTEMPTS: u32 = 60;

/// Works on the jobs. `None` when they are through, else how to go on.
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub(super) async fn run(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    crew: &Crew<'_>,
) -> Result<Option<StepProgress>, RestoreError> {
    let waiting = Ok(Some(StepProgress::Waiting {
        seconds: LOOK_AGAIN,
    }));
    loop {
        let mut progress = state.users.import.clone().unwrap_or_default();
        if let Some(id) = &progress.job_id {
            let job = Job::describe(restore, crew.maker.target, id).await?;
            match job.status {
                JobStatus::Active => return waiting,
                JobStatus::Ended => {
                    if end_file(&job, progress, state) {
                        return Ok(None);
                    }
                    restore.save(state).await?;
                }
                JobStatus::Created => match job.start(restore).await? {
                    Started::Yes => return waiting,
                    Started::No(reason) => {
                        progress.attempts += 1;
                        let give_up = progress.attempts >= MOST_ATTEMPTS;
                        state.users.import = Some(progress);
                        restore.save(state).await?;
                        if give_up {
                            return given_up(state, &reason);
                        }
                        return waiting;
                    }
                },
            }
            continue;
        }
        if restore.time_left().is_zero() {
            return Ok(Some(StepProgress::InProgress));
        }
        let header = header(restore, crew.maker.target).await?;
        let hashed = crew.circumstances.in_bulk && !progress.hashes_refused;
        let (file, next_offset) = build(restore, state, crew, &header, hashed).await?;
        progress.rows = file.rows();
        progress.next_offset = next_offset;
        if progress.rows == 0 {
            return Ok(None);
        }
        let name = format!("{}-{}", state.restore_id, progress.file);
        match Job::take(restore, crew.maker.target, &name, file.into_bytes(), hashed).await? {
            Taken::By(job) => {
                progress.job_id = Some(job.id.clone());
                state.users.import = Some(progress);
                restore.save(state).await?;
            }
            Taken::HashesRefused(reason) => {
                let reason = format!(
                    "the pool takes no password hashes, so passwords were set by calls: {reason}"
                );
                state.users.notes.push(note(&reason));
                progress.hashes_refused = true;
                state.users.import = Some(progress);
                restore.save(state).await?;
            }
            Taken::NotNow(reason) => {
                progress.attempts += 1;
                let give_up = progress.attempts >= MOST_ATTEMPTS;
                state.users.import = Some(progress);
                restore.save(state).await?;
                if give_up {
                    return given_up(state, &reason);
                }
                return waiting;
            }
            Taken::Never(reason) => return given_up(state, &reason),
        }
    }
}

/// The columns of a job's file.
///
/// # Errors
/// [`RestoreError::Cognito`] when they cannot be read.
pub(super) async fn header(
    restore: &Restore<'_>,
    target: &UserPoolId,
) -> Result<Header, RestoreError> {
    let request = json!({"UserPoolId": target.as_str()});
    let answer = restore
        .cognito
        .call(Operation::GetCSVHeader, &request)
        .await?;
    let columns = answer["CSVHeader"].as_array().into_iter().flatten();
    let names = columns.filter_map(|name| name.as_str().map(str::to_owned));
    Ok(Header::new(names.collect()))
}

/// Fills a file from where the state stands, and tells where the next one begins. The same
/// backup gives the same rows each time, so a file can be built again for a job that was started
/// by an invocation that died.
async fn build<'h>(
    restore: &Restore<'_>,
    state: &RestoreState,
    crew: &Crew<'_>,
    header: &'h Header,
    hashed: bool,
) -> Result<(File<'h>, Option<u64>), RestoreError> {
    let mut file = File::new(header, hashed);
    let mut users = restore.backup.users(state.users.offset).await?;
    while let Some(line) = users.next().await? {
        let Some(plan) = crew.left_to_import(&line.record) else {
            continue;
        };
        if !header.takes(&plan.attributes, crew.circumstances.pool) {
            continue;
        }
        let hash = match plan.way {
            Way::ImportConfirmed if hashed => hash::of_no_known_password()?,
            _ => String::new(),
        };
        if file.put(&plan.sign_in, &plan.attributes, &hash) == Put::Full {
            return Ok((file, Some(line.offset)));
        }
    }
    Ok((file, None))
}

/// Adds up a job that ended; true when it was the last one.
fn end_file(job: &Job, progress: ImportProgress, state: &mut RestoreState) -> bool {
    tracing::info!(
        job = job.id,
        rows = progress.rows,
        imported = job.imported,
        skipped = job.skipped,
        failed = job.failed,
        "import job ended"
    );
    state.users.offset = progress.next_offset;
    let is_last = progress.next_offset.is_none();
    state.users.import = Some(ImportProgress {
        file: progress.file + 1,
        job_id: None,
        next_offset: None,
        rows: 0,
        attempts: 0,
        imported: progress.imported + job.imported,
        not_imported: progress.not_imported + progress.rows.saturating_sub(job.imported),
        ..progress
    });
    is_last
}

/// Leaves the rest to calls.
fn given_up(state: &mut RestoreState, reason: &str) -> Result<Option<StepProgress>, RestoreError> {
    let reason = format!("users were made call by call, not by import jobs: {reason}");
    state.users.notes.push(note(&reason));
    Ok(None)
}

fn note(reason: &str) -> Finding {
    Finding::new(FindingKind::Skipped, Section::Users.member(), reason)
}

/// Whether a refusal is about the request, not about the moment.
fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Refused
            | ErrorKind::FeatureUnavailable
            | ErrorKind::Unknown
            | ErrorKind::Quota
            | ErrorKind::NotAuthorized
    )
}

/// A text member of a job.
fn text<'v>(job: &'v Value, member: &str) -> &'v str {
    job[member].as_str().unwrap_or_default()
}
