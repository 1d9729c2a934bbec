//! One import job: made, given its file, started, looked at.

use std::fs::File;

use cognito::fetch::{self, FetchError};
use cognito::{CognitoError, ErrorKind, Operation, Pages};
use model::UserPoolId;
use serde_json::{Value, json};

use super::super::identity::Moment;
use super::{hash, is_final, text};
use crate::context::Restore;
use crate::error::RestoreError;
use crate::once::{self, Second};

/// What a job is at (facts C.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStatus {
    /// Made, not started.
    Created,
    /// Pending, in progress or stopping.
    Active,
    /// Succeeded, failed, stopped or expired.
    Ended,
}

/// A job of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: String,
    pool: String,
    pub(super) status: JobStatus,
    pub(super) created: Moment,
    /// Where the file goes. A secret: who has it can upload.
    url: String,
    pub(super) imported: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
}

/// Whether a job started.
pub(super) enum Started {
    Yes,
    /// Not at this moment, for this reason.
    No(String),
}

/// What became of a file.
pub(super) enum Taken {
    /// A job has it.
    By(Job),
    /// The pool takes files without password hashes only.
    HashesRefused(String),
    /// It can be tried again.
    NotNow(String),
    /// There will be no job.
    Never(String),
}

/// What failed: only a creation that is refused costs the job.
enum Failed {
    Creation(CognitoError),
    Look(CognitoError),
}

impl From<CognitoError> for Failed {
    fn from(error: CognitoError) -> Self {
        Failed::Creation(error)
    }
}

impl Job {
    /// Looks at a job.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when Cognito does not show it.
    pub(super) async fn describe(
        restore: &Restore<'_>,
        target: &UserPoolId,
        id: &str,
    ) -> Result<Self, RestoreError> {
        let request = json!({"UserPoolId": target.as_str(), "JobId": id});
        let operation = Operation::DescribeUserImportJob;
        let answer = restore.cognito.call(operation, &request).await?;
        Ok(Self::read(target, &answer["UserImportJob"], operation)?)
    }

    /// Sees to it that a job has the file. One that an earlier invocation started under the same
    /// name has it already; one that it only made is left to expire, with its URL.
    ///
    /// # Errors
    /// [`RestoreError`] when Cognito does not answer.
    pub(super) async fn take(
        restore: &Restore<'_>,
        target: &UserPoolId,
        name: &str,
        file: File,
        hashed: bool,
    ) -> Result<Taken, RestoreError> {
        for job in Self::named(restore, target, name).await? {
            let job = Self::read(target, &job, Operation::ListUserImportJobs)?;
            if job.status != JobStatus::Created {
                return Ok(Taken::By(job));
            }
        }
        let job = match Self::create(restore, target, name, hashed).await? {
            Ok(job) => job,
            Err(error) if hashed && error.is(ErrorKind::NotAuthorized) => {
                return Ok(Taken::Never(error.to_string()));
            }
            // Only pools on newer infrastructure take hashes; the code of the refusal is not
            // known (facts C.5).
            Err(error) if hashed => return Ok(Taken::HashesRefused(error.to_string())),
            Err(error) => return Ok(Taken::Never(error.to_string())),
        };
        match fetch::upload_csv(&job.url, file).await {
            Ok(()) => Ok(Taken::By(job)),
            Err(error @ FetchError::Address) => Ok(Taken::Never(error.to_string())),
            Err(error) => Ok(Taken::NotNow(format!("the file was not taken: {error}"))),
        }
    }

    /// Starts the job.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when Cognito does not answer.
    pub(super) async fn start(&self, restore: &Restore<'_>) -> Result<Started, RestoreError> {
        let request = json!({"UserPoolId": self.pool, "JobId": self.id});
        match restore
            .cognito
            .call(Operation::StartUserImportJob, &request)
            .await
        {
            Ok(_) => Ok(Started::Yes),
            Err(error) if error.is(ErrorKind::AnswerLost) => Ok(Started::Yes),
            // One active job for an account: which code tells so is not known (facts C.5).
            Err(error) if is_final(error.kind) => Ok(Started::No(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// The pool's jobs of this name, newest first.
    async fn named(
        restore: &Restore<'_>,
        target: &UserPoolId,
        name: &str,
    ) -> Result<Vec<Value>, CognitoError> {
        let request = json!({"UserPoolId": target.as_str()});
        let operation = Operation::ListUserImportJobs;
        let mut pages = Pages::new(restore.cognito, operation, request)?;
        let mut jobs = Vec::new();
        while let Some(page) = pages.next().await? {
            jobs.extend(page.into_iter().filter(|job| text(job, "JobName") == name));
        }
        Ok(jobs)
    }

    async fn create(
        restore: &Restore<'_>,
        target: &UserPoolId,
        name: &str,
        hashed: bool,
    ) -> Result<Result<Self, CognitoError>, RestoreError> {
        let mut request = json!({
            "UserPoolId": target.as_str(),
            "JobName": name,
            "CloudWatchLogsRoleArn": restore.settings.import_role_arn,
        });
        if hashed {
            request["PasswordHashingAlgorithm"] = hash::ALGORITHM.into();
        }
        let operation = Operation::CreateUserImportJob;
        let look = async || {
            let found = Self::named(restore, target, name).await;
            let found = found.map_err(Failed::Look)?;
            let answer = |job: Value| json!({"UserImportJob": job});
            Ok::<_, Failed>(found.into_iter().next().map(answer))
        };
        match once::create(restore, operation, &request, Second::Makes, look).await {
            Ok(answer) => Ok(Ok(Self::read(target, &answer["UserImportJob"], operation)?)),
            Err(Failed::Creation(error)) if is_final(error.kind) => Ok(Err(error)),
            Err(Failed::Creation(error) | Failed::Look(error)) => Err(error.into()),
        }
    }

    fn read(target: &UserPoolId, job: &Value, operation: Operation) -> Result<Self, CognitoError> {
        let count = |member: &str| job[member].as_u64().unwrap_or_default();
        let status = match text(job, "Status") {
            "Created" => JobStatus::Created,
            "Pending" | "InProgress" | "Stopping" => JobStatus::Active,
            "" => return Err(CognitoError::unexpected_answer(operation, "Status")),
            _ => JobStatus::Ended,
        };
        Ok(Self {
            id: text(job, "JobId").to_owned(),
            pool: target.as_str().to_owned(),
            status,
            created: Moment::read(&job["CreationDate"])
                .ok_or_else(|| CognitoError::unexpected_answer(operation, "CreationDate"))?,
            url: text(job, "PreSignedUrl").to_owned(),
            imported: count("ImportedUsers"),
            skipped: count("SkippedUsers"),
            failed: count("FailedUsers"),
        })
    }
}
