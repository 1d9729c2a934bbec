//! User import jobs: silent, not billed, and the only silent way to `RESET_REQUIRED` (facts C.5).
//!
//! One file after the other becomes a job: built from the backup, uploaded, started, and waited
//! for by the state machine. An account runs one job at a time. What a job leaves out is made by
//! calls afterwards, so nothing here can lose a user; at the worst it saves no time. By then the
//! pool has its triggers: its PreSignUp function sees these users (facts A.4).

pub(super) mod csv;
mod hash;
mod job;
mod rows;

use cognito::{ErrorKind, Operation};
use model::UserPoolId;
use model::inventory::Section;
use model::observe::{Event, ImportJob};
use model::restore::{Finding, FindingKind, ImportProgress, RestoreState};
use serde_json::{Value, json};
use vault::VaultError;

pub use self::rows::{ImportRow, ImportRows};

use self::csv::{File, Header, Put};
use self::job::{Job, JobStatus, Started, Taken};
use super::crew::Crew;
use super::decide::Way;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::step::StepProgress;

/// Between the start of a job and the first look at it, at least and at most.
const FIRST_LOOK: (u32, u32) = (3, 60);
/// So many rows delay the first look by a second. How fast jobs are is not known (facts C.5): this
/// only keeps the number of looks small where a job takes long in any case.
const ROWS_IN_A_SECOND: u64 = 500;
/// Between two attempts at a job that does not start.
const BETWEEN_ATTEMPTS: u32 = 60;
/// The longest pause between two looks.
const LONGEST_PAUSE: u32 = 3600;
/// How often a job is tried that does not start: other jobs of the account come first.
const MOST_ATTEMPTS: u32 = 60;
/// A job does not tell whom it made: those who appear while nobody else can come in are its own.
const OPEN: &str = "people can sign up in the pool by themselves, and could not be told from users that a job made";

/// How the jobs go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The next file is to be built.
    Build,
    /// Not in this invocation.
    Later(StepProgress),
    /// There is nothing more for jobs to do.
    Through,
}

/// How many seconds until a job of so many rows is looked at that was found running `looks`
/// times.
///
/// Each look makes events in the history of an execution, which holds 25,000 of them, and how
/// fast jobs are is not known. So the first look at a small job comes after seconds, that at a
/// large one after a minute, and each pause is half of the time that the job has taken so far:
/// of the large ones, a job of an hour is looked at twelve times, one of ten hours some twenty
/// times, and its end is seen half of its time later at most, or an hour.
pub fn seconds_until_look(looks: u32, rows: u64) -> u32 {
    let (least, most) = FIRST_LOOK;
    let first =
        u32::try_from(rows / ROWS_IN_A_SECOND).map_or(most, |first| first.clamp(least, most));
    let mut seconds = first;
    let mut waited = first;
    for _ in 0..looks {
        seconds = (waited / 2).clamp(first, LONGEST_PAUSE);
        waited = waited.saturating_add(seconds);
        if seconds == LONGEST_PAUSE {
            break;
        }
    }
    seconds
}

fn wait(seconds: u32) -> Next {
    Next::Later(StepProgress::Waiting { seconds })
}

fn tell(restore: &Restore<'_>, job: ImportJob) {
    restore.observer.event(Event::ImportJob { job });
}

/// Looks at the job that has the current file, if there is one.
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub(super) async fn look(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<Next, RestoreError> {
    let progress = state.users.import.clone().unwrap_or_default();
    let Some(id) = &progress.job_id else {
        return Ok(Next::Build);
    };
    let job = Job::describe(restore, restore.target(state)?, id).await?;
    match job.status {
        JobStatus::Active => {
            let rows = progress.rows;
            tell(restore, ImportJob::Running { rows });
            let looks = progress.looks + 1;
            let seconds = seconds_until_look(looks, progress.rows);
            state.users.import = Some(ImportProgress { looks, ..progress });
            restore.save(state).await?;
            Ok(wait(seconds))
        }
        JobStatus::Ended => {
            let left = progress.rows.saturating_sub(job.imported);
            let imported = job.imported;
            tell(restore, ImportJob::Ended { imported, left });
            let next = end_file(&job, progress, state);
            restore.save(state).await?;
            Ok(next)
        }
        JobStatus::Created => match job.start(restore).await? {
            Started::Yes => Ok(wait(seconds_until_look(0, progress.rows))),
            Started::No(reason) => tried_in_vain(restore, state, &reason).await,
        },
    }
}

/// Builds the next file and gives it to a job.
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub(super) async fn next_file(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    crew: &Crew<'_>,
) -> Result<Next, RestoreError> {
    if restore.stop.is_requested() {
        return Ok(Next::Later(StepProgress::InProgress));
    }
    if crew.circumstances.pool.self_sign_up {
        return Ok(given_up(state, OPEN));
    }
    let mut progress = state.users.import.clone().unwrap_or_default();
    let header = header(restore, crew.maker.target).await?;
    let hashed = crew.circumstances.in_bulk && !progress.hashes_refused;
    let (file, next_offset) = build(restore, state, crew, &header, hashed).await?;
    progress.rows = file.rows();
    progress.next_offset = next_offset;
    if progress.rows == 0 {
        return Ok(Next::Through);
    }
    let name = format!("{}-{}", state.restore_id, progress.file);
    let file = file.finish().map_err(VaultError::temporary_storage)?;
    match Job::take(restore, crew.maker.target, &name, file, hashed).await? {
        Taken::By(job) => {
            let rows = progress.rows;
            tell(restore, ImportJob::Created { rows });
            progress.began_millis.get_or_insert(job.created.0);
            progress.job_id = Some(job.id);
        }
        Taken::HashesRefused(reason) => {
            let reason = format!(
                "the pool takes no password hashes, so passwords were set by calls: {reason}"
            );
            state.users.notes.push(note(&reason));
            progress.hashes_refused = true;
        }
        Taken::NotNow(reason) => return tried_in_vain(restore, state, &reason).await,
        Taken::Never(reason) => return Ok(given_up(state, &reason)),
    }
    state.users.import = Some(progress);
    restore.save(state).await?;
    Ok(Next::Build)
}

/// Counts an attempt, and gives up after many.
async fn tried_in_vain(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    reason: &str,
) -> Result<Next, RestoreError> {
    let progress = state.users.import.get_or_insert_default();
    progress.attempts += 1;
    if progress.attempts >= MOST_ATTEMPTS {
        return Ok(given_up(state, reason));
    }
    restore.save(state).await?;
    Ok(wait(BETWEEN_ATTEMPTS))
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
    let mut file = File::new(header, hashed).map_err(VaultError::temporary_storage)?;
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
        let put = file.put(&plan.sign_in, &plan.attributes, &hash);
        if put.map_err(VaultError::temporary_storage)? == Put::Full {
            return Ok((file, Some(line.offset)));
        }
    }
    Ok((file, None))
}

/// Adds up a job that ended.
fn end_file(job: &Job, progress: ImportProgress, state: &mut RestoreState) -> Next {
    tracing::info!(
        job = job.id,
        rows = progress.rows,
        imported = job.imported,
        skipped = job.skipped,
        failed = job.failed,
        "import job ended"
    );
    state.users.offset = progress.next_offset;
    let next = match progress.next_offset {
        Some(_) => Next::Build,
        None => Next::Through,
    };
    state.users.import = Some(ImportProgress {
        file: progress.file + 1,
        job_id: None,
        next_offset: None,
        rows: 0,
        attempts: 0,
        looks: 0,
        imported: progress.imported + job.imported,
        not_imported: progress.not_imported + progress.rows.saturating_sub(job.imported),
        ..progress
    });
    next
}

/// Leaves the rest to calls.
fn given_up(state: &mut RestoreState, reason: &str) -> Next {
    let reason = format!("users were made call by call, not by import jobs: {reason}");
    state.users.notes.push(note(&reason));
    Next::Through
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

#[cfg(test)]
mod tests {
    use super::*;

    /// When the end of a job is seen that takes so long, and after how many looks.
    fn seen(rows: u64, takes: u32) -> (u32, u32) {
        let (mut waited, mut looks) = (0, 0);
        while waited < takes {
            waited += seconds_until_look(looks, rows);
            looks += 1;
        }
        (waited, looks)
    }

    #[test]
    fn the_end_of_a_small_job_is_seen_within_seconds_and_that_of_none_much_too_late() {
        assert_eq!(seen(19, 1), (3, 1));
        assert!(seen(19, 10).0 <= 13);
        for (rows, takes) in [
            (19, 60),
            (600, 60),
            (25_000, 90),
            (500_000, 3600),
            (19, 36_000),
        ] {
            let (waited, looks) = seen(rows, takes);
            assert!(waited <= takes + takes / 2 + 60, "{rows} {takes}: {waited}");
            assert!(looks <= 30, "{rows} {takes}: {looks}");
        }
    }

    #[test]
    fn the_first_look_at_a_large_job_comes_after_a_minute() {
        assert_eq!(seconds_until_look(0, 100_000), 60);
        assert_eq!(seconds_until_look(0, u64::MAX), 60);
    }
}
