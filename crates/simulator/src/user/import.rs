//! User import jobs: states, counters, the file's upload (facts C.5).

use std::cell::RefCell;

use bytes::Bytes;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::call::{Answer, Call, Document, Effects};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{Pool, State, Sub, Time, random_id};
use crate::user::import_file::{self, HashAlgorithm, ImportFile, RowResult};
use crate::user::page_token::Tokens;

/// The presigned URL is good for 15 minutes (facts C.5).
const UPLOAD_MILLIS: u64 = 15 * 60 * 1000;
/// A job that is not started expires after 24 to 48 hours (facts C.5); here after the first.
const EXPIRY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// A job goes one state further when it is described, or when so much time has passed: how long the service takes is
/// not documented \[UNV\].
const STAGE_MILLIS: u64 = 60 * 1000;
/// Import jobs of one pool (facts E).
const MAX_JOBS: usize = 1_000;
/// Rows of a job are worked through in this many stages, so that progress can be seen.
const STAGES: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Status {
    #[default]
    Created,
    Pending,
    InProgress,
    Stopping,
    Stopped,
    Succeeded,
    Failed,
    Expired,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Expired => "Expired",
        }
    }
}

/// A user import job.
#[derive(Debug, Default)]
pub(crate) struct ImportJob {
    id: String,
    name: String,
    role_arn: String,
    algorithm: Option<HashAlgorithm>,
    status: Status,
    created: Time,
    started: Option<Time>,
    completed: Option<Time>,
    upload_token: String,
    presigned_url: String,
    upload: Option<Bytes>,
    file: ImportFile,
    next_row: usize,
    imported: u64,
    skipped: u64,
    failed: u64,
    message: Option<String>,
    stage_since: Time,
}

impl ImportJob {
    /// Pending, running or stopping.
    pub(crate) fn is_active(&self) -> bool {
        matches!(
            self.status,
            Status::Pending | Status::InProgress | Status::Stopping
        )
    }

    /// `UserImportJobType`.
    fn view(&self, pool_id: &str) -> Value {
        let mut view = Document::new();
        let mut put = |member: &str, value: Value| {
            if !value.is_null() {
                view.insert(member.to_owned(), value);
            }
        };
        put("JobName", json!(self.name));
        put("JobId", json!(self.id));
        put("UserPoolId", json!(pool_id));
        put("PreSignedUrl", json!(self.presigned_url));
        put("CreationDate", self.created.into());
        put("StartDate", self.started.map_or(Value::Null, Into::into));
        put(
            "CompletionDate",
            self.completed.map_or(Value::Null, Into::into),
        );
        put("Status", json!(self.status.as_str()));
        put("CloudWatchLogsRoleArn", json!(self.role_arn));
        put("ImportedUsers", json!(self.imported));
        put("SkippedUsers", json!(self.skipped));
        put("FailedUsers", json!(self.failed));
        put("CompletionMessage", json!(self.message));
        put("PasswordHashingAlgorithm", json!(self.algorithm));
        Value::Object(view)
    }

    fn finish(&mut self, status: Status, message: &str, now: Time) {
        self.status = status;
        self.completed = Some(now);
        self.message = Some(message.to_owned());
        self.file = ImportFile::default();
    }

    /// One state further.
    fn step(&mut self, pool: &mut Pool, rng: &mut StdRng, now: Time, effects: &RefCell<Effects>) {
        self.stage_since = now;
        match self.status {
            Status::Pending => {
                self.status = Status::InProgress;
                self.work(pool, rng, now, self.file.len().div_ceil(STAGES), effects);
            }
            Status::InProgress => {
                self.work(pool, rng, now, self.file.len(), effects);
                if self.imported == 0 && self.file.len() > 0 {
                    // The text is quoted from the service (facts C.5 \[ISSUE\]); from which share on it fails is not known.
                    let message = "Too many users have failed or been skipped during the import.";
                    self.finish(Status::Failed, message, now);
                } else {
                    self.finish(Status::Succeeded, "Import Job Completed Successfully.", now);
                }
            }
            Status::Stopping => self.finish(
                Status::Stopped,
                "The Import Job was stopped by the developer.",
                now,
            ),
            _ => {}
        }
    }

    fn work(
        &mut self,
        pool: &mut Pool,
        rng: &mut StdRng,
        now: Time,
        until: usize,
        effects: &RefCell<Effects>,
    ) {
        let (columns, rows) = (self.file.columns(), self.file.rows(self.next_row..until));
        for (line, row) in rows {
            let result =
                import_file::user_of_row(pool, columns, self.algorithm, row, Sub::random(rng), now);
            effects
                .borrow_mut()
                .import_log
                .push((self.id.clone(), import_file::log_line(&result, *line)));
            match result {
                RowResult::Imported(user) => {
                    // No message, no trigger, nobody becomes billable (facts C.5, E).
                    pool.users.insert(*user);
                    self.imported += 1;
                }
                RowResult::Skipped => self.skipped += 1,
                RowResult::Failed(_) => self.failed += 1,
            }
        }
        self.next_row = until;
    }
}

/// Lets time do its work on a pool's jobs.
fn advance(pool: &mut Pool, rng: &mut StdRng, now: Time, effects: &RefCell<Effects>) {
    for index in 0..pool.import_jobs.len() {
        let job = &mut pool.import_jobs[index];
        if job.status == Status::Created && now > job.created.plus_millis(EXPIRY_MILLIS) {
            job.status = Status::Expired;
        }
        while pool.import_jobs[index].is_active()
            && now
                >= pool.import_jobs[index]
                    .stage_since
                    .plus_millis(STAGE_MILLIS)
        {
            step(pool, index, rng, now, effects);
        }
    }
}

fn step(pool: &mut Pool, index: usize, rng: &mut StdRng, now: Time, effects: &RefCell<Effects>) {
    let mut job = std::mem::take(&mut pool.import_jobs[index]);
    // Stages that time passed by come one after the other.
    let since = job.stage_since;
    job.step(pool, rng, now, effects);
    if now >= since.plus_millis(STAGE_MILLIS) {
        job.stage_since = since.plus_millis(STAGE_MILLIS);
    }
    pool.import_jobs[index] = job;
}

/// Lets time do its work on all jobs; called before every operation, so that a job ends unwatched.
pub(crate) fn advance_all(state: &mut State, now: Time, effects: &RefCell<Effects>) {
    if !state.regions().any(|(_, _, region)| {
        region
            .pools
            .values()
            .any(|pool| !pool.import_jobs.is_empty())
    }) {
        return;
    }
    let mut rng = std::mem::replace(&mut state.rng, rand::SeedableRng::seed_from_u64(0));
    for (_, _, region) in state.regions_mut() {
        for pool in region
            .pools
            .values_mut()
            .filter(|pool| !pool.import_jobs.is_empty())
        {
            advance(pool, &mut rng, now, effects);
        }
    }
    state.rng = rng;
}

pub(crate) fn csv_header(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    Ok(json!({"UserPoolId": pool.id, "CSVHeader": import_file::header(pool)}).into())
}

pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    // With which condition key the role is checked is not recorded (facts 0.1).
    access::may_pass_role(call, state, call.required("CloudWatchLogsRoleArn")?, true)?;
    let (pool, rng) = access::writable_and_rng(call, state)?;
    if pool.import_jobs.len() >= MAX_JOBS {
        return Err(ServiceError::limit_exceeded(
            "The user pool has reached the limit of user import jobs.",
        ));
    }
    let role_arn = call.required("CloudWatchLogsRoleArn")?;
    if role_arn.split(':').nth(4) != Some(pool.account.as_str()) {
        // As for the other roles that are passed (facts A.5, A.9); for this one \[INF\].
        return Err(ServiceError::invalid_parameter(
            "Cross-account pass role is not allowed.",
        ));
    }
    let id = format!(
        "import-{}",
        random_id(
            rng,
            10,
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        )
    );
    let upload_token = random_id(rng, 64, b"0123456789abcdef");
    let presigned_url = format!(
        "{}/_simulator/import/{}/{id}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900\
         &X-Amz-SignedHeaders=host%3Bx-amz-server-side-encryption&X-Amz-Signature={upload_token}",
        call.base_url, pool.id
    );
    let job = ImportJob {
        id,
        name: call.required("JobName")?.to_owned(),
        role_arn: role_arn.to_owned(),
        algorithm: call
            .request
            .get("PasswordHashingAlgorithm")
            .and_then(|value| serde_json::from_value(value.clone()).ok()),
        created: call.now,
        stage_since: call.now,
        upload_token,
        presigned_url,
        ..ImportJob::default()
    };
    let answer = json!({"UserImportJob": job.view(&pool.id)});
    pool.import_jobs.push(job);
    Ok(answer.into())
}

/// Takes the file of a job by its presigned URL. `Err` is S3's error code.
pub(crate) fn upload(
    state: &mut State,
    now: Time,
    pool: &str,
    job: &str,
    token: &str,
    encryption: Option<&str>,
    body: &Bytes,
) -> Result<(), &'static str> {
    let job = state
        .regions_mut()
        .find_map(|(_, _, region)| region.pools.get_mut(pool))
        .and_then(|pool| {
            pool.import_jobs
                .iter_mut()
                .find(|candidate| candidate.id == job)
        })
        .ok_or("NoSuchKey")?;
    if token != job.upload_token {
        return Err("SignatureDoesNotMatch");
    }
    if now > job.created.plus_millis(UPLOAD_MILLIS) {
        return Err("AccessDenied");
    }
    // The header is among the signed ones (facts C.5).
    if encryption != Some("aws:kms") {
        return Err("SignatureDoesNotMatch");
    }
    job.upload = Some(body.clone());
    Ok(())
}

/// The job that a call names.
fn find(pool: &Pool, call: &Call<'_>) -> Result<usize, ServiceError> {
    let id = call.required("JobId")?;
    pool.import_jobs
        .iter()
        .position(|job| job.id == id)
        .ok_or_else(|| {
            ServiceError::resource_not_found(format!("User import job {id} does not exist."))
        })
}

/// Codes and texts of the refusals are \[UNV\]; that a pool without auto-verified attributes and a second job are
/// refused is documented (facts C.5).
pub(crate) fn start(call: &Call<'_>, state: &mut State) -> Answer {
    let busy = state
        .region(call.account, call.region)
        .pools
        .values()
        .any(Pool::import_in_progress);
    let pool = access::writable(call, state)?;
    let index = find(pool, call)?;
    let refuse = |message: &str| Err(ServiceError::precondition_not_met(message));
    if pool.import_jobs[index].status != Status::Created {
        return refuse("The user import job cannot be started in its current state.");
    }
    if busy {
        return refuse("Another user import job of this account is active.");
    }
    if pool.setting_names("AutoVerifiedAttributes").is_empty() {
        return refuse("The user pool has no auto-verified attributes.");
    }
    let Some(upload) = pool.import_jobs[index].upload.take() else {
        return refuse("The CSV file of the user import job has not been uploaded.");
    };
    let algorithm = pool.import_jobs[index].algorithm;
    let file = ImportFile::read(&upload, pool, algorithm);
    let job = &mut pool.import_jobs[index];
    job.started = Some(call.now);
    job.stage_since = call.now;
    match file {
        Ok(file) => {
            job.file = file;
            job.status = Status::Pending;
        }
        Err(reason) => job.finish(Status::Failed, reason, call.now),
    }
    Ok(json!({"UserImportJob": job.view(&pool.id)}).into())
}

/// Describing a job lets it go one state further, after this answer.
pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let (pool, rng) = state.pool_and_rng(call)?;
    let index = find(pool, call)?;
    let answer = json!({"UserImportJob": pool.import_jobs[index].view(&pool.id)});
    if pool.import_jobs[index].is_active() {
        step(pool, index, rng, call.now, call.effects);
    }
    Ok(answer.into())
}

pub(crate) fn stop(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let index = find(pool, call)?;
    let job = &mut pool.import_jobs[index];
    match job.status {
        Status::Pending | Status::InProgress => {
            job.status = Status::Stopping;
            job.stage_since = call.now;
        }
        Status::Created => job.finish(
            Status::Stopped,
            "The Import Job was stopped by the developer.",
            call.now,
        ),
        _ => {
            return Err(ServiceError::precondition_not_met(
                "The user import job cannot be stopped in its current state.",
            ));
        }
    }
    Ok(json!({"UserImportJob": job.view(&pool.id)}).into())
}

/// Newest first.
pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let key = state.token_key;
    let pool = state.pool(call)?;
    let limit = call
        .integer("MaxResults")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(60);
    let tokens = Tokens {
        key: &key,
        list: &["ListUserImportJobs", &pool.id],
    };
    let end = match call.text("PaginationToken") {
        None => pool.import_jobs.len(),
        Some(token) => {
            let position = tokens.redeem(token, call.now)?;
            let last = pool
                .import_jobs
                .iter()
                .position(|job| job.id.as_bytes() == position);
            last.ok_or_else(|| ServiceError::invalid_parameter("Invalid pagination token."))?
        }
    };
    let first = end.saturating_sub(limit);
    let jobs: Vec<Value> = pool.import_jobs[first..end]
        .iter()
        .rev()
        .map(|job| job.view(&pool.id))
        .collect();
    let mut answer = json!({"UserImportJobs": jobs});
    if first > 0 {
        answer["PaginationToken"] =
            json!(tokens.issue(pool.import_jobs[first].id.as_bytes(), call.now));
    }
    Ok(answer.into())
}
